import { decodeReply } from '../hl7/charset.ts'
import type { Base64Reader } from './find-reply.ts'

/** Reads base64 whose bytes may be in any character set. */
export const base64Reader: Base64Reader = {
  beginning: (text) => Buffer.from(text.slice(0, 400), 'base64').toString('latin1'),
  decode: (text) => {
    const bytes = decodeBase64(text)
    return bytes === null ? null : decodeReply(bytes, undefined)
  }
}

/**
 * Decodes base64 (RFC 4648 §4 and the URL-safe alphabet of §5), with or without padding and line
 * breaks. `null` for everything else, and for an empty text.
 */
function decodeBase64(text: string): Buffer | null {
  const digits = text.replace(/[\t-\r ]+/g, '').replace(/={1,2}$/, '')
  return /^[\w+/-]+$/.test(digits) && digits.length % 4 !== 1 ? Buffer.from(digits, 'base64') : null
}
