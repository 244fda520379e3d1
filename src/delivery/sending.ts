import { sleep } from '../clock.ts'
import type { Claim } from '../queue/message-queue.ts'
import type { AttemptResult } from './attempt-result.ts'
import type { WatchWork } from './careful-start.ts'
import { countsTime, faultOf, mayHaveArrived } from './fault.ts'
import type { Address } from './failover.ts'
import type { AttemptEnd } from './gate.ts'
import type { LastAttempt, LastAttempts } from './last-attempts.ts'
import { Message } from './message.ts'
import type { HowStored, Moving } from './moving.ts'
import type { Pausing } from './pausing.ts'
import { isGone, lost } from './queue-errors.ts'
import { retryWaitMs } from './retry-schedule.ts'
import {
  discardedSettlement,
  failedSettlement,
  keptAnswer,
  settlementOf,
  type Settlement
} from './settlement.ts'
import { causeOfResult, verdictOf } from './verdict.ts'
import { moved, settledMessage, TRY_AGAIN_MS, type Wish, type WorkContext } from './work-context.ts'

/** What it needs of the delivery. */
type SendingContext<Content> = Pick<
  WorkContext<Content>,
  | 'abort'
  | 'careful'
  | 'closing'
  | 'gate'
  | 'giveUpClock'
  | 'inFlight'
  | 'maySend'
  | 'options'
  | 'queue'
  | 'stopReading'
  | 'tell'
  | 'wishes'
>

/** One attempt of a message, and what follows from it. */
export class Sending<Content> {
  readonly #context: SendingContext<Content>
  readonly #pausing: Pausing<Content>
  readonly #moving: Moving<Content>
  readonly #lastAttempts: LastAttempts
  /** Messages that wait for a token. */
  readonly #withoutToken = new Set<number>()
  /** Messages that wait because of an outage, if there is a backup: when it takes over, they may go. */
  readonly #inOutage = new Set<number>()

  constructor(
    context: SendingContext<Content>,
    pausing: Pausing<Content>,
    moving: Moving<Content>,
    lastAttempts: LastAttempts
  ) {
    this.#context = context
    this.#pausing = pausing
    this.#moving = moving
    this.#lastAttempts = lastAttempts
  }

  /** Takes a message whose turn it is to the receiver once; if its time is over, it is decided on its last answer. */
  send(claim: Claim, address: Address, isStill: () => boolean): Promise<void> {
    const maySend = (): boolean => this.#context.maySend() && isStill()
    return this.#send(claim, address, maySend)
  }

  /** The time of a message seems to be over: it is decided on its last answer, or its turn comes as it would have. */
  endRetries(claim: Claim): Promise<void> {
    return this.#send(claim, 'first', () => false)
  }

  async #send(claim: Claim, address: Address, maySend: () => boolean): Promise<void> {
    const { closing, inFlight, queue, tell, wishes } = this.#context
    const { seq } = claim.row
    inFlight.set(seq, claim)
    let forgetClock: (() => void) | undefined
    try {
      const message = await this.#restored(claim)
      if (message === undefined) return
      message.countWait(this.#context.giveUpClock.ms)
      forgetClock = this.#pausing.keepClock(message)
      const wish = wishes.get(seq)
      if (wish !== undefined) {
        await this.#obey(message, wish, this.#lastAttempts.take(seq)?.settlement)
        return
      }
      const final = this.#lastAttempts.finalOf(message)
      if (final !== undefined && !this.#pausing.isPaused && !closing.aborted) {
        this.#lastAttempts.take(seq)
        await this.#decide(message, final)
        return
      }
      // While it was read, the node was paused or closed, or lost its receiver.
      if (!maySend()) {
        queue.release(seq)
        return
      }
      const last = this.#lastAttempts.take(seq)
      tell(moved(message, 'sending'))
      const attempt = await this.#attempt(message, address)
      if (attempt === undefined) return
      const { end, result } = attempt
      await this.#act(message, withRefusedReply(result, last), end)
    } finally {
      // It may be on its way again, with another claim.
      if (inFlight.get(seq) === claim) inFlight.delete(seq)
      forgetClock?.()
    }
  }

