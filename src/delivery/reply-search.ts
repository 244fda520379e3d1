import type { Hl7Path } from '../hl7/path.ts'
import type { AttemptReply } from './attempt.ts'

/**
 * What the rules of one decision look for in a reply. Each text and the values of each field are taken
 * out and put in small letters once, however many rules ask: a reply may be large.
 */
export class ReplySearch {
  readonly #reply: AttemptReply | undefined
  readonly #fields = new Map<string, FieldValues>()
  #texts: string[] | undefined

  constructor(reply: AttemptReply | undefined) {
    this.#reply = reply
  }

  /** Whether the body contains the text, which is in small letters, or the HL7 text in it does. */
  text(part: string): boolean {
    const { text = '', message } = this.#reply ?? {}
    // Both: the HL7 text may have been base64 in the body.
    this.#texts ??= [...new Set([text, message?.text ?? ''])].map((one) => one.toLowerCase())
    return this.#reply !== undefined && this.#texts.some((one) => one.includes(part))
  }

  /** Whether one of the values at the path is that value. */
  fieldValue(path: Hl7Path, value: string): boolean {
    return this.#field(path).has(value)
  }

  /** Whether one of the values at the path contains the text, which is in small letters. */
  fieldText(path: Hl7Path, part: string): boolean {
    return this.#field(path).contains(part)
  }

  #field(path: Hl7Path): FieldValues {
    const key = JSON.stringify(path)
    const known = this.#fields.get(key)
    if (known !== undefined) return known
    const field = new FieldValues(this.#reply?.message?.values(path) ?? [])
    this.#fields.set(key, field)
    return field
  }
}

class FieldValues {
  readonly #values: ReadonlySet<string>
  #lower: string[] | undefined
  #joined: string | undefined

  constructor(values: readonly string[]) {
    this.#values = new Set(values)
  }

  has(value: string): boolean {
    return this.#values.has(value)
  }

  contains(part: string): boolean {
    this.#lower ??= [...this.#values].map((value) => value.toLowerCase())
    // One search through all of them says quickly that it is in none.
    this.#joined ??= this.#lower.join('\r')
    return this.#joined.includes(part) && this.#lower.some((value) => value.includes(part))
  }
}
