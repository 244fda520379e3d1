/** Buckets grow by this factor: a percentile is right to within a few percent. */
const GROWTH = 1.07
export const BUCKETS = 256

/** The bucket in which a time is counted. */
export function bucketOf(ms: number): number {
  const bucket = Math.floor(Math.log(Math.max(ms, 0) * 10 + 1) / Math.log(GROWTH))
  return Math.min(bucket, BUCKETS - 1)
}

/**
 * The time that a share of the measured ones did not exceed, in milliseconds; 0 if none was measured.
 *
 * @param counts by bucket
 */
export function percentile(counts: Uint32Array, measured: number, share: number): number {
  let left = Math.ceil(measured * share)
  if (left === 0) return 0
  for (const [bucket, count] of counts.entries()) {
    left -= count
    // The middle of the bucket, back on the scale of milliseconds.
    if (left <= 0) return Math.round(GROWTH ** (bucket + 0.5) - 1) / 10
  }
  return 0
}
