import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  rmSync
} from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { QueueDamageError, QueueFaultError } from './queue-fault.ts'
import { DAMAGED } from './message-row.ts'

/** The page size of a queue file. */
export const PAGE_BYTES = 4096

/** `PRAGMA application_id` of a queue file: "HL7H". */
const APPLICATION_ID = 0x484c3748

/**
 * How a queue file came to be what it is: the step at index n leads from version n to n + 1. A
 * file's version is its `PRAGMA user_version`. Steps are only ever added, never changed.
 *
 * In clear: number, state, times, attempts, MSH-9, MSH-10 and the lane, which is the name of a field
 * and a hash; all of `journal` and `event`. Sealed: `reason`, which holds the verdict, and all of
 * `sealed`. The message's content is apart from the facts, so that the facts of a long backlog are
 * read without it; a piece of a part of a message has the id `(4 * seq + part) * 65536 + piece`;
 * part 0 is the content, 1 the outcome.
 * All tables have row ids, and so leaf pages from which a damaged file is read (`leaf-rows.ts`).
 * Each table has a different number of columns, by which its rows are told apart there.
 * `place` orders what does not wait (settled or suspended), and the index finds it.
 */
const SCHEMA_STEPS: readonly string[] = [
  `CREATE TABLE meta (name TEXT PRIMARY KEY, value ANY NOT NULL) STRICT;
   CREATE TABLE message (
     seq INTEGER PRIMARY KEY,
     state INTEGER NOT NULL,
     place INTEGER,
     accepted_at REAL NOT NULL,
     attempts INTEGER NOT NULL,
     spent_ms REAL NOT NULL,
     suspended_at REAL,
     lane TEXT NOT NULL,
     type TEXT NOT NULL,
     control_id TEXT NOT NULL,
     reason BLOB
   ) STRICT;
   CREATE TABLE sealed (id INTEGER PRIMARY KEY, bytes BLOB NOT NULL) STRICT;
   CREATE INDEX not_waiting ON message (place) WHERE place IS NOT NULL;`,
  `CREATE TABLE journal (
     seq INTEGER PRIMARY KEY,
     control_id TEXT NOT NULL,
     type TEXT NOT NULL,
     accepted_at REAL NOT NULL,
     settled_at REAL NOT NULL,
     attempts INTEGER NOT NULL,
     outcome TEXT NOT NULL,
     ack_code TEXT NOT NULL,
     errors TEXT NOT NULL,
     status INTEGER NOT NULL,
     error_code TEXT NOT NULL,
     cause TEXT NOT NULL,
     rule TEXT NOT NULL
   ) STRICT;
   CREATE INDEX journal_control_id ON journal (control_id);
   CREATE TABLE event (
     id INTEGER PRIMARY KEY,
     at REAL NOT NULL,
     kind TEXT NOT NULL,
     "by" TEXT NOT NULL,
     detail TEXT NOT NULL
   ) STRICT;`
]

/** The version that this package writes. */
const SCHEMA_VERSION = SCHEMA_STEPS.length

/** Pages (4 KiB) in the write-ahead log before it is written back, and when it is cut. */
const LOG_PAGES = 4096
const LOG_BYTES_KEPT = 32 * 1024 * 1024

/**
 * Opens the database of a queue file, or creates it; locks it for this process.
 *
 * @param keyCheck tells whether a file was sealed with the key in use
 * @throws {QueueFaultError} for a wrong key, another program's file or a newer version
 */
export function openQueueDatabase(path: string, keyCheck: Buffer): DatabaseSync {
  makeFile(path)
  const db = new DatabaseSync(path)
  try {
    // The lock stays until the file is closed: a second process must not share the queue.
    db.exec('PRAGMA locking_mode = EXCLUSIVE')
    const version = checkedVersion(db, path)
    if (version > 0) checkKey(db, path, keyCheck)
    db.exec(`
      PRAGMA page_size = ${PAGE_BYTES};
      PRAGMA auto_vacuum = INCREMENTAL;
      PRAGMA journal_mode = WAL;
      PRAGMA synchronous = FULL;
      PRAGMA secure_delete = ON;
      PRAGMA temp_store = MEMORY;
      PRAGMA wal_autocheckpoint = ${LOG_PAGES};
      PRAGMA journal_size_limit = ${LOG_BYTES_KEPT};`)
    // Written at once: a write error is found now and not with the first message.
    db.exec('BEGIN IMMEDIATE')
    for (const step of SCHEMA_STEPS.slice(version)) db.exec(step)
    if (version < SCHEMA_VERSION) {
      db.exec(`PRAGMA user_version = ${SCHEMA_VERSION}`)
      db.exec(`PRAGMA application_id = ${APPLICATION_ID}`)
    }
    setMeta(db, 'keyCheck', keyCheck)
    db.exec('COMMIT')
    return db
  } catch (error) {
    db.close()
    throw error
  }
}

