import { english } from '../english.ts'
import { sleep } from '../clock.ts'
import type { Claim, MessageQueue } from '../queue/message-queue.ts'
import { QueueError } from '../queue/queue-error.ts'
import { NOTHING_QUEUED } from '../queue/queue-engine.ts'
import type { Pause, QueueEvent } from '../queue/queue-event.ts'
import type { Resent } from '../queue/message-row.ts'
import type { NewMessage, OpenedQueue, QueueSummary } from '../queue/queue-types.ts'
import { Acknowledgements, type ApplicationAck } from './acknowledgements.ts'
import { Backup } from './backup.ts'
import { CarefulStart } from './careful-start.ts'
import { Claiming } from './claiming.ts'
import { DeliveryError } from './delivery-error.ts'
import { queueFailure, type DeliveryEvent, type Moved } from './delivery-events.ts'
import { deliveryFigures, type DeliveryFigures } from './delivery-figures.ts'
import type { Accepted, DeliveryOptions, LeftAtClose } from './delivery-options.ts'
import type { SettledMessage } from './settlement.ts'
import { deliveryState, type DeliveryState } from './delivery-state.ts'
import { idOf } from './explain.ts'
import { Failover, type Address } from './failover.ts'
import type { NodeFigures } from './figures-keeper.ts'
import { Gate } from './gate.ts'
import { GiveUpClock } from './give-up-clock.ts'
import { LastAttempts } from './last-attempts.ts'
import { Message } from './message.ts'
import { Moving } from './moving.ts'
import { Operator, type Reader } from './operator.ts'
import { Pausing } from './pausing.ts'
import { closedError, closingError, queueFailed } from './queue-errors.ts'
import { Sending } from './sending.ts'
import { failedSettlement, type Settlement } from './settlement.ts'
import { Tally } from './tally.ts'
import {
  settledMessage,
  TRY_AGAIN_MS,
  type WorkContext,
  type WorkInProgress
} from './work-context.ts'

/** What a person has to know even if the node closes: a message is lost, or what somebody wanted is done. */
const TOLD_WHILE_CLOSING: ReadonlySet<DeliveryEvent['kind']> = new Set([
  'lost',
  'set-aside',
  'discarded'
])

/** What works on messages, once the queue is open. */
interface Work<Content> {
  queue: MessageQueue<Content>
  pausing: Pausing<Content>
  moving: Moving<Content>
  sending: Sending<Content>
  acknowledgements: Acknowledgements<Content>
  claiming: Claiming<Content>
  operator: Operator<Content>
  /** Undefined: there is no other address. */
  backup: Backup<Content> | undefined
}

/**
 * Owns every message from its acceptance to its settlement; nothing else changes its state. The life of a message is
 * the table in `message.ts`; where it is, is in the queue. Here is only what is being worked on.
 */
export class Delivery<Content> {
  readonly #options: DeliveryOptions<Content>
  readonly #tally: Tally
  readonly #gate: Gate
  readonly #failover: Failover | undefined
  /** What a close waits for: such as attempts, each with the steps that follow it. */
  readonly #works = new Set<WorkInProgress>()
  /** Messages on their way, by their numbers. */
  readonly #inFlight = new Map<number, Claim>()
  readonly #flowsStarted = Promise.withResolvers<undefined>()
  readonly #closing = new AbortController()
  /** Ends the requests that a close no longer waits for. */
  readonly #abort = new AbortController()
  #opening: Promise<void> | undefined
  /** Why it could not be opened; another attempt is planned. */
  #openFailure: unknown
  #reopens = false
  #work: Work<Content> | undefined
  /** Stored outcomes have been handed on, and the queue can be read. */
  #canSend = false
  #lastSeq = 0
  /** Messages that are being stored. */
  #accepting = 0
  readonly #lastAttempts: LastAttempts
  readonly #giveUpClock: GiveUpClock

