import type { PendingCall } from './call-group.ts'
import type { HeldCall } from './held-calls.ts'
import { claimedSeqs } from './queue-protocol.ts'
import type { QueueError } from './queue-error.ts'

/** A call is made so often, if threads die over it, or syncs fail. */
const MOST_TRIES = 3

/** A message that is not accepted, although it may be in the file: its sender is told when it can never be sent. */
export interface Refusal {
  seq: number
  call: PendingCall
  error: Error
  /** It is in the file, and counts as waiting. */
  isStored: boolean
}

/**
 * The thread that had a file open has died, or a sync of the file has failed: what has to be known until it is open
 * again.
 */
export class Loss {
  #error: QueueError
  /** Calls that are made again, before all others. */
  again: PendingCall[] = []
  /** Nobody has been told of them yet. */
  refusals: readonly Refusal[] = []
  /** Since when the oldest of them waits; on the monotonic clock. */
  refusingSince = Infinity
  /** It was a sync: only what is written once more is safe. */
  hasSyncFailed = false
  /** Messages that were handed out by claims that nobody has got. */
  readonly #withheld = new Set<number>()
  /** So many threads have died while they opened the file again. */
  #deaths = 0

  constructor(error: QueueError) {
    this.#error = error
  }

  /** It has happened once more. */
  happenedAgain(error: QueueError): void {
    this.#error = error
  }

  /** A call waits for it. */
  get isUnsettled(): boolean {
    return this.again.length + this.refusals.length > 0
  }

  /** So many messages count as waiting, and nobody has been told that they are refused. */
  get stored(): number {
    return storedIn(this.refusals)
  }

  /** Of the messages that are handed out, those that have reached the node. */
  without(handedOut: readonly number[]): number[] {
    return handedOut.filter((seq) => !this.#withheld.has(seq))
  }

  /** What a call has stored is there, but nobody knows whether it is on the disk. */
  repeatHeld({ call, value }: HeldCall): void {
    const seqs = claimedSeqs(call.method, value)
    for (const seq of seqs ?? []) this.#withheld.add(seq)
    // What a claim handed out has not reached anybody: it may hand out others.
    if (seqs === undefined) call.first = { value }
    this.repeat(call)
  }

  repeat(call: PendingCall): void {
    if (++call.tries >= MOST_TRIES) this.refuse(call, this.#error)
    else this.again.push(call)
  }

  /**
   * The file is open, and all that is in it is on the disk. What was answered before is told now, and not made again: a
   * message may have been handed out since, and a move would take that back. Of a message that is accepted nobody must
   * be told before it is certainly there.
   *
   * @returns the calls that are made again
   */
  settleStored(): PendingCall[] {
    const isStored = ({ first, seq }: PendingCall): boolean =>
      first !== undefined && seq === undefined
    for (const call of this.again) if (isStored(call)) call.resolve(call.first?.value)
    return this.again.filter((call) => !isStored(call))
  }

  /**
   * Its caller is told that it has failed: at once, unless it was to accept a message that may be in the file.
   *
   * @param heldSince it is stored, and has waited since then; on the monotonic clock
   */
  refuse(call: PendingCall, error: Error, heldSince?: number): void {
    const { seq, mayBeStored = false } = call
    if (seq === undefined || !mayBeStored) {
      call.reject(error)
      return
    }
    const isStored = heldSince !== undefined
    this.refusals = [...this.refusals, { seq, call, error, isStored }]
    this.refusingSince = Math.min(this.refusingSince, heldSince ?? performance.now())
  }

  /**
   * It is stored that these messages are refused.
   *
   * @returns how many of them count as waiting, until the file is written again without them
   */
  settleRefused(refusals: readonly Refusal[]): number {
    const settled = new Set(refusals)
    this.refusals = this.refusals.filter((refusal) => !settled.has(refusal))
    if (this.refusals.length === 0) this.refusingSince = Infinity
    for (const { call, error } of settled) call.reject(error)
    return storedIn(refusals)
  }

  /** @returns whether another thread is to try it */
  addDeath(): boolean {
    return ++this.#deaths < MOST_TRIES
  }

  /**
   * The file cannot be opened again. What is stored, as far as anybody knows, waits until it can, unless it is to be
   * closed.
   */
  giveUp(error: Error, isClosing: boolean): void {
    const tried = this.again
    this.#deaths = 0
    this.again = []
    for (const call of tried) {
      if (call.first !== undefined && !isClosing) this.again.push(call)
      else this.refuse(call, error)
    }
  }

  /** The file is closed as it is. Who got no answer sends again, as after a crash; the next start finds what there is. */
  abandon(): void {
    this.refusals = []
  }
}

function storedIn(refusals: readonly Refusal[]): number {
  return refusals.filter(({ isStored }) => isStored).length
}
