import { types } from 'node:util'
import type { ApplicationAck } from '../src/delivery/awaiting.ts'
import type { Courier } from '../src/delivery/courier.ts'
import type { Delivery } from '../src/delivery/delivery.ts'
import { DeliveryError } from '../src/delivery/delivery-error.ts'
import { printable } from '../src/printable.ts'
import { readAcknowledgement } from '../src/hl7/acknowledgement.ts'
import { readReplyMessage } from '../src/hl7/reply-message.ts'
import { readReplyBody } from '../src/https/reply-body.ts'
import type { FlowMessage } from './flow-messages.ts'

/** Longer than this is refused, in bytes: reading takes time, in which Node-RED does nothing else. */
const MOST_BYTES = 2_097_152
/** As is a single one that is longer, in characters. */
const MOST_LENGTH = 131_072
/** So much of a batch is worked on between two turns of the event loop, in characters. */
const LENGTH_AT_ONCE = 16_384

/**
 * Takes the application acknowledgements in a text. All of a batch are taken before it is said for
 * which no message waits.
 *
 * @throws {DeliveryError} `HL7_UNMATCHED_ACK` or `HL7_INVALID_MESSAGE`
 * @throws {OutboxError} when the queue cannot be read or written
 */
export async function acknowledge(
  delivery: Delivery<FlowMessage>,
  courier: Courier,
  acknowledgement: unknown
): Promise<void> {
  const unmatched: string[] = []
  for (const some of await readAcks(courier, acknowledgement)) {
    const taken = await Promise.all(some.map((ack) => delivery.operator.acknowledge(ack)))
    for (const [index, { controlId }] of some.entries()) {
      if (taken[index] === false) unmatched.push(controlId)
    }
    await new Promise(setImmediate)
  }
  const [first] = unmatched
  if (first === undefined) return
  const more = unmatched.length > 1 ? ` and ${unmatched.length - 1} more` : ''
  throw new DeliveryError(
    'HL7_UNMATCHED_ACK',
    `No message of this node awaits the application acknowledgement of ${printable(first) || 'an empty control ID'}${more}.`
  )
}

/**
 * @returns them in portions that are taken at a time
 * @throws {DeliveryError} `HL7_INVALID_MESSAGE`
 */
async function readAcks(courier: Courier, received: unknown): Promise<ApplicationAck[][]> {
  const isText = typeof received === 'string'
  if (!isText && !types.isUint8Array(received)) {
    throw notAcknowledgement('is neither a string nor a Buffer')
  }
  if (received.length > MOST_BYTES) throw notAcknowledgement('is too long')
  const bytes = isText ? Buffer.from(received) : received
  const type = isText ? 'text/plain; charset=utf-8' : undefined
  const { hl7 } = await readReplyBody(bytes, type, { replyEncoding: 'text' })
  const acks: ApplicationAck[][] = []
  for (const some of portions(hl7.split(/(?<=\r)(?=MSH|[FB][HT]S)/))) {
    await new Promise(setImmediate)
    acks.push(some.map((text) => readAck(courier, text)))
  }
  if (acks.length === 0) throw notAcknowledgement('has no MSA')
  return acks
}

/** The messages of a batch, without its headers and trailers, which are about no message. */
function portions(texts: readonly string[]): string[][] {
  const all: string[][] = []
  let some: string[] = []
  let room = 0
  for (const text of texts) {
    if (/^[FB][HT]S/.test(text)) continue
    if (text.length > MOST_LENGTH) throw notAcknowledgement('is too long')
    if (room < text.length) {
      some = []
      all.push(some)
      room = LENGTH_AT_ONCE
    }
    some.push(text)
    room -= text.length
  }
  return all
}

function readAck(courier: Courier, text: string): ApplicationAck {
  const message = readReplyMessage(text)
  const ack = message && readAcknowledgement(message)
  if (message === null || ack === null) throw notAcknowledgement('has no MSA')
  return {
    controlId: ack.controlId,
    judge: (about) => courier.judge(message, about)
  }
}

function notAcknowledgement(why: string): DeliveryError {
  return new DeliveryError(
    'HL7_INVALID_MESSAGE',
    `msg.acknowledgement ${why}. Pass the HL7 text of an application acknowledgement.`
  )
}
