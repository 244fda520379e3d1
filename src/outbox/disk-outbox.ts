import { createHmac, createSecretKey, type KeyObject } from 'node:crypto'
import { stat } from 'node:fs/promises'
import { ContentCache } from './content-cache.ts'
import {
  MOST_IN_MEMORY,
  type EventQuery,
  type JournalRecord,
  type Pause,
  type QueueEvent
} from './journal.ts'
import { MemoryJournal } from './memory-journal.ts'
import {
  OutboxError,
  type Entry,
  type ListQuery,
  type Outbox,
  type OutboxContents,
  type StoredMessage,
  type FindQuery,
  type Found
} from './outbox.ts'
import { QueueCalls } from './queue-calls.ts'
import { queueFilePath } from './queue-files.ts'
import { subKey } from './queue-key.ts'
import type { QueueFileSpec } from './queue-protocol.ts'
import { queueThread as thread } from './queue-thread.ts'

/** How the content of a message is stored and restored. */
export interface ContentCodec<Content> {
  /**
   * `whole`: `decode` returns the same content. Content that is not whole stays in memory as it is.
   * The bytes are the outbox's from then on.
   */
  encode(content: Content): { bytes: Buffer; whole: boolean }
  /** @throws {Error} for bytes that it cannot decode */
  decode(bytes: Buffer): Content
}

export interface DiskOutboxOptions<Content> {
  codec: ContentCodec<Content>
  /** Where the queue files are; created if missing. */
  directory: string
  /** The node's id, from which the file gets its name. */
  name: string
  /** Returns 32 bytes, as `queueKey` does; called when the file is opened. */
  key: () => Promise<Buffer>
  /**
   * How many days the file keeps the journal and the events, from the settlement of a message or the
   * time of an event; default 14. 0: it keeps none, and the last events stay in memory.
   */
  journalDays?: number
  /** Room for contents in memory, in bytes; default 16 MiB. */
  cacheBytes?: number
  /** A fault that belongs to no call, such as the end of the thread that writes. */
  onFault?: (error: OutboxError) => void
  /** Something that the operator has to know, such as a damaged file moved aside. */
  onNotice?: (text: string) => void
}

/** Approximate memory of a message in addition to twice its stored bytes. */
const OBJECT_BYTES = 1024

/**
 * Messages in a SQLite file: once its promise has resolved, a change survives a crash and a power
 * cut. All waits for the disk, all encryption, and SQLite itself are in one thread for all files of
 * the process. Contents are encoded before the promise resolves, but perhaps not at once.
 */
export class DiskOutbox<Content> implements Outbox<Content> {
  readonly durable = true
  /** The queue file. */
  readonly path: string
  readonly #options: DiskOutboxOptions<Content>
  readonly #cache: ContentCache<Content>
  /**
   * Messages that have left and may still be in the file, with their records: they are being removed,
   * or that failed.
   */
  readonly #gone = new Map<number, JournalRecord | undefined>()
  /** Those of them whose removal is in progress. */
  readonly #removing = new Set<number>()
  readonly #journalDays: number
  /** Events that are not in the file: all if it keeps none, else those from before it was opened. */
  #events = new MemoryJournal()
  #laneKey: KeyObject | undefined
  #file: QueueFileSpec
  /** Undefined while the file is not open. */
  #calls: QueueCalls | undefined

  constructor(options: DiskOutboxOptions<Content>) {
    const { directory, name, journalDays = 14 } = options
    this.#options = options
    this.#journalDays = journalDays
    this.#cache = new ContentCache(options.cacheBytes)
    this.path = queueFilePath(directory, name)
    this.#file = { path: this.path, name, key: new Uint8Array(), journalDays }
  }

