import { parsePath } from './path.ts'
import { isAbout, ReplyMessage } from './reply-message.ts'
import { Segments, type Segment } from './segments.ts'

/** What was sent, as far as an echo is told by it. */
export interface Quotable {
  readonly text: string
  readonly controlIds: readonly string[]
  /** Searched first, because the text of a Buffer is decoded only when it is needed. */
  readonly bytes: { includes(text: string): boolean }
  readonly charset: string
}

const msaCode = parsePath('MSA-1')

/** Before each header or trailer that begins or ends a message. */
const boundary = /(?<=\r)(?=[ \t]*(?:MSH|[FB][HT]S))/

/**
 * A reply without what it quotes of the message that was sent. A query response has an MSA of its own, often with AA:
 * a receiver that refuses it and quotes it has not accepted it.
 *
 * @returns null if nothing but an echo is acknowledged
 */
export function withoutEcho(reply: ReplyMessage, sent: Quotable): ReplyMessage | null {
  if (reply.msa === undefined || !mayAcknowledge(sent)) return reply
  const quotable = sent.text.split(boundary).flatMap(acknowledgementsIn)
  if (quotable.length === 0) return reply
  const quoted = new Quoted(quotable, sent.controlIds)
  const parts = reply.text.split(boundary)
  const rest = parts.filter((part) => {
    const theirs = acknowledgementsIn(part)
    return theirs.length === 0 || !theirs.every((one) => quoted.includes(one))
  })
  if (rest.length === parts.length) return reply
  const left = new ReplyMessage(rest.join(''))
  return left.msa === undefined ? null : left
}

/** Decodes nothing: most messages have no MSA. */
function mayAcknowledge({ bytes, charset }: Quotable): boolean {
  return charset.startsWith('utf-16') || bytes.includes('MSA')
}

/** What an MSA says, and of which message it is. */
interface Acknowledged {
  /** MSH-9 and MSH-10; undefined if no MSH stands before it. */
  header: readonly string[] | undefined
  /** MSA-1. */
  code: string
  /** MSA-2. */
  id: string
  msa: Segment
}

/**
 * Tells an echo of what was sent from an acknowledgement, which may copy MSH-9 and MSH-10 or have the same MSA, but
 * not both. JSON and XML may quote each segment as a text of its own; and a quote may be cut off within its MSA, whose
 * control ID is then none that was sent.
 */
class Quoted {
  readonly #keys: ReadonlySet<string>
  readonly #sentIds: ReadonlySet<string>

  constructor(quotable: readonly Acknowledged[], sentIds: readonly string[]) {
    this.#keys = new Set(
      quotable.flatMap(({ header, code, id }) => [
        keyOf({ header, code, id }),
        keyOf({ header, code }),
        keyOf({ code, id })
      ])
    )
    this.#sentIds = new Set(sentIds)
  }

  includes({ header, code, id, msa }: Acknowledged): boolean {
    if (this.#keys.has(keyOf({ header, code, id }))) return true
    const isForeign = !isAbout(msa, this.#sentIds)
    return isForeign && header !== undefined && this.#keys.has(keyOf({ header, code }))
  }
}

function keyOf({ header, code, id }: Partial<Acknowledged>): string {
  return JSON.stringify([header, code, id])
}

function acknowledgementsIn(part: string): Acknowledged[] {
  if (!part.includes('MSA')) return []
  const found: Acknowledged[] = []
  let msh: Segment | undefined
  new Segments(part).each(['MSH', 'MSA'], (segment) => {
    if (segment.name === 'MSH') msh = segment
    else {
      found.push({
        header: msh && [msh.field(9), msh.field(10)],
        code: segment.value(msaCode),
        id: segment.fieldText(2),
        msa: segment
      })
    }
  })
  return found
}
