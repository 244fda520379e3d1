import { decodeReply } from '../hl7/charset.ts'
import { beginsLikeHl7, readReplyMessage, type ReplyMessage } from '../hl7/reply-message.ts'

/**
 * How the HL7 text is encoded in a body, or in a text of a JSON or XML body. `text`: as it is. `base64`:
 * always base64. `auto`: as it is if that reads as HL7, else as base64 of HL7.
 */
export type ReplyEncoding = 'auto' | 'text' | 'base64'

/**
 * The reply in a list of texts: all those with an MSA, without duplicates, else the first that is
 * HL7; `null` if none is.
 */
export function findReply(texts: Iterable<string>, encoding: ReplyEncoding): ReplyMessage | null {
  let first: ReplyMessage | null = null
  const acknowledgements = new Map<string, ReplyMessage>()
  for (const text of texts) {
    const message = readReplyText(text, encoding)
    if (message === null || isQuoted(message)) continue
    if (message.msa !== undefined) acknowledgements.set(message.text, message)
    first ??= message
  }
  if (acknowledgements.size === 0) return first
  const [only, ...others] = acknowledgements.values()
  if (others.length === 0) return only ?? null
  // A lone MSA is read with the usual separators, so it goes before any header.
  const [alone, headed] = [[], []] as [string[], string[]]
  for (const text of acknowledgements.keys()) (text.startsWith('MSA') ? alone : headed).push(text)
  return readReplyMessage([...alone, ...headed].join(''))
}

/** A batch header alone in JSON or XML: an error message quotes it, often from what was sent. */
function isQuoted({ msa, text }: ReplyMessage): boolean {
  return msa === undefined && !text.startsWith('MSH') && text.indexOf('\r') === text.length - 1
}

/** Reads a text, or what it is the base64 of, as HL7; `null` if it is not HL7. */
export function readReplyText(text: string, encoding: ReplyEncoding): ReplyMessage | null {
  const message = encoding === 'base64' ? null : readReplyMessage(text)
  if (message !== null || encoding === 'text') return message
  const beginning = Buffer.from(text.slice(0, 400), 'base64')
  if (!beginsLikeHl7(decodeReply(beginning, undefined))) return null
  const bytes = decodeBase64(text)
  return bytes === null ? null : readReplyMessage(decodeReply(bytes, undefined))
}

/**
 * Decodes base64 (RFC 4648 §4 and the URL-safe alphabet of §5), with or without padding and line
 * breaks. `null` for everything else, and for an empty text.
 */
export function decodeBase64(text: string): Buffer | null {
  const digits = text.replace(/[\t-\r ]+/g, '').replace(/={1,2}$/, '')
  return /^[\w+/-]+$/.test(digits) && digits.length % 4 !== 1 ? Buffer.from(digits, 'base64') : null
}
