/**
 * How many values the JSON of one reply may have, and how many each text that is read as JSON
 * counts as. An acknowledgement has a dozen; `JSON.parse` takes seconds for a million.
 */
const maxValues = 20_000
const valuesPerText = 20

/** Reads the JSON of one reply, up to a number of values. */
export class JsonReader {
  #left = maxValues
  /** The limit was exceeded: what the reply says is unknown. */
  exceeded = false

  /**
   * The JSON string, object or array in a text, or `undefined`. Also reads JSON as written by
   * programs that concatenate strings: with unescaped line endings and other control characters
   * inside quotes, and with the unescaped backslash of an MSH-2 (RFC 8259 §7 requires escapes).
   * Takes linear time.
   */
  read(text: string): unknown {
    if (this.exceeded || !startsLikeJson(text)) return undefined
    this.#left -= valuesPerText + countValues(text, this.#left)
    this.exceeded = this.#left < 0
    return this.exceeded ? undefined : (parsed(text) ?? parsed(escaped(text)))
  }
}

/** Looks at the first character only. */
function startsLikeJson(text: string): boolean {
  const start = text.trimStart().charAt(0)
  return start === '{' || start === '[' || start === '"'
}

function parsed(text: string | undefined): unknown {
  if (text === undefined) return undefined
  try {
    return JSON.parse(text) as unknown
  } catch {
    return undefined
  }
}

/** How many values, names and brackets there are outside quotes, counted up to `most`. */
function countValues(json: string, most: number): number {
  let count = 0
  let quoted = false
  for (let at = 0; at < json.length && count < most; at++) {
    const code = json.charCodeAt(at)
    if (quoted && code === backslash) at++
    else if (code === quote) quoted = !quoted
    else if (!quoted && (code === comma || code === colon || code === bracket || code === brace)) {
      count++
    }
  }
  return count
}

/** The text with the missing escapes inside quotes; undefined if none are missing. */
function escaped(json: string): string | undefined {
  const bytes = Buffer.from(json)
  let more = 0
  for (const byte of bytes) {
    if (byte < space) more += 5
    else if (byte === backslash) more++
  }
  const result = Buffer.allocUnsafe(bytes.length + more)
  let length = 0
  let quoted = false
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at] ?? 0
    if (quoted && byte < space) {
      result[length++] = backslash
      result[length++] = letterU
      result[length++] = zero
      result[length++] = zero
      result[length++] = digits.charCodeAt(byte >> 4)
      result[length++] = digits.charCodeAt(byte & 15)
      continue
    }
    result[length++] = byte
    if (byte === quote) quoted = !quoted
    else if (byte === backslash && quoted) {
      const next = bytes[at + 1] ?? 0
      if (escapes.has(next)) {
        result[length++] = next
        at++
      } else result[length++] = backslash
    }
  }
  return length === bytes.length ? undefined : result.toString('utf8', 0, length)
}

/** What may follow a backslash. */
const escapes = new Set(Buffer.from('"\\/bfnrtu'))

const digits = '0123456789abcdef'
const [quote, backslash, space, zero, letterU] = [0x22, 0x5c, 0x20, 0x30, 0x75]
const [bracket, brace, comma, colon] = [0x5b, 0x7b, 0x2c, 0x3a]
