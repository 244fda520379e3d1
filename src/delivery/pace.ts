import type { Clock } from '../clock.ts'
import type { AttemptResult } from './attempt-result.ts'

/** So much lateness of a timer is made up for, in milliseconds; more would be a burst. */
const SLACK_MS = 10
/** Statuses with which a receiver says that it gets too much. */
const TOO_MUCH = new Set([429, 503])

export interface PaceSettings {
  /** Attempts started per second at most; 0: no limit. */
  maxPerSecond: number
  /** Messages in flight at most. */
  places: number
}

/**
 * How fast messages go. Their rate is even; and after an outage one goes first, then the number in
 * flight doubles with each success: a receiver that has just come back gets no rush.
 */
export class Pace {
  readonly #settings: PaceSettings
  readonly #clock: Pick<Clock, 'monotonic' | 'after'>
  #places: number
  /** No attempt starts before this; on the monotonic clock. */
  #nextAt = -Infinity
  #cancelWait: (() => void) | undefined

  constructor(settings: PaceSettings, clock: Pick<Clock, 'monotonic' | 'after'>) {
    this.#settings = settings
    this.#clock = clock
    this.#places = settings.places
  }

  /** How many messages may be in flight now. */
  get places(): number {
    return this.#places
  }

  /**
   * Whether an attempt may start now.
   *
   * @param later is called once when one may, if not
   */
  mayStart(later: () => void): boolean {
    if (this.#settings.maxPerSecond === 0) return true
    const waitMs = this.#nextAt - this.#clock.monotonic()
    if (waitMs <= 0) return true
    this.#cancelWait ??= this.#clock.after(waitMs, () => {
      this.#cancelWait = undefined
      later()
    })
    return false
  }

  /** An attempt starts, or sends more than one request. */
  startAttempt(requests = 1): void {
    const { maxPerSecond } = this.#settings
    if (maxPerSecond === 0) return
    const from = Math.max(this.#nextAt, this.#clock.monotonic() - SLACK_MS)
    this.#nextAt = from + (requests * 1000) / maxPerSecond
  }

  /** How an attempt ended. */
  adaptTo({ answered, decision, reachable, reply, requests = 1 }: AttemptResult): void {
    if (requests > 1) this.startAttempt(requests - 1)
    if (reply !== undefined && TOO_MUCH.has(reply.status)) {
      this.#places = Math.max(1, this.#places >>> 1)
    } else if (!reachable) this.#places = 1
    else if (answered || decision.outcome === 'accept' || decision.outcome === 'await') {
      this.#places = Math.min(this.#settings.places, 2 * this.#places)
    }
  }

  close(): void {
    this.#cancelWait?.()
  }
}
