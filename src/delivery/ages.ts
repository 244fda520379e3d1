/**
 * When each held message came in, for their number and the age of the oldest. Sequence numbers only
 * grow, so an array from the oldest on does it in eight bytes each; a backlog can be a million.
 */
export class Ages {
  /** Acceptance times from sequence number `#base` on; NaN where the message is gone. */
  #times: number[] = []
  #base = 0
  #head = 0
  #size = 0

  get size(): number {
    return this.#size
  }

  /** When the oldest held message was accepted (wall clock, milliseconds). */
  get oldest(): number | undefined {
    return this.#times[this.#head]
  }

  /** Sequence numbers come in ascending order, but for one that comes back. */
  add(seq: number, acceptedAt: number): void {
    if (this.#size === 0) {
      this.#times = []
      this.#head = 0
      this.#base = seq
    }
    if (seq < this.#base) {
      this.#times = [...Array<number>(this.#base - seq).fill(Number.NaN), ...this.#times]
      this.#base = seq
      this.#head = 0
    }
    // Numbers may be left out: a message that was settled before a restart, say.
    while (this.#base + this.#times.length <= seq) this.#times.push(Number.NaN)
    this.#times[seq - this.#base] = acceptedAt
    this.#head = Math.min(this.#head, seq - this.#base)
    this.#size++
  }

  remove(seq: number): void {
    const at = seq - this.#base
    const time = this.#times[at]
    if (time === undefined || Number.isNaN(time)) return
    this.#times[at] = Number.NaN
    this.#size--
    while (this.#head < this.#times.length && Number.isNaN(this.#times[this.#head])) this.#head++
    if (this.#head > 1024 && this.#head * 2 > this.#times.length) {
      this.#times.splice(0, this.#head)
      this.#base += this.#head
      this.#head = 0
    }
  }
}
