import { unescape } from '../hl7/escapes.ts'
import type { OutgoingMessage } from '../hl7/outgoing-message.ts'
import { defaultSeparators, readSeparators } from '../hl7/segments.ts'

/** A longer message, or more values, are not searched: nothing is quoted. In bytes or characters. */
const MOST_TEXT = 65_536
/** A word of this length counts inside a longer one too. */
const LONG_WORD = 5

/**
 * Whether a text from a receiver may repeat something that it was sent. It may name the patient in
 * an error description or a path; an error must not.
 *
 * Words are compared, whatever their case and accents; not those of one letter, nor, in a sentence, of
 * two in lower case ("is", "to"). Numbers can be written in too many ways: see {@link withoutNumbers}.
 * MSH-9 and the control IDs may be repeated.
 *
 * @param valuesOf what else depends on the message or is secret, such as the values of headers
 * @param isPath it is a path, in which names may be in lower case
 */
export function repeats(
  text: string,
  message: OutgoingMessage,
  valuesOf: () => string[],
  isPath = false
): boolean {
  if (message.bytes.length > MOST_TEXT) return true
  const values = valuesOf()
  const given = values.join(' ')
  if (given.length > MOST_TEXT) return true
  if (values.some((value) => value.length > 2 && text.includes(value))) return true
  const known = new Set([message.type, ...message.controlIds].flatMap(wordsOf).map(folded))
  const theirs = new Set(
    [text, decoded(text)]
      .flatMap(wordsOf)
      .filter(({ length }) => length > 1)
      .filter((word) => word.length > 2 || isPath || /\p{Lu}/u.test(word))
      .map(folded)
      .filter((word) => !known.has(word))
  )
  const joined = [...theirs].join('')
  const separators = readSeparators(message.text) ?? defaultSeparators
  const ours = new Set([unescape(message.text, separators), given].flatMap(wordsOf).map(folded))
  return (
    [...ours].some(
      (word) => theirs.has(word) || (word.length >= LONG_WORD && joined.includes(word))
    ) ||
    // A piece of a secret.
    [...theirs].some((word) => word.length >= LONG_WORD && folded(given).includes(word))
  )
}

/**
 * Whether the name that a receiver gives a request has a word or a number of the message in it, other than a control ID,
 * the type or the name of a segment: it may then be that of the patient. Cheap, because it is asked for each message; nothing is said of a long one.
 */
export function isOfMessage(
  name: string | undefined,
  { controlIds, text, type }: Pick<OutgoingMessage, 'controlIds' | 'text' | 'type'>
): boolean {
  if (name === undefined) return false
  if (text.length > MOST_TEXT) return true
  const words = name.match(/[\p{L}\p{N}]{4,}|(?<![\p{L}\p{N}])\p{L}{3}(?![\p{L}\p{N}])/gu) ?? []
  const sent = text.toLowerCase()
  const known = wordsOf(type.toLowerCase())
  return words
    .filter((word) => !controlIds.some((id) => id.includes(word)))
    .filter((word) => !known.includes(word.toLowerCase()))
    .some((word) => (word.length > 3 ? sent.includes(word.toLowerCase()) : hasWord(text, word)))
}

/** Three letters are in many words: they count where they stand alone, and are not the name of a segment. */
function hasWord(text: string, letters: string): boolean {
  return new RegExp(`(?<!^|[\\r\\p{L}\\p{N}])${letters}(?![\\p{L}\\p{N}])`, 'iu').test(text)
}

/** With `…` for each number, such as a date of birth; `oauth2` and `RS256` are words. */
export function withoutNumbers(text: string): string {
  return text.replace(/(?<![a-z\d])\d[a-z\d]*(?:[.,:/+-]\d[a-z\d]*)*|\d{4,}/gi, '…')
}

/** How ASCII writes letters that have no accent to leave out. */
// oxfmt-ignore
const IN_ASCII: Record<string, string> = {
  ø: 'o', æ: 'a', œ: 'o', ł: 'l', đ: 'd', ð: 'd', þ: 'th', ß: 'ss', ı: 'i'
}

/** Words without accents, each once: with the digits in them, and without. */
function wordsOf(text: string): string[] {
  const plain = text.normalize('NFD').replace(/\p{M}+/gu, '')
  const words = [...new Set(plain.match(/[\p{L}\p{N}]+/gu))]
  return words.flatMap((word) => [word, ...(/\p{N}/u.test(word) ? word.split(/\p{N}+/u) : [])])
}

/** The same for all spellings of a name: Søren, Soren and SOEREN. */
function folded(word: string): string {
  return word
    .toLowerCase()
    .replace(/[^\0-~]/g, (letter) => IN_ASCII[letter] ?? letter)
    .replace(/([aou])e|(a)a/g, '$1$2')
}

/** Percent-decoded, if it is percent-encoded UTF-8. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
