/**
 * The one place that knows hl7-parser. It splits on CR alone, takes five separators wherever MSH ends,
 * counts the fields of MSH one off, knows no escapes, loses the order between segments of different
 * names, and needs a microsecond for each separator: with whole segments an ordinary ACK took four
 * times as long to read, and a reply of 2 MiB of MSAs held the event loop for seconds. So segments are
 * located here by scanning, fields within a segment too, and hl7-parser takes apart the single field
 * that is asked for.
 */
import hl7Parser from 'hl7-parser'
import { unescape, type Separators } from './escapes.ts'
import type { Hl7Path } from './path.ts'

/** What HL7 recommends (v2.5.1 §2.5.4): for a header with an empty MSH-2, and where there is none. */
export const defaultSeparators: Separators = {
  field: '|',
  component: '^',
  repetition: '~',
  escape: '\\',
  subcomponent: '&',
  truncation: ''
}

/**
 * How many separators of one kind are looked at in one field; what lies beyond is not seen. More than
 * any field has, and few enough that a field of nothing but separators costs milliseconds.
 */
const maxSeparators = 10_000

/** Whether a segment of this name declares separators. */
export function isHeader(name: string): boolean {
  return name === 'MSH' || name === 'FHS' || name === 'BHS'
}

/** The separators of a header segment. */
export interface HeaderSeparators extends Separators {
  /**
   * Whether the segment is a header for certain, and no prose that begins like one: `BHS-11 is
   * required`, `MSH...`. Its second field holds nothing but signs; behind a field separator other than
   * the usual one there is at least one, and none twice.
   */
  readonly certain: boolean
}

/**
 * Whether a text is HL7 that begins with a header segment, and with which separators: whatever
 * printable ASCII sign stands in MSH-1, and as many as MSH-2 has. An MSH-2 that is empty or holds a
 * letter, digit or space declares nothing: the recommended ones then count.
 *
 * @returns null when it begins with no header's name or no sign follows that
 */
export function readSeparators(text: string): HeaderSeparators | null {
  if (!isHeader(text.slice(0, 3)) || !isSign(text.charCodeAt(3))) return null
  const field = text.charAt(3)
  const found = text.indexOf(field, 4)
  const declared = text.slice(4, found === -1 ? text.length : found)
  for (let at = 0; at < declared.length; at++) {
    if (!isSign(declared.charCodeAt(at))) return { ...defaultSeparators, field, certain: false }
  }
  const certain = field === '|' || (declared !== '' && new Set(declared).size === declared.length)
  if (declared === '') return { ...defaultSeparators, field, certain }
  return {
    field,
    component: declared.charAt(0),
    repetition: declared.charAt(1),
    escape: declared.charAt(2),
    subcomponent: declared.charAt(3),
    truncation: declared.charAt(4),
    certain
  }
}

/** Printable ASCII that is no letter and no digit. */
function isSign(code: number): boolean {
  return (
    (code > 0x20 && code < 0x30) ||
    (code > 0x39 && code < 0x41) ||
    (code > 0x5a && code < 0x61) ||
    (code > 0x7a && code < 0x7f)
  )
}

/** One segment; its text is a slice of the message's, nothing is split before it is asked for. */
export class Segment {
  /** Without leading blanks and without CR. */
  readonly text: string
  readonly separators: Separators

  constructor(text: string, separators: Separators) {
    this.text = text
    this.separators = separators
  }

  get name(): string {
    return this.text.slice(0, 3)
  }

  /** A field as it stands, by HL7's number; `''` when the segment ends before it. */
  field(number: number): string {
    const { field } = this.separators
    let skip = number
    if (isHeader(this.name)) {
      if (number === 1) return field
      skip = number - 1
    }
    let start = 0
    for (; skip > 0; skip--) {
      const found = this.text.indexOf(field, start)
      if (found === -1) return ''
      start = found + 1
    }
    const end = this.text.indexOf(field, start)
    return this.text.slice(start, end === -1 ? this.text.length : end)
  }

  /** The whole field, unescaped. For text such as ERR-8, in which stray separators are seen. */
  fieldText(number: number): string {
    return unescape(this.field(number), this.separators)
  }

  /**
   * A field taken apart: repetitions of components of sub-components, still escaped. There is at least
   * one of each. MSH-1 and MSH-2 are one piece.
   */
  repetitions(number: number): string[][][] {
    const field = this.field(number)
    if (number <= 2 && isHeader(this.name)) return [[[field]]]
    return takeApart(field, this.separators)
  }

