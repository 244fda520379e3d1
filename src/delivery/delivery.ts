import { OutboxError, type Entry, type Outbox } from '../outbox/outbox.ts'
import { Backlog } from './backlog.ts'
import { CarefulStart } from './careful-start.ts'
import type { AttemptResult } from './courier.ts'
import { DeliveryError } from './delivery-error.ts'
import type { DeliveryEvent } from './delivery-events.ts'
import type { Accepted, DeliveryOptions, DeliveryState, LeftAtClose } from './delivery-options.ts'
import { nameOf } from './explain.ts'
import { Message, ruleOf, type MessageState } from './message.ts'
import { closedError, isGone, lostError, notHandedOn, queueFailed } from './queue-errors.ts'
import { retryWaitMs } from './retry-schedule.ts'
import { failedSettlement, keptAnswer, settlementOf, type Settlement } from './settlement.ts'
import { causeOf, Tally } from './tally.ts'

/** A queue that could not be opened or read is tried again after this time, in milliseconds. */
const REOPEN_MS = 30_000
/** So many messages are sent or retried at a time; where it is more, the receiver is out of order. */
const MOST_ACTIVE = 1000
/** So many waiting messages are listed at a time. */
const PAGE_SIZE = 1000
/** So many of many messages are worked on between two turns of the event loop. */
const AT_ONCE = 100

/** The queue, once it is open. */
interface OpenQueue<Content> {
  outbox: Outbox<Content>
  backlog: Backlog
  careful: CarefulStart
  /** Stored outcomes have left, and the outbox can be read. */
  canSend: boolean
  lastSeq: number
  /** The clocks of messages up to this number were started anew. */
  renewedTo: number
}

/**
 * Owns every message from its acceptance to its settlement; nothing else changes its state. The life
 * of a message is the table in `message.ts`; the life of the node is `#live`, from the opening of the
 * queue to the close.
 */
export class Delivery<Content> {
  readonly #options: DeliveryOptions<Content>
  readonly #tally: Tally
  /** Messages that are sent, retried or leaving. */
  readonly #active = new Map<number, Message>()
  readonly #suspended = new Map<number, Message>()
  /** Attempts under way, each with what follows from it. */
  readonly #running = new Set<Promise<void>>()
  readonly #flowsStarted = Promise.withResolvers<void>()
  readonly #closing = new AbortController()
  /** Ends the requests that a close waits for no longer. */
  readonly #abort = new AbortController()
  #opening: Promise<void> | undefined
  #reopens = false
  #queue: OpenQueue<Content> | undefined
  #paused = false
  /** Messages that left in this round of the event loop. */
  #handedOn: Entry[] = []
  /** Left while the node closed or just before, with an outbox that is not durable. */
  readonly #leftLate: Entry[] = []

  constructor(options: DeliveryOptions<Content>) {
    this.#options = options
    this.#tally = new Tally(() => options.clock.now())
  }

