import { types } from 'node:util'
import { english } from '../../src/english.ts'
import type { ApplicationAck } from '../../src/delivery/acknowledgements.ts'
import type { Courier } from '../../src/delivery/courier.ts'
import type { Delivery } from '../../src/delivery/delivery.ts'
import { DeliveryError } from '../../src/delivery/delivery-error.ts'
import { printable } from '../../src/printable.ts'
import { readReplyMessage, subjectsOf } from '../../src/hl7/reply-message.ts'
import { readReplyBody } from '../../src/https/reply-body.ts'
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
  const { hl7 } = await readReplyBody(bytes, type, { replyEncoding: 'text' })
  const acks: ApplicationAck[] = []
  for (const text of hl7.split(/(?<=\r)(?=[ \t]*(?:MSH|[FB][HT]S))/)) {
    // The headers and trailers of a batch are about no message.
    if (/^[ \t]*[FB][HT]S/.test(text)) continue
    if (text.length > MOST_LENGTH) throw notAcknowledgement('ackLong')
    acks.push(readAck(courier, text))
    await new Promise(setImmediate)
  }
  if (acks.length === 0) throw notAcknowledgement('ackNoMsa')
  return acks
}

function readAck(courier: Courier, text: string): ApplicationAck {
  const message = readReplyMessage(text)
  if (message?.msa === undefined) throw notAcknowledgement('ackNoMsa')
  return {
    controlIds: subjectsOf(message.msa),
    judge: (about) => courier.judge(message, about)
  }
}

function notAcknowledgement(why: 'ackType' | 'ackLong' | 'ackNoMsa'): DeliveryError {
  return new DeliveryError('HL7_INVALID_MESSAGE', english('log', `error.${why}`))
}
