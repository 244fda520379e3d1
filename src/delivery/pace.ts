import type { Clock } from '../clock.ts'
import type { AttemptResult } from './attempt-result.ts'
import { LONGEST_RETRY_AFTER_MS, retryWaitMs, type RetrySettings } from './retry-schedule.ts'

/** After so long at the start, all may go, in milliseconds: a receiver that is slow is not in trouble. */
const START_MS = 1000
/** So much lateness of a timer is made up for, in milliseconds; more would be a burst. */
const SLACK_MS = 10
/** Statuses that say something about the receiver, the address or the credentials, not about the message. */
const OUTAGE_STATUSES = new Set([401, 403, 404, 407, 429, 431, 502, 503, 504])
/** With these, each attempt is a login: too many may lock the account. */
const LOGIN_STATUSES = new Set([401, 403, 407])
/** The wait between logins grows to this at least, in milliseconds. */
const LOGIN_INTERVAL_MS = 300_000

export interface PaceSettings {
  /** Attempts started per second at most; 0: no limit. */
  maxPerSecond: number
  /** Messages in flight at most. */
  places: number
  retry: RetrySettings
  /** What is not retried waits for no end of an outage. */
  isRetrying: boolean
  random: () => number
  /** More messages may go. */
  onOpen: () => void
}

/**
 * How fast messages go. Their rate is even; and in an outage nothing starts until the wait is over: then one message
 * goes, and the wait doubles with each that fails. Any other answer ends the outage, and the number in flight doubles
 * from one with each success: a receiver in trouble is left in peace, and one that has just come back gets no rush. At
 * the start it does so for a second.
 */
export class Pace {
  readonly #settings: PaceSettings
  readonly #clock: Pick<Clock, 'monotonic' | 'after'>
  #places = 1
  /** No attempt starts before this; on the monotonic clock. */
  #nextAt = -Infinity
  /** Nor before this, in an outage. */
  #closedUntil = -Infinity
  /** Waits of this outage. */
  #waits = 0
  #isWithoutToken = false
  #cancelWait: (() => void) | undefined
  #cancelStart: (() => void) | undefined

  constructor(settings: PaceSettings, clock: Pick<Clock, 'monotonic' | 'after'>) {
    this.#settings = settings
    this.#clock = clock
  }

  /** How many messages may be in flight now. */
  get places(): number {
    return this.#places
  }

  /** How long nothing starts because of an outage, in milliseconds. */
  get outageMs(): number {
    return Math.max(0, this.#closedUntil - this.#clock.monotonic())
  }

  /**
   * Whether an attempt may start now.
   *
   * @param later is called when one may, if not
   */
  mayStart(later: () => void): boolean {
    const waitMs = Math.max(this.#nextAt, this.#closedUntil) - this.#clock.monotonic()
    if (waitMs <= 0) return true
    this.#cancelWait?.()
    this.#cancelWait = this.#clock.after(waitMs, later)
    return false
  }

  /** An attempt starts, or sends more than one request. */
  startAttempt(requests = 1): void {
    const { maxPerSecond } = this.#settings
    if (maxPerSecond === 0) return
    const from = Math.max(this.#nextAt, this.#clock.monotonic() - SLACK_MS)
    this.#nextAt = from + (requests * 1000) / maxPerSecond
  }

  /** A message is on its way: if it is the first, the start ends in a second. */
  endStartSoon(): void {
    if (this.#places === this.#settings.places) return
    this.#cancelStart ??= this.#clock.after(START_MS, () => {
      this.#places = this.#settings.places
      this.#settings.onOpen()
    })
  }

  /** How an attempt ended. */
  adaptTo(result: AttemptResult): void {
    const { answered, decision, reply, requests = 1 } = result
    if (requests > 1) this.startAttempt(requests - 1)
    if (isOutage(result)) {
      this.#places = 1
      this.#cancelStart?.()
      if (decision.retry && this.#settings.isRetrying) this.#wait(result)
    } else if (reply !== undefined) {
      this.endOutage()
      if (answered || decision.outcome === 'accept' || decision.outcome === 'await') {
        this.#places = Math.min(this.#settings.places, 2 * this.#places)
        if (this.#places === this.#settings.places) this.#cancelStart?.()
      }
    }
  }

  /** There is a token again: that was the trouble, or it still is another one. */
  tokenIsBack(): void {
    if (this.#isWithoutToken) this.endOutage()
  }

  /** One message may go at once. */
  endOutage(): void {
    this.#closedUntil = -Infinity
    this.#waits = 0
    this.#isWithoutToken = false
  }

  close(): void {
    this.#cancelWait?.()
    this.#cancelStart?.()
  }

  #wait(result: AttemptResult): void {
    const { error, retryAfterMs } = result
    const { random, retry } = this.#settings
    const now = this.#clock.monotonic()
    // What was on its way when the outage began says the same once more.
    if (now < this.#closedUntil) {
      const leastMs = Math.min(retryAfterMs ?? 0, LONGEST_RETRY_AFTER_MS)
      this.#closedUntil = Math.max(this.#closedUntil, now + leastMs)
      return
    }
    const isLogin = error?.family !== 'token' && LOGIN_STATUSES.has(countedStatus(result))
    const maxIntervalMs = isLogin
      ? Math.max(retry.maxIntervalMs, LOGIN_INTERVAL_MS)
      : retry.maxIntervalMs
    const waits = this.#waits++
    this.#closedUntil =
      now + retryWaitMs({ ...retry, maxIntervalMs }, waits, random(), retryAfterMs)
    this.#isWithoutToken = error?.family === 'token'
  }
}

/** No connection, no token, or a status that every message would get now. */
function isOutage(result: AttemptResult): boolean {
  const { error, meaning, reply } = result
  if (reply !== undefined && reply.ack !== null) return false
  if (error?.family === 'token' || error?.family === 'connect' || error?.family === 'tls') {
    return true
  }
  return meaning === 'tls' || OUTAGE_STATUSES.has(countedStatus(result))
}

/** The status, be it that of the proxy, or the one that the reply means; 0 if there is none. */
function countedStatus({ error, meaning, reply, status }: AttemptResult): number {
  if (typeof meaning === 'number') return meaning
  return status ?? reply?.status ?? error?.proxyStatus ?? 0
}
