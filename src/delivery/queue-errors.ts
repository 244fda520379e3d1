import { QueueError, type MessageName } from '../queue/queue-error.ts'
import type { MessageRow } from '../queue/message-row.ts'
import { DeliveryError } from './delivery-error.ts'
import { nameOf, sentence } from './explain.ts'

/**
 * Whether a stored message could not be decoded, or is not there. Any other error says nothing
 * about the message: it is read again later.
 */
export function isGone(error: unknown): error is QueueError {
  return (
    error instanceof QueueError &&
    (error.code === 'ERR_NOT_QUEUED' || error.code === 'ERR_MESSAGE_DAMAGED')
  )
}

/** The disk has no room. */
export function isFull(error: unknown): error is QueueError {
  return error instanceof QueueError && error.code === 'SQLITE_FULL'
}

/** Why a message leaves a queue in memory when its node is closed. */
export function closedError({ attempts }: Pick<MessageRow, 'attempts'>): DeliveryError {
  const what =
    attempts === 0 ? 'The message was not sent' : 'It is not known whether the message arrived'
  return new DeliveryError(
    'HL7_DELIVERY_FAILED',
    `ERR_NODE_CLOSED: the node was closed, and its queue is in memory. ${what}.`,
    { code: 'ERR_NODE_CLOSED' }
  )
}

/** Why a message could not be put into the queue. */
export function queueFailed(
  name: { controlId: string; type: string },
  error: unknown
): DeliveryError {
  const { code, message } =
    error instanceof QueueError
      ? error
      : { code: 'EUNKNOWN', message: 'The queue cannot be written.' }
  return new DeliveryError(
    'HL7_QUEUE_FAILED',
    `${code}: ${sentence(message)} ${nameOf(name)} was not accepted.`,
    { code }
  )
}

/** A message of which nothing is left to send or hand on. */
export function lostError(
  seq: number,
  error: QueueError,
  about: MessageName | undefined
): DeliveryError {
  const name = about === undefined ? `Number ${seq} of the queue` : nameOf(about)
  const { code, message } = error
  return new DeliveryError('HL7_QUEUE_FAILED', `${code}: ${sentence(message)} ${name} is lost.`, {
    code
  })
}

/** A settled message that could not leave. */
export function notHandedOn(name: MessageName): DeliveryError {
  return new DeliveryError(
    'HL7_DELIVERY_FAILED',
    `EUNKNOWN: an internal error in this node. ${nameOf(name)} was settled, but could not be handed on.`,
    { code: 'EUNKNOWN' }
  )
}
