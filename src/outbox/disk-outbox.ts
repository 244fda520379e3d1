import { createHmac, createSecretKey, type KeyObject } from 'node:crypto'
import { stat } from 'node:fs/promises'
import {
  OutboxError,
  type EntryFacts,
  type Outbox,
  type OutboxContents,
  type StoredEntry
} from './outbox.ts'
import {
  CallGroup,
  type Pending,
  type PendingRead,
  type Settle,
  type Settled
} from './call-group.ts'
import { subKey } from './queue-key.ts'
import type { QueueFileSpec, ReadEntry } from './queue-protocol.ts'
import { queueFilePath } from './queue-files.ts'
import { outboxError, queueThread as thread, type QueueAnswer } from './queue-thread.ts'

export interface DiskOutboxOptions {
  /** Where the queue files are; made when it is missing. */
  directory: string
  /** The node's id: gives the file its name. */
  name: string
  /** Gives 32 bytes, as `queueKey` does; asked when the file is opened. */
  key: () => Promise<Buffer>
  /** A fault that belongs to no call, such as the end of the thread that writes. */
  onFault?: (error: OutboxError) => void
  /** Something that whoever runs Node-RED has to know, such as a damaged file moved aside. */
  onNotice?: (text: string) => void
}

/** Groups of calls that are under way at a time. */
const MOST_GROUPS = 2
/** How long a removal waits for company, in milliseconds: alone it is not worth a sync of the disk. */
const WAIT_MS = 20

/**
 * Messages in a SQLite file: what a promise has resolved for survives the process and the power.
 * All waits for the disk, all encryption, and SQLite itself are in one thread for all files of the
 * process; calls that come together are stored together. What cannot be taken yet stays a closure:
 * `content` and `outcome` are called before the promise resolves, but perhaps not at once, and the
 * buffers that they give are the outbox's from then on.
 */
export class DiskOutbox implements Outbox {
  readonly durable = true
  /** The queue file. */
  readonly path: string
  #file: QueueFileSpec
  #laneKey: KeyObject | undefined
  readonly #options: DiskOutboxOptions
  #open = false
  /** Changes that are not with the thread yet, in the order of the calls. */
  #changes: Pending[] = []
  /** The messages that those concern, and how often. */
  readonly #changing = new Map<number, number>()
  #reads: PendingRead[] = []
  /** They go as soon as a group is free. */
  #due = false
  /** Until then they wait for company. */
  #later: NodeJS.Timeout | undefined
  /** Messages that have left and are still in the file, because removing them failed. */
  readonly #owed = new Set<number>()
  #groups = 0
  #readGroups = 0
  #sendPlanned = false
  #whenIdle: (() => void) | undefined

  constructor(options: DiskOutboxOptions) {
    const { directory, name } = options
    this.#options = options
    this.path = queueFilePath(directory, name)
    this.#file = { path: this.path, name, key: new Uint8Array() }
  }

