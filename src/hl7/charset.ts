/** Conversion between text and bytes, and the character sets that messages name. */
import { Buffer, isAscii, isUtf8 } from 'node:buffer'
import { TextDecoder } from 'node:util'
import type Iconv from 'iconv-lite'
import { english } from '../english.ts'
import {
  ascii,
  charsets,
  findCharset,
  gb18030,
  latin1,
  reduced,
  utf16be,
  utf16le,
  utf8,
  type Charset
} from './charset-labels.ts'
import { unframe } from './framing.ts'
import { Hl7Error } from './hl7-error.ts'
import { parsePath } from './path.ts'
import { Segments } from './segments.ts'

let loaded: typeof Iconv | undefined

/** Loaded with the first message or reply that is neither UTF-8 nor ISO-8859-1: Node-RED starts earlier without it. */
function iconv(): typeof Iconv {
  const { createRequire } = process.getBuiltinModule('node:module')
  return (loaded ??= createRequire(import.meta.url)('iconv-lite') as typeof Iconv)
}

/** Sets of table 0211 that no library here can read or write. */
const unavailable = new Set(['cns116431992', 'jas2020', 'jisx0202', 'unicodeutf32'])

/** See {@link findCharset}. */
export function charsetOfLabel(label: string): Charset | null {
  return findCharset(label, isCodec)
}

/** Whether iconv-lite has a set of that name. */
export function isCodec(name: string): boolean {
  return iconv().encodingExists(name)
}

/** Every name that {@link charsetOfLabel} knows, in lower-case letters and digits. */
export function charsetNames(): string[] {
  iconv().encodingExists('utf8') // loads its list
  const { encodings } = iconv() as unknown as { encodings: Record<string, unknown> }
  const names = new Set([...charsets.keys(), ...Object.keys(encodings)])
  return [...names].filter((name) => charsetOfLabel(name) !== null)
}

/**
 * The set that MSH-18 names. Only the first repetition counts; the others would need the escape
 * sequences of ISO 2022, which no library here writes. But if the first is empty or ASCII and a
 * Japanese set follows, it is ISO-2022-JP: Japanese messages are sent that way (`~ISO IR87`).
 *
 * @param repetitions All repetitions of MSH-18, unescaped; none, or only empty ones, mean "not
 * given".
 * @returns undefined if no set is given, null if the name is unknown.
 * @throws Hl7Error `HL7_CONFIG` for a set of table 0211 that cannot be read or written here.
 */
function charsetOfMsh18(repetitions: readonly string[]): Charset | null | undefined {
  const named = repetitions.map((one) => one.trim()).filter((one) => one !== '' && one !== '""')
  const sets = named.map((one) => {
    if (unavailable.has(reduced(one))) {
      throw new Hl7Error('HL7_CONFIG', english('log', 'error.charsetUnavailable'))
    }
    return charsetOfLabel(one)
  })
  if (repetitions[0]?.trim() === '' || sets[0] === ascii) {
    const japanese = sets.find((set) => set?.codec === '')
    if (japanese !== undefined) return japanese
  }
  return sets[0]
}

/** Whether the set's units are wider than a byte, so that a CR is not just the byte 0x0D. */
export function isWide(charset: Charset): boolean {
  return charset === utf16le || charset === utf16be
}

/**
 * UTF-16, if the first bytes show it: by a byte order mark, or by the zeros of two ASCII letters.
 * undefined for anything else.
 */
export function wideCharset(bytes: Uint8Array): Charset | undefined {
  const isZero = (at: number): boolean => bytes[at] === 0
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return utf16le
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return utf16be
  if (bytes.length < 4 || isZero(0) === isZero(1)) return undefined
  if (isZero(0) !== isZero(2) || isZero(1) !== isZero(3)) return undefined
  return isZero(0) ? utf16be : utf16le
}

/**
 * The text as bytes in the set.
 *
 * @param label A name for `charsetOfLabel`, or a set.
 * @throws Hl7Error `HL7_INVALID_MESSAGE` if the set lacks a character: the error gives the segment
 * (counted from 1 by CR), not the character, which is part of a field. `HL7_CONFIG` if the label is
 * unknown or nothing here can write the set.
 */
export function encode(text: string, label: string | Charset): Buffer {
  const charset = typeof label === 'string' ? charsetOfLabel(label) : label
  if (charset === null) throw unknownCharset()
  if (charset.codec === '') {
    const text = english('log', 'error.charsetNotWritten', { charset: charset.label })
    throw new Hl7Error('HL7_CONFIG', text)
  }
  // Half a surrogate pair is not a character: no set can encode it.
  if (!text.isWellFormed()) throw unencodable(text, text.search(/\p{Surrogate}/u), charset)
  if (charset === utf8) return Buffer.from(text, 'utf8')
  if (charset === latin1 || charset === ascii) {
    const beyond = text.search(charset === latin1 ? /[\u0100-\uffff]/ : /[\u0080-\uffff]/)
    if (beyond !== -1) throw unencodable(text, beyond, charset)
    return Buffer.from(text, 'latin1')
  }
  return encodeChecked(text, charset)
}