  constructor(options: DeliveryOptions<Content>) {
    this.#options = options
    this.#tally = new Tally(() => options.clock.now())
    const { backup, clock, failureTimeoutMs, failWhileUnreachable, random, retry } = options
    const { maxPerSecond, order } = options
    this.#giveUpClock = new GiveUpClock(clock, {
      onGo: () => {
        this.#lastAttempts.endOver()
      },
      onInVain: (isInVain) => {
        this.#tell({ kind: 'in-vain', isInVain })
      }
    })
    this.#lastAttempts = new LastAttempts(clock, this.#giveUpClock, (seq) => {
      this.#work?.claiming.endRetries(seq)
    })
    const isRetrying = failureTimeoutMs > 0
    const onOpen = (): void => {
      this.#claimMessages()
    }
    if (backup !== undefined) {
      const { afterMs } = backup
      this.#failover = new Failover({ afterMs, askAfterMs: retry.maxIntervalMs }, clock)
    }
    this.#gate = new Gate(
      {
        order,
        maxPerSecond,
        slots: this.#slots,
        retry,
        isRetrying,
        random,
        onOpen,
        onUncounted: (isOutage) => {
          if (!failWhileUnreachable) this.#giveUpClock.setOutage(isOutage)
        },
        backup: this.#failover && {
          failover: this.#failover,
          onTurn: () => this.#work?.backup?.readTurn()
        }
      },
      clock
    )
  }

  /** Messages held: waiting, on their way, awaiting or suspended. */
  get held(): number {
    const { waiting, awaiting, suspended } = this.#work?.queue.counts ?? NOTHING_QUEUED
    return waiting + awaiting + suspended + this.#unstored
  }

  /** The open queue survives the process. */
  get isDurable(): boolean {
    return this.#work?.queue.isDurable === true
  }

  /** Everything that a status or the admin route shows. */
  state(): DeliveryState {
    return deliveryState(
      this.#summary,
      {
        inFlight: this.#inFlight.size,
        accepting: this.#accepting,
        unconfirmed: this.#work?.queue.unconfirmed ?? 0,
        diskSilentMs: this.#work?.queue.silentMs ?? 0,
        closedMs: Math.max(this.#gate.closedMs, this.#failover?.heldMs ?? 0),
        outage: this.#gate.outage,
        leftMs: (seq) => this.#lastAttempts.leftMs(seq)
      },
      this.#tally.values(),
      this.#work?.pausing.current ?? null,
      this.#work?.backup?.state ?? null,
      this.#options.clock.now()
    )
  }

  /** What monitoring reads. */
  figures(): DeliveryFigures {
    const triedAgain = [...this.#inFlight.values()].filter(({ row }) => row.isRetrying).length
    return deliveryFigures(
      this.state(),
      this.#tally.figures(),
      this.#work !== undefined,
      triedAgain
    )
  }

  /**
   * Opens the queue; nothing is sent or handed on before `start`. After a failure the opening is retried by the next
   * call, and after a while.
   *
   * @throws {QueueError} when the queue cannot be used
   */
  open(): Promise<void> {
    this.#opening ??= this.#open().catch((error: unknown) => {
      this.#opening = undefined
      this.#openFailure = error
      this.#catchFault(this.#openLater())
      this.#tell(queueFailure(error))
      throw error
    })
    return this.#opening
  }

  /**
   * Opens the queue for somebody who only asks: after a failure, that is left to the next attempt.
   *
   * @throws {QueueError} when the queue cannot be used
   */
  async openToRead(): Promise<void> {
    if (this.#opening === undefined && this.#reopens) throw this.#openFailure
    await this.open()
  }

  /** The nodes behind the outputs exist: hands on what was settled before, and begins to send. */
  async start(): Promise<void> {
    this.#flowsStarted.resolve(undefined)
    await this.open()
  }

  /**
   * Accepts a message. Resolves when it is as safe as the queue can make it.
   *
   * @returns it survives the process
   * @throws {DeliveryError} `HL7_QUEUE_FULL` or `HL7_QUEUE_FAILED`
   */
  async accept(message: Accepted<Content>): Promise<boolean> {
    const { controlId, type } = message
    const { queue } =
      this.#work ??
      (await this.#opened().catch((error: unknown) => {
        throw queueFailed({ controlId, type }, error)
      }))
    await this.#accept(queue, message)
    return queue.isDurable
  }

  /**
   * @returns its number
   * @throws {DeliveryError} as `accept` does
   */
  async #accept(
    queue: MessageQueue<Content>,
    { controlId, type, content }: Accepted<Content>,
    resent?: Resent
  ): Promise<number> {
    const { clock } = this.#options
    const name = { controlId, type }
    this.#refuseIfNeeded(queue, name)
    const message = {
      ...this.#readPlace(queue, content),
      seq: ++this.#lastSeq,
      controlId,
      type,
      acceptedAt: clock.now(),
      resent
    }
    this.#accepting++
    const stored = queue.accept(message, content)
    // If it is its turn, it comes with the answer to this.
    this.#claimMessages()
    try {
      await stored
    } catch (error) {
      this.#tell(queueFailure(error))
      throw queueFailed(name, error)
    } finally {
      this.#accepting--
    }
    this.#tell({ kind: 'accepted', message: name })
    return message.seq
  }

  #readPlace(
    queue: MessageQueue<Content>,
    content: Content
  ): Pick<NewMessage, 'hasOwnAddress' | 'lane' | 'hashes'> {
    const { order, readFields } = this.#options
    const { hasOwnAddress = false, key, values } = readFields(content)
    return {
      hasOwnAddress,
      lane: order === 'key' ? queue.laneOf(key) : null,
      hashes: values.map((value) => queue.hashOf(value))
    }
  }

  /**
   * Nothing new starts until `resume`; attempts in progress finish.
   *
   * @param by a user name, `flow`, or `''`
   * @param reason at most 200 characters are kept
   * @param more when it ends by itself, and for which host it is made
   * @throws {QueueError} when that cannot be stored: then the node is not paused
   */
  async pause(by = 'flow', reason = '', more?: Pick<Pause, 'until' | 'host'>): Promise<void> {
    const { pausing } = await this.#opened()
    await pausing.pause(by, reason, more)
  }

  /**
   * Resumes sending, with a new failure timeout for each message and without waiting for retries.
   *
   * @throws {QueueError} when that cannot be stored
   */
  async resume(by = 'flow'): Promise<void> {
    const { pausing } = await this.#opened()
    await pausing.resume(by)
  }

  /** See `Pausing.resumeHost`. */
  async resumeHost(host: string, by: string): Promise<boolean> {
    const { pausing } = await this.#opened()
    return pausing.resumeHost(host, by)
  }

  /**
   * Ends the wait of an outage, of the retry that is due first, and before the other address is asked: one message goes,
   * and what it comes to decides. The clocks go on.
   *
   * @throws {QueueError} when the queue cannot be used
   */
  async tryNow(): Promise<void> {
    const { queue } = await this.#opened()
    this.#gate.endWait()
    const { retry } = queue.summary
    if (retry !== null) await queue.call('makeDue', [retry.seq])
    this.#claimMessages()
  }

  /**
   * Sends messages to the backup from now on, until somebody turns back; or to the first address again.
   *
   * @param by a user name; `''` where nobody has to log in
   * @returns false if there is no backup
   * @throws {QueueError} when that cannot be stored: then nothing has changed
   */
  async turn(to: Address, by: string): Promise<boolean> {
    const { backup } = await this.#opened()
    await backup?.turn(to, by)
    return backup !== undefined
  }

  /** There is a token again: messages that waited for one may go. */
  tokenIsBack(): void {
    this.#gate.tokenIsBack()
    this.#work?.sending.makeDueWithToken().catch((error: unknown) => {
      this.#tell(queueFailure(error))
    })
    this.#claimMessages()
  }

  /**
   * What an operator does with messages.
   *
   * @throws {QueueError} when the queue cannot be used
   */
  async operator(): Promise<Operator<Content>> {
    const { operator } = await this.#opened()
    return operator
  }

  /** The same, for somebody who only asks: see `openToRead`. */
  async reader(): Promise<Reader<Content>> {
    const { operator } = await this.#openedToRead()
    return operator
  }

  /** See `Acknowledgements.acknowledge`. */
  async acknowledge(ack: ApplicationAck): Promise<boolean> {
    const { acknowledgements } = await this.#opened()
    // What it settles leaves to the next nodes.
    await this.#flowsStarted.promise
    try {
      return await this.#track(acknowledgements.acknowledge(ack))
    } finally {
      // If its message awaits another one, its time may have ended meanwhile.
      acknowledgements.settleLate()
    }
  }

  /**
   * Adds to the list of events; if the queue is open, before anything that is called later.
   *
   * @param hasGrown it is there already, and counts more now
   */
  async addEvent(event: QueueEvent, hasGrown = false): Promise<void> {
    const { queue } = this.#work ?? (await this.#openedToRead())
    await queue.call('addEvent', event, hasGrown)
  }

  /** Stores what the node knows of itself, where that can survive the process. */
  async keepFigures(figures: NodeFigures): Promise<void> {
    const queue = this.#work?.queue
    if (queue?.isDurable !== true) return
    await queue.call('keepFigures', { ...figures, ...this.#giveUpClock.figures })
  }

  /**
   * Ends the work: nothing new starts; attempts in progress get `graceMs`, then they are aborted.
   *
   * Messages still held by a queue that is not durable then leave as errors: the flow behind this
   * node may live on.
   *
   * @returns nothing if the queue is durable
   */
  async close(graceMs: number): Promise<LeftAtClose> {
    this.#tell({ kind: 'closing' })
    this.#closing.abort()
    this.#closeAlarms()
    this.#lastAttempts.close()
    this.#gate.close()
    // What still waits for the start learns that the node closes.
    this.#flowsStarted.resolve(undefined)
    const cancel = this.#options.clock.after(graceMs, () => {
      this.#abort.abort()
    })
    while (this.#works.size > 0) await Promise.all([...this.#works].map(({ ended }) => ended))
    cancel()
    // A file that is just being opened would stay open.
    await this.#opening?.catch(() => undefined)
    this.#closeAlarms()
    const work = this.#work
    const left: LeftAtClose = { settled: [], unsettled: [] }
    if (work?.queue.isDurable === false) {
      // They are still on their way to the next nodes, which may be closed before they arrive.
      left.settled = work.moving.handedOn.map((message) => settledMessage(message))
      left.unsettled = await this.#giveUpAll(work)
    }
    await work?.moving.finishOwed()
    await work?.queue.close()
    return left
  }

  #closeAlarms(): void {
    this.#work?.claiming.close()
    this.#work?.backup?.close()
    this.#work?.acknowledgements.close()
    this.#work?.pausing.close()
  }

  async #open(): Promise<void> {
    // After a close, nothing would close it again.
    if (this.#isClosing) throw closingError()
    const queue = await this.#options.queue()
    const opened = await queue.open(this.#closing.signal)
    const { endedOn, figures, lastSeq, leaving } = opened
    this.#lastSeq = lastSeq
    this.#giveUpClock.restore(figures)
    this.#work = this.#workOn(queue, opened)
    this.#tell({ kind: 'opened', endedOn, figures })
    this.#catchFault(this.#beginSending(this.#work, leaving))
  }

  #workOn(queue: MessageQueue<Content>, opened: OpenedQueue): Work<Content> {
    const context: WorkContext<Content> = {
      options: this.#options,
      queue,
      careful: new CarefulStart(queue, opened.isUnclean ? this.#slots : 0),
      works: this.#works,
      inFlight: this.#inFlight,
      wishes: new Map(),
      closing: this.#closing.signal,
      flowsStarted: this.#flowsStarted.promise,
      abort: this.#abort.signal,
      nextSeq: () => this.#lastSeq + 1,
      acceptAgain: (message, resent) => this.#accept(queue, message, resent),
      readPlace: (content) => this.#readPlace(queue, content),
      gate: this.#gate,
      giveUpClock: this.#giveUpClock,
      accepting: () => this.#unstored,
      isIdle: () => !this.#maySend,
      maySend: () =>
        this.#maySend && this.#gate.closedMs === 0 && this.#inFlight.size <= this.#gate.slots,
      claimMessages: () => {
        claiming.claim()
      },
      onMove: (stored) => {
        claiming.waitFor(stored)
      },
      catchFault: (work) => {
        this.#catchFault(work)
      },
      track: (work, controlId) => this.#track(work, controlId),
      stopReading: (error) => {
        this.#catchFault(this.#stopReading(error))
      },
      tell: (event) => {
        this.#tell(event)
      }
    }
    const pausing = new Pausing(context, opened)
    const moving = new Moving(context)
    const sending = new Sending(context, pausing, moving, this.#lastAttempts)
    const acknowledgements = new Acknowledgements(context, pausing, moving, sending)
    const backup = this.#backupOn(context, sending, opened)
    const claiming = new Claiming({
      ...context,
      backup,
      lastAttempts: this.#lastAttempts,
      send: (claim, address, isStill) => sending.send(claim, address, isStill),
      setLateAlarm: () => {
        acknowledgements.setAlarm()
      },
      endRetries: (claim) => sending.endRetries(claim)
    })
    const operator = new Operator(context, moving, this.#lastAttempts)
    return { queue, pausing, moving, sending, acknowledgements, backup, claiming, operator }
  }

  #backupOn(
    context: WorkContext<Content>,
    sending: Sending<Content>,
    opened: OpenedQueue
  ): Backup<Content> | undefined {
    const { backup } = this.#options
    const id = backup && context.queue.laneOf(backup.address)
    const inUse = opened.backup?.address === id ? opened.backup : undefined
    // Somebody has turned to an address that is another one now: if it comes again some day, nobody has turned to it.
    if (inUse !== opened.backup) {
      context.queue.call('setBackup', undefined).catch((error: unknown) => {
        this.#tell(queueFailure(error))
      })
    }
    if (this.#failover === undefined || backup === undefined) return undefined
    return new Backup(context, sending, { failover: this.#failover, backup }, inUse)
  }

  /** What was settled but perhaps not handed on when the last process ended leaves before anything is sent. */
  async #beginSending(
    { acknowledgements, sending }: Work<Content>,
    leaving: readonly number[]
  ): Promise<void> {
    await this.#flowsStarted.promise
    for (const seq of leaving) await sending.handOnStored(seq)
    this.#canSend = true
    acknowledgements.settleLate()
    this.#claimMessages()
  }

  async #openLater(): Promise<void> {
    if (this.#reopens) return
    this.#reopens = true
    await this.#sleep(TRY_AGAIN_MS)
    this.#reopens = false
    if (!this.#isClosing) await this.open().catch(() => undefined)
  }

  async #opened(): Promise<Work<Content>> {
    await this.open()
    if (this.#work === undefined) {
      throw new QueueError(english('log', 'queue.closed'), 'ERR_QUEUE_CLOSED')
    }
    return this.#work
  }

  async #openedToRead(): Promise<Work<Content>> {
    await this.openToRead()
    return this.#opened()
  }

  /** @throws {DeliveryError} `HL7_QUEUE_FULL` or `HL7_QUEUE_FAILED` */
  #refuseIfNeeded(queue: MessageQueue<Content>, name: { controlId: string; type: string }): void {
    const { queueLimit } = this.#options
    if (this.#isClosing && !queue.isDurable) {
      const text = english('log', 'error.closing', { message: idOf(name) })
      throw new DeliveryError('HL7_QUEUE_FAILED', text)
    }
    if (this.held < queueLimit) return
    const values = {
      held: this.held.toLocaleString('en-US'),
      limit: queueLimit.toLocaleString('en-US'),
      message: idOf(name)
    }
    throw new DeliveryError('HL7_QUEUE_FULL', english('log', 'error.queueFull', values))
  }

  /** Asks for messages whose turn it is, if any may be sent. */
  #claimMessages(): void {
    this.#work?.claiming.claim()
  }

  /** See `WorkContext`. */
  #catchFault(work: Promise<void>): void {
    work.catch(() => {
      this.#tell({ kind: 'fault' })
    })
  }

  /** See `WorkContext`. */
  #track<T>(work: Promise<T>, controlId?: string): Promise<T> {
    const forget = (): void => {
      this.#works.delete(inProgress)
    }
    const inProgress = { controlId, ended: work.then(forget, forget) }
    this.#works.add(inProgress)
    return work
  }

  /** Nothing more is read for a while, so that nothing overtakes what could not be read. */
  async #stopReading(error: unknown): Promise<void> {
    if (this.#isClosing || !this.#canSend) return
    this.#canSend = false
    this.#tell({ kind: 'unreadable', error, againMs: TRY_AGAIN_MS })
    await this.#sleep(TRY_AGAIN_MS)
    this.#canSend = true
    this.#tell({ kind: 'read-again' })
    this.#lastAttempts.endOver()
    this.#work?.acknowledgements.settleLate()
    this.#claimMessages()
  }

  /**
   * Hands everything that the queue holds on as errors, in the order of acceptance: the node closes, and nothing of it
   * survives.
   */
  async #giveUpAll({ operator, queue, moving }: Work<Content>): Promise<SettledMessage[]> {
    const held = []
    for (const state of ['waiting', 'retrying', 'sending', 'awaiting', 'suspended'] as const) {
      const { messages } = await operator.find({ state, limit: Number.MAX_SAFE_INTEGER })
      held.push(...messages)
    }
    held.sort((a, b) => a.seq - b.seq)
    const left: SettledMessage[] = []
    for (const [index, { seq }] of held.entries()) {
      if (index % 100 === 99) await new Promise(setImmediate)
      const { row, content, outcome } = await queue.read(seq)
      const message = new Message(row, content)
      const facts = settledMessage(message)
      const settlement = failedSettlement(
        facts,
        closedError(row),
        this.#options.clock.now(),
        outcome as Settlement | undefined
      )
      left.push(facts)
      moving.handOn(message, settlement)
    }
    return left
  }

  /** Messages that are being stored, and do not count as waiting yet. */
  get #unstored(): number {
    return Math.max(0, this.#accepting - (this.#work?.queue.unconfirmed ?? 0))
  }

  get #summary(): QueueSummary {
    return this.#work?.queue.summary ?? NOTHING_QUEUED
  }

  /** How many messages may be in flight. */
  get #slots(): number {
    const { order, maxInFlight } = this.#options
    return order === 'fifo' ? 1 : maxInFlight
  }

  get #isClosing(): boolean {
    return this.#closing.signal.aborted
  }

  get #maySend(): boolean {
    return this.#canSend && this.#work?.pausing.isPaused === false && !this.#isClosing
  }

  /** Ends early with a close. */
  #sleep(ms: number): Promise<void> {
    return sleep(this.#options.clock, ms, this.#closing.signal)
  }

  #tell(event: DeliveryEvent): void {
    this.#tally.readEvent(event)
    this.#work?.operator.readEvent(event)
    if (event.kind === 'moved') {
      if (event.to !== 'sending') this.#lastAttempts.endHeldUp()
      if (event.to !== 'retrying') this.#gate.forgetLogin(event.message.seq)
      if (isAcknowledged(event)) this.#giveUpClock.answered()
    } else if (event.kind === 'lost') {
      this.#lastAttempts.take(event.seq)
      this.#lastAttempts.endHeldUp()
      this.#gate.forgetLogin(event.seq)
    } else if (event.kind === 'resumed') this.#gate.endAllWaits()
    else if (event.kind === 'paused') this.#failover?.forgetOutage()
    if (this.#isClosing && !TOLD_WHILE_CLOSING.has(event.kind)) return
    try {
      this.#options.onEvent(event)
    } catch {
      // No reader changes what becomes of a message.
    }
  }
}

/** It leaves on ACK or NAK. */
function isAcknowledged({ settlement, to }: Moved): boolean {
  return to === 'left' && settlement !== undefined && settlement.outcome !== 'error'
}
