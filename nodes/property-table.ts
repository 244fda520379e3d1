/** Reads the value of a property: of the node, or of its open form. */
export type ReadValue = (property: string) => unknown

/** A number: `also` is one beside the bounds that means something of its own. */
export interface NumberBounds {
  min: number
  max?: number
  /** Whole numbers only: counts. */
  integer?: true
  also?: number
}

/** What is said of a property once, for runtime, form and tests. */
export type Property = (
  | { kind: 'text'; default: string }
  | { kind: 'choice'; default: string; words: readonly string[] }
  | ({ kind: 'number'; default: number } & NumberBounds)
  | { kind: 'flag'; default: boolean }
  | { kind: 'list'; default: readonly [] }
) & {
  /** Whether it is used: else its row is not shown, and its value is not judged. Absent: always. */
  when?: (value: ReadValue) => boolean
}

/** The properties of a node type, in the order of the documentation. */
export type PropertyTable = Readonly<Record<string, Property>>

/** What a flow file that lacks all properties means. */
export function defaultsOf<Table extends PropertyTable>(
  table: Table
): { [Name in keyof Table]: Table[Name]['default'] } {
  const entries = Object.entries(table).map(([name, property]) => [name, property.default])
  return Object.fromEntries(entries) as { [Name in keyof Table]: Table[Name]['default'] }
}

/** Why a number cannot be used; the key of its words in the locales under `problem`. */
export type NumberProblem = '' | 'number' | 'numberInteger' | 'numberMin' | 'numberMax'

/**
 * Judges a number as a form or a flow file holds it: a number, or its text.
 *
 * @returns the problem, or an empty string
 */
export function numberProblem(value: unknown, bounds: NumberBounds): NumberProblem {
  const text = typeof value === 'number' ? String(value) : typeof value === 'string' ? value : ''
  const number = Number(text)
  if (text.trim() === '' || !Number.isFinite(number)) return 'number'
  if (number === bounds.also) return ''
  if (bounds.integer === true && !Number.isInteger(number)) return 'numberInteger'
  if (number < bounds.min) return 'numberMin'
  return number > (bounds.max ?? Number.MAX_SAFE_INTEGER) ? 'numberMax' : ''
}

/** A text. */
export const text = (byDefault = '', when?: (value: ReadValue) => boolean) =>
  ({ kind: 'text', default: byDefault, ...(when && { when }) }) as const

/** One of a few words; the first is the default. */
export const choice = <const Words extends readonly [string, ...string[]]>(
  words: Words,
  when?: (value: ReadValue) => boolean
) => ({ kind: 'choice', default: words[0] as Words[0], words, ...(when && { when }) }) as const

/** A list of names and values. */
export const list = (when?: (value: ReadValue) => boolean) =>
  ({ kind: 'list', default: [], ...(when && { when }) }) as const

/** Whether the property names a config node that is there; the editor has `_ADD_` for one to come. */
export const names =
  (property: string) =>
  (value: ReadValue): boolean => {
    const id = value(property)
    return typeof id === 'string' && id.trim() !== '' && id !== '_ADD_'
  }

/** Whether the property has one of the values. */
export const is =
  (property: string, ...values: readonly string[]) =>
  (value: ReadValue): boolean =>
    values.includes(String(value(property)))
