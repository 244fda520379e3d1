import { DatabaseSync } from 'node:sqlite'
import type { Clock } from '../../src/clock.ts'
import { STATES, type MessageState, type Verdict } from '../../src/queue/message-row.ts'
import { MessageQueue } from '../../src/queue/message-queue.ts'
import { NOTHING_QUEUED, type QueueEngine } from '../../src/queue/queue-engine.ts'
import type { FieldValue } from '../../src/queue/keyed-hashes.ts'
import { QueueError } from '../../src/queue/queue-error.ts'
import { callOn, type QueueMethod, type QueueMethods } from '../../src/queue/queue-protocol.ts'
import { makeTables } from '../../src/queue/queue-schema.ts'
import type { ContentStore, OpenedQueue, Order, QueueCounts } from '../../src/queue/queue-types.ts'
import { Queue } from '../../src/queue/queue.ts'
import { EncodedContents, type ContentCodec } from '../../src/queue/stored-contents.ts'

/** Room for contents in memory, in bytes. */
export const CACHE_BYTES = 16 * 1024 * 1024

/** A row of the table, as a test compares it. */
export interface DiskRow {
  seq: number
  controlId: string
  state: MessageState
  turn: number | null
  retries: number
  /** What rules with a count have counted, together. */
  ruleRetries: number
  spentMs: number
  /** Since when time counts on; on the uptime. */
  countsFrom: number | null
  verdict: Partial<Verdict>
  outcome: string | undefined
}

/** A message that has left. */
export interface LeftRow {
  seq: number
  leftAt: number
  hasContent: boolean
}

/** What a model needs of a disk. */
export interface ModelDisk {
  /** While set, changes (queries) fail. */
  failWrites: boolean
  failReads: boolean
  /** How often it was opened. */
  readonly opened: number
  onOpened: (() => void) | undefined
  /** A call takes effect; somebody may wait until it is safe. */
  onCall:
    | ((method: QueueMethod, args: unknown[], value: unknown, isAwaited?: boolean) => void)
    | undefined
  /** A call fails. */
  onFailure: ((method: QueueMethod, makeArgs: () => unknown[]) => void) | undefined
  readonly pending: number
  /** There is something for `step` to do. */
  readonly hasWork: boolean
  /** All that has not left. */
  readonly rows: DiskRow[]
  readonly left: LeftRow[]
  readonly storedContents: number
  readonly isPaused: boolean
  /** The number of the last fresh start of all clocks. */
  readonly renewals: number
  /** How long the queue had been open when that was stored last, in milliseconds. */
  readonly uptimeMs: number
  /** Lets this many calls take effect. */
  step: (count?: number) => void
  /** Contents that are too old are deleted, or all of messages that have left: the disk is short. */
  deleteContents: (isShort: boolean) => void
  /** The process ends: calls that have not taken effect are forgotten. */
  crash: () => void | Promise<void>
  queue: <Content>(
    codec: ContentCodec<Content>,
    options: FakeQueueOptions<Content>
  ) => MessageQueue<Content>
}

interface Call {
  isRead: boolean
  /** Nothing has to be read or stored for it. */
  isSafe: boolean
  run: () => void
  fail: (error: QueueError) => void
}

/** Calls that change nothing. */
const READS = new Set<QueueMethod>([
  'claimNext',
  'claimEarly',
  'claimLate',
  'claimAwaiting',
  'claimSuspended',
  'claimWaiting',
  'countSuspended',
  'countMessages',
  'read',
  'find',
  'findLeft',
  'events'
])

/**
 * A disk for tests, with the real table on it. `queue()` returns the view of one process; calls take effect in order,
 * when `step` reaches them. Until then, a crash forgets them.
 */
export class FakeDisk implements ModelDisk {
  readonly #db = new DatabaseSync(':memory:')
  readonly #contents = new Map<number, Uint8Array>()
  readonly #outcomes = new Map<number, Uint8Array>()
  readonly #originals = new Map<number, Uint8Array>()
  /** While set, changes (queries) fail. */
  failWrites = false
  failReads = false
  /** Every call takes effect at once, without `step`. */
  immediate: boolean
  /** How often it was opened. */
  opened = 0
  onOpened: (() => void) | undefined
  /** A call takes effect. */
  onCall: ModelDisk['onCall']
  /** A call fails. */
  onFailure: ModelDisk['onFailure']
  /** The messages on which work has begun. */
  readonly worked: number[] = []
  #calls: Call[] = []
  #opened: Queue<Uint8Array> | undefined
  readonly #contentDays: number

