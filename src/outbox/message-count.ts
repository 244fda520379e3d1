import { DatabaseSync } from 'node:sqlite'
import { DAMAGED } from './message-row.ts'
import { checkedVersion, getMeta } from './queue-database.ts'

/** Messages in a file; the damaged ones are not held. */
export interface MessageCount {
  held: number
  damaged: number
  /** The queue was paused: that has to last, even where no message is in it. */
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
    // What a start leaves that ended before it made the tables.
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
