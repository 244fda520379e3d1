import { Hl7Error } from '../hl7/hl7-error.ts'
import type { Entry, EntryFacts, Outbox } from '../outbox/outbox.ts'
import type { Clock } from './clock.ts'
import type { AttemptResult, ReplyRecord } from './courier.ts'
import { DeliveryError, type DeliveryErrorCause, type DeliveryErrorCode } from './delivery-error.ts'
import { deliveryFailed, nameOf } from './explain.ts'
import { Figures, type FigureValues } from './figures.ts'
import { Lanes, type Order } from './lanes.ts'
import { retryWaitMs, type RetrySettings } from './retry-schedule.ts'

/** How a message left; plain data, so that it can be stored. */
export interface Settlement {
  outcome: 'ack' | 'nak' | 'error'
  /** For `error`. */
  error?: { code: DeliveryErrorCode; message: string; cause?: DeliveryErrorCause | undefined }
  reply?: ReplyRecord
  /** The rule that decided, its letters, and the rules that warned; empty where none was asked. */
  rule: string
  action: string
  warnings: readonly string[]
  /** Wall clock, milliseconds. */
  settledAt: number
}

export interface DeliveryOptions<Content> {
  outbox: Outbox<Content, Settlement>
  /** Takes a message to the receiver once. */
  attempt: (content: Content, signal: AbortSignal) => Promise<AttemptResult>
  /** Hands a settled message on; must not throw. */
  emit: (entry: Entry<Content, Settlement>) => void
  /** Something that a status would show has changed. */
  onChange: () => void
  order: Order
  /** Messages under way at a time; with `fifo` it is one. */
  maxInFlight: number
  retry: RetrySettings
  /** How long one message is tried, in milliseconds; `Infinity` for ever, 0 once. */
  failureTimeoutMs: number
  /** Time without a reachable receiver counts as well. */
  failWhileUnreachable: boolean
  /** Messages held before new ones are refused. */
  queueLimit: number
  clock: Clock
  /** From 0 (inclusive) to 1 (exclusive). */
  random: () => number
}

/** A message that comes in. */
export interface Accepted<Content> {
  /** Messages of one key keep their order (`order: key`). */
  key: string
  controlId: string
  type: string
  content: Content
}

/** What a status or an operator sees. */
export interface DeliveryState extends FigureValues {
  state: 'idle' | 'sending' | 'retrying' | 'paused' | 'error'
  queued: number
  inFlight: number
  suspended: number
  oldestAgeMs: number
  lastError: { code: string; at: string } | null
  /** The message that waits for its next attempt longest: attempts so far, and when the next is. */
  retry?: { attempts: number; waitMs: number }
}

/** A message that is under way or waits for its next attempt. */
interface Active<Content> {
  entry: Entry<Content, Settlement>
  /** Calls off the wait for the next attempt. */
  cancelWait?: () => void
  nextAttemptAt?: number
  /** Retries since the clock of this message was started. */
  retries: number
  /** Where on the monotonic clock the time that is not yet counted began. */
  countedFrom: number
  /** The time since then counts towards the failure timeout. */
  counts: boolean
}

/**
 * Owns every message from its acceptance to its settlement; nothing else changes its state.
 *
 * waiting → under way → settled → gone, with the side ways retry (waits, holds its lane), suspended
 * (stands aside) and paused (back to the front, nothing starts).
 */
export class Delivery<Content> {
  readonly #options: DeliveryOptions<Content>
  readonly #lanes: Lanes
  readonly #figures = new Figures()
  readonly #abort = new AbortController()
  readonly #active = new Map<number, Active<Content>>()
  /** Retries whose wait is over, waiting for a place. */
  readonly #due: Active<Content>[] = []
  readonly #suspended = new Map<number, EntryFacts>()
  /** When each waiting message came, in the order of acceptance, for the age of the oldest. */
  readonly #acceptedAt = new Map<number, number>()
  #lastSeq = 0
  #inFlight = 0
  #paused = false
  #closing = false
  #failing = false
  #lastError: { code: string; at: string } | null = null
  #idle: (() => void) | undefined

  constructor(options: DeliveryOptions<Content>) {
    this.#options = options
    this.#lanes = new Lanes(options.order)
  }

  /** Messages held: waiting, under way, retrying or suspended. */
  get held(): number {
    return this.#acceptedAt.size
  }

