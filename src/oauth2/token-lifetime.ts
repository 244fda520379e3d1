import type { Instant } from './clock.ts'

const DAY = 86_400
/** A "lifetime" above this is a date in seconds since the epoch (31 years and more). */
const DATE_LIKE = 1e9
const MAX_SOFT_WINDOW_MS = 300_000
const MAX_HARD_MARGIN_MS = 10_000

/**
 * `expires_in` (RFC 6749 §5.1): a number of seconds, or one in a string.
 *
 * @returns `undefined` for anything else: negative, `"3599s"`, a date
 */
export function lifetimeSeconds(value: unknown): number | undefined {
  const seconds =
    typeof value === 'string' && /^\s{0,9}\d{1,15}(?:\.\d{0,9})?\s{0,9}$/.test(value)
      ? Number(value)
      : value
  return typeof seconds === 'number' && seconds >= 0 && seconds < DATE_LIKE ? seconds : undefined
}

/** When a token is to be refreshed, and when it must not be used any more. */
export interface Validity {
  /** From here on a refresh runs while the token still serves. */
  soft: Instant
  /** From here on the token is not used. */
  hard: Instant
}

/**
 * Counts from the moment the request was sent, because the server's own count began later.
 *
 * @param lifetime seconds, at least 1
 * @param random 0 to 1: spreads the refreshes of several processes
 */
export function validity(sentAt: Instant, lifetime: number, random: number): Validity {
  const lifetimeMs = Math.min(lifetime, DAY) * 1000
  const margin = Math.min(MAX_HARD_MARGIN_MS, 0.1 * lifetimeMs)
  const window = Math.min(MAX_SOFT_WINDOW_MS, 0.2 * lifetimeMs) * (0.8 + 0.2 * random)
  return {
    soft: later(sentAt, lifetimeMs - window),
    hard: later(sentAt, lifetimeMs - margin)
  }
}

/** Whether a point in time has come, by either of the clocks. */
export function isPast(now: Instant, point: Instant): boolean {
  return now.monotonic >= point.monotonic || now.wall >= point.wall
}

function later({ wall, monotonic }: Instant, ms: number): Instant {
  return { wall: wall + ms, monotonic: monotonic + ms }
}
