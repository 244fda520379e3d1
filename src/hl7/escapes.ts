/**
 * The separators that a header segment declares (MSH-1 and MSH-2, HL7 v2.5.1 §2.5.4), one character
 * each; `''` if a short MSH-2 omits it: then nothing is split or escaped by it.
 */
export interface Separators {
  readonly field: string
  readonly component: string
  readonly repetition: string
  readonly escape: string
  readonly subcomponent: string
  /** The fifth character of MSH-2, from v2.7 on. */
  readonly truncation: string
}

/**
 * Resolves the escape sequences of HL7 v2.5.1 §2.7 that stand for characters: `\F\ \S\ \T\ \R\
 * \E\`, `\P\` if MSH-2 has a truncation character, and `\Xhh..\`.
 *
 * The bytes of `\Xhh..\` are read as UTF-8 if they are valid UTF-8, else as ISO-8859-1: a field
 * alone does not tell its message's set, and these two cover what is sent. The result may contain
 * any control character, including CR and LF.
 *
 * Everything else is kept: formatting (`\H\ \N\ \.br\`), `\C..\ \M..\ \Z..\`, an odd number of
 * hexadecimal digits, an unknown sequence, a lone escape character.
 */
export function unescape(text: string, separators: Separators): string {
  const { escape } = separators
  if (escape === '') return text
  let open = text.indexOf(escape)
  let result = ''
  let kept = 0
  while (open !== -1) {
    const close = text.indexOf(escape, open + 1)
    if (close === -1) break
    const character = resolve(text.slice(open + 1, close), separators)
    if (character === undefined) {
      // What looked like the end may be the beginning: `C:\dir\F\` contains one escape, `\F\`.
      open = close
      continue
    }
    result += text.slice(kept, open) + character
    kept = close + 1
    open = text.indexOf(escape, kept)
  }
  return result + text.slice(kept)
}

function resolve(sequence: string, separators: Separators): string | undefined {
  switch (sequence) {
    case 'F':
      return separators.field
    case 'S':
      return separators.component
    case 'T':
      return separators.subcomponent || undefined
    case 'R':
      return separators.repetition || undefined
    case 'E':
      return separators.escape
    case 'P':
      return separators.truncation || undefined
    default:
      return sequence.charCodeAt(0) === 0x58 ? resolveHex(sequence.slice(1)) : undefined
  }
}

function resolveHex(digits: string): string | undefined {
  if (!/^(?:[0-9A-Fa-f]{2})+$/.test(digits)) return undefined
  // The usual case, and a reply may consist of nothing else: three times as fast as a Buffer.
  if (digits.length === 2) return String.fromCharCode(Number.parseInt(digits, 16))
  const bytes = new Uint8Array(digits.length / 2)
  let latin1 = ''
  for (let at = 0; at < bytes.length; at++) {
    const byte = Number.parseInt(digits.slice(2 * at, 2 * at + 2), 16)
    bytes[at] = byte
    latin1 += String.fromCharCode(byte)
  }
  try {
    return utf8.decode(bytes)
  } catch {
    return latin1
  }
}

/** Not the Buffer of Node.js: the page reads replies too. */
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
