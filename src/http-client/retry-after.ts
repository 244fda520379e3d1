/** The headers of an answer that say when to retry. */
export interface RetryHeaders {
  'retry-after'?: string | undefined
  date?: string | undefined
}

/** No server may delay a message, or a token, longer than this. */
const LONGEST_MS = 3_600_000

/** For how long a server wants rest, in milliseconds, as far as that is heeded. */
export function restMs({ retryAfterMs = 0 }: { retryAfterMs?: number | undefined }): number {
  return Math.min(retryAfterMs, LONGEST_MS)
}

/**
 * Reads a Retry-After header (RFC 9110 §10.2.3): seconds or a date. A date is compared with that of
 * the answer, because this machine's clock may differ from the server's.
 *
 * @param now wall clock in milliseconds, for an answer without a date
 * @returns milliseconds from now, or `undefined` if there is no usable value
 */
export function retryAfterMs(headers: RetryHeaders, now: number): number | undefined {
  const text = headers['retry-after']?.trim() ?? ''
  // More digits are no number of seconds; fewer may be too many, but not all is heeded.
  if (/^\d{1,15}$/.test(text)) return Number(text) * 1000
  const until = httpDate(text)
  if (until === undefined) return undefined
  return Math.max(0, until - (httpDate(headers.date?.trim() ?? '') ?? now))
}

/** Date.parse accepts much that is not an HTTP date, such as a negative number. */
function httpDate(text: string): number | undefined {
  // The form of asctime names no zone: it is GMT (RFC 9110 §5.6.7).
  const zoned = / \d{4}$/.test(text) ? `${text} GMT` : text
  const date = /^[A-Za-z]{3}/.test(text) ? Date.parse(zoned) : Number.NaN
  return Number.isNaN(date) ? undefined : date
}
