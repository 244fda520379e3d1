import { headerParameter } from './header-parameter.ts'

interface Part {
  body: Uint8Array
  contentType: string | undefined
}

/** More parts are not searched. */
const MOST_PARTS = 100

/** Parts end in CRLF, but Python's email package writes LF. */
const lineEnd = /\r?\n/
const blankLine = /\r?\n\r?\n/

/**
 * The root part of a `multipart/related` body (RFC 2387), such as the envelope of a SOAP message with attachments
 * (MTOM): that with the Content-ID that `start` names, else the first.
 *
 * @returns the body and content type of the part; of any other body, its own
 */
export function rootPart(body: Uint8Array, contentType: string | undefined): Part {
  if (!isRelated(contentType)) return { body, contentType }
  // As many characters as bytes.
  const text = Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('latin1')
  const part = rootTextPart(text, contentType)
  return part === undefined
    ? { body, contentType }
    : { body: Buffer.from(part.content, 'latin1'), contentType: header(part.head, 'content-type') }
}

/** The same of a text; undefined if it has no parts. */
export function rootTextPart(
  text: string,
  contentType: string | undefined
): { head: string; content: string } | undefined {
  if (!isRelated(contentType)) return undefined
  const boundary = headerParameter(contentType, 'boundary')
  if (boundary === undefined) return undefined
  const parts = partsOf(text, boundary)
  const start = headerParameter(contentType, 'start')
  const root = parts.find(({ head }) => start !== undefined && header(head, 'content-id') === start)
  return root ?? parts[0]
}

/** The parts of any other multipart body, such as `multipart/mixed`: any of them may be the reply. */
export function equalParts(text: string, contentType = ''): string[] {
  if (!/^\s*multipart\/(?!related\b)/i.test(contentType)) return []
  const boundary = headerParameter(contentType, 'boundary')
  const parts = boundary === undefined ? [] : partsOf(text, boundary)
  // A refusal could be among those that are not searched.
  return parts.length === MOST_PARTS ? [] : parts.map(({ content }) => content)
}

function isRelated(contentType: string | undefined): contentType is string {
  return contentType !== undefined && /^\s*multipart\/related\s*;/i.test(contentType)
}

function partsOf(text: string, boundary: string): { head: string; content: string }[] {
  const [, ...pieces] = `\n${text}`.split(`\n--${boundary}`, MOST_PARTS + 1)
  return pieces.flatMap((piece) => {
    // What goes on otherwise is the end, or the longer boundary of a multipart body in a part.
    const blank = /^[ \t]*\r?\n/.test(piece) ? blankLine.exec(piece) : null
    if (blank === null) return []
    const content = piece.slice(blank.index + blank[0].length).replace(/\r$/, '')
    return [{ head: piece.slice(0, blank.index), content }]
  })
}

/** A header of a part, which may go on in further lines that begin with blanks. */
function header(head: string, name: string): string | undefined {
  for (const line of head.replace(/\r?\n[ \t]+/g, ' ').split(lineEnd)) {
    const colon = line.indexOf(':')
    if (line.slice(0, Math.max(colon, 0)).trim().toLowerCase() === name) {
      return line.slice(colon + 1).trim()
    }
  }
  return undefined
}
