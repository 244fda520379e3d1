import { Buffer, isAscii, isUtf8 } from 'node:buffer'
import { types } from 'node:util'
import { latin1, utf8, type Charset } from './charset-labels.ts'
import {
  charsetOfLabel,
  declaredCharset,
  decode,
  encode,
  isWide,
  unknownCharset,
  utf8Mark,
  wideCharset
} from './charset.ts'
import { english, type KeyUnder, type Values } from '../english.ts'
import { unframe, unframeBytes } from './framing.ts'
import { Hl7Error } from './hl7-error.ts'
import { isFilled, readHeaders } from './message-headers.ts'
import type { Hl7Path } from './path.ts'
import { isHeader, readSeparators, Segments } from './segments.ts'

/**
 * A message, batch or file as it is sent: what came in, byte for byte, except line endings and
 * framing. Values are not sanitized: they may contain any character, even control characters, so
 * make them safe before writing them to a log line or an HTTP header.
 */
export interface OutgoingMessage {
  /** The text, CR-separated, with exactly one CR at the end; for a Buffer, decoded on first use. */
  readonly text: string
  /** What is sent. May share memory with a Buffer payload. */
  readonly bytes: Buffer
  /** The charset parameter that goes with the bytes: `utf-8`, `iso-8859-1`. */
  readonly charset: string
  /**
   * MSH-10; for a batch, FHS-11, else BHS-11, else the first MSH-10. The whole field without trailing blanks. Never
   * blank, and no longer than 199 characters.
   */
  readonly controlId: string
  /**
   * What an acknowledgement may refer to: every FHS-11, BHS-11 and MSH-10 that is not blank, in
   * this order, then the first components of those that have several. No duplicates.
   */
  readonly controlIds: readonly string[]
  /** Every FHS and BHS as it is sent; none if it is no batch. */
  readonly batchHeaders: readonly string[]
  /** The first two components of the first MSH-9: `ADT^A01`; `''` in a file without messages. */
  readonly type: string
  /** The first MSH-12; `''` if there is none. */
  readonly version: string
  /**
   * Whether success brings an acknowledgement. Not if MSH-15 or MSH-16 is filled and neither is AL
   * or SU; for a batch, not if that is so for all of its messages.
   */
  readonly replyDue: boolean
  /** What is odd but sent anyway. No field content. */
  readonly warnings: readonly string[]
  /** The first value at the path, unescaped; `''` if there is none. */
  value(path: Hl7Path): string
  /**
   * The values at the path that are not empty, unescaped: of all segments and repetitions, unless it names one.
   *
   * @param most no more than these are read
   */
  values(path: Hl7Path, most: number): string[]
}

const auto = new Set(['', 'auto'])

/** The most characters that any version of HL7 allows in MSH-10. It is in lists, events and the log. */
export const MOST_CONTROL_ID = 199

/**
 * Reads `msg.payload` as a message to send (the contract's "Message in" and "Characters").
 *
 * Only header segments are read. A Buffer whose lines end in CR is not copied.
 *
 * @param payload string, Buffer or any other Uint8Array.
 * @param charset `auto` (also `''`), or the name of a set that overrides MSH-18.
 * @throws Hl7Error `HL7_INVALID_MESSAGE` if it is not an HL7 v2 message, has no control ID or one that is
 * too long, or does not fit its character set; `HL7_CONFIG` if the set is unknown or cannot be written here.
 */
export function readOutgoingMessage(payload: unknown, charset: string): OutgoingMessage {
  const wanted = auto.has(charset.trim().toLowerCase()) ? undefined : charsetOfLabel(charset)
  if (wanted === null) throw unknownCharset()
  if (typeof payload === 'string') return fromText(payload, wanted)
  if (types.isUint8Array(payload)) return fromBytes(payload, wanted)
  if (payload === undefined || payload === null) throw invalid('payloadMissing')
  if (Array.isArray(payload)) throw invalid('payloadArray')
  throw invalid('payloadType', { type: typeof payload })
}

