/**
 * Reads a Retry-After header (RFC 9110 §10.2.3): seconds or a date.
 *
 * @param now wall clock in milliseconds
 * @returns milliseconds from now, or `undefined` if there is no usable value
 */
export function retryAfterMs(header: string | undefined, now: number): number | undefined {
  const text = header?.trim() ?? ''
  if (/^\d{1,10}$/.test(text)) return Number(text) * 1000
  // Date.parse accepts much that is not an HTTP date, such as a negative number.
  const date = /^[A-Za-z]{3}/.test(text) ? Date.parse(text) : Number.NaN
  return Number.isNaN(date) ? undefined : Math.max(0, date - now)
}