  /** Messages held: waiting, on their way or suspended. */
  get held(): number {
    return (this.#queue?.backlog.size ?? 0) + this.#active.size + this.#suspended.size
  }

  /**
   * Opens the outbox and takes over what it holds; nothing is sent or handed on before `start`. After
   * a failure the next call tries again, and so does time.
   *
   * @throws {OutboxError} when the queue cannot be used
   */
  open(): Promise<void> {
    this.#opening ??= this.#open().catch((error: unknown) => {
      this.#opening = undefined
      void this.#openLater()
      this.#queueFailed(error)
      throw error
    })
    return this.#opening
  }

  /** The nodes behind the outputs are there: hands on what was settled before, and begins to send. */
  async start(): Promise<void> {
    this.#flowsStarted.resolve()
    await this.open()
  }

  /**
   * Takes a message in. Resolves when it is as safe as the outbox can make it.
   *
   * @returns it survives the process
   * @throws {DeliveryError} `HL7_QUEUE_FULL` or `HL7_QUEUE_FAILED`
   */
  async accept({ key, controlId, type, content }: Accepted<Content>): Promise<boolean> {
    const { queueLimit, clock } = this.#options
    const name = { controlId, type }
    const queue =
      this.#queue ??
      (await this.#opened().catch((error: unknown) => {
        throw queueFailed(name, error)
      }))
    const { outbox, backlog } = queue
    if (this.#isClosing && !outbox.durable) {
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
    const entry: Entry = {
      ...{ seq: ++queue.lastSeq, lane: `${this.#kind}${outbox.keyName(key)}`, controlId, type },
      ...{ acceptedAt: clock.now(), state: 'waiting', attempts: 0, spentMs: 0 }
    }
    backlog.expect()
    try {
      await outbox.add(entry, content)
    } catch (error) {
      backlog.refuse()
      this.#queueFailed()
      throw queueFailed(name, error)
    }
    backlog.add(entry)
    this.#tell({ kind: 'accepted', entry })
    this.#pump()
    return outbox.durable
  }

  /**
   * Nothing new starts until `resume`; what is on its way ends.
   *
   * @throws {OutboxError} when that cannot be stored
   */
  async pause(): Promise<void> {
    const { outbox } = await this.#opened()
    this.#paused = true
    this.#tell({ kind: 'paused' })
    await outbox.setPaused(true)
  }

  /**
   * Goes on, with a new failure timeout for each message and without waiting for a retry's time.
   *
   * @throws {OutboxError} when that cannot be stored
   */
  async resume(): Promise<void> {
    const queue = await this.#opened()
    this.#paused = false
    queue.renewedTo = queue.lastSeq
    const now = this.#options.clock.monotonic()
    for (const message of this.#active.values()) {
      message.renew(now)
      this.#retryNow(message)
    }
    this.#tell({ kind: 'resumed' })
    this.#pump()
    await queue.outbox.setPaused(false)
  }

  /** There is a token again: messages that wait for one wait no longer. */
  tokenIsBack(): void {
    for (const message of this.#active.values()) if (message.wantsToken) this.#retryNow(message)
    this.#pump()
  }

  /** The messages that stand aside for an operator. */
  get suspended(): readonly Entry[] {
    return [...this.#suspended.values()]
      .filter(({ state }) => state === 'suspended')
      .map(({ entry }) => entry)
  }

  /**
   * Takes suspended messages back into the queue, each to its place by acceptance.
   *
   * @returns how many were found
   */
  async resend(select: (entry: Entry) => boolean): Promise<number> {
    await this.open()
    const chosen = this.#chosen(select)
    for (const { entry } of chosen) {
      entry.spentMs = 0
      delete entry.suspendedAt
      delete entry.reason
    }
    const moves: Promise<unknown>[] = []
    for (const [index, message] of chosen.entries()) {
      if (index % AT_ONCE === AT_ONCE - 1) await new Promise(setImmediate)
      if (message.state === 'suspended') moves.push(this.#move(message, 'waiting'))
    }
    await Promise.all(moves)
    this.#pump()
    // Where nothing may be sent, it is listed all the same: a state tells of the oldest.
    if (this.#queue !== undefined) void this.#listPage(this.#queue)
    return moves.length
  }

  /**
   * Gives suspended messages up: they leave as errors (`HL7_DISCARDED`).
   *
   * @returns how many were found
   * @throws {OutboxError} when one cannot be read: it and the rest stay suspended
   */
  async discard(select: (entry: Entry) => boolean): Promise<number> {
    const { outbox } = await this.#opened()
    let found = 0
    for (const [index, message] of this.#chosen(select).entries()) {
      if (index % AT_ONCE === AT_ONCE - 1) await new Promise(setImmediate)
      const { entry } = message
      try {
        const { content, outcome } = await outbox.read(entry.seq)
        // Another operator may have taken it meanwhile.
        if (message.state !== 'suspended') continue
        found++
        const given = new DeliveryError('HL7_DISCARDED', 'It was given up by an operator.')
        const now = this.#options.clock.now()
        const answer = outcome as Settlement | undefined
        await this.#leave(message, content, failedSettlement(entry, given, now, answer))
      } catch (error) {
        this.#queueFailed()
        if (!isGone(error)) throw error
        if (message.state === 'suspended') await this.#lose(message, error)
        found++
      }
    }
    return found
  }

  /**
   * Ends the work: nothing new starts, what is on its way gets `graceMs`, then it is aborted.
   *
   * What an outbox that is not durable still holds then leaves as errors: the flow behind this node
   * may live on.
   *
   * @returns nothing where the outbox is durable
   */
  async close(graceMs: number): Promise<LeftAtClose> {
    this.#closing.abort()
    // They are still on their way to the next nodes, which are perhaps closed before they arrive.
    if (this.#queue?.outbox.durable === false) this.#leftLate.push(...this.#handedOn)
    for (const message of this.#active.values()) message.cancelWait?.()
    const cancel = this.#options.clock.after(graceMs, () => {
      this.#abort.abort()
    })
    while (this.#running.size > 0) await Promise.all(this.#running)
    cancel()
    // A file that is just being opened would stay open.
    await this.#opening?.catch(() => undefined)
    const queue = this.#queue
    const unsettled = queue?.outbox.durable === false ? await this.#giveUp(queue) : []
    await queue?.outbox.close()
    return { unsettled, settled: this.#leftLate }
  }

  /** Everything that a status or the admin route shows. */
  state(): DeliveryState {
    const { clock } = this.#options
    const now = clock.monotonic()
    let retry: DeliveryState['retry'] = null
    let retrying = 0
    let inFlight = 0
    let waitingSince = this.#queue?.backlog.oldest ?? now
    for (const { state, since, nextAttemptAt, entry, cause } of this.#active.values()) {
      waitingSince = Math.min(waitingSince, since)
      if (state !== 'retrying') {
        inFlight++
        continue
      }
      retrying++
      if (retry !== null && entry.attempts <= retry.attempts) continue
      retry = { attempts: entry.attempts, waitMs: Math.max(0, nextAttemptAt - now), cause }
    }
    let oldest = waitingSince
    for (const { since } of this.#suspended.values()) oldest = Math.min(oldest, since)
    const { failing, ...tally } = this.#tally.values()
    return {
      state: this.#stateName(inFlight > 0, retrying > 0, failing),
      queued: (this.#queue?.backlog.size ?? 0) + retrying,
      inFlight,
      suspended: this.#suspended.size,
      oldestAgeMs: now - oldest,
      longestWaitMs: now - waitingSince,
      retry,
      ...tally
    }
  }

  #stateName(sending: boolean, retrying: boolean, failing: boolean): DeliveryState['state'] {
    if (this.#paused) return 'paused'
    if (sending) return 'sending'
    if (retrying) return 'retrying'
    return failing ? 'error' : 'idle'
  }

  async #open(): Promise<void> {
    // After a close nobody would close it again.
    if (this.#isClosing) throw new OutboxError('The node is being closed.', 'ERR_QUEUE_CLOSED')
    const outbox = await this.#options.outbox()
    const contents = await outbox.open()
    const backlog = new Backlog({
      order: this.#options.order,
      pageSize: this.#options.pageSize ?? PAGE_SIZE,
      kind: this.#kind,
      list: (query) => outbox.list(query),
      isActive: (seq) => this.#isActive(seq),
      lastSeq: () => this.#queue?.lastSeq ?? 0,
      since: (entry) => this.#since(entry)
    })
    backlog.restore(contents.waiting)
    for (const entry of contents.suspended) {
      this.#suspended.set(entry.seq, new Message(entry, 'suspended', this.#since(entry)))
    }
    this.#paused ||= contents.paused
    this.#queue = {
      ...{ outbox, backlog, canSend: false, lastSeq: contents.lastSeq, renewedTo: 0 },
      careful: new CarefulStart(outbox, contents.unclean ? this.#places : 0)
    }
    this.#tell({ kind: 'opened', endedOn: contents.endedOn })
    void this.#live(this.#queue, contents.settled)
  }

  /** From the opening of the queue to the close. */
  async #live(queue: OpenQueue<Content>, settled: readonly number[]): Promise<void> {
    void this.#listPage(queue)
    await this.#flowsStarted.promise
    // What was settled but perhaps not handed on when the last process ended leaves first.
    for (const seq of settled) await this.#handOn(queue, seq)
    queue.canSend = true
    this.#pump()
  }

  async #openLater(): Promise<void> {
    if (this.#reopens) return
    this.#reopens = true
    await this.#sleep(REOPEN_MS)
    this.#reopens = false
    if (!this.#isClosing) await this.open().catch(() => undefined)
  }

  async #opened(): Promise<OpenQueue<Content>> {
    await this.open()
    if (this.#queue === undefined) throw new OutboxError('It is not open.', 'ERR_QUEUE_CLOSED')
    return this.#queue
  }

  /** A stored outcome leaves, however long it takes to read it. */
  async #handOn(queue: OpenQueue<Content>, seq: number): Promise<void> {
    while (!this.#isClosing) {
      try {
        const { entry, content, outcome } = await queue.careful.watch(seq, () =>
          queue.outbox.read(seq)
        )
        if (this.#isClosing) return
        const message = new Message(entry, 'leaving', this.#since(entry))
        this.#active.set(seq, message)
        // It was damaged: what became of the message is found out by sending it once more.
        if (outcome === undefined) await this.#move(message, 'waiting')
        else this.#emit(message, content, outcome as Settlement)
        return
      } catch (error) {
        if (isGone(error)) {
          this.#tell({
            kind: 'lost',
            error: lostError(seq, error, error.about),
            about: error.about
          })
          return
        }
        if (!this.#isClosing) this.#tell({ kind: 'unreadable', error, againMs: REOPEN_MS })
        await this.#sleep(REOPEN_MS)
      }
    }
  }

  #pump(): void {
    const queue = this.#queue
    if (queue === undefined) return
    while (this.#maySend && this.#running.size < this.#places) {
      const message = this.#nextToRetry() ?? this.#nextWaiting(queue)
      if (message === undefined) break
      const running = this.#send(queue, message)
        .catch(() => {
          // Nothing in there rejects; if it does all the same, Node-RED has to live on.
          this.#tell({ kind: 'fault' })
        })
        .finally(() => {
          this.#running.delete(running)
          this.#pump()
        })
      this.#running.add(running)
    }
  }

  /** How many messages may be on their way. */
  get #places(): number {
    const { order, maxInFlight } = this.#options
    return order === 'fifo' ? 1 : maxInFlight
  }

  get #isClosing(): boolean {
    return this.#closing.signal.aborted
  }

  get #maySend(): boolean {
    return this.#queue?.canSend === true && !this.#paused && !this.#isClosing
  }

  #isActive(seq: number): boolean {
    if (this.#active.has(seq) || this.#suspended.has(seq)) return true
    return this.#handedOn.some((entry) => entry.seq === seq)
  }

  /** The one whose time came first. */
  #nextToRetry(): Message | undefined {
    const now = this.#options.clock.monotonic()
    let next: Message | undefined
    for (const message of this.#active.values()) {
      const { state, isMoving, nextAttemptAt } = message
      if (state !== 'retrying' || isMoving || nextAttemptAt > now) continue
      if (next === undefined || nextAttemptAt < next.nextAttemptAt) next = message
    }
    return next
  }

  #nextWaiting(queue: OpenQueue<Content>): Message | undefined {
    if (this.#active.size >= MOST_ACTIVE) return undefined
    const waiting = queue.backlog.take(this.#active.size === 0)
    if (waiting === undefined) {
      void this.#listPage(queue)
      return undefined
    }
    const { entry, since } = waiting
    if (entry.seq <= queue.renewedTo) entry.spentMs = 0
    const message = new Message(entry, 'waiting', since)
    message.hasLane = true
    return message
  }

  async #listPage(queue: OpenQueue<Content>): Promise<void> {
    if (!queue.backlog.wantsPage) return
    try {
      await queue.backlog.listPage()
    } catch (error) {
      await this.#unreadable(queue, error)
    }
    this.#pump()
  }

  /** Nothing more is read for a time, and so nothing overtakes what could not be read. */
  async #unreadable(queue: OpenQueue<Content>, error: unknown): Promise<void> {
    if (this.#isClosing || !queue.canSend) return
    queue.canSend = false
    this.#tell({ kind: 'unreadable', error, againMs: REOPEN_MS })
    await this.#sleep(REOPEN_MS)
    queue.canSend = true
    this.#pump()
  }

  /** One attempt and what follows from it. */
  async #send(queue: OpenQueue<Content>, message: Message): Promise<void> {
    const wasRetried = message.state === 'retrying'
    await this.#move(message, 'sending')
    let content: Content | undefined
    try {
      const { seq } = message.entry
      content = (await queue.careful.watch(seq, () => queue.outbox.read(seq))).content
    } catch (error) {
      if (isGone(error)) {
        await this.#lose(message, error)
        return
      }
      void this.#unreadable(queue, error)
    }
    if (content === undefined || !this.#maySend) {
      // It was being read when the node was paused or closed, or it cannot be read now.
      message.nextAttemptAt = 0
      await this.#move(message, wasRetried ? 'retrying' : 'waiting')
      return
    }
    const result = await this.#attempt(queue, message, content)
    if (result !== undefined) await this.#decided(message, content, result)
  }

  /** @returns undefined when it did not come to a decision */
  async #attempt(
    { careful }: OpenQueue<Content>,
    message: Message,
    content: Content
  ): Promise<AttemptResult | undefined> {
    const { attempt, clock } = this.#options
    const { entry } = message
    this.#count(message)
    message.counts = true
    entry.attempts++
    let result: AttemptResult
    try {
      result = await attempt(content, this.#abort.signal, (work) => careful.watch(entry.seq, work))
    } catch (error) {
      if (this.#abort.signal.aborted) await this.#move(message, 'waiting')
      else await this.#leave(message, content, failedSettlement(entry, error, clock.now()))
      return undefined
    } finally {
      careful.attemptEnded()
    }
    const { reply, error, reachable } = result
    // The one that gives the tokens may be closed before this node is.
    const isAborted = this.#abort.signal.aborted || error?.code === 'ERR_ABORTED'
    if (reply === undefined && this.#isClosing && isAborted) {
      await this.#move(message, 'waiting')
      return undefined
    }
    this.#tell({ kind: 'attempted', entry, result })
    message.counts = reachable || this.#options.failWhileUnreachable
    this.#count(message)
    message.cause = causeOf(result)
    message.wantsToken = error?.family === 'token'
    return result
  }

  async #decided(message: Message, content: Content, result: AttemptResult): Promise<void> {
    const { entry } = message
    const { decision } = result
    const now = this.#options.clock.now()
    if (decision.retry && this.#plansRetry(message, result)) {
      await this.#move(message, 'retrying', { result })
    } else if (decision.outcome === 'suspend') {
      entry.suspendedAt = now
      entry.reason = decision.rule
      // Should an operator give it up, it leaves with what was answered.
      const settlement = keptAnswer(settlementOf(entry, entry.attempts, result, now))
      await this.#move(message, 'suspended', { result, settlement })
    } else if (decision.outcome === 'disable') {
      this.#paused = true
      // The clock of a message starts anew when the node is resumed.
      entry.spentMs = 0
      const stored = this.#queue?.outbox.setPaused(true).catch(() => {
        this.#queueFailed()
      })
      await Promise.all([this.#move(message, 'waiting', { result }), stored])
    } else {
      await this.#leave(message, content, settlementOf(entry, entry.attempts, result, now))
    }
  }

  /** Plans the next attempt. @returns false when that would come after the failure timeout */
  #plansRetry(message: Message, result: AttemptResult): boolean {
    const { clock, failureTimeoutMs, random, retry } = this.#options
    const waitMs = retryWaitMs(retry, message.retries, random(), result.retryAfterMs)
    const spentThen = message.entry.spentMs + (message.counts ? waitMs : 0)
    // While paused no time passes, and with the end of the pause the clock starts anew.
    const isLate = !this.#paused && spentThen > failureTimeoutMs
    if (failureTimeoutMs === 0 || isLate) return false
    message.retries++
    message.nextAttemptAt = clock.monotonic() + waitMs
    if (!this.#isClosing) {
      message.cancelWait = clock.after(waitMs, () => {
        this.#retryNow(message)
        this.#pump()
      })
    }
    return true
  }

  /** The wait for the next attempt is over. */
  #retryNow(message: Message): void {
    if (message.cancelWait === undefined) return
    message.cancelWait()
    message.cancelWait = undefined
    message.nextAttemptAt = Math.min(message.nextAttemptAt, this.#options.clock.monotonic())
  }

  /** Stores the outcome, hands it on, removes the message: in this order, so that none is lost. */
  async #leave(message: Message, content: Content, settlement: Settlement): Promise<void> {
    // Where that fails, it leaves all the same: while the process lives, every message does.
    await this.#move(message, 'leaving', { settlement })
    if (this.#isClosing) {
      // What a closing node emits, Node-RED may drop: a stored outcome waits for the next start.
      if (this.#queue?.outbox.durable === true) return
      this.#leftLate.push(message.entry)
    }
    this.#emit(message, content, settlement)
  }

  #emit(message: Message, content: Content, settlement: Settlement): void {
    const { entry } = message
    try {
      this.#options.emit(entry, content, settlement)
      void this.#move(message, 'gone', { settlement })
    } catch {
      this.#tell({ kind: 'lost', error: notHandedOn(entry), about: entry })
      void this.#move(message, 'gone')
    }
  }

  /** Nothing is left of it to send or to hand on. */
  async #lose(message: Message, cause: OutboxError): Promise<void> {
    const { controlId, type, seq } = message.entry
    const about = { controlId, type }
    this.#tell({ kind: 'lost', error: lostError(seq, cause, about), about })
    await this.#move(message, 'lost')
  }

  /** Hands everything that is held on as errors, in order, and a few at a time: they may be many. */
  async #giveUp({ outbox }: OpenQueue<Content>): Promise<Entry[]> {
    const held = [...(await outbox.list({ after: 0, without: [], limit: Infinity }))]
    held.push(...this.suspended)
    held.sort((a, b) => a.seq - b.seq)
    for (const [index, entry] of held.entries()) {
      if (index % AT_ONCE === 0) await new Promise(setImmediate)
      const message =
        this.#active.get(entry.seq) ??
        this.#suspended.get(entry.seq) ??
        new Message(entry, 'waiting', 0)
      const { content, outcome } = await outbox.read(entry.seq)
      const now = this.#options.clock.now()
      const answer = outcome as Settlement | undefined
      const settlement = failedSettlement(entry, closedError(entry), now, answer)
      await this.#move(message, 'leaving', { settlement })
      this.#emit(message, content, settlement)
    }
    return held
  }

  /**
   * The one way in which a message changes its state: by the table. Stores what the move stores, frees
   * the lane where the new state does not hold it, and tells of it. Never rejects.
   */
  async #move(
    message: Message,
    to: MessageState,
    why: { result?: AttemptResult; settlement?: Settlement } = {}
  ): Promise<void> {
    const { entry, state: from } = message
    const rule = ruleOf(to)
    if (!ruleOf(from).to.includes(to)) throw new TypeError(`No message goes from ${from} to ${to}.`)
    message.state = to
    message.isMoving = true
    if (rule.stored !== null) entry.state = rule.stored
    const isStored = rule.writes === null || (await this.#write(rule.writes, entry, why.settlement))
    message.isMoving = false
    this.#active.delete(entry.seq)
    this.#suspended.delete(entry.seq)
    if (to === 'suspended') this.#suspended.set(entry.seq, message)
    else if (to !== 'waiting' && to !== 'gone' && to !== 'lost')
      this.#active.set(entry.seq, message)
    this.#place(message, isStored)
    this.#tell({ kind: 'moved', entry, from, to, ...why })
  }

  /** @returns false where it could not be stored */
  async #write(
    writes: 'update' | 'settle' | 'remove',
    entry: Entry,
    settlement: Settlement | undefined
  ): Promise<boolean> {
    const outbox = this.#queue?.outbox
    try {
      if (writes === 'update') await outbox?.update(entry)
      else if (writes === 'settle') await outbox?.settle(entry, settlement)
      else this.#removeSoon(entry)
      return true
    } catch {
      this.#queueFailed()
      // On a full disk there may be room for the state, and not for an answer.
      return writes === 'settle' && entry.state === 'suspended'
        ? this.#write('update', entry, undefined)
        : false
    }
  }

  /** Gives a message its place among those that wait, and its lane to the next one. */
  #place(message: Message, isStored: boolean): void {
    const backlog = this.#queue?.backlog
    const { entry, since, state, hasLane } = message
    if (state === 'retrying') backlog?.block(entry)
    if (state === 'waiting') {
      // Listed from the outbox it comes to its place; one that is not stored is not listed.
      if (isStored && !hasLane) backlog?.again(entry)
      else backlog?.putBack({ entry, since })
    }
    if (!hasLane || ruleOf(state).holdsLane) return
    message.hasLane = false
    backlog?.release(entry)
  }

  /**
   * Who takes a message gets it in the next round of the event loop: what is stored of it must not
   * go before. Where the node is closed meanwhile, nobody knows whether it was taken.
   */
  #removeSoon(entry: Entry): void {
    this.#handedOn.push(entry)
    if (this.#handedOn.length > 1) return
    setImmediate(() => {
      const handedOn = this.#handedOn
      this.#handedOn = []
      if (this.#isClosing) return
      for (const { seq } of handedOn) {
        this.#queue?.outbox.remove(seq).catch(() => {
          this.#queueFailed()
        })
      }
    })
  }

  /** Suspended messages, in the order of acceptance. */
  #chosen(select: (entry: Entry) => boolean): Message[] {
    return [...this.#suspended.values()]
      .filter(({ state, entry }) => state === 'suspended' && select(entry))
      .sort((a, b) => a.entry.seq - b.entry.seq)
  }

  /** How today's lanes begin: keys of another path have another order. */
  get #kind(): string {
    return `${this.#options.orderKey}:`
  }

  #count(message: Message): void {
    message.count(this.#options.clock.monotonic(), this.#paused)
  }

  /** When a message was accepted, on the monotonic clock of this process. */
  #since({ acceptedAt }: Entry): number {
    const { clock } = this.#options
    return clock.monotonic() - Math.max(0, clock.now() - acceptedAt)
  }

  /** Ends early with a close. */
  #sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const { signal } = this.#closing
      const wake = (): void => {
        cancel()
        signal.removeEventListener('abort', wake)
        resolve()
      }
      const cancel = this.#options.clock.after(ms, wake)
      signal.addEventListener('abort', wake)
    })
  }

  #queueFailed(error?: unknown): void {
    const code = error instanceof OutboxError ? error.code : 'HL7_QUEUE_FAILED'
    this.#tell({ kind: 'queue-failed', code })
  }

  #tell(event: DeliveryEvent): void {
    this.#tally.note(event)
    if (!this.#isClosing || event.kind === 'lost') this.#options.onEvent(event)
  }
}
