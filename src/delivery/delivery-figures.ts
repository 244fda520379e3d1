import type { AttemptFigures } from './attempt-counts.ts'
import type { DeliveryState } from './delivery-state.ts'

/** What a message in the queue is doing. */
export const QUEUE_STATES = ['waiting', 'in_flight', 'retrying', 'awaiting', 'suspended'] as const
export type QueueState = (typeof QUEUE_STATES)[number]

/** What the queue of a node holds now. */
export interface QueueFigures {
  messages: Readonly<Record<QueueState, number>>
  /** Of the oldest message that is held, suspended and awaiting ones included; 0 if none is. */
  oldestAgeMs: number
  /** The same without suspended ones. */
  longestWaitMs: number
  isPaused: boolean
}

/** What monitoring reads of a delivery. Counters are since the node started. */
export interface DeliveryFigures extends AttemptFigures {
  /** Messages by how they left. */
  outcomes: Readonly<Record<'ack' | 'nak' | 'error', number>>
  /** Undefined as long as the queue is not open: nobody knows what it holds. */
  queue: QueueFigures | undefined
}

/**
 * Each message is in one state.
 *
 * @param isOpen whether the queue is
 * @param triedAgain so many of those in flight are retries
 */
export function deliveryFigures(
  state: DeliveryState,
  attempts: AttemptFigures,
  isOpen: boolean,
  triedAgain: number
): DeliveryFigures {
  const outcomes = { ack: state.acked, nak: state.naked, error: state.failed }
  if (!isOpen) return { ...attempts, outcomes, queue: undefined }
  const { awaiting, inFlight, oldestAgeMs, longestWaitMs, queued, suspended } = state
  // A resume makes them messages like any other, also those in flight.
  const retrying = Math.min(Math.max(0, state.retrying - triedAgain), queued)
  const waiting = queued - retrying
  const messages = { waiting, in_flight: inFlight, retrying, awaiting, suspended }
  const isPaused = state.state === 'paused'
  return { ...attempts, outcomes, queue: { messages, oldestAgeMs, longestWaitMs, isPaused } }
}
