/** Counters and latencies of one node since it started. */
export interface FigureValues {
  acked: number
  naked: number
  failed: number
  latencyMs: { p50: number; p95: number; p99: number }
}

/** Buckets grow by this factor: a percentile is right to within a few percent. */
const GROWTH = 1.07
const BUCKETS = 256

/** Counts outcomes and how long the receiver took, in constant space and time. */
export class Figures {
  acked = 0
  naked = 0
  failed = 0
  readonly #latencies = new Uint32Array(BUCKETS)
  #measured = 0

  /** Notes how long one attempt took, in milliseconds. */
  addLatency(ms: number): void {
    const bucket = Math.floor(Math.log(Math.max(ms, 0) * 10 + 1) / Math.log(GROWTH))
    const index = Math.min(bucket, BUCKETS - 1)
    this.#latencies[index] = (this.#latencies[index] ?? 0) + 1
    this.#measured++
  }

  values(): FigureValues {
    const { acked, naked, failed } = this
    return {
      acked,
      naked,
      failed,
      latencyMs: {
        p50: this.#percentile(0.5),
        p95: this.#percentile(0.95),
        p99: this.#percentile(0.99)
      }
    }
  }

  #percentile(share: number): number {
    if (this.#measured === 0) return 0
    let left = Math.ceil(this.#measured * share)
    for (const [bucket, count] of this.#latencies.entries()) {
      left -= count
      // The middle of the bucket, back on the scale of milliseconds.
      if (left <= 0) return Math.round(GROWTH ** (bucket + 0.5) - 1) / 10
    }
    return 0
  }
}