/** A value of the table `meta`. */
export function getMeta(db: DatabaseSync, name: string): unknown {
  return db.prepare('SELECT value FROM meta WHERE name = ?').get(name)?.['value']
}

export function setMeta(db: DatabaseSync, name: string, value: number | string | Uint8Array): void {
  db.prepare('INSERT OR REPLACE INTO meta VALUES (?, ?)').run(name, value)
}

/** Removes a file and everything that SQLite puts beside it. */
export function deleteFiles(path: string): void {
  for (const suffix of ['', '-wal', '-shm', '-journal']) rmSync(`${path}${suffix}`, { force: true })
}

/** @throws {QueueFaultError} when the file is not one that this version may write */
function checkedVersion(db: DatabaseSync, path: string): number {
  const version = db.prepare('PRAGMA user_version').get()?.['user_version'] as number
  const id = db.prepare('PRAGMA application_id').get()?.['application_id'] as number
  if (id !== APPLICATION_ID) {
    if (db.prepare('SELECT 1 FROM sqlite_schema LIMIT 1').get() === undefined) return 0
    throw new QueueFaultError(
      `The file ${path} is a database of another program. Move it elsewhere, or set a different hl7HttpsOutQueueDirectory in settings.js.`,
      'ERR_QUEUE_FOREIGN'
    )
  }
  if (version > SCHEMA_VERSION) {
    throw new QueueFaultError(
      `The queue file ${path} was written by a newer version of this package (file version ${version}, this one supports ${SCHEMA_VERSION}). Install the newer version again, at least until it has sent the queued messages.`,
      'ERR_QUEUE_VERSION'
    )
  }
  return version
}

function checkKey(db: DatabaseSync, path: string, keyCheck: Buffer): void {
  const stored = getMeta(db, 'keyCheck')
  if (stored === undefined) return
  if (!(stored instanceof Uint8Array)) throw new QueueDamageError()
  if (keyCheck.equals(stored)) return
  // The key of a drained queue may be changed: nothing in the file needs the old one.
  if (db.prepare('SELECT 1 FROM message LIMIT 1').get() === undefined) return
  throw new QueueFaultError(
    `The queue file ${path} was encrypted with another key. Restore the key that it was written with: hl7HttpsOutQueueKey in settings.js, or the key file in the user directory. If that key is lost, move the file elsewhere. Nothing in the file was changed.`,
    'ERR_QUEUE_KEY'
  )
}

/**
 * Creates an empty file that only its owner may read; SQLite takes an empty file for a new
 * database.
 */
export function makeFile(path: string): void {
  const directory = dirname(path)
  if (existsSync(path)) {
    // SQLite's own word for this is "disk I/O error". (To look does not give up a lock.)
    accessSync(path, constants.W_OK)
    accessSync(directory, constants.W_OK)
    return
  }
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  closeSync(openSync(path, 'a', 0o600))
  syncDirectory(directory)
}

/** Syncs the names in a directory to disk; Windows does this by itself. */
export function syncDirectory(path: string): void {
  if (process.platform !== 'win32') syncFile(path, 'r')
}

/** Syncs the bytes of a file to disk; Windows requires a writable one. */
export function syncFile(path: string, flags = 'r+'): void {
  const file = openSync(path, flags)
  try {
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
}

/** Messages in a file; the damaged ones are not held. */
export interface MessageCount {
  held: number
  damaged: number
  /** The queue was paused: this has to persist, even if it contains no message. */
  paused: boolean
}

/**
 * How many messages are in a file that nobody has open; needs no key.
 *
 * @throws {QueueFaultError} for another program's file or a newer version
 */
export function countMessages(path: string): MessageCount {
  const db = new DatabaseSync(path)
  try {
    db.exec('PRAGMA locking_mode = EXCLUSIVE')
    const pages = db.prepare('PRAGMA page_count').get()?.['page_count'] as number
    // Left by a start that ended before it created the tables.
    const isNew = checkedVersion(db, path) === 0 && pages <= 1
    return isNew ? { held: 0, damaged: 0, paused: false } : countOf(db)
  } finally {
    db.close()
  }
}

/** How many messages are in an open file. */
export function countOf(db: DatabaseSync): MessageCount {
  const sql = `SELECT count(*) FILTER (WHERE state IS NOT ${DAMAGED}) AS held, count(*) AS all_rows FROM message`
  const { held, all_rows } = db.prepare(sql).get() as { held: number; all_rows: number }
  const paused = getMeta(db, 'paused') === 1
  return { held, damaged: all_rows - held, paused }
}
