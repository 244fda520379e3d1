import { DatabaseSync } from 'node:sqlite'
import { english } from '../english.ts'
import { isEmpty } from './file-location.ts'
import { closeAsItIs, isDoubtful, makeFile } from './files-beside.ts'
import { STATES } from './message-row.ts'
import { getMeta, setMeta } from './meta.ts'
import { QueueError } from './queue-error.ts'
import { faultCode, LostFileError, QueueDamageError } from './queue-fault.ts'
import type { QueueFileSpec } from './queue-file-spec.ts'
import { makeTables, PAGE_BYTES } from './queue-schema.ts'
import { hasRoomForFrame } from './write-ahead-log.ts'

/** `PRAGMA application_id` of a queue file: "HL7H". */
const APPLICATION_ID = 0x484c3748

/** The version of the tables that this package writes, the file's `PRAGMA user_version`. */
const VERSION = 4

/** A log is cut to so many bytes when it begins again. */
const LOG_BYTES_KEPT = 32 * 1024 * 1024

/**
 * Opens the database of a queue file, or creates it; locks it for this process. Its user writes the log back: what SQLite
 * does by itself tells nobody of a sync that has failed.
 *
 * @param keyCheck tells whether a file was sealed with the key in use
 * @param onNotice is told what another key has made unreadable
 * @param mustExist there is one, unless it was removed in this moment
 * @throws {QueueError} for a wrong key, or the file of another program or version
 * @throws {LostFileError} if it must be there and is not
 */
export function openQueueDatabase(
  spec: QueueFileSpec,
  keyCheck: Buffer,
  onNotice: (text: string) => void,
  mustExist = false
): DatabaseSync {
  const { path } = spec
  if (mustExist && isEmpty(path)) throw new LostFileError()
  makeFile(path)
  const hasLog = hasRoomForFrame(`${path}-wal`)
  const db = new DatabaseSync(path)
  try {
    // The lock stays until the file is closed: a second process must not share the queue.
    db.exec('PRAGMA locking_mode = EXCLUSIVE')
    const version = checkedVersion(db, path)
    if (version === 0 && mustExist) throw new LostFileError()
    const isKeyNew = version > 0 && isOtherKey(db, path, keyCheck)
    // They are written, and synced: nobody would learn of a sync that has failed.
    if (version === 0) {
      db.exec(`PRAGMA page_size = ${PAGE_BYTES}; PRAGMA auto_vacuum = INCREMENTAL`)
    }
    db.exec(`
      PRAGMA journal_mode = WAL;
      PRAGMA synchronous = NORMAL;
      PRAGMA checkpoint_fullfsync = ON;
      PRAGMA secure_delete = ON;
      PRAGMA temp_store = MEMORY;
      PRAGMA wal_autocheckpoint = 0;
      PRAGMA journal_size_limit = ${LOG_BYTES_KEPT};`)
    // A header alone is left by a sync that has failed, or that a process did not live to see: after such a one, a system
    // may never write that part of the file, and say that it has. So the file is cut first.
    if (!hasLog) db.exec('PRAGMA wal_checkpoint(TRUNCATE)')
    let unreadable = 0
    const store = (): void => {
      db.exec('BEGIN IMMEDIATE')
      if (version === 0) {
        makeTables(db)
        db.exec(`PRAGMA user_version = ${VERSION}`)
        db.exec(`PRAGMA application_id = ${APPLICATION_ID}`)
      }
      setMeta(db, 'keyCheck', keyCheck)
      if (isKeyNew) unreadable = giveUpKept(db)
      db.exec('COMMIT')
    }
    // Written at once: a write error is found now and not with the first message.
    if (hasLog && !isDoubtful(path)) storeInLog(db, store)
    else store()
    if (unreadable > 0) onNotice(keyChanged(path, unreadable))
    return db
  } catch (error) {
    if (hasLog) closeUnused(db, path, error)
    else {
      // With a log of its own, of which nothing was stored: that goes, because its header may not be on the disk.
      db.close()
    }
    throw error
  }
}

/** On a full disk, the log of a process that has ended is written back: then there is room at its beginning. */
function storeInLog(db: DatabaseSync, store: () => void): void {
  try {
    store()
  } catch (error) {
    if (faultCode(error) !== 'SQLITE_FULL') throw error
    rollBack(db)
    db.exec('PRAGMA wal_checkpoint(TRUNCATE)')
    store()
  }
}

/** Of a file that cannot be used, nothing changes. That of another process or program is not touched at all. */
function closeUnused(db: DatabaseSync, path: string, error?: unknown): void {
  const code = faultCode(error)
  if (code === 'SQLITE_BUSY' || code === 'ERR_QUEUE_FOREIGN') db.close()
  else closeAsItIs(db, path)
}

