import { isHeader } from '../hl7/segments.ts'
import { startsLikeJson, type JsonReader } from './parse-json.ts'

/** How many levels of JSON in JSON strings are read. */
const maxEncodings = 2

/**
 * The strings in a JSON value: the value itself, or those in it at any depth, upper levels first. A
 * list of segments is one string. Breadth first and without recursion, so that deep nesting cannot
 * exhaust the stack.
 *
 * @param reader of the reply, for JSON in strings
 */
export function* textsOfJson(json: unknown, reader: JsonReader): Generator<string> {
  const waiting: [value: unknown, encodings: number][] = [[json, 0]]
  // The loop also visits what is added on the way.
  for (const [value, encodings] of waiting) {
    if (typeof value === 'string') {
      yield value
      if (encodings < maxEncodings && startsLikeJson(value)) {
        waiting.push([reader.read(value), encodings + 1])
      }
    } else if (isListOfSegments(value)) {
      yield value.join('\r')
    } else if (typeof value === 'object' && value !== null) {
      for (const one of Object.values(value)) waiting.push([one, encodings])
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
