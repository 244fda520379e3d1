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

/**
 * Says why a header name cannot be used.
 *
 * @returns the reason in words, or `undefined` for a usable name
 */
export function headerNameProblem(name: string): string | undefined {
  if (!NAME.test(name)) return `"${printable(name)}" is not a header name`
  if (RESERVED.has(name.toLowerCase())) return `the header ${name} is set by the connection itself`
  if (name.toLowerCase() === 'content-type') {
    return 'the content type has a field of its own, beside the format'
  }
  return undefined
}

/**
 * Says why a value cannot be sent in a header: CR, LF and NUL would let it end the header and begin
 * another (RFC 9110 §5.5); a character above 0xFF has no byte to be sent as.
 *
 * @returns the reason in words, without the value, or `undefined` for a usable value
 */
export function headerValueProblem(value: string): string | undefined {
  for (let index = 0; index < value.length; index++) {
    const unit = value.charCodeAt(index)
    if (unit === 0x0d || unit === 0x0a || unit === 0) return 'it holds a line break or NUL'
    if ((unit < 0x20 && unit !== 0x09) || unit === 0x7f) return 'it holds a control character'
    if (unit > 0xff) return 'it holds a character that a header cannot carry'
  }
  return undefined
}

function printable(text: string): string {
  return text.slice(0, 60).replace(/[^ -~]/g, '?')
}
