/** Buckets grow by this factor: a percentile is right to within a few percent. */
const GROWTH = 1.07
const BUCKETS = 256

/** How long things took, in constant space and time. */
export class Latencies {
  readonly #counts = new Uint32Array(BUCKETS)
  #measured = 0

  add(ms: number): void {
    const bucket = Math.floor(Math.log(Math.max(ms, 0) * 10 + 1) / Math.log(GROWTH))
    const index = Math.min(bucket, BUCKETS - 1)
    this.#counts[index] = (this.#counts[index] ?? 0) + 1
    this.#measured++
  }

  /** The time that a share of them did not exceed, in milliseconds; 0 if none was measured. */
  percentile(share: number): number {
    let left = Math.ceil(this.#measured * share)
    if (left === 0) return 0
    for (const [bucket, count] of this.#counts.entries()) {
      left -= count
      // The middle of the bucket, back on the scale of milliseconds.
      if (left <= 0) return Math.round(GROWTH ** (bucket + 0.5) - 1) / 10
    }
    return 0
  }

  clear(): void {
    this.#counts.fill(0)
    this.#measured = 0
  }
}
