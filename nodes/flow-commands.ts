import { types } from 'node:util'
import type { Node, NodeMessageInFlow } from 'node-red'
import type { ApplicationAck } from '../src/delivery/awaiting.ts'
import type { Courier } from '../src/delivery/courier.ts'
import type { Delivery } from '../src/delivery/delivery.ts'
import { DeliveryError } from '../src/delivery/delivery-error.ts'
import { printable } from '../src/delivery/explain.ts'
import { readAcknowledgement } from '../src/hl7/acknowledgement.ts'
import { readReplyMessage } from '../src/hl7/reply-message.ts'
import { readReplyBody } from '../src/https/reply-body.ts'
import type { FlowMessage } from './flow-messages.ts'

const QUEUE_COMMANDS = new Set<unknown>(['pause', 'resume', 'resend', 'discard'])
/** A batch of more acknowledgements than this is refused. */
const MOST_ACKS = 10_000
/** As are more bytes than this: reading them takes time, in which Node-RED does nothing else. */
const MOST_ACK_BYTES = 2_097_152

/**
 * Whether a message is a command: `msg.action` is one if there is no payload, `acknowledge` if there
 * is an acknowledgement. Otherwise it is an ordinary property.
 */
export function isCommand({ msg, payload }: FlowMessage): boolean {
  const { action, acknowledgement } = msg as { action?: unknown; acknowledgement?: unknown }
  if (action === 'acknowledge') return acknowledgement !== undefined
  const empty =
    payload === undefined ||
    payload === null ||
    payload === '' ||
    (types.isUint8Array(payload) && payload.length === 0)
  return empty && QUEUE_COMMANDS.has(action)
}

/**
 * Carries out a command of the flow.
 *
 * @throws {DeliveryError} `HL7_UNMATCHED_ACK` or `HL7_INVALID_MESSAGE`
 * @throws {OutboxError} when the queue cannot be read or written
 */
export async function carryOut(
  node: Node,
  delivery: Delivery<FlowMessage>,
  courier: Courier,
  msg: NodeMessageInFlow
): Promise<void> {
  const { action, controlId, acknowledgement } = msg as {
    action?: unknown
    controlId?: unknown
    acknowledgement?: unknown
  }
  if (action === 'pause') await delivery.pause()
  if (action === 'resume') await delivery.resume()
  if (action === 'acknowledge') await acknowledge(delivery, courier, acknowledgement)
  if (action !== 'resend' && action !== 'discard') return
  // A flow may have parsed it as a number.
  const wanted = typeof controlId === 'number' ? String(controlId) : controlId
  const found = await delivery.operator[action](
    (entry) => wanted === undefined || entry.controlId === wanted
  )
  if (found > 0 || wanted === undefined) return
  const name = typeof wanted === 'string' ? ` ${printable(wanted)}` : ' of msg.controlId'
  node.warn(`There is no suspended message${name} to ${action}.`)
}

/** All of a batch are taken before it is said for which no message waits. */
async function acknowledge(
  delivery: Delivery<FlowMessage>,
  courier: Courier,
  acknowledgement: unknown
): Promise<void> {
  const unmatched: string[] = []
  for (const ack of await readAcks(courier, acknowledgement)) {
    if (!(await delivery.operator.acknowledge(ack))) unmatched.push(printable(ack.controlId))
  }
  const [first] = unmatched
  if (first === undefined) return
  const more = unmatched.length > 1 ? ` and ${unmatched.length - 1} more` : ''
  throw new DeliveryError(
    'HL7_UNMATCHED_ACK',
    `No message of this node awaits the application acknowledgement of ${first || 'an empty control ID'}${more}.`
  )
}

/** @throws {DeliveryError} `HL7_INVALID_MESSAGE` */
async function readAcks(courier: Courier, received: unknown): Promise<ApplicationAck[]> {
  const isText = typeof received === 'string'
  const bytes = isText ? Buffer.from(received) : received
  if (!types.isUint8Array(bytes)) throw notAcknowledgement('is neither a string nor a Buffer')
  if (bytes.length > MOST_ACK_BYTES) throw notAcknowledgement('is too long')
  const type = isText ? 'text/plain; charset=utf-8' : undefined
  const { hl7 } = await readReplyBody(bytes, type, { replyEncoding: 'text' })
  const texts = hl7.split(/(?<=\r)(?=MSH)/).filter((text) => !/^[FB]HS/.test(text))
  if (texts.length > MOST_ACKS) throw notAcknowledgement(`holds more than ${MOST_ACKS} messages`)
  return texts.map((text) => {
    const message = readReplyMessage(text)
    const ack = message && readAcknowledgement(message)
    if (message === null || ack === null) throw notAcknowledgement('has no MSA')
    return {
      controlId: ack.controlId,
      judge: (about) => courier.judge(message, about)
    }
  })
}

function notAcknowledgement(why: string): DeliveryError {
  return new DeliveryError(
    'HL7_INVALID_MESSAGE',
    `msg.acknowledgement ${why}. Pass the HL7 text of an application acknowledgement.`
  )
}
