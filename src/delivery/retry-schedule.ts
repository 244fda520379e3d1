import type { Fault } from './fault.ts'

/** Settings of the waits between attempts, in milliseconds. */
export interface RetrySettings {
  intervalMs: number
  maxIntervalMs: number
}

/** The wait between logins grows to this at least, in milliseconds. */
const LOGIN_INTERVAL_MS = 300_000

/** No server may delay a message longer than this with Retry-After, in milliseconds. */
const LONGEST_RETRY_AFTER_MS = 3_600_000

/**
 * The wait before the next attempt: exponential from the interval to its maximum, with ± 20 %
 * jitter so that many senders do not return to a recovering server in step. The maximum is never
 * exceeded; if it is no longer than the interval, the wait is fixed.
 *
 * @param retries retries of this message so far, from 0
 * @param random a number from 0 (inclusive) to 1 (exclusive)
 * @returns milliseconds
 */
export function retryWaitMs(
  { intervalMs, maxIntervalMs }: RetrySettings,
  retries: number,
  random: number
): number {
  if (intervalMs >= maxIntervalMs) return intervalMs
  return Math.min(backOff(intervalMs, retries) * (0.8 + 0.4 * random), maxIntervalMs)
}

/** The settings as they hold for this fault: between logins, the wait grows longer. */
export function retrySettingsOf(retry: RetrySettings, fault: Fault | undefined): RetrySettings {
  if (fault?.waits !== 'node, as after a login') return retry
  return { ...retry, maxIntervalMs: Math.max(retry.maxIntervalMs, LOGIN_INTERVAL_MS) }
}

/** For how long a server wants rest, in milliseconds, as far as that is heeded. */
export function restMs({ retryAfterMs = 0 }: { retryAfterMs?: number }): number {
  return Math.min(retryAfterMs, LONGEST_RETRY_AFTER_MS)
}

/** 2 ** 30 exceeds every sensible maximum; without a limit the product would become Infinity. */
function backOff(intervalMs: number, retries: number): number {
  return intervalMs * 2 ** Math.min(retries, 30)
}
