/**
 * A header field name (RFC 9110 §5.1): no character in it can break a header list or a log line.
 */
const NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/

/** Headers that the connection or the body sets; a different value breaks the request. */
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

/** Why a header cannot be sent; the key of its text in the form's locales under `problem`. */
export type HeaderProblem = 'headerName' | 'headerReserved' | 'headerContentType' | 'headerValue'

/**
 * Why a header name cannot be used; `undefined` if it can. `Connection: close` can: then no connection is kept, which
 * is what a receiver needs that closes them without saying so.
 *
 * @param value if it is always the same
 */
export function headerNameProblem(name: string, value?: string): HeaderProblem | undefined {
  if (!NAME.test(name)) return 'headerName'
  if (name.toLowerCase() === 'connection' && value?.trim().toLowerCase() === 'close') {
    return undefined
  }
  if (RESERVED.has(name.toLowerCase())) return 'headerReserved'
  return name.toLowerCase() === 'content-type' ? 'headerContentType' : undefined
}

/**
 * Why a header cannot be added to a token request: as for other headers; and the node itself
 * identifies the client and names the content type.
 */
export function tokenHeaderNameProblem(
  name: string
): Exclude<HeaderProblem, 'headerContentType'> | undefined {
  const problem = headerNameProblem(name)
  const isOurs = problem === 'headerContentType' || name.toLowerCase() === 'authorization'
  return isOurs ? 'headerReserved' : problem
}

/**
 * Why a value cannot be sent in a header; `undefined` if it can. CR, LF and NUL could end the
 * header and start another (RFC 9110 §5.5); a character above 0xFF cannot be sent as a byte.
 */
export function headerValueProblem(value: string): 'headerValue' | undefined {
  return /[^\t\x20-\x7e\x80-\xff]/.test(value) ? 'headerValue' : undefined
}
