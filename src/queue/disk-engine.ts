import { english } from '../english.ts'
import { KeyedHashes } from './keyed-hashes.ts'
import { NOTHING_QUEUED, type QueueEngine } from './queue-engine.ts'
import { QueueError } from './queue-error.ts'
import type { EventQuery, QueueEvent } from './queue-event.ts'
import type { QueueFileSpec } from './queue-file-spec.ts'
import { queueFilePath } from './queue-files.ts'
import type {
  CallResult,
  QueueAnswer,
  QueueCall,
  QueueMethod,
  QueueMethods
} from './queue-protocol.ts'
import { queueError, queueThread as thread, THREAD_DIED } from './queue-thread.ts'
import type { OpenedQueue, QueueCounts, QueueSummary } from './queue-types.ts'

export interface DiskEngineOptions extends Omit<QueueFileSpec, 'path' | 'key'> {
  /** Where the queue files are; created if missing. */
  directory: string
  /** Returns 32 bytes, as `queueKey` does; called when the file is opened. */
  key: () => Promise<Buffer>
  /** A fault that belongs to no call, such as the end of the thread that writes. */
  onFault?: (error: QueueError) => void
  /** Something that the operator has to know, such as a damaged file set aside. */
  onNotice?: (text: string) => void
}

/** Groups of calls that are with the thread at a time. */
const MOST_GROUPS = 2
/** Calls and bytes of a group. */
const MOST_CALLS = 1024
const MOST_BYTES = 4 * 1024 * 1024
/** From this size, bytes with memory of their own are transferred instead of copied. */
const TRANSFERRED_BYTES = 256 * 1024
/** How long a lazy call waits for others, in milliseconds. */
const WAIT_MS = 20
/** A group is given to so many threads, if they die over it. */
const MOST_THREADS = 3
/** So many events from before the file was opened are kept. */
const MOST_EARLY_EVENTS = 1000

interface Pending {
  method: QueueMethod
  makeArgs: () => unknown[]
  resolve: (value: unknown) => void
  reject: (error: Error) => void
}

/**
 * A queue in a SQLite file: once its promise has resolved, a change survives a crash and a power cut. All waits
 * for the disk, all encryption, and SQLite itself are in one thread for all files of the process.
 *
 * Calls that are made in one turn of the event loop go to the thread together, in their order, and are stored with
 * one sync. What the thread has when it dies goes to the next one: calls can be repeated (`queue.ts`).
 */
export class DiskEngine implements QueueEngine {
  readonly isDurable = true
  /** The queue file. */
  readonly path: string
  readonly #options: DiskEngineOptions
  #file: QueueFileSpec
  #hashes: KeyedHashes | undefined
  #isOpen = false
  #summary = NOTHING_QUEUED
  /** Messages that are handed out, for a new thread. */
  #handedOut: readonly number[] = []
  /** Events from before the file was opened, such as why it cannot be. */
  #early: QueueEvent[] = []
  #pending: Pending[] = []
  /** They go as soon as a group is free. */
  #isDue = false
  #cancelWait: NodeJS.Timeout | undefined
  #isSendPlanned = false
  #groups = 0
  /** The thread died, and no other one has opened the file since. */
  #isThreadLost = false
  #whenIdle: (() => void) | undefined

