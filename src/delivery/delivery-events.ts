import type { Figures } from '../queue/figures.ts'
import type { MessageRow } from '../queue/message-row.ts'
import type { Pause } from '../queue/queue-event.ts'
import { QueueError, type MessageName } from '../queue/queue-error.ts'
import type { AttemptResult } from './attempt-result.ts'
import type { DeliveryError } from './delivery-error.ts'
import type { Address } from './failover.ts'
import type { Fault } from './fault.ts'
import type { SettledMessage, Settlement } from './settlement.ts'

/**
 * What happens in a delivery, as it happens. Status, log, figures and alerts read it; none of them
 * can change what happens to a message.
 */
export type DeliveryEvent =
  /** The queue is open; these messages were suspended at the start, and these figures are of earlier runs. */
  | { kind: 'opened'; endedOn: readonly MessageRow[]; figures: Figures }
  | { kind: 'accepted'; message: MessageName }
  /** The receiver answered, or there was no answer. */
  | {
      kind: 'attempted'
      message: SettledMessage
      result: AttemptResult
      fault: Fault | undefined
    }
  | Moved
  | Lost
  | { kind: 'paused'; pause: Pause }
  /** Messages go to the backup, or to the first address again; because of a user, or `''`: an outage or its end. */
  | { kind: 'turned'; to: Address; isByHand: boolean; by: string; host: string }
  /** By somebody, or because this time has come, with which the pause was to end. */
  | { kind: 'resumed'; by: string; until?: number }
  /** So many messages went back into the queue, were set aside by an operator, or were discarded. */
  | { kind: 'resent' | 'set-aside' | 'discarded'; count: number; by: string }
  /** A suspended message went back into the queue with another text. */
  | { kind: 'edited'; controlId: string; by: string; reason: string }
  /**
   * So many messages that had left went into the queue again; those of them that had been given up, for the first time:
   * when they left, on the wall clock.
   */
  | { kind: 'sent-again'; count: number; givenUp: readonly number[]; by: string }
  /** So many messages in a row were given up by time that no more are; or one got an answer since. */
  | { kind: 'in-vain'; isInVain: boolean }
  /** The queue could not be opened, read or written. */
  | { kind: 'queue-failed'; code: string }
  /** Nothing is sent until the queue can be read; it is read again after that time. */
  | { kind: 'unreadable'; error: unknown; againMs: number }
  /** It is being read again. */
  | { kind: 'read-again' }
  /** The node closes: of what follows, only what is lost, set aside or discarded is told. */
  | { kind: 'closing' }
  /** An internal error; everything else goes on. */
  | { kind: 'fault' }

/** Why the queue could not be opened, read or written. */
export function queueFailure(error: unknown): DeliveryEvent {
  const code = error instanceof QueueError ? error.code : 'HL7_QUEUE_FAILED'
  return { kind: 'queue-failed', code }
}

/** It says that something has been stored: what kept the queue from being written is over. */
export function showsQueueWorks(event: DeliveryEvent): boolean {
  // A message leaves even if its outcome cannot be stored.
  return (
    event.kind === 'accepted' ||
    (event.kind === 'moved' && !['sending', 'leaving', 'left'].includes(event.to))
  )
}

/** Nothing of a stored message is left to send or hand on. */
export interface Lost {
  kind: 'lost'
  seq: number
  error: DeliveryError
  /** What it was, if known. */
  about: MessageName | undefined
}

/** A message has come into another state, or on its way (`sending`, `retrying`). */
export interface Moved {
  kind: 'moved'
  message: SettledMessage
  to: 'sending' | 'retrying' | 'waiting' | 'awaiting' | 'suspended' | 'leaving' | 'left'
  /** The attempt, or the application acknowledgement, that led to it. */
  result?: AttemptResult | undefined
  /** How it leaves: with `leaving` and `left`. */
  settlement?: Settlement | undefined
}
