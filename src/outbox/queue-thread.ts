import { Worker } from 'node:worker_threads'
import { OutboxError } from './outbox.ts'
import type { QueueFault, QueueFileSpec, QueueReply, QueueRequest } from './queue-protocol.ts'

/** What the owner of a queue file gets outside of any request. */
export interface QueueListener {
  notice: (text: string) => void
  trouble: (error: OutboxError) => void
}

export type QueueAnswer = Extract<QueueReply, { id: number }>

interface Waiting {
  resolve: (answer: QueueAnswer) => void
  reject: (error: OutboxError) => void
}

/**
 * The one thread of this process that touches queue files. It starts with the first file and ends
 * with the last, never keeps the process alive by itself, and is restarted by the next request
 * if it has died; pending requests then fail.
 */
class QueueThread {
  readonly #listeners = new Map<string, QueueListener>()
  readonly #waiting = new Map<number, Waiting>()
  #worker: Worker | undefined
  #users = 0
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

  /** A query about a file that its owner does not have open, or that has no owner. */
  async ask(file: QueueFileSpec, kind: 'count' | 'delete'): Promise<QueueAnswer> {
    this.acquire()
    try {
      return await this.request({ file, task: { kind } })
    } finally {
      await this.release()
    }
  }

  /** @throws {OutboxError} when all of the request failed, or the thread died */
  request(
    request: Pick<QueueRequest, 'file' | 'task'>,
    transfer: readonly ArrayBuffer[] = []
  ): Promise<QueueAnswer> {
    return new Promise((resolve, reject) => {
      let worker: Worker
      try {
        worker = this.#worker ??= this.#start()
      } catch (error) {
        reject(notStarted(error, request.file.path))
        return
      }
      const id = ++this.#lastId
      worker.postMessage({ id, ...request } satisfies QueueRequest, transfer)
      // A caller waits for the disk: the process must not end by itself before the answer.
      if (this.#waiting.size === 0) worker.ref()
      this.#waiting.set(id, { resolve, reject })
    })
  }

  #start(): Worker {
    const file = import.meta.url.endsWith('.ts') ? './queue-worker.ts' : './queue-worker.js'
    const worker = new Worker(new URL(file, import.meta.url), { name: 'hl7-https-out queue' })
    let cause: unknown
    worker.on('message', (reply: QueueReply) => {
      this.#receive(worker, reply)
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

  #receive(worker: Worker, reply: QueueReply): void {
    if ('notice' in reply) {
      this.#listeners.get(reply.path)?.notice(reply.notice)
      return
    }
    if ('trouble' in reply) {
      this.#listeners.get(reply.path)?.trouble(outboxError(reply.trouble))
      return
    }
    const waiting = this.#waiting.get(reply.id)
    this.#waiting.delete(reply.id)
    if (this.#waiting.size === 0) worker.unref()
    if (reply.fault === undefined) waiting?.resolve(reply)
    else waiting?.reject(outboxError(reply.fault))
  }

  #died(cause: unknown): void {
    this.#worker = undefined
    const code = codeOf(cause)
    const error = new OutboxError(
      `The thread that writes the queue files has ended (${code}). Messages that were not yet stored were refused; the thread restarts with the next message.`,
      code
    )
    const waiting = [...this.#waiting.values()]
    this.#waiting.clear()
    for (const { reject } of waiting) reject(error)
    for (const { trouble } of this.#listeners.values()) trouble(error)
  }
}

/** The system has no thread, or no memory for one: the content of the file is not affected. */
function notStarted(cause: unknown, path: string): OutboxError {
  const code = codeOf(cause)
  return new OutboxError(
    `The queue file ${path} cannot be used: the thread for it cannot be started (${code}). Check the thread and memory limits; the start will be retried.`,
    code
  )
}

function codeOf(cause: unknown): string {
  return cause instanceof Error && 'code' in cause && typeof cause.code === 'string'
    ? cause.code
    : 'ERR_QUEUE_THREAD'
}

/** The one of this process. */
export const queueThread = new QueueThread()

export function outboxError({ message, code, about }: QueueFault): OutboxError {
  return new OutboxError(message, code, about)
}