function fromText(payload: string, wanted: Charset | undefined): OutgoingMessage {
  const text = unframe(payload)
  expectMessage(text)
  const headers = headerSegments(text)
  const warnings: string[] = []
  const charset = wanted ?? known(declaredCharset(headers), warnings) ?? utf8
  return new Message(headers, encode(text, charset), charset, warnings, text)
}

function fromBytes(payload: Uint8Array, wanted: Charset | undefined): OutgoingMessage {
  const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength)
  const wide = wanted === undefined || isWide(wanted) ? readWide(bytes, wanted) : null
  return wide ?? fromNarrowBytes(bytes, wanted)
}

/** Bytes in which a CR is the byte 0x0D: all sets except UTF-16. */
function fromNarrowBytes(received: Buffer, wanted: Charset | undefined): OutgoingMessage {
  const bytes = unframeBytes(received)
  expectMessage(bytes.toString('latin1', 0, 100))
  const starts = headerStarts(
    (needle, from) => bytes.indexOf(needle, from, 'latin1'),
    (at) => bytes[at]
  )
  const lines = starts.map((start) => bytes.subarray(start, bytes.indexOf('\r', start) + 1))
  const headers = Buffer.concat(lines)
  const warnings: string[] = []
  let declared = wanted ?? known(declaredCharset(headers.toString('latin1')), warnings)
  if (declared !== undefined && isWide(declared)) {
    warnings.push(english('log', 'warning.msh18Wide'))
    declared = undefined
  }
  const charset = declared ?? (isUtf8(bytes) ? utf8 : latin1)
  // A start block may stand before the mark.
  const isMarked = received.subarray(0, 1 + utf8Mark.length).includes(utf8Mark)
  // ISO-2022-JP switches between sets of seven bits, too: these are often converted, and MSH-18 is not.
  const isSevenBit = charset.label === 'us-ascii' || charset.codec === ''
  if (
    (charset.label === 'utf-8' && !isUtf8(bytes)) ||
    ((isSevenBit || (isMarked && charset !== utf8)) && !isAscii(bytes))
  ) {
    warnings.push(english('log', 'warning.bufferBytes', { charset: charset.label }))
  }
  return new Message(decode(headers, charset), bytes, charset, warnings)
}

/**
 * UTF-16: line endings are searched for in the text, because their bytes also occur in other
 * characters. null if the bytes are not UTF-16.
 */
function readWide(marked: Buffer, wanted: Charset | undefined): OutgoingMessage | null {
  const charset = wideCharset(marked) ?? wanted
  if (charset === undefined) return null
  const bytes = withoutByteOrderMark(marked, charset)
  const received = decode(bytes, charset)
  if (!encode(received, charset).equals(bytes)) {
    throw invalid('bufferIncomplete', { charset: charset.label })
  }
  const text = unframe(received)
  expectMessage(text)
  const sent = text === received ? bytes : encode(text, charset)
  return new Message(headerSegments(text), sent, charset, [], text)
}

function withoutByteOrderMark(bytes: Buffer, charset: Charset): Buffer {
  const mark = encode('\ufeff', charset)
  return bytes.subarray(0, mark.length).equals(mark) ? bytes.subarray(mark.length) : bytes
}

/** @throws Hl7Error if the text does not start with a header segment. */
function expectMessage(text: string): void {
  if (text === '') throw invalid('payloadEmpty')
  if (readSeparators(text) !== null) return
  const name = text.slice(0, 3)
  if (isHeader(name)) throw invalid('noFieldSeparator', { name })
  if (text.startsWith('<')) throw invalid('payloadMarkup')
  if (text.startsWith('{') || text.startsWith('[')) throw invalid('payloadJson')
  throw invalid('payloadNotHl7')
}

const [tab, cr, space] = [0x09, 0x0d, 0x20]

/**
 * Where header segments start: the first in the text, then name by name. Blanks before a name count for nothing, as
 * for any segment. Splits nothing.
 */
