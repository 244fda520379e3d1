import type { Clock } from '../../src/clock.ts'

interface Timer {
  at: number
  callback: () => void
}

/** Lets everything that needs no time happen. */
export async function settled(turns = 3): Promise<void> {
  for (let turn = 0; turn < turns; turn++) await new Promise(setImmediate)
}

/** Time that stands still until a test moves it. Its two times can be moved apart. */
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

  /** Lets time pass, in milliseconds, for what has no timers. */
  pass(ms: number): void {
    this.#ms += ms
  }

  /** Somebody sets the clock, or the machine slept: only the wall clock knows. */
  setWall(ms: number): void {
    this.#start += ms
  }

  get timers(): number {
    return this.#timers.size
  }

  /** What a crash does to the timers of a process. */
  forgetTimers(): void {
    this.#timers.clear()
  }

  /** Moves time on, from timer to timer; `passed` is told of each piece before its timer fires. */
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
