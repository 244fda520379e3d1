import { typeParameter } from '../http-client/http-header-parameter.ts'

/** A part of a multipart body, or a body that has none. */
export interface Part<Body = Uint8Array> {
  body: Body
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
  const part = rootTextPart(latin1(body), contentType)
  return part === undefined ? { body, contentType } : inBytes(part)
}

/** The same of a text; undefined if it has no parts. */
export function rootTextPart(
  text: string,
  contentType: string | undefined
): Part<string> | undefined {
  if (!isRelated(contentType)) return undefined
  const boundary = typeParameter(contentType, 'boundary')
  if (boundary === undefined) return undefined
  const parts = partsOf(text, boundary) ?? []
  const start = typeParameter(contentType, 'start')
  const root = parts.find(({ head }) => start !== undefined && header(head, 'content-id') === start)
  return root ?? parts[0]
}

/**
 * The parts of any other multipart body, such as `multipart/mixed`: any of them may be the reply.
 *
 * @returns null if there are more than are searched: a refusal could be among the others
 */
export function equalParts(body: Uint8Array, contentType: string | undefined): Part[] | null {
  if (!isOfEqualParts(contentType)) return []
  return equalTextParts(latin1(body), contentType)?.map(inBytes) ?? null
}

/** The same of a text. */
export function equalTextParts(
  text: string,
  contentType: string | undefined
): Part<string>[] | null {
  if (!isOfEqualParts(contentType)) return []
  const boundary = typeParameter(contentType, 'boundary')
  return boundary === undefined ? [] : (partsOf(text, boundary) ?? null)
}

/** As many characters as bytes. */
function latin1(body: Uint8Array): string {
  return Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('latin1')
}

function inBytes({ body, contentType }: Part<string>): Part {
  return { body: Buffer.from(body, 'latin1'), contentType }
}

function isOfEqualParts(contentType: string | undefined): contentType is string {
  return contentType !== undefined && /^\s*multipart\/(?!related\b)/i.test(contentType)
}

function isRelated(contentType: string | undefined): contentType is string {
  return contentType !== undefined && /^\s*multipart\/related\s*;/i.test(contentType)
}

/** @returns undefined if there are more than are searched, empty ones and the end included */
function partsOf(text: string, boundary: string): (Part<string> & { head: string })[] | undefined {
  const [, ...pieces] = `\n${text}`.split(`\n--${boundary}`, MOST_PARTS + 2)
  if (pieces.length > MOST_PARTS) return undefined
  return pieces.flatMap((piece) => {
    // What goes on otherwise is the end, or the longer boundary of a multipart body in a part.
    const blank = /^[ \t]*\r?\n/.test(piece) ? blankLine.exec(piece) : null
    if (blank === null) return []
    const head = piece.slice(0, blank.index)
    const body = piece.slice(blank.index + blank[0].length).replace(/\r$/, '')
    return [{ head, body, contentType: header(head, 'content-type') }]
  })
}

/** A header of a part, which may go on in further lines that begin with blanks (RFC 5322 §2.2.3). */
function header(head: string, name: string): string | undefined {
  for (const line of head.replace(/\r?\n(?=[ \t])/g, '').split(lineEnd)) {
    const colon = line.indexOf(':')
    if (line.slice(0, Math.max(colon, 0)).trim().toLowerCase() === name) {
      return line.slice(colon + 1).trim()
    }
  }
  return undefined
}