/**
 * What the old key has sealed goes, in steps; the hashes that it has made, with their messages.
 *
 * @returns how many messages that have left can no longer be read, or found by a field
 */
function giveUpKept(db: DatabaseSync): number {
  const { changes } = db.prepare('UPDATE message SET kept_bytes = 0 WHERE kept_bytes > 0').run()
  const { hashed } = db.prepare('SELECT count(DISTINCT seq) AS hashed FROM found').get() as {
    hashed: number
  }
  return Math.max(Number(changes), hashed)
}

function keyChanged(path: string, count: number): string {
  return english('log', 'queue.keyChanged', { path, count })
}

/**
 * @returns 0 for a new file
 * @throws {QueueError} when the file is not one that this version may write
 */
function checkedVersion(db: DatabaseSync, path: string): number {
  const version = db.prepare('PRAGMA user_version').get()?.['user_version'] as number
  const id = db.prepare('PRAGMA application_id').get()?.['application_id'] as number
  if (id !== APPLICATION_ID) {
    if (db.prepare('SELECT 1 FROM sqlite_schema LIMIT 1').get() === undefined) return 0
    throw new QueueError(english('log', 'queue.foreign', { path }), 'ERR_QUEUE_FOREIGN')
  }
  if (version !== VERSION) {
    throw new QueueError(
      english('log', 'queue.otherVersion', { path, version, supported: VERSION }),
      'ERR_QUEUE_VERSION'
    )
  }
  return version
}

/**
 * Whether the file was sealed with another key. That of a drained queue may be changed.
 *
 * @throws {QueueError} `ERR_QUEUE_KEY` if there are messages that need the old one
 */
function isOtherKey(db: DatabaseSync, path: string, keyCheck: Buffer): boolean {
  const stored = getMeta(db, 'keyCheck')
  if (stored === undefined) return false
  if (!(stored instanceof Uint8Array)) throw new QueueDamageError()
  if (keyCheck.equals(stored)) return false
  const { held, damaged } = countOf(db)
  if (held + damaged === 0) return true
  throw new QueueError(english('log', 'queue.otherKey', { path }), 'ERR_QUEUE_KEY')
}

/** Messages in a file; those that have left do not count, and the damaged ones are not held. */
export interface MessageCount {
  held: number
  damaged: number
  /** The queue was paused: this has to persist, even if it contains no message. */
  isPaused: boolean
}

/**
 * How many messages are in a file that nobody has open; needs no key.
 *
 * @throws {QueueError} for the file of another program or version
 */
export function countMessages(path: string): MessageCount {
  return lookInto(path, (db) => {
    const pages = db.prepare('PRAGMA page_count').get()?.['page_count'] as number
    const version = checkedVersion(db, path)
    // Left by a start that ended before it created the tables.
    const isNew = version === 0 && pages <= 1
    return isNew ? { held: 0, damaged: 0, isPaused: false } : countOf(db)
  })
}

/**
 * Reads all of a file that nobody has open: two to seven seconds for each gigabyte.
 *
 * @returns whether its pages are as they should be
 * @throws {QueueError} for the file of another program or version
 */
export function isSound(path: string): boolean {
  return lookInto(path, (db) => {
    checkedVersion(db, path)
    return db.prepare('PRAGMA quick_check(1)').get()?.['quick_check'] === 'ok'
  })
}

/** After a fault. */
export function rollBack(db: DatabaseSync): void {
  try {
    db.exec('ROLLBACK')
  } catch {
    // SQLite has rolled back by itself, as it does when the disk is full.
  }
}

/** Opens a file that nobody has open, locks it, and leaves it as it is. */
function lookInto<T>(path: string, look: (db: DatabaseSync) => T): T {
  const db = new DatabaseSync(path)
  let fault: unknown
  try {
    db.exec('PRAGMA locking_mode = EXCLUSIVE')
    return look(db)
  } catch (error) {
    fault = error
    throw error
  } finally {
    closeUnused(db, path, fault)
  }
}

/** How many messages are in an open file. */
export function countOf(db: DatabaseSync): MessageCount {
  const [left, damaged] = [STATES.indexOf('left'), STATES.indexOf('damaged')]
  const row = db
    .prepare(
      `SELECT count(*) FILTER (WHERE state NOT IN (${left}, ${damaged})) AS held,
         count(*) FILTER (WHERE state = ${damaged}) AS damaged
       FROM message`
    )
    .get() as { held: number; damaged: number }
  return { ...row, isPaused: getMeta(db, 'paused') === 1 }
}
