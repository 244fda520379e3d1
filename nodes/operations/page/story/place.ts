import { isHeader, type Segment } from '../../../../src/hl7/segments.ts'
import { linesOf, type Line } from './hl7-lines.ts'

/** A place in a message, as an acknowledgement names it; counted from 1, and undefined where it names none. */
export interface MessageLocation {
  readonly segment: string
  readonly occurrence: number | undefined
  readonly field: number | undefined
  readonly repetition: number | undefined
  readonly component: number | undefined
  readonly subcomponent: number | undefined
}

/** Where a place is in a text. */
export interface FoundPlace {
  /** The number of the line in the text, from 1. */
  readonly line: number
  /** In the text of the segment; both are the same where nothing is. */
  readonly start: number
  readonly end: number
}

const LOCATION =
  /^([A-Z][A-Z\d]{2})(?:\[(\d{1,6})\])?(?:-(\d{1,6}))?(?:\((\d{1,6})\))?(?:\.(\d{1,6}))?(?:\.(\d{1,6}))?$/

/**
 * The places in `AcknowledgementError.location`, which may be several: `PID[1]-3(1).2, PV1`. What is no place is
 * left out. A 0 names nothing: some receivers send it for "all" or "the first".
 */
export function placesIn(location: string): MessageLocation[] {
  return location.split(', ').flatMap((one) => {
    const [, segment, ...digits] = LOCATION.exec(one) ?? []
    if (segment === undefined) return []
    const numbers = digits.map((part?: string) => Number(part ?? 0) || undefined)
    const [occurrence, field, repetition, component, subcomponent] = numbers
    return [{ segment, occurrence, field, repetition, component, subcomponent }]
  })
}

/** `PID-3`, `OBX[2]-5(3).1`: without the 1 of what is usually there once. */
export function placeName(place: MessageLocation): string {
  const { segment, occurrence = 1, field, repetition = 1, component, subcomponent } = place
  return [
    segment,
    occurrence > 1 ? `[${occurrence}]` : '',
    field === undefined ? '' : `-${field}`,
    repetition > 1 ? `(${repetition})` : '',
    component === undefined ? '' : `.${component}`,
    subcomponent === undefined ? '' : `.${subcomponent}`
  ].join('')
}

/**
 * The place at a character of a line, as far as its separators divide it.
 *
 * @param at where it is in the text of the segment
 */
export function placeAt(message: string, line: Line, at: number): MessageLocation & FoundPlace {
  const { name, number, segment } = line
  const { separators, text } = segment
  let occurrence = 0
  for (const other of linesOf(message)) {
    if (other.name === 'MSH') occurrence = 0
    if (other.name === name) occurrence += 1
    if (other.number === number) break
  }
  const fields = text.slice(0, at).split(separators.field).length - 1
  const field = fields === 0 ? undefined : isHeader(name) ? fields + 1 : fields
  const place = { segment: name, occurrence, field, ...NO_PART }
  if (field === undefined || (isHeader(name) && field <= 2)) {
    return { ...place, line: number, ...rangeIn(segment, place) }
  }
  // Only what is divided is named by the number of its part.
  let range = rangeIn(segment, place)
  const numberOf = (separator: string): number | undefined => {
    if (separator === '' || !text.slice(range.start, range.end).includes(separator)) {
      return undefined
    }
    const found = text.slice(range.start, at).split(separator).length
    range = part(text, range, separator, found)
    return found
  }
  const repetition = numberOf(separators.repetition)
  const component = numberOf(separators.component)
  const subcomponent = numberOf(separators.subcomponent)
  return { ...place, repetition, component, subcomponent, line: number, ...range }
}
const NO_PART = { repetition: undefined, component: undefined, subcomponent: undefined } as const

/** A place, and in which message it is meant to be. */
export interface WantedPlace {
  readonly place: MessageLocation
  /** MSA-2. */
  readonly controlId: string
}

/**
 * Finds places in a text, all in one go: it can be large. In a batch, a place is looked for in the message with its
 * control ID; if none has it, the whole text counts as one message.
 *
 * @returns undefined for each whose segment is not there
 */
export function findPlaces(
  text: string,
  wanted: readonly WantedPlace[]
): (FoundPlace | undefined)[] {
  const all = wanted.map((one) => new Search(one))
  const bySegment = new Map<string, Search[]>()
  for (const search of all) {
    bySegment.set(search.name, [...(bySegment.get(search.name) ?? []), search])
  }
  for (const line of linesOf(text)) {
    if (line.name === 'MSH') {
      const controlId = line.segment.bareText(10)
      for (const search of all) search.enterMessage(controlId)
    }
    for (const search of bySegment.get(line.name) ?? []) search.look(line)
  }
  return all.map(({ found }) => found)
}

/** Looks for one place. */
class Search {
  readonly #wanted: WantedPlace
  #isOurs = false
  /** Some message of the text has the control ID. */
  #isNamed = false
  #seen = 0
  #seenInOurs = 0
  #anywhere: FoundPlace | undefined
  #inOurs: FoundPlace | undefined

  constructor(wanted: WantedPlace) {
    this.#wanted = wanted
  }

  get name(): string {
    return this.#wanted.place.segment
  }

  get found(): FoundPlace | undefined {
    return this.#isNamed ? this.#inOurs : this.#anywhere
  }

  enterMessage(controlId: string): void {
    this.#isOurs = controlId === this.#wanted.controlId
    this.#isNamed ||= this.#isOurs
  }

  /** A segment of this name. */
  look({ number, segment }: Line): void {
    const { place } = this.#wanted
    const { occurrence = 1 } = place
    this.#seen += 1
    if (this.#isOurs) this.#seenInOurs += 1
    const isFirst = this.#seen === occurrence
    const isFirstInOurs = this.#isOurs && this.#seenInOurs === occurrence
    if (!isFirst && !isFirstInOurs) return
    const found = { line: number, ...rangeIn(segment, place) }
    if (isFirst) this.#anywhere = found
    if (isFirstInOurs) this.#inOurs = found
  }
}

interface Range {
  readonly start: number
  readonly end: number
}

/** The part of a segment that a place names: empty, at the end of what is there, if that is too short. */
function rangeIn(segment: Segment, place: MessageLocation): Range {
  const { text, separators } = segment
  const { field, component, subcomponent } = place
  if (field === undefined) return { start: 0, end: text.length }
  if (isHeader(segment.name) && field === 1) return { start: 3, end: 4 }
  // MSH-1 is the separator itself, so that MSH-2 follows the first one.
  const parts = isHeader(segment.name) ? field : field + 1
  let range = part(text, { start: 0, end: text.length }, separators.field, parts)
  // What MSH-2 has are no separators, but their names.
  if (isHeader(segment.name) && field === 2) return range
  const isInside = component !== undefined || subcomponent !== undefined
  const inner = [
    [separators.repetition, place.repetition ?? (isInside ? 1 : undefined)],
    [separators.component, component ?? (subcomponent === undefined ? undefined : 1)],
    [separators.subcomponent, subcomponent]
  ] as const
  for (const [separator, number] of inner) {
    if (number !== undefined) range = part(text, range, separator, number)
  }
  return range
}

/** One of the parts between separators, from 1. */
function part(text: string, within: Range, separator: string, number: number): Range {
  let { start } = within
  const endOf = (from: number): number => {
    const found = separator === '' ? -1 : text.indexOf(separator, from)
    return found === -1 ? within.end : Math.min(found, within.end)
  }
  for (let at = 1; at < number; at++) {
    const end = endOf(start)
    if (end === within.end) return { start: end, end }
    start = end + 1
  }
  return { start, end: endOf(start) }
}
