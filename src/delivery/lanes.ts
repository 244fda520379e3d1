/** How the messages of a node may overtake each other: not at all, within a key, or freely. */
export type Order = 'fifo' | 'key' | 'none'

interface Lane {
  /** Waiting sequence numbers, in order, from `head`. */
  waiting: number[]
  head: number
  /** A message of the lane is in flight or being retried. */
  busy: boolean
  /** The lane is in the list of those that may start. */
  listed: boolean
}

/**
 * Decides which message may be sent next. A message is a sequence number here (its place in the
 * order of acceptance) and its key; within a lane one message is in flight at a time, in order.
 * With `key` each key is a lane, with `fifo` there is one lane for all, with `none` there is one
 * that is never busy.
 */
export class Lanes {
  readonly #order: Order
  readonly #lanes = new Map<string, Lane>()
  /** Lanes whose first message may start, first come first served. */
  readonly #ready: string[] = []
  #readyHead = 0

  constructor(order: Order) {
    this.#order = order
  }

  /** Nothing is waiting or in flight. */
  get isEmpty(): boolean {
    return this.#lanes.size === 0
  }

  /** Puts a message at the end of its lane. */
  add(seq: number, key: string): void {
    const lane = this.#nameOf(key)
    const entry = this.#lane(lane)
    entry.waiting.push(seq)
    this.#list(lane, entry)
  }

  /** Puts a message back in its place in its lane, by its sequence number. */
  putBack(seq: number, key: string): void {
    const lane = this.#nameOf(key)
    const entry = this.#lane(lane)
    entry.waiting.splice(this.#placeOf(entry, seq), 0, seq)
    this.#list(lane, entry)
  }

  /** Where a number belongs among the waiting ones. */
  #placeOf({ waiting, head }: Lane, seq: number): number {
    let at = head
    for (let end = waiting.length; at < end;) {
      const middle = (at + end) >>> 1
      if ((waiting[middle] ?? 0) < seq) at = middle + 1
      else end = middle
    }
    return at
  }

  /** The next message that may start; its lane is busy until `release`. */
  take(): { seq: number; lane: string } | undefined {
    for (;;) {
      const name = this.#ready[this.#readyHead]
      if (name === undefined) return undefined
      this.#readyHead++
      if (this.#readyHead > 1024 && this.#readyHead * 2 > this.#ready.length) {
        this.#ready.splice(0, this.#readyHead)
        this.#readyHead = 0
      }
      const lane = this.#lanes.get(name)
      // It was cleared meanwhile.
      if (lane?.listed !== true) continue
      lane.listed = false
      const seq = lane.waiting[lane.head]
      if (seq === undefined) continue
      lane.head++
      if (lane.head > 1024 && lane.head * 2 > lane.waiting.length) {
        lane.waiting.splice(0, lane.head)
        lane.head = 0
      }
      if (this.#order === 'none') this.#list(name, lane)
      else lane.busy = true
      return { seq, lane: name }
    }
  }

  /** Whether a message of the lane is waiting or in flight. */
  has(key: string): boolean {
    return this.#lanes.has(this.#nameOf(key))
  }

  /** Lanes with a message in flight and others waiting. */
  busyAndWaiting(): string[] {
    const found: string[] = []
    for (const [name, { busy, waiting, head }] of this.#lanes) {
      if (busy && head < waiting.length) found.push(name)
    }
    return found
  }

  /** Removes the messages that wait in a lane from a number on. @returns their numbers */
  clear(key: string, from = 0): number[] {
    const name = this.#nameOf(key)
    const lane = this.#lanes.get(name)
    if (lane === undefined) return []
    const cleared = lane.waiting.splice(this.#placeOf(lane, from))
    if (lane.head < lane.waiting.length) return cleared
    lane.listed = false
    if (!lane.busy) this.#lanes.delete(name)
    return cleared
  }

  /** Frees the lane of a message that has left or was set aside. */
  release(key: string): void {
    const name = this.#nameOf(key)
    const lane = this.#lanes.get(name)
    if (lane === undefined) return
    lane.busy = false
    if (lane.head === lane.waiting.length) this.#lanes.delete(name)
    else this.#list(name, lane)
  }

  /** With `fifo` and `none` the key does not matter. */
  #nameOf(key: string): string {
    return this.#order === 'key' ? key : ''
  }

  #lane(name: string): Lane {
    let lane = this.#lanes.get(name)
    if (lane === undefined) {
      lane = { waiting: [], head: 0, busy: false, listed: false }
      this.#lanes.set(name, lane)
    }
    return lane
  }

  #list(name: string, lane: Lane): void {
    if (lane.busy || lane.listed || lane.head === lane.waiting.length) return
    lane.listed = true
    this.#ready.push(name)
  }
}
