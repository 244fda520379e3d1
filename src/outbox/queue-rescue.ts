import {
  closeSync,
  copyFileSync,
  existsSync,
  fstatSync,
  openSync,
  readSync,
  renameSync,
  writeSync
} from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { faultCode, isDamage, QueueFaultError } from './queue-fault.ts'
import { deleteFiles, QueueFile, type MessageRow } from './queue-file.ts'
import type { QueueFileSpec } from './queue-protocol.ts'

/** In one transaction of the new file. */
const ROWS_AT_ONCE = 1000
/** Numbers that are tried one by one where a damaged page hides what lies beyond. */
const MOST_TRIES = 2_000_000
const LOG_MAGIC = [0x377f0682, 0x377f0683]

/**
 * Makes a new queue file of what can be read of a damaged one, and moves the damaged one aside: it
 * is never deleted, and not written to.
 *
 * @returns for whoever runs Node-RED: where it is now and how many messages were read
 */
export function rescue(spec: QueueFileSpec): string {
  const draft = `${spec.path}.rescue`
  const aside = asideName(spec.path)
  deleteFiles(draft)
  const target = new QueueFile({ ...spec, path: draft })
  let result: Rescued
  try {
    result = copied(spec, target)
    if (result.read === 0 && result.seen !== 0 && !result.keyFits) throw doubtful(spec.path)
    target.close()
  } catch (error) {
    target.drop()
    deleteFiles(draft)
    throw error
  }
  // A crash between these leaves the finished draft, which the next start takes.
  for (const suffix of ['-wal', '-shm', '']) move(`${spec.path}${suffix}`, `${aside}${suffix}`)
  renameSync(draft, spec.path)
  const { read, seen } = result
  const of = seen === undefined ? '; how many were in it cannot be told' : ` of ${seen}`
  return `The queue file ${spec.path} was damaged. It was moved to ${aside}; ${read}${of} messages were read from it into a new file and are sent as usual. Keep the old file until nothing is missed.`
}

/** Puts the new file into its place where a crash came between. */
export function finishRescue(path: string): void {
  if (!existsSync(path)) move(`${path}.rescue`, path)
}

/**
 * SQLite overwrites a log that it cannot read: such a one is moved aside before. (A log that is
 * missing or cut cannot be told from what a crash leaves; what it held is not in the queue then.)
 *
 * @returns for whoever runs Node-RED, where there was one
 */
export function keepBrokenLog(path: string): string | undefined {
  const log = `${path}-wal`
  if (!existsSync(log)) return undefined
  const start = Buffer.alloc(4)
  const file = openSync(log, 'r')
  const length = readSync(file, start)
  closeSync(file)
  if (length === 0 || LOG_MAGIC.includes(start.readUInt32BE())) return undefined
  const aside = `${asideName(path)}-wal`
  renameSync(log, aside)
  return `The write-ahead log of the queue file ${path} was damaged and was moved to ${aside}: messages that were accepted last may not be in the queue.`
}

function asideName(path: string): string {
  return `${path}.damaged-${new Date().toISOString().replaceAll(':', '-')}`
}

interface Rescued {
  read: number
  /** Rows found, readable or not; undefined when the file told nothing. */
  seen: number | undefined
  /** The file tells that it was sealed with the key in use. */
  keyFits: boolean
}

/** Nothing is moved where the key may be what does not fit. */
function doubtful(path: string): QueueFaultError {
  return new QueueFaultError(
    `The queue file ${path} is damaged, and no message in it can be read with the key in use. If the key was changed, put it back (hl7HttpsOutQueueKey in settings.js, or the key file in the user directory); if not, move the file away and restart.`,
    'SQLITE_CORRUPT_KEY'
  )
}

function copied(spec: QueueFileSpec, target: QueueFile): Rescued {
  const { path } = spec
  const first = copiedFrom(path, target)
  if (first.seen !== undefined) return first
  // The first page, with the list of tables, is what cannot be read: lend the file another one.
  const patched = `${path}.patched`
  try {
    copyFileSync(path, patched)
    if (existsSync(`${path}-wal`)) copyFileSync(`${path}-wal`, `${patched}-wal`)
    lendFirstPage(spec, patched)
    return copiedFrom(patched, target)
  } catch {
    return first
  } finally {
    deleteFiles(patched)
  }
}

