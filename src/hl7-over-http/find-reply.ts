import { beginsLikeHl7, readReplyMessage, type ReplyMessage } from '../hl7/reply-message.ts'
import { isHeader } from '../hl7/segments.ts'
import { parseJson } from '../json-text.ts'
import { xmlTexts } from './xml-texts.ts'

/**
 * The reply in texts, or in those among JSON values: all those with an MSA, without duplicates, else
 * the first that is HL7; `null` if none is.
 *
 * @param read reads a text as HL7
 */
export function findReply(
  values: readonly unknown[],
  read: (text: string) => ReplyMessage | null
): ReplyMessage | null {
  let first: ReplyMessage | null = null
  const acknowledgements = new Set<string>()
  for (const text of stringsIn(values) ?? []) {
    const message = read(text)
    if (message === null || isQuoted(message)) continue
    if (message.msa !== undefined) acknowledgements.add(message.text)
    first ??= message
  }
  if (acknowledgements.size === 0) return first
  // A lone MSA is read with the usual separators, so it goes before any header.
  const [alone, headed] = [[], []] as [string[], string[]]
  for (const text of acknowledgements) (text.startsWith('MSA') ? alone : headed).push(text)
  return readReplyMessage([...alone, ...headed].join(''))
}

/**
 * How many texts of one reply are read as JSON themselves: a text that turns out to be none takes
 * JSON.parse 10 µs.
 */
const maxJsonTexts = 1_000

const shortestReply = 'MSA|AA'.length

/**
 * The strings among JSON values: the values themselves, or those in them at any depth, upper levels
 * first; and, one level deep, the texts of JSON and XML in them. A list of segments is one string.
 * Without recursion, so that deep nesting cannot exhaust the stack.
 *
 * @returns null if more of them look like JSON than are read: a refusal could be among the others
 */
function stringsIn(values: readonly unknown[], isInText = false): string[] | null {
  const texts: string[] = []
  const waiting = [...values]
  let jsonTexts = 0
  // The loop also visits what is added on the way.
  for (const value of waiting) {
    if (typeof value === 'string') {
      if (value.length < shortestReply) continue
      texts.push(value)
      if (isInText) continue
      if (startsLikeJson(value)) {
        if (++jsonTexts > maxJsonTexts) return null
        for (const text of stringsIn([parseJson(value)], true) ?? []) texts.push(text)
      }
      for (const text of stringsIn(xmlTexts(value), true) ?? []) texts.push(text)
    } else if (isListOfSegments(value)) {
      texts.push(value.join('\r'))
    } else if (typeof value === 'object' && value !== null) {
      const members: unknown[] = Array.isArray(value) ? value : Object.values(value)
      for (const member of members) waiting.push(member)
    }
  }
  return texts
}

/** Whether it can be a JSON object, list or string. */
export function startsLikeJson(text: string): boolean {
  return /^\s*[{["]/.test(text)
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

/** A batch header alone in JSON or XML: an error message quotes it, often from what was sent. */
function isQuoted({ msa, text }: ReplyMessage): boolean {
  return msa === undefined && !text.startsWith('MSH') && text.indexOf('\r') === text.length - 1
}

/** Reads base64: in the browser, where replies are tried, another one. */
export interface Base64Reader {
  /** The beginning of what a text is the base64 of, as ISO-8859-1; anything if it is no base64. */
  beginning: (text: string) => string
  /** What it is the base64 of, as text; `null` if it is no base64. */
  decode: (text: string) => string | null
}

/** Reads a text, or what it is the base64 of, as HL7; `null` if it is not HL7. */
export function readReplyText(text: string, base64: Base64Reader): ReplyMessage | null {
  const message = readReplyMessage(text)
  if (message !== null) return message
  if (!beginsLikeHl7(base64.beginning(text))) return null
  const decoded = base64.decode(text)
  return decoded === null ? null : readReplyMessage(decoded)
}
