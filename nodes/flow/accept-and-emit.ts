import type { Node, NodeMessageInFlow } from 'node-red'
import { english } from '../../src/english.ts'
import type { Courier } from '../../src/delivery/courier.ts'
import type { Delivery } from '../../src/delivery/delivery.ts'
import { DeliveryError } from '../../src/delivery/delivery-error.ts'
import { Hl7Error } from '../../src/hl7/hl7-error.ts'
import type { SettledMessage, Settlement } from '../../src/delivery/settlement.ts'
import { QueueError } from '../../src/queue/queue-error.ts'
import { carryOut, isCommand } from './flow-commands.ts'
import type { FlowMessage } from './flow-messages.ts'
import { finish, handOn, handToCatch } from './hand-on.ts'
import { outParts } from './out-parts.ts'
import { whyTurnedAway } from './turned-away.ts'
import { ackProperties, errorProperties, refusedProperties } from './outgoing-properties.ts'

/** Checks a message and puts it into the queue. */
export async function accept(
  node: Node,
  delivery: Delivery<FlowMessage>,
  courier: Courier,
  content: FlowMessage
): Promise<void> {
  const { msg, done } = content
  if (isCommand(content)) {
    await carryOut(node, delivery, courier, msg)
    forgetErrors(msg)
    finish(node, done)
    return
  }
  const { parcel, problem } = content
  if (parcel === undefined) throw problem
  const { controlId, type } = parcel.message
  // Before it is stored. A refused message keeps them: a Catch node that is wired back to this node
  // would otherwise send it round forever; Node-RED drops the tenth round.
  const putBack = forgetErrors(msg)
  let isStored: boolean
  try {
    isStored = await delivery.accept({ controlId, type, content })
  } catch (error) {
    putBack()
    throw error
  }
  if (isStored) {
    // It is on disk, so it is our responsibility: the sender that waits for `done` may forget it.
    delete content.done
    finish(node, done)
  }
}

/** Removes what an earlier round through a Catch node left; returns a function that undoes it. */
function forgetErrors(msg: NodeMessageInFlow): () => void {
  const earlier = ['error', '_error'].flatMap((name) => {
    const property = Reflect.getOwnPropertyDescriptor(msg, name)
    return property !== undefined && Reflect.deleteProperty(msg, name) ? [{ name, property }] : []
  })
  return () => {
    for (const { name, property } of earlier) Reflect.defineProperty(msg, name, property)
  }
}

/** Hands a settled message to its output or to Catch. Never throws. */
export function emit(
  node: Node,
  message: SettledMessage,
  content: FlowMessage,
  settlement: Settlement
): void {
  const { msg, payload, parcel, send, done } = content
  if (settlement.error !== undefined) {
    const { code, message: text, cause } = settlement.error
    const properties = errorProperties(parcel?.message, payload, message, settlement)
    handToCatch(node, msg, properties, new DeliveryError(code, text, cause), done)
    return
  }
  const properties = ackProperties(parcel?.message, message, settlement)
  handOn(node, msg, properties, send, settlement.outcome === 'ack' ? 0 : 1)
  finish(node, done)
}

/** Sends a message that was not accepted to Catch. Never throws. */
export function handBack(
  node: Node,
  content: Pick<FlowMessage, 'msg' | 'payload' | 'parcel' | 'done'>,
  error: unknown
): void {
  const { msg, payload, parcel, done } = content
  const why = notAccepted(error)
  const parts = outParts.get(node)
  parts?.refusals.note(why)
  if (parts !== undefined && !isCommand(content)) {
    const turnedAway = whyTurnedAway(why, 'delivery' in parts, payload)
    if (turnedAway !== undefined) parts.turnedAway.add(turnedAway)
  }
  handToCatch(node, msg, refusedProperties(parcel?.message, payload), why, done)
}

export function notAccepted(error: unknown): DeliveryError {
  if (error instanceof DeliveryError) return error
  if (error instanceof Hl7Error) return new DeliveryError(error.code, error.message)
  // A command could not be carried out.
  if (error instanceof QueueError) {
    return new DeliveryError('HL7_QUEUE_FAILED', error.message, { code: error.code })
  }
  const text = english('log', 'error.notAccepted')
  return new DeliveryError('HL7_DELIVERY_FAILED', text, { code: 'EUNKNOWN' })
}
