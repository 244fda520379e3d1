/**
 * Reads a node's properties from a flow file: a missing one has its default; a value of the wrong
 * type or an unset environment variable is a problem, described in words. Problems are collected,
 * so that a constructor never throws and the user sees all of them.
 */
export class Properties {
  readonly problems: string[] = []
  readonly #values: Readonly<Record<string, unknown>>
  readonly #raw: Readonly<Record<string, unknown>>

  /**
   * @param values environment variables replaced
   * @param raw the same as in the flow file, if known
   */
  constructor(values: object, raw: object = {}) {
    this.#values = values as Record<string, unknown>
    this.#raw = raw as Record<string, unknown>
  }

  /** A string as in the flow file; undefined if not known. */
  rawText(name: string): string | undefined {
    const value = this.#raw[name]
    return typeof value === 'string' ? value : undefined
  }

  /** A string; numbers and booleans of a hand-written flow file count as their text. */
  text(name: string, fallback = ''): string {
    const value = this.#values[name]
    if (value === undefined || value === null) return fallback
    if (typeof value === 'string') {
      this.#isUnset(name, value)
      return value
    }
    if (typeof value === 'number' || typeof value === 'boolean') return String(value)
    this.problems.push(`${name} must be a text`)
    return fallback
  }

  /** One of a few words; empty counts as missing. */
  choice<Word extends string>(name: string, words: readonly Word[], fallback: Word): Word {
    const text = this.text(name, fallback)
    if (text === '') return fallback
    const word = words.find((candidate) => candidate === text)
    if (word !== undefined) return word
    if (!isUnset(text)) this.problems.push(`${name} must be one of ${words.join(', ')}`)
    return fallback
  }

  /** A number, possibly as text; empty counts as missing. */
  number(name: string, fallback: number, { min = 0, max = Number.MAX_SAFE_INTEGER } = {}): number {
    const text = this.text(name, String(fallback)).trim()
    if (text === '') return fallback
    const number = Number(text)
    if (Number.isFinite(number) && number >= min && number <= max) return number
    if (!isUnset(text)) {
      const limits =
        max === Number.MAX_SAFE_INTEGER ? `of at least ${min}` : `from ${min} to ${max}`
      this.problems.push(`${name} must be a number ${limits}`)
    }
    return fallback
  }

  flag(name: string, fallback: boolean): boolean {
    const value = this.#values[name]
    if (value === undefined || value === null || value === '') return fallback
    if (value === true || value === 'true') return true
    if (value === false || value === 'false') return false
    if (!this.#isUnset(name, value)) this.problems.push(`${name} must be true or false`)
    return fallback
  }

  /** A list of objects, each as properties of its own; their problems are to be collected as well. */
  list(name: string): Properties[] {
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
      return new Properties(item, typeof rawItem === 'object' && rawItem !== null ? rawItem : {})
    })
  }

  /** Notes a variable that has no value. */
  #isUnset(name: string, value: unknown): boolean {
    if (typeof value !== 'string' || !isUnset(value)) return false
    this.problems.push(`the environment variable ${value.slice(2, -1)} (for ${name}) is not set`)
    return true
  }
}

/** Node-RED replaces `${NAME}` by the variable's value and leaves it if there is none. */
export function isUnset(text: string): boolean {
  return text.startsWith('${') && text.indexOf('}') === text.length - 1 && text.length > 3
}
