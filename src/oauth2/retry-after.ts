/**
 * `Retry-After` (RFC 9110 §10.2.3), seconds or a date.
 *
 * @param now wall clock in milliseconds
 * @returns milliseconds, or `undefined` where the header says nothing usable
 */
export function retryAfterMs(header: string | null, now: number): number | undefined {
  const text = header?.trim() ?? ''
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1000
  const date = Date.parse(text)
  return Number.isNaN(date) ? undefined : Math.max(0, date - now)
}
