import type { Clock } from '../clock.ts'

/** Where messages go: to the address that is configured first, or to the backup. */
export type Address = 'first' | 'backup'

export interface FailoverSettings {
  /** So long an outage of the first address lasts before the backup takes over, in milliseconds; 0: a person decides. */
  afterMs: number
  /** The first address is asked again after so long, in milliseconds, then after twice that, and so on. */
  askAfterMs: number
}

/** The first address is asked at least so often, in milliseconds, while the backup serves. */
const MOST_BETWEEN_MS = 600_000
/** Nothing was there to ask it with: it is asked again after so long, in milliseconds, if there is. */
const NOTHING_TO_ASK_MS = 1000

/**
 * How far the first address has been asked: not now; a connection is being opened; it is open, for the next message; that
 * one was asked for, or is on its way.
 */
type Asking = 'no' | 'connecting' | 'open' | 'sent'

/**
 * Which of two addresses the messages of a node go to. It sends nothing: it is told what came of attempts, and asked.
 *
 * | state | and then | |
 * |---|---|---|
 * | the first serves | it fails in a way that turns (`fault.ts`) | out |
 * | out | any other answer, or a failure that does not turn | the first serves |
 * | out, for `afterMs` | | the backup serves |
 * | the first serves, back for less than `afterMs` | it fails in a way that turns | the backup serves |
 * | the backup serves | the first is asked, after `askAfterMs`, twice that, … ten minutes, and is back | the first serves |
 * | the backup serves | and fails as well: both are out | the wait is one: each time it ends, the first is asked, then the backup |
 * | both are out | and the backup wants rest (`Retry-After`) | nothing goes to the backup meanwhile; the first is asked as before, and what fails there is retried |
 * | any | a person turns | that address serves; the backup until a person turns back |
 *
 * To ask is to open a connection, and then to send one message, whose turn it is; if there is none, the next one that
 * comes. The waits grow only if the backup has served meanwhile. What brought a URL of its own goes to the first address
 * in the same way where a person has turned; its answer then turns nothing back.
 */
export class Failover {
  readonly #settings: FailoverSettings
  readonly #clock: Pick<Clock, 'monotonic'>
  #serving: Address = 'first'
  #isByHand = false
  /** Since when the first address fails in a way that turns; on the monotonic clock. */
  #outSince: number | undefined
  /** When it did so last. */
  #failedAt = -Infinity
  /** Messages have waited ever since. */
  #hasWaited = false
  #returnedAt = -Infinity
  /** The one that serves does not answer. */
  #isServingOut = false
  /** The backup wants rest until then; on the monotonic clock. */
  #restUntil = -Infinity
  /** It has answered since the first one was asked. */
  #hasServed = false
  #asking: Asking = 'no'
  #askAt = Infinity
  /** Waits before the first one is asked, so far. */
  #waits = 0
  /** Since the wait of an outage of both ended. */
  #hasAsked = false

  constructor(settings: FailoverSettings, clock: Pick<Clock, 'monotonic'>) {
    this.#settings = settings
    this.#clock = clock
  }

  get serving(): Address {
    return this.#serving
  }

  /** The backup serves because a person turned to it, and not an outage. */
  get isByHand(): boolean {
    return this.#isByHand
  }

  /** An answer of the first address brings everything back to it. */
  get returnsByItself(): boolean {
    return this.#serving === 'backup' && !this.#isByHand && this.#settings.afterMs > 0
  }

  /** The connection to the first address is open: the next message asks it. */
  get isOpen(): boolean {
    return this.#asking === 'open'
  }

  /**
   * A message has to be asked for that asks the first address.
   *
   * @param hasWork there is one, or one is being accepted
   */
  isMessageDue(hasWork: boolean): boolean {
    return hasWork && this.isOpen && this.#clock.monotonic() >= this.#askAt
  }

  /** A message that asks the first address was asked for, or is on its way; nobody has turned since. */
  get isAsking(): boolean {
    return this.#asking === 'sent'
  }