function headerStarts(
  indexOf: (needle: string, from: number) => number,
  codeAt: (at: number) => number | undefined
): number[] {
  const starts = [0]
  for (const name of ['MSH', 'FHS', 'BHS']) {
    for (let at = indexOf(name, 1); at !== -1; at = indexOf(name, at + 3)) {
      let before = at - 1
      while (codeAt(before) === space || codeAt(before) === tab) before--
      if (codeAt(before) === cr) starts.push(at)
    }
  }
  return starts
}

function headerSegments(text: string): string {
  return headerStarts(
    (needle, from) => text.indexOf(needle, from),
    (at) => text.charCodeAt(at)
  )
    .map((start) => text.slice(start, text.indexOf('\r', start) + 1))
    .join('')
}

/** The set that MSH-18 names; undefined if none, with a warning if the name is unknown. */
function known(charset: Charset | null | undefined, warnings: string[]): Charset | undefined {
  if (charset === null) warnings.push(english('log', 'warning.msh18Unknown'))
  return charset ?? undefined
}

/**
 * Whether line ends were escaped once too often, as in an inject node or in JSON within JSON: then all is one MSH, with
 * the names of the other segments behind `\r` or `\n` in its fields. Those before MSH-11 are not looked at: they may name
 * a Windows domain. Or only `\r` was turned into a line end, and `\n` stands before the next name.
 *
 * @param content the whole message, in characters or in bytes of which 0x0D is CR
 */
function hasEscapedLineEnds(content: string | Buffer): boolean {
  const text = (): string => (typeof content === 'string' ? content : content.toString('latin1'))
  if (content.indexOf('\r') < content.length - 1) {
    return content.includes('\r\\n') && /\r\\n(?:[A-Z][A-Z\d]{2}\W|\r)/.test(text())
  }
  const fields = text().split(text().charAt(3))
  return fields.slice(10, -1).some((field) => /\\[rn][A-Z][A-Z\d]{2}$/.test(field))
}

class Message implements OutgoingMessage {
  readonly bytes: Buffer
  readonly charset: string
  readonly controlId: string
  readonly controlIds: readonly string[]
  readonly batchHeaders: readonly string[]
  readonly type: string
  readonly version: string
  readonly replyDue: boolean
  readonly warnings: readonly string[]
  readonly #set: Charset
  readonly #headers: Segments
  #text: string | undefined
  #segments: Segments | undefined

  constructor(
    headers: string,
    bytes: Buffer,
    charset: Charset,
    warnings: readonly string[],
    text?: string
  ) {
    this.bytes = bytes
    this.charset = charset.label
    this.warnings = warnings
    this.#set = charset
    this.#headers = new Segments(headers)
    this.#text = text

    const facts = readHeaders(this.#headers)
    if (hasEscapedLineEnds(text ?? bytes)) throw invalid('escapedLineEnds')
    this.batchHeaders = facts.batchHeaders
    this.controlIds = facts.controlIds
    this.controlId = facts.controlId
    if (!isFilled(this.controlId)) {
      throw invalid('noControlId')
    }
    if (this.controlId.length > MOST_CONTROL_ID) {
      throw invalid('longControlId', { most: MOST_CONTROL_ID })
    }
    this.type = facts.type
    this.version = facts.version
    this.replyDue = facts.replyDue
  }

  get text(): string {
    return (this.#text ??= decode(this.bytes, this.#set))
  }

  value(path: Hl7Path): string {
    const segments = this.#segmentsFor(path).named(path.segment)
    return segments[(path.occurrence ?? 1) - 1]?.value(path) ?? ''
  }

  values(path: Hl7Path, most: number): string[] {
    return this.#segmentsFor(path)
      .values(path, most)
      .filter((value) => value !== '')
  }

  #segmentsFor({ segment }: Hl7Path): Segments {
    return isHeader(segment) ? this.#headers : (this.#segments ??= new Segments(this.text))
  }
}

function invalid(key: KeyUnder<'log', 'error'>, values?: Values): Hl7Error {
  return new Hl7Error('HL7_INVALID_MESSAGE', english('log', `error.${key}`, values), key)
}
