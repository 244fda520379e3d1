import type { QueueCall, QueueMethod } from './queue-protocol.ts'

/** Calls and bytes of a group. */
const MOST_CALLS = 1024
const MOST_BYTES = 4 * 1024 * 1024
/** From this size, bytes with memory of their own are transferred instead of copied. */
const TRANSFERRED_BYTES = 256 * 1024

/** A call that was made, and is not told yet. */
export interface PendingCall {
  method: QueueMethod
  makeArgs: () => unknown[]
  isAwaited: boolean
  resolve: (value: unknown) => void
  reject: (error: Error) => void
  /** It was made again so often. */
  tries: number
  /** Of the message that it accepts. */
  seq?: number
  /** The thread has got it, and nobody knows that it has stored nothing of it. */
  mayBeStored?: boolean
  /** It was stored, but nobody knows whether that is safe: this is what came of it. */
  first?: { value: unknown }
}

/** Calls that go to the thread together. */
export class CallGroup {
  readonly calls: QueueCall[] = []
  readonly pending: PendingCall[] = []
  readonly transfer: ArrayBuffer[] = []
  #bytes = 0

  get isFull(): boolean {
    return this.calls.length >= MOST_CALLS || this.#bytes >= MOST_BYTES
  }

  add(pending: PendingCall): void {
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

  /**
   * The same without calls that cannot be given to a thread, because of what somebody has put into their arguments: each
   * of these fails alone.
   */
  withoutUncloneable(error: Error): CallGroup {
    const group = new CallGroup()
    for (const [index, pending] of this.pending.entries()) {
      try {
        structuredClone(this.calls[index])
        group.add(pending)
      } catch {
        pending.reject(error)
      }
    }
    return group
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
