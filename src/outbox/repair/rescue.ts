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
 * Makes a new queue file of what can be read of a damaged one and its log, and moves both aside: they
 * are never deleted.
 *
 * Of a page of the log that is lost or damaged an older state is read, too. So a message may be in an
 * older state and is sent again, or leaves with an older outcome. One that was removed does not come
 * back unless both its facts and its content stood on such pages.
 *
 * @returns for whoever runs Node-RED: where it is now and how many messages were read
 * @throws {QueueFaultError} when it may be the key that does not fit; nothing is moved then
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
  return `The queue file ${spec.path} was damaged${where}. It was moved${also} to ${aside}; of the ${result.seen} messages found in it, ${result.read} could be read into a new file and will be sent as usual. Keep the old file until you are sure that nothing is missing.`
}

/** Puts the new file into its place where a crash came between. */
export function finishRescue(path: string): void {
  const draft = `${path}.rescue`
  if (existsSync(path) || !existsSync(draft)) return
  // That of the old file: SQLite would read it into the new one.
  moveAside(path, 'damaged')
  renameSync(draft, path)
}

/** Moves a file out of the way, with its log. @returns where it is now */
export function moveAside(path: string, why: string): string {
  const aside = asideName(path, why)
  // The file first: without it, the log is not taken for that of a whole one after a crash.
  for (const suffix of ['', '-wal', '-shm']) move(`${path}${suffix}`, `${aside}${suffix}`)
  return aside
}

/**
 * Is the log damaged, so that to open the file would cost what is in it? SQLite drops all from the
 * first damaged byte on, and deletes the log when it closes the file.
 *
 * @throws an error of SQLite, `SQLITE_BUSY`, when another process has the file open: its log may only
 * have looked so while that wrote
 */
export function isLogDamaged(path: string): boolean {
  const log = `${path}-wal`
  if (!readLog(log).isDamaged) return false
  // SQLite deletes the log of a file that is empty, whatever that is opened for.
  if ((statSync(path, { throwIfNoEntry: false })?.size ?? 0) === 0) return true
  // Else, opened for reading, it keeps others out and leaves the log as it is.
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
    // The file itself is damaged, or the log so that SQLite does not go on.
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
