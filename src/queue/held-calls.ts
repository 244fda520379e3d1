import type { PendingCall } from './call-group.ts'
import { queueThread as thread } from './queue-thread-client.ts'

/** A call that is stored, and told when this commit is synced. */
export interface HeldCall {
  call: PendingCall
  value: unknown
  commit: number
  /** Since when it waits; on the monotonic clock. */
  at: number
}

/** Calls that wait for a sync, in their order. */
export class HeldCalls {
  #held: HeldCall[] = []
  #accepts = 0
  #synced = 0

  get length(): number {
    return this.#held.length
  }

  /** Since when the oldest one waits; Infinity if there is none. */
  get oldestAt(): number {
    return this.#held[0]?.at ?? Infinity
  }

  /** How many of them accept a message. */
  get accepts(): number {
    return this.#accepts
  }

  /** @param synced the last commit that is synced, when a file was opened; none is held then */
  restart(synced: number): void {
    this.#synced = synced
  }

  /** Tells a call, if it is safe, or holds it. */
  add(held: HeldCall): void {
    const { call, value, commit } = held
    if (commit <= this.#synced) {
      call.resolve(value)
      return
    }
    call.mayBeStored = true
    this.#held.push(held)
    if (call.seq !== undefined) this.#accepts++
    thread.addHeld(1)
  }

  /** All that was committed up to this commit is on the disk. */
  confirm(commit: number): void {
    if (commit <= this.#synced) return
    this.#synced = commit
    for (const held of this.takeAll()) this.add(held)
  }

  /** They are held no longer. */
  takeAll(): HeldCall[] {
    const held = this.#held
    this.#held = []
    this.#accepts = 0
    thread.addHeld(-held.length)
    return held
  }
}
