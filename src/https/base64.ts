/**
 * Decodes base64 (RFC 4648 §4 and the URL-safe alphabet of §5), with or without padding, broken into
 * lines or not. `null` for everything else, and for nothing. Linear in the length.
 */
export function decodeBase64(text: string): Buffer | null {
  let digits = 0
  let padding = 0
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === 0x3d) padding++
    else if (isDigit(code) && padding === 0) digits++
    else if (!isWhiteSpace(code)) return null
  }
  if (digits === 0 || digits % 4 === 1 || padding > 2) return null
  return Buffer.from(text, 'base64')
}

function isDigit(code: number): boolean {
  return (
    (code >= 0x61 && code <= 0x7a) ||
    (code >= 0x41 && code <= 0x5a) ||
    (code >= 0x30 && code <= 0x39) ||
    code === 0x2b ||
    code === 0x2f ||
    code === 0x2d ||
    code === 0x5f
  )
}

function isWhiteSpace(code: number): boolean {
  return code === 0x20 || (code >= 0x09 && code <= 0x0d)
}
