import { numberProblem, type NumberBounds, type PropertyTable } from './property-table.ts'

/** The names in a table of the properties of one kind. */
type NamesOf<Table extends PropertyTable, Kind> = {
  [Name in keyof Table]: Table[Name]['kind'] extends Kind ? Name : never
}[keyof Table] &
  string
type WordsOf<Property> = Property extends { words: readonly (infer Word)[] } ? Word : never

/**
 * Reads a node's properties from a flow file: a missing one has its default; a value of the wrong
 * type or an unset environment variable is a problem, described in words. Problems are collected,
 * so that a constructor never throws and the user sees all of them.
 */
export class Properties<Table extends PropertyTable> {
  readonly problems: string[] = []
  readonly #values: Readonly<Record<string, unknown>>
  readonly #raw: Readonly<Record<string, unknown>>
  readonly #table: Table

  /**
   * @param table what is said of each property
   * @param values environment variables in place
   * @param raw the same as the flow file has it, where it is known
   */
  constructor(table: Table, values: object, raw: object = {}) {
    this.#table = table
    this.#values = values as Record<string, unknown>
    this.#raw = raw as Record<string, unknown>
  }

  /** A string as the flow file has it; undefined where that is not known. */
  rawText(name: keyof Table & string): string | undefined {
    const value = this.#raw[name]
    return typeof value === 'string' ? value : undefined
  }

  /** Whether the property is used with the values of the others. */
  applies(name: keyof Table & string): boolean {
    const read = (other: string): unknown =>
      this.#values[other] ?? (this.#table as PropertyTable)[other]?.default
    return this.#table[name]?.when?.(read) ?? true
  }

  /** A string; numbers and booleans of a hand-written flow file count as their text. */
  text(name: keyof Table & string): string {
    const byDefault = String(this.#table[name]?.default)
    const value = this.#values[name]
    if (value === undefined || value === null) return byDefault
    if (typeof value === 'string') {
      this.#isUnset(name, value)
      return value
    }
    if (typeof value === 'number' || typeof value === 'boolean') return String(value)
    this.problems.push(`${name} must be a text`)
    return byDefault
  }

  /** A string; its default where it is blank. */
  filled(name: keyof Table & string): string {
    const text = this.text(name)
    return text.trim() === '' ? String(this.#table[name]?.default) : text
  }

  /** One of a few words; empty counts as missing. */
  choice<Name extends NamesOf<Table, 'choice'>>(name: Name): WordsOf<Table[Name]> {
    const { words, default: byDefault } = this.#table[name] as unknown as {
      words: readonly WordsOf<Table[Name]>[]
      default: WordsOf<Table[Name]>
    }
    const text = this.text(name)
    if (text === '') return byDefault
    const word = words.find((candidate) => candidate === text)
    if (word !== undefined) return word
    if (!isUnset(text)) this.problems.push(`${name} must be one of ${words.join(', ')}`)
    return byDefault
  }

  /** A number or its text. Empty means missing, and a property that is not in use is ignored. */
  number(name: NamesOf<Table, 'number'>): number {
    const bounds = this.#table[name] as unknown as NumberBounds & { default: number }
    const text = this.text(name).trim()
    if (text === '') return bounds.default
    if (numberProblem(text, bounds) === '') return Number(text)
    if (!isUnset(text) && this.applies(name)) {
      this.problems.push(`${name} must be a ${boundsWords(bounds)}`)
    }
    return bounds.default
  }

  flag(name: NamesOf<Table, 'flag'>): boolean {
    const byDefault = this.#table[name]?.default === true
    const value = this.#values[name]
    if (value === undefined || value === null || value === '') return byDefault
    if (value === true || value === 'true') return true
    if (value === false || value === 'false') return false
    if (!this.#isUnset(name, value)) this.problems.push(`${name} must be true or false`)
    return byDefault
  }

  /**
   * A list of objects, each as properties of its own; their problems are to be collected as well.
   *
   * @param table of the properties of an entry
   */
  list<Entry extends PropertyTable>(
    name: NamesOf<Table, 'list'>,
    table: Entry
  ): Properties<Entry>[] {
    const value = this.#values[name]
    if (value === undefined || value === null || value === '') return []
    if (this.#isUnset(name, value)) return []
    if (
      !Array.isArray(value) ||
      !value.every((item) => typeof item === 'object' && item !== null)
    ) {
      this.problems.push(`${name} must be a list`)
      return []
    }
    const raw = this.#raw[name]
    return (value as object[]).map((item, index) => {
      const rawItem: unknown = Array.isArray(raw) ? raw[index] : undefined
      const written = typeof rawItem === 'object' && rawItem !== null ? rawItem : {}
      return new Properties(table, item, written)
    })
  }

  /**
   * The texts among the values that are neither in the flow file nor a default: they come from
   * variables and credentials, and nothing may show them.
   *
   * @param further values that were read besides those of the properties
   */
  unwrittenTexts(...further: object[]): string[] {
    // Numbers and words of a choice are in every sentence, and no secrets.
    const names = Object.keys(this.#table).filter((name) =>
      ['text', 'list'].includes(this.#table[name]?.kind ?? '')
    )
    const defaults = names.map((name) => this.#table[name]?.default)
    const written = new Set([...textsIn(this.#raw), ...textsIn(defaults)])
    const texts = [...textsIn(names.map((name) => this.#values[name])), ...textsIn(further)]
    return texts.filter((text) => !written.has(text))
  }

  /** Notes a variable that has no value. */
  #isUnset(name: string, value: unknown): boolean {
    if (typeof value !== 'string' || !isUnset(value)) return false
    this.problems.push(`the environment variable ${value.slice(2, -1)} (for ${name}) is not set`)
    return true
  }
}

function textsIn(value: unknown): string[] {
  if (typeof value === 'string') return [value.trim()]
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(textsIn) : []
}

function boundsWords({ min, max, integer, also }: NumberBounds): string {
  const limits = max === undefined ? `of at least ${min}` : `from ${min} to ${max}`
  const other = also === undefined ? '' : `, or ${also}`
  return `${integer === true ? 'whole ' : ''}number ${limits}${other}`
}

/** Node-RED replaces `${NAME}` by the variable's value and leaves it where there is none. */
export function isUnset(text: string): boolean {
  return text.startsWith('${') && text.indexOf('}') === text.length - 1 && text.length > 3
}
