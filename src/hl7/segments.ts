/**
 * The only file that uses hl7-parser, which splits on CR alone, reads five separators wherever MSH-2
 * ends, is off by one in the field numbers of MSH, does not resolve escapes, loses the order of
 * segments with different names, and needs a microsecond per separator: with whole segments, an
 * ordinary ACK took four times as long to read, and 2 MiB of MSAs blocked the event loop for
 * seconds. So segments and their fields are located here by scanning, and hl7-parser only takes
 * apart a field with repetitions and sub-components, such as ERR-2.
 */
import hl7Parser from 'hl7-parser'
import { unescape, type Separators } from './escapes.ts'
import type { Hl7Path } from './path.ts'
import { unpadded } from './unpadded.ts'

/**
 * What HL7 recommends (v2.5.1 §2.5.4), for a header with an empty MSH-2 and for text without a
 * header.
 */
export const defaultSeparators: Separators = {
  field: '|',
  component: '^',
  repetition: '~',
  escape: '\\',
  subcomponent: '&',
  truncation: ''
}

/** Whether a segment of this name declares separators. */
export function isHeader(name: string): boolean {
  return name === 'MSH' || name === 'FHS' || name === 'BHS'
}

/** The separators of a header segment. */
export interface HeaderSeparators extends Separators {
  /**
   * Whether the segment is certainly a header, not prose that starts like one: `BHS-11 is
   * required`, `MSH...`. Its second field contains only signs; after an unusual field separator, it
   * has at least one, and none twice.
   */
  readonly certain: boolean
}

