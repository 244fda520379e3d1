import type { Verdict } from '../queue/message-row.ts'
import type { Pause } from '../queue/queue-event.ts'
import type { QueueSummary } from '../queue/queue-types.ts'
import type { BackupState } from './backup-options.ts'
import type { OutageCause } from './gate.ts'
import type { TallyValues } from './tally.ts'
import { causeOf } from '../queue/verdict-codes.ts'

/** A message that is retried, and why its last attempt failed; in an outage, what that is. */
export interface Retry extends Partial<
  Pick<Verdict, 'about' | 'errors' | 'mayHaveArrived' | 'operation' | 'rule'>
> {
  controlId: string
  attempts: number
  waitMs: number
  cause: string
}

/** What a status or an operator sees. */
export interface DeliveryState extends TallyValues {
  /** What comes first of: paused, retrying, an error that still holds, sending. */
  state: 'idle' | 'sending' | 'retrying' | 'paused' | 'error'
  /** Waiting for their turn or for their next attempt. */
  queued: number
  /** Those that are not stored yet: their senders wait. */
  unconfirmed: number
  /** For how long the disk has confirmed nothing of what it was asked, in milliseconds; 0 if nothing waits for it. */
  diskSilentMs: number
  inFlight: number
  /** Those that failed at least once and are tried again, also while an attempt is in flight. */
  retrying: number
  /** Those that await their application acknowledgement. */
  awaiting: number
  suspended: number
  /** Why the last one was suspended. */
  suspendedFor: Verdict | null
  /** Of the oldest message that is held, suspended and awaiting ones included. */
  oldestAgeMs: number
  /** The same without suspended and awaiting ones. */
  longestWaitMs: number
  /** Of the message that is retried next, until its next attempt: 0 while that is in flight. */
  retry: Retry | null
  /** Nothing starts, because of something that is not about one message. */
  isOutage: boolean
  paused: Pause | null
  /** Null: messages go to the first address. */
  backup: BackupState | null
}

/** What the main thread knows of messages besides what the queue says. */
export interface OnTheirWay {
  inFlight: number
  /** Those that are being stored; so many of them count as waiting already. */
  accepting: number
  unconfirmed: number
  diskSilentMs: number
  /** Nothing starts for so long because of an outage, in milliseconds. */
  closedMs: number
  /** Because of this. */
  outage: OutageCause | undefined
  /** For how long a message is retried yet, by its number, in milliseconds. */
  leftMs: (seq: number) => number
}

/**
 * Everything that a status or the admin route shows.
 *
 * @param now wall clock, milliseconds
 */
export function deliveryState(
  summary: QueueSummary,
  { inFlight, accepting, unconfirmed, diskSilentMs, closedMs, outage, leftMs }: OnTheirWay,
  tally: TallyValues,
  paused: Pause | null,
  backup: BackupState | null,
  now: number
): DeliveryState {
  const { awaiting, oldestHeldAt, oldestWaitingAt, retry, retrying, suspended, waiting } = summary
  return {
    state: stateOf(summary, inFlight, tally, paused),
    queued: Math.max(0, waiting - inFlight - unconfirmed),
    unconfirmed: accepting,
    diskSilentMs,
    inFlight,
    retrying,
    awaiting,
    suspended,
    suspendedFor: summary.suspendedFor,
    oldestAgeMs: ageOf(oldestHeldAt, now),
    longestWaitMs: ageOf(oldestWaitingAt, now),
    retry: retry && {
      controlId: retry.controlId,
      attempts: retry.attempts,
      waitMs: Math.min(Math.max(retry.dueInMs, closedMs), leftMs(retry.seq)),
      cause: causeOf(retry.verdict),
      ...reasonsOf(retry.verdict),
      ...outage
    },
    isOutage: outage !== undefined,
    paused,
    backup,
    ...tally
  }
}

function stateOf(
  { retrying }: QueueSummary,
  inFlight: number,
  { failing }: TallyValues,
  paused: Pause | null
): DeliveryState['state'] {
  if (paused !== null) return 'paused'
  if (retrying > 0) return 'retrying'
  if (failing !== null) return 'error'
  return inFlight > 0 ? 'sending' : 'idle'
}

function reasonsOf({ about, errors, mayHaveArrived, operation, rule }: Verdict): Partial<Retry> {
  return {
    rule,
    ...(errors.length > 0 && { errors }),
    ...(about !== undefined && { about }),
    ...(operation !== undefined && { operation }),
    ...(mayHaveArrived && { mayHaveArrived })
  }
}

function ageOf(at: number | null, now: number): number {
  return at === null ? 0 : Math.max(0, now - at)
}
