import { sleep } from '../clock.ts'
import { SET_ASIDE, type Verdict } from '../queue/message-row.ts'
import type { Move } from '../queue/queue-types.ts'
import type { AttemptResult } from './attempt-result.ts'
import { MESSAGE_STATES, type Message } from './message.ts'
import { isFull, isGone, notHandedOn, notInQueue } from './queue-errors.ts'
import {
  cutSettlement,
  DISCARDED,
  failedSettlement,
  keptAnswer,
  type Settlement
} from './settlement.ts'
import { verdictOf } from './verdict.ts'
import { moved, settledMessage, TRY_AGAIN_MS, type WorkContext } from './work-context.ts'
import { queueFailure } from './delivery-events.ts'

/** What changes with a move besides the state. */
interface Change extends Pick<Move<Settlement>, 'to' | 'dueInMs' | 'countsFrom' | 'outcome'> {
  /** A person or an application waits for it: it is stored when a power failure cannot undo it. */
  isAwaited?: boolean
  /**
   * However long it takes: the message stays where it is until then, and is not sent meanwhile. One that is no longer in
   * the queue, because its file was damaged or lost, leaves as an error.
   */
  atLast?: boolean
}

/** How a move is stored. */
export type HowStored = Pick<Change, 'isAwaited' | 'atLast'>

/** A message that was handed on, and whether its outcome was stored before. */
interface HandedOn<Content> {
  message: Message<Content>
  isStored: boolean
  /** That it has left is stored, or the node closes. */
  end: () => void
}

/** What it needs of the delivery. */
type MovingContext<Content> = Pick<
  WorkContext<Content>,
  'claimMessages' | 'closing' | 'inFlight' | 'onMove' | 'options' | 'queue' | 'tell' | 'wishes'
>

/** Moves messages from state to state, and hands them on: first stored, then acted upon. */
export class Moving<Content> {
  readonly #context: MovingContext<Content>
  /** Those that were handed on in this turn of the event loop, and since the close began. */
  #handedOn: HandedOn<Content>[] = []
  /** Those that have left, but of which that could not be stored yet. */
  readonly #owed = new Set<HandedOn<Content>>()

  constructor(context: MovingContext<Content>) {
    this.#context = context
  }

  /** Those that left, but may not have reached the next nodes yet. */
  get handedOn(): readonly Message<Content>[] {
    return this.#handedOn.map(({ message }) => message)
  }