  /** @param contentDays how long contents are kept after their messages have left */
  constructor({ immediate = false, contentDays = 0 } = {}) {
    this.immediate = immediate
    this.#contentDays = contentDays
    makeTables(this.#db)
  }

  get pending(): number {
    return this.#calls.length
  }

  get hasWork(): boolean {
    return this.pending > 0
  }

  /** All that has not left. */
  get rows(): DiskRow[] {
    return rowsIn(this.#db, (seq) => this.#outcomes.get(seq))
  }

  get left(): LeftRow[] {
    return leftIn(this.#db, (seq) => this.#contents.has(seq))
  }

  get storedContents(): number {
    return this.#contents.size
  }

  /** The message of which the table says that the process may end while it works on it. */
  get marked(): number[] {
    return [this.#meta('atWork') as number].filter((seq) => seq > 0)
  }

  get isPaused(): boolean {
    return this.#meta('paused') === 1
  }

  /** How long the queue had been open when that was stored last, in milliseconds. */
  get uptimeMs(): number {
    return (this.#meta('uptime') as number | undefined) ?? 0
  }

  /** The content of a message becomes unreadable. */
  damageContent(seq: number): void {
    this.#contents.set(seq, Buffer.from('?'))
  }

  /** The content of a message is gone. */
  loseContent(seq: number): void {
    this.#contents.delete(seq)
  }

  /** The outcome of a message becomes unreadable. */
  damageOutcome(seq: number): void {
    this.#outcomes.delete(seq)
  }

  /** Lets this many calls take effect. */
  step(count = Number.POSITIVE_INFINITY): void {
    for (; count > 0; count--) {
      const call = this.#calls.shift()
      if (call === undefined) return
      const fails = call.isRead ? this.failReads : this.failWrites
      if (fails && !call.isSafe) call.fail(new QueueError('The disk is out of order.', 'EIO'))
      else call.run()
    }
  }

  /** Contents that are too old are deleted, or all of messages that have left: the disk is short. */
  deleteContents(isShort: boolean): void {
    const queue = this.#opened
    while (isShort ? queue?.dropKept() : queue?.keepHouse());
  }

  /** Forgets the calls that have not taken effect. */
  crash(): void {
    this.#calls = []
  }

  call<T>(
    isRead: boolean,
    work: () => T,
    { isSafe = false, onFailure = (): void => undefined } = {}
  ): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#calls.push({
        isRead,
        isSafe,
        run: () => {
          try {
            resolve(work())
          } catch (error) {
            reject(error instanceof Error ? error : new TypeError(String(error)))
          }
        },
        fail: (error) => {
          onFailure()
          reject(error)
        }
      })
      if (this.immediate) this.step()
    })
  }