/**
 * iconv-lite writes a question mark for what it cannot encode, and maps some characters to a byte
 * that decodes to another (U+00A5 to the backslash of Shift JIS). So the bytes are decoded again,
 * in pieces to avoid a second copy of the text.
 */
function encodeChecked(text: string, charset: Charset): Buffer {
  const bytes = iconv().encode(text, charset.codec)
  const decoder = iconv().getDecoder(charset.codec, { stripBOM: false })
  const step = 65_536
  let at = 0
  const check = (piece: string): void => {
    if (text.startsWith(piece, at) && !(isSingleByte(charset) && piece.includes('\ufffd'))) {
      at += piece.length
      return
    }
    let same = 0
    const differs = (): boolean => piece[same] !== text[at + same] || piece[same] === '\ufffd'
    while (!differs()) same++
    throw unencodable(text, at + same, charset)
  }
  for (let from = 0; from < bytes.length; from += step) {
    check(decoder.write(bytes.subarray(from, from + step)))
  }
  check(decoder.end() ?? '')
  if (at !== text.length) throw unencodable(text, at, charset)
  // Its multi-byte encoders return the start of a buffer three or four times as long as the text.
  return bytes.length * 2 < bytes.buffer.byteLength ? Buffer.from(bytes) : bytes
}

/** In iconv-lite's single-byte tables, U+FFFD marks unassigned bytes. */
function isSingleByte(charset: Charset): boolean {
  return !isWide(charset) && charset !== gb18030
}

function unencodable(text: string, at: number, charset: Charset): Hl7Error {
  let segment = 1
  for (let cr = text.indexOf('\r'); cr !== -1 && cr < at; cr = text.indexOf('\r', cr + 1)) segment++
  const values = { segment, charset: charset.label }
  return new Hl7Error('HL7_INVALID_MESSAGE', english('log', 'error.unencodable', values))
}

/** The error for a `charset` property that does not name a set. */
export function unknownCharset(): Hl7Error {
  return new Hl7Error('HL7_CONFIG', english('log', 'error.charsetUnknown'))
}

/**
 * The bytes as text. Never throws: what is not a character in the set becomes U+FFFD. Drops a byte
 * order mark. US-ASCII with other bytes is read as UTF-8 if valid, else as ISO-8859-1.
 */
export function decode(bytes: Buffer, charset: Charset): string {
  if (charset === ascii) return decode(bytes, isUtf8(bytes) ? utf8 : latin1)
  if (charset === latin1) return bytes.toString('latin1')
  if (charset === utf8) return withoutByteOrderMark(bytes.toString('utf8'))
  if (charset.codec === '') return new TextDecoder('iso-2022-jp').decode(bytes)
  return withoutByteOrderMark(iconv().decode(bytes, charset.codec, { stripBOM: false }))
}

function withoutByteOrderMark(text: string): string {
  return text.startsWith('\ufeff') ? text.slice(1) : text
}

const msh18 = parsePath('MSH-18')

/**
 * The set that the first MSH of a message names.
 *
 * @param headers Starts with a header segment. Bytes whose set is not known yet are passed as
 * ISO-8859-1.
 * @returns undefined if no set is given, null if the name is unknown.
 * @throws Hl7Error as `charsetOfMsh18`
 */
export function declaredCharset(headers: string): Charset | null | undefined {
  const msh = new Segments(headers).first('MSH')
  return charsetOfMsh18(msh?.values(msh18) ?? [])
}

/** How much of a reply is searched for the MSH that names its set: enough for FHS, BHS and MSH. */
const headerLength = 16_384

/** Switches the set in ISO 2022. */
const escapeByte = 0x1b

/**
 * A reply body as text. Its set is that of the byte order mark or zeros, else the HTTP charset,
 * else MSH-18, else UTF-8 if valid, else ISO-8859-1. A name in HTTP or MSH-18 is ignored if it is
 * unknown, or if the bytes rule it out: UTF-16 without such zeros, invalid UTF-8. Never throws.
 *
 * @param httpCharset The charset parameter of the reply's Content-Type, without quotes.
 */
export function decodeReply(bytes: Uint8Array, httpCharset: string | undefined): string {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const wide = wideCharset(buffer)
  if (wide !== undefined) return decode(buffer, wide)
  // Most replies: these bytes are the same in every other set.
  if (isAscii(buffer) && !buffer.includes(escapeByte)) return buffer.toString('latin1')
  if (utf8Mark.equals(buffer.subarray(0, 3))) return decode(buffer, utf8)
  const fits = (set: Charset | null | undefined): set is Charset =>
    set !== null && set !== undefined && !isWide(set) && (set !== utf8 || isUtf8(buffer))
  const labelled = httpCharset === undefined ? null : charsetOfLabel(httpCharset)
  if (fits(labelled)) return decode(buffer, labelled)
  const declared = replyCharset(buffer)
  return decode(buffer, fits(declared) ? declared : ascii)
}

export const utf8Mark = Buffer.from('\ufeff')

function replyCharset(bytes: Buffer): Charset | null | undefined {
  try {
    return declaredCharset(unframe(bytes.toString('latin1', 0, headerLength)))
  } catch {
    return undefined
  }
}