  /**
   * The values at a path's field, one for each repetition, or the one that the path names; unescaped,
   * `''` for what is absent.
   */
  values(path: Hl7Path): string[] {
    const repetitions = this.repetitions(path.field)
    if (path.repetition === undefined) return repetitions.map((one) => this.#pick(one, path))
    const one = repetitions[path.repetition - 1]
    return [one === undefined ? '' : this.#pick(one, path)]
  }

  /** The value at a path's field: of the repetition that it names, else of the first. */
  value(path: Hl7Path): string {
    const isFirst =
      (path.repetition ?? 1) === 1 &&
      (path.component ?? 1) === 1 &&
      path.subcomponent === undefined &&
      !(path.field <= 2 && isHeader(this.name))
    if (isFirst) return unescape(this.#firstComponent(path.field), this.separators)
    return this.#pick(this.repetitions(path.field)[(path.repetition ?? 1) - 1] ?? [], path)
  }

  /** What is wanted of each segment of many, and nothing is taken apart for it. */
  #firstComponent(number: number): string {
    const field = this.field(number)
    const { component, repetition } = this.separators
    const repetitionEnd = repetition === '' ? -1 : field.indexOf(repetition)
    const first = repetitionEnd === -1 ? field : field.slice(0, repetitionEnd)
    const end = first.indexOf(component)
    return end === -1 ? first : first.slice(0, end)
  }

  #pick(components: string[][], path: Hl7Path): string {
    const component = components[(path.component ?? 1) - 1] ?? []
    const text =
      path.subcomponent === undefined
        ? component.join(this.separators.subcomponent)
        : (component[path.subcomponent - 1] ?? '')
    return unescape(text, this.separators)
  }
}

function takeApart(field: string, separators: Separators): string[][][] {
  const { component, repetition, subcomponent } = separators
  if (!has(field, repetition) && !has(field, subcomponent)) {
    // Components alone: a reply of thousands of ERR would spend most of its time in the parser.
    return [field.split(component, maxSeparators + 1).map((one) => [one])]
  }
  // No field holds a CR, so as a separator it stands for "none". Only hl7-parser's reading of the
  // first segment suffers from it, and of that nothing is wanted but the separators. The sign of
  // escapes is one of those that nothing is split by.
  const none = '\r'
  const header =
    'MSH' + separators.field + component + (repetition || none) + none + (subcomponent || none)
  const capped = cap(cap(cap(field, component), repetition), subcomponent)
  const parsed = hl7Parser.parse(`${header}\rFLD${separators.field}${capped}`)
  return parsed.getSegments('FLD')?.[0]?.segment[1] ?? [[[field]]]
}

function has(text: string, separator: string): boolean {
  return separator !== '' && text.includes(separator)
}

function cap(field: string, separator: string): string {
  if (separator === '' || field.length <= maxSeparators) return field
  let end = -1
  for (let count = 0; count <= maxSeparators; count++) {
    end = field.indexOf(separator, end + 1)
    if (end === -1) return field
  }
  return field.slice(0, end)
}

/**
 * The segments of an unframed, CR-separated text. Each is read with the separators of the header
 * before it, so the messages of a batch may differ.
 */
export class Segments {
  readonly #text: string
  readonly #named = new Map<string, readonly Segment[]>()

  constructor(text: string) {
    this.#text = text
  }

  /** All segments of that name, in order. Blanks before the name are passed over. */
  named(name: string): readonly Segment[] {
    const known = this.#named.get(name)
    if (known !== undefined) return known
    const found: Segment[] = []
    this.each([name], (segment) => {
      found.push(segment)
    })
    this.#named.set(name, found)
    return found
  }

  /**
   * Shows each segment of those names, in order; nothing of it is kept.
   *
   * @param visit says `false` where it has seen enough
   */
  each(names: readonly string[], visit: (segment: Segment) => unknown): void {
    const text = this.#text
    let separators = defaultSeparators
    let start = 0
    while (start < text.length) {
      const next = text.indexOf('\r', start)
      const end = next === -1 ? text.length : next
      while (text[start] === ' ' || text[start] === '\t') start++
      const header = headerAt(text, start)
      const wanted = isOneOf(names, text, start)
      if (header || wanted) {
        const segment = text.slice(start, end)
        const declared = header ? readSeparators(segment) : null
        if (declared !== null) separators = declared
        const complete = segment.length === 3 || segment.startsWith(separators.field, 3)
        if (wanted && complete && (declared !== null || !header)) {
          if (visit(new Segment(segment, separators)) === false) return
        }
      }
      start = end + 1
    }
  }
}

function isOneOf(names: readonly string[], text: string, start: number): boolean {
  for (const name of names) if (text.startsWith(name, start)) return true
  return false
}

/** Whether a header's name stands there. Asked for each segment, so the first letter decides first. */
function headerAt(text: string, start: number): boolean {
  switch (text[start]) {
    case 'M':
      return text.startsWith('MSH', start)
    case 'F':
      return text.startsWith('FHS', start)
    case 'B':
      return text.startsWith('BHS', start)
    default:
      return false
  }
}
