import { decodeReply } from '../hl7/charset.ts'
import { readReplyMessage, type ReplyMessage } from '../hl7/reply-message.ts'
import { decodeBase64 } from './base64.ts'

/**
 * How the HL7 text stands in a body, or in a member of a JSON body. `text`: as it is. `base64`:
 * always base64. `auto`: as it is where that reads as HL7, else as base64 of HL7.
 */
export type ReplyEncoding = 'auto' | 'text' | 'base64'

/** Reads a text, or what it stands for in base64, as HL7; `null` if it is none. */
export function readReplyText(text: string, encoding: ReplyEncoding): ReplyMessage | null {
  const message = encoding === 'base64' ? null : readReplyMessage(text)
  if (message !== null || encoding === 'text') return message
  if (encoding === 'auto' && !beginsLikeHl7InBase64(text)) return null
  const bytes = decodeBase64(text)
  return bytes === null ? null : readReplyMessage(decodeReply(bytes, undefined))
}

/** A quick look at the beginning, for texts of which most are something else. */
export function mayBeHl7(text: string, encoding: ReplyEncoding): boolean {
  return (
    (encoding !== 'base64' && beginsLikeHl7(text)) ||
    (encoding !== 'text' && beginsLikeHl7InBase64(text))
  )
}

function beginsLikeHl7(text: string): boolean {
  let at = 0
  while (at < text.length && isBeforeHl7(text.charCodeAt(at))) at++
  return beginnings.some((name) => text.startsWith(name, at))
}

/** The headers, and the MSA of a reply that is nothing else. */
const beginnings = ['MSH', 'FHS', 'BHS', 'MSA']

/** Blanks, framing and other control characters, and the byte order mark. */
function isBeforeHl7(code: number): boolean {
  return code <= 0x20 || code === 0xa0 || code === 0xfeff
}

function beginsLikeHl7InBase64(text: string): boolean {
  return beginsLikeHl7(Buffer.from(text.slice(0, 400), 'base64').toString('utf8'))
}
