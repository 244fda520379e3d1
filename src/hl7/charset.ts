/**
 * Character sets: HL7's names (MSH-18, table 0211), Internet labels, and conversion between text
 * and bytes.
 */
import { Buffer, isAscii, isUtf8 } from 'node:buffer'
import { TextDecoder } from 'node:util'
import iconv from 'iconv-lite'
import { unframe } from './framing.ts'
import { Hl7Error } from './hl7-error.ts'
import { parsePath } from './path.ts'
import { isHeader, Segments } from './segments.ts'

/** A character set that bytes can be labelled with. */
export interface Charset {
  /**
   * The charset parameter of a Content-Type, in lower case, without quotes: `utf-8`, `iso-8859-1`.
   * It is IANA's preferred MIME name, whatever name was asked for, or else the usual one.
   */
  readonly label: string
  /** iconv-lite's name; `''` for the ISO 2022-JP sets, which can be read but not written. */
  readonly codec: string
}

/** The default for sending. */
export const utf8: Charset = { label: 'utf-8', codec: 'utf8' }
/** What bytes are taken for if they are not UTF-8: every byte is a character in it. */
export const latin1: Charset = { label: 'iso-8859-1', codec: 'iso88591' }
const ascii: Charset = { label: 'us-ascii', codec: 'ascii' }
const utf16le: Charset = { label: 'utf-16le', codec: 'utf16le' }
const utf16be: Charset = { label: 'utf-16be', codec: 'utf16be' }
const utf32le: Charset = { label: 'utf-32le', codec: 'utf32le' }
const utf32be: Charset = { label: 'utf-32be', codec: 'utf32be' }
const iso2022jp: Charset = { label: 'iso-2022-jp', codec: '' }
const iso2022jp2: Charset = { label: 'iso-2022-jp-2', codec: '' }
const gb18030: Charset = { label: 'gb18030', codec: 'gb18030' }
// iconv-lite's own "big5" is the Hong Kong extension, which other readers of "big5" do not support.
const big5: Charset = { label: 'big5', codec: 'cp950' }
const windows31j: Charset = { label: 'windows-31j', codec: 'shiftjis' }
const eucKr: Charset = { label: 'euc-kr', codec: 'cp949' }

/**
 * By name, reduced to lower-case letters and digits. UTF-16 and UTF-32 without a byte order are
 * big-endian, as in Unicode and RFC 2781 §4.3; the label says so.
 */
const charsets: ReadonlyMap<string, Charset> = new Map([
  // Table 0211, v2.3 to v2.9. The ISO 8859 family follows below.
  ['ascii', ascii],
  ['unicode', utf8], // "the world wide character standard": UTF-8 is what its users send
  ['unicodeutf8', utf8],
  ['unicodeutf16', utf16be],
  ['unicodeutf32', utf32be],
  ['gb180302000', gb18030],
  ['ksx1001', eucKr],
  ['big5', big5],
  ['isoir14', iso2022jp],
  ['isoir87', iso2022jp],
  ['isoir159', iso2022jp2],
  // Labels that differ from iconv-lite's name, or whose bytes need a particular codec.
  ['utf8', utf8],
  ['utf16', utf16be],
  ['ucs2', utf16be],
  ['iso10646ucs2', utf16be],
  ['utf16le', utf16le],
  ['utf16be', utf16be],
  ['utf32', utf32be],
  ['utf32le', utf32le],
  ['utf32be', utf32be],
  ['gb18030', gb18030],
  ['gbk', { label: 'gbk', codec: 'gbk' }],
  ['iso2022jp', iso2022jp],
  ['iso2022jp2', iso2022jp2],
  ...['windows31j', 'ms31j', 'windows932', 'ms932', 'cp932'].map((name): [string, Charset] => [
    name,
    windows31j
  ]),
  ['shiftjis', { label: 'shift_jis', codec: 'shiftjis' }],
  ['cp949', eucKr],
  ['cp950', big5],
  ['cnbig5', big5],
  ['csbig5', big5],
  ['gb2312', { label: 'gb2312', codec: 'cp936' }],
  ...['i', 'e'].map((order): [string, Charset] => [
    `iso88598${order}`,
    { label: `iso-8859-8-${order}`, codec: 'iso88598' }
  ]),
  ['eucjp', { label: 'euc-jp', codec: 'eucjp' }],
  ...[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 14, 15, 16].flatMap((part): [string, Charset][] => {
    const charset = part === 1 ? latin1 : { label: `iso-8859-${part}`, codec: `iso8859${part}` }
    return [
      [`8859${part}`, charset],
      [`iso8859${part}`, charset]
    ]
  }),
  ...[0, 1, 2, 3, 4, 5, 6, 7, 8].map((page): [string, Charset] => [
    `windows125${page}`,
    { label: `windows-125${page}`, codec: `cp125${page}` }
  ])
])

