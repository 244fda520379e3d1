import { isHeader } from '../hl7/segments.ts'
import { startsLikeJson, type JsonReader } from './parse-json.ts'

/** How deep JSON may stand in a text of JSON. */
const maxEncodings = 2

/**
 * The texts in a JSON value: the value itself, or those in it at any depth, the upper ones first. A
 * list of segments is one text. Breadth first and without recursion, so that no nesting exhausts the
 * stack.
 *
 * @param reader of the reply, for JSON in texts
 */
export function* textsOfJson(json: unknown, reader: JsonReader): Generator<string> {
  const waiting: [value: unknown, encodings: number][] = [[json, 0]]
  // What is added on the way is walked over too.
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
