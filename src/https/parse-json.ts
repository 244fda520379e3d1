/**
 * The JSON string, object or array that a text is, or `undefined`. JSON as programs write it that put
 * strings together by hand is read too: with line endings and other control characters as they are
 * inside of quotes (RFC 8259 §7 wants them escaped). Linear in the length.
 */
export function parseJson(text: string): unknown {
  if (!startsLikeJson(text) || isDeeperThan(maxDepth, text)) return undefined
  return parsed(text) ?? parsed(escapeControls(text))
}

/** A look at the first letter. */
export function startsLikeJson(text: string): boolean {
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

/**
 * How deep a JSON reply may nest. `JSON.parse` survives millions of levels, but takes seconds for them,
 * in which Node-RED would stand still.
 */
const maxDepth = 1_000

function isDeeperThan(limit: number, json: string): boolean {
  let depth = 0
  let quoted = false
  for (let at = 0; at < json.length; at++) {
    const code = json.charCodeAt(at)
    if (quoted && code === backslash) at++
    else if (code === quote) quoted = !quoted
    else if (quoted) continue
    else if (code === brace || code === bracket) {
      if (++depth > limit) return true
    } else if (code === closingBrace || code === closingBracket) depth--
  }
  return false
}

/** The text with the control characters inside of quotes escaped; undefined where there are none. */
function escapeControls(json: string): string | undefined {
  const bytes = Buffer.from(json)
  let controls = 0
  for (const byte of bytes) if (byte < space) controls++
  const escaped = Buffer.allocUnsafe(bytes.length + 5 * controls)
  let length = 0
  let quoted = false
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at] ?? 0
    if (quoted && byte < space) {
      for (const code of [backslash, letterU, zero, zero]) escaped[length++] = code
      escaped[length++] = digits.charCodeAt(byte >> 4)
      escaped[length++] = digits.charCodeAt(byte & 15)
      continue
    }
    escaped[length++] = byte
    if (byte === quote) quoted = !quoted
    else if (byte === backslash && quoted && at + 1 < bytes.length) {
      escaped[length++] = bytes[++at] ?? 0
    }
  }
  return length === bytes.length ? undefined : escaped.toString('utf8', 0, length)
}

const digits = '0123456789abcdef'
const [quote, backslash, space, zero, letterU] = [0x22, 0x5c, 0x20, 0x30, 0x75]
const [bracket, closingBracket, brace, closingBrace] = [0x5b, 0x5d, 0x7b, 0x7d]