  /**
   * Takes a message in. Resolves when it is as safe as the outbox can make it.
   *
   * @throws {DeliveryError} `HL7_QUEUE_FULL` or `HL7_QUEUE_FAILED`
   */
  async accept({ key, controlId, type, content }: Accepted<Content>): Promise<void> {
    const { queueLimit, clock, outbox } = this.#options
    if (this.held >= queueLimit) {
      throw new DeliveryError(
        'HL7_QUEUE_FULL',
        `${nameOf({ controlId, type })} was not accepted: ${this.held} messages wait already, and the queue limit of the node is ${queueLimit}.`
      )
    }
    const seq = ++this.#lastSeq
    const entry: Entry<Content, Settlement> = {
      seq,
      lane: this.#lanes.laneOf(seq, key),
      controlId,
      type,
      acceptedAt: clock.now(),
      state: 'waiting',
      attempts: 0,
      spentMs: 0,
      content
    }
    this.#acceptedAt.set(seq, entry.acceptedAt)
    try {
      await outbox.add(entry)
    } catch (error) {
      this.#acceptedAt.delete(seq)
      this.#noteError('HL7_QUEUE_FAILED')
      this.#changed()
      throw error
    }
    this.#lanes.add(seq, entry.lane)
    this.#pump()
  }

  /** Nothing new starts until `resume`; what is under way ends. */
  pause(): void {
    for (const active of this.#active.values()) this.#count(active)
    this.#paused = true
    this.#changed()
  }

  /** Goes on, with a new failure timeout for each message and without waiting for a retry's time. */
  resume(): void {
    this.#paused = false
    for (const active of this.#active.values()) {
      active.entry.spentMs = 0
      active.countedFrom = this.#options.clock.monotonic()
      active.retries = 0
      if (active.cancelWait === undefined) continue
      active.cancelWait()
      this.#waitIsOver(active)
    }
    this.#changed()
    this.#pump()
  }

  /** The messages that stand aside for an operator. */
  get suspended(): readonly EntryFacts[] {
    return [...this.#suspended.values()]
  }

  /**
   * Takes suspended messages back into the queue, each to its place by acceptance.
   *
   * @returns how many were found
   */
  async resend(select: (facts: EntryFacts) => boolean): Promise<number> {
    const chosen = this.suspended.filter(select)
    for (const { seq } of chosen) {
      this.#suspended.delete(seq)
      const entry = await this.#options.outbox.read(seq)
      entry.state = 'waiting'
      entry.spentMs = 0
      delete entry.suspendedAt
      delete entry.reason
      await this.#options.outbox.update(entry)
      this.#lanes.putBack(seq, entry.lane)
    }
    this.#changed()
    this.#pump()
    return chosen.length
  }

  /**
   * Gives suspended messages up: they leave as errors (`HL7_DISCARDED`).
   *
   * @returns how many were found
   */
  async discard(select: (facts: EntryFacts) => boolean): Promise<number> {
    const chosen = this.suspended.filter(select)
    for (const { seq } of chosen) {
      this.#suspended.delete(seq)
      const entry = await this.#options.outbox.read(seq)
      await this.#settle(entry, {
        outcome: 'error',
        error: {
          code: 'HL7_DISCARDED',
          message: `${nameOf(entry)} was given up by an operator.`
        },
        rule: '',
        action: '',
        warnings: [],
        settledAt: this.#options.clock.now()
      })
    }
    this.#changed()
    return chosen.length
  }

