import { types } from 'node:util'
import type { Node, NodeMessageInFlow } from 'node-red'
import type { Courier } from '../src/delivery/courier.ts'
import type { Delivery } from '../src/delivery/delivery.ts'
import type { SuspendedChoice } from '../src/queue/queue-types.ts'
import { printable } from '../src/printable.ts'
import { acknowledge } from './flow-acknowledgements.ts'
import type { FlowMessage } from './flow-messages.ts'

const QUEUE_COMMANDS = new Set<unknown>(['pause', 'resume', 'resend', 'discard'])

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
 * @throws {QueueError} when the queue cannot be read or written
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
  // A flow that looked for one and found none does not mean all.
  const meansAll = !('controlId' in msg)
  const choice = meansAll ? {} : { controlId: wanted }
  // One that is no text is nobody's.
  const found =
    meansAll || typeof wanted === 'string' ? await delivery[action](choice as SuspendedChoice) : 0
  if (found > 0 || meansAll) return
  const name = typeof wanted === 'string' ? ` ${printable(wanted)}` : ' of msg.controlId'
  node.warn(`There is no suspended message${name} to ${action}.`)
}
