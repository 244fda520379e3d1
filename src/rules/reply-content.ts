import type { Hl7Path } from '../hl7/path.ts'
import { unpadded } from '../hl7/unpadded.ts'
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
   * component, unless it names another. Unescaped and as they are compared, `''` if absent, at most
   * 10,000.
   */
  values(path: Hl7Path): readonly string[] {
    const key = JSON.stringify(path)
    const known = this.#values.get(key)
    if (known !== undefined) return known
    const values = this.#reply.message?.values(path, MAX_VALUES).map(unpadded) ?? []
    this.#values.set(key, values)
    return values
  }
}
