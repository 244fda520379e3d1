/** So many numbers may be left out between two messages. */
const MOST_LEFT_OUT = 100_000

/**
 * When each held message came in, for their number and the age of the oldest. A backlog can be a
 * million, and its numbers follow one another: an array does it in eight bytes each. A few may be far
 * from the rest: one that stood aside for months, or one that is tried for ever.
 */
export class Ages {
  /** Acceptance times from sequence number `#base` on; NaN where the message is gone. */
  #times: number[] = []
  #base = 0
  #head = 0
  #size = 0
  /** Acceptance times by sequence number. */
  readonly #far = new Map<number, number>()

  get size(): number {
    return this.#size + this.#far.size
  }

  /** When the oldest held message was accepted (wall clock, milliseconds). */
  get oldest(): number | undefined {
    let oldest = this.#times[this.#head]
    for (const time of this.#far.values()) {
      if (oldest === undefined || time < oldest) oldest = time
    }
    return oldest
  }

  /** Sequence numbers come in ascending order, but for one that comes back. */
  add(seq: number, acceptedAt: number): void {
    if (this.#size === 0 || seq > this.#base + this.#times.length + MOST_LEFT_OUT) {
      this.#startAt(seq)
    }
    const at = seq - this.#base
    if (at < 0) {
      this.#far.set(seq, acceptedAt)
      return
    }
    while (this.#times.length < at) this.#times.push(Number.NaN)
    this.#times[at] = acceptedAt
    this.#head = Math.min(this.#head, at)
    this.#size++
  }

  remove(seq: number): void {
    if (this.#far.delete(seq)) return
    const at = seq - this.#base
    const time = this.#times[at]
    if (time === undefined || Number.isNaN(time)) return
    this.#times[at] = Number.NaN
    this.#size--
    while (Number.isNaN(this.#times[this.#head])) this.#head++
    if (this.#head > 1024 && this.#head * 2 > this.#times.length) {
      this.#times.splice(0, this.#head)
      this.#base += this.#head
      this.#head = 0
    }
  }

  /** What is held from before goes to those that are far. */
  #startAt(seq: number): void {
    for (const [at, time] of this.#times.entries()) {
      if (!Number.isNaN(time)) this.#far.set(this.#base + at, time)
    }
    this.#times = []
    this.#base = seq
    this.#head = 0
    this.#size = 0
  }
}
