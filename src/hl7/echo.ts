import type { OutgoingMessage } from './outgoing-message.ts'
import { parsePath } from './path.ts'
import { ReplyMessage } from './reply-message.ts'
import { Segments, type Segment } from './segments.ts'

const code = parsePath('MSA-1')

/** Before each header or trailer that begins or ends a message. */
const boundary = /(?<=\r)(?=[ \t]*(?:MSH|[FB][HT]S))/

/**
 * A reply without what it quotes of the message that was sent. A query response has an MSA of its own, often with AA:
 * a receiver that refuses it and quotes it has not accepted it. A message with the same MSH-9, MSH-10 and MSA as one
 * that was sent is its echo, and so is the same MSA alone: JSON and XML may quote each segment as a text of its own.
 * An acknowledgement that copies MSH-9 and MSH-10 has another MSA.
 *
 * @returns null if nothing but an echo is acknowledged
 */
export function withoutEcho(reply: ReplyMessage, sent: OutgoingMessage): ReplyMessage | null {
  if (reply.msa === undefined || !mayAcknowledge(sent)) return reply
  const quotable = sent.text.split(boundary).flatMap(acknowledgementsIn)
  const ours = new Set(quotable.flatMap((one) => [inOne(one), inOne({ msa: one.msa })]))
  if (ours.size === 0) return reply
  const parts = reply.text.split(boundary)
  const rest = parts.filter((part) => !isEcho(part, ours))
  if (rest.length === parts.length) return reply
  const left = new ReplyMessage(rest.join(''))
  return left.msa === undefined ? null : left
}

/** Decodes nothing: most messages have no MSA. */
function mayAcknowledge({ bytes, charset }: OutgoingMessage): boolean {
  return charset.startsWith('utf-16') || bytes.includes('MSA')
}

function isEcho(part: string, ours: ReadonlySet<string>): boolean {
  const theirs = acknowledgementsIn(part)
  return theirs.length > 0 && theirs.every((one) => ours.has(inOne(one)))
}

/** What an MSA says, and of which message it is. */
interface Acknowledged {
  /** MSH-9 and MSH-10; absent if no MSH stands before it. */
  header?: readonly string[]
  /** MSA-1 and MSA-2. */
  msa: readonly string[]
}

function acknowledgementsIn(part: string): Acknowledged[] {
  if (!part.includes('MSA')) return []
  const found: Acknowledged[] = []
  let msh: Segment | undefined
  new Segments(part).each(['MSH', 'MSA'], (segment) => {
    if (segment.name === 'MSH') msh = segment
    else {
      const msa = [segment.value(code), segment.fieldText(2)]
      found.push(msh === undefined ? { msa } : { header: [msh.field(9), msh.field(10)], msa })
    }
  })
  return found
}

/** To be compared. */
function inOne({ header, msa }: Acknowledged): string {
  return JSON.stringify([header, msa])
}
