import type { Clock } from '../../src/clock.ts'

interface Timer {
  at: number
  callback: () => void
}

/** Lets everything happen that takes no time. */
export async function settled(turns = 3): Promise<void> {
  for (let turn = 0; turn < turns; turn++) await new Promise(setImmediate)
}

/** A clock that only the test moves. Wall clock and monotonic time can be moved independently. */
export class FakeClock implements Clock {
  #ms = 0
  /** The wall clock at the start. */
  #start = Date.UTC(2026, 0, 1)
  readonly #timers = new Set<Timer>()

  now(): number {
    return this.#start + this.#ms
  }

  monotonic(): number {
    return this.#ms
  }

  after(ms: number, callback: () => void): () => void {
    const timer = { at: this.#ms + Math.max(0, ms), callback }
    this.#timers.add(timer)
    return () => {
      this.#timers.delete(timer)
    }
  }

  /** Lets milliseconds pass without firing timers. */
  pass(ms: number): void {
    this.#ms += ms
  }

  /** Moves only the wall clock: it was set, or the machine slept. */
  setWall(ms: number): void {
    this.#start += ms
  }

  get timers(): number {
    return this.#timers.size
  }

  /** Drops all timers, as a crash does. */
  forgetTimers(): void {
    this.#timers.clear()
  }

  /** Advances from timer to timer; `passed` gets each step before its timer fires. */
  async advance(ms: number, passed: (ms: number) => void = () => undefined): Promise<void> {
    const end = this.#ms + ms
    for (;;) {
      let next: Timer | undefined
      for (const timer of this.#timers) {
        if (timer.at <= end && (next === undefined || timer.at < next.at)) next = timer
      }
      const to = next?.at ?? end
      if (to > this.#ms) passed(to - this.#ms)
      this.#ms = Math.max(this.#ms, to)
      if (next === undefined) break
      this.#timers.delete(next)
      next.callback()
      await settled()
    }
    await settled()
  }
}