  /** @throws {OutboxError} when the file cannot be used; it may be called again then */
  async open(): Promise<OutboxContents> {
    requireSqlite()
    const { name } = this.#options
    const key = await this.#options.key()
    this.#file = { path: this.path, name, key: Uint8Array.from(key) }
    this.#laneKey = createSecretKey(subKey(key, `lane ${name}`))
    const listening = thread.listen(this.path, {
      notice: (text) => this.#options.onNotice?.(text),
      trouble: (error) => this.#options.onFault?.(error)
    })
    if (!listening) {
      throw new OutboxError(
        `The queue file ${this.path} is in use by another node of this Node-RED.`,
        'SQLITE_BUSY'
      )
    }
    thread.acquire()
    try {
      const { contents } = await thread.request({ file: this.#file, task: { kind: 'open' } })
      if (contents === undefined) throw new TypeError('The queue thread gave no contents.')
      this.#open = true
      return contents
    } catch (error) {
      thread.unlisten(this.path)
      await thread.release()
      throw error
    }
  }

  /**
   * Did an earlier run leave messages or a pause in the file, so that it has to be used first? Needs
   * no key. Yes also where that cannot be found out: opening the queue then tells why.
   */
  async isInUse(): Promise<boolean> {
    if (!(await exists(this.path))) return false
    try {
      requireSqlite()
      const { held = 0, paused = false } = await thread.ask(this.#file, 'count')
      return held > 0 || paused
    } catch {
      return true
    }
  }

  /** An HMAC of the key, with 128 bits; the same for this node at all times. */
  lane(key: string): string {
    if (this.#laneKey === undefined) throw this.#closed()
    return createHmac('sha256', this.#laneKey).update(key).digest('base64url').slice(0, 22)
  }

  add(facts: EntryFacts, content: () => Buffer): Promise<void> {
    const copy = { ...facts }
    return this.#change(facts.seq, (bytes) => ({
      kind: 'add',
      facts: copy,
      content: bytes(content())
    }))
  }

  async read(seq: number): Promise<StoredEntry> {
    const entry = await new Promise<ReadEntry>((resolve, reject) => {
      if (!this.#open) {
        reject(this.#closed())
        return
      }
      if (this.#changing.has(seq)) {
        this.#plan({ seq, call: () => ({ kind: 'read', seq }), resolve: resolve, reject })
        return
      }
      this.#reads.push({ seq, resolve, reject })
      this.#planSend()
    })
    const { facts, content, outcome } = entry
    return { facts, content: asBuffer(content), ...(outcome && { outcome: asBuffer(outcome) }) }
  }

  update(facts: EntryFacts): Promise<void> {
    const copy = { ...facts }
    return this.#change(facts.seq, () => ({ kind: 'update', facts: copy }))
  }

  settle(facts: EntryFacts, outcome: () => Buffer): Promise<void> {
    const copy = { ...facts }
    return this.#change(facts.seq, (bytes) => ({
      kind: 'settle',
      facts: copy,
      outcome: bytes(outcome())
    }))
  }

  /** A removal that fails is owed: it goes again with each later change until it is done. */
  async remove(seq: number): Promise<void> {
    try {
      await this.#change(seq, () => ({ kind: 'remove', seq }), true)
    } catch (error) {
      this.#owe(seq, error)
      throw error
    }
  }

  setDamaged(seq: number): Promise<void> {
    return this.#change(seq, () => ({ kind: 'setDamaged', seq }))
  }

  setPaused(paused: boolean): Promise<void> {
    return this.#change(0, () => ({ kind: 'setPaused', paused }))
  }

  note(seq: number): Promise<void> {
    return this.#change(0, () => ({ kind: 'note', seq }))
  }

