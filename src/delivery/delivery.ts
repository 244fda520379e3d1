import { OutboxError, type EntryFacts, type Outbox } from '../outbox/outbox.ts'
import { ActiveMessage } from './active-message.ts'
import { Ages } from './ages.ts'
import type { AttemptResult } from './courier.ts'
import { CarefulStart } from './careful-start.ts'
import { DeliveryError } from './delivery-error.ts'
import type { Accepted, DeliveryOptions, DeliveryState, LeftAtClose } from './delivery-options.ts'
import { nameOf, printable, printableCode, type MessageName } from './explain.ts'
import { Figures } from './figures.ts'
import { LoadedMessages } from './loaded-messages.ts'
import {
  endedOnNotice,
  pauseNotice,
  recoveryNotice,
  retryNotice,
  suspensionNotice,
  unreadableNotice
} from './notices.ts'
import {
  closedError,
  isGone,
  lostError,
  notHandedOn,
  notUnderstood,
  queueFailed
} from './queue-errors.ts'
import { retryWaitMs } from './retry-schedule.ts'
import { failedSettlement, keptAnswer, settlementOf, type Settlement } from './settlement.ts'
import { Turns } from './turns.ts'

/** A queue that could not be opened or read is tried again after this time, in milliseconds. */
const REOPEN_MS = 30_000
/** So many messages are tried again at a time; where it is more, the receiver is out of order. */
const MAX_ACTIVE = 1000
/** The log tells of a suspended message so often at most, in milliseconds. */
const SUSPENSION_TOLD_MS = 60_000
/** So many of many messages are worked on between two turns of the event loop. */
const AT_ONCE = 100

/**
 * Owns every message from its acceptance to its settlement; nothing else changes its state.
 *
 * waiting → under way → settled → gone, with the side ways retry (waits, holds its lane), suspended
 * (stands aside) and paused (back to the front, nothing starts).
 */
export class Delivery<Content> {
  readonly #options: DeliveryOptions<Content>
  readonly #outbox: Outbox
  readonly #turns: Turns
  /** Of what waits or is under way, and of what stands aside; times on the monotonic clock. */
  readonly #ages = new Ages()
  readonly #suspendedAges = new Ages()
  readonly #figures = new Figures()
  readonly #abort = new AbortController()
  /** Waiting and suspended messages that are in memory. */
  readonly #loaded: LoadedMessages<Content>
  readonly #active = new Map<number, ActiveMessage>()
  /** Retries whose wait is over, waiting for a place. */
  readonly #due: ActiveMessage[] = []
  readonly #suspended = new Map<number, EntryFacts>()
  /** How suspended messages were answered, as JSON, where the outbox keeps nothing. */
  readonly #answers = new Map<number, Buffer>()
  /** When the log last told of a suspended message: many in a row are one piece of news. */
  #suspensionToldAt = Number.NEGATIVE_INFINITY
  #careful: CarefulStart
  #opening: Promise<void> | undefined
  /** Stands while the queue cannot be read. */
  #cancelReread: (() => void) | undefined
  #cancelReopen: (() => void) | undefined
  #opened = false
  #started = false
  /** Stored outcomes have left: now messages may be sent. */
  #ready = false
  #lastSeq = 0
  /** The clocks of messages up to this number were started anew. */
  #renewedTo = 0
  /** Stored outcomes that are still to be handed on, the next one last. */
  #unemitted: number[] = []
  #emitting: Promise<void> | undefined
  /** Messages that left in this round of the event loop. */
  #handedOn: EntryFacts[] = []
  /** Settled while the node closed or just before, with an outbox that is not durable. */
  readonly #settledLate: EntryFacts[] = []
  #inFlight = 0
  #paused = false
  #closing = false
  #failing = false
  /** The log says that these are tried again, and has to say when the last of them has left. */
  readonly #troubled = new Set<number>()
  #lastError: DeliveryState['lastError'] = null
  #lastOutcome: DeliveryState['lastOutcome'] = null
  #whenIdle: (() => void) | undefined

