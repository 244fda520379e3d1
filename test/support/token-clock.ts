import type { Clock } from '../../src/oauth2/clock.ts'

/** A clock that stands until a test moves it. Its two times can be moved apart. */
export class FakeClock implements Clock {
  #wall = 1_700_000_000_000
  #monotonic = 5000

  now(): number {
    return this.#wall
  }

  monotonic(): number {
    return this.#monotonic
  }

  /** Lets time pass, in milliseconds. */
  pass(ms: number): void {
    this.#wall += ms
    this.#monotonic += ms
  }

  /** Somebody sets the clock, or the machine slept: only the wall clock knows. */
  setWall(ms: number): void {
    this.#wall += ms
  }
}
