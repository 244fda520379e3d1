const SCHEDULES = {
  /** Network, time-out, 5xx, 429, 408: it may pass by itself. */
  transient: { firstMs: 1000, maxMs: 60_000 },
  /** Credentials, settings, certificate: repeating it fast may lock the account. */
  permanent: { firstMs: 30_000, maxMs: 300_000 }
}
const MAX_RETRY_AFTER_MS = 3_600_000

/** What is known of a failure, as far as waiting goes. */
export interface Failure {
  permanent: boolean
  /** What the server asked for (`Retry-After`), in milliseconds. */
  retryAfterMs?: number | undefined
}

/**
 * How long to wait after a failure: doubling, capped, ± 20 %, never less than the server asked for
 * (of which at most one hour is believed).
 *
 * @param failures failures of this kind in a row, this one included, from 1
 * @param random 0 to 1
 * @returns milliseconds
 */
export function backOffMs(failure: Failure, failures: number, random: number): number {
  const { firstMs, maxMs } = SCHEDULES[failure.permanent ? 'permanent' : 'transient']
  const wait = Math.min(maxMs, firstMs * 2 ** Math.min(failures - 1, 20)) * (0.8 + 0.4 * random)
  return Math.max(wait, Math.min(failure.retryAfterMs ?? 0, MAX_RETRY_AFTER_MS))
}
