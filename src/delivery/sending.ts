import type { Entry, OutboxError, Outbox } from '../outbox/outbox.ts'
import type { CarefulStart } from './careful-start.ts'
import type { AttemptResult } from './attempt-result.ts'
import type { DeliveryEvent } from './delivery-events.ts'
import type { DeliveryOptions } from './delivery-options.ts'
import { Message } from './message.ts'
import type { Messages, MoveCause } from './messages.ts'
import { isGone, lostError, notHandedOn } from './queue-errors.ts'
import { retryWaitMs } from './retry-schedule.ts'
import { failedSettlement, keptAnswer, settlementOf, type Settlement } from './settlement.ts'
import { causeOf } from './tally.ts'
import { verdictOf } from './verdict.ts'

/** What sending needs from the delivery. */
export interface SendingContext<Content> {
  readonly options: DeliveryOptions<Content>
  readonly outbox: Outbox<Content>
  readonly careful: CarefulStart
  readonly messages: Messages
  /** Nothing new is sent, and time does not count. */
  readonly isPaused: () => boolean
  /** By a rule. */
  readonly pause: (rule: string) => Promise<void>
  readonly maySend: () => boolean
  /** How many attempts may be in progress now. */
  readonly mostAttempts: () => number
  /** The outbox cannot be read at the moment. */
  readonly unreadable: (error: unknown) => void
  /** It is read again after this time, in milliseconds. */
  readonly rereadMs: number
  /** When a message was accepted, on the monotonic clock. */
  readonly since: (entry: Entry) => number
  /** It was accepted, and the application's word is awaited. */
  readonly awaits: (message: Message, content: Content, result: AttemptResult) => Promise<void>
  /** The attempt, with what followed from it, is over. */
  readonly attemptEnded: (message: Message) => void
  /** A retry is due. */
  readonly due: () => void
  readonly tell: (event: DeliveryEvent) => void
  readonly closing: AbortSignal
  /** Ends requests. */
  readonly abort: AbortSignal
}

/** One attempt of a message, and what follows from it. */
export class Sending<Content> {
  readonly #context: SendingContext<Content>
  /** Attempts in progress. */
  #attempts = 0

  constructor(context: SendingContext<Content>) {
    this.#context = context
  }

  /** Takes a waiting or retried message to the receiver once. */
  async run(message: Message): Promise<void> {
    try {
      await this.#run(message)
    } finally {
      this.#context.attemptEnded(message)
    }
  }

