import { existsSync, renameSync, statSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { Adoption } from './adoption.ts'
import { leafRows } from './leaf-rows.ts'
import { faultCode, QueueFaultError } from '../queue-fault.ts'
import { deleteFiles } from '../queue-database.ts'
import { QueueFile } from '../queue-file.ts'
import type { QueueFileSpec } from '../queue-protocol.ts'
import { readLog } from './write-ahead-log.ts'

/** In one transaction of the new file. */
const ROWS_AT_ONCE = 2000

/**
 * Creates a new queue file from what can be read of a damaged one and its log, and moves both
 * aside: they are never deleted.
 *
 * If a page of the log is lost or damaged, an older state of it is read too. So a message may be in
 * an older state and is sent again, or leaves with an older outcome. One that was removed does not
 * come back unless both its facts and its content were on such pages. The journal and the events are
 * not taken over: what they tell of such a file could be wrong.
 *
 * @returns where it is now and how many messages were read, for the operator
 * @throws {QueueFaultError} if the key may not match; nothing is moved then
 */
export function rescue(spec: QueueFileSpec): string {
  const draft = `${spec.path}.rescue`
  deleteFiles(draft)
  const target = new QueueFile({ ...spec, path: draft })
  let result: { read: number; seen: number }
  try {
    result = copied(spec.path, target)
    target.close()
  } catch (error) {
    target.drop()
    deleteFiles(draft)
    throw error
  }
  const isLog = readLog(`${spec.path}-wal`).isDamaged
  const [where, also] = isLog ? [' in its write-ahead log', ' with the log'] : ['', '']
  // A crash between these leaves the finished draft, which the next start takes.
  const aside = moveAside(spec.path, 'damaged')
  renameSync(draft, spec.path)
  return `The queue file ${spec.path} was damaged${where}. It was moved${also} to ${aside}; of the ${result.seen} messages found in it, ${result.read} could be read into a new file and will be sent as usual; the journal and the events in it start empty. Keep the old file until you are sure that nothing is missing.`
}

/** Puts the new file in place if a crash prevented it. */
export function finishRescue(path: string): void {
  const draft = `${path}.rescue`
  if (existsSync(path) || !existsSync(draft)) return
  // The log of the old file: SQLite would read it into the new one.
  moveAside(path, 'damaged')
  renameSync(draft, path)
}

/** Moves a file out of the way, with its log. @returns where it is now */
export function moveAside(path: string, why: string): string {
  const aside = asideName(path, why)
  // The file first: without it, the log is not mistaken for that of an intact file after a crash.
  for (const suffix of ['', '-wal', '-shm']) move(`${path}${suffix}`, `${aside}${suffix}`)
  return aside
}

/**
 * Whether the log is damaged, so that opening the file would lose its content. SQLite drops all
 * from the first damaged byte on, and deletes the log when it closes the file.
 *
 * @throws an error of SQLite, `SQLITE_BUSY`, when another process has the file open: its log may only
 * have seemed damaged during a write
 */
export function isLogDamaged(path: string): boolean {
  const log = `${path}-wal`
  if (!readLog(log).isDamaged) return false
  // SQLite deletes the log of an empty file, however that is opened.
  if ((statSync(path, { throwIfNoEntry: false })?.size ?? 0) === 0) return true
  // Otherwise, opened for reading, it locks out others and leaves the log unchanged.
  const db = new DatabaseSync(path, { readOnly: true })
  try {
    hold(db)
    return readLog(log).isDamaged
  } finally {
    db.close()
  }
}

/** No other process can write until the database is closed. */
function hold(db: DatabaseSync): void {
  try {
    db.exec('BEGIN')
    db.prepare('SELECT 1 FROM sqlite_schema').get()
  } catch (error) {
    if (faultCode(error) === 'SQLITE_BUSY') throw error
    // The file itself is damaged, or the log is, so that SQLite cannot continue.
  }
}

function copied(path: string, target: QueueFile): { read: number; seen: number } {
  const rows = leafRows(path)
  const adoption = new Adoption(target.tables, target.keyCheck)
  const some = (): boolean => {
    for (let count = 0; count < ROWS_AT_ONCE; count++) {
      const next = rows.next()
      if (next.done === true) return false
      adoption.take(next.value)
    }
    return true
  }
  while (target.transaction(some));
  const { read, seen, keyFits } = target.transaction(() => adoption.end())
  if (read === 0 && seen > 0 && !keyFits) {
    throw new QueueFaultError(
      `The queue file ${path} is damaged, and no message in it can be read with the key in use. If the key was changed, restore the old one (hl7HttpsOutQueueKey in settings.js, or the key file in the user directory); if not, move the file elsewhere and restart.`,
      'ERR_QUEUE_KEY'
    )
  }
  return { read, seen }
}

function asideName(path: string, why: string): string {
  return `${path}.${why}-${new Date().toISOString().replaceAll(':', '-')}`
}

function move(from: string, to: string): void {
  if (existsSync(from)) renameSync(from, to)
}