/** Printable ASCII other than letters, digits and the space. */
const signs = /^[!-/:-@[-`{-~]+$/

/**
 * The separators of a text that starts with a header segment: any printable ASCII sign in MSH-1,
 * and as many as MSH-2 has. An MSH-2 that is empty or contains a letter, digit or space declares
 * nothing: then the recommended ones apply.
 *
 * @returns null if the text does not start with a header's name and a sign
 */
export function readSeparators(text: string): HeaderSeparators | null {
  const field = text.charAt(3)
  if (!isHeader(text.slice(0, 3)) || !signs.test(field)) return null
  const found = text.indexOf(field, 4)
  const declared = text.slice(4, found === -1 ? text.length : found)
  if (declared !== '' && !signs.test(declared)) {
    return { ...defaultSeparators, field, certain: false }
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

/** One segment. Its text is a slice of the message's; nothing is split until it is asked for. */
export class Segment {
  /** Without leading blanks and CR. */
  readonly text: string
  readonly separators: Separators

  constructor(text: string, separators: Separators) {
    this.text = text
    this.separators = separators
  }

  get name(): string {
    return this.text.slice(0, 3)
  }

  /** A field as sent, by its HL7 number; `''` if the segment ends before it. */
  field(number: number): string {
    const { field } = this.separators
    if (!isHeader(this.name)) return piece(this.text, field, number + 1)
    return number === 1 ? field : piece(this.text, field, number)
  }

  /** The whole field, unescaped. For text such as ERR-8, which may contain stray separators. */
  fieldText(number: number): string {
    return unescape(this.field(number), this.separators)
  }

  /** The same as it is compared. */
  bareText(number: number): string {
    return unpadded(this.fieldText(number))
  }

  /**
   * A field split into repetitions of components of sub-components, still escaped, at least one of
   * each. MSH-1 and MSH-2 are not split.
   */
  repetitions(number: number): string[][][] {
    const field = this.field(number)
    if (number <= 2 && isHeader(this.name)) return [[[field]]]
    return takeApart(field, this.separators)
  }

  /**
   * The values at a path's field, one for each repetition, or the one that the path names; unescaped,
   * `''` if absent. The field is only scanned: these are read from many segments.
   *
   * @param most no more than these are read
   */
  values(path: Hl7Path, most?: number): string[] {
    const isWhole = path.field <= 2 && isHeader(this.name)
    const { component, repetition, subcomponent } = isWhole ? noSeparators : this.separators
    const field = this.field(path.field)
    const repetitions =
      path.repetition !== undefined
        ? [piece(field, repetition, path.repetition)]
        : repetition === ''
          ? [field]
          : field.split(repetition, most)
    return repetitions.map((one) => {
      const whole = piece(one, component, path.component ?? 1)
      const value =
        path.subcomponent === undefined ? whole : piece(whole, subcomponent, path.subcomponent)
      return unescape(value, this.separators)
    })
  }

  /** The value at a path's field: in the repetition that it names, else in the first. */
  value(path: Hl7Path): string {
    const [value = ''] = this.values({ ...path, repetition: path.repetition ?? 1 })
    return value
  }

  /** The same as it is compared. */
  bareValue(path: Hl7Path): string {
    return unpadded(this.value(path))
  }
}

/** Of a field that is not split. */
const noSeparators = { component: '', repetition: '', subcomponent: '' }

/**
 * One piece of a text, by its number from 1; `''` if there are fewer. Without a separator, the first
 * is the whole text.
 */
function piece(text: string, separator: string, number: number): string {
  if (separator === '') return number === 1 ? text : ''
  let start = 0
  for (let before = 1; before < number; before++) {
    const found = text.indexOf(separator, start)
    if (found === -1) return ''
    start = found + 1
  }
  const end = text.indexOf(separator, start)
  return end === -1 ? text.slice(start) : text.slice(start, end)
}

/**
 * The most separators of a field that is split; one with more is kept whole. No real field has as
 * many, and hl7-parser would take seconds for the field of a 2 MiB reply.
 */
const maxSeparators = 10_000

function takeApart(field: string, separators: Separators): string[][][] {
  const { component, repetition, subcomponent } = separators
  if (field.length > maxSeparators) {
    const found = count(component, field) + count(repetition, field) + count(subcomponent, field)
    if (found > maxSeparators) return [[[field]]]
  }
  if (!has(repetition, field) && !has(subcomponent, field)) {
    // Only components: a reply with thousands of ERRs would spend most of its time in the parser.
    return [field.split(component).map((one) => [one])]
  }
  // An unframed text contains no LF, so as a separator it means "none". Nothing is split by the
  // escape character, so that is "none" too.
  const none = '\n'
  const header = `MSH${separators.field}${component}${repetition}${none}${subcomponent || none}`
  // In a segment of its own: a header without MSH-2, such as `MSH~`, may have two equal separators.
  const parsed = hl7Parser.parse(`${header}\rFLD${separators.field}${field}`)
  return parsed.getSegments('FLD')?.[0]?.segment[1] ?? [[[field]]]
}

/** One that MSH-2 omits is in no field. */
function has(separator: string, field: string): boolean {
  return separator !== '' && field.includes(separator)
}

/** How often it is in the field, as far as that matters. */
function count(separator: string, field: string): number {
  return separator === '' ? 0 : field.split(separator, maxSeparators + 2).length - 1
}

/**
 * The segments of an unframed, CR-separated text. Each is read with the separators of the header
 * before it, so the messages of a batch may differ.
 */
export class Segments {
  readonly text: string
  readonly #named = new Map<string, readonly Segment[]>()

  constructor(text: string) {
    this.text = text
  }

  /** The first segment with that name. */
  first(name: string): Segment | undefined {
    let first: Segment | undefined
    this.each([name], (segment) => {
      first = segment
      return false
    })
    return first
  }

  /** All segments with that name, in order. Blanks before the name are skipped. */
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
   * The values at a path, in order: of all its segments and repetitions, unless it names one; unescaped,
   * `''` if absent.
   *
   * @param most no more than these are read
   */
  values(path: Hl7Path, most: number): string[] {
    const { occurrence } = path
    const named = this.named(path.segment)
    const segments = occurrence === undefined ? named : named.slice(occurrence - 1, occurrence)
    const values: string[] = []
    for (const segment of segments) {
      values.push(...segment.values(path, most - values.length))
      if (values.length === most) break
    }
    return values
  }

  /**
   * Visits each segment with one of the names, in order, and keeps none.
   *
   * @param visit returns `false` to stop
   */
  each(names: readonly string[], visit: (segment: Segment) => unknown): void {
    const { text } = this
    let separators = defaultSeparators
    let start = 0
    while (start < text.length) {
      const next = text.indexOf('\r', start)
      const end = next === -1 ? text.length : next
      while (text[start] === ' ' || text[start] === '\t') start++
      const name = text.slice(start, start + 3)
      const header = isHeader(name)
      const wanted = names.includes(name)
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
