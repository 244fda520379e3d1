import { english } from '../../src/english.ts'
import { printable } from '../../src/printable.ts'
import { SecretFile } from '../../src/secret-file.ts'
import type { FormWords } from './form-words.ts'
import {
  numberProblem,
  type NumberBounds,
  type PropertyTable,
  type ReadValue
} from './property-table.ts'

/** The names in a table of the properties of one kind. */
type NamesOf<Table extends PropertyTable, Kind> = {
  [Name in keyof Table]: Table[Name]['kind'] extends Kind ? Name : never
}[keyof Table] &
  string
type WordsOf<Property> = Property extends { words: readonly (infer Word)[] } ? Word : never

/**
 * Reads a node's properties from a flow file: a missing one has its default; a value of the wrong
 * type or an unset environment variable is a problem. Problems are collected, so that a constructor
 * never throws and the user sees all of them.
 */
export class Properties<Table extends PropertyTable> {
  /** In English: each begins with the label of the field, then says what the form says there. */
  readonly problems: string[]
  /** Environment variables without a value. */
  readonly unset: string[]
  /** Of the node's form. */
  readonly words: FormWords<keyof Table & string>
  readonly #values: Readonly<Record<string, unknown>>
  readonly #raw: Readonly<Record<string, unknown>>
  readonly #table: Table

  /**
   * @param table what is said of each property
   * @param words of the node's form
   * @param values environment variables in place
   * @param raw the same as the flow file has it, where it is known
   * @param found where further problems and variables go
   */
  constructor(
    table: Table,
    words: FormWords<keyof Table & string>,
    values: object,
    raw: object = {},
    found: { problems: string[]; unset: string[] } = { problems: [], unset: [] }
  ) {
    this.problems = found.problems
    this.unset = found.unset
    this.words = words
    this.#table = table
    this.#values = values as Record<string, unknown>
    this.#raw = raw as Record<string, unknown>
  }

  /** @param sentence what is wrong with the property */
  addProblem(name: keyof Table & string, sentence: string): void {
    const problem = `${this.words.label(name)}: ${sentence}`
    // A property is read more than once.
    if (!this.problems.includes(problem)) this.problems.push(problem)
  }

  /** @param variable the name of an environment variable without a value */
  addUnset(name: keyof Table & string, variable: string): void {
    this.unset.push(variable)
    this.addProblem(name, english('log', 'problem.variable', { name: printable(variable, 60) }))
  }

  /** A string as the flow file has it; undefined where that is not known. */
  rawText(name: keyof Table & string): string | undefined {
    const value = this.#raw[name]
    return typeof value === 'string' ? value : undefined
  }

  /** A value as it is, or its default. */
  readonly read: ReadValue = (name) =>
    this.#values[name] ?? (this.#table as PropertyTable)[name]?.default

  /** Whether the property is used with the values of the others. */
  applies(name: keyof Table & string): boolean {
    return this.#table[name]?.when?.(this.read) ?? true
  }

  /** A string; numbers and booleans of a hand-written flow file count as their text. */
  text(name: keyof Table & string): string {
    const byDefault = String(this.#table[name]?.default)
    const value = this.read(name)
    if (typeof value === 'string') {
      this.#isUnset(name, value)
      return value
    }
    if (typeof value === 'number' || typeof value === 'boolean') return String(value)
    this.addProblem(name, english('log', 'problem.text'))
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
    if (!isUnset(text)) {
      const shown = words.filter((candidate) => candidate !== '').join(', ')
      this.addProblem(name, english('log', 'problem.choice', { words: shown }))
    }
    return byDefault
  }

  /** A number or its text. Empty means missing, and a property that is not in use is ignored. */
  number(name: NamesOf<Table, 'number'>): number {
    const bounds = this.#table[name] as unknown as NumberBounds & { default: number }
    const text = this.text(name).trim()
    if (text === '') return bounds.default
    const problem = numberProblem(text, bounds)
    if (problem === '') return Number(text)
    if (!isUnset(text) && this.applies(name)) {
      const { min, max = '' } = bounds
      this.addProblem(name, english(this.words.form, `problem.${problem}`, { min, max }))
    }
    return bounds.default
  }

  flag(name: NamesOf<Table, 'flag'>): boolean {
    const byDefault = this.#table[name]?.default === true
    const value = this.#values[name]
    if (value === undefined || value === null || value === '') return byDefault
    if (value === true || value === 'true') return true
    if (value === false || value === 'false') return false
    if (!this.#isUnset(name, value)) this.addProblem(name, english('log', 'problem.flag'))
    return byDefault
  }

  /**
   * A list of named objects, each as properties of its own; empty if it is not used. Their problems are
   * among those of the node, with the name of the entry.
   *
   * @param table of the properties of an entry
   */
  list<Entry extends PropertyTable>(
    name: NamesOf<Table, 'list'>,
    table: Entry
  ): Properties<Entry>[] {
    const value = this.#values[name]
    if (value === undefined || value === null || value === '' || !this.applies(name)) return []
    if (this.#isUnset(name, value)) return []
    if (
      !Array.isArray(value) ||
      !value.every((item) => typeof item === 'object' && item !== null)
    ) {
      this.addProblem(name, english('log', 'problem.list'))
      return []
    }
    const raw = this.#raw[name]
    return (value as object[]).map((item, index) => {
      const rawItem: unknown = Array.isArray(raw) ? raw[index] : undefined
      const written = typeof rawItem === 'object' && rawItem !== null ? rawItem : {}
      const label = entryLabel(this.words.label(name), { ...item, ...written })
      const words = { form: this.words.form, label: () => label }
      return new Properties(table, words, item, written, this)
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
    const written = new Set([...textsOf(this.#raw), ...textsOf(defaults)])
    const texts = [...textsOf(names.map((name) => this.#values[name])), ...textsOf(further)]
    return texts.filter((text) => !written.has(text))
  }

  /** Notes a variable that has no value. */
  #isUnset(name: string, value: unknown): boolean {
    if (typeof value !== 'string' || !isUnset(value)) return false
    this.addUnset(name, value.slice(2, -1))
    return true
  }
}

function textsOf(value: unknown): string[] {
  if (typeof value === 'string') return [value.trim()]
  // Where a secret is, is none.
  if (value instanceof SecretFile) return []
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(textsOf) : []
}

/**
 * The label of a list, with the name of one of its entries as written in the flow file: the value of a
 * variable does not belong in the log.
 */
function entryLabel(label: string, { name }: { name?: unknown }): string {
  const shown = typeof name === 'string' ? printable(name.trim(), 60) : ''
  return shown === '' ? label : `${label}, ${shown}`
}

/** Node-RED replaces `${NAME}` by the variable's value and leaves it where there is none. */
export function isUnset(text: string): boolean {
  return text.startsWith('${') && text.indexOf('}') === text.length - 1 && text.length > 3
}
