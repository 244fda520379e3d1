import { OutboxError, type Entry } from '../outbox/outbox.ts'
import { DeliveryError } from './delivery-error.ts'
import { nameOf, type MessageName } from './explain.ts'

/**
 * Whether a stored message could not be decoded, or is not there. Any other error says nothing
 * about the message: it is read again later.
 */
export function isGone(error: unknown): error is OutboxError {
  return (
    error instanceof OutboxError &&
    (error.code === 'ERR_NOT_QUEUED' || error.code === 'ERR_MESSAGE_DAMAGED')
  )
}

/** Why a message leaves a queue in memory when its node is closed. */
export function closedError({ attempts }: Entry): DeliveryError {
  const what = attempts === 0 ? 'It was not sent' : 'It is not known whether it arrived'
  return new DeliveryError(
    'HL7_DELIVERY_FAILED',
    `${what}: the node was closed, and its queue is in memory.`,
    { code: 'ERR_NODE_CLOSED' }
  )
}

/** Why a message could not be put into the queue. */
export function queueFailed(
  name: { controlId: string; type: string },
  error: unknown
): DeliveryError {
  const known = error instanceof OutboxError
  return new DeliveryError(
    'HL7_QUEUE_FAILED',
    `${nameOf(name)} was not accepted: ${known ? error.message : 'its queue cannot be written.'}`,
    { code: known ? error.code : 'EUNKNOWN' }
  )
}

/** A message of which nothing is left to send or hand on. */
export function lostError(
  seq: number,
  error: OutboxError,
  about: MessageName | undefined
): DeliveryError {
  const name = about === undefined ? `Number ${seq} of the queue` : nameOf(about)
  return new DeliveryError('HL7_QUEUE_FAILED', `${name} is lost. ${error.message}`, {
    code: error.code
  })
}

/** A settled message that could not leave. */
export function notHandedOn(name: MessageName): DeliveryError {
  return new DeliveryError(
    'HL7_DELIVERY_FAILED',
    `${nameOf(name)} was settled, but could not be handed on because of an internal error in this node.`,
    { code: 'EUNKNOWN' }
  )
}
