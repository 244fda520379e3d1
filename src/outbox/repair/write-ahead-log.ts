import { PAGE_BYTES } from '../queue-database.ts'
import { closeSync, existsSync, fstatSync, openSync, readSync } from 'node:fs'
import { endianness } from 'node:os'

const HEADER_BYTES = 32
const FRAME_HEADER_BYTES = 24
const FRAME_BYTES = FRAME_HEADER_BYTES + PAGE_BYTES
/** How many are in memory at a time. */
const FRAMES_AT_ONCE = 64
const MAGIC = 0x377f0682

/** A page as a committed transaction wrote it. */
export interface LoggedPage {
  /** Where it starts in the log. */
  at: number
  number: number
  /** Its checksum and its place in the log are right. Otherwise even the number may be wrong. */
  isWhole: boolean
}

/** The content of a write-ahead log. */
export interface WriteAheadLog {
  /** SQLite would not read all that was committed. */
  isDamaged: boolean
  /** All of every committed transaction, as they were written. */
  pages: readonly LoggedPage[]
}

/** Two words of 32 bits: a salt, or a checksum. */
type Pair = readonly [number, number]

/**
 * Reads the write-ahead log of a SQLite file (sqlite.org/fileformat2.html#walformat).
 *
 * SQLite reads up to the first frame that has changed and takes that for the end. But each frame
 * contains the checksum of all frames up to it, so the later ones can be verified from there.
 * Frames of the same log have its salt; others were left in the file by an earlier log.
 *
 * A log is damaged if something fails at or before the end of a transaction. It is not if nothing
 * ends after it, or if everything that fails is in the last transaction and frames of that are
 * missing: a crash or a power cut leaves this, and nobody was promised that it was stored. This is
 * the limit: if the disk loses whole frames of the last transaction, or the end of the log, it
 * looks the same. (Conversely, a power cut within the very last frame can look like damage; that
 * costs nothing but a notice.)
 *
 * @param path of the log; if there is none, it is empty
 */
export function readLog(path: string): WriteAheadLog {
  if (!existsSync(path)) return { isDamaged: false, pages: [] }
  const file = openSync(path, 'r')
  try {
    const header = headerOf(file)
    return header === undefined ? { isDamaged: false, pages: [] } : judged(file, header)
  } finally {
    closeSync(file)
  }
}

interface Header {
  isWhole: boolean
  hasMagic: boolean
  /** How the words of checksums are read. */
  order: 'BE' | 'LE'
  salt: Pair
  sum: Pair
}

/** Undefined if nothing follows it, or if the page size is not ours. */
function headerOf(file: number): Header | undefined {
  if (fstatSync(file).size <= HEADER_BYTES) return undefined
  const bytes = Buffer.alloc(HEADER_BYTES)
  readSync(file, bytes, 0, HEADER_BYTES, 0)
  const order = bytes.readUInt32BE(0) === MAGIC ? 'LE' : 'BE'
  const sum = pairAt(bytes, 24)
  const hasMagic = (bytes.readUInt32BE(0) & ~1) === MAGIC
  const isWhole = hasMagic && isSame(summed([0, 0], bytes.subarray(0, 24), order), sum)
  if (isWhole && bytes.readUInt32BE(8) !== PAGE_BYTES) return undefined
  // SQLite writes them in the order of its processor.
  const salt = pairAt(bytes, 16)
  return { isWhole, hasMagic, order: isWhole ? order : endianness(), salt, sum }
}

interface Frame {
  page: number
  /** Pages of the database when this ends a transaction, else 0. */
  size: number
  salt: Pair
  /** Its checksum follows from that of the frame before. */
  isChained: boolean
}

function* framesOf(file: number, { order, sum }: Header): Generator<Frame> {
  const chunk = Buffer.alloc(FRAMES_AT_ONCE * FRAME_BYTES)
  let before = sum
  for (let at = HEADER_BYTES; ; at += chunk.length) {
    const length = readSync(file, chunk, 0, chunk.length, at)
    for (let from = 0; from + FRAME_BYTES <= length; from += FRAME_BYTES) {
      const frame = chunk.subarray(from, from + FRAME_BYTES)
      const begun = summed(before, frame.subarray(0, 8), order)
      before = pairAt(frame, 16)
      yield {
        page: frame.readUInt32BE(0),
        size: frame.readUInt32BE(4),
        salt: pairAt(frame, 8),
        isChained: isSame(summed(begun, frame.subarray(FRAME_HEADER_BYTES), order), before)
      }
    }
    if (length < chunk.length) return
  }
}

/**
 * If the header is damaged, the rest of it or the checksums tell which frames belong to this log.
 */
function saltOf(file: number, header: Header): Pair {
  const { isWhole, hasMagic, salt } = header
  if (isWhole) return salt
  for (const frame of framesOf(file, header)) {
    if (frame.isChained || (hasMagic && isAlike(frame.salt, salt))) return frame.salt
  }
  return salt
}

function judged(file: number, header: Header): WriteAheadLog {
  const salt = saltOf(file, header)
  const pages: LoggedPage[] = []
  let at = HEADER_BYTES + FRAME_HEADER_BYTES
  // Transactions, as parts of `pages`: the one that has not ended, and the last that has.
  let next = { start: 0, end: 0, hasFailed: false, hasGap: false }
  let last = next
  let isDamaged = !header.isWhole
  for (const frame of framesOf(file, header)) {
    // A damaged salt can be distinguished from that of an earlier log, which differs in both words.
    const isOwn = isAlike(frame.salt, salt)
    const isWhole = frame.isChained && isSame(frame.salt, salt)
    if (isOwn) pages.push({ at, number: frame.page, isWhole })
    at += FRAME_BYTES
    next.hasFailed ||= !isWhole
    next.hasGap ||= !isOwn
    if (!isOwn || frame.size === 0) continue
    isDamaged ||= last.hasFailed
    last = { ...next, end: pages.length }
    next = { start: pages.length, end: pages.length, hasFailed: false, hasGap: false }
  }
  isDamaged ||= last.hasFailed && !last.hasGap
  const isTorn = last.hasGap && !isDamaged
  return { isDamaged, pages: pages.slice(0, isTorn ? last.start : last.end) }
}

function pairAt(bytes: Buffer, at: number): Pair {
  return [bytes.readInt32BE(at), bytes.readInt32BE(at + 4)]
}

function isSame(one: Pair, other: Pair): boolean {
  return one[0] === other[0] && one[1] === other[1]
}

function isAlike(one: Pair, other: Pair): boolean {
  return one[0] === other[0] || one[1] === other[1]
}

/** The checksum goes on over more bytes, a multiple of 8. */
function summed([first, second]: Pair, bytes: Buffer, order: 'BE' | 'LE'): Pair {
  const own = order === endianness() ? bytes : Buffer.from(bytes).swap32()
  const words = new Int32Array(own.buffer, own.byteOffset, own.length / 4)
  for (let i = 0; i < words.length; i += 2) {
    first = (first + (words[i] ?? 0) + second) | 0
    second = (second + (words[i + 1] ?? 0) + first) | 0
  }
  return [first, second]
}
