/**
 * What of a message says who somebody is, and how it is masked before somebody hands messages to the support of a
 * receiver.
 */
import type { Separators } from './escapes.ts'
import { defaultSeparators, isHeader, readSeparators } from './segments.ts'

/** What is masked of a segment: all fields but some, or only some. */
interface MaskedSegment {
  fields: { allBut: readonly number[] } | { only: readonly number[] }
  /** Of these, the components 4 to 6 stay: who gave the number, and what kind it is. */
  ids?: readonly number[]
  dates?: readonly number[]
}

/**
 * The one place that says so. Names of staff, order numbers, diagnoses and coded or numeric results are not masked: see
 * docs/operations.md, which has this table.
 */
export const MASKED: Readonly<Record<string, MaskedSegment>> = {
  // May hold what the sender logs in with.
  MSH: { fields: { only: [8] } },
  // But set ID, sex, language, marital status, multiple births, death and reliability, when and where it was changed.
  PID: {
    fields: { allBut: [1, 8, 15, 16, 24, 25, 30, 31, 32, 33, 34] },
    ids: [2, 3, 4, 18, 21],
    dates: [7, 29]
  },
  MRG: { fields: { allBut: [] }, ids: [1, 2, 3, 4, 5, 6] },
  // But set ID, relationship and role, from when to when, and sex.
  NK1: { fields: { allBut: [1, 3, 7, 8, 9, 15] }, ids: [12, 33], dates: [16] },
  // But set ID, sex, type, relationship, from when to when, and priority.
  GT1: { fields: { allBut: [1, 9, 10, 11, 13, 14, 15] }, ids: [2, 29], dates: [8] },
  // But set ID, plan and company, from when to when, type of plan, relationship, and sex.
  IN1: { fields: { allBut: [1, 2, 3, 4, 12, 13, 15, 17, 43] }, ids: [49], dates: [18] },
  IN2: { fields: { allBut: [] } },
  IN3: { fields: { allBut: [1] } },
  // The numbers of the visit.
  PV1: { fields: { only: [5, 19, 50] }, ids: [5, 19, 50] },
  PV2: { fields: { only: [12] } },
  // Where an accident happened, what, and who brought the patient.
  ACC: { fields: { only: [3, 8, 9, 11] } },
  // Clinical information in somebody's own words.
  OBR: { fields: { only: [13] } },
  NTE: { fields: { only: [3] } },
  DSP: { fields: { only: [3] } },
  // Name of the file and title of a document.
  TXA: { fields: { only: [16, 25] } },
  // What a query asks for.
  QPD: { fields: { allBut: [1, 2] } },
  QRD: { fields: { only: [8] } },
  QRF: { fields: { only: [5] } },
  // What a receiver quotes.
  MSA: { fields: { only: [3] } },
  ERR: { fields: { only: [1, 6, 7, 8, 9] } },
  // Unless OBX-2 says that it is a number or a code.
  OBX: { fields: { only: [5] } }
}

/** Nobody knows what is in a segment of the sender's own. */
const OWN_SEGMENT: MaskedSegment = { fields: { allBut: [] } }

/** The types of OBX-2 whose values stay. */
export const KEPT_RESULTS: ReadonlySet<string> = new Set(
  'NM SN NA MO SI CE CF CNE CWE ID IS DT TM TS DTM DR'.split(' ')
)

/** Stands for each value. */
const MASK = 'X'
/** Stands for each date, so that it can be read as one. */
const MASK_DATE = '19000101'

/** A segment has no more fields; what follows is masked as one. */
const MOST_FIELDS = 200
/** A longer field has its parts masked alike. */
const LONG_FIELD = 10_000
const [FIRST_KEPT, LAST_KEPT] = [4, 6]
/** Of ERR-1 the place and the code stay; what HAPI has to say is behind them. */
const ERR_LOCATION = { component: 4, kept: 3 }

/** Masks the segments of a text one after the other, with the separators of the header before each. */
export class Masking {
  #separators: Separators = defaultSeparators
  #values = valuesBetween(defaultSeparators)

  /** @param segment without CR */
  masked(segment: string): string {
    const start = segment.search(/[^ \t]/)
    if (start === -1) return segment
    const text = start === 0 ? segment : segment.slice(start)
    const name = text.slice(0, 3)
    if (isHeader(name)) {
      const declared = readSeparators(text)
      if (declared !== null) {
        this.#separators = declared
        this.#values = valuesBetween(declared)
      }
    }
    // A line of a text that was broken into lines: nobody knows what it says.
    if (!/^[A-Z][A-Z\d]{2}$/i.test(name)) return MASK
    const { field } = this.#separators
    if (text.length > 3 && !text.startsWith(field, 3)) return MASK
    const known = name.toUpperCase()
    const rule = known.startsWith('Z') ? OWN_SEGMENT : MASKED[known]
    if (rule === undefined) return segment
    return segment.slice(0, start) + this.#segment(known, text, rule)
  }

  #segment(name: string, text: string, { dates, fields, ids }: MaskedSegment): string {
    const { field } = this.#separators
    const parts = partsOf(text, field, MOST_FIELDS)
    // MSH-1 is the separator itself.
    const offset = isHeader(name) ? 1 : 0
    const isMasked = (number: number): boolean =>
      'only' in fields ? fields.only.includes(number) : !fields.allBut.includes(number)
    if (name === 'OBX' && KEPT_RESULTS.has(parts[2] ?? '')) return text
    const masked = parts.map((part, index) => {
      const number = index + offset
      // What is behind the last possible field has separators in it.
      const isRest = index === MOST_FIELDS
      if (index === 0 || part === '' || part === '""') return part
      if (isRest) return this.#value(part)
      if (!isMasked(number)) return part
      if (dates?.includes(number) === true) return maskedDate(part)
      if (ids?.includes(number) === true) return this.#id(part)
      return name === 'ERR' && number === 1 ? this.#location(part) : this.#value(part)
    })
    return masked.join(field)
  }

  /** Each value of a field, or of a part of one. */
  #value(field: string): string {
    return field.replace(this.#values, MASK)
  }

  /** A number: who gave it and what kind it is, stays. */
  #id(field: string): string {
    return this.#byComponent(field, (component, number) =>
      number >= FIRST_KEPT && number <= LAST_KEPT ? component : this.#value(component)
    )
  }

  #location(field: string): string {
    const { subcomponent } = this.#separators
    return this.#byComponent(field, (component, number) => {
      if (number < ERR_LOCATION.component) return component
      if (number > ERR_LOCATION.component || subcomponent === '') return this.#value(component)
      return component
        .split(subcomponent)
        .map((part, index) => (index < ERR_LOCATION.kept ? part : this.#value(part)))
        .join(subcomponent)
    })
  }

  #byComponent(field: string, mask: (component: string, number: number) => string): string {
    const { component, repetition } = this.#separators
    if (field.length > LONG_FIELD) return this.#value(field)
    const each = (one: string): string =>
      component === ''
        ? mask(one, 1)
        : one
            .split(component)
            .map((part, index) => mask(part, index + 1))
            .join(component)
    return repetition === '' ? each(field) : field.split(repetition).map(each).join(repetition)
  }
}

function maskedDate(date: string): string {
  return /^\d{4}/.test(date) ? MASK_DATE : MASK
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

/** Each run of characters that are no separators. */
function valuesBetween({ component, field, repetition, subcomponent }: Separators): RegExp {
  const signs = [field, component, repetition, subcomponent]
    .map((sign) => sign.replace(/[^A-Za-z\d]/g, String.raw`\$&`))
    .join('')
  return new RegExp(`[^${signs}]+`, 'g')
}
