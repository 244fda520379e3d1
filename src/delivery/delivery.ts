import type { Pause } from '../outbox/journal.ts'
import { OutboxError, type Entry } from '../outbox/outbox.ts'
import { sleep } from '../clock.ts'
import { DeliveryError } from './delivery-error.ts'
import type { DeliveryEvent } from './delivery-events.ts'
import type { Accepted, DeliveryOptions, LeftAtClose } from './delivery-options.ts'
import { deliveryFigures, type DeliveryFigures } from './delivery-figures.ts'
import { deliveryState, type DeliveryState } from './delivery-state.ts'
import { printable } from '../printable.ts'
import { nameOf } from './explain.ts'
import { Message } from './message.ts'
import { giveUp } from './bulk.ts'
import { openQueue, type OpenQueue } from './open-queue.ts'
import { Operator } from './operator.ts'
import { Pace } from './pace.ts'
import { queueFailed } from './queue-errors.ts'
import { Tally } from './tally.ts'

/** A queue that could not be opened or read is retried after this time, in milliseconds. */
const REOPEN_MS = 30_000
/** Most messages sent or retried at a time; if there are more, the receiver is out of order. */
const MOST_ACTIVE = 1000

/**
 * Owns every message from its acceptance to its settlement; nothing else changes its state. The life
 * of a message is the table in `message.ts`; the life of the node is `#live`, from the opening of the
 * queue to the close.
 */
export class Delivery<Content> {
  /** What an operator, or a flow, asks and does. */
  readonly operator: Operator<Content>
  readonly #options: DeliveryOptions<Content>
  readonly #tally: Tally
  readonly #pace: Pace
  /** Attempts in progress, each with the steps that follow it. */
  readonly #running = new Set<Promise<void>>()
  readonly #flowsStarted = Promise.withResolvers<undefined>()
  readonly #closing = new AbortController()
  /** Ends the requests that a close no longer waits for. */
  readonly #abort = new AbortController()
  #opening: Promise<void> | undefined
  /** Why it could not be opened; another attempt is planned. */
  #openFailure: unknown
  #reopens = false
  #queue: OpenQueue<Content> | undefined
  #pause: Pause | undefined

  constructor(options: DeliveryOptions<Content>) {
    this.#options = options
    this.#tally = new Tally(() => options.clock.now())
    this.#pace = new Pace(
      { maxPerSecond: options.maxPerSecond, places: this.#places },
      options.clock
    )
    this.operator = new Operator({
      opened: () => this.#opened(),
      queue: () => this.#queue,
      looked: async () => {
        await this.look()
        return this.#opened()
      },
      flowsStarted: this.#flowsStarted.promise,
      now: () => options.clock.now(),
      again: (queue) => {
        this.#again(queue)
      },
      queueFailed: (error) => {
        this.#queueFailed(error)
      },
      tell: (event) => {
        this.#tell(event)
      }
    })
  }

