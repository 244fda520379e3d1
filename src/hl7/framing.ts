/**
 * What may surround a message without being part of it: a byte order mark, the MLLP bytes (0x0B
 * before, 0x1C after), blank lines before and after it, and line endings other than CR (HL7 v2.5.1
 * §2.6, MLLP release 1).
 *
 * A line ends in CR, LF or CRLF; 0x0B at its start and 0x1C at its end are framing; a line of only
 * spaces and tabs is blank. Framing is removed; so are blank lines at both ends and those that had
 * framing. A byte order mark counts before the first line only. Everything else is kept, including
 * blank lines inside. A message that needs changes only at its ends is not split.
 */

const [tab, lf, startBlock, cr, endBlock, space] = [0x09, 0x0a, 0x0b, 0x0d, 0x1c, 0x20]

/**
 * The text without framing, each line ending in exactly one CR; `''` if there was only framing.
 * Returns the same string if nothing has to change.
 *
 * @param blankLines what happens to those inside
 */
export function unframe(text: string, blankLines: 'kept' | 'dropped' = 'kept'): string {
  const codeAt = (at: number): number => text.charCodeAt(at)
  const start = startOfFirstLine(codeAt, (at) => (codeAt(at) === 0xfeff ? 1 : 0))
  const end = endOfLastLine(codeAt, start, text.length)
  if (start === end) return ''
  let lines = text.slice(start, end)
  const framed = lines.includes('\v') || lines.includes('\x1c')
  if (framed || lines.includes('\n')) {
    // If blank lines are dropped, this drops most: a million of them cost little.
    lines = lines.replace(blankLines === 'dropped' ? /[\r\n]{2,}|\n/g : /\r?\n/g, '\r')
    if (framed) lines = unframeLines(lines)
    if (lines !== '') lines += '\r'
  } else {
    lines = text[end] === '\r' ? text.slice(start, end + 1) : `${lines}\r`
  }
  return blankLines === 'kept' ? lines : lines.replace(/(?<=\r)[ \t]*\r/g, '')
}

/** Removes the framing of each line; lines end in CR. */
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

/** From a string: oxlint rejects control characters in a literal. */
function regExp(source: string): RegExp {
  return new RegExp(source, 'g')
}

/**
 * Like `unframe`, for the bytes of any set in which bytes below 0x20 are only ASCII's control
 * characters: all of table 0211 except UTF-16.
 *
 * If only the ends have framing, the result shares memory with the argument. The argument is never
 * changed.
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
 * The position after byte order mark, start block and blank lines.
 *
 * @param markAt the length of the mark there; 0 if there is none
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

/** The position before blank lines and the end block; `start` if nothing else follows it. */
function endOfLastLine(codeAt: CodeAt, start: number, length: number): number {
  let end = length
  for (let at = length; at > start; at--) {
    const code = codeAt(at - 1)
    if (code === cr || code === lf || (code === endBlock && at === end)) end = at - 1
    else if (code !== space && code !== tab) return end
  }
  return start
}
