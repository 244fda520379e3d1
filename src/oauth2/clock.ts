/** A point in time on both clocks, in milliseconds. */
export interface Instant {
  /** Wall clock, since the epoch. It may jump, and it counts the time that a machine sleeps. */
  wall: number
  /** Monotonic clock, from an arbitrary start. It never jumps, and may stand while a machine sleeps. */
  monotonic: number
}

/** What tells the time, so that tests can. */
export interface Clock {
  /** Wall clock, milliseconds since the epoch. */
  now(): number
  /** Monotonic clock, milliseconds from an arbitrary start. */
  monotonic(): number
}

/** The machine's own clocks. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now()
}

/** Both clocks at this moment. */
export function instant(clock: Clock): Instant {
  return { wall: clock.now(), monotonic: clock.monotonic() }
}
