import type { Pause, Verdict } from '../outbox/journal.ts'
import type { Backlog } from './backlog.ts'
import type { Message } from './message.ts'
import type { Messages } from './messages.ts'
import type { TallyValues } from './tally.ts'

/** What a status or an operator sees. */
export interface DeliveryState extends TallyValues {
  /** What comes first of: paused, retrying, an error that still holds, sending. */
  state: 'idle' | 'sending' | 'retrying' | 'paused' | 'error'
  /** Waiting for their turn or for their next attempt. */
  queued: number
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
  /**
   * The message with the most attempts of those being retried, until its next attempt (0 while that
   * is in flight), and why the last one failed.
   */
  retry: { attempts: number; waitMs: number; cause: string } | null
  paused: Pause | null
}

/** What a delivery that is not open holds. */
const NOTHING = { backlog: undefined, messages: undefined }

/**
 * Everything that a status or the admin route shows, looked up at its source.
 *
 * @param now on the monotonic clock, in milliseconds
 */
export function deliveryState(
  queue: { backlog: Backlog; messages: Messages } | undefined,
  tally: TallyValues,
  paused: Pause | null,
  now: number
): DeliveryState {
  const { backlog, messages } = queue ?? NOTHING
  const active = [...(messages?.active.values() ?? [])]
  const retried = active.filter(isRetried)
  const untilRetry = active.filter(({ state }) => state === 'retrying').length
  const inFlight = active.length - untilRetry
  let waitingSince = backlog?.oldest ?? now
  for (const { since } of active) waitingSince = Math.min(waitingSince, since)
  let oldest = waitingSince
  for (const { since } of messages?.awaiting.values() ?? []) oldest = Math.min(oldest, since)
  let suspendedFor: DeliveryState['suspendedFor'] = null
  for (const { entry, since } of messages?.suspended.values() ?? []) {
    oldest = Math.min(oldest, since)
    suspendedFor = entry.verdict ?? null
  }
  let retry: DeliveryState['retry'] = null
  for (const { endedAttempts: attempts, state, nextAttemptAt, cause } of retried) {
    if (retry !== null && attempts <= retry.attempts) continue
    const waitMs = state === 'sending' ? 0 : Math.max(0, nextAttemptAt - now)
    retry = { attempts, waitMs, cause }
  }
  return {
    state: paused
      ? 'paused'
      : retried.length > 0
        ? 'retrying'
        : tally.failing !== null
          ? 'error'
          : inFlight > 0
            ? 'sending'
            : 'idle',
    queued: (backlog?.size ?? 0) + untilRetry,
    inFlight,
    retrying: retried.length,
    awaiting: messages?.awaiting.size ?? 0,
    suspended: messages?.suspended.size ?? 0,
    suspendedFor,
    oldestAgeMs: now - oldest,
    longestWaitMs: now - waitingSince,
    retry,
    paused,
    ...tally
  }
}

/** Until its next attempt is over, and not only until it begins: an outage does not end with each. */
function isRetried({ state, endedAttempts }: Message): boolean {
  return state === 'retrying' || (state === 'sending' && endedAttempts > 0)
}