  /**
   * Ends the work: nothing new starts, what is under way gets `graceMs`, then it is aborted.
   *
   * @returns the messages that did not leave
   */
  async close(graceMs: number): Promise<readonly EntryFacts[]> {
    this.#closing = true
    for (const active of this.#active.values()) active.cancelWait?.()
    if (this.#inFlight > 0) {
      const idle = new Promise<void>((resolve) => {
        this.#idle = resolve
      })
      const cancel = this.#options.clock.after(graceMs, () => {
        this.#abort.abort()
      })
      await idle
      cancel()
    }
    const left: EntryFacts[] = [...this.#active.values()].map(({ entry }) => entry)
    if (!this.#options.outbox.durable) {
      for (const seq of this.#lanes.all()) left.push(await this.#options.outbox.read(seq))
      left.push(...this.#suspended.values())
    }
    await this.#options.outbox.close()
    return left.sort((a, b) => a.seq - b.seq)
  }

  /** Everything that a status or the admin route shows. */
  state(): DeliveryState {
    const { clock } = this.#options
    const [oldest] = this.#acceptedAt.values()
    let retry: DeliveryState['retry']
    for (const { nextAttemptAt, entry } of this.#active.values()) {
      if (nextAttemptAt === undefined) continue
      const waitMs = Math.max(0, nextAttemptAt - clock.monotonic())
      if (retry === undefined || entry.attempts > retry.attempts) {
        retry = { attempts: entry.attempts, waitMs }
      }
    }
    return {
      state: this.#stateName(retry !== undefined),
      queued: this.held - this.#inFlight - this.#suspended.size,
      inFlight: this.#inFlight,
      suspended: this.#suspended.size,
      oldestAgeMs: oldest === undefined ? 0 : Math.max(0, clock.now() - oldest),
      lastError: this.#lastError,
      ...(retry === undefined ? undefined : { retry }),
      ...this.#figures.values()
    }
  }

  #stateName(retrying: boolean): DeliveryState['state'] {
    if (this.#paused) return 'paused'
    if (this.#inFlight > 0) return 'sending'
    if (retrying) return 'retrying'
    return this.#failing ? 'error' : 'idle'
  }

  #pump(): void {
    const { order, maxInFlight } = this.#options
    const places = order === 'fifo' ? 1 : maxInFlight
    while (!this.#paused && !this.#closing && this.#inFlight < places) {
      const due = this.#due.shift()
      if (due !== undefined) {
        this.#inFlight++
        void this.#run(due)
        continue
      }
      const next = this.#lanes.take()
      if (next === undefined) return
      this.#inFlight++
      void this.#start(next.seq, next.lane)
    }
  }

  async #start(seq: number, lane: string): Promise<void> {
    try {
      const entry = await this.#options.outbox.read(seq)
      const active: Active<Content> = {
        entry,
        retries: 0,
        countedFrom: this.#options.clock.monotonic(),
        counts: true
      }
      this.#active.set(seq, active)
      await this.#run(active)
    } catch {
      // A message that cannot be read cannot be sent either; it stays where it is.
      this.#noteError('HL7_QUEUE_FAILED')
      this.#inFlight--
      this.#lanes.release(lane)
      this.#changed()
    }
  }

  /** One attempt and what follows from it. Never rejects. */
  async #run(active: Active<Content>): Promise<void> {
    const { attempt, clock } = this.#options
    const { entry } = active
    delete active.nextAttemptAt
    this.#count(active)
    active.counts = true
    entry.attempts++
    this.#changed()
    let result: AttemptResult
    try {
      result = await attempt(entry.content, this.#abort.signal)
    } catch (error) {
      await this.#leave(active, this.#unsendable(entry, error))
      return
    }
    this.#figures.addLatency(result.elapsedMs)
    if (this.#abort.signal.aborted && result.reply === undefined) {
      // The node closes and the outcome is unknown: the message stays for the next start.
      this.#inFlight--
      this.#idleIfEmpty()
      return
    }
    active.counts = result.reachable || this.#options.failWhileUnreachable
    this.#count(active)
    const { decision } = result
    if (decision.retry && this.#retry(active, result)) return
    if (decision.outcome === 'suspend') {
      await this.#suspend(active, result)
      return
    }
    if (decision.outcome === 'disable') {
      this.#disable(active)
      return
    }
    await this.#leave(active, this.#settlement(entry, result, clock.now()))
  }

  /** Waits for the next attempt, unless that would come after the failure timeout. */
  #retry(active: Active<Content>, result: AttemptResult): boolean {
    const { clock, failureTimeoutMs, random, retry } = this.#options
    const waitMs = retryWaitMs(retry, active.retries, random(), result.retryAfterMs)
    const spentThen = active.entry.spentMs + (active.counts ? waitMs : 0)
    if (failureTimeoutMs === 0 || spentThen > failureTimeoutMs) return false
    active.retries++
    active.nextAttemptAt = clock.monotonic() + waitMs
    this.#noteError(result.error?.code ?? `HTTP_${result.reply?.status ?? 0}`)
    this.#inFlight--
    if (this.#closing) this.#idleIfEmpty()
    else {
      active.cancelWait = clock.after(waitMs, () => {
        this.#waitIsOver(active)
        this.#pump()
      })
    }
    this.#changed()
    void this.#store(active.entry)
    this.#pump()
    return true
  }

  #waitIsOver(active: Active<Content>): void {
    delete active.cancelWait
    this.#due.push(active)
  }

  async #suspend(active: Active<Content>, result: AttemptResult): Promise<void> {
    const { entry } = active
    entry.state = 'suspended'
    entry.suspendedAt = this.#options.clock.now()
    entry.reason = result.decision.rule
    await this.#store(entry)
    this.#suspended.set(entry.seq, entry)
    this.#free(active)
  }