  /** Before the queue is closed: what has left, but is still in it, would be sent again at the next start. */
  async finishOwed(): Promise<void> {
    await Promise.allSettled([...this.#owed].map((one) => this.#finish(one.message, one.isStored)))
  }

  /**
   * Stores a move. What the disk has no room for is cut in the outcome that is stored; this process hands on the
   * whole one.
   *
   * @returns false if somebody was faster; `atLast`, also if it is gone, or the node closes before it is stored
   * @throws {QueueError} if it cannot be stored: then nothing has changed; but not `atLast`
   */
  store(message: Message<Content>, { atLast = false, ...change }: Change): Promise<boolean> {
    return atLast ? this.#storeAtLast(message, change) : this.#storeOnce(message, change)
  }

  async #storeOnce(
    message: Message<Content>,
    change: Change,
    isRepeated = false
  ): Promise<boolean> {
    try {
      return await (isRepeated ? this.#move(message, change) : this.#moveAndClaim(message, change))
    } catch (error) {
      if (change.outcome === undefined || !isFull(error)) throw error
      this.#context.tell(queueFailure(error))
      return this.#move(message, { ...change, outcome: cutSettlement(change.outcome) })
    }
  }

  /** The messages that take its slot come with the answer. */
  #moveAndClaim(message: Message<Content>, change: Change): Promise<boolean> {
    const { claimMessages, inFlight, onMove } = this.#context
    const { seq } = message.row
    const claim = inFlight.get(seq)
    const stored = this.#queueMove(message, change).catch((error: unknown) => {
      // It keeps its slot: what is sent while nothing can be stored is sent again after a crash.
      if (claim !== undefined) inFlight.set(seq, claim)
      throw error
    })
    inFlight.delete(seq)
    onMove(stored)
    claimMessages()
    return stored
  }

  /** The same, but what takes its slot is asked for only when that is stored. */
  async #move(message: Message<Content>, change: Change): Promise<boolean> {
    const isStored = await this.#queueMove(message, change)
    this.#context.claimMessages()
    return isStored
  }

  #queueMove(message: Message<Content>, { isAwaited, ...change }: Change): Promise<boolean> {
    const { row, attempts, renewals, retries, ruleRetries, spentMs, story } = message
    const { saidNotTaken, mayHaveArrived, verdict } = message
    const rules: Partial<Record<string, string>> = MESSAGE_STATES[row.state].to
    if (rules[change.to] === undefined) {
      throw new TypeError(`No message goes from ${row.state} to ${change.to}.`)
    }
    const move = {
      seq: row.seq,
      from: row.state,
      ...change,
      attempts,
      retries,
      spentMs,
      ruleRetries: change.to === 'leaving' ? undefined : ruleRetries,
      renewals,
      story,
      verdict: {
        ...verdict,
        ...(mayHaveArrived && { mayHaveArrived }),
        ...(saidNotTaken && { saidNotTaken })
      }
    }
    return this.#context.queue.move(move, isAwaited).then((isMoved) => {
      // Who wanted something else of it came too late; unless it waits on: that is done when its turn comes.
      if (row.state !== 'waiting' || change.to !== 'waiting') this.#context.wishes.delete(row.seq)
      return isMoved
    })
  }

  async #storeAtLast(message: Message<Content>, change: Change): Promise<boolean> {
    const { closing, options, tell } = this.#context
    for (let isRepeated = false; ; isRepeated = true) {
      try {
        return await this.#storeOnce(message, change, isRepeated)
      } catch (error) {
        if (error instanceof TypeError) throw error
        if (isGone(error)) {
          const given = notInQueue(error)
          const facts = settledMessage(message)
          this.handOn(message, failedSettlement(facts, given, options.clock.now(), change.outcome))
          return false
        }
        tell(queueFailure(error))
      }
      await sleep(options.clock, TRY_AGAIN_MS, closing)
      if (closing.aborted) return false
    }
  }

  /**
   * It is set aside for an operator, with the answer that it leaves with if that discards it.
   *
   * @throws {QueueError} if that cannot be stored: it stays where it is; but not `atLast`
   */
  async suspend(
    message: Message<Content>,
    result: AttemptResult,
    settlement: Settlement,
    how: HowStored = {}
  ): Promise<void> {
    message.verdict = verdictOf(settlement)
    const { rule } = message.verdict
    message.record({ at: this.#context.options.clock.now(), act: 'suspended', by: 'rule', rule })
    const isStored = await this.store(message, { to: 'suspended', outcome: settlement, ...how })
    if (isStored) this.#context.tell(moved(message, 'suspended', { result, settlement }))
  }

  /**
   * An operator sets it aside.
   *
   * @param last how it would have left, if it has just been tried
   * @returns false if somebody was faster
   * @throws {QueueError} if that cannot be stored: it stays where it is; but not `atLast`
   */
  async setAside(
    message: Message<Content>,
    by: string,
    { last, atLast = false }: { last?: Settlement; atLast?: boolean } = {}
  ): Promise<boolean> {
    if (last !== undefined) message.verdict = verdictOf(last)
    // What it would have left as does not count.
    message.verdict = { ...message.verdict, errorCode: SET_ASIDE }
    message.record({ at: this.#context.options.clock.now(), act: 'set-aside', by })
    const outcome = last && { outcome: keptAnswer(last) }
    const change: Change = { to: 'suspended', isAwaited: true, atLast, ...outcome }
    const isStored = await this.store(message, change)
    if (isStored) this.#context.tell(moved(message, 'suspended'))
    return isStored
  }

  /**
   * Stores the outcome, hands the message on, and stores that it has left, in this order, so that none is lost. If
   * the outcome cannot be stored, it leaves anyway: while the process runs, every message does. Its slot stays
   * taken then, until it is stored that it has left.
   */
  async leave(message: Message<Content>, settlement: Settlement): Promise<void> {
    const { tell } = this.#context
    let isStored = true
    try {
      if (!(await this.#storeOutcome(message, settlement))) return
    } catch (error) {
      isStored = false
      tell(queueFailure(error))
    }
    const finished = this.#handOnUnlessClosed(message, settlement, isStored)
    if (!isStored) await finished
  }

  /**
   * The same, but it leaves only if its outcome can be stored.
   *
   * @param isAwaited a person or an application waits for it
   * @returns false if somebody was faster
   * @throws {QueueError} if it cannot: it stays where it is
   */
  async leaveOnceStored(
    message: Message<Content>,
    settlement: Settlement,
    isAwaited: boolean
  ): Promise<boolean> {
    if (!(await this.#storeOutcome(message, settlement, isAwaited))) return false
    void this.#handOnUnlessClosed(message, settlement, true)
    return true
  }

  /** Hands on a message whose outcome is stored; in the next turn of the event loop it has left. */
  handOn(message: Message<Content>, settlement: Settlement): void {
    void this.#handOn(message, settlement, true)
  }

  /** @returns resolves when it is stored that it has left, or the node closes; never rejects */
  #handOn(message: Message<Content>, settlement: Settlement, isStored: boolean): Promise<void> {
    const { options, tell } = this.#context
    let known: Settlement | undefined = settlement
    try {
      options.emit(settledMessage(message), message.content, settlement)
    } catch {
      known = undefined
    }
    tell(moved(message, 'left', { settlement: known }))
    if (known === undefined) {
      const { row } = message
      tell({ kind: 'lost', seq: row.seq, error: notHandedOn(row), about: row })
    }
    return this.#finishSoon(message, isStored)
  }

  /** In memory, an outcome that is stored would survive nothing: the message leaves at once. */
  #storeOutcome(
    message: Message<Content>,
    settlement: Settlement,
    isAwaited = false
  ): Promise<boolean> {
    const { claimMessages, inFlight, queue } = this.#context
    message.verdict = verdictOf(settlement, settlement.outcome)
    if (queue.isDurable) {
      return this.store(message, { to: 'leaving', outcome: settlement, isAwaited })
    }
    const finished = this.#finish(message, false)
    inFlight.delete(message.row.seq)
    claimMessages()
    return finished.then(() => true)
  }

  /** Node-RED may drop what a closing node emits: a stored outcome waits for the next start. */
  #handOnUnlessClosed(
    message: Message<Content>,
    settlement: Settlement,
    isStored: boolean
  ): Promise<void> {
    const { closing, queue, tell } = this.#context
    if (closing.aborted && queue.isDurable) return Promise.resolve()
    tell(moved(message, 'leaving', { settlement }))
    return this.#handOn(message, settlement, isStored)
  }

  /**
   * The next node gets a message in the next turn of the event loop: what is stored of it must not be removed
   * before, and nobody must be told that it left. After a close has begun, nobody knows whether it was received.
   */
  #finishSoon(message: Message<Content>, isStored: boolean): Promise<void> {
    if (this.#handedOn.length === 0) {
      setImmediate(() => {
        this.#finishHandedOn()
      })
    }
    return new Promise((resolve) => {
      this.#handedOn.push({ message, isStored, end: resolve })
    })
  }

  #finishHandedOn(): void {
    const { closing, queue } = this.#context
    const handedOn = this.#handedOn
    if (!closing.aborted) this.#handedOn = []
    for (const one of handedOn) {
      if (closing.aborted || !queue.isDurable) one.end()
      else void this.#finishAtLast(one).finally(one.end)
    }
  }

  /** However long it takes; its lane waits, so that the next ones are not sent twice as well. Never rejects. */
  async #finishAtLast(one: HandedOn<Content>): Promise<void> {
    const { claimMessages, closing, options, tell } = this.#context
    while (!closing.aborted) {
      try {
        await this.#finish(one.message, one.isStored)
        this.#owed.delete(one)
        if (!one.isStored) claimMessages()
        return
      } catch (error) {
        this.#owed.add(one)
        tell(queueFailure(error))
      }
      await sleep(options.clock, TRY_AGAIN_MS, closing)
    }
  }

  #finish({ row, attempts, story, verdict }: Message<Content>, isStored: boolean): Promise<void> {
    const { options, queue, wishes } = this.#context
    const left = isStored ? undefined : { attempts, story, verdict }
    wishes.delete(row.seq)
    const isKept = options.keepsAccepted === true || isRefused(verdict)
    return queue.finish(row.seq, left, isKept ? 'all' : 'row')
  }
}

/** By the receiver, or given up: not by an operator. */
function isRefused({ errorCode, outcome }: Verdict): boolean {
  return outcome === 'nak' || (outcome === 'error' && errorCode !== DISCARDED)
}
