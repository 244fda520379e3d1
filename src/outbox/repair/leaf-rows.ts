import { closeSync, existsSync, fstatSync, openSync, readSync } from 'node:fs'
import { PAGE_BYTES } from '../queue-database.ts'
import { readLog } from './write-ahead-log.ts'

/**
 * A row of some table, as stored in the file; an `INTEGER PRIMARY KEY` is the id, and null as a
 * value.
 */
export interface LeafRow {
  id: number
  values: (number | string | Uint8Array | null)[]
}

const TABLE_LEAF = 0x0d
const FILE_HEADER_BYTES = 100
/** More than any row that is stored. */
const MOST_ROW_BYTES = 2 ** 24

/**
 * All rows on all table leaf pages of a SQLite file and its write-ahead log, page by page, without
 * using the pages above them: what is still there of a damaged file (sqlite.org/fileformat2.html).
 * Invalid pages and rows are skipped; the caller has to check whether a row is what it seems. No
 * process may have the file open.
 *
 * For each page the newest version counts. If that is damaged it is read nevertheless, and before
 * it the intact one and the one in the file, which may be older or newer than that: a row
 * may come again, and may have been removed. Pages come in the order in which they were written, so
 * the last of several states of a row counts.
 */
export function* leafRows(path: string): Generator<LeafRow> {
  const { pages } = readLog(`${path}-wal`)
  const newest = new Map(pages.map((page) => [page.number, page]))
  const newestWhole = new Map(
    pages.filter(({ isWhole }) => isWhole).map((page) => [page.number, page])
  )
  const file = new PageFile(path)
  const log = new PageFile(`${path}-wal`)
  const read = (number: number): Buffer => {
    const logged = newest.get(number)
    return logged === undefined ? file.at((number - 1) * PAGE_BYTES) : log.at(logged.at)
  }
  try {
    for (let at = 0, number = 1; at < file.size; at += PAGE_BYTES, number++) {
      if (newest.get(number)?.isWhole !== true) yield* rowsOf(file.at(at), number, read)
    }
    for (const page of pages) {
      const counts = !page.isWhole || newestWhole.get(page.number) === page
      if (counts) yield* rowsOf(log.at(page.at), page.number, read)
    }
  } finally {
    file.close()
    log.close()
  }
}

/** A file that pages are read from; a missing one counts as empty. */
class PageFile {
  readonly size: number
  readonly #file: number | undefined

  constructor(path: string) {
    this.#file = existsSync(path) ? openSync(path, 'r') : undefined
    this.size = this.#file === undefined ? 0 : fstatSync(this.#file).size
  }

  /** Beyond the end there are zeros. */
  at(position: number): Buffer {
    const page = Buffer.alloc(PAGE_BYTES)
    if (this.#file !== undefined) readSync(this.#file, page, 0, PAGE_BYTES, position)
    return page
  }

  close(): void {
    if (this.#file !== undefined) closeSync(this.#file)
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
      // A number that points outside the page: this is not a row.
    }
    if (row !== undefined) yield row
  }
}

function rowAt(page: Buffer, at: number, read: ReadPage): LeafRow | undefined {
  const size = varint(page, at)
  const id = varint(page, size.end)
  if (size.value > MOST_ROW_BYTES) return undefined
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

/** The rest of a payload that does not fit on its page is on a chain of further pages. */
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
