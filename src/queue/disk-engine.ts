import { english } from '../english.ts'
import { CallGroup, type PendingCall } from './call-group.ts'
import { HeldCalls } from './held-calls.ts'
import { KeyedHashes } from './keyed-hashes.ts'
import { Loss, type Refusal } from './loss.ts'
import { NOTHING_QUEUED, type CallOptions, type QueueEngine } from './queue-engine.ts'
import { QueueError } from './queue-error.ts'
import type { EventQuery, QueueEvent } from './queue-event.ts'
import { faultOfCode } from './queue-fault.ts'
import type { QueueFileSpec } from './queue-file-spec.ts'
import { queueFilePath } from './queue-files.ts'
import {
  LAZY,
  MADE_AGAIN,
  type QueueAnswer,
  type QueueMethod,
  type QueueMethods
} from './queue-protocol.ts'
import {
  findDamage,
  queueError,
  queueThread as thread,
  THREAD_DIED
} from './queue-thread-client.ts'
import type { OpenedQueue, QueueCounts, QueueSummary } from './queue-types.ts'
import { UnstoredEvents } from './unstored-events.ts'

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
/** How long a lazy call waits for others, in milliseconds. */
const WAIT_MS = 20
/** A file that cannot be opened again is tried after this time, in milliseconds, while somebody waits. */
const TRY_AGAIN_MS = 1000
/**
 * A queue in a SQLite file: once its promise has resolved, a change survives a crash, and where somebody was promised
 * that (`AFTER_SYNC`), a power failure. All waits for the disk, all encryption, and SQLite itself are in one thread for
 * all files of the process.
 *
 * Calls that are made in one turn of the event loop go to the thread together, in their order, and are stored in one
 * transaction. What the thread has when it dies goes to the next one: calls can be repeated (`queue.ts`).
 *
 * **A sync that fails** is not repeated: the next one would say that all is well. The messages that wait for it are
 * refused, and removed as soon as anything can be stored. A refusal is an answer, too: it is given when it is stored which
 * messages are never sent; while not even that can be, their senders wait. All other calls that wait are made again, once
 * all that is in the file was written to another one, which takes its place.
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
  readonly #unstored = new UnstoredEvents()
  #pending: PendingCall[] = []
  /** They go as soon as a group is free. */
  #isDue = false
  #cancelWait: NodeJS.Timeout | undefined
  #isSendPlanned = false
  /** When each group of calls that is with the thread went there; on the monotonic clock. */
  readonly #askedAt: number[] = []
  readonly #held = new HeldCalls()
  /** Something is to be put right before anything else. */
  #loss: Loss | undefined
  #isReopening = false
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
      orderKey: options.orderKey
    }
  }

  get counts(): QueueCounts {
    return this.#summary
  }

  get summary(): QueueSummary {
    return this.#summary
  }

  get unconfirmed(): number {
    return this.#held.accepts + (this.#loss?.stored ?? 0)
  }

  get silentMs(): number {
    const oldestAt = Math.min(
      this.#held.oldestAt,
      this.#loss?.refusingSince ?? Infinity,
      ...this.#askedAt
    )
    return Number.isFinite(oldestAt) ? performance.now() - oldestAt : 0
  }

  async open(signal?: AbortSignal): Promise<OpenedQueue> {
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
      const file = this.#file
      let answer = await thread.request({ file, task: { kind: 'open' } })
      if (answer.mustCheck === true) {
        const isDamaged = await this.#unlessAborted(findDamage(this.path), signal)
        answer = await thread.request({ file, task: { kind: 'open', isDamaged } })
      }
      const { opened, summary, synced = 0 } = answer
      if (opened === undefined) throw new TypeError('The queue thread has opened nothing.')
      this.#summary = summary ?? NOTHING_QUEUED
      this.#handedOut = []
      this.#loss = undefined
      this.#held.restart(synced)
      this.#isOpen = true
      if (thread.forgetBusy(this.path)) {
        this.#options.onNotice?.(english('log', 'queue.takenOver', { path: this.path }))
      }
      this.#storeEvents()
      return opened
    } catch (error) {
      if (error instanceof QueueError && error.code === 'SQLITE_BUSY') thread.keepBusy(this.path)
      thread.unlisten(this.path)
      await thread.release()
      throw error
    }
  }

  /** @throws {QueueError} `ERR_QUEUE_CLOSED` when the signal is aborted before */
  async #unlessAborted<T>(work: Promise<T>, signal?: AbortSignal): Promise<T> {
    let stop = (): void => undefined
    const aborted = new Promise<never>((_, reject) => {
      stop = () => {
        reject(this.#closed())
      }
    })
    signal?.addEventListener('abort', stop)
    if (signal?.aborted === true) stop()
    try {
      return await Promise.race([work, aborted])
    } finally {
      signal?.removeEventListener('abort', stop)
    }
  }

  get hashes(): KeyedHashes {
    if (this.#hashes === undefined) throw this.#closed()
    return this.#hashes
  }

  call<Method extends QueueMethod>(
    method: Method,
    makeArgs: () => Parameters<QueueMethods[Method]>,
    { isAwaited = false }: CallOptions = {}
  ): Promise<ReturnType<QueueMethods[Method]>> {
    if (method === 'addEvent') return this.#addEvent(makeArgs()) as never
    if (method === 'events') return this.#findEvents(makeArgs()) as never
    if (!this.#isOpen) return Promise.reject(this.#closed())
    return this.#call(method, makeArgs, isAwaited)
  }

  #call<Method extends QueueMethod>(
    method: Method,
    makeArgs: () => Parameters<QueueMethods[Method]>,
    isAwaited = false
  ): Promise<ReturnType<QueueMethods[Method]>> {
    return new Promise((resolve, reject) => {
      const done = { resolve: resolve as PendingCall['resolve'], reject }
      this.#pending.push({ method, makeArgs, isAwaited, tries: 0, ...done })
      if (!LAZY.has(method)) this.#sendAll()
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

  /** One that cannot be stored is kept until another one can, also if the caller is told. */
  async #addEvent(args: unknown[]): Promise<void> {
    const event = args as Parameters<QueueMethods['addEvent']>
    if (!this.#isOpen) {
      this.#unstored.add(...event)
      return
    }
    try {
      await this.#call('addEvent', () => event)
    } catch (error) {
      this.#unstored.add(...event)
      throw error
    }
    this.#storeEvents()
  }

  async #findEvents(args: unknown[]): Promise<QueueEvent[]> {
    const [query] = args as [EventQuery]
    const stored = this.#isOpen ? await this.#call('events', () => [query]) : []
    return this.#unstored.find(query, stored)
  }

  #storeEvents(): void {
    for (const event of this.#unstored.takeAll()) {
      this.#addEvent(event).catch(() => undefined)
    }
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
    const calls = this.#pending.length + this.#held.length + this.#askedAt.length
    return calls === 0 && !this.#isReopening && this.#loss?.isUnsettled !== true
  }

  #send(): void {
    if (this.#loss !== undefined) this.#reopen(this.#loss)
    while (this.#loss === undefined && this.#isDue && this.#askedAt.length < MOST_GROUPS) {
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
    let answer: Promise<Partial<QueueAnswer>>
    try {
      answer = this.#ask(group)
    } catch {
      const error = queueError(faultOfCode('DataCloneError', this.path))
      const rest = group.withoutUncloneable(error)
      if (rest.calls.length < group.calls.length) this.#sendGroup(rest)
      else for (const call of rest.pending) call.reject(error)
      return
    }
    const askedAt = performance.now()
    this.#askedAt.push(askedAt)
    answer
      .then(
        (answered) => {
          this.#settle(group.pending, answered)
        },
        (error: unknown) => {
          for (const call of group.pending) {
            if (hasDied(error)) this.#makeAgain(call, true)
            else call.reject(error as Error)
          }
        }
      )
      .finally(() => {
        this.#askedAt.splice(this.#askedAt.indexOf(askedAt), 1)
        this.#send()
      })
      .catch(() => undefined)
  }

  /** @throws {DOMException} as `QueueThreadClient.request` does */
  #ask({ calls, transfer }: CallGroup): Promise<Partial<QueueAnswer>> {
    if (calls.length === 0) return Promise.resolve({})
    return thread.request({ file: this.path, task: { kind: 'calls', calls } }, transfer)
  }

  /** Answers come in the order of their commits. Each call is told as soon as it is as safe as its caller needs. */
  #settle(calls: readonly PendingCall[], answer: Partial<QueueAnswer>): void {
    const { results = [], synced = 0 } = answer
    this.#summary = answer.summary ?? this.#summary
    this.#handedOut = answer.handedOut ?? this.#handedOut
    for (const [index, call] of calls.entries()) {
      const { value, fault, commit = 0, mayBeStored = false } = results[index] ?? {}
      if (fault?.code === MADE_AGAIN) this.#makeAgain(call, mayBeStored)
      else if (fault !== undefined) call.reject(queueError(fault))
      else this.#held.add({ call, value, commit, at: performance.now() })
    }
    this.#confirm(synced)
  }

  #confirm(commit: number): void {
    this.#held.confirm(commit)
    if (this.#isIdle) this.#whenIdle?.()
  }

  /** What it has stored is there, but nobody knows whether it is on the disk. */
  #threadDied(error: QueueError): void {
    const loss = this.#lose(error)
    for (const held of this.#held.takeAll()) loss.repeatHeld(held)
    if (loss.isUnsettled) this.#sendAll()
  }

  #syncFailed(error: QueueError): void {
    const loss = this.#lose(error)
    loss.hasSyncFailed = true
    for (const held of this.#held.takeAll()) {
      if (held.call.seq === undefined) loss.repeatHeld(held)
      else loss.refuse(held.call, error, held.at)
    }
    if (loss.isUnsettled) this.#sendAll()
  }

  #lose(error: QueueError): Loss {
    this.#loss ??= new Loss(error)
    this.#loss.happenedAgain(error)
    return this.#loss
  }

  /** It was with a thread that has died, or that had a file of which a sync has failed: both were told before. */
  #makeAgain(call: PendingCall, mayBeStored: boolean): void {
    if (mayBeStored) call.mayBeStored = true
    if (this.#loss === undefined) call.reject(this.#closed())
    else this.#loss.repeat(call)
    this.#isDue = true
  }

  /** Before anything else, the file is opened again: the thread learns what is handed out, and what is refused. */
  #reopen(loss: Loss): void {
    if (!this.#isDue || this.#isReopening || this.#askedAt.length > 0) return
    this.#isReopening = true
    this.#isDue = false
    clearTimeout(this.#retry)
    // What comes while this is tried gets an attempt of its own.
    loss.again.push(...this.#pending)
    this.#pending = []
    const handedOut = loss.without(this.#handedOut)
    const { hasSyncFailed, refusals } = loss
    // To open it may take long, or fail: who waits is told before.
    this.#refuse(loss, refusals).catch(() => undefined)
    const refused = refusals.map(({ seq }) => seq)
    const task = { kind: 'reopen', handedOut, refused, hasSyncFailed } as const
    thread
      .request({ file: this.#file, task })
      .then(
        ({ summary, synced = 0 }) => {
          this.#loss = undefined
          this.#summary = summary ?? this.#summary
          this.#handedOut = handedOut
          this.#held.restart(synced)
          loss.settleRefused(refusals)
          this.#pending = [...loss.settleStored(), ...this.#pending]
          this.#isDue = true
        },
        async (error: unknown) => {
          if (hasDied(error) && loss.addDeath()) this.#isDue = true
          else await this.#giveUp(loss, error as Error)
        }
      )
      .finally(() => {
        this.#isReopening = false
        this.#send()
      })
      .catch(() => undefined)
  }

  /** Tells the senders of these messages, if it can be stored that they are never sent. */
  async #refuse(loss: Loss, refusals: readonly Refusal[]): Promise<void> {
    if (refusals.length === 0) return
    const seqs = refusals.map(({ seq }) => seq)
    await thread.request({ file: this.path, task: { kind: 'refuse', seqs } })
    const waiting = this.#summary.waiting - loss.settleRefused(refusals)
    this.#summary = { ...this.#summary, waiting }
  }

  async #giveUp(loss: Loss, error: Error): Promise<void> {
    loss.giveUp(error, !this.#isOpen)
    await this.#refuse(loss, loss.refusals).catch(() => undefined)
    if (!this.#isOpen) loss.abandon()
    this.#isDue = this.#pending.length > 0
    if (!loss.isUnsettled) return
    this.#retry = setTimeout(() => {
      this.#isDue = true
      this.#send()
    }, TRY_AGAIN_MS)
  }

  #closed(): QueueError {
    return new QueueError(english('log', 'queue.notOpen', { path: this.path }), 'ERR_QUEUE_CLOSED')
  }
}

function hasDied(error: unknown): boolean {
  return error instanceof QueueError && error.code === THREAD_DIED
}
