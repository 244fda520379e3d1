import { english } from '../english.ts'
import { KeyedHashes } from './keyed-hashes.ts'
import { NOTHING_QUEUED, type CallOptions, type QueueEngine } from './queue-engine.ts'
import { QueueError } from './queue-error.ts'
import type { EventQuery, QueueEvent } from './queue-event.ts'
import type { QueueFileSpec } from './queue-file-spec.ts'
import { queueFilePath } from './queue-files.ts'
import {
  claimedSeqs,
  MADE_AGAIN,
  type QueueAnswer,
  type QueueCall,
  type QueueMethod,
  type QueueMethods
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
/** A call is made so often, if threads die over it, or syncs fail. */
const MOST_TRIES = 3
/** A file that cannot be opened again is tried after this time, in milliseconds, while somebody waits. */
const TRY_AGAIN_MS = 1000
/** So many events from before the file was opened are kept. */
const MOST_EARLY_EVENTS = 1000

interface Pending {
  method: QueueMethod
  makeArgs: () => unknown[]
  isAwaited: boolean
  resolve: (value: unknown) => void
  reject: (error: Error) => void
  tries: number
  /** Of the message that it accepts. */
  seq?: number
  /** It was stored, but nobody knows whether that is safe: this is what came of it. */
  first?: { value: unknown }
}

/** A call that is stored, and told when this commit is synced. */
interface Held {
  pending: Pending
  value: unknown
  commit: number
}

/**
 * A queue in a SQLite file: once its promise has resolved, a change survives a crash, and where somebody was promised
 * that (`AFTER_SYNC`), a power failure. All waits for the disk, all encryption, and SQLite itself are in one thread for
 * all files of the process.
 *
 * Calls that are made in one turn of the event loop go to the thread together, in their order, and are stored in one
 * transaction. What the thread has when it dies goes to the next one: calls can be repeated (`queue.ts`).
 *
 * **A sync that fails** is not repeated: the next one would say that all is well. The messages that wait for it are
 * refused, and removed as soon as anything can be stored. All other calls that wait are made again, once all that is in
 * the file was written to another one, which takes its place.
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
  /** Calls that wait for a sync, in their order. */
  #held: Held[] = []
  /** How many of them accept a message. */
  #unconfirmed = 0
  /** They are made again before all others. */
  #again: Pending[] = []
  /** The last commit that is synced. */
  #synced = 0
  /** The thread has died, or a sync has failed, and the file was not opened since. */
  #isLost = false
  /** It was a sync. */
  #hasFailed = false
  #isReopening = false
  #lastFailure: Error | undefined
  /** So many threads have died while they opened it again. */
  #deaths = 0
  /** Messages that were handed out by claims that nobody has got. */
  readonly #withheld = new Set<number>()
  /** Messages that were refused although they may be in the file. */
  #refused: number[] = []
  #retry: NodeJS.Timeout | undefined
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

  get unconfirmed(): number {
    return this.#unconfirmed
  }

  async open(): Promise<OpenedQueue> {
    const key = await this.#options.key()
    this.#file = { ...this.#file, key: Uint8Array.from(key) }
    this.#hashes = new KeyedHashes(key, this.#options.name)
    const isFree = thread.listen(this.path, {
      notice: (text) => this.#options.onNotice?.(text),
      trouble: (error) => {
        if (error.code === THREAD_DIED) this.#threadDied(error)
        this.#options.onFault?.(error)
      },
      synced: (commit) => {
        this.#confirm(commit)
      },
      failed: (error) => {
        if (!this.#isOpen && this.#isIdle) return
        this.#syncFailed(error)
        this.#options.onFault?.(error)
      }
    })
    if (!isFree) {
      throw new QueueError(english('log', 'queue.usedHere', { path: this.path }), 'SQLITE_BUSY')
    }
    thread.acquire()
    try {
      const answer = await thread.request({ file: this.#file, task: { kind: 'open' } })
      const { opened, summary, synced = 0 } = answer
      if (opened === undefined) throw new TypeError('The queue thread has opened nothing.')
      this.#summary = summary ?? NOTHING_QUEUED
      this.#handedOut = []
      this.#isLost = this.#hasFailed = false
      this.#synced = synced
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
    { isLazy = false, isAwaited = false }: CallOptions = {}
  ): Promise<ReturnType<QueueMethods[Method]>> {
    if (!this.#isOpen) return this.#beforeOpen(method, makeArgs)
    return new Promise((resolve, reject) => {
      const done = { resolve: resolve as Pending['resolve'], reject }
      this.#pending.push({ method, makeArgs, isAwaited, tries: 0, ...done })
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
    if (this.#isIdle) return
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

  get #isIdle(): boolean {
    const calls = [this.#pending, this.#again, this.#held].some(({ length }) => length > 0)
    return !calls && this.#groups + this.#refused.length === 0 && !this.#isReopening
  }

  #send(): void {
    if (this.#isLost) this.#reopen()
    while (!this.#isLost && this.#isDue && this.#groups < MOST_GROUPS) {
      if (this.#pending.length === 0) this.#isDue = false
      else this.#sendGroup(this.#nextGroup())
    }
    if (this.#isIdle) this.#whenIdle?.()
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

  #sendGroup(group: CallGroup): void {
    this.#groups++
    const { calls, transfer } = group
    const task = { kind: 'calls', calls } as const
    const answer: Promise<Partial<QueueAnswer>> =
      calls.length === 0 ? Promise.resolve({}) : thread.request({ file: this.path, task }, transfer)
    answer
      .then(
        (answered) => {
          this.#settle(group.pending, answered)
        },
        (error: unknown) => {
          const isDead = error instanceof QueueError && error.code === THREAD_DIED
          for (const pending of group.pending) {
            if (isDead) this.#makeAgain(pending)
            else pending.reject(error as Error)
          }
        }
      )
      .finally(() => {
        this.#groups--
        this.#send()
      })
      .catch(() => undefined)
  }

  /** Answers come in the order of their commits. Each call is told as soon as it is as safe as its caller needs. */
  #settle(calls: readonly Pending[], answer: Partial<QueueAnswer>): void {
    const { results = [], synced = 0 } = answer
    this.#summary = answer.summary ?? this.#summary
    this.#handedOut = answer.handedOut ?? this.#handedOut
    for (const [index, pending] of calls.entries()) {
      const { value, fault, commit = 0 } = results[index] ?? {}
      if (fault?.code === MADE_AGAIN) this.#makeAgain(pending)
      else if (fault !== undefined) pending.reject(queueError(fault))
      else this.#hold({ pending, value: (pending.first ?? { value }).value, commit })
    }
    this.#confirm(synced)
  }

  #hold(held: Held): void {
    if (held.commit <= this.#synced) held.pending.resolve(held.value)
    else {
      this.#held.push(held)
      if (held.pending.seq !== undefined) this.#unconfirmed++
      thread.addHeld(1)
    }
  }

  /** All that was committed up to this commit is on the disk. */
  #confirm(commit: number): void {
    if (commit <= this.#synced) return
    this.#synced = commit
    for (const held of this.#takeHeld()) this.#hold(held)
    if (this.#isIdle) this.#whenIdle?.()
  }

  #takeHeld(): Held[] {
    const held = this.#held
    this.#held = []
    this.#unconfirmed = 0
    thread.addHeld(-held.length)
    return held
  }

  /** What it has stored is there, but nobody knows whether it is on the disk. */
  #threadDied(error: QueueError): void {
    this.#lose(error)
    for (const held of this.#takeHeld()) this.#makeHeldAgain(held)
    if (this.#again.length > 0) this.#sendAll()
  }

  #syncFailed(error: QueueError): void {
    this.#lose(error)
    this.#hasFailed = true
    for (const held of this.#takeHeld()) {
      const { pending } = held
      if (pending.seq === undefined) this.#makeHeldAgain(held)
      else {
        this.#refused.push(pending.seq)
        pending.reject(error)
      }
    }
    this.#send()
  }

  #lose(error: QueueError): void {
    this.#isLost = true
    this.#lastFailure = error
  }

  #makeHeldAgain({ pending, value }: Held): void {
    const seqs = claimedSeqs(pending.method, value)
    for (const seq of seqs ?? []) this.#withheld.add(seq)
    // What a claim handed out has not reached anybody: it may hand out others.
    if (seqs === undefined) pending.first = { value }
    this.#makeAgain(pending)
  }

  #makeAgain(pending: Pending): void {
    if (++pending.tries >= MOST_TRIES) pending.reject(this.#lastFailure ?? this.#closed())
    else {
      this.#again.push(pending)
      this.#isDue = true
    }
  }

  /** Before anything else, the file is opened again, and the thread learns what is handed out. */
  #reopen(): void {
    const isNeeded = this.#isDue || this.#refused.length > 0
    if (!isNeeded || this.#isReopening || this.#groups > 0) return
    this.#isReopening = true
    this.#isDue = false
    clearTimeout(this.#retry)
    const handedOut = this.#handedOut.filter((seq) => !this.#withheld.has(seq))
    const task = { kind: 'reopen', handedOut, hasFailed: this.#hasFailed } as const
    const waiting = new Set([...this.#again, ...this.#pending])
    thread
      .request({ file: this.#file, task })
      .then(
        ({ synced = 0 }) => {
          this.#isLost = this.#hasFailed = false
          this.#deaths = 0
          this.#synced = synced
          this.#handedOut = handedOut
          this.#withheld.clear()
          this.#pending = [...this.#again, ...this.#pending]
          this.#again = []
          if (this.#refused.length > 0) this.#withdraw(this.#refused)
          this.#refused = []
          this.#isDue = true
        },
        (error: unknown) => {
          const isDead = error instanceof QueueError && error.code === THREAD_DIED
          if (isDead && ++this.#deaths < MOST_TRIES) this.#isDue = true
          else this.#giveUp(error as Error, waiting)
        }
      )
      .finally(() => {
        this.#isReopening = false
        this.#send()
      })
      .catch(() => undefined)
  }

  /**
   * The file cannot be opened again. What is stored, as far as anybody knows, waits until it can.
   *
   * @param tried what waited for it; what has come since gets an attempt of its own
   */
  #giveUp(error: Error, tried: ReadonlySet<Pending>): void {
    this.#deaths = 0
    const waiting = [...this.#again, ...this.#pending]
    const isStored = ({ first }: Pending): boolean => first !== undefined && this.#isOpen
    this.#pending = waiting.filter((pending) => !tried.has(pending))
    this.#again = waiting.filter((pending) => tried.has(pending) && isStored(pending))
    this.#isDue = this.#pending.length > 0
    for (const pending of tried) if (!isStored(pending)) pending.reject(error)
    // At a close, the next start finds what there is.
    if (!this.#isOpen) this.#refused = []
    if (this.#again.length + this.#refused.length === 0) return
    this.#retry = setTimeout(() => {
      this.#isDue = true
      this.#send()
    }, TRY_AGAIN_MS)
  }

  /** Removes messages that were refused, before anything else happens. */
  #withdraw(seqs: readonly number[]): void {
    this.#pending.unshift({
      method: 'withdraw',
      makeArgs: () => [seqs],
      isAwaited: true,
      tries: 0,
      resolve: () => undefined,
      reject: () => {
        setTimeout(() => {
          if (!this.#isOpen) return
          this.#withdraw(seqs)
          this.#sendAll()
        }, TRY_AGAIN_MS).unref()
      }
    })
  }

  #closed(): QueueError {
    return new QueueError(english('log', 'queue.notOpen', { path: this.path }), 'ERR_QUEUE_CLOSED')
  }
}

/** Calls that go to the thread together. */
class CallGroup {
  readonly calls: QueueCall[] = []
  readonly pending: Pending[] = []
  readonly transfer: ArrayBuffer[] = []
  #bytes = 0

  get isFull(): boolean {
    return this.calls.length >= MOST_CALLS || this.#bytes >= MOST_BYTES
  }

  add(pending: Pending): void {
    const { method, makeArgs, isAwaited, reject } = pending
    try {
      const args = makeArgs().map((arg) => this.#withOwnBytes(arg))
      if (method === 'accept') pending.seq = (args[0] as { seq: number }).seq
      this.calls.push({ method, args, ...(isAwaited && { isAwaited }) } as QueueCall)
      this.pending.push(pending)
    } catch (error) {
      // A message that cannot be encoded must not affect the others.
      reject(error as Error)
    }
  }

  #withOwnBytes(arg: unknown): unknown {
    if (arg instanceof Uint8Array) return this.#ownBytes(arg)
    // A filter has an outcome, too: a word.
    const { outcome } = (arg ?? {}) as { outcome?: unknown }
    if (!(outcome instanceof Uint8Array)) return arg
    return { ...(arg as object), outcome: this.#ownBytes(outcome) }
  }

  /** Of a short Buffer, which shares its memory with others, all of that would be copied to the thread. */
  #ownBytes(bytes: Uint8Array): Uint8Array {
    this.#bytes += bytes.length
    const { buffer } = bytes
    if (!(buffer instanceof ArrayBuffer) || buffer.byteLength !== bytes.length) {
      return Uint8Array.prototype.slice.call(bytes)
    }
    if (bytes.length >= TRANSFERRED_BYTES) this.transfer.push(buffer)
    return bytes
  }
}