  /** @throws {OutboxError} when the file cannot be used; it may be called again then */
  async open(): Promise<OutboxContents> {
    const { name } = this.#options
    const key = await this.#options.key()
    this.#file = { ...this.#file, key: Uint8Array.from(key) }
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
      this.#calls = new QueueCalls(this.#file, () => {
        this.#payOwed()
      })
      this.#storeEvents()
      return contents
    } catch (error) {
      thread.unlisten(this.path)
      await thread.release()
      throw error
    }
  }

  /**
   * Whether an earlier run left messages or a pause in the file, so that it has to be used first.
   * Needs no key. Also true if that is unknown: opening the queue then says why.
   */
  async isInUse(): Promise<boolean> {
    if (!(await exists(this.path))) return false
    try {
      const { held = 0, paused = false } = await thread.ask(this.#file, 'count')
      return held > 0 || paused
    } catch {
      return true
    }
  }

  /** An HMAC of the key, with 128 bits; the same for this node at all times. */
  keyName(key: string): string {
    if (this.#laneKey === undefined) throw this.#closed()
    return createHmac('sha256', this.#laneKey).update(key).digest('base64url').slice(0, 22)
  }

  async add(entry: Entry, content: Content): Promise<void> {
    const copy = { ...entry }
    try {
      await this.#open.call(entry.seq, (place) => {
        const { bytes, whole } = this.#options.codec.encode(content)
        const size = whole ? 2 * bytes.length + OBJECT_BYTES : Number.POSITIVE_INFINITY
        this.#cache.keep(copy, content, size)
        return { kind: 'add', entry: copy, content: place(bytes) }
      })
    } catch (error) {
      this.#cache.drop(entry.seq)
      throw error
    }
  }

  async list(query: ListQuery): Promise<readonly Entry[]> {
    const limit = query.limit + this.#gone.size
    const answer = await this.#open.call(0, () => ({ kind: 'list', query: { ...query, limit } }))
    const found = answer as readonly Entry[]
    // Messages that have left, but could not be removed yet, are not waiting: nor those that leave
    // while this is answered, for what is listed is sent.
    const waiting = found.filter(({ seq }) => !this.#gone.has(seq)).slice(0, query.limit)
    const isWhole = waiting.length === query.limit || found.length < limit
    // All of it, because of those that leave while the rest is listed.
    return isWhole ? waiting : this.list(query)
  }

  async read(seq: number): Promise<StoredMessage<Content>> {
    const cached = this.#cache.get(seq)
    if (cached?.entry.state === 'waiting') return { entry: cached.entry, content: cached.content }
    const { entry, content, outcome } = await this.#open.read(seq)
    return {
      entry,
      content: cached?.content ?? (await this.#decode(entry, asBuffer(content))),
      ...(outcome && { outcome: parsed(asBuffer(outcome)) })
    }
  }

  async update(entry: Entry): Promise<void> {
    const copy = { ...entry }
    const isWaiting = copy.state === 'waiting'
    if (!isWaiting) this.#cache.note(copy)
    await this.#open.call(entry.seq, () => ({ kind: 'update', entry: copy }))
    // Until then it has its outcome, which is only in the file.
    if (isWaiting) this.#cache.note(copy)
  }

  async settle(entry: Entry, outcome: unknown): Promise<void> {
    const copy = { ...entry }
    this.#cache.note(copy)
    await this.#open.call(entry.seq, (place) => ({
      kind: 'settle',
      entry: copy,
      outcome: place(Buffer.from(JSON.stringify(outcome)))
    }))
  }

  /** A failed removal is repeated with each later change until it succeeds. */
  async remove(seq: number, record?: JournalRecord): Promise<void> {
    this.#cache.drop(seq)
    this.#gone.set(seq, record)
    this.#removing.add(seq)
    try {
      await this.#open.callLater(seq, () => ({ kind: 'remove', seq, record }))
      this.#gone.delete(seq)
    } catch (error) {
      // A message that has left, but is still in the file, would be sent again at the next start.
      if (error instanceof OutboxError && error.code === 'ERR_NOT_QUEUED') this.#gone.delete(seq)
      throw error
    } finally {
      this.#removing.delete(seq)
    }
  }

  async find(query: FindQuery): Promise<Found> {
    // Messages that have left, but could not be removed yet, are not in the queue. One that leaves
    // while this is answered is in the queue still, for it is not in the journal yet.
    const gone = new Set(this.#gone.keys())
    const found = (await this.#open.call(0, () => ({ kind: 'find', query }))) as Found
    return { ...found, entries: found.entries.filter(({ seq }) => !gone.has(seq)) }
  }

  /** One from before the file was opened, such as why it cannot be, is stored when it is open. */
  async addEvent(event: QueueEvent): Promise<void> {
    if (this.#calls === undefined || this.#journalDays === 0) this.#events.addEvent(event)
    else await this.#calls.callLater(0, () => ({ kind: 'addEvent', event }))
  }

  async events(query: EventQuery): Promise<readonly QueueEvent[]> {
    if (this.#calls === undefined || this.#journalDays === 0) return this.#events.events(query)
    const answer = await this.#calls.call(0, () => ({ kind: 'events', query }))
    return answer as readonly QueueEvent[]
  }

  async setPaused(pause: Pause | undefined): Promise<void> {
    await this.#open.call(0, () => ({ kind: 'setPaused', pause }))
  }

  async note(seq: number): Promise<void> {
    await this.#open.call(0, () => ({ kind: 'note', seq }))
  }

  async close(): Promise<void> {
    const calls = this.#calls
    if (calls === undefined) return
    this.#payOwed()
    this.#calls = undefined
    await calls.finish()
    try {
      await thread.request({ file: this.#file, task: { kind: 'close' } })
    } finally {
      thread.unlisten(this.path)
      await thread.release()
    }
  }

  /**
   * Closes it and deletes its file, as `deleteQueueFile` does.
   *
   * @throws {OutboxError}
   */
  async deleteFile(): Promise<void> {
    await this.close()
    await deleteQueueFile(this.#options.directory, this.#options.name)
  }

  get #open(): QueueCalls {
    if (this.#calls === undefined) throw this.#closed()
    return this.#calls
  }

  #storeEvents(): void {
    if (this.#journalDays === 0) return
    const events = this.#events.events({ since: 0, limit: MOST_IN_MEMORY })
    this.#events = new MemoryJournal()
    // If one cannot be stored, it is missing from the list; the node works.
    for (const event of events.toReversed()) void this.addEvent(event).catch(() => undefined)
  }

  async #decode(entry: Entry, bytes: Buffer): Promise<Content> {
    try {
      return this.#options.codec.decode(bytes)
    } catch {
      const { seq, controlId, type } = entry
      try {
        await this.#open.call(seq, () => ({ kind: 'setDamaged', seq }))
      } catch {
        // Then the next start finds out again.
      }
      throw new OutboxError(
        `Number ${seq} in the queue file ${this.path} cannot be decoded. What is left of it stays in the file.`,
        'ERR_MESSAGE_DAMAGED',
        { controlId, type }
      )
    }
  }

  #payOwed(): void {
    for (const [seq, record] of this.#gone) {
      // If it fails again, it remains to be done.
      if (!this.#removing.has(seq)) void this.remove(seq, record).catch(() => undefined)
    }
  }

  #closed(): OutboxError {
    return new OutboxError(`The queue file ${this.path} is not open.`, 'ERR_QUEUE_CLOSED')
  }
}

/**
 * Deletes the file of a deleted node; needs no key. One that is empty but paused stays: the node may
 * only be disabled.
 *
 * @throws {OutboxError} `ERR_QUEUE_NOT_EMPTY` if it contains messages, and others if it is not a
 * file of ours: then it stays
 */
export async function deleteQueueFile(directory: string, name: string): Promise<void> {
  const path = queueFilePath(directory, name)
  if (!(await exists(path))) return
  const file = { path, name, key: new Uint8Array(), journalDays: 0 }
  const { held = 0 } = await thread.ask(file, 'delete')
  if (held === 0) return
  throw new OutboxError(
    `The queue file ${path} was kept: it contains ${held === 1 ? '1 unsent message' : `${held} unsent messages`}. To send what is in it, deploy a node with the same id; otherwise delete the file.`,
    'ERR_QUEUE_NOT_EMPTY'
  )
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

/** Undefined if the bytes are not JSON. */
function parsed(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString()) as unknown
  } catch {
    return undefined
  }
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
