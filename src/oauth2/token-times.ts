import { backOffMs } from '../back-off.ts'
import type { Clock } from '../clock.ts'
import { restMs } from '../http-client/retry-after.ts'
import type { TokenErrorFacts } from './token-error.ts'

/** Seconds, of a token of which nothing is known: one that lives longer is replaced early, which costs a request. */
export const ASSUMED_LIFETIME = 300

const DAY = 86_400
const MAX_SOFT_WINDOW_MS = 300_000
const MAX_HARD_MARGIN_MS = 10_000
/** Many servers count in whole seconds: their tokens end up to a second earlier than they say. */
const WHOLE_SECOND_MS = 1000
const SCHEDULES = {
  /** Network, timeout, 5xx, 429, 408: it may pass on its own. */
  transient: { firstMs: 1000, maxMs: 60_000 },
  /** Credentials, settings, certificate: frequent retries may lock the account. */
  permanent: { firstMs: 30_000, maxMs: 300_000 },
  /** The same of a person's account, which is locked sooner, and for longer. */
  login: { firstMs: 30_000, maxMs: 3_600_000 }
}

/** A point in time on both clocks, in milliseconds. */
export interface Instant {
  /** Wall clock, since the epoch. It may jump, and it keeps running while a machine sleeps. */
  wall: number
  /**
   * Monotonic clock, from an arbitrary start. It never jumps, and may stop while a machine sleeps.
   */
  monotonic: number
}

/** When to refresh a token, and when to stop using it. */
export interface Validity {
  /** From here on, a refresh runs while the token is still used. */
  soft: Instant
  /** From here on, the token is not used. */
  hard: Instant
}

/** Both clocks at this moment. */
export function instant(clock: Clock): Instant {
  return { wall: clock.now(), monotonic: clock.monotonic() }
}

/**
 * Counts from the moment the request was sent, because the server's own count started later.
 *
 * @param lifetime seconds, at least 1
 * @param random 0 to 1: spreads the refreshes of several processes
 */
export function validity(sentAt: Instant, lifetime: number, random: number): Validity {
  const lifetimeMs = Math.min(lifetime, DAY) * 1000
  const rounding = Math.min(WHOLE_SECOND_MS, lifetimeMs / 3)
  const margin = Math.max(rounding, Math.min(MAX_HARD_MARGIN_MS, 0.1 * lifetimeMs))
  const longest = Math.max(1.5 * rounding, Math.min(MAX_SOFT_WINDOW_MS, 0.2 * lifetimeMs))
  const window = longest * (0.8 + 0.2 * random)
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

/**
 * How long to wait after a failure, never less than the server asked for.
 *
 * @param failures failures of this kind in a row, this one included, from 1
 * @param random 0 to 1
 * @param isLogin a person's password is sent
 * @returns milliseconds
 */
export function retryWaitMs(
  failure: Pick<TokenErrorFacts, 'permanent' | 'retryAfterMs'>,
  failures: number,
  random: number,
  isLogin = false
): number {
  const schedule = SCHEDULES[!failure.permanent ? 'transient' : isLogin ? 'login' : 'permanent']
  return Math.max(backOffMs(schedule, failures - 1, random), restMs(failure))
}
