/**
 * The names of character sets: HL7's (MSH-18, table 0211) and Internet labels. The forms judge by this, too, where iconv-lite
 * is only a list of names.
 */

/** A character set that bytes can be labelled with. */
export interface Charset {
  /** The charset parameter of a Content-Type, in lower case, without quotes: `utf-8`. */
  readonly label: string
  /** iconv-lite's name; `''` for the ISO 2022-JP sets, which can be read but not written. */
  readonly codec: string
}

/** The default for sending. */
export const utf8: Charset = { label: 'utf-8', codec: 'utf8' }
/** What bytes are taken for if they are not UTF-8: every byte is a character in it. */
export const latin1: Charset = { label: 'iso-8859-1', codec: 'iso88591' }
export const ascii: Charset = { label: 'us-ascii', codec: 'ascii' }
export const utf16le: Charset = { label: 'utf-16le', codec: 'utf16le' }
export const utf16be: Charset = { label: 'utf-16be', codec: 'utf16be' }
export const gb18030: Charset = { label: 'gb18030', codec: 'gb18030' }
const iso2022jp: Charset = { label: 'iso-2022-jp', codec: '' }
const iso2022jp2: Charset = { label: 'iso-2022-jp-2', codec: '' }

/** The numbers of the parts of ISO 8859 in DICOM (`ISO_IR 100`, PS3.3 §C.12.1.1.2), which are written into MSH-18 too. */
const dicom: Readonly<Record<number, number>> = {
  1: 100,
  2: 101,
  3: 109,
  4: 110,
  5: 144,
  6: 127,
  7: 126,
  8: 138,
  9: 148,
  11: 166,
  15: 203
}

/**
 * By name, reduced to lower-case letters and digits: HL7's names (table 0211, v2.3 to v2.9), and
 * Internet labels whose set must be the same object or whose codec is not iconv-lite's of that name.
 */
export const charsets: ReadonlyMap<string, Charset> = new Map([
  ['ascii', ascii],
  ['usascii', ascii],
  ['ansix341968', ascii], // what Java and Python call it where no locale is set
  ['isoir6', ascii], // Japanese senders write ISO IR6~ISO IR87 (JAHIS)
  ['unicode', utf8], // "the world wide character standard": UTF-8 is what its users send
  ['unicodeutf8', utf8],
  ['utf8', utf8],
  // Without a byte order, UTF-16 is big-endian (RFC 2781 §4.3); the label says so.
  ['unicodeutf16', utf16be],
  ['utf16', utf16be],
  ['utf16be', utf16be],
  ['utf16le', utf16le],
  ['gb180302000', gb18030],
  ['gb18030', gb18030],
  ['gbk', { label: 'gbk', codec: 'gbk' }],
  ['ksx1001', { label: 'euc-kr', codec: 'cp949' }],
  // iconv-lite's own "big5" is the Hong Kong extension, which other readers of "big5" do not support.
  ['big5', { label: 'big5', codec: 'cp950' }],
  ['isoir14', iso2022jp],
  ['isoir87', iso2022jp],
  ['isoir159', iso2022jp2],
  ['iso2022jp', iso2022jp],
  ['iso2022jp2', iso2022jp2],
  ['latin1', latin1],
  ['isoir192', utf8],
  ...[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 14, 15, 16].flatMap((part): [string, Charset][] => {
    const charset = part === 1 ? latin1 : { label: `iso-8859-${part}`, codec: `iso8859${part}` }
    return [
      [`8859${part}`, charset],
      [`iso8859${part}`, charset],
      ...(part in dicom ? ([[`isoir${dicom[part]}`, charset]] as [string, Charset][]) : [])
    ]
  }),
  ...[0, 1, 2, 3, 4, 5, 6, 7, 8].flatMap((page): [string, Charset][] => {
    const charset = { label: `windows-125${page}`, codec: `cp125${page}` }
    return [
      [`windows125${page}`, charset],
      [`win125${page}`, charset],
      [`cp125${page}`, charset]
    ]
  })
])

/** iconv-lite lists these as encodings, but they are not character sets of messages. */
const notCharsets = /^(?:base64|hex|binary|cesu8|unicode11utf[78]|u(?:cs|tf).*)$/

/**
 * The set that a charset parameter or the node's `charset` property names: `utf-8`, `ISO-8859-1`,
 * `windows-1252`, or HL7's own names. In the names listed above, only letters and digits matter;
 * any other is looked up in iconv-lite, and is its own label, with a hyphen for a space: `SHIFT JIS`.
 *
 * @param isCodec whether iconv-lite has a set of that name
 * @returns null if the name is unknown.
 */
export function findCharset(label: string, isCodec: (name: string) => boolean): Charset | null {
  const name = label.slice(0, 64).trim().toLowerCase().replaceAll(' ', '-')
  const key = reduced(name)
  const known = charsets.get(key)
  if (known !== undefined) return known
  // iconv-lite has sets named US, CN and JP; in MSH-18, they are country codes that belong in
  // MSH-17.
  const isLabel = /^[a-z][\w.:-]{3,}$/.test(name) && !notCharsets.test(key)
  return isLabel && isCodec(key) ? { label: name, codec: key } : null
}

/** In lower-case letters and digits. */
export function reduced(name: string): string {
  return name.toLowerCase().replace(/[^a-z0-9]/g, '')
}