  /** Messages held: waiting, in flight, awaiting or suspended. */
  get held(): number {
    if (this.#queue === undefined) return 0
    const { backlog, messages } = this.#queue
    const { active, awaiting, suspended } = messages
    return backlog.size + active.size + awaiting.size + suspended.size
  }

  /** The messages that are set aside for an operator. */
  get suspended(): readonly Entry[] {
    return this.#queue?.messages.chosen(() => true).map(({ entry }) => entry) ?? []
  }

  /** Everything that a status or the admin route shows. */
  state(): DeliveryState {
    const now = this.#options.clock.monotonic()
    return deliveryState(this.#queue, this.#tally.values(), this.#pause ?? null, now)
  }

  /** What monitoring reads. */
  figures(): DeliveryFigures {
    return deliveryFigures(this.state(), this.#tally.figures(), this.#queue !== undefined)
  }

  /**
   * Opens the outbox and takes over what it holds; nothing is sent or handed on before `start`. After
   * a failure the opening is retried by the next call, and after a while.
   *
   * @throws {OutboxError} when the queue cannot be used
   */
  open(): Promise<void> {
    this.#opening ??= this.#open().catch((error: unknown) => {
      this.#opening = undefined
      this.#openFailure = error
      void this.#openLater()
      this.#queueFailed(error)
      throw error
    })
    return this.#opening
  }

  /**
   * Opens the outbox for somebody who only looks: after a failure, that is left to the next attempt.
   *
   * @throws {OutboxError} when the queue cannot be used
   */
  async look(): Promise<void> {
    if (this.#opening === undefined && this.#reopens) throw this.#openFailure
    await this.open()
  }

  /** The nodes behind the outputs exist: hands on what was settled before, and begins to send. */
  async start(): Promise<void> {
    this.#flowsStarted.resolve(undefined)
    await this.open()
  }

  /**
   * Accepts a message. Resolves when it is as safe as the outbox can make it.
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
        `The node is closing. ${nameOf(name)} was not accepted.`
      )
    }
    if (this.held >= queueLimit) {
      throw new DeliveryError(
        'HL7_QUEUE_FULL',
        `The queue is full: ${this.held} messages are waiting, and its limit is ${queueLimit}. ${nameOf(name)} was not accepted.`
      )
    }
    const entry: Entry = {
      seq: ++queue.lastSeq,
      lane: `${this.#kind}${outbox.keyName(key)}`,
      controlId,
      type,
      acceptedAt: clock.now(),
      state: 'waiting',
      attempts: 0,
      spentMs: 0
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
   * Nothing new starts until `resume`; attempts in progress finish.
   *
   * @param by a user name, `flow`, or `''`
   * @param reason at most 200 characters are kept
   * @throws {OutboxError} when that cannot be stored
   */
  async pause(by = 'flow', reason = ''): Promise<void> {
    const { outbox } = await this.#opened()
    const pause = this.#paused(by, reason)
    await outbox.setPaused(pause)
  }

  /**
   * Resumes sending, with a new failure timeout for each message and without waiting for retries.
   *
   * @throws {OutboxError} when that cannot be stored
   */
  async resume(by = 'flow'): Promise<void> {
    const queue = await this.#opened()
    this.#pause = undefined
    queue.renewedTo = queue.lastSeq
    queue.keepClock.clear()
    const now = this.#options.clock.monotonic()
    const { active, awaiting, suspended } = queue.messages
    for (const held of [active, awaiting, suspended]) {
      for (const message of held.values()) message.renew(now)
    }
    for (const message of active.values()) queue.sending.retryNow(message)
    this.#tell({ kind: 'resumed', by })
    this.#pump()
    await queue.outbox.setPaused(undefined)
  }

  /** There is a token again: messages that waited for one may go. */
  tokenIsBack(): void {
    for (const message of this.#queue?.messages.active.values() ?? []) {
      if (message.wantsToken) this.#queue?.sending.retryNow(message)
    }
    this.#pump()
  }

  /**
   * Ends the work: nothing new starts; attempts in progress get `graceMs`, then they are aborted.
   *
   * Messages still held by an outbox that is not durable then leave as errors: the flow behind this
   * node may live on.
   *
   * @returns nothing if the outbox is durable
   */
  async close(graceMs: number): Promise<LeftAtClose> {
    this.#tell({ kind: 'closing' })
    this.#closing.abort()
    for (const message of this.#queue?.messages.active.values() ?? []) message.cancelWait?.()
    this.#pace.close()
    // What still waits for the start learns that the node closes.
    this.#flowsStarted.resolve(undefined)
    const cancel = this.#options.clock.after(graceMs, () => {
      this.#abort.abort()
    })
    while (this.#running.size > 0) await Promise.all(this.#running)
    cancel()
    await this.#queue?.awaiting.close()
    // A file that is just being opened would stay open.
    await this.#opening?.catch(() => undefined)
    const queue = this.#queue
    const left: LeftAtClose = { settled: [], unsettled: [] }
    if (queue?.outbox.durable === false) {
      // They are still on their way to the next nodes, which may be closed before they arrive.
      left.settled = [...queue.messages.handedOn]
      const { outbox, messages, sending } = queue
      left.unsettled = await giveUp(outbox, messages, sending, () => this.#options.clock.now())
    }
    await queue?.outbox.close()
    return left
  }

  async #open(): Promise<void> {
    // After a close, nothing would close it again.
    if (this.#isClosing) throw new OutboxError('The node is closing.', 'ERR_QUEUE_CLOSED')
    const { queue, contents } = await openQueue(this.#options, {
      kind: this.#kind,
      places: this.#places,
      closing: this.#closing.signal,
      abort: this.#abort.signal,
      rereadMs: REOPEN_MS,
      isPaused: () => this.#isPaused,
      pause: (rule) => this.#pauseByRule(rule),
      maySend: () => this.#maySend,
      mostAttempts: () => this.#pace.places,
      since: (entry) => this.#since(entry),
      tell: (event) => {
        this.#tell(event)
      },
      pump: () => {
        this.#pump()
      },
      again: (opened) => {
        this.#again(opened)
      },
      unreadable: (opened, error) => {
        void this.#unreadable(opened, error)
      }
    })
    this.#pause ??= contents.paused
    this.#queue = queue
    this.#tell({ kind: 'opened', endedOn: contents.endedOn })
    void this.#live(queue, contents.settled)
  }

  /** From the opening of the queue to the close. */
  async #live(queue: OpenQueue<Content>, settled: readonly number[]): Promise<void> {
    void this.#listPage(queue)
    await this.#flowsStarted.promise
    // What was settled but perhaps not handed on when the last process ended leaves first.
    for (const seq of settled) await queue.sending.handOn(seq, () => this.#sleep(REOPEN_MS))
    queue.canSend = true
    queue.awaiting.restart()
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

  #pump(): void {
    const queue = this.#queue
    if (queue === undefined) return
    while (this.#maySend && this.#running.size < this.#pace.places) {
      const mayStart = this.#pace.mayStart(() => {
        this.#pump()
      })
      if (!mayStart) break
      const message = this.#nextToRetry(queue) ?? this.#nextWaiting(queue)
      if (message === undefined) break
      this.#pace.started()
      const running = queue.sending
        .run(message)
        .catch(() => {
          // Nothing in there rejects; if it does anyway, Node-RED has to survive it.
          this.#tell({ kind: 'fault' })
        })
        .finally(() => {
          this.#running.delete(running)
          this.#pump()
        })
      this.#running.add(running)
    }
  }

