/**
 * When each held message came in, for their number and the age of the oldest. A backlog can be a
 * million, so both columns are plain arrays, and what is gone is only marked; but messages of years
 * can lie between two of them, so a number takes room only while its message is held.
 */
export class Ages {
  /** Sequence numbers, ascending, from `#head` on. */
  #seqs: number[] = []
  /** Acceptance times; NaN where the message is gone. */
  #times: number[] = []
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
    this.#size++
    const at = this.#find(seq)
    if (this.#seqs[at] === seq) this.#times[at] = acceptedAt
    else if (at === this.#seqs.length) {
      this.#seqs.push(seq)
      this.#times.push(acceptedAt)
    } else {
      this.#seqs.splice(at, 0, seq)
      this.#times.splice(at, 0, acceptedAt)
    }
  }

  remove(seq: number): void {
    const at = this.#find(seq)
    if (this.#seqs[at] !== seq || Number.isNaN(this.#times[at])) return
    this.#times[at] = Number.NaN
    this.#size--
    while (Number.isNaN(this.#times[this.#head])) this.#head++
    if (this.#seqs.length > 1024 + 2 * this.#size) this.#tidy()
  }

  /** The place of a number, or the one where it belongs. */
  #find(seq: number): number {
    let at = this.#head
    let end = this.#seqs.length
    if ((this.#seqs[end - 1] ?? -1) < seq) return end
    while (at < end) {
      const middle = (at + end) >>> 1
      if ((this.#seqs[middle] ?? 0) < seq) at = middle + 1
      else end = middle
    }
    return at
  }

  #tidy(): void {
    const isHeld = (_value: number, at: number): boolean => !Number.isNaN(this.#times[at])
    this.#seqs = this.#seqs.filter(isHeld)
    this.#times = this.#times.filter(isHeld)
    this.#head = 0
  }
}
