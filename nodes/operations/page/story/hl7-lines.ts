import { isSegmentName } from '../../../../src/hl7/path.ts'
import {
  defaultSeparators,
  isHeader,
  readSeparators,
  Segment
} from '../../../../src/hl7/segments.ts'

/** One line of a text that is not empty. */
export interface Line {
  /** Which one it is, from 1. */
  readonly number: number
  /** Of the segment; `''` if the line is none. */
  readonly name: string
  readonly segment: Segment
}

/** What is shown of a text: a message of 50 MB must not hold up the browser. */
export interface ShownLines {
  readonly lines: readonly Line[]
  /** So many lines are not shown. */
  readonly leftOut: number
}

/** So many lines are shown. */
const MOST_LINES = 500
/** So many characters of a line, or of a part of it, are shown. */
const MOST_CHARACTERS = 2000

/**
 * The lines of a text. Each is read with the separators of the header before it, so the messages of a batch may
 * differ. A text that is not HL7 has lines too.
 */
export function* linesOf(text: string): Generator<Line> {
  // A segment ends with CR; a reply that is not HL7 has other ends of lines.
  const ends = /[\r\n]/g
  let separators = defaultSeparators
  let number = 0
  for (let start = 0; start < text.length;) {
    ends.lastIndex = start
    const end = ends.test(text) ? ends.lastIndex - 1 : text.length
    const begin = afterBlanks(text, start, end)
    if (begin < end) {
      number += 1
      const header = isHeader(text.slice(begin, begin + 3))
        ? readSeparators(text.slice(begin, end))
        : null
      separators = header ?? separators
      const name = segmentName(text, begin, end, separators.field)
      const line = text.slice(name === '' ? start : begin, end)
      yield { number, name, segment: new Segment(line, separators) }
    }
    start = end + 1
  }
}

function afterBlanks(text: string, start: number, end: number): number {
  let at = start
  while (at < end && (text[at] === ' ' || text[at] === '\t')) at += 1
  return at
}

/** `ERROR: …` is no segment. */
function segmentName(text: string, begin: number, end: number, separator: string): string {
  const name = text.slice(begin, Math.min(begin + 3, end))
  const isComplete = end - begin === 3 || text.startsWith(separator, begin + 3)
  return isComplete && isSegmentName(name) ? name : ''
}

/** The first lines of a text, and those with a number in `wanted`, wherever they are. */
export function shownLines(text: string, wanted: ReadonlySet<number>): ShownLines {
  const lines: Line[] = []
  let count = 0
  for (const line of linesOf(text)) {
    count = line.number
    if (count <= MOST_LINES || wanted.has(count)) lines.push(line)
  }
  return { lines, leftOut: count - lines.length }
}

/** A text, of which the middle is left out if it is long. */
export interface Clipped {
  readonly head: string
  /** So many characters are left out. */
  readonly leftOut: number
  readonly tail: string
}

export function clip(text: string): Clipped {
  if (text.length <= MOST_CHARACTERS) return { head: text, leftOut: 0, tail: '' }
  const half = MOST_CHARACTERS / 2
  return {
    head: text.slice(0, half),
    leftOut: text.length - MOST_CHARACTERS,
    tail: text.slice(-half)
  }
}
