import { unframe } from './framing.ts'
import type { Hl7Path } from './path.ts'
import { declaresSeparators, isHeader, Segments, type Segment } from './segments.ts'

/** The HL7 text of a reply. */
export interface ReplyMessage {
  /** Unframed, without blank lines, each segment ended by one CR. */
  readonly text: string
  /**
   * The segments of that name, in order, each with the separators of its own message: every MSA, of
   * others at most 100,000.
   */
  segments(name: string): readonly Segment[]
  /**
   * The values at a path, unescaped: of every segment of that name (unless the path names one) every
   * repetition (unless it names one), the first component (unless it names another). `''` stands for
   * what is absent in a segment that is there; no segment, no value.
   */
  values(path: Hl7Path): string[]
}

/** A reply has to be read in bounded time and memory. */
export const maxSegments = 100_000

/**
 * Reads text as HL7.
 *
 * @returns null when, after framing and blanks, no MSH, FHS or BHS stands at the start, or only words
 * that begin like one. A reply that is an MSA alone, which is seen, counts too: it is read with the
 * usual separators.
 */
export function readReplyMessage(text: string): ReplyMessage | null {
  if (!startsLikeHl7(text)) return null
  const unframed = unframe(text, 'dropped').trimStart()
  const first = unframed.slice(0, unframed.indexOf('\r'))
  const reply = new Reply(unframed)
  if (declaresSeparators(first) || first.startsWith('MSA|')) return reply
  // Such as an MSH-2 that was escaped for HTML. Prose has no MSA.
  const odd = isHeader(first.slice(0, 3)) && first[3] === '|'
  return odd && reply.segments('MSA').length > 0 ? reply : null
}

/** A look at the first letter, so that a large page of something else is not searched for lines. */
function startsLikeHl7(text: string): boolean {
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code > 0x20 && code !== 0xfeff && code !== 0xa0) {
      return code === 0x4d || code === 0x46 || code === 0x42
    }
  }
  return false
}

class Reply implements ReplyMessage {
  readonly text: string
  readonly #segments: Segments

  constructor(text: string) {
    this.text = text
    this.#segments = new Segments(text)
  }

  segments(name: string): readonly Segment[] {
    // Of a large batch the last message may be the one that was refused.
    return this.#segments.named(name, name === 'MSA' ? Infinity : maxSegments)
  }

  values(path: Hl7Path): string[] {
    const named = this.segments(path.segment)
    if (path.occurrence === undefined) return named.flatMap((segment) => segment.values(path))
    return named[path.occurrence - 1]?.values(path) ?? []
  }
}
