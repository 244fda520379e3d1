import { printable } from '../../../../src/printable.ts'
import { isHeader } from '../../../../src/hl7/segments.ts'
import type { Text } from '../times.ts'
import { namedField } from './field-name.ts'
import { linesOf, type Line } from './hl7-lines.ts'

/** More changes are counted, and no longer value is shown. */
const MOST_CHANGES = 20
const MOST_VALUE = 60

/** What differs between two texts of a message, field by field, each in a line. */
export function changesBetween(before: string, after: string, text: Text): string[] {
  const changes: string[] = []
  const old = bySegment(before)
  const renewed = bySegment(after)
  for (const [place, line] of old) {
    const other = renewed.get(place)
    if (other === undefined) {
      changes.push(text('change.removed', { place, value: shown(line.segment.text) }))
    } else changes.push(...fieldChanges(place, line, other, text))
  }
  for (const [place, line] of renewed) {
    if (!old.has(place)) {
      changes.push(text('change.added', { place, value: shown(line.segment.text) }))
    }
  }
  const more = changes.length - MOST_CHANGES
  return more <= 0
    ? changes
    : [...changes.slice(0, MOST_CHANGES), text('change.more', { count: more })]
}

/** The lines of a text by what they are called: `PID`, `OBX[2]`. */
function bySegment(message: string): Map<string, Line> {
  const counts = new Map<string, number>()
  const lines = new Map<string, Line>()
  for (const line of linesOf(message)) {
    const name = line.name === '' ? '…' : line.name
    const count = (counts.get(name) ?? 0) + 1
    counts.set(name, count)
    lines.set(count === 1 ? name : `${name}[${count}]`, line)
  }
  return lines
}

function fieldChanges(place: string, before: Line, after: Line, text: Text): string[] {
  if (before.segment.text === after.segment.text) return []
  const old = fieldsOf(before)
  const renewed = fieldsOf(after)
  const changes: string[] = []
  for (let index = 0; index < Math.max(old.length, renewed.length); index++) {
    const from = old[index] ?? ''
    const to = renewed[index] ?? ''
    if (from === to) continue
    // MSH-1 is the separator itself.
    const field = isHeader(before.name) ? index + 1 : index
    const path = `${place}-${field}`
    const values = {
      place: namedField(path, { segment: before.name, field }, text),
      before: shown(from),
      after: shown(to)
    }
    changes.push(text('change.field', values))
  }
  return changes
}

function fieldsOf({ segment }: Line): string[] {
  const { separators, text } = segment
  return separators.field === '' ? [text] : text.split(separators.field)
}

function shown(value: string): string {
  return value === '' ? '–' : printable(value, MOST_VALUE)
}
