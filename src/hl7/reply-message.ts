import { isAccept, isRefusal, isReject } from './acknowledgement-codes.ts'
import { unframe } from './framing.ts'
import { parsePath } from './path.ts'
import { readSeparators, Segments, type Segment } from './segments.ts'

/** The HL7 text of a reply: unframed, without blank lines, each segment ending in one CR. */
export class ReplyMessage extends Segments {
  /** `null`: not searched for yet. */
  #msa: Segment | undefined | null = null

  /** The MSA that counts: the first of the worst (R, then E, then any other, then A). */
  get msa(): Segment | undefined {
    if (this.#msa === null) this.#msa = this.#worst()
    return this.#msa
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

/**
 * Reads text as HL7.
 *
 * @returns null if, after framing and blanks, the text does not start with MSH, FHS or BHS, or is
 * prose that starts like one. A reply that is only an MSA, which does occur, is read with the usual
 * separators.
 */
export function readReplyMessage(text: string): ReplyMessage | null {
  if (!beginsLikeHl7(text)) return null
  const unframed = unframe(withoutZeros(text), 'dropped').trimStart()
  const first = unframed.slice(0, unframed.indexOf('\r'))
  const reply = new ReplyMessage(unframed)
  const header = readSeparators(first)
  if (header?.certain || first.startsWith('MSA|')) return reply
  // Such as an MSH-2 escaped for HTML. Prose has no MSA.
  return header?.field === '|' && reply.msa !== undefined ? reply : null
}

/** Programs in C send the zero behind a text, or their whole buffer. */
function withoutZeros(text: string): string {
  let end = text.length
  while (text.charCodeAt(end - 1) === 0) end--
  return text.slice(0, end)
}

/**
 * A quick check of the beginning of a text, or of bytes as ISO-8859-1, perhaps in UTF-16: after
 * blanks, framing and a byte order mark. Large pages and most texts are something else.
 */
export function beginsLikeHl7(text: string): boolean {
  return /^[^!-~]*(?:M\W?S\W?[HA]|[FB]\W?H\W?S)/.test(text)
}

const msaCode = parsePath('MSA-1')
const msaControlId = parsePath('MSA-2')

/** What an MSA is about: MSA-2, and its first component alone; none if it is blank. */
export function subjectsOf(msa: Segment): string[] {
  const ids = [msa.bareText(2), msa.bareValue(msaControlId)]
  return [...new Set(ids)].filter((id) => id !== '')
}

/** Whether an MSA is about one of these messages: MSA-2, or its first component, is one of their control IDs. */
export function isAbout(msa: Segment, controlIds: ReadonlySet<string>): boolean {
  return subjectsOf(msa).some((id) => controlIds.has(id))
}

/** How much milder than a reject an acknowledgement's code is: error, any other code, accept. */
function mildnessOf(code: string): number {
  if (isReject(code)) return 0
  if (isRefusal(code)) return 1
  return isAccept(code) ? 3 : 2
}
