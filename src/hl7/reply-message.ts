import { unframe } from './framing.ts'
import { parsePath } from './path.ts'
import { isHeader, readSeparators, Segments, type Segment } from './segments.ts'

/** The HL7 text of a reply. */
export interface ReplyMessage {
  /** Unframed, without blank lines, each segment ending in one CR. */
  readonly text: string
  /** The MSA that counts: the first of the worst (R, then E, then any other, then A). */
  readonly msa: Segment | undefined
  /** The first segment of that name. */
  first(name: string): Segment | undefined
  /**
   * Visits every segment with one of the names, in order, each with the separators of its own
   * message.
   *
   * @param visit returns `false` to stop
   */
  each(names: readonly string[], visit: (segment: Segment) => unknown): void
}

/**
 * Reads text as HL7.
 *
 * @returns null if, after framing and blanks, the text does not start with MSH, FHS or BHS, or is
 * prose that starts like one. A reply that is only an MSA, which does occur, is read with the usual
 * separators.
 */
export function readReplyMessage(text: string): ReplyMessage | null {
  if (!beginsLikeHl7(text)) return null
  const unframed = unframe(text, 'dropped').trimStart()
  const first = unframed.slice(0, unframed.indexOf('\r'))
  const reply = new Reply(unframed)
  const header = readSeparators(first)
  if (header?.certain || first.startsWith('MSA|')) return reply
  // Such as an MSH-2 escaped for HTML. Prose has no MSA.
  return header?.field === '|' && reply.msa !== undefined ? reply : null
}

/**
 * A quick check of the beginning, after blanks, framing, other control characters and a byte order
 * mark: large pages and most texts are something else.
 */
export function beginsLikeHl7(text: string): boolean {
  let at = 0
  while (isBeforeHl7(text.charCodeAt(at))) at++
  return isHeader(text.slice(at, at + 3)) || text.startsWith('MSA', at)
}

function isBeforeHl7(code: number): boolean {
  return code <= 0x20 || code === 0xa0 || code === 0xfeff
}

class Reply implements ReplyMessage {
  readonly text: string
  readonly #segments: Segments
  /** `null`: not searched for yet. */
  #msa: Segment | undefined | null = null

  constructor(text: string) {
    this.text = text
    this.#segments = new Segments(text)
  }

  get msa(): Segment | undefined {
    if (this.#msa === null) this.#msa = this.#worst()
    return this.#msa
  }

  first(name: string): Segment | undefined {
    let first: Segment | undefined
    this.each([name], (segment) => {
      first = segment
      return false
    })
    return first
  }

  each(names: readonly string[], visit: (segment: Segment) => unknown): void {
    this.#segments.each(names, visit)
  }

  #worst(): Segment | undefined {
    let worst: Segment | undefined
    let mildness = Infinity
    this.each(['MSA'], (msa) => {
      const itsMildness = mildnessOf(msa.value(msaCode))
      if (itsMildness < mildness) {
        worst = msa
        mildness = itsMildness
      }
      return mildness > 0
    })
    return worst
  }
}

const msaCode = parsePath('MSA-1')

/** How much milder than a reject an acknowledgement's code is: error, any other code, accept. */
function mildnessOf(code: string): number {
  if (code === 'AR' || code === 'CR') return 0
  if (code === 'AE' || code === 'CE') return 1
  return isAccept(code) ? 3 : 2
}

/** Whether MSA-1 says that the message was accepted. */
export function isAccept(code: string): boolean {
  return code === 'AA' || code === 'CA'
}