  async close(): Promise<void> {
    if (!this.#open) return
    this.#open = false
    clearTimeout(this.#later)
    this.#planOwed()
    if (!this.#isIdle) {
      this.#sendAll()
      await new Promise<void>((resolve) => {
        this.#whenIdle = resolve
      })
    }
    try {
      await thread.request({ file: this.#file, task: { kind: 'close' } })
    } finally {
      thread.unlisten(this.path)
      await thread.release()
    }
  }

  /**
   * Deletes the file of a node that is no more. One that is empty but paused stays: the node may only
   * be disabled.
   *
   * @throws {OutboxError} `ERR_QUEUE_NOT_EMPTY` when messages are in it, and others when it is not a
   * file of ours: then it stays
   */
  async deleteFile(): Promise<void> {
    await this.close()
    if (!(await exists(this.path))) return
    requireSqlite()
    const { held = 0 } = await thread.ask(this.#file, 'delete')
    if (held === 0) return
    throw new OutboxError(
      `The queue file ${this.path} was kept: ${held === 1 ? '1 message in it was' : `${held} messages in it were`} not sent. A node with the same id sends what is in it; otherwise delete the file.`,
      'ERR_QUEUE_NOT_EMPTY'
    )
  }

  get #isIdle(): boolean {
    const asked = this.#changes.length + this.#reads.length
    return asked + this.#groups + this.#readGroups === 0
  }

  #change(seq: number, call: Pending['call'], canWait = false): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#open) this.#plan({ seq, call, resolve: resolve as Settle, reject }, canWait)
      else reject(this.#closed())
    })
  }

  /** @param canWait it goes with the next change that cannot, if that comes soon */
  #plan(change: Pending, canWait = false): void {
    this.#changes.push(change)
    this.#changing.set(change.seq, (this.#changing.get(change.seq) ?? 0) + 1)
    if (!canWait) this.#sendAll()
    else {
      this.#later ??= setTimeout(() => {
        this.#sendAll()
      }, WAIT_MS)
    }
  }

  #sendAll(): void {
    clearTimeout(this.#later)
    this.#later = undefined
    this.#due = true
    this.#planSend()
  }

  /** What comes in one turn of the event loop goes together. */
  #planSend(): void {
    if (this.#sendPlanned) return
    this.#sendPlanned = true
    setImmediate(() => {
      this.#sendPlanned = false
      this.#send()
    })
  }

  #send(): void {
    if (this.#reads.length > 0) this.#sendReads()
    while (this.#due && this.#groups < MOST_GROUPS) {
      if (this.#changes.length === 0) this.#due = false
      else this.#sendChanges()
    }
    if (this.#isIdle) this.#whenIdle?.()
  }

  #sendReads(): void {
    const reads = this.#reads
    this.#reads = []
    const task = { kind: 'read', seqs: reads.map(({ seq }) => seq) } as const
    this.#readGroups++
    this.#hand(thread.request({ file: this.#file, task }), reads, () => {
      this.#readGroups--
    })
  }

  /** What is in the file of a message that has left would be sent again by the next start. */
  #owe(seq: number, error: unknown): void {
    const isThere = !(error instanceof OutboxError) || error.code !== 'ERR_NOT_QUEUED'
    if (isThere) this.#owed.add(seq)
  }

  #planOwed(): void {
    for (const seq of this.#owed) {
      this.#changes.push({
        seq,
        call: () => ({ kind: 'remove', seq }),
        resolve: () => undefined,
        reject: (error) => {
          this.#owe(seq, error)
        }
      })
    }
    this.#owed.clear()
  }

  #sendChanges(): void {
    this.#planOwed()
    const group = new CallGroup()
    let taken = 0
    for (const change of this.#changes) {
      if (group.isFull) break
      taken++
      group.add(change)
    }
    for (const { seq } of this.#changes.slice(0, taken)) {
      const left = (this.#changing.get(seq) ?? 1) - 1
      if (left === 0) this.#changing.delete(seq)
      else this.#changing.set(seq, left)
    }
    this.#changes = this.#changes.slice(taken)
    if (group.calls.length === 0) return
    const transfer = group.pack()
    const task = { kind: 'calls', calls: group.calls } as const
    this.#groups++
    this.#hand(thread.request({ file: this.#file, task }, transfer), group.pending, () => {
      this.#groups--
    })
  }

  /** Hands an answer to those who wait for it. */
  #hand(answer: Promise<QueueAnswer>, pending: readonly Settled[], then: () => void): void {
    answer
      .then(
        ({ faults = [], entries = [] }) => {
          for (const [index, fault] of faults) pending[index]?.reject(outboxError(fault))
          for (const [index, entry] of entries) pending[index]?.resolve(entry)
          // Those that were rejected above stay so.
          for (const { resolve } of pending) (resolve as Settle)(undefined)
        },
        (error: unknown) => {
          for (const { reject } of pending) reject(error as Error)
        }
      )
      .finally(() => {
        then()
        this.#send()
      })
      .catch(() => undefined)
  }

  #closed(): OutboxError {
    return new OutboxError(`The queue file ${this.path} is not open.`, 'ERR_QUEUE_CLOSED')
  }
}

/** Also where a crash has left the whole file under the name that it had while it was written. */
async function exists(path: string): Promise<boolean> {
  return (await isFile(path)) || isFile(`${path}.rescue`)
}

async function isFile(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isFile()
  } catch (error) {
    return !(error instanceof Error && 'code' in error && error.code === 'ENOENT')
  }
}

/** Why this Node.js cannot keep a queue on disk; `undefined` where it can. */
export function diskQueueProblem(): string | undefined {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  if (major > 22 || (major === 22 && minor >= 13)) return undefined
  return `The disk queue needs Node.js 22.13 or newer, this is ${process.versions.node}. Install a newer one, or set the queue of the node to "memory".`
}

function requireSqlite(): void {
  const problem = diskQueueProblem()
  if (problem !== undefined) throw new OutboxError(problem, 'ERR_NODE_VERSION')
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
