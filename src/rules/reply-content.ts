import { unescape, type Separators } from '../hl7/escapes.ts'
import type { Hl7Path } from '../hl7/path.ts'
import type { ReplyMessage } from '../hl7/reply-message.ts'
import { isHeader } from '../hl7/segments.ts'
import type { AttemptReply } from './attempt.ts'

/**
 * The most values of a field that are read, those of all its segments counted together. No real
 * reply has as many; one of 2 MiB may have a million.
 */
const MAX_VALUES = 10_000

/** Where the tests of a reply's content look. What was read for one test is kept for the others. */
export class ReplyContent {
  readonly #reply: AttemptReply
  readonly #values = new Map<string, readonly string[]>()
  #texts: readonly string[] | undefined

  constructor(reply: AttemptReply) {
    this.#reply = reply
  }

  /**
   * Whether the body contains the text, in whatever case, or the HL7 in it does, which may have been
   * base64.
   */
  includes(text: string): boolean {
    const { text: body, message } = this.#reply
    this.#texts ??= [...new Set([body, message?.text ?? body])].map((one) => one.toLowerCase())
    const part = text.toLowerCase()
    return this.#texts.some((one) => one.includes(part))
  }

  /**
   * The values at a path: of all segments and repetitions, unless it names one; of the first
   * component, unless it names another. Unescaped, `''` if absent, at most 10,000.
   */
  values(path: Hl7Path): readonly string[] {
    const key = JSON.stringify(path)
    const known = this.#values.get(key)
    if (known !== undefined) return known
    const values = readValues(this.#reply.message, path)
    this.#values.set(key, values)
    return values
  }
}

function readValues(message: ReplyMessage | null, path: Hl7Path): string[] {
  const { occurrence } = path
  const named = message?.named(path.segment) ?? []
  const segments = occurrence === undefined ? named : named.slice(occurrence - 1, occurrence)
  const values: string[] = []
  for (const segment of segments) {
    const isWhole = path.field <= 2 && isHeader(segment.name)
    const separators = isWhole ? noSeparators : segment.separators
    const room = MAX_VALUES - values.length
    for (const repetition of repetitions(segment.field(path.field), separators, path, room)) {
      values.push(valueIn(repetition, separators, path))
    }
    if (values.length === MAX_VALUES) break
  }
  return values
}

/** MSH-1 and MSH-2 are not split. */
const noSeparators: Separators = {
  field: '',
  component: '',
  repetition: '',
  escape: '',
  subcomponent: '',
  truncation: ''
}

/** The repetition that the path names, or all, but `most`. */
function repetitions(
  field: string,
  { repetition: separator }: Separators,
  { repetition: number }: Hl7Path,
  most: number
): string[] {
  if (number !== undefined) return [piece(field, separator, number)]
  return separator === '' ? [field] : field.split(separator, most)
}

function valueIn(repetition: string, separators: Separators, path: Hl7Path): string {
  const component = piece(repetition, separators.component, path.component ?? 1)
  const value =
    path.subcomponent === undefined
      ? component
      : piece(component, separators.subcomponent, path.subcomponent)
  return unescape(value, separators)
}

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