  constructor(options: DeliveryOptions<Content>) {
    this.#options = options
    this.#outbox = options.outbox
    this.#careful = new CarefulStart(options.outbox, 0)
    this.#turns = new Turns(options.order)
    // Beside an outbox that keeps nothing, all of them have to stay.
    this.#loaded = new LoadedMessages((content) =>
      options.outbox.durable ? options.codec.size(content) : Number.POSITIVE_INFINITY
    )
  }

  /** Messages held: waiting, under way, retrying or suspended. */
  get held(): number {
    return this.#ages.size + this.#suspended.size
  }

  /**
   * Opens the outbox and takes over what it holds; nothing is sent or handed on before `start`.
   * After a failure the next call tries again.
   *
   * @throws {OutboxError} when the queue cannot be used
   */
  open(): Promise<void> {
    this.#opening ??= this.#open().catch((error: unknown) => {
      this.#opening = undefined
      if (!this.#closing) {
        this.#cancelReopen?.()
        this.#cancelReopen = this.#options.clock.after(REOPEN_MS, () => {
          this.open().catch(() => undefined)
        })
      }
      this.#noteError(error instanceof OutboxError ? error.code : 'HL7_QUEUE_FAILED')
      this.#changed()
      throw error
    })
    return this.#opening
  }

  /** Hands on the outcomes that an earlier process could not, and begins to send. */
  async start(): Promise<void> {
    this.#started = true
    await this.open()
    await this.#emitStored()
  }

  /**
   * Takes a message in. Resolves when it is as safe as the outbox can make it.
   *
   * @throws {DeliveryError} `HL7_QUEUE_FULL` or `HL7_QUEUE_FAILED`
   */
  async accept({ key, controlId, type, content }: Accepted<Content>): Promise<void> {
    const { queueLimit, clock } = this.#options
    const name = { controlId, type }
    if (!this.#opened) {
      await this.open().catch((error: unknown) => {
        throw queueFailed(name, error)
      })
    }
    if (this.#closing && !this.#outbox.durable) {
      throw new DeliveryError(
        'HL7_QUEUE_FAILED',
        `${nameOf(name)} was not accepted: the node is being closed.`
      )
    }
    if (this.held >= queueLimit) {
      throw new DeliveryError(
        'HL7_QUEUE_FULL',
        `${nameOf(name)} was not accepted: ${this.held} messages wait already, and the queue limit of the node is ${queueLimit}.`
      )
    }
    const seq = ++this.#lastSeq
    const facts: EntryFacts = {
      seq,
      lane: this.#laneOf(key),
      controlId,
      type,
      acceptedAt: clock.now(),
      state: 'waiting',
      attempts: 0,
      spentMs: 0
    }
    this.#ages.add(seq, clock.monotonic())
    this.#loaded.add(facts, content)
    try {
      await this.#outbox.add(facts, () => this.#options.codec.encode(content))
    } catch (error) {
      this.#ages.remove(seq)
      this.#loaded.take(seq)
      this.#noteError('HL7_QUEUE_FAILED')
      this.#changed()
      throw queueFailed(name, error)
    }
    this.#turns.add(seq, facts.lane)
    this.#pump()
    this.#changed()
  }

  /**
   * Nothing new starts until `resume`; what is under way ends.
   *
   * @throws {OutboxError} when that cannot be stored
   */
  async pause(): Promise<void> {
    await this.open()
    this.#paused = true
    this.#changed()
    await this.#outbox.setPaused(true)
  }

  /**
   * Goes on, with a new failure timeout for each message and without waiting for a retry's time.
   *
   * @throws {OutboxError} when that cannot be stored
   */
  async resume(): Promise<void> {
    await this.open()
    this.#paused = false
    this.#renewedTo = this.#lastSeq
    for (const active of this.#active.values()) {
      active.renew(this.#options.clock.monotonic())
      if (active.cancelWait === undefined) continue
      active.cancelWait()
      this.#waitIsOver(active)
    }
    this.#changed()
    this.#pump()
    await this.#outbox.setPaused(false)
  }

  /** There is a token again: messages that wait for one wait no longer. */
  tokenIsBack(): void {
    for (const active of this.#active.values()) {
      if (active.cancelWait === undefined || !active.wantsToken) continue
      active.cancelWait()
      this.#waitIsOver(active)
    }
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
    await this.open()
    // In this order, because the first are at their places when the last are not yet.
    const chosen = this.suspended.filter(select).sort((a, b) => a.seq - b.seq)
    for (const facts of chosen) {
      this.#takeBack(facts.seq)
      this.#answers.delete(facts.seq)
      facts.spentMs = 0
      delete facts.suspendedAt
      delete facts.reason
    }
    await this.#wait(chosen)
    this.#changed()
    this.#pump()
    return chosen.length
  }

  /**
   * Gives suspended messages up: they leave as errors (`HL7_DISCARDED`).
   *
   * @returns how many were found
   * @throws {OutboxError} when one cannot be read: it and the rest stay suspended
   */
  async discard(select: (facts: EntryFacts) => boolean): Promise<number> {
    await this.open()
    let found = 0
    for (const facts of this.suspended.filter(select)) {
      if (!this.#takeBack(facts.seq)) continue
      found++
      const given = new DeliveryError('HL7_DISCARDED', 'It was given up by an operator.')
      let content: Content
      let answer: Settlement | undefined
      try {
        answer = await this.#answer(facts.seq)
        content = (await this.#read(facts.seq)).content
      } catch (error) {
        this.#noteError('HL7_QUEUE_FAILED')
        if (isGone(error)) {
          this.#lose(facts.seq, error, facts)
          continue
        }
        this.#standAside(facts)
        throw error
      }
      const failed = failedSettlement(facts, given, this.#options.clock.now(), answer)
      await this.#settle(facts, content, failed)
    }
    this.#changed()
    return found
  }

  /**
   * Ends the work: nothing new starts, what is under way gets `graceMs`, then it is aborted.
   *
   * What an outbox that is not durable still holds then leaves as errors: the flow behind this node
   * may live on.
   *
   * @returns nothing where the outbox is durable
   */
  async close(graceMs: number): Promise<LeftAtClose> {
    this.#closing = true
    // They are still on their way to the next nodes, which are perhaps closed before they arrive.
    if (!this.#outbox.durable) this.#settledLate.push(...this.#handedOn)
    this.#cancelReopen?.()
    this.#cancelReread?.()
    for (const active of this.#active.values()) active.cancelWait?.()
    if (this.#inFlight > 0) {
      const idle = new Promise<void>((resolve) => {
        this.#whenIdle = resolve
      })
      const cancel = this.#options.clock.after(graceMs, () => {
        this.#abort.abort()
      })
      await idle
      cancel()
    }
    const unsettled = this.#outbox.durable ? [] : await this.#giveUp()
    // A file that is just being opened would stay open.
    await this.#opening?.catch(() => undefined)
    await this.#outbox.close()
    return { unsettled, settled: this.#settledLate }
  }

  /** Hands everything that is held on as errors, in order, and a few at a time: they may be many. */
  async #giveUp(): Promise<EntryFacts[]> {
    const held = this.#loaded.takeAll()
    held.sort((a, b) => a.facts.seq - b.facts.seq)
    this.#active.clear()
    this.#suspended.clear()
    for (const [index, { facts, content }] of held.entries()) {
      if (index % AT_ONCE === 0) await new Promise(setImmediate)
      const error = closedError(facts)
      const answer = await this.#answer(facts.seq)
      const now = this.#options.clock.now()
      this.#emit(facts, content, failedSettlement(facts, error, now, answer))
    }
    return held.map(({ facts }) => facts)
  }

  /** Everything that a status or the admin route shows. */
  state(): DeliveryState {
    const { clock } = this.#options
    const waitMs = this.#ageMs(this.#ages)
    let retry: DeliveryState['retry'] = null
    for (const { nextAttemptAt, facts } of this.#active.values()) {
      if (nextAttemptAt === undefined) continue
      const waitMs = Math.max(0, nextAttemptAt - clock.monotonic())
      if (retry === null || facts.attempts > retry.attempts) {
        retry = { attempts: facts.attempts, waitMs }
      }
    }
    return {
      state: this.#stateName(retry !== null),
      queued: Math.max(0, this.#ages.size - this.#inFlight),
      inFlight: this.#inFlight,
      suspended: this.#suspended.size,
      oldestAgeMs: Math.max(waitMs, this.#ageMs(this.#suspendedAges)),
      longestWaitMs: waitMs,
      lastError: this.#lastError,
      lastOutcome: this.#lastOutcome,
      retry,
      ...this.#figures.values()
    }
  }

  /** Of the oldest, in milliseconds. */
  #ageMs({ oldest }: Ages): number {
    return oldest === undefined ? 0 : Math.max(0, this.#options.clock.monotonic() - oldest)
  }

  /** When a message of an earlier run was accepted, on the monotonic clock of this process. */
  #acceptedAt(wallTime: number): number {
    const { clock } = this.#options
    return clock.monotonic() - Math.max(0, clock.now() - wallTime)
  }

  #stateName(retrying: boolean): DeliveryState['state'] {
    if (this.#paused) return 'paused'
    if (this.#inFlight > 0) return 'sending'
    if (retrying) return 'retrying'
    return this.#failing ? 'error' : 'idle'
  }

  async #open(): Promise<void> {
    // After a close nobody would close it again.
    if (this.#closing) throw new OutboxError('The node is being closed.', 'ERR_QUEUE_CLOSED')
    const { waiting, suspended, settled, paused, lastSeq, unclean, endedOn } =
      await this.#outbox.open()
    if (unclean) this.#careful = new CarefulStart(this.#outbox, this.#places)
    for (const facts of endedOn) this.#options.onNotice(endedOnNotice(facts))
    this.#lastSeq = lastSeq
    this.#paused ||= paused
    for (const facts of suspended) this.#standAside(facts)
    this.#turns.restore(waiting, this.#laneOf('').slice(0, -this.#outbox.lane('').length))
    for (const [index, seq] of waiting.seqs.entries()) {
      this.#ages.add(seq, this.#acceptedAt(waiting.acceptedAt[index] ?? 0))
    }
    this.#unemitted = [...settled].reverse()
    this.#opened = true
    this.#changed()
    // Messages that came in meanwhile wait for the opening, not for this: their order would be lost.
    void this.#emitStored()
  }

  #laneOf(key: string): string {
    return `${this.#options.orderKey}:${this.#outbox.lane(key)}`
  }

  /** What was settled but perhaps not handed on when the last process ended leaves first. */
  #emitStored(): Promise<void> {
    this.#emitting ??= this.#emitAll().finally(() => {
      this.#emitting = undefined
    })
    return this.#emitting
  }

  async #emitAll(): Promise<void> {
    if (!this.#started || !this.#opened) return
    for (let seq; (seq = this.#unemitted.at(-1)) !== undefined; this.#unemitted.pop()) {
      let emitted: EntryFacts
      try {
        const { facts, content, outcome } = await this.#outbox.read(seq)
        if (this.#closing) return
        const settlement = outcome && settlementIn(outcome)
        if (settlement === undefined) {
          // It was damaged: what became of the message is found out by sending it once more.
          await this.#wait([facts])
          continue
        }
        const decoded = await this.#careful.watch(seq, () => this.#decode(facts, content))
        this.#noteOutcome(settlement)
        this.#emit(facts, decoded, settlement)
        emitted = facts
      } catch (error) {
        if (this.#closing) return
        this.#noteError('HL7_QUEUE_FAILED')
        if (!isGone(error)) {
          this.#rereadLater(error)
          return
        }
        this.#lose(seq, error)
        continue
      }
      this.#remove(emitted)
    }
    this.#ready = true
    this.#changed()
    this.#pump()
  }

  /** Until then nothing more is read, and so nothing overtakes what could not be read. */
  #rereadLater(error: unknown): void {
    if (this.#closing || this.#cancelReread !== undefined) return
    this.#cancelReread = this.#options.clock.after(REOPEN_MS, () => {
      this.#cancelReread = undefined
      void this.#emitStored()
    })
    this.#options.onNotice(unreadableNotice(error, REOPEN_MS))
  }

  #pump(): void {
    while (this.#hasPlace()) {
      const due = this.#due.shift()
      if (due !== undefined) {
        this.#begin(due.facts.seq, due.facts.lane, due)
        continue
      }
      if (this.#active.size >= MAX_ACTIVE) return
      const next = this.#turns.take()
      if (next === undefined) return
      this.#begin(next.seq, next.lane)
    }
  }

  /** How many messages may be under way. */
  get #places(): number {
    const { order, maxInFlight } = this.#options
    return order === 'fifo' ? 1 : maxInFlight
  }

  #hasPlace(): boolean {
    const free = this.#inFlight < this.#places
    return free && this.#ready && this.#mayStart && this.#cancelReread === undefined
  }

  get #mayStart(): boolean {
    return !this.#paused && !this.#closing
  }

  #begin(seq: number, lane: string, retried?: ActiveMessage): void {
    this.#inFlight++
    this.#readAndSend(seq, lane, retried).catch(() => {
      // Nothing in there rejects; if it does all the same, Node-RED has to live on.
      this.#noteError('EUNKNOWN')
    })
  }

  /** @param retried tried before: it holds its lane while it waits */
  async #readAndSend(seq: number, lane: string, retried: ActiveMessage | undefined): Promise<void> {
    let read: { facts: EntryFacts; content: Content } | undefined
    let gone = false
    try {
      read = await this.#careful.watch(seq, () => this.#read(seq))
    } catch (error) {
      this.#noteError('HL7_QUEUE_FAILED')
      gone = isGone(error)
      if (gone) this.#lose(seq, error, retried?.facts)
      else this.#rereadLater(error)
    }
    if (read !== undefined && this.#mayStart) {
      await this.#run(retried ?? this.#activate(read.facts), read.content)
      return
    }
    // It was being read when the node was paused or closed.
    if (read !== undefined) this.#loaded.add(retried?.facts ?? read.facts, read.content)
    this.#inFlight--
    if (retried === undefined || gone) {
      this.#active.delete(seq)
      this.#troubleIsOver(seq)
      if (!gone) this.#turns.putBack(seq, lane)
      this.#turns.release(seq, lane)
    } else this.#due.unshift(retried)
    this.#changed()
    this.#idleIfEmpty()
    this.#pump()
  }

  #activate(facts: EntryFacts): ActiveMessage {
    if (facts.seq <= this.#renewedTo) facts.spentMs = 0
    const active = new ActiveMessage(facts, this.#options.clock.monotonic())
    this.#active.set(facts.seq, active)
    return active
  }

  /** One attempt and what follows from it. Never rejects. */
  async #run(active: ActiveMessage, content: Content): Promise<void> {
    const { attempt, clock } = this.#options
    const { facts } = active
    delete active.nextAttemptAt
    this.#count(active)
    active.counts = true
    facts.attempts++
    this.#changed()
    let result: AttemptResult
    try {
      result = await attempt(content, this.#abort.signal, (work) =>
        this.#careful.watch(facts.seq, work)
      )
    } catch (error) {
      this.#careful.attemptEnded()
      if (this.#abort.signal.aborted) await this.#interrupted(active, content)
      else await this.#leave(active, content, failedSettlement(facts, error, clock.now()))
      return
    }
    this.#careful.attemptEnded()
    if (result.reply !== undefined) this.#figures.addLatency(result.elapsedMs)
    else if (this.#abort.signal.aborted || this.#isEnding(result)) {
      await this.#interrupted(active, content)
      return
    }
    active.counts = result.reachable || this.#options.failWhileUnreachable
    this.#count(active)
    const { decision } = result
    if (decision.retry && this.#retry(active, content, result)) return
    if (decision.outcome === 'suspend') await this.#suspend(active, content, result)
    else if (decision.outcome === 'disable') await this.#disable(active, content, result)
    else {
      const settlement = settlementOf(facts, facts.attempts, result, clock.now())
      await this.#leave(active, content, settlement)
    }
  }

  /** Whoever gives the tokens may be closed before this node is. */
  #isEnding({ error }: AttemptResult): boolean {
    return this.#closing && error?.code === 'ERR_ABORTED'
  }

  /** The node closes and the outcome is unknown: what is durable stays for the next start. */
  async #interrupted({ facts }: ActiveMessage, content: Content): Promise<void> {
    await this.#store(facts)
    this.#loaded.add(facts, content)
    this.#inFlight--
    this.#idleIfEmpty()
  }

  /** Waits for the next attempt, unless that would come after the failure timeout. */
  #retry(active: ActiveMessage, content: Content, result: AttemptResult): boolean {
    const { clock, failureTimeoutMs, random, retry } = this.#options
    const waitMs = retryWaitMs(retry, active.retries, random(), result.retryAfterMs)
    const spentThen = active.facts.spentMs + (active.counts ? waitMs : 0)
    // While paused no time passes, and with the end of the pause the clock starts anew.
    const isLate = !this.#paused && spentThen > failureTimeoutMs
    if (failureTimeoutMs === 0 || isLate) return false
    active.retries++
    active.nextAttemptAt = clock.monotonic() + waitMs
    active.wantsToken = result.error?.family === 'token'
    this.#noteFailure(result)
    // One failure may be a matter of a moment, and of many a log with two lines each helps nobody.
    if (active.facts.attempts > 1) this.#tellTrouble(active.facts, result)
    // Many may wait, and for long.
    this.#loaded.add(active.facts, content)
    this.#inFlight--
    if (!this.#closing) {
      active.cancelWait = clock.after(waitMs, () => {
        this.#waitIsOver(active)
        this.#pump()
      })
    }
    this.#changed()
    void this.#store(active.facts)
    this.#idleIfEmpty()
    this.#pump()
    return true
  }

  #tellSuspension(facts: EntryFacts, result: AttemptResult): void {
    const now = this.#options.clock.monotonic()
    if (now - this.#suspensionToldAt < SUSPENSION_TOLD_MS) return
    this.#suspensionToldAt = now
    this.#options.onNotice(suspensionNotice(facts, result))
  }

  /** Once for all that wait at the same time. */
  #tellTrouble(facts: EntryFacts, result: AttemptResult): void {
    if (this.#troubled.size === 0) this.#options.onNotice(retryNotice(facts, result))
    this.#troubled.add(facts.seq)
  }

  #troubleIsOver(seq: number): void {
    if (this.#troubled.delete(seq) && this.#troubled.size === 0) {
      this.#options.onNotice(recoveryNotice())
    }
  }

  #waitIsOver(active: ActiveMessage): void {
    delete active.cancelWait
    this.#due.push(active)
  }

  async #suspend(active: ActiveMessage, content: Content, result: AttemptResult): Promise<void> {
    const { facts } = active
    const now = this.#options.clock.now()
    facts.state = 'suspended'
    facts.suspendedAt = now
    facts.reason = result.decision.rule
    // Should an operator give it up, it leaves with what was answered.
    const answer = keptAnswer(settlementOf(facts, facts.attempts, result, now))
    if (!this.#outbox.durable) this.#answers.set(facts.seq, bytesOf(answer))
    // On a full disk there may be room for the one and not for the other.
    if (!(await this.#storeOutcome(facts, answer))) await this.#store(facts)
    this.#ages.remove(facts.seq)
    this.#standAside(facts)
    this.#loaded.add(facts, content)
    this.#tellSuspension(facts, result)
    this.#free(active)
  }

  #standAside(facts: EntryFacts): void {
    this.#suspended.set(facts.seq, facts)
    this.#suspendedAges.add(facts.seq, this.#acceptedAt(facts.acceptedAt))
  }

  /** @returns false where somebody else has taken it */
  #takeBack(seq: number): boolean {
    this.#suspendedAges.remove(seq)
    return this.#suspended.delete(seq)
  }

  async #disable(active: ActiveMessage, content: Content, result: AttemptResult): Promise<void> {
    const { facts } = active
    this.#paused = true
    this.#noteFailure(result)
    this.#options.onNotice(pauseNotice(facts, result))
    // The clock of a message starts anew when the node is resumed.
    facts.spentMs = 0
    try {
      await Promise.all([this.#outbox.setPaused(true), this.#outbox.update(facts)])
    } catch {
      this.#noteError('HL7_QUEUE_FAILED')
    }
    this.#loaded.add(facts, content)
    this.#turns.putBack(facts.seq, facts.lane)
    this.#free(active)
  }

  async #leave(active: ActiveMessage, content: Content, settlement: Settlement): Promise<void> {
    await this.#settle(active.facts, content, settlement)
    this.#free(active)
  }

  /** Stores the outcome, hands it on, removes the message: in this order, so that none is lost. */
  async #settle(facts: EntryFacts, content: Content, settlement: Settlement): Promise<void> {
    facts.state = 'settled'
    this.#answers.delete(facts.seq)
    // Where that fails, it leaves all the same: while the process lives, every message does.
    await this.#storeOutcome(facts, settlement)
    this.#noteOutcome(settlement)
    this.#ages.remove(facts.seq)
    if (this.#closing) {
      // What a closing node emits, Node-RED may drop: a stored outcome waits for the next start.
      if (this.#outbox.durable) return
      this.#settledLate.push(facts)
    }
    this.#emit(facts, content, settlement)
    this.#remove(facts)
  }

  #emit(facts: EntryFacts, content: Content, settlement: Settlement): void {
    try {
      this.#options.emit(facts, content, settlement)
    } catch {
      this.#noteError('EUNKNOWN')
      this.#options.onLost(notHandedOn(facts), facts)
    }
  }

  /**
   * Who takes a message gets it in the next round of the event loop: what is stored of it must not
   * go before. Where the node is closed meanwhile, nobody knows whether it was taken.
   */
  #remove(facts: EntryFacts): void {
    this.#handedOn.push(facts)
    if (this.#handedOn.length > 1) return
    setImmediate(() => {
      const handedOn = this.#handedOn
      this.#handedOn = []
      if (this.#closing) return
      for (const { seq } of handedOn) {
        this.#outbox.remove(seq).catch(() => {
          this.#noteError('HL7_QUEUE_FAILED')
        })
      }
    })
  }

  /** Puts messages that were suspended or settled back to their places among those that wait. */
  async #wait(messages: readonly EntryFacts[]): Promise<void> {
    for (const facts of messages) facts.state = 'waiting'
    await Promise.all(messages.map((facts) => this.#store(facts)))
    for (const [index, { seq, acceptedAt, lane }] of messages.entries()) {
      // They may be many, and each has to find its place.
      if (index % AT_ONCE === AT_ONCE - 1) await new Promise(setImmediate)
      this.#ages.add(seq, this.#acceptedAt(acceptedAt))
      this.#turns.putBack(seq, lane)
    }
  }

  async #store(facts: EntryFacts): Promise<void> {
    try {
      await this.#outbox.update(facts)
    } catch {
      this.#noteError('HL7_QUEUE_FAILED')
    }
  }

  /** @returns false where it could not be stored */
  async #storeOutcome(facts: EntryFacts, settlement: Settlement): Promise<boolean> {
    try {
      await this.#outbox.settle(facts, () => bytesOf(settlement))
      return true
    } catch {
      this.#noteError('HL7_QUEUE_FAILED')
      return false
    }
  }

  /** How a suspended message was answered; undefined where that is not known any more. */
  async #answer(seq: number): Promise<Settlement | undefined> {
    try {
      const outcome = this.#outbox.durable
        ? (await this.#outbox.read(seq)).outcome
        : this.#answers.get(seq)
      return outcome && settlementIn(outcome)
    } catch {
      // The message itself may still be in memory; if it is not, that is found out next.
      return undefined
    }
  }

  async #read(seq: number): Promise<{ facts: EntryFacts; content: Content }> {
    const loaded = this.#loaded.take(seq)
    if (loaded !== undefined) return loaded
    const { facts, content } = await this.#outbox.read(seq)
    return { facts, content: await this.#decode(facts, content) }
  }

  /** @throws {OutboxError} when it cannot be understood: then it is set apart, not sent at the next start */
  async #decode(facts: EntryFacts, content: Buffer): Promise<Content> {
    try {
      return this.#options.codec.decode(content)
    } catch {
      await this.#outbox.setDamaged(facts.seq).catch(() => {
        this.#noteError('HL7_QUEUE_FAILED')
      })
      throw notUnderstood(facts)
    }
  }

  /** A message of which nothing is left to send or to hand on. */
  #lose(seq: number, error: unknown, known?: MessageName): void {
    this.#ages.remove(seq)
    this.#figures.failed++
    const name = known ?? (error instanceof OutboxError ? error.about : undefined)
    const about = name && { controlId: name.controlId, type: name.type }
    this.#options.onLost(lostError(seq, error, about), about)
  }

  /** The place and the lane of a message that left, stands aside or was put back. */
  #free({ facts: { seq, lane } }: ActiveMessage): void {
    this.#active.delete(seq)
    this.#troubleIsOver(seq)
    this.#inFlight--
    this.#turns.release(seq, lane)
    this.#changed()
    this.#idleIfEmpty()
    this.#pump()
  }

  #count(active: ActiveMessage): void {
    active.count(this.#options.clock.monotonic(), this.#paused)
  }

  #noteOutcome(settlement: Settlement): void {
    const { outcome, reply } = settlement
    // What an operator did is no news of the receiver, and hides none.
    if (settlement.error?.code === 'HL7_DISCARDED') {
      this.#figures.failed++
      return
    }
    this.#lastOutcome = { outcome, code: printableCode(reply?.ack?.code ?? '') }
    if (outcome === 'error') {
      this.#figures.failed++
      const { error } = settlement
      this.#noteError(error?.cause?.code ?? error?.code ?? 'EUNKNOWN')
      return
    }
    if (outcome === 'ack') this.#figures.acked++
    else this.#figures.naked++
    this.#failing = false
  }

  #noteFailure({ error, reply }: AttemptResult): void {
    this.#noteError(error?.code ?? printableCode(reply?.ack?.code ?? String(reply?.status ?? '')))
  }

  #noteError(code: string): void {
    this.#failing = true
    this.#lastError = {
      code: printable(code),
      at: new Date(this.#options.clock.now()).toISOString()
    }
  }

  #idleIfEmpty(): void {
    if (this.#closing && this.#inFlight === 0) this.#whenIdle?.()
  }

  #changed(): void {
    if (!this.#closing) this.#options.onChange()
  }
}

function bytesOf(settlement: Settlement): Buffer {
  return Buffer.from(JSON.stringify(settlement))
}

/** Undefined where the bytes are none. */
function settlementIn(bytes: Buffer): Settlement | undefined {
  try {
    return JSON.parse(bytes.toString()) as Settlement
  } catch {
    return undefined
  }
}
