import { closeSync, existsSync, fstatSync, openSync, readFileSync, readSync } from 'node:fs'

/** A row of some table, as it stands in the file; an `INTEGER PRIMARY KEY` is the id, and null as a value. */
export interface LeafRow {
  id: number
  values: (number | string | Uint8Array | null)[]
}

/** The page size of a queue file. */
export const PAGE_BYTES = 4096

const TABLE_LEAF = 0x0d
const FILE_HEADER_BYTES = 100
const LOG_HEADER_BYTES = 32
const FRAME_HEADER_BYTES = 24
const LOG_BIG_ENDIAN = 0x377f0683
/** More than any message that is stored. */
const MOST_VALUE_BYTES = 2 ** 30

/**
 * All rows on all table leaf pages of a SQLite file and its write-ahead log, page by page, without
 * any help of the pages above them: what is still there of a damaged file
 * (sqlite.org/fileformat2.html). Pages that are none, and rows that make no sense, are passed over;
 * whether a row is what it seems, the caller has to find out. No process may have the file open.
 */
export function* leafRows(path: string): Generator<LeafRow> {
  const file = openSync(path, 'r')
  try {
    const log = committedPages(`${path}-wal`)
    let last = Math.ceil(fstatSync(file).size / PAGE_BYTES)
    for (const number of log.keys()) last = Math.max(last, number)
    const page = (number: number): Buffer => {
      const logged = log.get(number)
      if (logged !== undefined) return logged
      const bytes = Buffer.alloc(PAGE_BYTES)
      readSync(file, bytes, 0, PAGE_BYTES, (number - 1) * PAGE_BYTES)
      return bytes
    }
    for (let number = 1; number <= last; number++) yield* rowsOf(page(number), number, page)
  } finally {
    closeSync(file)
  }
}

type ReadPage = (number: number) => Buffer

function* rowsOf(page: Buffer, number: number, read: ReadPage): Generator<LeafRow> {
  const start = number === 1 ? FILE_HEADER_BYTES : 0
  if (page[start] !== TABLE_LEAF) return
  const cells = page.readUInt16BE(start + 3)
  for (let cell = 0; cell < cells; cell++) {
    const pointer = start + 8 + 2 * cell
    if (pointer + 2 > PAGE_BYTES) return
    let row: LeafRow | undefined
    try {
      row = rowAt(page, page.readUInt16BE(pointer), read)
    } catch {
      // A number that leads out of the page: this is no row.
    }
    if (row !== undefined) yield row
  }
}

function rowAt(page: Buffer, at: number, read: ReadPage): LeafRow | undefined {
  const size = varint(page, at)
  const id = varint(page, size.end)
  if (size.value > MOST_VALUE_BYTES) return undefined
  const record = payload(page, id.end, size.value, read)
  if (record === undefined) return undefined
  const header = varint(record, 0)
  const values: LeafRow['values'] = []
  let type = header.end
  let value = header.value
  while (type < header.value) {
    const serial = varint(record, type)
    const length = lengthOf(serial.value)
    if (value + length > record.length) return undefined
    values.push(valueOf(serial.value, record.subarray(value, value + length)))
    type = serial.end
    value += length
  }
  return { id: id.value, values }
}

/** What of a payload is not on its page stands on a chain of further pages. */
function payload(page: Buffer, at: number, size: number, read: ReadPage): Buffer | undefined {
  const most = PAGE_BYTES - 35
  if (size <= most) return at + size > PAGE_BYTES ? undefined : page.subarray(at, at + size)
  const least = Math.floor(((PAGE_BYTES - 12) * 32) / 255) - 23
  const wanted = least + ((size - least) % (PAGE_BYTES - 4))
  const here = wanted <= most ? wanted : least
  const whole = [page.subarray(at, at + here)]
  let next = page.readUInt32BE(at + here)
  for (let missing = size - here; missing > 0;) {
    if (next === 0) return undefined
    const further = read(next)
    const part = further.subarray(4, 4 + Math.min(missing, PAGE_BYTES - 4))
    whole.push(part)
    missing -= part.length
    next = further.readUInt32BE(0)
  }
  return Buffer.concat(whole)
}

function varint(bytes: Buffer, at: number): { value: number; end: number } {
  let value = 0
  for (let i = 0; i < 8; i++) {
    const byte = bytes.readUInt8(at + i)
    value = value * 128 + (byte & 0x7f)
    if (byte < 0x80) return { value, end: at + i + 1 }
  }
  return { value: value * 256 + bytes.readUInt8(at + 8), end: at + 9 }
}

const INTEGER_BYTES = [0, 1, 2, 3, 4, 6, 8]

function lengthOf(serial: number): number {
  if (serial >= 12) return Math.floor((serial - 12) / 2)
  return serial === 7 ? 8 : (INTEGER_BYTES[serial] ?? 0)
}

function valueOf(serial: number, bytes: Buffer): LeafRow['values'][number] {
  if (serial >= 12) return serial % 2 === 1 ? bytes.toString('utf8') : bytes
  if (serial === 0) return null
  if (serial === 7) return bytes.readDoubleBE(0)
  if (serial === 8 || serial === 9) return serial - 8
  return bytes.length === 8 ? Number(bytes.readBigInt64BE(0)) : bytes.readIntBE(0, bytes.length)
}

/** The newest state of each page that the log holds, up to its last commit that is whole. */
function committedPages(path: string): Map<number, Buffer> {
  const committed = new Map<number, Buffer>()
  if (!existsSync(path)) return committed
  const log = readFileSync(path)
  if (log.length < LOG_HEADER_BYTES || log.readUInt32BE(8) !== PAGE_BYTES) return committed
  const sum = new Checksum(log.readUInt32BE(0) === LOG_BIG_ENDIAN)
  sum.add(log.subarray(0, 24))
  const salt = log.subarray(16, 24)
  const open = new Map<number, Buffer>()
  for (let at = LOG_HEADER_BYTES; ; at += FRAME_HEADER_BYTES + PAGE_BYTES) {
    const frame = log.subarray(at, at + FRAME_HEADER_BYTES + PAGE_BYTES)
    if (frame.length < FRAME_HEADER_BYTES + PAGE_BYTES) return committed
    const page = frame.subarray(FRAME_HEADER_BYTES)
    sum.add(frame.subarray(0, 8))
    sum.add(page)
    if (!frame.subarray(8, 16).equals(salt) || !sum.is(frame, 16)) return committed
    open.set(frame.readUInt32BE(0), page)
    if (frame.readUInt32BE(4) === 0) continue
    for (const [number, bytes] of open) committed.set(number, bytes)
    open.clear()
  }
}

/** The checksum of a write-ahead log. */
class Checksum {
  readonly #bigEndian: boolean
  #first = 0
  #second = 0

  constructor(bigEndian: boolean) {
    this.#bigEndian = bigEndian
  }

  add(bytes: Buffer): void {
    for (let at = 0; at < bytes.length; at += 8) {
      this.#first = (this.#first + this.#word(bytes, at) + this.#second) >>> 0
      this.#second = (this.#second + this.#word(bytes, at + 4) + this.#first) >>> 0
    }
  }

  is(bytes: Buffer, at: number): boolean {
    return this.#first === bytes.readUInt32BE(at) && this.#second === bytes.readUInt32BE(at + 4)
  }

  #word(bytes: Buffer, at: number): number {
    return this.#bigEndian ? bytes.readUInt32BE(at) : bytes.readUInt32LE(at)
  }
}
