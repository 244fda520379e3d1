import { backOffMs } from '../back-off.ts'
import type { Fault } from './fault.ts'

/** Settings of the waits between attempts, in milliseconds. */
export interface RetrySettings {
  intervalMs: number
  maxIntervalMs: number
}

/** The wait between logins grows to this at least, in milliseconds. */
const LOGIN_INTERVAL_MS = 300_000

/**
 * The wait before the next attempt, from the interval to its maximum; if that is no longer than the interval, the wait
 * is fixed.
 *
 * @param retries retries of this message so far, from 0
 * @param random 0 to 1
 * @returns milliseconds
 */
export function retryWaitMs(
  { intervalMs, maxIntervalMs }: RetrySettings,
  retries: number,
  random: number
): number {
  if (intervalMs >= maxIntervalMs) return intervalMs
  return backOffMs({ firstMs: intervalMs, maxMs: maxIntervalMs }, retries, random)
}

/** The settings as they hold for this fault: between logins, the wait grows longer. */
export function retrySettingsOf(retry: RetrySettings, fault: Fault | undefined): RetrySettings {
  if (fault?.waits !== 'node, as after a login') return retry
  return { ...retry, maxIntervalMs: Math.max(retry.maxIntervalMs, LOGIN_INTERVAL_MS) }
}