  constructor(options: DiskEngineOptions) {
    const { name } = options
    this.#options = options
    this.path = queueFilePath(options.directory, name)
    this.#file = {
      path: this.path,
      name,
      key: new Uint8Array(),
      journalDays: options.journalDays,
      contentDays: options.contentDays ?? 0,
      mostKeptBytes: options.mostKeptBytes ?? Infinity,
      order: options.order,
      orderKey: options.orderKey,
      applicationAckMs: options.applicationAckMs
    }
  }

  get counts(): QueueCounts {
    return this.#summary
  }

  get summary(): QueueSummary {
    return this.#summary
  }

  async open(): Promise<OpenedQueue> {
    const key = await this.#options.key()
    this.#file = { ...this.#file, key: Uint8Array.from(key) }
    this.#hashes = new KeyedHashes(key, this.#options.name)
    const isFree = thread.listen(this.path, {
      notice: (text) => this.#options.onNotice?.(text),
      trouble: (error) => {
        if (error.code === THREAD_DIED) this.#isThreadLost = true
        this.#options.onFault?.(error)
      }
    })
    if (!isFree) {
      throw new QueueError(english('log', 'queue.usedHere', { path: this.path }), 'SQLITE_BUSY')
    }
    thread.acquire()
    try {
      const answer = await thread.request({ file: this.#file, task: { kind: 'open' } })
      const { opened, summary } = answer
      if (opened === undefined) throw new TypeError('The queue thread has opened nothing.')
      this.#summary = summary ?? NOTHING_QUEUED
      this.#handedOut = []
      this.#isThreadLost = false
      this.#isOpen = true
      if (thread.forgetBusy(this.path)) {
        this.#options.onNotice?.(english('log', 'queue.takenOver', { path: this.path }))
      }
      this.#storeEarlyEvents()
      return opened
    } catch (error) {
      if (error instanceof QueueError && error.code === 'SQLITE_BUSY') thread.keepBusy(this.path)
      thread.unlisten(this.path)
      await thread.release()
      throw error
    }
  }

  get hashes(): KeyedHashes {
    if (this.#hashes === undefined) throw this.#closed()
    return this.#hashes
  }

  call<Method extends QueueMethod>(
    method: Method,
    makeArgs: () => Parameters<QueueMethods[Method]>,
    isLazy = false
  ): Promise<ReturnType<QueueMethods[Method]>> {
    if (!this.#isOpen) return this.#beforeOpen(method, makeArgs)
    return new Promise((resolve, reject) => {
      this.#pending.push({ method, makeArgs, resolve: resolve as Pending['resolve'], reject })
      if (!isLazy) this.#sendAll()
      else {
        this.#cancelWait ??= setTimeout(() => {
          this.#sendAll()
        }, WAIT_MS)
      }
    })
  }

  async close(): Promise<void> {
    if (!this.#isOpen) return
    this.#isOpen = false
    await this.#finishAll()
    try {
      await thread.request({ file: this.#file, task: { kind: 'close' } })
    } finally {
      thread.unlisten(this.path)
      await thread.release()
    }
  }

  /** Events are kept until the file is open; nothing else is done. */
  async #beforeOpen<Method extends QueueMethod>(
    method: Method,
    makeArgs: () => Parameters<QueueMethods[Method]>
  ): Promise<ReturnType<QueueMethods[Method]>> {
    const [first] = makeArgs() as unknown[]
    if (method === 'addEvent') {
      this.#early = [...this.#early, first as QueueEvent].slice(-MOST_EARLY_EVENTS)
      return undefined as never
    }
    if (method === 'events') {
      const { since, limit } = first as EventQuery
      const events = this.#early.filter(({ at }) => at >= since).toReversed()
      return events.slice(0, limit) as never
    }
    await Promise.reject(this.#closed())
    return undefined as never
  }

  #storeEarlyEvents(): void {
    const events = this.#early
    this.#early = []
    // If one cannot be stored, it is missing from the list; the node works.
    for (const event of events) void this.call('addEvent', () => [event]).catch(() => undefined)
  }

  /** Sends what waits, and resolves when all of it is done. */
  async #finishAll(): Promise<void> {
    clearTimeout(this.#cancelWait)
    if (this.#pending.length + this.#groups === 0) return
    this.#sendAll()
    await new Promise<void>((resolve) => {
      this.#whenIdle = resolve
    })
  }

  #sendAll(): void {
    clearTimeout(this.#cancelWait)
    this.#cancelWait = undefined
    this.#isDue = true
    if (this.#isSendPlanned) return
    this.#isSendPlanned = true
    // Calls made in one turn of the event loop go together.
    setImmediate(() => {
      this.#isSendPlanned = false
      this.#send()
    })
  }

  #send(): void {
    while (this.#isDue && this.#groups < MOST_GROUPS) {
      if (this.#pending.length === 0) this.#isDue = false
      else this.#sendGroup(this.#nextGroup(), MOST_THREADS)
    }
    if (this.#pending.length + this.#groups === 0) this.#whenIdle?.()
  }

  /** As many calls as go together: none is made before, because a long message takes memory. */
  #nextGroup(): CallGroup {
    const group = new CallGroup()
    let taken = 0
    for (const pending of this.#pending) {
      if (group.isFull) break
      taken++
      group.add(pending)
    }
    this.#pending = this.#pending.slice(taken)
    return group
  }

  #sendGroup(group: CallGroup, threads: number): void {
    this.#groups++
    const { calls, transfer } = group
    const answer: Promise<Partial<QueueAnswer>> =
      calls.length === 0 ? Promise.resolve({}) : this.#request(calls, transfer)
    answer
      .then(
        ({ results = [], summary = this.#summary, handedOut = this.#handedOut }) => {
          this.#summary = summary
          this.#handedOut = handedOut
          group.settle(results)
        },
        (error: unknown) => {
          const isRepeated =
            error instanceof QueueError && error.code === THREAD_DIED && threads > 1
          if (isRepeated) this.#sendGroup(group.remade(), threads - 1)
          else group.fail(error as Error)
        }
      )
      .finally(() => {
        this.#groups--
        this.#send()
      })
      .catch(() => undefined)
  }

  async #request(calls: readonly QueueCall[], transfer: ArrayBuffer[]): Promise<QueueAnswer> {
    if (this.#isThreadLost) await this.#reopen()
    return thread.request({ file: this.#file, task: { kind: 'calls', calls } }, transfer)
  }

  /** Before anything else, the next thread opens the file, and learns what is handed out. */
  async #reopen(): Promise<void> {
    const task = { kind: 'reopen', handedOut: this.#handedOut } as const
    await thread.request({ file: this.#file, task })
    this.#isThreadLost = false
  }

  #closed(): QueueError {
    return new QueueError(english('log', 'queue.notOpen', { path: this.path }), 'ERR_QUEUE_CLOSED')
  }
}

/** Calls that go to the thread together. */
class CallGroup {
  readonly calls: QueueCall[] = []
  readonly transfer: ArrayBuffer[] = []
  #pending: Pending[] = []
  #bytes = 0

  get isFull(): boolean {
    return this.calls.length >= MOST_CALLS || this.#bytes >= MOST_BYTES
  }

  add(pending: Pending): void {
    const { method, makeArgs, reject } = pending
    try {
      const args = makeArgs()
      for (const arg of args) this.#takeBytes(arg)
      this.calls.push({ method, args } as QueueCall)
      this.#pending.push(pending)
    } catch (error) {
      // A message that cannot be encoded must not affect the others.
      reject(error as Error)
    }
  }

  /** The same calls made again: what was transferred to a thread is no longer here. */
  remade(): CallGroup {
    const group = new CallGroup()
    for (const pending of this.#pending) group.add(pending)
    return group
  }

  /** Passes the results to the callers. */
  settle(results: readonly CallResult[]): void {
    for (const [index, { resolve, reject }] of this.#pending.entries()) {
      const { value, fault } = results[index] ?? {}
      if (fault === undefined) resolve(value)
      else reject(queueError(fault))
    }
  }

  fail(error: Error): void {
    for (const { reject } of this.#pending) reject(error)
  }

  #takeBytes(arg: unknown): void {
    const bytes =
      arg instanceof Uint8Array ? arg : (arg as { outcome?: Uint8Array } | null)?.outcome
    if (bytes === undefined) return
    this.#bytes += bytes.length
    const { buffer } = bytes
    const isOwn = buffer instanceof ArrayBuffer && buffer.byteLength === bytes.length
    if (isOwn && bytes.length >= TRANSFERRED_BYTES) this.transfer.push(buffer)
  }
}