function copiedFrom(path: string, target: QueueFile): Rescued {
  let source: DatabaseSync | undefined
  try {
    source = new DatabaseSync(path, { readOnly: true })
    source.exec('PRAGMA locking_mode = EXCLUSIVE')
    return copiedRows(source, target)
  } catch {
    return { read: 0, seen: undefined, keyFits: false }
  } finally {
    source?.close()
  }
}

function copiedRows(source: DatabaseSync, target: QueueFile): Rescued {
  const bytes = source.prepare('SELECT bytes FROM sealed WHERE id = ?')
  const part = (seq: number, which: 0 | 1): Uint8Array | undefined =>
    attempted(() => bytes.get(seq * 4 + which)?.['bytes'] as Uint8Array | undefined)
  let read = 0
  let seen = 0
  let lastSeq = 0
  let rows: MessageRow[] = []
  const store = (): void => {
    target.transaction(() => {
      for (const row of rows) {
        const content = part(row.seq, 0)
        if (content === undefined || !target.isAuthentic(row.seq, 'content', content)) continue
        const outcome = row.state === 2 ? part(row.seq, 1) : undefined
        const settled = outcome !== undefined && target.isAuthentic(row.seq, 'outcome', outcome)
        // An outcome that is lost is found out again: the message is sent once more.
        const adopted = row.state === 2 && !settled ? { ...row, state: 0, place: null } : row
        target.adopt(adopted, content, settled ? outcome : undefined)
        read++
      }
    })
    rows = []
  }
  for (const row of readableRows(source)) {
    seen++
    lastSeq = Math.max(lastSeq, row.seq)
    rows.push(row)
    if (rows.length === ROWS_AT_ONCE) store()
  }
  store()
  const meta = source.prepare('SELECT value FROM meta WHERE name = ?')
  const stored = (name: string): number =>
    attempted(() => meta.get(name)?.['value'] as number | undefined) ?? 0
  target.adoptMeta(stored('paused') === 1, Math.max(lastSeq, stored('lastSeq')))
  const keyCheck = attempted(() => meta.get('keyCheck')?.['value'])
  const keyFits = keyCheck instanceof Uint8Array && target.keyCheck.equals(keyCheck)
  return { read, seen, keyFits }
}

/** Reads from the front until a damaged page, from the back until one, and between them what it can. */
function* readableRows(source: DatabaseSync): Generator<MessageRow> {
  let low = 0
  let high = Number.MAX_SAFE_INTEGER
  try {
    for (const row of scan(source, 'seq > 0 ORDER BY seq')) {
      low = row.seq
      yield row
    }
    return
  } catch (error) {
    if (!isDamage(faultCode(error))) throw error
  }
  try {
    for (const row of scan(source, `seq > ${low} ORDER BY seq DESC`)) {
      high = row.seq
      yield row
    }
  } catch (error) {
    if (!isDamage(faultCode(error))) throw error
  }
  if (high === Number.MAX_SAFE_INTEGER) high = low + MOST_TRIES
  const one = source.prepare('SELECT * FROM message WHERE seq = ?')
  for (let seq = low + 1; seq < high && seq <= low + MOST_TRIES; seq++) {
    const row = attempted(() => one.get(seq))
    if (row !== undefined) yield row as unknown as MessageRow
  }
}

function scan(source: DatabaseSync, where: string): IterableIterator<MessageRow> {
  return source
    .prepare(`SELECT * FROM message WHERE ${where}`)
    .iterate() as unknown as IterableIterator<MessageRow>
}

function attempted<T>(read: () => T | undefined): T | undefined {
  try {
    return read()
  } catch {
    return undefined
  }
}

/** Every queue file of this version has its tables on the same pages: a new one's page fits. */
function lendFirstPage(spec: QueueFileSpec, path: string): void {
  const model = `${spec.path}.model`
  try {
    new QueueFile({ ...spec, path: model }).close()
    const page = Buffer.alloc(4096)
    const from = openSync(model, 'r')
    readSync(from, page)
    closeSync(from)
    writePage(path, page)
  } finally {
    deleteFiles(model)
  }
}

function writePage(path: string, page: Buffer): void {
  const to = openSync(path, 'r+')
  // The header tells the file's size in pages, and a list of free pages that is not the model's.
  page.writeUInt32BE(Math.floor(fstatSync(to).size / page.length), 28)
  page.writeUInt32BE(0, 32)
  page.writeUInt32BE(0, 36)
  writeSync(to, page, 0, page.length, 0)
  closeSync(to)
}

function move(from: string, to: string): void {
  if (existsSync(from)) renameSync(from, to)
}
