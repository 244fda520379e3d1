/** A time of the wall clock, in milliseconds, as ISO 8601. */
export function iso(ms: number): string
/** The same; null if it is not known. */
export function iso(ms: number | undefined): string | null
export function iso(ms: number | undefined): string | null {
  return ms === undefined ? null : new Date(ms).toISOString()
}