  /** @param sizeOf what a content takes in memory, in bytes */
  queue<Content>(
    codec: ContentCodec<Content>,
    { order, orderKey = 'PID-3.1', clock, sizeOf }: FakeQueueOptions<Content>
  ): MessageQueue<Content> {
    const open = (): Queue<Uint8Array> => {
      this.#opened = new Queue(this.#db, {
        order,
        orderKey,
        contents: this.#store,
        journalDays: 14,
        contentDays: this.#contentDays,
        mostRecords: 1_000_000,
        mostEvents: 10_000,
        clock
      })
      return this.#opened
    }
    return new MessageQueue(
      new FakeEngine(this, open),
      new EncodedContents(codec, CACHE_BYTES, sizeOf)
    )
  }

  get #store(): ContentStore<Uint8Array> {
    const parts = { content: this.#contents, outcome: this.#outcomes, original: this.#originals }
    return {
      put: (seq, part, stored) => parts[part].set(seq, Uint8Array.from(stored)),
      get: (seq, part) => parts[part].get(seq),
      dropPart: (seq, part) => parts[part].delete(seq),
      sizeOf: (seq) =>
        (this.#contents.get(seq)?.length ?? 0) + (this.#outcomes.get(seq)?.length ?? 0),
      drop: (seq) => {
        this.#contents.delete(seq)
        this.#outcomes.delete(seq)
        return false
      }
    }
  }

  /** The number of the last fresh start of all clocks. */
  get renewals(): number {
    return (this.#meta('renewals') as number | undefined) ?? 0
  }

  #meta(name: string): unknown {
    return metaIn(this.#db, name)
  }
}

/** A call that changes nothing. */
export function isRead(method: QueueMethod): boolean {
  return READS.has(method)
}

export function metaIn(db: DatabaseSync, name: string): unknown {
  return db.prepare('SELECT value FROM meta WHERE name = ?').get(name)?.['value']
}

export function rowsIn(
  db: DatabaseSync,
  outcomeOf: (seq: number) => Uint8Array | undefined
): DiskRow[] {
  const renewals = (metaIn(db, 'renewals') as number | undefined) ?? 0
  return db
    .prepare('SELECT * FROM message WHERE state <> 4 ORDER BY seq')
    .all()
    .map((row) => {
      const seq = row['seq'] as number
      // Its clock has not restarted since.
      const isCurrent = (row['renewals'] as number) >= renewals
      const outcome = outcomeOf(seq)
      return {
        seq,
        controlId: row['control_id'] as string,
        state: STATES[row['state'] as number] ?? 'damaged',
        turn: row['turn'] as number | null,
        retries: isCurrent ? (row['retries'] as number) : 0,
        ruleRetries: isCurrent ? countedIn(row['rule_retries'] as string | null) : 0,
        spentMs: isCurrent ? (row['spent_ms'] as number) : 0,
        countsFrom: isCurrent ? (row['counts_from'] as number | null) : null,
        verdict: JSON.parse((row['verdict'] as string | null) ?? '{}') as Partial<Verdict>,
        outcome: outcome && Buffer.from(outcome).toString()
      }
    })
}

function countedIn(ruleRetries: string | null): number {
  const { byRule = {} } = JSON.parse(ruleRetries ?? '{}') as { byRule?: Record<string, number> }
  return Object.values(byRule).reduce((sum, count) => sum + count, 0)
}

export function leftIn(db: DatabaseSync, hasContent: (seq: number) => boolean): LeftRow[] {
  return db
    .prepare('SELECT seq, changed_at FROM message WHERE state = 4 ORDER BY seq')
    .all()
    .map((row) => {
      const seq = row['seq'] as number
      return { seq, leftAt: row['changed_at'] as number, hasContent: hasContent(seq) }
    })
}

export interface FakeQueueOptions<Content> {
  order: Order
  orderKey?: string
  clock: Pick<Clock, 'now' | 'monotonic'>
  sizeOf?: (content: Content) => number
}

/** Calls the queue of a `FakeDisk`, when that does. */
class FakeEngine implements QueueEngine {
  readonly unconfirmed = 0
  readonly silentMs = 0
  readonly isDurable = true
  readonly hashes = {
    laneOf: (key: string): number => Buffer.from(key).reduce((sum, byte) => sum * 256 + byte, 1),
    hashOf: ({ path, value }: FieldValue): Uint8Array => Buffer.from(`${path} ${value}`)
  }
  summary = NOTHING_QUEUED
  readonly #disk: FakeDisk
  readonly #openQueue: () => Queue<Uint8Array>
  #queue: Queue<Uint8Array> | undefined
  #pending = 0
  #whenIdle: (() => void) | undefined

  constructor(disk: FakeDisk, openQueue: () => Queue<Uint8Array>) {
    this.#disk = disk
    this.#openQueue = openQueue
  }

  get counts(): QueueCounts {
    return this.summary
  }

  async open(): Promise<OpenedQueue> {
    return this.#disk.call(true, () => {
      const queue = this.#openQueue()
      const opened = queue.open()
      this.#queue = queue
      this.summary = queue.summary()
      this.#disk.opened++
      this.#disk.onOpened?.()
      return opened
    })
  }

  async call<Method extends QueueMethod>(
    method: Method,
    makeArgs: () => Parameters<QueueMethods[Method]>
  ): Promise<ReturnType<QueueMethods[Method]>> {
    if (this.#queue === undefined) throw new QueueError('It is not open.', 'ERR_QUEUE_CLOSED')
    const queue = this.#queue
    this.#pending++
    try {
      const work = (): ReturnType<QueueMethods[Method]> => {
        const args = makeArgs()
        if (method === 'beginWork') this.#disk.worked.push(args[0] as number)
        const value = callOn(queue, method, args) as ReturnType<QueueMethods[Method]>
        this.summary = queue.summary()
        this.#disk.onCall?.(method, args, value)
        return value
      }
      return await this.#disk.call(isRead(method), work, {
        isSafe: method === 'release',
        onFailure: () => this.#disk.onFailure?.(method, makeArgs)
      })
    } finally {
      if (--this.#pending === 0) this.#whenIdle?.()
    }
  }

  async close(): Promise<void> {
    const queue = this.#queue
    this.#queue = undefined
    if (this.#pending > 0) {
      await new Promise<void>((resolve) => {
        this.#whenIdle = resolve
      })
    }
    if (queue !== undefined) {
      await this.#disk
        .call(false, () => {
          queue.close()
        })
        .catch(() => undefined)
    }
  }
}
