import type { DatabaseSync } from 'node:sqlite'
import type { Clock } from '../clock.ts'
import { getMeta, setMeta } from './meta.ts'
import type { ClockLeap } from './queue-types.ts'
import { leapsFrom } from './stored-json.ts'

const DAY_MS = 24 * 60 * 60 * 1000
/** The wall clock has leapt if it went by so much more, or less, than the monotonic one. */
const LEAP_MS = 60 * 60 * 1000
/** A machine that sleeps each night leaps each morning. */
const MOST_LEAPS = 32

/**
 * What has been kept for long enough, by the wall clock. That may be a year back while messages leave: when it is right
 * again, they are not a year old. So nothing is too old that left before the clock leapt forward, until that is long
 * enough ago itself.
 *
 * The clock of a machine that slept, or of a virtual one that was stopped, leaps in the same way, and nobody can tell: what
 * left before stays up to one period longer then, because the other mistake could not be made good.
 */
export class RecordAges {
  readonly #db: DatabaseSync
  readonly #clock: Pick<Clock, 'now' | 'monotonic'>
  /** The clocks at the last look. */
  #wall: number
  #time: number
  /** The wall clock, when it began to run without a leap. */
  #from: number
  #leaps: readonly ClockLeap[]

  /** @param db with the tables of `queue-schema.ts` */
  constructor(db: DatabaseSync, clock: Pick<Clock, 'now' | 'monotonic'>) {
    this.#db = db
    this.#clock = clock
    this.#wall = this.#from = clock.now()
    this.#time = clock.monotonic()
    this.#leaps = leapsFrom(getMeta(db, 'leaps'))
  }

  /** What left before is too old: wall clock, milliseconds. */
  cutoff(days: number): number {
    const cutoff = this.#look() - days * DAY_MS
    const recent = this.#leaps.filter(({ at }) => at > cutoff)
    return Math.min(cutoff, ...recent.map(({ from }) => from))
  }

  /** Stores what the next run has to know of it. */
  store(): void {
    const leaps = JSON.stringify(this.#leaps)
    if (this.#leaps.length > 0 && getMeta(this.#db, 'leaps') !== leaps) {
      setMeta(this.#db, 'leaps', leaps)
    }
  }

  #look(): number {
    const [now, time] = [this.#clock.now(), this.#clock.monotonic()]
    const leapt = now - this.#wall - (time - this.#time)
    this.#wall = now
    this.#time = time
    if (Math.abs(leapt) > LEAP_MS) {
      // What it leapt to before may never come.
      const known = this.#leaps.map(({ at, from }) => ({ at: Math.min(at, now), from }))
      if (leapt > 0) known.push({ at: now, from: this.#from })
      this.#leaps = known.slice(-MOST_LEAPS)
      this.#from = now
    }
    return now
  }
}