  #disable(active: Active<Content>): void {
    this.#paused = true
    void this.#options.outbox.setPaused(true).catch(() => {
      this.#noteError('HL7_QUEUE_FAILED')
    })
    // The clock of a message starts anew when the node is resumed.
    active.entry.spentMs = 0
    void this.#store(active.entry)
    this.#lanes.putBack(active.entry.seq, active.entry.lane)
    this.#free(active)
  }

  async #leave(active: Active<Content>, settlement: Settlement): Promise<void> {
    await this.#settle(active.entry, settlement)
    this.#free(active)
  }

  /** Stores the outcome, hands it on, removes the message: in this order, so that none is lost. */
  async #settle(entry: Entry<Content, Settlement>, settlement: Settlement): Promise<void> {
    const { outbox, emit } = this.#options
    entry.state = 'settled'
    entry.outcome = settlement
    await this.#store(entry)
    if (settlement.outcome === 'error') {
      this.#figures.failed++
      this.#noteError(settlement.error?.cause?.code ?? settlement.error?.code ?? 'EUNKNOWN')
    } else {
      if (settlement.outcome === 'ack') this.#figures.acked++
      else this.#figures.naked++
      this.#failing = false
    }
    this.#acceptedAt.delete(entry.seq)
    // What a closing node emits, Node-RED may drop: a durable outcome waits for the next start.
    if (this.#closing && outbox.durable) return
    emit(entry)
    try {
      await outbox.remove(entry.seq)
    } catch {
      this.#noteError('HL7_QUEUE_FAILED')
    }
  }

  async #store(entry: Entry<Content, Settlement>): Promise<void> {
    try {
      await this.#options.outbox.update(entry)
    } catch {
      this.#noteError('HL7_QUEUE_FAILED')
    }
  }

  #settlement(
    entry: Entry<Content, Settlement>,
    result: AttemptResult,
    settledAt: number
  ): Settlement {
    const { decision, reply } = result
    const { rule, action, warnings } = decision
    const common = { rule, action, warnings, settledAt, ...(reply === undefined ? {} : { reply }) }
    if (decision.outcome === 'accept') return { outcome: 'ack', ...common }
    if (reply !== undefined && reply.ack !== null) return { outcome: 'nak', ...common }
    const { code, message, cause } = deliveryFailed(entry, entry.attempts, result)
    return { outcome: 'error', error: { code, message, cause }, ...common }
  }

  #unsendable(entry: Entry<Content, Settlement>, error: unknown): Settlement {
    const settledAt = this.#options.clock.now()
    const known = error instanceof Hl7Error || error instanceof DeliveryError
    return {
      outcome: 'error',
      error: known
        ? { code: error.code, message: `${nameOf(entry)} was not sent. ${error.message}` }
        : {
            code: 'HL7_DELIVERY_FAILED',
            message: `${nameOf(entry)} was not delivered because of a fault in this node.`,
            cause: { code: 'EUNKNOWN' }
          },
      rule: '',
      action: '',
      warnings: [],
      settledAt
    }
  }

  /** The place and the lane of a message that left, stands aside or was put back. */
  #free(active: Active<Content>): void {
    this.#active.delete(active.entry.seq)
    this.#inFlight--
    this.#lanes.release(active.entry.lane)
    this.#changed()
    this.#idleIfEmpty()
    this.#pump()
  }

  /** Adds the time since the last look to the message's clock, if it counts. */
  #count(active: Active<Content>): void {
    const now = this.#options.clock.monotonic()
    if (active.counts && !this.#paused) active.entry.spentMs += now - active.countedFrom
    active.countedFrom = now
  }

  #noteError(code: string): void {
    this.#failing = true
    this.#lastError = { code, at: new Date(this.#options.clock.now()).toISOString() }
  }

  #idleIfEmpty(): void {
    if (this.#closing && this.#inFlight === 0) this.#idle?.()
  }

  #changed(): void {
    if (!this.#closing) this.#options.onChange()
  }
}
