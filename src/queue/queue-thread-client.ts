import { Worker } from 'node:worker_threads'
import { english } from '../english.ts'
import { packageVersion } from '../package-version.ts'
import { QueueError } from './queue-error.ts'
import type { QueueFault } from './queue-fault.ts'
import type { QueueFileSpec } from './queue-file-spec.ts'
import {
  OTHER_VERSION,
  type QueueAnswer,
  type QueueReply,
  type QueueRequest
} from './queue-protocol.ts'

/** What the owner of a queue file gets outside of any request. */
export interface QueueListener {
  notice: (text: string) => void
  trouble: (error: QueueError) => void
  /** What was committed to the file up to this commit is on the disk. */
  synced: (commit: number) => void
  /** Nobody knows what of it is on the disk: it has to be opened again. */
  failed: (error: QueueError) => void
}

/** Requests that were with a thread that died reject with this code. */
export const THREAD_DIED = 'ERR_QUEUE_THREAD'

interface Waiting {
  resolve: (answer: QueueAnswer) => void
  reject: (error: QueueError) => void
}

/**
 * The thread of this process that touches queue files. It starts with the first file and ends
 * with the last, never keeps the process alive by itself, and is restarted by the next request
 * if it has died; pending requests then fail.
 */
class QueueThreadClient {
  readonly #listeners = new Map<string, QueueListener>()
  readonly #waiting = new Map<number, Waiting>()
  /** Files that another process had when they were to be opened. */
  readonly #busy = new Set<string>()
  #worker: Worker | undefined
  #users = 0
  /** Calls that are answered, but not told before a sync. */
  #held = 0
  #lastId = 0

  /** The thread is needed until `release`. */
  acquire(): void {
    this.#users++
  }

  async release(): Promise<void> {
    if (--this.#users > 0) return
    const worker = this.#worker
    this.#worker = undefined
    await worker?.terminate()
  }

  /** @returns false if there is already a listener for that file */
  listen(path: string, listener: QueueListener): boolean {
    if (this.#listeners.has(path)) return false
    this.#listeners.set(path, listener)
    return true
  }

  unlisten(path: string): void {
    this.#listeners.delete(path)
  }

  keepBusy(path: string): void {
    this.#busy.add(path)
  }

  /** @returns whether another process had it until now */
  forgetBusy(path: string): boolean {
    return this.#busy.delete(path)
  }

  /** A query about a file that its owner does not have open, or that has no owner. */
  async ask(path: string, kind: 'check' | 'count' | 'delete'): Promise<QueueAnswer> {
    this.acquire()
    try {
      return await this.request({ file: { ...NO_KEY, path }, task: { kind } })
    } finally {
      await this.release()
    }
  }

  /**
   * @returns the answer; it rejects with a {@link QueueError} if all of the request failed, or the thread died
   * @throws {DOMException} `DataCloneError`: nothing was sent, because something in the request cannot be cloned
   */
  request(
    request: Pick<QueueRequest, 'file' | 'task'>,
    transfer: readonly ArrayBuffer[] = []
  ): Promise<QueueAnswer> {
    let worker: Worker
    try {
      worker = this.#worker ??= this.#start()
    } catch (error) {
      const { file } = request
      return Promise.reject(notStarted(error, typeof file === 'string' ? file : file.path))
    }
    const id = ++this.#lastId
    worker.postMessage({ id, ...request } satisfies QueueRequest, transfer)
    return new Promise((resolve, reject) => {
      // A caller waits for the disk: the process must not end by itself before the answer.
      this.#waiting.set(id, { resolve, reject })
      this.#keepAlive()
    })
  }

  /** So many more callers, or fewer, wait for a sync. */
  addHeld(count: number): void {
    this.#held += count
    this.#keepAlive()
  }

  #keepAlive(): void {
    if (this.#waiting.size + this.#held > 0) this.#worker?.ref()
    else this.#worker?.unref()
  }

  #start(): Worker {
    const file = import.meta.url.endsWith('.ts') ? './queue-worker.ts' : './queue-worker.js'
    const worker = new Worker(new URL(file, import.meta.url), {
      name: 'hl7-https-out queue',
      workerData: packageVersion
    })
    let cause: unknown
    worker.on('message', (reply: QueueReply) => {
      this.#receive(reply)
    })
    worker.on('error', (error) => {
      cause = error
    })
    worker.on('messageerror', () => void worker.terminate())
    worker.on('exit', () => {
      if (this.#worker === worker) this.#died(cause)
    })
    return worker
  }

  #receive(reply: QueueReply): void {
    if ('notice' in reply) {
      this.#listeners.get(reply.path)?.notice(reply.notice)
      return
    }
    if ('failed' in reply) {
      this.#listeners.get(reply.path)?.failed(queueError(reply.failed))
      return
    }
    if ('path' in reply && 'synced' in reply) {
      this.#listeners.get(reply.path)?.synced(reply.synced)
      return
    }
    if ('trouble' in reply) {
      this.#listeners.get(reply.path)?.trouble(queueError(reply.trouble))
      return
    }
    const waiting = this.#waiting.get(reply.id)
    this.#waiting.delete(reply.id)
    this.#keepAlive()
    if (reply.fault === undefined) waiting?.resolve(reply)
    else waiting?.reject(queueError(reply.fault))
  }

  #died(cause: unknown): void {
    this.#worker = undefined
    const code = codeOf(cause)
    const text =
      code === OTHER_VERSION
        ? english('log', 'queue.threadOfOtherVersion')
        : english('log', 'queue.threadDied', { code })
    const error = new QueueError(text, THREAD_DIED)
    const waiting = [...this.#waiting.values()]
    this.#waiting.clear()
    for (const { trouble } of this.#listeners.values()) trouble(error)
    for (const { reject } of waiting) reject(error)
  }
}

/** For queries that need no key. */
const NO_KEY: Omit<QueueFileSpec, 'path'> = {
  name: '',
  key: new Uint8Array(),
  journalDays: 0,
  order: 'fifo',
  orderKey: ''
}

/** The system has no thread, or no memory for one: the content of the file is not affected. */
function notStarted(cause: unknown, path: string): QueueError {
  const code = codeOf(cause)
  // Node.js was started with --permission.
  const key = code === 'ERR_ACCESS_DENIED' ? 'queue.threadDenied' : 'queue.threadNotStarted'
  return new QueueError(english('log', key, { path, code }), code)
}

function codeOf(cause: unknown): string {
  return cause instanceof Error && 'code' in cause && typeof cause.code === 'string'
    ? cause.code
    : THREAD_DIED
}

/** The one of this process, but for what `findDamage` reads. */
export const queueThread = new QueueThreadClient()

/** Files that are being read, each by a thread of its own. */
const checks = new Map<string, Promise<boolean>>()

/**
 * Reads all of a file that nobody has open, such as one that the last run has not closed, before it is opened: from then
 * on, only the queue thread could read it, and all nodes would wait for that.
 *
 * @returns whether it is damaged; also false if that cannot be found out: to open it will tell why
 */
export function findDamage(path: string): Promise<boolean> {
  let check = checks.get(path)
  if (check === undefined) {
    check = new QueueThreadClient()
      .ask(path, 'check')
      .then(
        ({ isDamaged = false }) => isDamaged,
        () => false
      )
      .finally(() => checks.delete(path))
    checks.set(path, check)
  }
  return check
}

export function queueError({ message, code, about }: QueueFault): QueueError {
  return new QueueError(message, code, about)
}