/** iconv-lite lists these as encodings, but they are not character sets of messages. */
const notCharsets = /^(?:base64|hex|binary|utf7|utf7imap|unicode11utf7|cesu8|ucs4.*)$/

/** The parts of ISO 8859 by their numbers in the ISO-IR registry, as the Encoding Standard lists them. */
const ISO_IR = /^isoir(100|101|109|110|126|127|138|144|148|157)$/

/** Sets of table 0211 that no library here can read or write. */
const unavailable = new Set(['cns116431992', 'jas2020', 'jisx0202'])

/**
 * The set that a charset parameter or the node's `charset` property names: `utf-8`, `ISO-8859-1`,
 * `windows-1252`, or HL7's own names. Case, quotes, spaces and hyphens do not matter.
 *
 * @returns null if the name is unknown.
 */
export function charsetOfLabel(label: string): Charset | null {
  const name = label.slice(0, 64).toLowerCase()
  const key = name.replace(/[^a-z0-9]/g, '')
  const known = charsets.get(key)
  if (known !== undefined) return known
  // iconv-lite has sets named US, CN and JP; in MSH-18, they are country codes that belong in
  // MSH-17.
  if (key.length < 4 || !/[a-z]/.test(key)) return null
  if (notCharsets.test(key)) return null
  const codec = iconv.encodingExists(key) ? codecOf(key) : codecs.get(key)
  if (codec === undefined) return null
  const charset = charsets.get(codec) ?? { label: labels.get(codec) ?? codec, codec }
  // A set asked for by its ISO-IR number keeps that name, which IANA also knows.
  const [, number] = ISO_IR.exec(key) ?? []
  return number === undefined ? charset : { ...charset, label: `iso-ir-${number}` }
}

/** Every name that {@link charsetOfLabel} knows, in lower-case letters and digits. */
export function charsetNames(): string[] {
  iconv.encodingExists('utf8') // loads its list
  const { encodings } = iconv as unknown as { encodings: Record<string, unknown> }
  const names = [...charsets.keys(), ...codecs.keys(), ...Object.keys(encodings)]
  return [...new Set(names)].filter((name) => charsetOfLabel(name) !== null)
}

/** Follows iconv-lite's aliases to the name that has the table: `isoir100`, `iso88591`. */
function codecOf(name: string): string {
  const { encodings } = iconv as unknown as { encodings: Record<string, unknown> }
  let codec = name
  for (let next = encodings[codec]; typeof next === 'string'; next = encodings[codec]) codec = next
  return codec
}

