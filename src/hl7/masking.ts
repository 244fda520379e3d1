/**
 * What of a message says who somebody is, and how it is masked before somebody hands messages to the support of a
 * receiver.
 */
import { ERROR_CODES } from './error-codes.ts'
import type { Separators } from './escapes.ts'
import { isSegmentName } from './path.ts'
import { defaultSeparators, isHeader, readSeparators } from './segments.ts'

/** What is masked of a segment: all fields but some, or only some. */
interface MaskedSegment {
  fields: { allBut: readonly number[] } | { only: readonly number[] }
  /** Of these, the components 4 to 6 stay: who gave the number, and what kind it is. */
  ids?: readonly number[]
  dates?: readonly number[]
  /** Of these, what is a code for certain stays: what else stands there is the receiver's own words. */
  codes?: readonly number[]
  /** Of these, the places in a message stay that they name, and the codes there. */
  places?: readonly number[]
}

/**
 * The one place that says so. Names of staff, order numbers, diagnoses and coded or numeric results are not masked: see
 * docs/operations.md, which has this table.
 */
export const MASKED: Readonly<Record<string, MaskedSegment>> = {
  // May hold what the sender logs in with.
  MSH: { fields: { only: [8] } },
  UAC: { fields: { only: [2] } },
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
  DB1: { fields: { only: [3] }, ids: [3] },
  // The numbers of the patient in a study.
  CSR: { fields: { only: [4, 5] }, ids: [4, 5] },
  // Who has reported an allergy: often the patient, or a relative.
  IAM: { fields: { only: [14] } },
  // The same of an adverse event, where it happened, and what in somebody's own words.
  PEO: { fields: { only: [7, 13, 14, 15, 16, 17, 19, 20, 21] } },
  PES: { fields: { only: [7, 8] } },
  // Who says that persons are related.
  REL: { fields: { only: [7, 9, 10] } },
  // Whose goal it is.
  GOL: { fields: { only: [17, 21] } },
  // Who is to receive the blood that is donated.
  DON: { fields: { only: [16, 17] }, dates: [17] },
  // Whose instruments were sterilized.
  SCD: { fields: { only: [33] }, ids: [33] },
  // The employer, as in GT1 and IN2.
  OH2: { fields: { only: [12, 13, 15, 16] } },
  // Persons with their own addresses and phones, who may be relatives.
  ROL: { fields: { only: [4, 11, 12] } },
  PRT: { fields: { only: [5, 14, 15] } },
  CTD: { fields: { only: [2, 3, 5, 7] } },
  PYE: { fields: { only: [5, 6] } },
  // What was consented to in somebody's own words, and by whom.
  CON: { fields: { only: [5, 6, 7, 8, 9, 24] } },
  // Where drugs and blood are delivered or given: perhaps home.
  BPO: { fields: { only: [12] } },
  RXA: { fields: { only: [28] } },
  RXO: { fields: { only: [8, 35] } },
  RXE: { fields: { only: [8, 43] } },
  RXD: { fields: { only: [13] } },
  RXG: { fields: { only: [11, 30] } },
  // Where an accident happened, what, and who brought the patient.
  ACC: { fields: { only: [3, 8, 9, 11] } },
  // Clinical information and comments in somebody's own words.
  OBR: { fields: { only: [13, 39, 43] } },
  NTE: { fields: { only: [3] } },
  ARV: { fields: { only: [5] } },
  AUT: { fields: { only: [28] } },
  GSC: { fields: { only: [8] } },
  GSP: { fields: { only: [7] } },
  GSR: { fields: { only: [10] } },
  OVR: { fields: { only: [3] } },
  PSL: { fields: { only: [48] } },
  RF1: { fields: { only: [24] } },
  VAR: { fields: { only: [6] } },
  DSP: { fields: { only: [3] } },
  // Name of the file and title of a document.
  TXA: { fields: { only: [16, 25] } },
  // What a query asks for.
  QPD: { fields: { allBut: [1, 2] } },
  QRD: { fields: { only: [8] } },
  QRF: { fields: { only: [5] } },
  EQL: { fields: { only: [4] } },
  ERQ: { fields: { only: [3] } },
  SPR: { fields: { only: [4] } },
  VTQ: { fields: { only: [5] } },
  // What it finds, as rows of a table.
  RDT: { fields: { allBut: [] } },
  // The rest of the segment before it.
  ADD: { fields: { allBut: [] } },
  // What a receiver quotes, wherever it puts that.
  MSA: { fields: { only: [3, 6] }, codes: [6] },
  ERR: { fields: { allBut: [4] }, codes: [3, 5], places: [1, 2] },
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
/** A place is a segment and numbers; the fourth component of ERR-1 is a code. */
const [PLACE_NUMBERS, PLACE_CODE] = [3, 4]
/** A longer number is no place. */
const PLACE_NUMBER = /^\d{1,4}$/
/** How tables of codes are named: those of HL7, and a receiver's own (table 0396). */
const CODE_TABLE = /^(?:HL7\d{1,4}|99\w{0,10}|L)$/
const CODE = /^[\w.-]{1,20}$/

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

  #segment(name: string, text: string, rule: MaskedSegment): string {
    const { codes, dates, fields, ids, places } = rule
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
      if (codes?.includes(number) === true) return this.#coded(part)
      return places?.includes(number) === true ? this.#place(part) : this.#value(part)
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

  /** A coded field. */
  #coded(field: string): string {
    const { component } = this.#separators
    return this.#byRepetition(field, (one) => this.#code(one, component))
  }

  /**
   * A code, its text and the name of its table: the code stays if table 0357 has it, or if it is said to be of another
   * table; the text if it is that of table 0357.
   */
  #code(text: string, separator: string): string {
    const parts = separatedBy(text, separator)
    const [code = '', , table = ''] = parts
    const meaning = ERROR_CODES.get(code)
    const isOfTable = CODE_TABLE.test(table)
    const isCode = meaning !== undefined || (isOfTable && CODE.test(code))
    const stays = [isCode, meaning !== undefined && parts[1] === meaning, isOfTable]
    return parts
      .map((part, index) => (stays[index] === true ? part : this.#value(part)))
      .join(separator)
  }

  /** If it begins with anything but a segment, it is no place. */
  #place(field: string): string {
    const { component, subcomponent } = this.#separators
    return this.#byRepetition(field, (one) => {
      const parts = separatedBy(one, component)
      const [segment = '', ...numbers] = parts
      const isPlace =
        (segment === '' || isSegmentName(segment)) &&
        numbers.slice(0, PLACE_NUMBERS - 1).every((part) => part === '' || PLACE_NUMBER.test(part))
      if (!isPlace) return this.#value(one)
      const shown = parts.map((part, index) => {
        if (index < PLACE_NUMBERS || PLACE_NUMBER.test(part)) return part
        return index === PLACE_CODE - 1 ? this.#code(part, subcomponent) : this.#value(part)
      })
      return shown.join(component)
    })
  }

  #byComponent(field: string, mask: (component: string, number: number) => string): string {
    const { component } = this.#separators
    return this.#byRepetition(field, (one) =>
      separatedBy(one, component)
        .map((part, index) => mask(part, index + 1))
        .join(component)
    )
  }

  #byRepetition(field: string, mask: (repetition: string) => string): string {
    const { repetition } = this.#separators
    if (field.length > LONG_FIELD) return this.#value(field)
    return separatedBy(field, repetition).map(mask).join(repetition)
  }
}

function maskedDate(date: string): string {
  return /^\d{4}/.test(date) ? MASK_DATE : MASK
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

/** Each run of characters that are no separators. */
function valuesBetween({ component, field, repetition, subcomponent }: Separators): RegExp {
  const signs = [field, component, repetition, subcomponent]
    .map((sign) => sign.replace(/[^A-Za-z\d]/g, String.raw`\$&`))
    .join('')
  return new RegExp(`[^${signs}]+`, 'g')
}
