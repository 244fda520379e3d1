const lineEnd = '\r\n'

/**
 * The root part of a `multipart/related` body (RFC 2387), such as the envelope of a SOAP message with attachments
 * (MTOM): that with the Content-ID that `start` names, else the first.
 *
 * @returns the body and content type of the part; of any other body, its own
 */
export function rootPart(
  body: Uint8Array,
  contentType: string | undefined
): { body: Uint8Array; contentType: string | undefined } {
  const whole = { body, contentType }
  if (contentType === undefined || !/^\s*multipart\/related\s*;/i.test(contentType)) return whole
  const boundary = parameter(contentType, 'boundary')
  if (boundary === undefined) return whole
  const parts = partsOf(Buffer.from(body.buffer, body.byteOffset, body.byteLength), boundary)
  const start = parameter(contentType, 'start')
  const root = parts.find(({ head }) => start !== undefined && header(head, 'content-id') === start)
  const part = root ?? parts[0]
  if (part === undefined) return whole
  return { body: part.body, contentType: header(part.head, 'content-type') }
}

/** More parts are not searched. */
const MOST_PARTS = 100

function partsOf(bytes: Buffer, boundary: string): { head: string; body: Buffer }[] {
  const delimiter = `--${boundary}`
  const parts: { head: string; body: Buffer }[] = []
  let at = bytes.indexOf(delimiter)
  while (at !== -1 && parts.length < MOST_PARTS) {
    const from = at + delimiter.length
    const next = bytes.indexOf(lineEnd + delimiter, from)
    const blank = bytes.indexOf(lineEnd + lineEnd, from)
    const end = next === -1 ? bytes.length : next
    if (blank === -1 || blank > end) break
    parts.push({
      head: bytes.toString('latin1', from, blank),
      body: bytes.subarray(blank + 2 * lineEnd.length, end)
    })
    at = next === -1 ? -1 : next + lineEnd.length
  }
  return parts
}

/** A parameter of a header, quoted or not. */
function parameter(value: string, name: string): string | undefined {
  for (const [, found = '', quoted, token] of value.matchAll(
    /;\s*([\w-]+)\s*=\s*(?:"([^"]*)"|([^\s;"]*))/g
  )) {
    if (found.toLowerCase() === name) return quoted ?? token
  }
  return undefined
}

function header(head: string, name: string): string | undefined {
  for (const line of head.split(lineEnd)) {
    const colon = line.indexOf(':')
    if (line.slice(0, Math.max(colon, 0)).trim().toLowerCase() === name) {
      return line.slice(colon + 1).trim()
    }
  }
  return undefined
}