  async #run(message: Message): Promise<void> {
    const { careful, messages, mostAttempts, outbox, maySend } = this.#context
    const wasRetried = message.state === 'retrying'
    await messages.move(message, 'sending')
    let content: Content | undefined
    try {
      const { seq } = message.entry
      content = (await careful.watch(seq, () => outbox.read(seq))).content
    } catch (error) {
      if (isGone(error)) {
        await this.lose(message, error)
        return
      }
      this.#context.unreadable(error)
    }
    if (content === undefined || !maySend() || this.#attempts >= mostAttempts()) {
      // It cannot be read now; or while it was read, the node was paused or closed, or lost its receiver.
      message.nextAttemptAt = 0
      await messages.move(message, wasRetried ? 'retrying' : 'waiting', { isBack: true })
      return
    }
    const result = await this.#attempt(message, content)
    if (result !== undefined) await this.#decided(message, content, result)
  }

  /** @returns undefined if there was no decision */
  async #attempt(message: Message, content: Content): Promise<AttemptResult | undefined> {
    const { abort, careful, closing, messages, options, tell } = this.#context
    const { entry } = message
    this.#count(message)
    message.counts = true
    entry.attempts++
    this.#attempts++
    let result: AttemptResult
    try {
      result = await options.attempt(content, abort, (work) => careful.watch(entry.seq, work))
    } catch (error) {
      if (abort.aborted) await messages.move(message, 'waiting')
      else {
        const settlement = failedSettlement(entry, error, options.clock.now())
        await this.leave(message, content, settlement)
      }
      return undefined
    } finally {
      this.#attempts--
      careful.attemptEnded()
    }
    const { reply, error, reachable } = result
    // The auth node may be closed before this one.
    const isAborted = abort.aborted || error?.code === 'ERR_ABORTED'
    if (reply === undefined && closing.aborted && isAborted) {
      // The outcome is unknown: a durable message stays for the next start.
      await messages.move(message, 'waiting')
      return undefined
    }
    tell({ kind: 'attempted', entry, result })
    message.counts = reachable || options.failWhileUnreachable
    this.#count(message)
    message.endedAttempts = entry.attempts
    message.cause = causeOf(result)
    message.wantsToken = error?.family === 'token'
    return result
  }

  async #decided(message: Message, content: Content, result: AttemptResult): Promise<void> {
    const { messages, options, pause } = this.#context
    const { entry } = message
    const { decision } = result
    const now = options.clock.now()
    if (decision.retry && this.#plansRetry(message, result)) {
      await messages.move(message, 'retrying', { result })
    } else if (decision.outcome === 'await') {
      await this.#context.awaits(message, content, result)
      return
    } else if (decision.outcome === 'suspend') {
      entry.suspendedAt = now
      // If an operator discards it, it leaves with the answer.
      const settlement = keptAnswer(settlementOf(entry, entry.attempts, result, now))
      entry.verdict = verdictOf(settlement)
      await messages.move(message, 'suspended', { result, settlement })
    } else if (decision.outcome === 'disable') {
      // The clock of a message restarts when the node is resumed.
      entry.spentMs = 0
      await Promise.all([pause(decision.rule), messages.move(message, 'waiting', { result })])
    } else {
      await this.leave(message, content, settlementOf(entry, entry.attempts, result, now))
    }
  }

  /**
   * The application wants the message once more; the time until then counts.
   *
   * @returns false if that would be after the failure timeout; else `nextAttemptAt` says when
   */
  plansResend(message: Message, result: AttemptResult): boolean {
    const { random, retry } = this.#context.options
    const waitMs = retryWaitMs(retry, message.retries, random())
    const spentMs = message.entry.spentMs + waitMs
    if (!this.#plans(message, waitMs, spentMs)) return false
    message.entry.spentMs = spentMs
    message.cause = causeOf(result)
    return true
  }

  /** Plans the next attempt. @returns false if that would be after the failure timeout */
  #plansRetry(message: Message, result: AttemptResult): boolean {
    const { closing, due, options } = this.#context
    const { clock, random, retry } = options
    const waitMs = retryWaitMs(retry, message.retries, random(), result.retryAfterMs)
    const spentThen = message.entry.spentMs + (message.counts ? waitMs : 0)
    if (!this.#plans(message, waitMs, spentThen)) return false
    if (!closing.aborted) {
      message.cancelWait = clock.after(waitMs, () => {
        this.retryNow(message)
        due()
      })
    }
    return true
  }

  #plans(message: Message, waitMs: number, spentThen: number): boolean {
    const { isPaused, options } = this.#context
    const { clock, failureTimeoutMs } = options
    // No time counts during a pause, and at its end the clock restarts.
    const isLate = !isPaused() && spentThen > failureTimeoutMs
    if (failureTimeoutMs === 0 || isLate) return false
    message.retries++
    message.nextAttemptAt = clock.monotonic() + waitMs
    return true
  }

  /** The wait for the next attempt is over. */
  retryNow(message: Message): void {
    if (message.cancelWait === undefined) return
    message.cancelWait()
    message.cancelWait = undefined
    const now = this.#context.options.clock.monotonic()
    message.nextAttemptAt = Math.min(message.nextAttemptAt, now)
  }

  /**
   * Stores the outcome, hands it on and removes the message, in this order, so that none is lost.
   */
  async leave(message: Message, content: Content, settlement: Settlement): Promise<void> {
    const { closing, messages, outbox } = this.#context
    // If that fails, it leaves anyway: while the process runs, every message does.
    await messages.move(message, 'leaving', { settlement })
    // Node-RED may drop what a closing node emits: a stored outcome waits for the next start.
    if (!closing.aborted || !outbox.durable) this.emit(message, content, settlement)
  }

  /**
   * Hands on what an earlier run has settled, however long it takes to read it.
   *
   * @param wait until it is read again; ends early with a close
   */
  async handOn(seq: number, wait: () => Promise<void>): Promise<void> {
    const { careful, closing, messages, outbox, rereadMs, since, tell } = this.#context
    while (!closing.aborted) {
      try {
        const { entry, content, outcome } = await careful.watch(seq, () => outbox.read(seq))
        // Closed meanwhile, it leaves at the next start.
        if (this.#context.closing.aborted) return
        const message = new Message(entry, 'leaving', since(entry))
        messages.active.set(seq, message)
        // It was damaged: what became of the message is found out by sending it once more.
        if (outcome !== undefined) this.emit(message, content, outcome as Settlement)
        if (outcome !== undefined || (await messages.move(message, 'waiting'))) return
      } catch (error) {
        if (isGone(error)) {
          tell({ kind: 'lost', error: lostError(seq, error, error.about), about: error.about })
          return
        }
        tell({ kind: 'unreadable', error, againMs: rereadMs })
      }
      await wait()
    }
  }

  /** Hands on a message whose outcome is stored. */
  emit(message: Message, content: Content, settlement: Settlement): void {
    const { messages, options, tell } = this.#context
    const { entry } = message
    let why: MoveCause = { settlement }
    try {
      options.emit(entry, content, settlement)
    } catch {
      tell({ kind: 'lost', error: notHandedOn(entry), about: entry })
      why = {}
    }
    messages.move(message, 'gone', why).catch(() => {
      tell({ kind: 'fault' })
    })
  }

  /** Nothing of it is left to send or hand on. */
  async lose(message: Message, cause: OutboxError): Promise<void> {
    const { controlId, type, seq } = message.entry
    const about = { controlId, type }
    this.#context.tell({ kind: 'lost', error: lostError(seq, cause, about), about })
    await this.#context.messages.move(message, 'lost')
  }

  #count(message: Message): void {
    message.count(this.#context.options.clock.monotonic(), this.#context.isPaused())
  }
}
