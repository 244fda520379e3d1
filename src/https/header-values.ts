/**
 * A header field name (RFC 9110 §5.1), and no letter that a header list or a log could be broken
 * with.
 */
const NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/

/** Headers that the connection or the body sets; a second opinion on them breaks the request. */
const RESERVED = new Set([
  'connection',
  'content-length',
  'expect',
  'host',
  'keep-alive',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade'
])

/** Why a header cannot be sent; the key of its words in the form's locales under `problem`. */
export type HeaderProblem = 'headerName' | 'headerReserved' | 'headerContentType' | 'headerValue'

/** The same in the words of the log, without the name and the value. */
export const headerWords: Record<HeaderProblem, string> = {
  headerName: 'it is not a header name',
  headerReserved: 'the header is set by the connection itself',
  headerContentType: 'the content type has a field of its own, beside the format',
  headerValue: 'it holds a line break or another character that a header cannot carry'
}

/** Says why a header name cannot be used, or `undefined` for a usable name. */
export function headerNameProblem(name: string): HeaderProblem | undefined {
  if (!NAME.test(name)) return 'headerName'
  if (RESERVED.has(name.toLowerCase())) return 'headerReserved'
  return name.toLowerCase() === 'content-type' ? 'headerContentType' : undefined
}

/**
 * Says why a value cannot be sent in a header, or `undefined` for a usable value: CR, LF and NUL would
 * let it end the header and begin another (RFC 9110 §5.5); a character above 0xFF has no byte to be
 * sent as.
 */
export function headerValueProblem(value: string): HeaderProblem | undefined {
  return /[^\t\x20-\x7e\x80-\xff]/.test(value) ? 'headerValue' : undefined
}