/** iconv-lite's tables whose name is not a label; the others are in `charsets`. */
const labels: ReadonlyMap<string, string> = new Map([
  ['cp936', 'gbk'],
  ['cp858', 'ibm00858'],
  ...'437 775 850 852 855 857 860 861 862 863 864 865 866 869'
    .split(' ')
    .map((page) => [`cp${page}`, `ibm${page}`] as const),
  ['koi8r', 'koi8-r'],
  ['koi8u', 'koi8-u'],
  ['windows874', 'windows-874'],
  ['tis620', 'tis-620'],
  ['big5hkscs', 'big5-hkscs'],
  ['hproman8', 'hp-roman8'],
  ['macroman', 'macintosh'],
  ['maccyrillic', 'x-mac-cyrillic'],
  ['pt154', 'ptcp154'],
  ['rk1048', 'kz-1048'],
  ['iso646jp', 'iso646-jp'],
  ['iso646cn', 'iso646-cn'],
  ['armscii8', 'armscii-8'],
  ['koi8ru', 'koi8-ru'],
  ['koi8t', 'koi8-t'],
  ['georgianacademy', 'georgian-academy'],
  ['georgianps', 'georgian-ps']
])

/** The same by label: a receiver may name a set as we do. */
const codecs: ReadonlyMap<string, string> = new Map(
  [...labels].map(([codec, label]) => [label.replaceAll('-', ''), codec])
)

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
export function charsetOfMsh18(repetitions: readonly string[]): Charset | null | undefined {
  const named = repetitions.map((one) => one.trim()).filter((one) => one !== '' && one !== '""')
  const sets = named.map((one) => {
    const key = one.toLowerCase().replace(/[^a-z0-9]/g, '')
    if (unavailable.has(key)) {
      throw new Hl7Error(
        'HL7_CONFIG',
        'MSH-18 names a character set of HL7 table 0211 that cannot be encoded here. ' +
          'Send the message in another set, or set the charset of the node.'
      )
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
  return charset.label.startsWith('utf-16') || charset.label.startsWith('utf-32')
}

/**
 * UTF-16 or UTF-32, if the first bytes show it: by a byte order mark, or by zeros around the first
 * ASCII letter. undefined for anything else.
 */
export function wideCharset(bytes: Uint8Array): Charset | undefined {
  const [a, b, c, d] = bytes
  if (a === 0xff && b === 0xfe) return c === 0 && d === 0 ? utf32le : utf16le
  if (a === 0xfe && b === 0xff) return utf16be
  if (a === 0 && b === 0 && c === 0xfe && d === 0xff) return utf32be
  if (d === undefined) return undefined
  if (a === 0 && b === 0 && c === 0 && d !== 0) return utf32be
  if (a !== 0 && b === 0 && c === 0 && d === 0) return utf32le
  if (a === 0 && c === 0 && d !== 0) return utf16be
  if (a !== 0 && b === 0 && d === 0) return utf16le
  return undefined
}

/**
 * Removes MLLP's single bytes around wide ones, as left by a TCP node that ignores character sets.
 * Bytes without such framing are returned as they are.
 */
export function withoutMllpBytes(bytes: Buffer): Buffer {
  if (bytes[0] !== 0x0b || wideCharset(bytes) !== undefined) return bytes
  const end = bytes.at(-1) === 0x0d && bytes.at(-2) === 0x1c ? -2 : bytes.at(-1) === 0x1c ? -1 : 0
  return bytes.subarray(1, bytes.length + end)
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
    throw new Hl7Error(
      'HL7_CONFIG',
      `Text cannot be encoded in ${charset.label} here. ` +
        'Pass the message as a Buffer in that set, or choose another charset.'
    )
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
  const bytes = iconv.encode(text, charset.codec)
  const decoder = iconv.getDecoder(charset.codec, { stripBOM: false })
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
  return new Hl7Error(
    'HL7_INVALID_MESSAGE',
    `Segment ${segment} of the message has a character that ${charset.label} cannot represent. ` +
      'Correct MSH-18 or the charset of the node, or replace the character.'
  )
}

/** The error for a `charset` property that does not name a set. */
export function unknownCharset(): Hl7Error {
  return new Hl7Error(
    'HL7_CONFIG',
    'The charset is not known. Use auto or a label such as utf-8, iso-8859-1 or windows-1252.'
  )
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
  return withoutByteOrderMark(iconv.decode(bytes, charset.codec, { stripBOM: false }))
}

function withoutByteOrderMark(text: string): string {
  return text.startsWith('\ufeff') ? text.slice(1) : text
}

const msh18 = parsePath('MSH-18')
const escapeByte = 0x1b

/**
 * Sets in which the second byte of a character can be that of a separator: 院 is B0 7C in Big5. Other
 * such sets are laid out like one of these.
 */
const overlapping: readonly Charset[] = [big5, gb18030, windows31j, iso2022jp]
const overlappingLabels = new Set([
  ...['big5', 'big5-hkscs', 'gb18030', 'gbk', 'gb2312'],
  ...['shift_jis', 'windows-31j', 'iso-2022-jp', 'iso-2022-jp-2']
])

/**
 * The set that the first MSH of a message names. Its fields are separated before its set is known, as
 * in ISO-8859-1; but such a set that is named if they are read in it, or in one like it, takes
 * precedence.
 *
 * @param headers starts with a header segment
 * @returns undefined if no set is given, null if the name is unknown.
 * @throws Hl7Error as `charsetOfMsh18`
 */
export function declaredCharset(headers: Buffer): Charset | null | undefined {
  if (!isAscii(headers) || headers.includes(escapeByte)) {
    for (const likely of overlapping) {
      const named = charsetNamedIn(decode(headers, likely))
      if (named && overlappingLabels.has(named.label)) return named
    }
  }
  return charsetNamedIn(decode(headers, latin1))
}

/** The same for headers as text. */
export function charsetNamedIn(headers: string): Charset | null | undefined {
  const msh = new Segments(headers).named('MSH')[0]
  return charsetOfMsh18(msh?.values(msh18) ?? [])
}

/**
 * How many bytes of a reply are searched for the MSH that names its set: enough for FHS, BHS and
 * MSH.
 */
const headerLength = 16_384

/**
 * A reply body as text. Its set is that of the byte order mark or zeros, else the HTTP charset,
 * else MSH-18, else UTF-8 if valid, else ISO-8859-1. A name in HTTP or MSH-18 is ignored if it is
 * unknown, or if the bytes rule it out: UTF-16 or UTF-32 without such zeros, invalid UTF-8. Drops
 * NULs at both ends. Never throws.
 *
 * @param httpCharset The charset parameter of the reply's Content-Type, quoted or not.
 */
export function decodeReply(bytes: Uint8Array, httpCharset: string | undefined): string {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const unframed = withoutMllpBytes(buffer)
  const wide = wideCharset(unframed)
  return withoutNuls(
    wide !== undefined ? decode(unframed, wide) : decodeNarrow(buffer, httpCharset)
  )
}

/** Drops the zeros that end a C string, and any before the text. */
function withoutNuls(text: string): string {
  let start = 0
  while (text.charCodeAt(start) === 0) start++
  let end = text.length
  while (text.charCodeAt(end - 1) === 0) end--
  return text.slice(start, end)
}

function decodeNarrow(buffer: Buffer, httpCharset: string | undefined): string {
  if (isMarkedUtf8(buffer)) return decode(buffer, utf8)
  const fits = (set: Charset | null | undefined): set is Charset =>
    set !== null && set !== undefined && !isWide(set) && (set !== utf8 || isUtf8(buffer))
  const labelled = httpCharset === undefined ? null : charsetOfLabel(httpCharset)
  if (fits(labelled)) return decode(buffer, labelled)
  const declared = replyCharset(buffer)
  return decode(buffer, fits(declared) ? declared : ascii)
}

const utf8Mark = Buffer.from('\ufeff')

function isMarkedUtf8(bytes: Buffer): boolean {
  return bytes.subarray(0, 3).equals(utf8Mark)
}

function replyCharset(bytes: Buffer): Charset | null | undefined {
  const head = unframe(withoutNuls(bytes.toString('latin1', 0, headerLength))).trimStart()
  try {
    // In XML it is not at the beginning.
    if (!isHeader(head.slice(0, 3))) return charsetNamedIn(head)
    return declaredCharset(Buffer.from(head, 'latin1'))
  } catch {
    return undefined
  }
}
