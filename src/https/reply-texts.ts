import { isHeader } from '../hl7/segments.ts'
import { JsonReader } from './parse-json.ts'
import { XmlReader } from './xml-texts.ts'

/** How many levels of JSON or XML in a text are read. */
const maxEncodings = 2

/** Reads the JSON and XML of one reply, up to limits. */
export class ReplyTexts {
  readonly #json = new JsonReader()
  readonly #xml = new XmlReader()

  /** Why it is unknown what the reply says; undefined if it could be read. */
  get problem(): string | undefined {
    if (this.#json.exceeded) return 'the JSON in the answer has too many values'
    return this.#xml.exceeded
      ? 'the XML in the answer has too many elements or references'
      : undefined
  }

  /** The JSON value in a text; undefined if it is not JSON, or too much. */
  json(text: string): unknown {
    return this.#json.read(text)
  }

  /** The texts of the XML document in a text; undefined if it is not XML, or too much. */
  xml(text: string): string[] | undefined {
    return this.#xml.read(text)
  }

  /**
   * The strings among JSON values: the values themselves, or those in them at any depth, upper
   * levels first; and the texts of JSON and XML in them. A list of segments is one string. Breadth
   * first and without recursion, so that deep nesting cannot exhaust the stack.
   */
  *of(values: readonly unknown[]): Generator<string> {
    const waiting: [value: unknown, encodings: number][] = values.map((value) => [value, 0])
    // The loop also visits what is added on the way.
    for (const [value, encodings] of waiting) {
      if (typeof value === 'string') {
        yield value
        if (encodings < maxEncodings) {
          waiting.push([this.json(value), encodings + 1])
          for (const text of this.xml(value) ?? []) waiting.push([text, encodings + 1])
        }
      } else if (isListOfSegments(value)) {
        yield value.join('\r')
      } else if (typeof value === 'object' && value !== null) {
        for (const one of Object.values(value)) waiting.push([one, encodings])
      }
    }
  }
}

function isListOfSegments(value: unknown): value is string[] {
  if (!Array.isArray(value)) return false
  const first: unknown = value[0]
  return (
    typeof first === 'string' &&
    isHeader(first.trimStart().slice(0, 3)) &&
    !/[\r\n]/.test(first.trim()) &&
    value.every((item) => typeof item === 'string')
  )
}
