import type { Clock } from '../clock.ts'
import type { Order, Preference } from '../queue/queue-types.ts'
import type { AttemptResult } from './attempt-result.ts'
import type { Address, Failover } from './failover.ts'
import { faultOf, statusOf, type Fault, type Topic } from './fault.ts'
import { Logins } from './logins.ts'
import { Neighbors } from './neighbors.ts'
import { restMs } from '../http-client/retry-after.ts'
import { causeOfResult } from './verdict.ts'
import { type RetrySettings, retrySettingsOf, retryWaitMs } from './retry-schedule.ts'

/** After so long at the start, all may go, in milliseconds: a receiver that is slow is not in trouble. */
const START_MS = 1000
/** So much lateness of a timer is made up for, in milliseconds; more would be a burst. */
const SLACK_MS = 10
/** After so many failures of the oldest message in a row, another one is asked. */
const PROBES_OF_OLDEST = 2

export interface GateSettings {
  order: Order
  /** Attempts started per second at most; 0: no limit. */
  maxPerSecond: number
  /** Messages in flight at most. */
  slots: number
  retry: RetrySettings
  /** What is not retried waits for no end of an outage. */
  isRetrying: boolean
  random: () => number
  /** More messages may go. */
  onOpen: () => void
  /** An outage begins or ends whose time counts for no message. */
  onUncounted: (isOutage: boolean) => void
  /** Undefined: there is no backup. */
  backup?: GateBackup | undefined
}

export interface GateBackup {
  failover: Failover
  /** Another address serves from now on. */
  onTurn: () => void
}

/** What follows from the end of an attempt. */
export interface AttemptEnd {
  /** Undefined if it did not fail. */
  fault: Fault | undefined
  /** How long this message has to wait at least, in milliseconds. */
  leastWaitMs: number
  /** It was sent before its turn to see whether an outage is over: this attempt is not held against it. */
  isExcused: boolean
  /** It goes to the other address at once. */
  goesOn: boolean
  /** It only asked whether the first address is back: a rule that counts retries does not count this one. */
  isAsking?: boolean
}

/** What the gate knows of a message on its way. */
export interface Sent {
  seq: number
  /** MSH-9 as `ADT^A01`. */
  type: string
  /** It brought an address of its own. */
  hasOwnAddress: boolean
}

/** What closed the gate, in the codes of a verdict. */
export interface OutageCause {
  cause: string
  about?: Topic
  operation?: string
}

/** An outage: nothing starts until its wait is over, then one message goes. */
interface Outage {
  why: OutageCause
  /** Waits so far. */
  waits: number
  /** On the monotonic clock. */
  until: number
  /** It ends when there is a token. */
  isWithoutToken: boolean
  /** Another message than the oldest may find it over: it may be about what the oldest contains. */
  mayBeOfOne: boolean
  /** The oldest has failed so many times in a row. */
  oldestFailed: number
  /** Messages that had never been tried have failed so many times in a row. */
  freshFailed: number
  /** The last message that was asked met a status that another one has disproved. */
  isDoubted: boolean
  /** Of the message that failed last. */
  type: string
}

/**
 * Lets messages go. Their rate is even, and only so many are in flight. In an outage (`fault.ts`) the gate is closed:
 * nothing starts until the wait is over; then one message goes, the oldest that may, and the wait doubles with each that
 * fails. Any other end opens it, and the number in flight doubles from one: a receiver in trouble is left in peace, and
 * one that has just come back gets no rush. At the start it does so for a second.
 *
 * A status may be about what one message contains, though it looks like an outage: then an answer to another message
 * disproves it (`neighbors.ts`), and only the message itself waits.
 *
 * With a backup, all of this is about the address that serves (`failover.ts`); what came of an attempt that asks the first
 * one tells whether that is back. If the backup wants rest, that closes no gate, because the first may be asked meanwhile.
 */
export class Gate {
  readonly #settings: GateSettings
  readonly #clock: Pick<Clock, 'monotonic' | 'after'>
  readonly #failover: Failover | undefined
  #neighbors: Neighbors
  #slots = 1
  /** No attempt starts before this; on the monotonic clock. */
  #nextAt = -Infinity
  #outage: Outage | undefined
  /** Messages that were sent to see whether the outage is over; whether they had never been tried. */
  readonly #probes = new Map<number, { isFresh: boolean }>()
  /** With a backup: where each message is on its way to, and with which one the first address is asked. */
  readonly #addresses = new Map<number, Address>()
  #asked: number | undefined
  #cutsInARow = 0
  #logins = new Logins()
  #cancelWait: (() => void) | undefined
  /** Stays when it has been called: the start comes once. After an outage or a turn, only answers let more go. */
  #cancelStart: (() => void) | undefined

