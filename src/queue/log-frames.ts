import { closeSync, existsSync, fstatSync, openSync, readSync } from 'node:fs'
import { PAGE_BYTES } from './queue-schema.ts'

const HEADER_BYTES = 32
const FRAME_HEADER_BYTES = 24
const FRAME_BYTES = FRAME_HEADER_BYTES + PAGE_BYTES
/** How many are in memory at a time. */
const FRAMES_AT_ONCE = 64
/** The lowest bit of the first word says in which byte order the words of checksums are read. */
const MAGIC = 0x377f0682

/** Two words of 32 bits: a salt, or a checksum. */
type Pair = readonly [number, number]

/**
 * `damaged`: SQLite would silently drop committed transactions. `torn`: it drops the last frame of a transaction, which
 * is bad: a kill leaves this, and so could a disk that changes bytes.
 */
export type LogState = 'whole' | 'torn' | 'damaged'

/**
 * Whether SQLite would silently drop committed transactions of a write-ahead log
 * (sqlite.org/fileformat2.html#walformat): it reads up to the first frame that is bad and takes that for the end. But
 * each frame holds the checksum of all frames up to it, so those behind a bad one can be verified from what that one
 * says. The last frame of a transaction says so: it is an end. Frames with another salt were left by an earlier log.
 *
 * Behind what is stored, transactions that were not finished leave frames: of one, or of several, the shorter over the
 * longer. No end among them is whole, because a transaction with a whole one is stored, and nothing goes on from a bad
 * one. So behind a bad frame, an end that is whole, or a frame that goes on from an end, was committed: that is
 * damage. A single changed byte before the last end is always found so.
 *
 * Two things look the same, and are taken for the harmless one:
 * - A last transaction of which whole frames are missing: a power cut leaves this, and nobody was promised that it was
 *   stored. So could a disk that loses frames, or the end of the log.
 * - A bad end with nothing that goes on from it: a kill leaves this, because SQLite writes the head of a frame and its
 *   page one after the other. So could a change in the very last frame, or one that destroys both the checksum and
 *   the content of the frame before it. That is `torn`.
 *
 * After a power cut, damage may be told where there is none: if a shorter transaction was written over the place where
 * frames were missing, and the rest has its end.
 *
 * @param path of the log
 * @returns `whole` if there is none, or if it holds no frame
 */
export function readLogState(path: string): LogState {
  if (!existsSync(path)) return 'whole'
  const log = openSync(path, 'r')
  try {
    if (fstatSync(log).size < HEADER_BYTES + FRAME_BYTES) return 'whole'
    const header = Buffer.alloc(HEADER_BYTES)
    readSync(log, header, 0, HEADER_BYTES, 0)
    const magic = header.readUInt32BE(0)
    const isLittle = magic === MAGIC
    const sum = pairAt(header, 24)
    const isWhole = isSame(summed([0, 0], header.subarray(0, 24), isLittle), sum)
    // It is synced before the first frame is written.
    if ((magic & ~1) !== MAGIC || !isWhole) return 'damaged'
    if (header.readUInt32BE(8) !== PAGE_BYTES) return 'whole'
    return stateOfFrames(log, pairAt(header, 16), sum, isLittle)
  } finally {
    closeSync(log)
  }
}

function stateOfFrames(log: number, salt: Pair, first: Pair, isLittle: boolean): LogState {
  const chunk = Buffer.alloc(FRAMES_AT_ONCE * FRAME_BYTES)
  /** What the next frame may go on from: the checksum that the last one holds, and the one that it should hold. */
  let before = [first]
  let isRead = true
  let state: LogState = 'whole'
  // Of what SQLite does not read: whether the last frame is an end, and whether one is missing since the last end.
  let isBehindEnd = false
  let hasGap = false
  for (let at = HEADER_BYTES; ; at += chunk.length) {
    const length = readSync(log, chunk, 0, chunk.length, at)
    for (let from = 0; from + FRAME_BYTES <= length; from += FRAME_BYTES) {
      const frame = chunk.subarray(from, from + FRAME_BYTES)
      const sum = pairAt(frame, 16)
      const sums = before.map((one) => sumOfFrame(one, frame, isLittle))
      const goesOn = sums.some((one) => isSame(one, sum))
      before = goesOn ? [sum] : [sum, ...sums.slice(0, 1)]
      const frameSalt = pairAt(frame, 8)
      const isWhole = goesOn && isSame(frameSalt, salt)
      isRead &&= isWhole
      if (isRead) continue
      // The salt of an earlier log differs in both words; a damaged one hardly does.
      const isOwn = frameSalt[0] === salt[0] || frameSalt[1] === salt[1]
      const isEnd = isOwn && frame.readUInt32BE(4) > 0
      hasGap ||= !isOwn
      if (isWhole && (isBehindEnd || (isEnd && !hasGap))) return 'damaged'
      isBehindEnd = isEnd
      if (!isEnd) continue
      if (!hasGap) state = 'torn'
      hasGap = false
    }
    if (length < chunk.length) return state
  }
}

function pairAt(bytes: Buffer, at: number): Pair {
  return [bytes.readInt32BE(at), bytes.readInt32BE(at + 4)]
}

function isSame(one: Pair, other: Pair): boolean {
  return one[0] === other[0] && one[1] === other[1]
}

/** What it should hold if the one before it holds this. */
function sumOfFrame(before: Pair, frame: Buffer, isLittle: boolean): Pair {
  const begun = summed(before, frame.subarray(0, 8), isLittle)
  return summed(begun, frame.subarray(FRAME_HEADER_BYTES), isLittle)
}

/** The checksum goes on over more bytes, a multiple of 8. */
function summed([first, second]: Pair, bytes: Buffer, isLittle: boolean): Pair {
  const words = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  for (let at = 0; at < bytes.length; at += 8) {
    first = (first + words.getInt32(at, isLittle) + second) | 0
    second = (second + words.getInt32(at + 4, isLittle) + first) | 0
  }
  return [first, second]
}
