/**
 * What of a message may be seen when somebody hands it to the support of a receiver; all else is masked. A list of what
 * names somebody would never be complete: each field that it forgets would be handed out.
 */
import { ERROR_CODES } from './error-codes.ts'
import type { Separators } from './escapes.ts'
import { isSegmentName } from './path.ts'
import { defaultSeparators, isHeader, readSeparators } from './segments.ts'

/** What may be seen of a field. */
export type Sight =
  | 'separators'
  /** As it is, unless it is long, or more than a line. */
  | 'all'
  /** A number of at most four digits. */
  | 'setId'
  | 'acknowledgementCode'
  | 'severity'
  /** A segment with numbers, and in ERR-1 a code. */
  | 'place'
  /** A code with its coding system, not its text. */
  | 'code'
  /** The same, and a code of table 0357 without one. */
  | 'errorCode'
  /** The same, and one letter without one, as in table 0004. */
  | 'class'

/** The one place that says so. The name of each segment may be seen, too. */
export const SEEN: Readonly<Record<string, Readonly<Record<number, Sight>>>> = {
  MSH: {
    1: 'separators',
    2: 'separators',
    // Time, type, control ID, processing ID and version.
    7: 'all',
    9: 'all',
    10: 'all',
    11: 'all',
    12: 'all',
    // Which acknowledgements are wanted, country, character set.
    15: 'all',
    16: 'all',
    17: 'all',
    18: 'all'
  },
  MSA: { 1: 'acknowledgementCode', 2: 'all' },
  // Not ERR-7, ERR-8 nor ERR-3.9: words, which may quote the message.
  ERR: { 1: 'place', 2: 'place', 3: 'errorCode', 4: 'severity', 5: 'errorCode' },
  PID: { 1: 'setId' },
  PV1: { 1: 'setId', 2: 'class' },
  NK1: { 1: 'setId' },
  OBR: { 1: 'setId', 4: 'code' },
  OBX: { 1: 'setId', 3: 'code' },
  NTE: { 1: 'setId' },
  DG1: { 1: 'setId' },
  AL1: { 1: 'setId' },
  IN1: { 1: 'setId' },
  GT1: { 1: 'setId' },
  RXA: { 5: 'code' }
}

/** Stands for each value. */
const MASK = 'X'
/** Begins what stands for a date, so that it can be read as one. */
const MASK_DAY = '19000101'
/** From the day on; a year or a month alone could be any number. */
const DATE =
  /^(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?:([01]\d|2[0-3])([0-5]\d)?([0-5]\d(?:\.\d{1,4})?)?)?([+-]\d{4})?$/

/** Behind it, nothing may be seen in any segment. */
const LAST_SEEN = 18
/** A longer field has its parts masked alike. */
const LONG_FIELD = 10_000
/** What may be seen as it is, is a line that is no longer than a control ID can be. */
const LINE = /^[^\p{C}]{1,199}$/u
const SET_ID = /^\d{1,4}$/
/** The fourth component of ERR-1 is a code. */
const [PLACE_NUMBERS, PLACE_CODE] = [3, 4]
/** A longer number is no place. */
const PLACE_NUMBER = /^\d{1,4}$/
const CODE = /^[\w.-]{1,20}$/
/** Where a code stands in a field: its text follows, and its coding system. */
const CODE_PLACES = [0, 3, 9]
/** How coding systems are called (table 0396): only of these it is certain that they are no names. */
const CODING_SYSTEM =
  /^(?:HL7\d{1,4}|99\w{0,10}|L|LN|LOINC|SCT2?|SNM3?|I9C?|I9CDX|I10[CGP]?|ICD10\w{0,4}|ICDO3?|C4|C5|CPT[45M]?|HPC|CVX|MVX|NDC|RXNORM|ATC|UCUM|DCM|MDC|UB92|ISO\+?|NCIT|PLT|W[124]|OPS)$/

/** Masks the segments of a text one after the other, with the separators of the header before each. */
export class Masking {
  #separators: Separators = defaultSeparators
  #values = valuesBetween(defaultSeparators)

  /** @param segment without CR */
  masked(segment: string): string {
    const start = segment.search(/\S/)
    if (start === -1) return segment
    return segment.slice(0, start) + this.#segment(segment.slice(start))
  }

