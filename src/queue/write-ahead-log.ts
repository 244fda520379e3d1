import { closeSync, fstatSync, openSync, readSync, writeSync } from 'node:fs'
import { sizeOf } from './file-location.ts'
import { PAGE_BYTES } from './queue-schema.ts'

// SQLite alone knows what is in its log (sqlite.org/fileformat2.html#walformat). What this package does with one stands here.

const HEADER_BYTES = 32
const FRAME_HEADER_BYTES = 24
const FRAME_BYTES = FRAME_HEADER_BYTES + PAGE_BYTES
/** Each time the log begins again, it gets two other numbers, which each of its frames repeats. */
const SALT_BYTES = 8
const SALT_IN_HEADER = 16
const SALT_IN_FRAME = 8
/** So much is compared at a time. */
const BLOCK_BYTES = 64 * 1024

/** Whether the log has so many frames, or had them before a transaction was rolled back. */
export function hasFrames(log: number, count: number): boolean {
  const ofFrame = Buffer.alloc(SALT_BYTES)
  const at = HEADER_BYTES + (count - 1) * FRAME_BYTES + SALT_IN_FRAME
  if (readSync(log, ofFrame, 0, SALT_BYTES, at) < SALT_BYTES) return false
  const ofLog = Buffer.alloc(SALT_BYTES)
  readSync(log, ofLog, 0, SALT_BYTES, SALT_IN_HEADER)
  return ofFrame.equals(ofLog)
}

/** It is long enough for a frame: without one, nothing is in it, and its header may not be on the disk. */
export function hasRoomForFrame(path: string): boolean {
  return sizeOf(path) >= HEADER_BYTES + FRAME_BYTES
}

/** SQLite would read nothing of it, although it has room for a frame: its header was synced before that. */
export function hasBadHeader(path: string): boolean {
  if (!hasRoomForFrame(path)) return false
  const header = Buffer.alloc(HEADER_BYTES)
  const log = openSync(path, 'r')
  readSync(log, header, 0, HEADER_BYTES, 0)
  closeSync(log)
  const magic = header.readUInt32BE(0)
  let [first, second] = [0, 0]
  for (let at = 0; at < 24; at += 8) {
    const [one, other] = [at, at + 4].map((from) =>
      magic === 0x377f0683 ? header.readInt32BE(from) : header.readInt32LE(from)
    )
    first = (first + (one ?? 0) + second) | 0
    second = (second + (other ?? 0) + first) | 0
  }
  const isSum = first === header.readInt32BE(24) && second === header.readInt32BE(28)
  return (magic & ~1) !== 0x377f0682 || !isSum
}

/** All bytes of a log. */
export function bytesOf(log: number): Uint8Array {
  const bytes = new Uint8Array(fstatSync(log).size)
  for (let at = 0; at < bytes.length;) {
    const read = readSync(log, bytes, at, bytes.length - at, at)
    if (read === 0) return bytes.subarray(0, at)
    at += read
  }
  return bytes
}

/** Writes those of these bytes again that are no longer in it; SQLite, which has it open, notices nothing. */
export function putBack(log: number, bytes: Uint8Array): void {
  const found = Buffer.alloc(BLOCK_BYTES)
  for (let at = 0; at < bytes.length; at += BLOCK_BYTES) {
    const block = bytes.subarray(at, at + BLOCK_BYTES)
    const read = readSync(log, found, 0, block.length, at)
    if (!found.subarray(0, read).equals(block)) writeAll(log, block, at)
  }
}

function writeAll(file: number, bytes: Uint8Array, at: number): void {
  for (let written = 0; written < bytes.length;) {
    written += writeSync(file, bytes, written, bytes.length - written, at + written)
  }
}
