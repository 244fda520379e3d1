/**
 * What may lie around a message and is no part of it: a byte order mark, the MLLP bytes (0x0B before,
 * 0x1C after), blank lines before and behind it and line endings other than CR (HL7 v2.5.1 §2.6, MLLP
 * release 1).
 *
 * A line ends in CR, LF or CRLF; 0x0B at its start and 0x1C at its end are framing; a line of nothing
 * but spaces and tabs is blank. Framing goes, and blank lines go at both ends and where they had
 * framing. A byte order mark counts before the first line only. Everything else stays as it is, blank
 * lines inside too. A message that needs a change at its ends alone is not taken apart.
 */
import { Buffer } from 'node:buffer'

const [tab, lf, startBlock, cr, endBlock, space] = [0x09, 0x0a, 0x0b, 0x0d, 0x1c, 0x20]

/**
 * The text without framing, each line ended by exactly one CR. `''` when only framing was there.
 * The same string comes back where nothing had to change.
 *
 * @param blankLines what becomes of those inside
 */
export function unframe(text: string, blankLines: 'kept' | 'dropped' = 'kept'): string {
  const codeAt = (at: number): number => text.charCodeAt(at)
  const start = startOfFirstLine(codeAt, (at) => (codeAt(at) === 0xfeff ? 1 : 0))
  const end = endOfLastLine(codeAt, start, text.length)
  if (start === end) return ''
  let lines = text.slice(start, end)
  const framed = lines.includes('\v') || lines.includes('\x1c')
  if (framed || lines.includes('\n')) {
    // Where blank lines go, most go here: a million of them costs little.
    lines = lines.replace(blankLines === 'dropped' ? /[\r\n]{2,}|\n/g : /\r?\n/g, '\r')
    if (framed) lines = unframeLines(lines)
    if (lines !== '') lines += '\r'
  } else {
    lines = text[end] === '\r' ? text.slice(start, end + 1) : `${lines}\r`
  }
  return blankLines === 'kept' ? lines : lines.replace(/(?<=\r)[ \t]*\r/g, '')
}

/** Lines that end in CR, without the framing of each. */
function unframeLines(text: string): string {
  const lines = text
    .replace(framedBlankLine, '')
    .replace(/^[ \t\r]*\r/, '')
    .replace(/(^|\r)\v+/g, '$1')
    .replace(endBlocks, '')
  return lines.slice(
    0,
    endOfLastLine((at) => lines.charCodeAt(at), 0, lines.length)
  )
}

const framedBlankLine = regExp('(^|\r)(?:\v+[ \t]*\x1c*|[ \t]*\x1c+)(?=\r|$)')
const endBlocks = regExp('(?<!\x1c)\x1c+(?=\r|$)')

/** From a text: in a literal ESLint takes control characters for a mistake. */
function regExp(source: string): RegExp {
  return new RegExp(source, 'g')
}

/**
 * As `unframe`, for the bytes of any set in which the bytes below 0x20 are ASCII's control
 * characters and nothing else: all of table 0211 but UTF-16 and UTF-32.
 *
 * Where only the ends have framing, the result shares memory with the argument; the argument is
 * never written to.
 */
export function unframeBytes(bytes: Buffer): Buffer {
  const codeAt = (at: number): number | undefined => bytes[at]
  const start = startOfFirstLine(codeAt, (at) =>
    bytes[at] === 0xef && bytes[at + 1] === 0xbb && bytes[at + 2] === 0xbf ? 3 : 0
  )
  const end = endOfLastLine(codeAt, start, bytes.length)
  const lines = bytes.subarray(start, end)
  if (start === end) return lines
  if (lines.includes(lf) || lines.includes(startBlock) || lines.includes(endBlock)) {
    return Buffer.from(unframe(lines.toString('latin1')), 'latin1')
  }
  return bytes[end] === cr ? bytes.subarray(start, end + 1) : Buffer.concat([lines, Buffer.of(cr)])
}

type CodeAt = (at: number) => number | undefined

/**
 * After byte order mark, start block and blank lines.
 *
 * @param markAt the length of the mark there; 0 where there is none
 */
function startOfFirstLine(codeAt: CodeAt, markAt: (at: number) => number): number {
  let start = 0
  for (let at = 0; ; at++) {
    const code = codeAt(at)
    const mark = markAt(at)
    if (mark > 0) at += mark - 1
    if (mark > 0 || code === startBlock || code === cr || code === lf) start = at + 1
    else if (code !== space && code !== tab) return start
  }
}

/** Before blank lines and the end block; `start` where nothing else is behind it. */
function endOfLastLine(codeAt: CodeAt, start: number, length: number): number {
  let end = length
  for (let at = length; at > start; at--) {
    const code = codeAt(at - 1)
    if (code === cr || code === lf || (code === endBlock && at === end)) end = at - 1
    else if (code !== space && code !== tab) return end
  }
  return start
}
