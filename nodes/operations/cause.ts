/**
 * Why an attempt failed, in words: `HTTP 503`, `no ACK (200)`, `ECONNREFUSED`.
 *
 * @param cause a code, or an HTTP status
 * @param noAck the words for a 2xx status without an acknowledgement
 */
export function causeWords(cause: string, noAck: (status: string) => string): string {
  if (!/^[1-5]\d\d$/.test(cause)) return cause
  return cause.startsWith('2') ? noAck(cause) : `HTTP ${cause}`
}
