import assert from 'node:assert/strict'
import type { Clock } from '../../src/clock.ts'
import type { AttemptResult } from '../../src/delivery/attempt-result.ts'
import { ACK_TIMEOUT } from '../../src/delivery/acknowledgements.ts'
import { Delivery } from '../../src/delivery/delivery.ts'
import type { Settlement } from '../../src/delivery/settlement.ts'
import type { Wish } from '../../src/delivery/work-context.ts'
import { MemoryEngine } from '../../src/queue/memory-engine.ts'
import { MessageQueue, type Claim } from '../../src/queue/message-queue.ts'
import type { MessageRow } from '../../src/queue/message-row.ts'
import type { Pause } from '../../src/queue/queue-event.ts'
import type { QueueMethod, QueueMethods } from '../../src/queue/queue-protocol.ts'
import type { FieldValue } from '../../src/queue/keyed-hashes.ts'
import type { Move, NewMessage, Order } from '../../src/queue/queue-types.ts'
import { ObjectContents } from '../../src/queue/stored-contents.ts'
import type { Late } from '../../src/rules/reply-rules.ts'
import { FakeClock, settled } from '../support/fake-clock.ts'
import { FakeDisk, type DiskRow, type ModelDisk } from './fake-disk.ts'
import { FileDisk } from './file-disk.ts'
import { abortedResult, resultOf, RETRY_AFTER_MS, type ReplyKind } from './replies.ts'

export interface ModelSettings {
  durable: boolean
  /** If it is durable: in a file, with all that belongs to it; otherwise in a table. */
  isFile: boolean
  /** Syncs of the file end when the script says so; otherwise at once. */
  isSyncLate: boolean
  order: Order
  maxInFlight: number
  failureTimeoutMs: number
  failWhileUnreachable: boolean
  applicationAckMs: number
  /** How long contents are kept after their messages have left. */
  contentDays: number
  /** Calls to the disk take effect at once; otherwise when the script says so. */
  quickDisk: boolean
}

export type Action =
  | { do: 'add'; key: number; size: number }
  | { do: 'reply'; pick: number; kind: ReplyKind }
  /** The application acknowledges a message, for which one may wait or not. */
  | { do: 'acknowledge'; pick: number; kind: ReplyKind }
  | { do: 'fault'; pick: number }
  | { do: 'advance'; ms: number }
  /** The thread of a file works, but its answers may come later. */
  | { do: 'disk'; calls: number; isSilent?: boolean }
  /** The sync of a file that began first ends. */
  | { do: 'sync'; fails: boolean }
  | { do: 'end thread' }
  /** Only what is safe is left, or all that was written. */
  | { do: 'power failure'; isOldest: boolean }
  | { do: 'fail'; writes: boolean; reads: boolean }
  | { do: 'pause' | 'resume' | 'try now' | 'start' | 'close' | 'crash' }
  /** Waiting messages, those on their way included. */
  | { do: 'set-aside' | 'discard-waiting'; pick: number | 'all' }
  | { do: 'resend' | 'discard'; pick: number | 'all' }
  /** Another text takes the place of that of a suspended message; it may have another key. */
  | { do: 'edit'; pick: number; key: number }
  /** Messages that have left, once more. */
  | { do: 'send-again'; pick: number | 'all'; firstAlone: boolean }
  /** The disk deletes contents that are too old, or all because it is short. */
  | { do: 'delete-contents'; isShort: boolean }
  /** Perhaps with another order, or another key to keep it by. */
  | { do: 'reopen'; started: boolean; order?: Order; orderKey?: string }

/** The state of a message, as seen from outside. */
type Standing =
  | 'offered'
  | 'refused'
  | 'waiting'
  | 'flight'
  | 'retrying'
  /** Until its application acknowledgement comes, or its time is up. */
  | 'awaiting'
  | 'suspended'
  /** An operator has just asked for it. */
  | 'operator'
  /** It waited, and an operator takes it out of the queue. */
  | 'taken'
  /** Its application has just asked for it: it waits as soon as that is stored. */
  | 'wanted'
  | 'leaving'
  | 'left'
  /** It was in memory, and the process has ended. */
  | 'gone'

interface Message {
  id: number
  /** What it keeps its order with: all, those with its key, or (undefined) none. */
  lane: string | undefined
  /** It was accepted under another order or key: it goes alone, before all others. */
  isEarlier: boolean
  key: string
  /** Of those that are sent again, that of the first one. */
  controlId: string
  /** Its fields have been read. */
  isRead: boolean
  /** Its content, after it has left. */
  isDeleted: boolean
  standing: Standing
  /** Its sender was told that it is in the queue. */
  accepted: boolean
  /** How it must leave. */
  expected?: Settlement['outcome'] | undefined
  emitted: number
  leftOn?: Settlement['outcome']
  /** The process in which it was emitted last. */
  emittedIn: number
  /** Time on its clock, and time of the current attempt, which may count. */
  spent: number
  attemptTime: number
  handedOut?: number | undefined
  /** What its clock showed when a retry was decided. */
  stored: number | undefined
  counts: boolean
  /** Retries by a rule that has a count. */
  counted: number
  /** Where it was before an operator took it. */
  takenFrom: Standing
  /** What an operator wants of it while it is on its way. */
  wish: Wish['act'] | undefined
  /** Nobody knows whether the node still knows of that. */
  isWishUnclear: boolean
  /** The uptime since which its wait counts. */
  countsFrom: number | undefined
  /** The number of the fresh start of all clocks since which its clock has counted. */
  renewals: number
  retries: number
  dueAt: number
  /** When it is no longer retried, and what follows then. */
  endsAt: number
  final: ReplyKind
  /** What follows if no application acknowledgement comes, and the uptime when the wait began. */
  late: Late
  awaitsFrom: number
  /** How long it had still to wait then, or at the start of this run. */
  leftMs: number
  /** Its time is up at this time, and not later than at that one: a start and a disk take time. */
  lateFrom: number
  lateBy: number
  isOver: boolean
  /** It is suspended because no application acknowledgement came. */
  timedOut: boolean
  /** Application acknowledgements that have come, and of which it is not known what becomes. */
  asked: number
  /** The commit in which it was accepted, edited or resent last, of a file. */
  storedIn: number
  /** The commit of what a person or an application has done with it last. */
  promisedIn: Partial<Record<'edit' | 'resend' | Move<never>['to'], number>>
  /** It is suspended, in the file. */
  isAside: boolean
}

/** What a row says of which message it is. */
interface Named {
  seq: number
  controlId: string
}

interface ModelPause {
  by: 'operator' | 'rule'
}

interface ModelResume {
  /** Those that it ends. */
  pauses: readonly ModelPause[]
  /** The number of the fresh start of all clocks, once it is stored. */
  number?: number
}

interface Flight {
  message: Message
  /** It began in an outage, to see whether that is over. */
  isProbe: boolean
  end: (result: AttemptResult) => void
  fail: (error: Error) => void
}

const INTERVAL_MS = 1000
const MAX_INTERVAL_MS = 8000
/** The receiver is slow then, and not in trouble. */
const START_MS = 1000
const GRACE_MS = 10_000
/** A queue that could not be read is read again after this time, in milliseconds. */
const REREAD_MS = 30_000

interface Content {
  id: number
  key: string
  size: number
}

const codec = {
  encode: (content: Content) => ({
    bytes: Buffer.from(JSON.stringify(content)),
    whole: content.size !== Number.POSITIVE_INFINITY
  }),
  decode: (bytes: Buffer) => JSON.parse(bytes.toString()) as Content
}

/** A delivery with its surroundings, and what must be true of it as seen from outside. */
export class DeliveryModel {
  readonly #settings: ModelSettings
  readonly #clock = new FakeClock()
  #giveUp = new GiveUpClock(this.#clock)
  #disk: ModelDisk = new FakeDisk()
  /** The same, if it is one with a file. */
  #file: FileDisk | undefined
  readonly #messages = new Map<number, Message>()
  /** Those that are stored, by their numbers in the table. */
  readonly #stored = new Map<number, Message>()
  #delivery!: Delivery<Content>
  #order: Order
  #orderKey = 'PID-3.1'
  #storedOrder = ''
  #process = 0
  #openedBefore = 0
  #openedAt = 0
  /** How long the queue had been open before this run. */
  #uptimeBefore = 0
  #started = false
  #closing: Promise<unknown> | undefined
  #closingSince = 0
  #left: number[] | undefined
  /** Messages that left because the node was closed. */
  #givenUp: number[] = []
  /** Those that no resume has ended. */
  #pauses: ModelPause[] = []
  /** Pauses by a rule of which no event has come yet. */
  #pausesToTell = 0
  /** Resumes of which no event has come yet, and the pauses that they end. */
  #resumesToTell: ModelResume[] = []
  /** Those of operators that are not stored yet. */
  #pausesToStore: ModelPause[] = []
  /** The number of the last fresh start of all clocks. */
  #resumes = 0
  #flights: Flight[] = []
  /** Messages that may be in flight: one first, then twice as many with each success; all a second after the start. */
  #allowed = 1
  #allFrom: number | undefined
  /** In an outage nothing is sent before this; and so many waits it had. */
  #closedUntil = Number.NEGATIVE_INFINITY
  #waits = 0
  #calls = 0
  /** Calls that send messages once more, and what they have sent: others may follow the first one. */
  #sendingAgain = 0
  /** The commits in which pauses of operators, and resumes, were stored that nobody was told yet. */
  #pauseCommits: { method: QueueMethod; commit: number }[] = []
  /** Calls that take waiting messages out of the queue. */
  #takingOut = 0
  /** Those that are in memory, by their numbers. */
  readonly #inMemory = new Map<number, Message>()
  #trials = new Set<Message>()
  /** Contents that are to take the place of others. */
  readonly #edits = new Set<Content>()
  /** The disk has done everything that the last process asked for. */
  #storedAll = true
  #fault: Error | undefined
  #faultAt = Number.NEGATIVE_INFINITY
  #counters = { acked: 0, naked: 0, failed: 0 }

