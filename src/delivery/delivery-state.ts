import type { Verdict } from '../outbox/journal.ts'
import type { Backlog } from './backlog.ts'
import type { Messages } from './messages.ts'
import type { TallyValues } from './tally.ts'

/** What a status or an operator sees. */
export interface DeliveryState extends Omit<TallyValues, 'failing'> {
  state: 'idle' | 'sending' | 'retrying' | 'paused' | 'error'
  queued: number
  inFlight: number
  retrying: number
  suspended: number
  /** Why the last one was suspended. */
  suspendedFor: Verdict | null
  /** Of the oldest message that is held, suspended ones included. */
  oldestAgeMs: number
  /** The same without suspended ones. */
  longestWaitMs: number
  /** The message with the most attempts of those being retried, and why the last attempt failed. */
  retry: { attempts: number; waitMs: number; cause: string } | null
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
  { failing, ...tally }: TallyValues,
  isPaused: boolean,
  now: number
): DeliveryState {
  const { backlog, messages } = queue ?? NOTHING
  const active = [...(messages?.active.values() ?? [])]
  const retrying = active.filter(({ state }) => state === 'retrying')
  const inFlight = active.length - retrying.length
  let waitingSince = backlog?.oldest ?? now
  for (const { since } of active) waitingSince = Math.min(waitingSince, since)
  let oldest = waitingSince
  let suspendedFor: DeliveryState['suspendedFor'] = null
  for (const { entry, since } of messages?.suspended.values() ?? []) {
    oldest = Math.min(oldest, since)
    suspendedFor = entry.verdict ?? null
  }
  let retry: DeliveryState['retry'] = null
  for (const { entry, nextAttemptAt, cause } of retrying) {
    if (retry !== null && entry.attempts <= retry.attempts) continue
    retry = { attempts: entry.attempts, waitMs: Math.max(0, nextAttemptAt - now), cause }
  }
  return {
    state: isPaused
      ? 'paused'
      : inFlight > 0
        ? 'sending'
        : retrying.length > 0
          ? 'retrying'
          : failing
            ? 'error'
            : 'idle',
    queued: (backlog?.size ?? 0) + retrying.length,
    inFlight,
    retrying: retrying.length,
    suspended: messages?.suspended.size ?? 0,
    suspendedFor,
    oldestAgeMs: now - oldest,
    longestWaitMs: now - waitingSince,
    retry,
    ...tally
  }
}