  #segment(text: string): string {
    const name = text.slice(0, 3)
    const known = name.toUpperCase()
    const declared = readSeparators(text)
    if (declared?.certain === true) {
      this.#separators = declared
      this.#values = valuesBetween(declared)
    }
    const { field } = this.#separators
    const isSegment = isSegmentName(name) || Object.hasOwn(SEEN, known)
    // A line of a text that was broken into lines: nobody knows what it says, nor whether its first word is a name.
    if (!isSegment || !text.startsWith(field, name.length)) return MASK
    const [, ...fields] = partsOf(text, field, LAST_SEEN)
    const seen = SEEN[known]
    // MSH-1 is the separator itself.
    const first = isHeader(known) ? 2 : 1
    const shown = fields.map((value, index) => {
      const sight = seen?.[index + first]
      return sight === undefined ? this.#value(value) : this.#seen(value, sight)
    })
    return [name, ...shown].join(field)
  }

  #seen(field: string, sight: Sight): string {
    if (field.length > LONG_FIELD) return this.#value(field)
    switch (sight) {
      case 'separators':
        return /[\p{L}\p{N}\p{C}\p{Z}]/u.test(field) ? this.#value(field) : field
      case 'all':
        return this.#ifFits(field, LINE)
      case 'setId':
        return this.#ifFits(field, SET_ID)
      case 'acknowledgementCode':
        return this.#ifFits(field, /^[A-Z]{2}$/)
      case 'severity':
        return this.#ifFits(field, /^[A-Z]$/)
      case 'place':
        return this.#byRepetition(field, (one) => this.#place(one))
      case 'code':
      case 'errorCode':
      case 'class':
        return this.#byRepetition(field, (one) => {
          return this.#code(one, this.#separators.component, sight)
        })
    }
  }

  #ifFits(value: string, shape: RegExp): string {
    return shape.test(value) ? value : this.#value(value)
  }

  /** Each value of a field, or of a part of one; not where it is to be deleted (`""`). */
  #value(field: string): string {
    return field.replace(this.#values, (value, escape: string | undefined) => {
      if (escape !== undefined || value === '""') return value
      return DATE.test(value) ? maskedDate(value) : MASK
    })
  }

  #code(text: string, separator: string, sight: 'code' | 'errorCode' | 'class'): string {
    const parts = separatedBy(text, separator)
    const seen = new Set<number>()
    for (const place of CODE_PLACES) {
      const [code = '', , system = ''] = parts.slice(place)
      const isNamed = CODING_SYSTEM.test(system)
      if (isNamed) seen.add(place + 2)
      if (isNamed ? CODE.test(code) : place === 0 && isKnown(code, sight)) seen.add(place)
    }
    return parts.map((part, index) => (seen.has(index) ? part : this.#value(part))).join(separator)
  }

  /** If it begins with anything but a segment, it is no place. */
  #place(text: string): string {
    const { component, subcomponent } = this.#separators
    const parts = separatedBy(text, component)
    const [segment = '', ...numbers] = parts
    const isPlace =
      (segment === '' || isSegmentName(segment)) &&
      numbers.slice(0, PLACE_NUMBERS - 1).every((part) => part === '' || PLACE_NUMBER.test(part))
    if (!isPlace) return this.#value(text)
    const shown = parts.map((part, index) => {
      if (index < PLACE_NUMBERS || PLACE_NUMBER.test(part)) return part
      const isCode = index === PLACE_CODE - 1
      return isCode ? this.#code(part, subcomponent, 'errorCode') : this.#value(part)
    })
    return shown.join(component)
  }

  #byRepetition(field: string, mask: (repetition: string) => string): string {
    const { repetition } = this.#separators
    return separatedBy(field, repetition).map(mask).join(repetition)
  }
}

/** A code whose table the field itself says. */
function isKnown(code: string, sight: 'code' | 'errorCode' | 'class'): boolean {
  if (sight === 'errorCode') return ERROR_CODES.has(code)
  return sight === 'class' && /^[A-Z]$/.test(code)
}

/** As long, and as precise. */
function maskedDate(date: string): string {
  return MASK_DAY + date.slice(MASK_DAY.length).replace(/\d/g, '0')
}

/** The whole, if there is no such separator. */
function separatedBy(text: string, separator: string): string[] {
  return separator === '' ? [text] : text.split(separator)
}

/** @param most so many parts at most, and behind them the rest as one */
function partsOf(text: string, separator: string, most: number): string[] {
  const parts: string[] = []
  let start = 0
  while (parts.length < most) {
    const end = text.indexOf(separator, start)
    if (end === -1) break
    parts.push(text.slice(start, end))
    start = end + separator.length
  }
  return [...parts, text.slice(start)]
}

/**
 * Each run of characters that are no separators. Escape sequences that stand for separators, for emphasis or for a new
 * line say nothing of anybody: they are found apart, so that one sees where text was escaped.
 */
function valuesBetween(separators: Separators): RegExp {
  const { component, escape, field, repetition, subcomponent } = separators
  const signs = [field, component, repetition, subcomponent].map(literal).join('')
  const sign = literal(escape)
  const kept = escape === '' ? '(?!)' : `${sign}(?:[FSTREPHN]|\\.br)${sign}`
  return new RegExp(`(${kept})|(?:(?!${kept})[^${signs}])+`, 'g')
}

/** In a regular expression, also between brackets. */
function literal(sign: string): string {
  return sign.replace(/[^A-Za-z\d]/g, String.raw`\$&`)
}
