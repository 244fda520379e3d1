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
 * `damaged`: SQLite would silently drop committed transactions. `torn`: its very last frame is bad, and SQLite drops
 * it: a kill or a full disk leaves this, and so could a disk that changes bytes.
 */
export type LogState = 'whole' | 'torn' | 'damaged'

/**
 * Whether SQLite would silently drop committed transactions of a write-ahead log
 * (sqlite.org/fileformat2.html#walformat): it reads up to the first frame that has changed and takes
 * that for the end. But each frame holds the checksum of all frames up to it, so those behind a bad
 * one can be verified from what that one says. Frames with another salt were left by an earlier log.
 *
 * A last transaction of which frames are missing is not damage: a crash or a power cut leaves this, and nobody was
 * promised that it was stored. This is the limit: if the disk loses whole frames of the last transaction, or the end
 * of the log, it looks the same. A kill can also leave the very last frame half written, because SQLite writes its
 * head and its page one after the other: that cannot be told from a changed byte in it. Nor can what a full disk
 * leaves: the last frame of a transaction that failed for want of room, with a shorter one over its beginning.
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
  let before = first
  // Of the transaction that has not ended so far, and of the last one that has.
  let next = { hasBad: false, hasGap: false, hasBadEnd: false }
  let last = next
  for (let at = HEADER_BYTES; ; at += chunk.length) {
    const length = readSync(log, chunk, 0, chunk.length, at)
    for (let from = 0; from + FRAME_BYTES <= length; from += FRAME_BYTES) {
      const frame = chunk.subarray(from, from + FRAME_BYTES)
      const begun = summed(before, frame.subarray(0, 8), isLittle)
      before = pairAt(frame, 16)
      const isChained = isSame(summed(begun, frame.subarray(FRAME_HEADER_BYTES), isLittle), before)
      const frameSalt = pairAt(frame, 8)
      // The salt of an earlier log differs in both words; a damaged one hardly does.
      const isOwn = frameSalt[0] === salt[0] || frameSalt[1] === salt[1]
      const isBad = !isChained || !isSame(frameSalt, salt)
      const isEnd = isOwn && frame.readUInt32BE(4) > 0
      next.hasBad ||= isBad
      next.hasGap ||= !isOwn
      if (!isEnd) continue
      if (last.hasBad) return 'damaged'
      last = { ...next, hasBadEnd: isBad }
      next = { hasBad: false, hasGap: false, hasBadEnd: false }
    }
    if (length < chunk.length) {
      if (!last.hasBad || last.hasGap) return 'whole'
      return last.hasBadEnd ? 'torn' : 'damaged'
    }
  }
}

function pairAt(bytes: Buffer, at: number): Pair {
  return [bytes.readInt32BE(at), bytes.readInt32BE(at + 4)]
}

function isSame(one: Pair, other: Pair): boolean {
  return one[0] === other[0] && one[1] === other[1]
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