  /** Both are out: nothing goes to the backup while the first is being asked, or as long as the backup wants rest. */
  get isHeld(): boolean {
    const areOut = this.#serving === 'backup' && this.#isServingOut
    return areOut && (this.#isBeingAsked || this.#clock.monotonic() < this.#restUntil)
  }

  /** For so long neither is asked, because the backup wants rest, in milliseconds. */
  get heldMs(): number {
    const until = this.returnsByItself ? Math.min(this.#askAt, this.#restUntil) : this.#restUntil
    return Math.max(0, until - this.#clock.monotonic())
  }

  /**
   * When something has to be done, in milliseconds from now.
   *
   * @param hasWork there is a message with which the first address can be asked
   */
  nextInMs(hasWork: boolean): number {
    const now = this.#clock.monotonic()
    const turnsAt = this.#hasWaited ? this.#turnsAt : Infinity
    const asksAt = hasWork && !this.#isBeingAsked ? this.#askAt : Infinity
    const goesOnAt = this.#restUntil > now ? this.#restUntil : Infinity
    return Math.max(0, Math.min(turnsAt, asksAt, goesOnAt) - now)
  }

  /** The first address has to be asked now. */
  isAskDue(hasWork: boolean): boolean {
    if (!hasWork || this.#asking !== 'no') return false
    const isAfterWait = this.#isServingOut && this.returnsByItself && !this.#hasAsked
    return isAfterWait || this.#clock.monotonic() >= this.#askAt
  }

  /** The outage of the first address has lasted long enough, and messages wait for its end. */
  get isTurnDue(): boolean {
    return this.#hasWaited && this.#clock.monotonic() >= this.#turnsAt
  }

  /** The address that serves gave an answer. */
  answered(): void {
    this.#outSince = undefined
    this.#isServingOut = false
    this.#restUntil = -Infinity
    this.#hasServed = true
  }

  /**
   * The address that serves has an outage.
   *
   * @param turns it is one that turns to a backup
   * @param attemptMs so long the attempt took that met it, in milliseconds
   * @returns the backup takes over at once
   */
  failed(turns: boolean, attemptMs = 0): boolean {
    const now = this.#clock.monotonic()
    this.#isServingOut = true
    this.#hasAsked = false
    if (this.#serving === 'backup' || this.#settings.afterMs === 0) return false
    if (!turns) {
      this.#outSince = undefined
      return false
    }
    // Nobody knows how it was between the two attempts.
    if (now - attemptMs - this.#failedAt > this.#settings.afterMs) this.#outSince = undefined
    this.#failedAt = now
    this.#hasWaited = true
    this.#outSince ??= now
    return now - this.#returnedAt < this.#settings.afterMs || this.isTurnDue
  }

  /** The backup, which serves, wants rest for so long, in milliseconds. */
  wantsRest(ms: number): void {
    this.#restUntil = Math.max(this.#restUntil, this.#clock.monotonic() + ms)
  }

  /** No message waits: until one fails, nobody knows whether the outage goes on. */
  nothingWaits(): void {
    this.#hasWaited = false
  }

  /** Nothing is sent: nobody knows how long an outage lasts. */
  forgetOutage(): void {
    this.#outSince = undefined
  }

  /** Both may be asked at once. */
  endWaits(): void {
    this.#askAt = this.#clock.monotonic()
    this.#restUntil = -Infinity
  }

  /** The first one is asked: first for a connection. */
  beginToAsk(): void {
    this.#asking = 'connecting'
    this.#hasAsked = true
  }

  /** There is a connection to it, or none can be had. */
  connected(isOpen: boolean): void {
    if (this.#asking !== 'connecting') return
    if (!isOpen) this.firstFailed()
    else {
      this.#asking = 'open'
      this.#askAt = this.#clock.monotonic()
    }
  }

  /** A message that asks it was asked for. */
  messageAskedFor(): void {
    this.#asking = 'sent'
  }

  /** There was none: it is asked with the next one. */
  nothingToSend(): void {
    if (this.#asking !== 'sent') return
    this.#asking = 'open'
    this.#askAt = this.#clock.monotonic() + NOTHING_TO_ASK_MS
  }

  /** The first one, which was asked, is there; but everything else stays where it is. */
  firstAnswered(): void {
    this.#asking = 'no'
    this.#askAt = this.#clock.monotonic()
  }

  /** The first one, which was asked, is still out. */
  firstFailed(): void {
    this.#asking = 'no'
    if (this.#hasServed) this.#waits++
    this.#planToAsk()
  }

  /**
   * Another address serves from now on.
   *
   * @param isByHand a person turned, and not an outage or its end
   */
  turn(to: Address, isByHand: boolean): void {
    const now = this.#clock.monotonic()
    const isReturn = to === 'first' && !isByHand && this.#serving === 'backup'
    const isFlapping = to === 'backup' && now - this.#returnedAt < this.#settings.afterMs
    if (isReturn) this.#returnedAt = now
    else if (!isFlapping) this.#returnedAt = -Infinity
    if (to === 'backup' && !isFlapping) this.#waits = 0
    this.#serving = to
    this.#isByHand = to === 'backup' && isByHand
    this.#outSince = undefined
    this.#isServingOut = false
    this.#restUntil = -Infinity
    this.#asking = 'no'
    this.#planToAsk()
  }

  /** The last run ended while the backup served: the first may be back. */
  resume(isByHand: boolean): void {
    this.turn('backup', isByHand)
    this.#askAt = this.#clock.monotonic()
  }

  get #isBeingAsked(): boolean {
    return this.#asking === 'connecting' || this.#asking === 'sent'
  }

  /** When the outage will have lasted long enough. */
  get #turnsAt(): number {
    const { afterMs } = this.#settings
    return this.#outSince === undefined || afterMs === 0 ? Infinity : this.#outSince + afterMs
  }

  #planToAsk(): void {
    const waitMs = Math.min(this.#settings.askAfterMs * 2 ** this.#waits, MOST_BETWEEN_MS)
    this.#askAt = this.#clock.monotonic() + waitMs
    this.#hasServed = false
  }
}
