import type { DatabaseSync } from 'node:sqlite'
import type { Clock } from '../clock.ts'
import { metaNumber, setMeta } from './meta.ts'

/**
 * How long a queue has been open in all its runs, in milliseconds: the time of turns and deadlines. It is stored now
 * and then; what has passed since then, a crash takes back.
 */
export class Uptime {
  readonly #db: DatabaseSync
  readonly #clock: Pick<Clock, 'monotonic'>
  /** On the monotonic clock: when the queue would have been opened if this were its only run. */
  readonly #since: number
  #stored: number

  /** @param runMs what another thread knew of it in this run */
  constructor(db: DatabaseSync, clock: Pick<Clock, 'monotonic'>, runMs = 0) {
    this.#db = db
    this.#clock = clock
    this.#stored = metaNumber(db, 'uptime')
    this.#since = clock.monotonic() - Math.max(this.#stored, runMs)
  }

  get ms(): number {
    return this.#clock.monotonic() - this.#since
  }

  /** Stores it, unless it was stored within so many milliseconds. */
  keep(stepMs: number): void {
    if (this.ms - this.#stored >= stepMs) this.store()
  }

  store(): void {
    this.#stored = Math.round(this.ms)
    setMeta(this.#db, 'uptime', this.#stored)
  }
}
