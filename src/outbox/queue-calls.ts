import { outboxError, queueThread, type QueueAnswer } from './queue-thread.ts'
import type { CallResult, QueueCall, QueueFileSpec, ReadMessage } from './queue-protocol.ts'

/** Groups of calls that are with the thread at a time. */
const MOST_GROUPS = 2
/**
 * How long a removal waits for other changes, in milliseconds: alone it is not worth a disk sync.
 */
const WAIT_MS = 20
/** Calls and bytes that go to the thread at a time. */
const MOST_CALLS = 1024
const MOST_BYTES = 4 * 1024 * 1024
/** From this size, a content with its own memory is transferred instead of copied. */
const HANDED_OVER = 256 * 1024

/** Makes a call; `bytes` puts a content where it crosses to the thread cheaply. */
export type MakeCall = (bytes: (content: Buffer) => Uint8Array) => QueueCall

interface Settled {
  resolve: (result: CallResult | undefined) => void
  reject: (error: Error) => void
}

interface Pending extends Settled {
  /** The message that it concerns; 0 for none. */
  seq: number
  make: MakeCall
}

interface PendingRead extends Settled {
  seq: number
}

/**
 * The calls of one queue file on their way to the queue thread: calls that arrive together go
 * together, in the order of their arrival, and are stored with one sync. Calls that cannot go yet
 * stay closures.
 */
export class QueueCalls {
  readonly #file: QueueFileSpec
  /** Called before changes go to the thread: the calls that it makes go with them. */
  readonly #beforeChanges: () => void
  /** Changes that are not with the thread yet. */
  #changes: Pending[] = []
  /** The messages that those concern, and how often. */
  readonly #changing = new Map<number, number>()
  #reads: PendingRead[] = []
  /** The changes go as soon as a group is free. */
  #due = false
  /** Until then they wait for other changes. */
  #later: NodeJS.Timeout | undefined
  #groups = 0
  #readGroups = 0
  #sendPlanned = false
  #whenIdle: (() => void) | undefined

  constructor(file: QueueFileSpec, beforeChanges: () => void) {
    this.#file = file
    this.#beforeChanges = beforeChanges
  }

  /**
   * A change, or a query that has to see the changes requested before it.
   *
   * @param seq the message that it concerns; 0 for none
   */
  call(seq: number, make: MakeCall): Promise<CallResult | undefined> {
    const result = this.callLater(seq, make)
    this.#sendAll()
    return result
  }

  /** The same, with the next change that does not wait, if that comes soon. */
  callLater(seq: number, make: MakeCall): Promise<CallResult | undefined> {
    return new Promise((resolve, reject) => {
      this.#changes.push({ seq, make, resolve, reject })
      this.#changing.set(seq, (this.#changing.get(seq) ?? 0) + 1)
      this.#later ??= setTimeout(() => {
        this.#sendAll()
      }, WAIT_MS)
    })
  }

  /** A message; waits for no change of others. */
  async read(seq: number): Promise<ReadMessage> {
    const result = await (this.#changing.has(seq)
      ? this.call(seq, () => ({ kind: 'read', seq }))
      : new Promise<CallResult | undefined>((resolve, reject) => {
          this.#reads.push({ seq, resolve, reject })
          this.#planSend()
        }))
    return result as ReadMessage
  }

  /** Sends what waits, and resolves when all of it is done. */
  async finish(): Promise<void> {
    clearTimeout(this.#later)
    if (this.#isIdle) return
    this.#sendAll()
    await new Promise<void>((resolve) => {
      this.#whenIdle = resolve
    })
  }

  get #isIdle(): boolean {
    const asked = this.#changes.length + this.#reads.length
    return asked + this.#groups + this.#readGroups === 0
  }

  #sendAll(): void {
    clearTimeout(this.#later)
    this.#later = undefined
    this.#due = true
    this.#planSend()
  }

  /** Calls made in one turn of the event loop go together. */
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
    this.#hand(queueThread.request({ file: this.#file, task }), reads, () => {
      this.#readGroups--
    })
  }

  #sendChanges(): void {
    this.#beforeChanges()
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
    this.#hand(queueThread.request({ file: this.#file, task }, transfer), group.pending, () => {
      this.#groups--
    })
  }

  /** Passes an answer to the callers that wait for it. */
  #hand(answer: Promise<QueueAnswer>, pending: readonly Settled[], then: () => void): void {
    answer
      .then(
        ({ faults = [], results = [] }) => {
          for (const [index, fault] of faults) pending[index]?.reject(outboxError(fault))
          for (const [index, result] of results) pending[index]?.resolve(result)
          // Those that were rejected above stay so.
          for (const { resolve } of pending) resolve(undefined)
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
}

/** Calls that go to the thread together, their small contents in one piece of memory. */
class CallGroup {
  readonly calls: QueueCall[] = []
  readonly pending: Pending[] = []
  readonly #small: Buffer[] = []
  readonly #large: ArrayBuffer[] = []
  #bytes = 0

  get isFull(): boolean {
    return this.calls.length >= MOST_CALLS || this.#bytes >= MOST_BYTES
  }

  add(change: Pending): void {
    try {
      this.calls.push(change.make((content) => this.#take(content)))
      this.pending.push(change)
    } catch (error) {
      // A message that cannot be encoded must not affect the others.
      change.reject(error as Error)
    }
  }

  #take(content: Buffer): Uint8Array {
    this.#bytes += content.length
    const whole =
      content.buffer instanceof ArrayBuffer && content.length === content.buffer.byteLength
    if (whole && content.length >= HANDED_OVER) this.#large.push(content.buffer)
    else this.#small.push(content)
    return content
  }

  /** @returns what is transferred to the thread */
  pack(): ArrayBuffer[] {
    const memory = new ArrayBuffer(this.#small.reduce((sum, { length }) => sum + length, 0))
    const placed = new Map<Uint8Array, Uint8Array>()
    let at = 0
    for (const content of this.#small) {
      const place = new Uint8Array(memory, at, content.length)
      place.set(content)
      placed.set(content, place)
      at += content.length
    }
    for (const call of this.calls) {
      if (call.kind === 'add') call.content = placed.get(call.content) ?? call.content
      else if (call.kind === 'settle') call.outcome = placed.get(call.outcome) ?? call.outcome
    }
    return [memory, ...new Set(this.#large)]
  }
}