  /** There is a token again: messages that waited for one may go. */
  async makeDueWithToken(): Promise<void> {
    const seqs = [...this.#withoutToken]
    this.#withoutToken.clear()
    if (seqs.length > 0) await this.#context.queue.call('makeDue', seqs)
  }

  /** There is another address: messages that waited for the end of an outage may go. */
  async makeDueAfterOutage(): Promise<void> {
    const seqs = [...this.#inOutage]
    this.#inOutage.clear()
    if (seqs.length > 0) await this.#context.queue.call('makeDue', seqs)
  }

  /** Hands on what an earlier run has settled, however long it takes to read it. */
  async handOnStored(seq: number): Promise<void> {
    const { careful, closing, options, queue, tell } = this.#context
    while (!closing.aborted) {
      try {
        const restored = await careful.watchWork(seq, () => queue.read(seq))
        // Closed meanwhile, it leaves at the next start.
        if (this.#context.closing.aborted) return
        const message = new Message(restored.row, restored.content)
        if (restored.outcome !== undefined) {
          this.#moving.handOn(message, restored.outcome as Settlement)
          return
        }
        // It is damaged: what became of the message is found out by sending it once more.
        if (await this.#moving.store(message, { to: 'waiting', atLast: true })) return
      } catch (error) {
        if (isGone(error)) {
          tell(lost(seq, error))
          return
        }
        tell({ kind: 'unreadable', error, againMs: TRY_AGAIN_MS })
      }
      await sleep(options.clock, TRY_AGAIN_MS, closing)
    }
  }

  /** @returns undefined if it is lost, or cannot be read now */
  async #restored(claim: Claim): Promise<Message<Content> | undefined> {
    const { careful, queue, stopReading, tell, wishes } = this.#context
    const { seq } = claim.row
    this.#withoutToken.delete(seq)
    this.#inOutage.delete(seq)
    try {
      const { row, content } = await careful.watchWork(seq, () => queue.restore(claim))
      return new Message(row, content)
    } catch (error) {
      if (isGone(error)) {
        wishes.delete(seq)
        tell(lost(seq, error))
      } else {
        queue.release(seq)
        stopReading(error)
      }
      return undefined
    }
  }

  /** @returns undefined if there was no decision */
  async #attempt(
    message: Message<Content>,
    address: Address
  ): Promise<{ result: AttemptResult; end: AttemptEnd } | undefined> {
    const { abort, careful, closing, gate, options, tell } = this.#context
    const { row } = message
    gate.beginAttempt(row.seq, message.attempts === 0, address)
    const startedAt = options.clock.now()
    this.#countTime(message)
    message.counts = true
    message.attempts++
    let result: AttemptResult
    try {
      const watchWork: WatchWork = (work) => careful.watchWork(row.seq, work)
      const { acceptedAt, seq } = row
      const again = message.mayHaveArrived || message.saidNotTaken
      const about = { seq, acceptedAt, again, address }
      result = await options.attempt(message.content, abort, watchWork, about)
    } catch (error) {
      gate.forgetAttempt(row.seq)
      if (abort.aborted) await this.#waitAgain(message)
      else {
        const settlement = failedSettlement(settledMessage(message), error, options.clock.now())
        await this.#moving.leave(message, settlement)
      }
      return undefined
    } finally {
      careful.endAttempt()
    }
    const { reply, error, elapsedMs, repeats = 0, requestId } = result
    message.attempts += repeats
    const retry = message.ruleRetries?.next
    message.record({
      at: startedAt,
      ms: Math.round(elapsedMs),
      result: causeOfResult(result),
      ...(retry && { retry }),
      ...(requestId !== undefined && { requestId }),
      ...(address === 'backup' && { backup: options.backup?.hosts.backup ?? '' })
    })
    // The auth node may be closed before this one.
    const isAborted = abort.aborted || error?.code === 'ERR_ABORTED'
    if (reply === undefined && closing.aborted && isAborted) {
      gate.forgetAttempt(row.seq)
      // The outcome is unknown: a durable message stays for the next start.
      await this.#waitAgain(message)
      return undefined
    }
    const end = gate.endAttempt(row, result)
    tell({ kind: 'attempted', message: settledMessage(message), result, fault: end.fault })
    if (result.decision.outcome === 'await' || mayHaveArrived(result)) message.mayHaveArrived = true
    if (end.fault?.saidNotTaken === true) message.saidNotTaken = true
    message.counts = countsTime(end.fault, options) && !end.isExcused
    this.#countTime(message)
    return { result, end }
  }

  /** Does what the rules say. */
  async #act(
    message: Message<Content>,
    result: AttemptResult,
    { fault, goesOn, isAsking = false, leastWaitMs }: AttemptEnd
  ): Promise<void> {
    const { options, tell, wishes } = this.#context
    const now = options.clock.now()
    const settlement = settlementOf(settledMessage(message), message.attempts, result, now)
    const isCounted = !isAsking
    const waitMs = this.retryInMs(message, result, { leastMs: leastWaitMs, isCounted })
    const isSettled = waitMs === undefined && hasAnswer(result, settlement)
    const wish = wishes.get(message.row.seq)
    if (!isSettled && wish !== undefined) {
      await this.#obey(message, wish, settlement)
      return
    }
    if (waitMs === undefined) {
      await this.#decide(message, { result, settlement })
      return
    }
    // Of a message that stays, codes and as much of the answer as an error shows are kept.
    message.verdict = verdictOf(settlement)
    if (isCounted) message.countForRule(result.decision)
    if (goesOn) {
      const isStored = await this.#moving.store(message, { to: 'waiting', atLast: true })
      if (isStored) tell(moved(message, 'retrying', { result }))
      return
    }
    const isOutage = fault !== undefined && fault.waits !== 'message'
    if (isOutage && options.backup !== undefined) this.#inOutage.add(message.row.seq)
    if (result.error?.family === 'token') this.#withoutToken.add(message.row.seq)
    await this.retry(message, { result, settlement }, waitMs, { atLast: true })
  }

  /**
   * Does what an operator wants of a message that was on its way.
   *
   * @param last how it would have left, if it was tried
   */
  async #obey(
    message: Message<Content>,
    { act, by }: Wish,
    last: Settlement | undefined
  ): Promise<void> {
    const { options, tell } = this.#context
    if (act === 'set-aside') {
      const isStored = await this.#moving.setAside(message, by, {
        ...(last && { last }),
        atLast: true
      })
      if (isStored) tell({ kind: 'set-aside', count: 1, by })
      return
    }
    const now = options.clock.now()
    message.record({ at: now, act: 'discarded', by })
    await this.#moving.leave(message, discardedSettlement(settledMessage(message), now, last))
    tell({ kind: 'discarded', count: 1, by })
  }

  /** Does what the rules say of a message that is not retried. */
  async #decide(message: Message<Content>, last: LastAttempt): Promise<void> {
    const { options, tell } = this.#context
    const { result } = last
    const { decision } = result
    const now = options.clock.now()
    const settlement = { ...last.settlement, settledAt: now }
    this.#readEnd(message, result)
    if (decision.outcome === 'await') {
      message.verdict = { ...verdictOf(settlement), awaits: decision.late ?? 'suspend' }
      message.record({ at: now, act: 'awaiting', by: 'rule', rule: message.verdict.rule })
      const isStored = await this.#moving.store(message, {
        to: 'awaiting',
        atLast: true,
        dueInMs: options.applicationAckMs,
        // If nothing else is known later, it was accepted, and that is what it leaves with.
        outcome: keptAnswer(settlement)
      })
      if (isStored) tell(moved(message, 'awaiting', { result }))
    } else if (decision.outcome === 'suspend') {
      await this.#moving.suspend(message, result, keptAnswer(settlement), { atLast: true })
    } else if (decision.outcome === 'disable') {
      message.verdict = verdictOf(settlement)
      const [, isStored] = await Promise.all([
        this.#pausing.pauseByRule(decision.rule),
        this.#moving.store(message, { to: 'waiting', atLast: true })
      ])
      if (isStored) tell(moved(message, 'waiting', { result }))
    } else await this.#moving.leave(message, settlement)
  }

  /** Whether it was tried in vain for all of its time, or got an answer that is about itself. */
  #readEnd(message: Message<Content>, result: AttemptResult): void {
    const { giveUpClock, options } = this.#context
    const { decision, reply } = result
    if (!decision.retry) {
      const isOfMessage = decision.outcome === 'fail' || decision.outcome === 'refuse'
      if (isOfMessage && reply !== undefined) giveUpClock.answered()
      return
    }
    const isByTime =
      options.failureTimeoutMs > 0 && !options.failWhileUnreachable && !message.hasRetried(decision)
    if (isByTime && faultOf(result)?.of === 'nobody knows') giveUpClock.addInVain(message.row.seq)
  }

  /**
   * @param options.leastMs nothing is sent before that
   * @param options.isCounted a rule that counts retries counts this one
   * @returns in how many milliseconds it is tried again, or its time is over; undefined if it is not tried again
   */
  retryInMs(
    message: Message<Content>,
    result: AttemptResult,
    { leastMs = 0, isCounted = true } = {}
  ): number | undefined {
    const { failureTimeoutMs, random, retry } = this.#context.options
    const leftMs = this.#leftMs(message)
    const { decision } = result
    if (!decision.retry || failureTimeoutMs === 0 || leftMs <= 0) return undefined
    if (isCounted && message.hasRetried(decision)) return undefined
    const ownMs = retryWaitMs(retry, message.retries, random())
    return Math.min(Math.max(ownMs, leastMs), leftMs)
  }

  /**
   * The wait of a message begins: it is retried until its time is over, if that counts.
   *
   * @throws {QueueError} as `Moving.store` does
   */
  async retry(
    message: Message<Content>,
    { result, settlement }: LastAttempt,
    dueInMs: number,
    how: HowStored
  ): Promise<void> {
    const { giveUpClock, tell } = this.#context
    const { reply } = settlement
    // A settlement has as much of the reply as is needed.
    const short = result.reply && reply ? { ...result, reply } : result
    message.retries++
    // First, so that a resume while the wait is being stored gives the message a new time.
    this.#lastAttempts.keep(message, this.#leftMs(message), { result: short, settlement })
    const countsFrom = message.counts ? { countsFrom: giveUpClock.ms } : {}
    let isStored = false
    try {
      isStored = await this.#moving.store(message, {
        to: 'waiting',
        dueInMs,
        ...countsFrom,
        ...how
      })
    } finally {
      if (!isStored) this.#lastAttempts.take(message.row.seq)
    }
    if (isStored) tell(moved(message, 'retrying', { result }))
  }

  /** How long a message may still be retried, in milliseconds. */
  #leftMs({ counts, spentMs }: Message<Content>): number {
    const { giveUpClock, options } = this.#context
    // A pause does not count, and the clock restarts when it ends.
    const isCounted = counts && !this.#pausing.isPaused && !giveUpClock.stands
    return isCounted ? options.failureTimeoutMs - spentMs : Infinity
  }

  /** The node closes before anything was decided. */
  async #waitAgain(message: Message<Content>): Promise<void> {
    message.mayHaveArrived = true
    const wish = this.#context.wishes.get(message.row.seq)
    if (wish !== undefined) {
      await this.#obey(message, wish, undefined)
      return
    }
    await this.#moving.store(message, { to: 'waiting', atLast: true })
  }

  #countTime(message: Message<Content>): void {
    message.countTime(this.#context.giveUpClock.ms, this.#pausing.isPaused)
  }
}

/** The receiver has decided, or a rule: an operator who wanted something else comes too late. */
function hasAnswer({ decision }: AttemptResult, { outcome }: Settlement): boolean {
  if (decision.outcome === 'disable') return false
  return decision.outcome === 'suspend' || decision.outcome === 'await' || outcome !== 'error'
}

/** No token is fetched since the receiver refused the last one: its reply to this message says why. */
function withRefusedReply(result: AttemptResult, last: LastAttempt | undefined): AttemptResult {
  const reply = last?.settlement.reply
  const isOfRefusal = result.error?.code === 'ERR_TOKEN_REFUSED' && reply?.status === result.status
  return isOfRefusal && reply ? { ...result, refusedReply: reply } : result
}
