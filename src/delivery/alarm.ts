import type { Clock } from '../clock.ts'

/** Rings once, at the earliest of the times that it is set to. */
export class Alarm {
  readonly #clock: Pick<Clock, 'monotonic' | 'after'>
  readonly #ring: () => void
  /** On the monotonic clock; Infinity: it is not set. */
  #at = Number.POSITIVE_INFINITY
  #cancelTimer: (() => void) | undefined

  constructor(clock: Pick<Clock, 'monotonic' | 'after'>, ring: () => void) {
    this.#clock = clock
    this.#ring = ring
  }

  /** @param ms from now, in milliseconds; 0 or less: soon; null: not at all */
  setIn(ms: number | null): void {
    if (ms === null) return
    const at = this.#clock.monotonic() + ms
    if (at >= this.#at) return
    this.#cancelTimer?.()
    this.#at = at
    this.#cancelTimer = this.#clock.after(Math.max(0, ms), () => {
      this.#at = Number.POSITIVE_INFINITY
      this.#ring()
    })
  }

  /** It rings no more, and cannot be set any more. */
  close(): void {
    this.#cancelTimer?.()
    this.#at = Number.NEGATIVE_INFINITY
  }
}
