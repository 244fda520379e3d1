import { QueueError, type MessageName } from '../queue/queue-error.ts'
import type { MessageRow } from '../queue/message-row.ts'
import { DeliveryError } from './delivery-error.ts'
import type { Lost } from './delivery-events.ts'
import { english } from '../english.ts'
import { idOf, sentence } from './explain.ts'

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

/** Nothing more is done with messages: their node closes. */
export function closingError(): QueueError {
  return new QueueError(english('log', 'queue.nodeCloses'), 'ERR_QUEUE_CLOSED')
}

/** Why a message leaves a queue in memory when its node is closed. */
export function closedError({ attempts }: Pick<MessageRow, 'attempts'>): DeliveryError {
  const key = attempts === 0 ? 'error.closedUnsent' : 'error.closedSent'
  return new DeliveryError('HL7_DELIVERY_FAILED', english('log', key), { code: 'ERR_NODE_CLOSED' })
}

/** Why a message could not be put into the queue. */
export function queueFailed(
  name: { controlId: string; type: string },
  error: unknown
): DeliveryError {
  const { code, message } =
    error instanceof QueueError
      ? error
      : { code: 'EUNKNOWN', message: english('log', 'error.queueNotWritten') }
  const values = { code, why: sentence(message), message: idOf(name) }
  return new DeliveryError('HL7_QUEUE_FAILED', english('log', 'error.notStored', values), { code })
}

/** What is told of a message of which nothing is left to send or hand on. */
export function lost(seq: number, { about, code, message }: QueueError): Lost {
  const why = sentence(message)
  const text =
    about === undefined
      ? english('log', 'error.unnamedLost', { code, why, seq })
      : english('log', 'error.lost', { code, why, message: idOf(about) })
  return { kind: 'lost', seq, error: new DeliveryError('HL7_QUEUE_FAILED', text, { code }), about }
}

/** Why a message leaves that was on its way, but is no longer in the queue: nothing would send it again. */
export function notInQueue({ code, message }: QueueError): DeliveryError {
  return new DeliveryError('HL7_QUEUE_FAILED', message, { code })
}

/** A settled message that could not leave. */
export function notHandedOn(name: MessageName): DeliveryError {
  const text = english('log', 'error.notHandedOn', { message: idOf(name) })
  return new DeliveryError('HL7_DELIVERY_FAILED', text, { code: 'EUNKNOWN' })
}
