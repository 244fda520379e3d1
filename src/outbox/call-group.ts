import type { QueueCall, ReadEntry } from './queue-protocol.ts'

/** Messages and bytes that go to the queue thread at a time. */
const MOST_CALLS = 1024
const MOST_BYTES = 4 * 1024 * 1024
/** From this size on a content that has its memory to itself is handed over instead of copied. */
const HANDED_OVER = 256 * 1024

export type Settle = (entry: ReadEntry | undefined) => void

export interface Settled {
  resolve: (entry: ReadEntry) => void
  reject: (error: Error) => void
}

export interface PendingRead extends Settled {
  seq: number
}

/** A call on its way; `bytes` puts a content where it crosses to the thread cheaply. */
export interface Pending extends Settled {
  seq: number
  call: (bytes: (content: Buffer) => Uint8Array) => QueueCall
}

/** Calls that go to the thread together, their small contents in one piece of memory. */
export class CallGroup {
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
      this.calls.push(change.call((content) => this.#take(content)))
      this.pending.push(change)
    } catch (error) {
      // A message that cannot be encoded is its own fault only.
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

  /** @returns what is handed over to the thread */
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
