import { randomBytes } from 'node:crypto'
import type { DatabaseSync } from 'node:sqlite'
import type { Clock } from '../clock.ts'
import { english } from '../english.ts'
import { KeyedHashes } from './keyed-hashes.ts'
import { NOTHING_QUEUED, type QueueEngine } from './queue-engine.ts'
import { QueueError } from './queue-error.ts'
import { callOn, type QueueMethod, type QueueMethods } from './queue-protocol.ts'
import { makeTables } from './queue-schema.ts'
import {
  PARTS,
  type ContentStore,
  type OpenedQueue,
  type Order,
  type Part,
  type QueueCounts,
  type QueueSummary
} from './queue-types.ts'
import { Queue } from './queue.ts'
import { muteSqliteWarning } from './sqlite-warning.ts'

/** So many messages that have left, and events, are remembered. */
const MOST_RECORDS = 1000

/** A queue in memory: what it holds is lost when the process ends. */
export class MemoryEngine implements QueueEngine {
  readonly isDurable = false
  readonly hashes = new KeyedHashes(randomBytes(32), '')
  readonly #db = openInMemory()
  readonly #queue: Queue<object>
  #isClosed = false

  constructor(order: Order, clock: Pick<Clock, 'now' | 'monotonic'>) {
    // Nothing in it is ever rolled back.
    this.#db.exec('PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF')
    makeTables(this.#db)
    this.#queue = new Queue(this.#db, {
      order,
      orderKey: '',
      contents: new ObjectStore(),
      journalDays: Number.POSITIVE_INFINITY,
      mostRecords: MOST_RECORDS,
      mostEvents: MOST_RECORDS,
      clock
    })
  }

  get counts(): QueueCounts {
    return this.#isClosed ? NOTHING_QUEUED : this.#queue.counts
  }

  get summary(): QueueSummary {
    return this.#isClosed ? NOTHING_QUEUED : this.#queue.summary()
  }

  /** What is in memory is as safe as it gets. */
  get unconfirmed(): number {
    return 0
  }

  get silentMs(): number {
    return 0
  }

  open(): Promise<OpenedQueue> {
    return Promise.resolve(this.#queue.open())
  }

  call<Method extends QueueMethod>(
    method: Method,
    makeArgs: () => Parameters<QueueMethods[Method]>
  ): Promise<ReturnType<QueueMethods[Method]>> {
    return new Promise((resolve) => {
      if (this.#isClosed) throw new QueueError(english('log', 'queue.closed'), 'ERR_QUEUE_CLOSED')
      resolve(callOn(this.#queue, method, makeArgs()) as ReturnType<QueueMethods[Method]>)
    })
  }

  close(): Promise<void> {
    this.#isClosed = true
    this.#db.close()
    return Promise.resolve()
  }
}

/** Loads SQLite when it is needed: an older Node.js does not have it. */
function openInMemory(): DatabaseSync {
  const unmute = muteSqliteWarning()
  try {
    const { DatabaseSync } = process.getBuiltinModule('node:sqlite')
    return new DatabaseSync(':memory:')
  } finally {
    unmute()
  }
}

/** The parts of messages as the objects that they are. */
class ObjectStore implements ContentStore<object> {
  readonly #parts: Readonly<Record<Part, Map<number, object>>> = {
    content: new Map(),
    outcome: new Map(),
    original: new Map()
  }

  put(seq: number, part: Part, stored: object): void {
    this.#parts[part].set(seq, stored)
  }

  get(seq: number, part: Part): object | undefined {
    return this.#parts[part].get(seq)
  }

  dropPart(seq: number, part: Part): void {
    this.#parts[part].delete(seq)
  }

  sizeOf(): number {
    return 0
  }

  drop(seq: number): boolean {
    for (const part of PARTS) this.dropPart(seq, part)
    return false
  }
}
