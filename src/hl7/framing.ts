/**
 * What may lie around a message and is no part of it: a byte order mark, the MLLP bytes (0x0B before,
 * 0x1C after), blank lines before and behind it and line endings other than CR (HL7 v2.5.1 §2.6, MLLP
 * release 1).
 *
 * One rule for text and bytes: a line ends in CR, LF or CRLF; 0x0B at its start and 0x1C at its end
 * are framing; a line of nothing but spaces and tabs is blank. Framing goes, and blank lines go at both
 * ends and where they had framing. A byte order mark counts before the first line only. Everything else
 * stays as it is, blank lines inside too. The two functions differ in what they walk over, and neither
 * takes a message apart that needs no change.
 */
import { Buffer } from 'node:buffer'

const tab = 0x09
const lf = 0x0a
const startBlock = 0x0b
const cr = 0x0d
const endBlock = 0x1c
const space = 0x20
const byteOrderMark = 0xfeff

/**
 * The text without framing, each line ended by exactly one CR. `''` when only framing was there.
 * The same string comes back where nothing had to change.
 *
 * @param blankLines what becomes of those inside
 */
export function unframe(text: string, blankLines: 'kept' | 'dropped' = 'kept'): string {
  const lines = text.includes('\n') ? withCr(text, blankLines) : text
  const stop = endOfLastLine(lines.length, (at) => lines.charCodeAt(at))
  const pieces: string[] = []
  let start = startOfFirstLine(lines)
  let kept = start // where the run begins that is kept as it is
  let begun = false
  while (start < stop) {
    const found = lines.indexOf('\r', start)
    const end = found === -1 ? stop : found
    let first = start
    while (lines.charCodeAt(first) === startBlock) first++
    let last = end
    while (lines.charCodeAt(last - 1) === endBlock) last--
    const framed = first !== start || last !== end
    const blank = isBlank(lines, first, last)
    const goes = blank && (framed || !begun || blankLines === 'dropped')
    if (!blank) begun = true
    if (goes || framed || found === -1) {
      pieces.push(lines.slice(kept, start))
      if (!goes) pieces.push(lines.slice(first, last), '\r')
      kept = end + 1
    }
    start = end + 1
  }
  if (pieces.length === 0) return lines.slice(kept, stop)
  pieces.push(lines.slice(kept, stop))
  return pieces.join('')
}

/** Where blank lines go, those without a blank in them are gone here: a million of them costs little. */
function withCr(text: string, blankLines: 'kept' | 'dropped'): string {
  return blankLines === 'dropped'
    ? text.replace(/[\r\n]{2,}|\n/g, '\r')
    : text.replaceAll('\r\n', '\r').replaceAll('\n', '\r')
}

/**
 * Where the last line ends that is not blank, its CR or LF included: the rest is blank lines and
 * framing. 0 where there is no such line.
 */
function endOfLastLine(length: number, codeAt: (at: number) => number | undefined): number {
  let stop = length
  let end = length
  for (;;) {
    let start = end
    while (isBlankOrFraming(codeAt(start - 1))) start--
    const before = codeAt(start - 1)
    if (start > 0 && before !== cr && before !== lf) return stop
    let first = start
    while (first < end && codeAt(first) === startBlock) first++
    let last = end
    while (last > first && codeAt(last - 1) === endBlock) last--
    for (; first < last; first++) {
      if (codeAt(first) !== space && codeAt(first) !== tab) return stop
    }
    stop = start
    if (start === 0) return 0
    end = start - 1
  }
}

function isBlankOrFraming(code: number | undefined): boolean {
  return code === space || code === tab || code === startBlock || code === endBlock
}

/** The index of the first line, after byte order mark, start block and blank lines. */
function startOfFirstLine(text: string): number {
  let start = 0
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === byteOrderMark || code === startBlock || code === cr) start = at + 1
    else if (code !== space && code !== tab) break
  }
  return start
}

function isBlank(text: string, start: number, end: number): boolean {
  for (let at = start; at < end; at++) {
    const code = text.charCodeAt(at)
    if (code !== space && code !== tab) return false
  }
  return true
}

/**
 * As `unframe`, for the bytes of any set in which the bytes below 0x20 are ASCII's control
 * characters and nothing else: all of table 0211 but UTF-16 and UTF-32.
 *
 * Where only the ends have framing, the result shares memory with the argument; the argument is
 * never written to.
 */
export function unframeBytes(bytes: Buffer): Buffer {
  const start = startOfFirstByteLine(bytes)
  const stop = endOfLastLine(bytes.length, (at) => bytes[at])
  const change = firstChange(bytes, start, stop)
  let out: Buffer | undefined
  let length = 0
  let line = change
  let nextCr = -1
  let nextLf = -1
  let begun = change > start
  while (line < stop) {
    if (bytes[line] === lf && bytes[line - 1] === cr) {
      line++
      continue
    }
    if (nextCr < line) nextCr = indexOrEnd(bytes, cr, line)
    if (nextLf < line) nextLf = indexOrEnd(bytes, lf, line)
    const end = Math.min(nextCr, nextLf)
    let first = line
    while (bytes[first] === startBlock) first++
    let last = end
    while (bytes[last - 1] === endBlock) last--
    const framed = first !== line || last !== end
    if (!isBlankBytes(bytes, first, last) || (begun && !framed)) {
      if (out === undefined) {
        out = Buffer.allocUnsafe(stop - start + 1)
        length = bytes.copy(out, 0, start, change)
      }
      length += bytes.copy(out, length, first, last)
      out[length++] = cr
      begun = true
    }
    line = end + 1
  }
  return out === undefined ? bytes.subarray(start, change) : out.subarray(0, length)
}

/** Where the first line starts that has framing or does not end in CR alone; else the end. */
function firstChange(bytes: Buffer, start: number, stop: number): number {
  const firstLf = Math.min(indexOrEnd(bytes, lf, start), stop)
  let line = start
  while (line < firstLf) {
    const end = indexOrEnd(bytes, cr, line)
    if (end >= firstLf) return line
    if (bytes[line] === startBlock || bytes[end - 1] === endBlock) return line
    line = end + 1
  }
  return line
}

function startOfFirstByteLine(bytes: Buffer): number {
  let start = 0
  for (let at = 0; at < bytes.length; at++) {
    const code = bytes[at]
    if (code === 0xef && bytes[at + 1] === 0xbb && bytes[at + 2] === 0xbf) start = (at += 2) + 1
    else if (code === startBlock || code === cr || code === lf) start = at + 1
    else if (code !== space && code !== tab) break
  }
  return start
}

function isBlankBytes(bytes: Buffer, start: number, end: number): boolean {
  for (let at = start; at < end; at++) {
    if (bytes[at] !== space && bytes[at] !== tab) return false
  }
  return true
}

function indexOrEnd(bytes: Buffer, code: number, from: number): number {
  const index = bytes.indexOf(code, from)
  return index === -1 ? bytes.length : index
}