  /** The one that was due first. */
  #nextToRetry({ messages }: OpenQueue<Content>): Message | undefined {
    const now = this.#options.clock.monotonic()
    let next: Message | undefined
    for (const message of messages.active.values()) {
      const { state, isMoving, nextAttemptAt } = message
      if (state !== 'retrying' || isMoving || nextAttemptAt > now) continue
      if (next === undefined || nextAttemptAt < next.nextAttemptAt) next = message
    }
    return next
  }

  #nextWaiting(queue: OpenQueue<Content>): Message | undefined {
    const { active } = queue.messages
    if (active.size >= MOST_ACTIVE) return undefined
    const waiting = queue.backlog.take(active.size === 0)
    if (waiting === undefined) {
      void this.#listPage(queue)
      return undefined
    }
    const { entry, since } = waiting
    const keepsClock = queue.keepClock.delete(entry.seq)
    if (entry.seq <= queue.renewedTo && !keepsClock) entry.spentMs = 0
    const message = new Message(entry, 'waiting', since)
    message.hasLane = true
    return message
  }

  /** Messages wait again. They are listed even while nothing may be sent: the state shows the oldest. */
  #again(queue: OpenQueue<Content>): void {
    this.#pump()
    void this.#listPage(queue)
  }

  async #listPage(queue: OpenQueue<Content>): Promise<void> {
    if (!queue.backlog.wantsPage) return
    try {
      await queue.backlog.listPage()
      this.#pump()
    } catch (error) {
      await this.#unreadable(queue, error)
    }
  }

  /** Nothing more is read for a while, so that nothing overtakes what could not be read. */
  async #unreadable(queue: OpenQueue<Content>, error: unknown): Promise<void> {
    // Before it may send, nothing is lost by not reading.
    if (this.#isClosing || !queue.canSend) return
    queue.canSend = false
    this.#tell({ kind: 'unreadable', error, againMs: REOPEN_MS })
    await this.#sleep(REOPEN_MS)
    queue.canSend = true
    this.#pump()
  }

  #paused(by: string, reason: string): Pause {
    const pause = { at: this.#options.clock.now(), by, reason: printable(reason, 200) }
    this.#pause = pause
    this.#tell({ kind: 'paused', pause })
    return pause
  }

  async #pauseByRule(rule: string): Promise<void> {
    await this.#queue?.outbox.setPaused(this.#paused('rule', rule)).catch(() => {
      this.#queueFailed()
    })
  }

  /** How many messages may be in flight. */
  get #places(): number {
    const { order, maxInFlight } = this.#options
    return order === 'fifo' ? 1 : maxInFlight
  }

  get #isPaused(): boolean {
    return this.#pause !== undefined
  }

  get #isClosing(): boolean {
    return this.#closing.signal.aborted
  }

  get #maySend(): boolean {
    return this.#queue?.canSend === true && !this.#isPaused && !this.#isClosing
  }

  /** The prefix of current lanes: keys from another path have another order. */
  get #kind(): string {
    return `${this.#options.orderKey}:`
  }

  /** When a message was accepted, on the monotonic clock of this process. */
  #since({ acceptedAt }: Entry): number {
    const { clock } = this.#options
    return clock.monotonic() - Math.max(0, clock.now() - acceptedAt)
  }

  /** Ends early with a close. */
  #sleep(ms: number): Promise<void> {
    return sleep(this.#options.clock, ms, this.#closing.signal)
  }

  #queueFailed(error?: unknown): void {
    const code = error instanceof OutboxError ? error.code : 'HL7_QUEUE_FAILED'
    this.#tell({ kind: 'queue-failed', code })
  }

  #tell(event: DeliveryEvent): void {
    this.#tally.note(event)
    this.operator.note(event)
    if (event.kind === 'attempted') this.#pace.note(event.result)
    if (this.#isClosing && event.kind !== 'lost') return
    try {
      this.#options.onEvent(event)
    } catch {
      // No reader changes what becomes of a message.
    }
  }
}
