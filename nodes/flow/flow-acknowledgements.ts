import { types } from 'node:util'
import { english } from '../../src/english.ts'
import type { ApplicationAck } from '../../src/delivery/acknowledgements.ts'
import type { Courier } from '../../src/delivery/courier.ts'
import type { Delivery } from '../../src/delivery/delivery.ts'
import { DeliveryError } from '../../src/delivery/delivery-error.ts'
import { printable } from '../../src/printable.ts'
import { isAccept } from '../../src/hl7/acknowledgement-codes.ts'
import { parsePath } from '../../src/hl7/path.ts'
import { readReplyMessage, subjectsOf, type ReplyMessage } from '../../src/hl7/reply-message.ts'
import type { Segment } from '../../src/hl7/segments.ts'
import { readReplyBody } from '../../src/hl7-over-http/read-reply-body.ts'
import type { FlowMessage } from './flow-messages.ts'

/**
 * Longer than this is refused, in bytes (of a string, characters): reading takes time, in which
 * Node-RED does nothing else.
 */
const MOST_BYTES = 2_097_152
/** So is a single one that is longer, in characters: 2 MiB would take 300 ms. */
const MOST_LENGTH = 131_072
/** So many of a batch are taken at a time: they share a commit, and other work runs in between. */
const AT_ONCE = 100

const MSA_CODE = parsePath('MSA-1')

/**
 * Takes the application acknowledgements in a text. All of a batch are taken before it is said for
 * which no message waits.
 *
 * @throws {DeliveryError} `HL7_UNMATCHED_ACK` or `HL7_INVALID_MESSAGE`
 * @throws {QueueError} when the queue cannot be read or written
 */
export async function acknowledge(
  delivery: Delivery<FlowMessage>,
  courier: Courier,
  acknowledgement: unknown
): Promise<void> {
  const acks = await readAcks(courier, acknowledgement)
  const unmatched: string[] = []
  for (let at = 0; at < acks.length; at += AT_ONCE) {
    const some = acks.slice(at, at + AT_ONCE)
    const taken = await Promise.all(some.map((ack) => delivery.acknowledge(ack)))
    for (const [index, { controlIds }] of some.entries()) {
      if (taken[index] === false) unmatched.push(controlIds[0] ?? '')
    }
    await new Promise(setImmediate)
  }
  const [first] = unmatched
  if (first === undefined) return
  const controlId = printable(first) || english('log', 'error.emptyControlId')
  const values = { controlId, more: unmatched.length - 1 }
  const key = unmatched.length > 1 ? 'error.unmatchedMore' : 'error.unmatched'
  throw new DeliveryError('HL7_UNMATCHED_ACK', english('log', key, values))
}

/** @throws {DeliveryError} `HL7_INVALID_MESSAGE` */
async function readAcks(courier: Courier, received: unknown): Promise<ApplicationAck[]> {
  const isText = typeof received === 'string'
  if (!isText && !types.isUint8Array(received)) {
    throw notAcknowledgement('ackType')
  }
  if (received.length > MOST_BYTES) throw notAcknowledgement('ackLong')
  const bytes = isText ? Buffer.from(received) : received
  const type = isText ? 'text/plain; charset=utf-8' : undefined
  const { fault, hl7 } = await readReplyBody(bytes, type, {})
  const acks: ApplicationAck[] = []
  for (const text of hl7.split(/(?<=\r)(?=[ \t]*(?:MSH|[FB][HT]S))/)) {
    // The headers and trailers of a batch are about no message.
    if (/^[ \t]*[FB][HT]S/.test(text)) continue
    if (text.length > MOST_LENGTH) throw notAcknowledgement('ackLong')
    for (const message of oneForEach(readAck(text))) {
      // In a SOAP fault, nothing is accepted.
      if (fault !== undefined && isAccept(message.msa.value(MSA_CODE))) {
        throw notAcknowledgement('ackNoMsa')
      }
      acks.push({
        controlIds: subjectsOf(message.msa),
        judge: (about) => courier.judge(message, about)
      })
      await new Promise(setImmediate)
    }
  }
  if (acks.length === 0) throw notAcknowledgement('ackNoMsa')
  return acks
}

/** A message with an MSA. */
type Answer = ReplyMessage & { readonly msa: Segment }

/** @throws {DeliveryError} `HL7_INVALID_MESSAGE` */
function readAck(text: string): Answer {
  const message = readReplyMessage(text)
  if (message?.msa === undefined) throw notAcknowledgement('ackNoMsa')
  return message as Answer
}

/**
 * A message that repeats MSA and ERR for several others, as a message for each of these. The same message if an MSA does
 * not say which: then the worst counts, as in a reply.
 *
 * @throws {DeliveryError} `HL7_INVALID_MESSAGE`
 */
function oneForEach(message: Answer): Answer[] {
  const controlIds = message.named('MSA').map((msa) => subjectsOf(msa)[0])
  if (new Set(controlIds).size === 1) return [message]
  const [first = '', ...rest] = message.text.split(/(?<=\r)(?=[ \t]*MSA)/)
  const isHeaded = !first.startsWith('MSA')
  const header = isHeaded ? first.slice(0, first.indexOf('\r') + 1) : ''
  const pieces = isHeaded ? rest : [first, ...rest]
  if (header.length * pieces.length > MOST_BYTES) throw notAcknowledgement('ackLong')
  const texts = new Map<string, string>()
  for (const [index, piece] of pieces.entries()) {
    const controlId = controlIds[index]
    if (controlId === undefined) return [message]
    const before = texts.get(controlId) ?? (isHeaded && index === 0 ? first : header)
    texts.set(controlId, before + piece)
  }
  return [...texts.values()].map(readAck)
}

function notAcknowledgement(why: 'ackType' | 'ackLong' | 'ackNoMsa'): DeliveryError {
  return new DeliveryError('HL7_INVALID_MESSAGE', english('log', `error.${why}`))
}
