/** Where all code gets the time from, so that tests can control it. */
export interface Clock {
  /**
   * Wall clock, milliseconds since 1970. It may jump, and it keeps running while a machine sleeps.
   */
  now(): number
  /** Milliseconds from an arbitrary start. It never jumps, and may stop while a machine sleeps. */
  monotonic(): number
  /** Calls back once after `ms` milliseconds; the result cancels it. */
  after(ms: number, callback: () => void): () => void
}

/** setTimeout turns a longer delay into 1 ms. */
const LONGEST_DELAY_MS = 2 ** 31 - 1

/** The machine's own clocks and timers. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(ms, callback) {
    const timer = setTimeout(callback, Math.min(ms, LONGEST_DELAY_MS))
    return () => {
      clearTimeout(timer)
    }
  }
}

/** Resolves after the wait, or as soon as the signal is aborted. */
export function sleep(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  return new Promise((resolve) => {
    const wake = (): void => {
      cancel()
      signal.removeEventListener('abort', wake)
      resolve()
    }
    const cancel = clock.after(ms, wake)
    signal.addEventListener('abort', wake)
  })
}