  constructor(settings: ModelSettings) {
    this.#settings = settings
    this.#order = settings.order
  }

  /** Performs the actions, then makes sure that every message leaves. */
  async run(actions: readonly Action[]): Promise<void> {
    const { contentDays, durable, isFile, isSyncLate } = this.#settings
    if (!durable || !isFile) {
      this.#disk = new FakeDisk({ contentDays })
      await this.#run(actions)
      return
    }
    const mayLose = actions.some((action) => action.do === 'power failure')
    this.#file = await FileDisk.make(this.#clock, { contentDays, isSyncLate, mayLose })
    this.#disk = this.#file
    const run = this.#run(actions)
    // What it has found is told, not what follows from that.
    await Promise.allSettled([run])
    this.#process++
    const disposed = this.#file.dispose()
    await Promise.allSettled([disposed])
    await run
    await disposed
  }

  async #run(actions: readonly Action[]): Promise<void> {
    this.#open(true)
    await settled()
    for (const action of actions) {
      await this.#perform(action)
      await settled()
      if (this.#settings.quickDisk) await this.#stepDisk()
      await this.#check()
    }
    await this.#finish()
  }

  async #perform(action: Action): Promise<void> {
    const delivery = this.#delivery
    switch (action.do) {
      case 'add': {
        const id = this.#messages.size + 1
        const key = String(action.key)
        const content = { id, key, size: action.size }
        const message = newMessage(id, this.#laneOf(key), key)
        this.#messages.set(id, message)
        const name = { controlId: message.controlId, type: 'ADT^A01' }
        this.#call(
          delivery.accept({ ...name, content }),
          () => {
            message.accepted = true
            this.#watch(() => {
              this.#checkSafe(message, 'was confirmed')
            })
            if (message.standing === 'offered') message.standing = 'waiting'
            if (message.takenFrom === 'offered') message.takenFrom = 'waiting'
          },
          () => {
            this.#watch(() => {
              const { standing, takenFrom } = message
              const seen = standing === 'taken' ? takenFrom : standing
              // Its sender may be told after it has gone.
              const isOpen = seen === 'offered' || seen === 'refused'
              assert.ok(isOpen, `${id} was refused after it was accepted`)
            })
            message.standing = 'refused'
          }
        )
        return
      }
      case 'reply':
        this.#reply(action.pick, action.kind)
        return
      case 'acknowledge':
        this.#acknowledge(action.pick, action.kind)
        return
      case 'fault': {
        const [flight] = this.#flights.splice(action.pick % Math.max(1, this.#flights.length), 1)
        if (flight === undefined) return
        this.#leaves(flight.message, 'error')
        flight.message.wish = undefined
        flight.fail(new TypeError('a fault of ours'))
        return
      }
      case 'advance':
        await this.#clock.advance(action.ms, (ms) => {
          this.#passed(ms)
        })
        return
      case 'disk':
        if (action.isSilent === true && this.#file !== undefined) {
          this.#file.step(action.calls, false)
        } else this.#disk.step(action.calls)
        return
      case 'sync':
        if (this.#file === undefined || this.#file.syncs === 0) return
        if (action.fails) this.#faulty()
        this.#file.endSync(action.fails)
        return
      case 'end thread':
        if (this.#file === undefined || this.#closing !== undefined) return
        this.#faulty()
        await this.#file.endThread()
        return
      case 'power failure':
        if (this.#file === undefined) return
        this.#storedAll = false
        this.#process++
        await this.#file.cutPower(action.isOldest)
        this.#open(true)
        return
      case 'fail':
        this.#disk.failWrites = action.writes
        if (action.writes) this.#storedAll = false
        this.#disk.failReads = action.reads
        return
      case 'pause':
        if (!this.#isOpen) return
        this.#pause()
        return
      case 'resume':
        if (!this.#isOpen) return
        this.#resume()
        return
      case 'try now':
        // What is due is due after no time at all, but not before.
        if (!this.#isOpen || this.#closing !== undefined || this.#uptimeMs === 0) return
        this.#closedUntil = Number.NEGATIVE_INFINITY
        this.#call(delivery.tryNow())
        return
      case 'set-aside':
      case 'discard-waiting':
        await this.#takeOut(action.do, action.pick)
        return
      case 'start':
        if (this.#started || this.#closing !== undefined) return
        this.#started = true
        this.#call(delivery.start())
        return
      case 'resend':
      case 'discard': {
        const held = await this.#held('suspended')
        if (held.length === 0) return
        const { pick } = action
        const chosen = pick === 'all' ? held : held.slice(pick % held.length).slice(0, 1)
        for (const row of chosen) this.#takesOver(this.#of(row))
        const ids = chosen.map(({ seq }) => seq)
        const messages = chosen.map((row) => this.#of(row))
        const acted = delivery.operator().then((operator) => operator[action.do]({ ids }))
        this.#call(
          acted.then((count) => {
            // What somebody else has done with them may not be safe yet.
            const what = action.do === 'resend' ? 'resend' : 'leaving'
            if (count > 0 && pick !== 'all') this.#checkPromised(what, ...messages)
          })
        )
        return
      }
      case 'edit':
        await this.#edit(action.pick, String(action.key))
        return
      case 'send-again':
        this.#sendAgain(action.pick, action.firstAlone)
        return
      case 'delete-contents':
        if (!this.#isOpen || this.#closing !== undefined) return
        this.#disk.deleteContents(action.isShort)
        this.#checkContents(action.isShort)
        return
      case 'close':
        if (this.#closing !== undefined) return
        this.#closingSince = this.#clock.monotonic()
        this.#closing = this.#delivery.close(GRACE_MS).then(({ unsettled }) => {
          this.#left = unsettled.map(({ controlId }) => Number(controlId.slice(1)))
        })
        return
      case 'reopen':
        await this.#ended()
        this.#order = action.order ?? this.#order
        this.#orderKey = action.orderKey ?? this.#orderKey
        this.#open(action.started)
        return
      case 'crash':
        if (this.#disk.pending + this.#calls > 0) this.#storedAll = false
        this.#process++
        await this.#disk.crash()
        this.#open(true)
        return
    }
  }

  /** What follows from it takes a while, and some of it may not be stored. */
  #faulty(): void {
    this.#faultAt = this.#clock.monotonic()
    this.#storedAll = false
  }

  /** What is promised of a message, or sent, is on the disk. */
  #checkSafe({ id, storedIn }: Message, what: string): void {
    if (this.#file === undefined) return
    assert.ok(this.#file.safe >= storedIn, `${id} ${what} before it was safe`)
  }

  /** What an operator or an application was told is on the disk. */
  #checkPromised(what: keyof Message['promisedIn'], ...messages: readonly Message[]): void {
    this.#watch(() => {
      for (const { id, promisedIn } of messages) {
        const isSafe = this.#file === undefined || this.#file.safe >= (promisedIn[what] ?? 0)
        assert.ok(isSafe, `what was done with ${id} was told before it was safe`)
      }
    })
  }

  /** An operator asks for a suspended message. */
  #takesOver(message: Message): void {
    // Its time has been up since the last look.
    if (message.standing === 'awaiting') message.timedOut = true
    // An acknowledgement was faster, and is being stored.
    if (['awaiting', 'suspended', 'operator'].includes(message.standing)) {
      message.standing = 'operator'
    }
  }

  /** An operator takes messages out of the queue, or asks for that while they are on their way. */
  async #takeOut(what: 'set-aside' | 'discard-waiting', pick: number | 'all'): Promise<void> {
    const held = await this.#held('waiting')
    if (held.length === 0) return
    const chosen = pick === 'all' ? held : held.slice(pick % held.length).slice(0, 1)
    const ids = chosen.map(({ seq }) => seq)
    const messages = chosen.map((row) => this.#of(row))
    this.#takingOut++
    const end = (): void => {
      this.#takingOut--
    }
    const act = what === 'set-aside' ? 'suspend' : 'discardWaiting'
    const acted = this.#delivery.operator().then((operator) => operator[act]({ ids }, 'ann'))
    this.#call(
      acted.then(({ found, inFlight }) => {
        const to = what === 'set-aside' ? 'suspended' : 'leaving'
        if (found > inFlight && pick !== 'all') this.#checkPromised(to, ...messages)
      }),
      end,
      end
    )
  }

  /** Messages that an operator takes: until that is stored, or failed. */
  #tookOut(method: QueueMethod, args: unknown[], value: unknown): void {
    if (method === 'claimWaiting') {
      const { claimed, sending } = value as { claimed: Claim[]; sending: number[] }
      for (const { row } of claimed) {
        const message = this.#of(row)
        message.takenFrom = message.standing
        message.standing = 'taken'
      }
      const isDiscarded = args[3] === true
      for (const seq of sending) {
        const message = this.#bySeq(seq)
        // What came of its attempt may be being stored: then it is too late.
        const standings: Standing[] = [
          'flight',
          'waiting',
          'retrying',
          'wanted',
          'offered',
          'taken'
        ]
        if (message === undefined || !standings.includes(message.standing)) continue
        message.wish = isDiscarded ? 'discard' : 'set-aside'
        message.isWishUnclear = message.standing !== 'flight'
      }
    }
    if (method === 'claimSuspended') {
      for (const { row } of (value as { claimed: Claim[] }).claimed) this.#takesOver(this.#of(row))
    }
    if (method === 'release') {
      const message = this.#bySeq(args[0] as number)
      if (message?.standing === 'taken') message.standing = message.takenFrom
      if (message?.wish !== undefined) message.isWishUnclear = true
    }
    if (method === 'makeDue') {
      for (const seq of args[0] as number[]) {
        const message = this.#bySeq(seq)
        if (message !== undefined) message.dueAt = Math.min(message.dueAt, this.#clock.monotonic())
      }
    }
    if (method !== 'move' || value !== true) return
    const { seq, to } = args[0] as Move<Uint8Array>
    const message = this.#bySeq(seq)
    if (message === undefined) return
    // One with a wish may not have been sent before that came.
    const isUnsent = ['waiting', 'retrying', 'offered'].includes(message.standing)
    const isObeyed = isUnsent && message.wish !== undefined
    if (message.standing !== 'taken' && !isObeyed) return
    if (to === 'suspended') this.#suspended(message)
    if (to === 'leaving') this.#leaves(message, 'error')
  }

  async #edit(pick: number, key: string): Promise<void> {
    const held = await this.#held('suspended')
    const row = held[pick % Math.max(1, held.length)]
    if (row === undefined) return
    const message = this.#of(row)
    this.#takesOver(message)
    const { id, controlId } = message
    const content = { id, key, size: 100 }
    this.#edits.add(content)
    const edited = this.#delivery
      .operator()
      .then((operator) =>
        operator.edit(
          { seq: row.seq, isSuspended: true },
          { controlId, type: 'ADT^A01', content },
          { by: 'bert' }
        )
      )
    this.#call(
      edited.then(({ kind }) => {
        this.#checkPromised('edit', message)
        if (kind === 'edited' && !this.#settings.durable) this.#edited(message, key)
      })
    )
  }

  #edited(message: Message, key: string): void {
    message.key = key
    message.lane = this.#laneOf(key)
  }

  /** Messages that have left become new ones. */
  #sendAgain(pick: number | 'all', firstAlone: boolean): void {
    const { left } = this.#disk
    if (left.length === 0) return
    const choice = pick === 'all' ? {} : { ids: [left[pick % left.length]?.seq ?? 0] }
    this.#sendingAgain++
    const sent = firstAlone
      ? this.#delivery.operator().then((operator) => operator.sendFirstAgain(choice, 'bert'))
      : this.#delivery.operator().then((operator) => operator.sendAgain(choice, 'bert'))
    const end = (): void => {
      this.#sendingAgain--
    }
    this.#call(
      sent.then((again) => {
        this.#watch(() => {
          const { found, withoutContent } = again
          assert.ok(pick === 'all' || found <= 1, 'messages found')
          if (!('resent' in again)) return
          assert.equal(again.resent + withoutContent, found, 'messages sent again')
        })
      }),
      end,
      end
    )
  }

  /** A message is about to be accepted. One that has been accepted before is a new one from now on. */
  #readFields(content: Content): { key: string; values: FieldValue[] } {
    const { key } = content
    const message = this.#message(content.id)
    if (message.isRead && !this.#edits.has(content)) {
      this.#watch(() => {
        const isFollowing = [...this.#trials].some(({ leftOn }) => leftOn === 'ack')
        assert.ok(this.#sendingAgain > 0 || isFollowing, `${content.id} was sent again`)
        assert.ok(message.emitted > 0, `${content.id} was sent again, but has not left`)
      })
      content.id = this.#messages.size + 1
      const copy = newMessage(content.id, this.#laneOf(key), key, message.controlId)
      this.#messages.set(content.id, copy)
      if (this.#sendingAgain > 0) this.#trials.add(copy)
    }
    this.#message(content.id).isRead = true
    return { key, values: [{ path: 'PID-3.1', value: key }] }
  }

  /** What the disk has deleted is gone, and nothing else is. */
  #checkContents(isShort: boolean): void {
    // Of a file, the thread deletes them in its own time.
    if (this.#file !== undefined) return
    const { contentDays } = this.#settings
    const cutoff = this.#clock.now() - contentDays * 24 * 60 * 60 * 1000
    for (const { seq, hasContent, leftAt } of this.#disk.left) {
      const message = this.#ofStored(seq)
      message.isDeleted ||= isShort || leftAt <= cutoff
      assert.equal(hasContent, !message.isDeleted, `the content of ${message.id} is kept`)
    }
  }

  async #stepDisk(): Promise<void> {
    while (this.#disk.hasWork) {
      this.#disk.step()
      await settled()
    }
  }

  /** Everything that the disk was asked for, syncs included. */
  #stepAll(): void {
    this.#disk.step()
    this.#file?.endSyncs()
  }

  /** Waits for a close to end; starts it if needed. */
  async #ended(): Promise<void> {
    await this.#perform({ do: 'close' })
    for (let round = 0; this.#left === undefined; round++) {
      assert.ok(round < 200, 'a close does not end')
      await settled()
      this.#stepAll()
      await settled()
      if (round === 3) {
        await this.#clock.advance(GRACE_MS, (ms) => {
          this.#passed(ms)
        })
      }
    }
    await settled()
    this.#stepAll()
    await settled()
    // Those of a file are of its thread.
    if (this.#file === undefined) assert.equal(this.#clock.timers, 0, 'timers after a close')
    if (this.#settings.durable) return
    for (const { id, standing } of this.#messages.values()) {
      assert.ok(
        standing === 'operator' || standing === 'taken' || !isHeld(standing),
        `${id} is ${standing} after the close`
      )
    }
    assert.deepEqual(this.#left, this.#givenUp, 'messages given up and reported')
  }

  /** A new process, on the files that the last one left. */
  #open(started: boolean): void {
    const { applicationAckMs, durable, maxInFlight } = this.#settings
    const order = this.#order
    const { failureTimeoutMs, failWhileUnreachable } = this.#settings
    const process = ++this.#process
    const mine = (): boolean => this.#process === process
    this.#clock.forgetTimers()
    this.#file?.rearm()
    this.#flights = []
    this.#allowed = 1
    this.#allFrom = undefined
    this.#endOutage()
    this.#calls = this.#takingOut = 0
    this.#inMemory.clear()
    this.#pauseCommits = []
    this.#pausesToTell = 0
    this.#pausesToStore = []
    this.#resumesToTell = []
    this.#closing = undefined
    this.#left = undefined
    this.#givenUp = []
    if (durable && this.#storedAll) {
      assert.equal(this.#disk.isPaused, this.#paused, 'the stored paused state')
    }
    this.#pauses = durable && this.#disk.isPaused ? [{ by: 'operator' }] : []
    this.#counters = { acked: 0, naked: 0, failed: 0 }
    this.#openedBefore = this.#disk.opened
    this.#openedAt = this.#clock.monotonic()
    this.#uptimeBefore = this.#disk.uptimeMs
    this.#disk.onOpened = () => {
      this.#opened()
    }
    if (this.#file !== undefined) {
      this.#file.onReopened = (withdrawn, isTakenOver) => {
        this.#watch(() => {
          if (mine()) this.#reopened(withdrawn, isTakenOver)
        })
      }
    }
    this.#disk.onCall = (method, args, value, isAwaited) => {
      this.#watch(() => {
        if (mine()) this.#tookEffect(method, args, value, isAwaited)
      })
    }
    this.#disk.onFailure = (method, makeArgs) => {
      if (mine() && method === 'pause') this.#pauseEnded(makeArgs(), false)
    }
    this.#resumes = durable ? this.#disk.renewals : 0
    this.#takeStock()
    this.#storedAll = !this.#disk.failWrites
    this.#delivery = new Delivery({
      queue: () => Promise.resolve(this.#queue()),
      attempt: ({ id }, signal) => {
        let result: Promise<AttemptResult> | undefined
        this.#watch(() => {
          if (mine()) result = this.#attempted(this.#message(id), signal, mine)
        })
        return result ?? new Promise(() => undefined)
      },
      readFields: (content) => (mine() ? this.#readFields(content) : { key: '', values: [] }),
      emit: (facts, { id }, settlement) => {
        this.#watch(() => {
          if (!mine()) return
          const message = this.#message(id)
          assert.equal(facts.controlId, message.controlId)
          this.#emitted(message, settlement)
        })
      },
      onEvent: (event) => {
        const { kind } = event
        this.#watch(() => {
          if (mine() && event.kind === 'opened') {
            // The process has crashed twice while it worked on them.
            for (const row of event.endedOn) this.#suspended(this.#of(row))
          }
          if (mine() && kind === 'resumed') this.#resumed()
          if (mine() && event.kind === 'moved' && event.to === 'suspended') {
            const message = this.#of(event.message)
            if (this.#isGivenUp(message)) this.#suspended(message)
          }
          if (mine() && event.kind === 'paused' && event.pause.by === 'rule') this.#pausedByRule()
          if (mine() && event.kind === 'in-vain') this.#giveUp.set(event)
          if (mine()) assert.notEqual(kind, 'lost', 'a message was lost')
          if (mine()) assert.notEqual(kind, 'fault', 'a fault of ours')
        })
      },
      retry: { intervalMs: INTERVAL_MS, maxIntervalMs: MAX_INTERVAL_MS },
      queueLimit: 1000,
      keepsAccepted: true,
      maxPerSecond: 0,
      clock: {
        now: () => this.#clock.now(),
        monotonic: () => this.#clock.monotonic(),
        // A process that has ended is woken by nothing.
        after: (ms, callback) => (mine() ? this.#clock.after(ms, callback) : () => undefined)
      },
      random: () => 0.5,
      ...{ order, maxInFlight, failureTimeoutMs, failWhileUnreachable, applicationAckMs }
    })
    this.#started = started
    if (started) this.#call(this.#delivery.start())
  }

  #queue(): MessageQueue<Content> {
    const { durable } = this.#settings
    const clock = this.#clock
    const order = this.#order
    const orderKey = this.#orderKey
    return durable
      ? this.#disk.queue(codec, { order, orderKey, clock, sizeOf: ({ size }) => size })
      : new MessageQueue(
          new WatchedMemory(order, clock, (method, args, value) => {
            this.#watch(() => {
              if (method === 'accept') {
                const [{ seq, controlId }] = args as [NewMessage]
                this.#inMemory.set(seq, this.#message(Number(controlId.slice(1))))
              }
              this.#tookOut(method, args, value)
            })
          }),
          new ObjectContents()
        )
  }

  /** A call reached the disk: from now on, what it wrote counts. */
  #tookEffect(method: QueueMethod, args: unknown[], value: unknown, isAwaited = false): void {
    this.#tookOut(method, args, value)
    if (method === 'accept') {
      const [{ seq }, bytes] = args as [NewMessage, Uint8Array]
      const message = this.#message(codec.decode(Buffer.from(bytes)).id)
      // Made again, it changes nothing.
      if (this.#stored.get(seq) !== message) message.storedIn = this.#file?.commit ?? 0
      this.#stored.set(seq, message)
      if (isCopy(message) && message.standing === 'offered') {
        message.accepted = this.#file === undefined
        message.standing = 'waiting'
      }
    }
    if (method === 'edit' && value === true) {
      const [{ seq }, bytes] = args as [NewMessage, Uint8Array]
      const message = this.#ofStored(seq)
      message.storedIn = message.promisedIn.edit = this.#file?.commit ?? 0
      message.isAside = false
      this.#edited(message, codec.decode(Buffer.from(bytes)).key)
    }
    if (method === 'resend' && this.#file !== undefined) {
      const waiting = this.#file.rows.filter(({ state }) => state === 'waiting')
      for (const row of waiting) {
        // A message may have come in by the same transaction.
        const message = this.#stored.get(row.seq)
        if (message?.isAside !== true) continue
        message.storedIn = message.promisedIn.resend = this.#file.commit
        message.isAside = false
      }
    }
    if (method === 'claimNext') {
      for (const { row } of value as Claim[]) {
        const message = this.#of(row)
        if (message.standing === 'operator') this.#renew(message)
        // As it was then: clocks may have been restarted in the same transaction.
        this.#forgetOldClock(message, row.renewals)
        assert.equal(row.spentMs, message.spent, `the clock of ${message.id}`)
        assert.equal(row.retries, message.retries, `retries of ${message.id}`)
        const [counted = 0] = Object.values(row.ruleRetries?.byRule ?? {})
        assert.equal(counted, message.counted, `retries of ${message.id} by a rule with a count`)
      }
    }
    const isOfRule = method === 'pause' && (args[0] as Pause).by === 'rule'
    if ((method === 'pause' && !isOfRule) || method === 'resume') {
      this.#pauseCommits.push({ method, commit: this.#file?.commit ?? 0 })
    }
    if (method === 'resume') {
      const number = args[0] as number
      const asked = this.#resumesToTell.find((each) => each.number === undefined)
      const isAgain = this.#resumesToTell.some((each) => each.number === number)
      if (asked !== undefined && !isAgain) asked.number = number
      for (const message of this.#messages.values()) {
        if (message.standing !== 'flight') {
          message.dueAt = Math.min(message.dueAt, this.#clock.monotonic())
        }
      }
    }
    if (method === 'pause') this.#pauseEnded(args, true)
    if (method !== 'move') return
    const { seq, to, dueInMs = 0, countsFrom, renewals, retries } = args[0] as Move<Uint8Array>
    const row = this.#disk.rows.find((each) => each.seq === seq)
    if (row === undefined) return
    const message = this.#of(row)
    message.isAside = row.state === 'suspended'
    if (isAwaited) message.promisedIn[to] = this.#file?.commit ?? 0
    assert.ok(renewals <= this.#disk.renewals, `the renewals of ${message.id}`)
    if (renewals > message.renewals) {
      // All clocks were renewed while it was worked on: just before a retry was counted, or afterwards.
      this.#renew(message, renewals)
      assert.ok(retries <= 1, `retries of ${message.id}`)
      message.retries = retries
      message.counted = row.ruleRetries
    }
    // A wait begins when it is stored.
    if (to === 'waiting' && dueInMs > 0) this.#planned(message, dueInMs, countsFrom)
    if (to === 'awaiting' && message.standing === 'awaiting') this.#awaits(message, message.late)
  }

  get #paused(): boolean {
    return this.#pauses.length > 0
  }

  #pause(): void {
    const pause = { by: 'operator' } as const
    this.#pauses.push(pause)
    this.#pausesToStore.push(pause)
    // A closed queue refuses it without asking the disk.
    const refused = (): void => {
      this.#endPauses([pause])
    }
    this.#call(
      this.#delivery.pause(),
      () => {
        this.#checkPause('pause')
      },
      refused
    )
  }

  /** That it is paused, or was resumed, is on the disk: at least the first of those that were stored since. */
  #checkPause(what: 'pause' | 'resume'): void {
    const at = this.#pauseCommits.findIndex(({ method }) => method === what)
    const [stored] = at < 0 ? [] : this.#pauseCommits.splice(at, 1)
    this.#watch(() => {
      const isSafe = this.#file === undefined || this.#file.safe >= (stored?.commit ?? 0)
      assert.ok(isSafe, `a ${what} was told before it was safe`)
    })
  }

  /** The disk has stored a pause, or refused it: the node knows that before its caller does. */
  #pauseEnded([pause]: unknown[], isStored: boolean): void {
    // One by a rule stays in effect in either case.
    if ((pause as Pause).by === 'rule') return
    const first = this.#pausesToStore.shift()
    if (first !== undefined && !isStored) this.#endPauses([first])
  }

  #endPauses(ended: readonly ModelPause[]): void {
    this.#pauses = this.#pauses.filter((pause) => !ended.includes(pause))
  }

  #resume(): void {
    const asked: ModelResume = { pauses: [...this.#pauses] }
    this.#resumesToTell.push(asked)
    this.#call(
      this.#delivery.resume(),
      () => {
        this.#checkPause('resume')
        // A node that closes tells nothing.
        if (this.#closing !== undefined) this.#resumed()
      },
      () => {
        this.#resumesToTell = this.#resumesToTell.filter((other) => other !== asked)
      }
    )
  }

  /** Of a resume that was stored: the clocks of messages in flight restart, too. */
  #resumed(): void {
    const asked = this.#resumesToTell.shift()
    this.#endPauses(asked?.pauses ?? [])
    this.#resumes = asked?.number ?? this.#resumes + 1
    this.#endOutage()
    for (const message of this.#messages.values()) {
      if (message.standing === 'flight' || !this.#settings.durable) this.#renew(message)
    }
  }

  /** @param isTold an event of it is to come */
  #pauseByRule(isTold = true): void {
    if (isTold) this.#pausesToTell++
    this.#pauses.push({ by: 'rule' })
  }

  /** After an attempt, which is known here, or because the time of a message is over. */
  #pausedByRule(): void {
    if (this.#pausesToTell > 0) {
      this.#pausesToTell--
      return
    }
    const message = [...this.#messages.values()].find(
      (each) => each.final === 'retry-disable' && this.#isGivenUp(each)
    )
    // While a disk takes its time, the clocks may have been restarted since.
    assert.ok(message ?? !this.#settings.quickDisk, 'a rule paused for no message')
    if (message !== undefined) {
      message.standing = 'waiting'
      message.endsAt = Number.POSITIVE_INFINITY
    }
    this.#pauseByRule(false)
  }

  /** The next attempt has its time. */
  #planned(message: Message, waitMs: number, countsFrom: number | undefined): void {
    // Behind another one of its key it follows at once.
    const isBehind = [...this.#messages.values()].some(
      (other) => other.id < message.id && isSameKey(other, message) && this.#holdsUp(other, message)
    )
    message.dueAt = isBehind ? 0 : this.#clock.monotonic() + waitMs
    message.countsFrom = countsFrom
  }

  /** How long it may still be retried. */
  #leftMs({ spent }: Message): number {
    const isCounted = !this.#paused && !this.#giveUp.stands
    return isCounted ? this.#settings.failureTimeoutMs - spent : Number.POSITIVE_INFINITY
  }

  /** Its time was over, though it was to be tried again. A resume may come while that is stored. */
  #isGivenUp({ endsAt, standing }: Message): boolean {
    const isRetried = ['retrying', 'wanted', 'waiting'].includes(standing)
    return isRetried && this.#giveUp.ms >= endsAt
  }

  #spentOf({ spent, countsFrom }: Message): number {
    return spent + (countsFrom === undefined ? 0 : Math.max(0, this.#giveUp.ms - countsFrom))
  }

  /** What was counted before the last renewal no longer counts. */
  #forgetOldClock(message: Message, renewals: number): void {
    if (message.renewals < renewals) this.#renew(message, renewals)
  }

  #renew(message: Message, renewals = this.#resumes): void {
    message.renewals = renewals
    message.spent = 0
    message.stored = undefined
    message.attemptTime = 0
    message.retries = 0
    message.counted = 0
    message.countsFrom = undefined
    message.endsAt = Number.POSITIVE_INFINITY
    message.dueAt = Math.min(message.dueAt, this.#clock.monotonic())
  }

  /** Messages of the queue in that state, as the table has them. */
  async #held(state: 'waiting' | 'awaiting' | 'suspended'): Promise<Named[]> {
    if (this.#settings.durable) {
      return this.#isOpen ? this.#disk.rows.filter((row) => row.state === state) : []
    }
    if (this.#closing !== undefined) return []
    const { messages } = await (await this.#delivery.reader()).find({ state, limit: 10_000 })
    return messages.reverse()
  }

  /** The time until the disk has opened the queue does not count. */
  #opened(): void {
    const tookMs = this.#clock.monotonic() - this.#openedAt
    this.#openedAt += tookMs
    this.#giveUp = new GiveUpClock(this.#clock)
    for (const message of this.#messages.values()) message.lateFrom += tookMs
    this.#setBarrier()
    // All that is in it was made safe.
    for (const row of this.#disk.rows) this.#of(row).accepted = true
    // A node that closes while it opens its queue does not tell on which messages the process has crashed twice.
    if (this.#closing === undefined) return
    for (const row of this.#disk.rows) if (row.state === 'suspended') this.#suspended(this.#of(row))
  }

  /** Another thread knows only how long the queue had been open when that was stored last. */
  #reopened(withdrawn: readonly number[], isTakenOver: boolean): void {
    for (const seq of withdrawn) {
      const message = this.#stored.get(seq)
      if (message === undefined) continue
      assert.ok(!this.#disk.rows.some((row) => row.seq === seq), `${message.id} is still there`)
      assert.ok(!message.accepted, `${message.id} was withdrawn after it was accepted`)
      message.standing = 'refused'
      this.#stored.delete(seq)
    }
    if (!isTakenOver) return
    const lostMs = this.#uptimeMs - this.#disk.uptimeMs
    this.#uptimeBefore = this.#disk.uptimeMs
    this.#openedAt = this.#clock.monotonic()
    for (const message of this.#messages.values()) {
      // One whose time was up may have been asked for before.
      if (!this.#isLate(message)) message.lateFrom += lostMs
      message.lateBy += lostMs
      if (message.dueAt > this.#clock.monotonic()) message.dueAt += lostMs
    }
  }

  /** A new process knows only what is stored; no accepted message may be missing. */
  #takeStock(): void {
    this.#forgetLost()
    const rows = new Map(this.#disk.rows.map((row) => [this.#of(row).id, row]))
    for (const message of this.#messages.values()) {
      const row = rows.get(message.id)
      if (row === undefined) {
        if (this.#settings.durable && message.accepted) {
          assert.ok(message.emitted > 0, `${message.id} is missing`)
        }
        if (message.standing !== 'refused') message.standing = message.emitted ? 'left' : 'gone'
        continue
      }
      if (this.#storedAll) this.#compare(message, row)
      const { countsFrom, retries, ruleRetries, spentMs, state, turn, verdict } = row
      message.isAside = state === 'suspended'
      message.storedIn = 0
      message.promisedIn = {}
      message.spent = spentMs
      message.retries = retries
      message.counted = ruleRetries
      message.wish = undefined
      message.isWishUnclear = false
      message.endsAt = Number.POSITIVE_INFINITY
      message.countsFrom = countsFrom ?? undefined
      message.renewals = this.#disk.renewals
      message.expected = undefined
      if (state === 'awaiting') {
        const awaitsFrom = (turn ?? 0) - this.#settings.applicationAckMs
        this.#awaits(message, verdict.awaits ?? 'suspend', awaitsFrom)
      } else if (state === 'waiting' || state === 'suspended') {
        message.standing = state
        message.timedOut = verdict.cause === ACK_TIMEOUT
      } else {
        const { outcome } = JSON.parse(row.outcome ?? '{}') as Settlement
        message.standing = 'leaving'
        message.expected = outcome
      }
    }
  }

  /** After a power failure: what was accepted last may not be there, and what was edited last is as it was. */
  #forgetLost(): void {
    const file = this.#file
    if (file === undefined) return
    const { seqs } = file
    for (const [seq, message] of this.#stored) {
      if (!seqs.has(seq)) this.#stored.delete(seq)
      else {
        const content = file.contentOf(seq)
        if (content !== undefined) this.#edited(message, codec.decode(Buffer.from(content)).key)
      }
    }
  }

  /** Checks that what is stored is what the last process knew. */
  #compare(message: Message, { spentMs, state, turn, verdict }: DiskRow): void {
    const { id, standing, stored } = message
    // How it leaves may have been stored just before the end.
    if (this.#isGivenUp(message)) return
    if (standing === 'awaiting') {
      if (this.#isLate(message)) return
      assert.equal(state, 'awaiting', `the stored state of ${id}`)
      assert.equal(verdict.awaits, message.late, `what follows if none comes for ${id}`)
      const deadline = message.awaitsFrom + this.#settings.applicationAckMs
      assert.equal(turn, deadline, `until when ${id} awaits it`)
    } else if (standing === 'suspended' || standing === 'leaving') {
      assert.equal(state, standing, `the stored state of ${id}`)
    } else if (['waiting', 'flight', 'retrying'].includes(standing)) {
      assert.equal(state, 'waiting', `the stored state of ${id}`)
    }
    const isCurrent = message.renewals >= this.#disk.renewals
    if (standing === 'retrying' && stored !== undefined && isCurrent) {
      assert.equal(spentMs, stored, `the stored clock of ${id}`)
    }
  }

  #attempted(message: Message, signal: AbortSignal, mine: () => boolean): Promise<AttemptResult> {
    const { id } = message
    assert.ok(this.#started, `${id} was sent before the start`)
    assert.equal(this.#closing, undefined, `${id} was sent while closing`)
    assert.ok(!this.#paused, `${id} was sent while paused`)
    assert.ok(this.#clock.monotonic() >= this.#closedUntil, `${id} was sent in an outage`)
    assert.ok(this.#flights.length < this.#places, `${id} is one too many in flight`)
    this.#allFrom ??= this.#clock.monotonic() + START_MS
    for (const other of this.#messages.values()) {
      if (other === message) continue
      const name = `${id} was sent while ${other.id} is ${other.standing}`
      assert.ok(!this.#holdsUp(other, message), name)
    }
    this.#endWaitsBehind(message)
    if (message.standing === 'retrying') {
      assert.ok(this.#clock.monotonic() >= message.dueAt, `${id} was sent again too early`)
    } else {
      const may =
        ['waiting', 'offered', 'operator', 'wanted'].includes(message.standing) ||
        this.#isSentAgain(message)
      assert.ok(may, `${id} was sent, though it is ${message.standing}`)
    }
    this.#checkSafe(message, 'was sent')
    message.accepted = true
    if (message.standing === 'operator') this.#renew(message)
    // It was read before the last resume.
    this.#forgetOldClock(message, this.#resumes)
    const isOver = !this.#giveUp.stands && this.#giveUp.ms >= message.endsAt
    assert.ok(!isOver, `${id} was sent after its time was over`)
    message.endsAt = Number.POSITIVE_INFINITY
    message.spent = this.#spentOf(message)
    message.countsFrom = undefined
    message.standing = 'flight'
    message.counts = true
    message.attemptTime = 0
    return new Promise((resolve, reject) => {
      const flight = { message, isProbe: this.#waits > 0, end: resolve, fail: reject }
      this.#flights.push(flight)
      signal.addEventListener('abort', () => {
        if (!mine()) return
        const at = this.#flights.indexOf(flight)
        if (at < 0) return
        this.#watch(() => {
          const waited = this.#clock.monotonic() - this.#closingSince
          assert.ok(waited >= GRACE_MS, `${id} was aborted after ${waited} ms`)
        })
        this.#flights.splice(at, 1)
        message.standing = 'waiting'
        if (id % 2 === 0) resolve(abortedResult())
        else reject(new DOMException('aborted', 'AbortError'))
      })
    })
  }

  /** It came in before others of its key, which therefore follow at once. */
  #endWaitsBehind(message: Message): void {
    for (const other of this.#messages.values()) {
      if (other.id > message.id && isSameKey(other, message)) other.dueAt = 0
    }
  }

  #reply(pick: number, asked: ReplyKind): void {
    const [flight] = this.#flights.splice(pick % Math.max(1, this.#flights.length), 1)
    if (flight === undefined) return
    const { message } = flight
    const { wish } = message
    // If nobody knows what an operator wants of it, it is accepted, whatever that is.
    const isUnclear = message.isWishUnclear || (this.#file !== undefined && this.#takingOut > 0)
    const kind = wish !== undefined && isUnclear ? 'accept' : asked
    message.wish = undefined
    message.isWishUnclear = false
    const { failWhileUnreachable, failureTimeoutMs } = this.#settings
    message.counts = (kind !== 'unreachable' && kind !== 'busy') || failWhileUnreachable
    if (message.counts) message.spent += message.attemptTime
    message.attemptTime = 0
    const result = resultOf(kind)
    // After an outage one goes first again.
    // What was on its way when the outage began, and got no answer, says nothing of what has been since.
    const isLate = kind === 'timeout' && this.#waits > 0 && !flight.isProbe
    if (kind === 'unreachable' || kind === 'busy') this.#waitForReceiver()
    else if (!isLate) {
      this.#endOutage()
      this.#allowed = Math.min(2 * this.#allowed, 1000)
    }
    const { outcome } = result.decision
    const isCounted = kind === 'retry-twice'
    const isRetried = result.decision.retry && !(isCounted && message.counted >= 2)
    const leftMs = message.counts ? this.#leftMs(message) : Number.POSITIVE_INFINITY
    const goesOn = isRetried && failureTimeoutMs !== 0 && leftMs > 0
    if (wish !== undefined && (goesOn || !isAnswer(kind))) {
      if (wish === 'discard') this.#leaves(message, 'error')
      else this.#suspended(message)
      flight.end(result)
      return
    }
    if (isRetried) {
      const least = kind === 'retry-after' ? RETRY_AFTER_MS : 0
      const outage = this.#closedUntil - this.#clock.monotonic()
      const wait = Math.max(backOff(message), least, outage)
      if (goesOn) {
        message.standing = 'retrying'
        message.endsAt = this.#giveUp.ms + leftMs
        message.final = kind
        message.retries++
        if (isCounted) message.counted++
        // The clock restarts when a pause ends: what it shows until then does not matter.
        message.stored = this.#paused ? undefined : message.spent
        this.#planned(message, Math.min(wait, leftMs), message.counts ? this.#giveUp.ms : undefined)
        flight.end(result)
        return
      }
    }
    if (outcome === 'accept') this.#leaves(message, 'ack')
    else if (outcome === 'fail') this.#leaves(message, kind === 'nak' ? 'nak' : 'error')
    else if (outcome === 'await') {
      this.#awaits(message, result.decision.late ?? 'suspend')
    } else if (outcome === 'suspend') this.#suspended(message)
    else {
      message.standing = 'waiting'
      this.#pauseByRule()
    }
    flight.end(result)
  }

  /** Nothing is sent for longer and longer, unless all that is retried fails at once. */
  #waitForReceiver(): void {
    this.#allowed = 1
    this.#allFrom = Number.POSITIVE_INFINITY
    const now = this.#clock.monotonic()
    if (now < this.#closedUntil || this.#settings.failureTimeoutMs === 0) return
    this.#closedUntil = now + Math.min(INTERVAL_MS * 2 ** this.#waits++, MAX_INTERVAL_MS)
    if (!this.#settings.failWhileUnreachable) this.#giveUp.set({ isOutage: true })
  }

  #endOutage(): void {
    this.#closedUntil = Number.NEGATIVE_INFINITY
    this.#waits = 0
    this.#giveUp.set({ isOutage: false })
    for (const flight of this.#flights) flight.isProbe = false
  }

  #suspended(message: Message): void {
    message.standing = 'suspended'
    message.wish = undefined
    message.endsAt = Number.POSITIVE_INFINITY
    message.timedOut = false
  }

  #awaits(message: Message, late: Late, awaitsFrom = this.#uptimeMs): void {
    message.leftMs = this.#settings.applicationAckMs - (this.#uptimeMs - awaitsFrom)
    // A crash forgets a second at most.
    assert.ok(message.leftMs <= this.#settings.applicationAckMs + 1000)
    message.standing = 'awaiting'
    message.late = late
    message.awaitsFrom = awaitsFrom
    message.lateFrom = this.#clock.monotonic() + message.leftMs
    message.lateBy = Number.POSITIVE_INFINITY
    message.isOver = false
  }

  /** How long the queue has been open; what a crash kept from being stored does not count. */
  get #uptimeMs(): number {
    return this.#uptimeBefore + this.#clock.monotonic() - this.#openedAt
  }

  #isLate({ lateFrom }: Message): boolean {
    return this.#clock.monotonic() >= lateFrom
  }

  /** Its time is up, and it waits again. */
  #isSentAgain(message: Message): boolean {
    const { late, standing } = message
    return standing === 'awaiting' && late === 'retry' && this.#isLate(message)
  }

  #acknowledge(pick: number, kind: ReplyKind): void {
    const all = [...this.#messages.values()]
    // Those for which one is to come first.
    const wanting = all.filter(({ standing, timedOut }) =>
      ['awaiting', 'flight'].includes(standing) ? true : standing === 'suspended' && timedOut
    )
    const chosen = [...wanting, ...all.filter((message) => !wanting.includes(message))]
    const message = chosen[pick % Math.max(1, chosen.length)]
    if (message !== undefined) this.#acknowledgeOne(message, kind)
  }

  #acknowledgeOne(message: Message, kind: ReplyKind): void {
    const { id, standing, controlId } = message
    const process = this.#process
    const isDue = standing === 'awaiting' && !this.#isLate(message)
    // Of those that have one control ID, another one may be meant.
    const others = [...this.#messages.values()].filter((other) => other.controlId === controlId)
    const isFirst = message.asked++ === 0 && others.length === 1
    let judged = message
    let before: Message | undefined
    const judge = (row: MessageRow): AttemptResult => {
      this.#watch(() => {
        judged = this.#of(row)
        before = { ...judged }
        if (this.#process === process) this.#judged(judged, kind, row.renewals)
      })
      return resultOf(kind)
    }
    this.#delivery.acknowledge({ controlIds: [controlId], judge }).then(
      (isTaken) => {
        message.asked--
        this.#watch(() => {
          if (this.#process !== process) return
          assert.equal(
            isTaken,
            before !== undefined,
            `an acknowledgement of ${id} was taken, or was not`
          )
          // Its time may have come, or another acknowledgement was faster.
          const isStillDue = message.standing === 'awaiting' && !this.#isLate(message)
          const mayMiss = !isDue || !isFirst || !isStillDue
          assert.ok(isTaken || mayMiss, `an acknowledgement of ${id} was not taken`)
        })
      },
      () => {
        message.asked--
        if (this.#process !== process) return
        this.#storedAll = false
        // It could not be stored: nothing has changed.
        if (before !== undefined) Object.assign(judged, { ...before, asked: judged.asked })
      }
    )
  }

  /** The rules are asked about an application acknowledgement. */
  #judged(message: Message, kind: ReplyKind, renewals: number): void {
    const { id, standing } = message
    const wasLate = ['suspended', 'operator'].includes(standing) && message.timedOut
    assert.ok(
      standing === 'awaiting' || wasLate,
      `${id} was acknowledged, though it is ${standing}`
    )
    const { outcome, retry } = resultOf(kind).decision
    if (outcome === 'await') return
    // A node that closes tells of no resume, but knows it as soon as it is stored.
    const stored = this.#closing === undefined ? 0 : this.#disk.renewals
    this.#forgetOldClock(message, Math.max(renewals, this.#resumes, stored))
    const { failureTimeoutMs } = this.#settings
    const left = this.#leftMs(message)
    if (retry && failureTimeoutMs !== 0 && left > 0) {
      const wait = Math.min(backOff(message), left)
      message.endsAt = this.#giveUp.ms + left
      message.final = kind
      message.retries++
      message.standing = 'wanted'
      message.stored = this.#paused ? undefined : message.spent
      this.#planned(message, wait, this.#giveUp.ms)
    } else if (outcome === 'accept') this.#leaves(message, 'ack')
    else if (outcome === 'fail') this.#leaves(message, kind === 'nak' ? 'nak' : 'error')
    else if (outcome === 'suspend') this.#suspended(message)
    else {
      message.standing = 'wanted'
      message.dueAt = 0
      this.#pauseByRule()
    }
  }

  /**
   * Where the messages have got whose time was up, or for which somebody asked.
   *
   * @param suspended those that are, in the table
   */
  async #lookUp(suspended: ReadonlySet<number>): Promise<void> {
    const held = [...this.#messages.values()].filter(({ standing }) =>
      ['awaiting', 'wanted', 'operator'].includes(standing)
    )
    if (held.length === 0) return
    const awaiting = new Set((await this.#held('awaiting')).map((row) => this.#of(row).id))
    for (const message of held) {
      const { id } = message
      if (message.standing === 'awaiting') this.#lookUpAwaiting(message, awaiting, suspended)
      else if (suspended.has(id)) this.#suspended(message)
      else if (message.standing === 'operator') {
        this.#renew(message)
        message.standing = 'waiting'
      } else if (!awaiting.has(id)) {
        message.standing = message.dueAt > this.#clock.monotonic() ? 'retrying' : 'waiting'
      }
    }
  }

  #lookUpAwaiting(
    message: Message,
    awaiting: ReadonlySet<number>,
    suspended: ReadonlySet<number>
  ): void {
    const { id, late, lateBy } = message
    const now = this.#clock.monotonic()
    if (awaiting.has(id)) {
      if (!this.#started || now - this.#faultAt <= REREAD_MS) return
      // Its timer runs by now.
      if (lateBy === Number.POSITIVE_INFINITY) {
        message.lateBy = Math.max(now, now + message.leftMs)
      }
      if (now <= message.lateBy) return
      // The timer may have had to wait for the disk; once more it does not.
      assert.ok(!message.isOver, `${id} is still awaiting`)
      message.isOver = true
      message.lateBy = now
      return
    }
    assert.ok(this.#isLate(message), `${id} no longer awaits its acknowledgement`)
    if (suspended.has(id)) {
      assert.equal(late, 'suspend', `${id} is suspended`)
      message.standing = 'suspended'
      message.timedOut = true
    } else {
      assert.equal(late, 'retry', `${id} is sent again`)
      message.standing = 'waiting'
    }
  }

  #leaves(message: Message, outcome: Settlement['outcome']): void {
    message.standing = 'leaving'
    message.expected = outcome
  }

  #emitted(message: Message, settlement: Settlement): void {
    const { id, standing } = message
    const { durable } = this.#settings
    if (durable) assert.equal(this.#closing, undefined, `${id} was emitted while closing`)
    assert.notEqual(message.emittedIn, this.#process, `${id} was emitted twice`)
    if (settlement.error?.cause?.code === 'ERR_NODE_CLOSED') {
      assert.ok(this.#closing, `${id} was given up without a close`)
      assert.ok(isHeld(standing), `${id} was given up, though it is ${standing}`)
      assert.ok(id > (this.#givenUp.at(-1) ?? 0), `${id} was given up out of order`)
      this.#givenUp.push(id)
    } else if (standing === 'operator' || standing === 'taken') {
      assert.equal(settlement.error?.code, 'HL7_DISCARDED')
    } else if (
      message.wish === 'discard' &&
      standing !== 'leaving' &&
      settlement.error?.code === 'HL7_DISCARDED'
    ) {
      assert.ok(isHeld(standing), `${id} was discarded, though it is ${standing}`)
    } else if (standing === 'awaiting') {
      assert.ok(this.#isLate(message), `${id} left before its time was up`)
      assert.equal(message.late, 'fail', `${id} left`)
      assert.equal(settlement.error?.cause?.code, ACK_TIMEOUT)
    } else if (this.#isGivenUp(message)) {
      assert.equal(settlement.outcome, 'error', `${id} left when its time was over`)
      this.#endWaitsBehind(message)
    } else {
      assert.ok(this.#started, `${id} was emitted before the start`)
      assert.equal(standing, 'leaving', `${id} was emitted, though it is ${standing}`)
      assert.equal(settlement.outcome, message.expected, `${id} left on the wrong output`)
    }
    message.standing = 'left'
    message.wish = undefined
    message.emitted++
    message.leftOn = settlement.outcome
    message.emittedIn = this.#process
    const counter = ({ ack: 'acked', nak: 'naked', error: 'failed' } as const)[settlement.outcome]
    this.#counters[counter]++
  }

  /** What the delivery calls must not throw: `#check` throws the fault later. */
  #watch(work: () => void): void {
    try {
      work()
    } catch (error) {
      this.#fault ??= error as Error
    }
  }

  /** What must be true while no call to the delivery or the disk is pending. */
  async #check(): Promise<void> {
    if (this.#fault !== undefined) throw this.#fault
    const now = this.#clock.monotonic()
    if (this.#isOpen) this.#file?.checkSummary()
    const isFaulty = this.#disk.failReads || this.#disk.failWrites
    if (this.#settings.durable && isFaulty) this.#faultAt = now
    if (this.#disk.pending > 0 || this.#calls > 0 || this.#closing !== undefined) return
    // What an unreadable queue holds is unknown, and what could not be stored is stored later.
    if (!this.#isOpen || now - this.#faultAt <= REREAD_MS) return
    const suspended = (await this.#held('suspended')).map((row) => this.#of(row).id)
    await this.#lookUp(new Set(suspended))
    const messages = [...this.#messages.values()]
    const is = (...standings: Standing[]): Message[] =>
      messages.filter(({ standing }) => standings.includes(standing))
    const state = this.#delivery.state()
    assert.deepEqual(
      suspended.sort((a, b) => a - b),
      is('suspended').map(({ id }) => id),
      'suspended messages'
    )
    assert.equal(state.suspended, suspended.length)
    assert.equal(state.awaiting, is('awaiting').length, 'awaiting messages')
    assert.equal(state.inFlight, this.#flights.length, 'messages in flight')
    if (!this.#started) return
    assert.deepEqual(is('leaving'), [], 'messages held back that could leave')
    const { acked, naked, failed } = state
    assert.deepEqual({ acked, naked, failed }, this.#counters)
    assert.equal(state.queued, is('waiting', 'retrying').length, 'queued messages')
    assert.equal(state.state === 'paused', this.#paused)
    if (this.#settings.quickDisk && !this.#paused) {
      const over = messages.filter(
        (message) => this.#isGivenUp(message) && message.renewals >= this.#resumes
      )
      for (const message of over) {
        const isBehind = messages.some((m) => m !== message && this.#holdsUp(m, message))
        assert.ok(isBehind, `${message.id} is still there after its time`)
      }
    }
    if (this.#paused || this.#flights.length >= this.#places || now < this.#closedUntil) return
    for (const message of is('waiting', 'retrying')) {
      const { id, standing, dueAt } = message
      const isBehind = messages.some((m) => m !== message && this.#holdsUp(m, message))
      if (isBehind || (standing === 'retrying' && dueAt > now)) continue
      assert.fail(`${id} waits for nothing`)
    }
  }

  /** Now the receiver accepts everything, the disk works, and an operator resumes and resends. */
  async #finish(): Promise<void> {
    this.#disk.failWrites = this.#disk.failReads = false
    if (this.#file !== undefined) this.#file.isSyncLate = false
    if (this.#closing !== undefined) await this.#perform({ do: 'reopen', started: true })
    await this.#drain()
    if (this.#settings.durable) {
      // Messages that could not be removed leave a second time.
      await this.#perform({ do: 'reopen', started: true })
      await this.#drain()
      await this.#findByKey()
      await this.#ended()
      assert.equal(this.#disk.rows.length, 0, 'rows left in the file')
      this.#disk.deleteContents(true)
      assert.equal(this.#disk.storedContents, 0, 'contents left in the file')
    }
    for (const { id, accepted, standing, emitted } of this.#messages.values()) {
      if (!accepted) continue
      if (standing === 'gone') assert.ok(!this.#settings.durable, `${id} is gone`)
      else assert.ok(emitted > 0, `${id} never left`)
    }
  }

  /** Every message is found by its field, in the queue or not. */
  async #findByKey(): Promise<void> {
    for (const key of ['0', '1', '2']) {
      const value = { path: 'PID-3.1', value: key }
      const found = this.#delivery
        .reader()
        .then((operator) => operator.findByField([value], { limit: 1000 }))
      await settled()
      await this.#stepDisk()
      const { messages } = await found
      const expected = [...this.#stored.values()].filter((message) => message.key === key)
      const ids = messages.map((row) => this.#of(row).id)
      assert.deepEqual(
        ids.reverse(),
        expected.map(({ id }) => id),
        `messages found by ${key}`
      )
    }
  }

  async #drain(): Promise<void> {
    await this.#perform({ do: 'start' })
    for (let round = 0; round < 400; round++) {
      this.#disk.step()
      await settled()
      if (round % 20 === 1) await this.#perform({ do: 'advance', ms: REREAD_MS + 1000 })
      if (round % 20 === 2) await this.#perform({ do: 'resume' })
      await this.#perform({ do: 'resend', pick: 'all' })
      await this.#perform({ do: 'reply', pick: 0, kind: 'accept' })
      for (const message of this.#messages.values()) {
        if (message.standing === 'awaiting') this.#acknowledgeOne(message, 'accept')
      }
      await settled()
      await this.#check()
      const { awaiting, queued, inFlight, suspended } = this.#delivery.state()
      const quiet = this.#disk.pending + this.#calls === 0
      if (round > 3 && quiet && awaiting + queued + inFlight + suspended === 0) break
    }
    assert.equal(this.#delivery.held, 0, 'messages left in the queue')
  }

  #passed(ms: number): void {
    if (this.#paused) return
    for (const message of this.#messages.values()) {
      if (message.standing === 'flight' && !this.#giveUp.stands) message.attemptTime += ms
    }
  }

  #call(
    promise: Promise<unknown>,
    done: () => void = () => undefined,
    failed: () => void = () => undefined
  ): void {
    const process = this.#process
    this.#calls++
    promise.then(
      () => {
        if (this.#process !== process) return
        this.#calls--
        done()
      },
      () => {
        if (this.#process !== process) return
        this.#calls--
        this.#storedAll = false
        failed()
      }
    )
  }

  get #isOpen(): boolean {
    return !this.#settings.durable || this.#disk.opened > this.#openedBefore
  }

  get #places(): number {
    const isStarted = this.#clock.monotonic() >= (this.#allFrom ?? Number.POSITIVE_INFINITY)
    const allowed = isStarted ? 1000 : this.#allowed
    return Math.min(allowed, this.#order === 'fifo' ? 1 : this.#settings.maxInFlight)
  }

  #laneOf(key: string): string | undefined {
    if (this.#order === 'none') return undefined
    return this.#order === 'key' ? key : ''
  }

  /** If the queue was opened with another order last, what is in it goes alone. */
  #setBarrier(): void {
    const order = this.#order === 'key' ? `key ${this.#orderKey}` : this.#order
    if (order === this.#storedOrder) return
    this.#storedOrder = order
    for (const row of this.#disk.rows) this.#of(row).isEarlier = true
  }

  /** Whether a message must not be sent while another one is where it is. */
  #holdsUp(other: Message, message: Message): boolean {
    const isFlying = other.standing === 'flight'
    const isHeld = isFlying || ['waiting', 'retrying', 'taken'].includes(other.standing)
    const isAhead = isFlying || other.id < message.id
    if (this.#order === 'fifo') return isHeld && isAhead
    if (message.isEarlier) return isFlying || (isHeld && isAhead && other.isEarlier)
    if (other.isEarlier) return isHeld
    return isHeld && isAhead && message.lane !== undefined && other.lane === message.lane
  }

  #message(id: number): Message {
    const message = this.#messages.get(id)
    assert.ok(message, `${id} was invented`)
    return message
  }

  /** In memory, nothing is sent again: control IDs tell them apart. */
  #of({ seq, controlId }: Named): Message {
    return this.#settings.durable ? this.#ofStored(seq) : this.#message(Number(controlId.slice(1)))
  }

  /** Undefined of one that was in memory before. */
  #bySeq(seq: number): Message | undefined {
    return this.#settings.durable ? this.#stored.get(seq) : this.#inMemory.get(seq)
  }

  #ofStored(seq: number): Message {
    const message = this.#stored.get(seq)
    assert.ok(message, `row ${seq} was invented`)
    return message
  }
}

function newMessage(
  id: number,
  lane: string | undefined,
  key: string,
  controlId = `C${id}`
): Message {
  return {
    id,
    lane,
    key,
    controlId,
    isRead: false,
    isDeleted: false,
    isEarlier: false,
    standing: 'offered',
    accepted: false,
    emitted: 0,
    emittedIn: 0,
    spent: 0,
    attemptTime: 0,
    stored: undefined,
    counts: true,
    counted: 0,
    takenFrom: 'waiting',
    wish: undefined,
    isWishUnclear: false,
    countsFrom: undefined,
    renewals: 0,
    retries: 0,
    dueAt: 0,
    endsAt: Number.POSITIVE_INFINITY,
    final: 'retry',
    late: 'suspend',
    awaitsFrom: 0,
    leftMs: 0,
    lateFrom: 0,
    lateBy: 0,
    isOver: false,
    timedOut: false,
    asked: 0,
    storedIn: 0,
    promisedIn: {},
    isAside: false
  }
}

/** A queue in memory, and what its calls do. */
class WatchedMemory extends MemoryEngine {
  readonly #onCall: (method: QueueMethod, args: unknown[], value: unknown) => void

  constructor(
    order: Order,
    clock: Clock,
    onCall: (method: QueueMethod, args: unknown[], value: unknown) => void
  ) {
    super(order, clock)
    this.#onCall = onCall
  }

  override async call<Method extends QueueMethod>(
    method: Method,
    makeArgs: () => Parameters<QueueMethods[Method]>
  ): Promise<ReturnType<QueueMethods[Method]>> {
    const args = makeArgs()
    const value = await super.call(method, () => args)
    this.#onCall(method, args, value)
    return value
  }
}

/** It was sent before, as another one. */
function isCopy({ id, controlId }: Message): boolean {
  return controlId !== `C${id}`
}

/** The receiver or a rule has decided: who wanted something else comes too late. */
function isAnswer(kind: ReplyKind): boolean {
  const { outcome } = resultOf(kind).decision
  return ['accept', 'suspend', 'await'].includes(outcome) || kind === 'nak'
}

/** Messages of one lane of a key. */
function isSameKey(one: Message, other: Message): boolean {
  return one.lane !== undefined && one.lane !== '' && one.lane === other.lane
}

function backOff({ retries }: Message): number {
  return Math.min(INTERVAL_MS * 2 ** retries, MAX_INTERVAL_MS)
}

function isHeld(standing: Standing | undefined): boolean {
  return (
    standing !== undefined && !['refused', 'left', 'gone', 'leaving', 'offered'].includes(standing)
  )
}

/** What the clock of *Give up after* shows: in an outage it stands, and once too many were given up in vain. */
class GiveUpClock {
  readonly #clock: Pick<Clock, 'monotonic'>
  #passedMs = 0
  #since: number
  #isOutage = false
  #isInVain = false

  constructor(clock: Pick<Clock, 'monotonic'>) {
    this.#clock = clock
    this.#since = clock.monotonic()
  }

  get stands(): boolean {
    return this.#isOutage || this.#isInVain
  }

  get ms(): number {
    return this.#passedMs + (this.stands ? 0 : this.#clock.monotonic() - this.#since)
  }

  set(why: { isOutage?: boolean; isInVain?: boolean }): void {
    this.#passedMs = this.ms
    this.#since = this.#clock.monotonic()
    this.#isOutage = why.isOutage ?? this.#isOutage
    this.#isInVain = why.isInVain ?? this.#isInVain
  }
}