  constructor(settings: GateSettings, clock: Pick<Clock, 'monotonic' | 'after'>) {
    this.#settings = settings
    this.#clock = clock
    this.#failover = settings.backup?.failover
    this.#neighbors = new Neighbors(settings.slots)
  }

  /** How many messages may be in flight now. */
  get slots(): number {
    return this.#slots
  }

  /** How long nothing starts because of an outage, in milliseconds. */
  get closedMs(): number {
    return Math.max(0, (this.#outage?.until ?? -Infinity) - this.#clock.monotonic())
  }

  /** Why nothing starts; undefined: there is no outage. */
  get outage(): OutageCause | undefined {
    return this.#outage?.why
  }

  /** Which message goes next: in an outage one that can tell whether it is over. */
  get preference(): Preference {
    const outage = this.#outage
    if (outage === undefined) return { first: 'alternate' }
    if (!outage.mayBeOfOne) return { first: 'retries' }
    const asksAnother = outage.isDoubted || outage.oldestFailed >= PROBES_OF_OLDEST
    const hasAsked = asksAnother || outage.oldestFailed > 0
    return {
      first: asksAnother ? 'newest' : 'retries',
      // What some contain may be common to their type.
      notType: hasAsked ? outage.type : undefined
    }
  }

  /**
   * Whether an attempt may start now.
   *
   * @param later is called when one may, if not
   */
  mayStart(later: () => void): boolean {
    const waitMs = Math.max(this.#nextAt - this.#clock.monotonic(), this.closedMs)
    if (waitMs <= 0) return true
    this.#cancelWait?.()
    this.#cancelWait = this.#clock.after(waitMs, later)
    return false
  }

  /** So many requests are sent. */
  countRequests(requests = 1): void {
    const { maxPerSecond } = this.#settings
    if (maxPerSecond === 0) return
    const from = Math.max(this.#nextAt, this.#clock.monotonic() - SLACK_MS)
    this.#nextAt = from + (requests * 1000) / maxPerSecond
  }

  /**
   * A message is on its way. If it is the first, the start ends in a second.
   *
   * @param isFresh it was never tried
   */
  beginAttempt(seq: number, isFresh: boolean, address: Address = 'first'): void {
    if (this.#failover !== undefined) {
      this.#addresses.set(seq, address)
      if (address !== this.#failover.serving) return
    }
    this.#neighbors.begin(seq)
    if (this.#outage !== undefined) {
      this.#probes.set(seq, { isFresh: isFresh && this.preference.first === 'newest' })
    }
    if (this.#slots === this.#settings.slots) return
    this.#cancelStart ??= this.#clock.after(START_MS, () => {
      this.#slots = this.#settings.slots
      this.#settings.onOpen()
    })
  }

  /** An attempt ended without a result: it says nothing. */
  forgetAttempt(seq: number): void {
    this.#addresses.delete(seq)
    this.#neighbors.end(seq)
    this.#probes.delete(seq)
  }

  /** With this message the first address is asked. */
  beginToAsk(seq: number): void {
    this.#asked = seq
  }

  /** A message is no longer on its way: if it was to ask the first address, and was not sent, it has not. */
  endOfWay(seq: number): void {
    if (this.#asked !== seq) return
    this.#asked = undefined
    this.#failover?.nothingToSend()
  }

  /**
   * Another address serves from now on; what was known of the one before says nothing of it.
   *
   * @param isByHand a person turned, and not an outage or its end
   */
  turn(to: Address, isByHand: boolean): void {
    this.#failover?.turn(to, isByHand)
    this.#asked = undefined
    this.#forgetReceiver()
    this.#settings.backup?.onTurn()
  }

  /** The backup takes over, if the outage has lasted long enough. */
  turnIfDue(): void {
    if (this.#failover?.isTurnDue === true) this.turn('backup', false)
  }

  /** How an attempt ended. */
  endAttempt(sent: Sent, result: AttemptResult): AttemptEnd {
    const { seq, hasOwnAddress } = sent
    const { requests = 1 } = result
    if (requests > 1) this.countRequests(requests - 1)
    const address = this.#addresses.get(seq)
    this.#addresses.delete(seq)
    if (address !== undefined && address !== this.#failover?.serving) {
      return this.#endElsewhere(sent, result)
    }
    this.#cutsInARow = result.isCutEarly ? this.#cutsInARow + 1 : 0
    const own = faultOf(result, { cutsInARow: this.#cutsInARow, hasOwnAddress })
    const probe = this.#probes.get(seq)
    this.#probes.delete(seq)
    if (own === undefined || own.waits === 'message') {
      this.#tellNeighbors(seq, own)
      const isLate = this.#outage !== undefined && probe === undefined
      // What was on its way when the outage began, and got no answer, says nothing of what has been since.
      if (!result.isCutEarly && !(isLate && result.reply === undefined)) this.#open()
      return { fault: own, leastWaitMs: restMs(result), isExcused: false, goesOn: false }
    }
    const status = this.#disprovableStatus(own, result)
    const word = status === undefined ? 'believed' : this.#neighbors.meet(seq, status)
    if (status === undefined) this.#neighbors.end(seq)
    // It is not everybody's, so it may be what this message holds: Caddy says 502 to a body that is too large.
    const fault = word === 'believed' ? own : { ...own, counts: true }
    if (word !== 'believed' && probe === undefined) {
      const leastWaitMs = this.#waitAlone(seq, fault, result)
      return { fault, leastWaitMs, isExcused: false, goesOn: false }
    }
    this.#slots = 1
    this.#cancelStart?.()
    const isExcused = probe?.isFresh === true
    if (this.#failover?.failed(fault.turnsToBackup === 'yes', result.elapsedMs) === true) {
      this.turn('backup', false)
      return { fault, leastWaitMs: restMs(result), isExcused, goesOn: !hasOwnAddress }
    }
    if (this.#closes(result)) this.#wait(fault, result, status, probe, sent.type)
    return { fault, leastWaitMs: this.closedMs, isExcused, goesOn: false }
  }

  /** There is a token again: that was the trouble, or it still is another one. */
  tokenIsBack(): void {
    if (this.#outage?.isWithoutToken) this.endOutage()
  }

  /** One message may go at once; what it comes to decides. */
  endWait(): void {
    if (this.#outage !== undefined) this.#outage.until = -Infinity
    this.#failover?.endWaits()
  }

  /** The same, and what follows is a new outage. */
  endOutage(): void {
    this.#outage = undefined
    this.#probes.clear()
    this.#settings.onUncounted(false)
  }

  /** All waits have ended, also those of messages that wait each for itself. */
  endAllWaits(): void {
    this.endOutage()
    this.#failover?.endWaits()
    this.#logins = new Logins()
  }

  /** This message does not wait for its turn to log in, or no longer. */
  forgetLogin(seq: number): void {
    this.#logins.forget(seq)
  }

  close(): void {
    this.#cancelWait?.()
    this.#cancelStart?.()
  }

  /** What came of an attempt at the address that does not serve: one that has asked it, or that began before a turn. */
  #endElsewhere({ seq, hasOwnAddress }: Sent, result: AttemptResult): AttemptEnd {
    const fault = faultOf(result, { hasOwnAddress })
    this.#neighbors.end(seq)
    this.#probes.delete(seq)
    const isAsking = seq === this.#asked
    if (isAsking) {
      this.#asked = undefined
      this.#readAnswerOfFirst(fault, result)
    }
    const leastWaitMs = restMs(result)
    // It may go nowhere else: it was not sent to ask.
    if (hasOwnAddress) return { fault, leastWaitMs, isExcused: false, goesOn: false }
    const isOutage = fault !== undefined && fault.waits !== 'message'
    // As long as nothing goes to the backup, this is an ordinary retry.
    const goesOn = isOutage && this.#failover?.isHeld !== true
    return { fault, leastWaitMs, isExcused: goesOn, goesOn, isAsking }
  }

  #readAnswerOfFirst(fault: Fault | undefined, result: AttemptResult): void {
    const failover = this.#failover
    if (failover === undefined) return
    const isAnswer = fault === undefined || hasAck(result)
    const isBack = isAnswer || fault.isOfApplication === true
    if (failover.returnsByItself) {
      if (isBack) this.turn('first', false)
      else failover.firstFailed()
    } else if (isBack || fault.waits === 'message') failover.firstAnswered()
    else failover.firstFailed()
  }

  /** Slowly at first, as after an outage. */
  #forgetReceiver(): void {
    this.endOutage()
    this.#logins = new Logins()
    this.#neighbors = new Neighbors(this.#settings.slots)
    this.#cutsInARow = 0
    this.#slots = 1
    this.#cancelStart?.()
  }

  #tellNeighbors(seq: number, fault: Fault | undefined): void {
    const isAboutMessage = fault === undefined || fault.of === 'message'
    if (!isAboutMessage) this.#neighbors.end(seq)
    else if (this.#neighbors.answered(seq)) this.#logins = new Logins()
  }

  /** The receiver is there: more and more may go. */
  #open(): void {
    this.endOutage()
    this.#failover?.answered()
    this.#slots = Math.min(this.#settings.slots, 2 * this.#slots)
    if (this.#slots === this.#settings.slots) this.#cancelStart?.()
  }

  /** In order, no neighbor gets an answer meanwhile; and who says when to come again, speaks for all. */
  #disprovableStatus(fault: Fault, result: AttemptResult): number | undefined {
    if (this.#settings.order === 'fifo' || result.reply === undefined) return undefined
    const speaksForAll = fault.isOfAll === true || result.retryAfterMs !== undefined
    return speaksForAll ? undefined : statusOf(result)
  }

  /** What leaves or fails at once would not wait; what is set aside would otherwise follow one after the other. */
  #closes({ decision }: AttemptResult): boolean {
    return decision.outcome === 'suspend' || (decision.retry && this.#settings.isRetrying)
  }

  /** Of messages with their own wait, one logs in at a time. */
  #waitAlone(seq: number, fault: Fault, { decision }: AttemptResult): number {
    if (fault.waits === 'node' || !decision.retry) return 0
    return this.#logins.plan(seq, this.#clock.monotonic(), (earlier) =>
      this.#waitMs(fault, earlier)
    )
  }

  #wait(
    fault: Fault,
    result: AttemptResult,
    status: number | undefined,
    probe: { isFresh: boolean } | undefined,
    type: string
  ): void {
    const { error, isCutEarly } = result
    let leastMs = restMs(result)
    if (this.#failover?.serving === 'backup') {
      this.#failover.wantsRest(leastMs)
      leastMs = 0
    }
    const now = this.#clock.monotonic()
    const last = this.#outage
    // What was on its way when the outage began says the same once more.
    if (last !== undefined && now < last.until) {
      last.until = Math.max(last.until, now + leastMs)
      return
    }
    const freshFailed = probe?.isFresh ? (last?.freshFailed ?? 0) + 1 : (last?.freshFailed ?? 0)
    if (status !== undefined) this.#neighbors.convict(status, freshFailed)
    const isDisproved = status !== undefined && this.#neighbors.isDisproved(status)
    const isDoubted = isDisproved && fault.waits === 'node'
    const waits = isDoubted ? 0 : (last?.waits ?? 0)
    this.#outage = {
      why: causeOfOutage(fault, result),
      waits: waits + 1,
      until: now + Math.max(this.#waitMs(fault, waits), leastMs),
      isWithoutToken: error?.family === 'token',
      mayBeOfOne: this.#settings.order !== 'fifo' && (status !== undefined || isCutEarly === true),
      oldestFailed: probe === undefined || probe.isFresh ? 0 : (last?.oldestFailed ?? 0) + 1,
      freshFailed,
      isDoubted,
      type
    }
    this.#settings.onUncounted(!fault.counts && !isDisproved)
  }

  #waitMs(fault: Fault, earlier: number): number {
    const { random, retry } = this.#settings
    return retryWaitMs(retrySettingsOf(retry, fault), earlier, random())
  }
}

function causeOfOutage({ about }: Fault, result: AttemptResult): OutageCause {
  const { operation } = result
  return {
    cause: causeOfResult(result),
    ...(about !== undefined && { about }),
    ...(operation !== undefined && { operation })
  }
}

/** An acknowledgement that counts came. */
function hasAck({ reply }: AttemptResult): boolean {
  return reply !== undefined && reply.ack !== null
}
