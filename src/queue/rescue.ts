import { truncateSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { english } from '../english.ts'
import { isEmpty } from './file-location.ts'
import { completePlace, makeFile, moveAside, writeCopyBeside } from './files-beside.ts'
import { STATES } from './message-row.ts'
import { keyCheckOf, sealerOf } from './keys-of-file.ts'
import { getMeta, metaNumber, setMeta } from './meta.ts'
import { openQueueDatabase } from './queue-database.ts'
import { QueueError } from './queue-error.ts'
import { faultCode } from './queue-fault.ts'
import type { QueueFileSpec } from './queue-file-spec.ts'
import { PAGE_BYTES } from './queue-schema.ts'
import type { ContentStore } from './queue-types.ts'
import { ifReadable, readableRows, type Row } from './readable-rows.ts'
import type { Sealer } from './seal.ts'
import { PIECES_OF_MESSAGE, SealedParts } from './sealed-parts.ts'
import { moment, MOST_TIME } from './stored-json.ts'
import { hasBadHeader } from './write-ahead-log.ts'

const [WAITING, AWAITING, , LEAVING, LEFT, DAMAGED] = STATES.keys()

/** Above it the numbers of pieces are no longer exact; no queue gets that far. */
const MOST_SEQ = 2 ** 35 - 1
const ROWS_AT_ONCE = 1000

/** Messages that had not left: those of which something was found, and those that were taken over. */
interface Counts {
  found: number
  read: number
}

/**
 * Makes a new queue file from what SQLite can read of a damaged one, or of one with a damaged log, and
 * moves both aside: they are never deleted.
 *
 * Of a damaged log SQLite reads what comes before the damage, over a file that may be newer. So nothing
 * is believed because it was found together: a message is taken over if its row is one that this package
 * writes and its content is whole. All that are taken over go alone, by their numbers; one whose stored
 * outcome is lost waits again.
 *
 * @returns where the damaged file is and how many messages were read, for the operator
 * @throws {QueueError} `ERR_QUEUE_KEY` if the key may not match; nothing is moved then, nor when the
 * new file cannot be written
 */
export function rescue(spec: QueueFileSpec): string {
  const { path } = spec
  const isLog = hasBadHeader(`${path}-wal`)
  const { found, read } = writeCopy(spec)
  // A crash between these leaves the finished copy, which the next start takes.
  const aside = moveAside(path, 'damaged')
  completePlace(path)
  return english('log', isLog ? 'queue.logDamaged' : 'queue.fileDamaged', {
    path,
    aside,
    found,
    read
  })
}

/**
 * SQLite would not read the log of a file: because its header is not one, or because the file is empty, and then it
 * would delete it.
 *
 * @throws an error of SQLite, `SQLITE_BUSY`, when another process has the file open: its log may only
 * have seemed damaged during a write
 */
export function isLogDamaged(path: string): boolean {
  const log = `${path}-wal`
  if (isEmpty(path)) return !isEmpty(log)
  if (!hasBadHeader(log)) return false
  const db = openForReading(path)
  try {
    return hasBadHeader(log)
  } finally {
    db.close()
  }
}

/** Locks out other processes, and leaves the log as it is. */
function openForReading(path: string): DatabaseSync {
  // With the pragma, a table is read even if the text of an index is damaged; SQLite guards it by `defensive`.
  const db = new DatabaseSync(path, { readOnly: true, defensive: false })
  try {
    db.exec('PRAGMA writable_schema = ON; BEGIN')
    db.prepare('SELECT 1 FROM sqlite_schema').get()
  } catch (error) {
    if (faultCode(error) === 'SQLITE_BUSY') {
      db.close()
      throw error
    }
    // The file is too damaged for that; what comes next will show it.
  }
  return db
}

/** Writes what can be read to a copy beside the file. */
function writeCopy(spec: QueueFileSpec): Counts {
  const { path } = spec
  return writeCopyBeside(path, (draft) => {
    if (isEmpty(path)) {
      // With one page, even of zeros, SQLite reads the log.
      makeFile(path)
      truncateSync(path, PAGE_BYTES)
    }
    const from = openForReading(path)
    try {
      const counts = fillDraft(from, { ...spec, path: draft })
      if (counts.read === 0 && counts.found > 0 && !isKeyOf(from, spec)) {
        throw new QueueError(english('log', 'queue.noneReadable', { path }), 'ERR_QUEUE_KEY')
      }
      return counts
    } finally {
      from.close()
    }
  })
}

function fillDraft(from: DatabaseSync, spec: QueueFileSpec): Counts {
  const sealer = sealerOf(spec)
  const keyCheck = keyCheckOf(spec)
  const to = openQueueDatabase(spec, keyCheck, () => undefined)
  try {
    // Nobody takes the draft before it is finished and synced.
    to.exec('PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF; BEGIN')
    const unsound = new Set<number>()
    copyTable(from, to, 'meta', 'rowid')
    copyTable(from, to, 'message', 'seq', (row) => {
      if (keepUnsound(to, row)) unsound.add(row[0])
    })
    copyTable(from, to, 'event', 'id')
    copyTable(from, to, 'found', 'part')
    copyTable(from, to, 'minute', 'at')
    setMeta(to, 'keyCheck', keyCheck)
    dropForeignValues(to)
    const lost = countLost(from, to)
    const counts = takeContents(
      ifReadable(() => new SealedParts(from, sealer)),
      to,
      sealer,
      unsound
    )
    letAllGoAlone(to, lost.lastSeq)
    // Others have left than it says.
    to.exec("DELETE FROM meta WHERE name = 'left'")
    to.exec('COMMIT')
    return { read: counts.read, found: counts.found + lost.count }
  } finally {
    to.close()
  }
}

/**
 * Copies the rows of a table that can be read and that hold values of the right types.
 *
 * @param onUnsound gets the others
 */
function copyTable(
  from: DatabaseSync,
  to: DatabaseSync,
  table: string,
  key: string,
  onUnsound: (row: Row) => void = () => undefined
): void {
  const others = to
    .prepare('SELECT name FROM pragma_table_info(?) WHERE name <> ?')
    .all(table, key)
    .map(({ name }) => `"${name as string}"`)
  const columns = [key, ...others].join(', ')
  const places = ['?', ...others.map(() => '?')].join(', ')
  const insert = to.prepare(`INSERT OR REPLACE INTO ${table} (${columns}) VALUES (${places})`)
  for (const row of readableRows(from, table, key, others)) {
    try {
      insert.run(...row)
    } catch (error) {
      if (faultCode(error) !== 'SQLITE_CONSTRAINT') throw error
      onUnsound(row)
    }
  }
}

/**
 * A row with values of wrong types: what can be read of its names stays. When its turn comes, it has no content, and goes
 * to Catch as any other message that is damaged.
 *
 * @returns false if it has left
 */
function keepUnsound(db: DatabaseSync, row: Row): boolean {
  const columns = db.prepare('SELECT * FROM message').columns()
  const of = (name: string): unknown => row[columns.findIndex((column) => column.name === name)]
  if (of('state') === LEFT || of('kept_bytes') !== null) return false
  const textOf = (name: string): string => {
    const value = of(name)
    return typeof value === 'string' ? value : ''
  }
  const acceptedAt = moment(of('accepted_at')) ?? 0
  db.prepare(
    `INSERT OR IGNORE INTO message (seq, state, control_id, type, accepted_at, changed_at,
       attempts, retries, spent_ms, renewals, deaths)
     VALUES (?, ${WAITING}, ?, ?, ?, ?, 0, 0, 0, 0, 0)`
  ).run(row[0], textOf('control_id'), textOf('type'), acceptedAt, acceptedAt)
  return true
}

/** Rows with values that this package never writes: their messages count as lost. */
function dropForeignValues(db: DatabaseSync): void {
  db.exec(`
    DELETE FROM message WHERE seq NOT BETWEEN 1 AND ${MOST_SEQ}
      OR state NOT BETWEEN ${WAITING} AND ${DAMAGED}
      OR accepted_at NOT BETWEEN 0 AND ${MOST_TIME}
      OR changed_at NOT BETWEEN 0 AND ${MOST_TIME};
    UPDATE meta SET value = 1 WHERE name = 'paused' AND value IS NOT 0;`)
}

/** Contents without a row: how many, and the highest number. */
function countLost(from: DatabaseSync, to: DatabaseSync): { count: number; lastSeq: number } {
  const isKnown = to.prepare('SELECT 1 FROM message WHERE seq = ?')
  const lost = new Set<number>()
  let lastSeq = 0
  for (const [id] of readableRows(from, 'sealed', 'id', [])) {
    const seq = Math.floor(id / PIECES_OF_MESSAGE)
    if (seq < 1 || seq > MOST_SEQ) continue
    lastSeq = Math.max(lastSeq, seq)
    if (isKnown.get(seq) === undefined) lost.add(seq)
  }
  return { count: lost.size, lastSeq }
}

/**
 * Takes over the contents and outcomes of the messages that are there; those without a content go.
 *
 * @param unsound those of which the rows stay alone
 */
function takeContents(
  from: ContentStore<Uint8Array> | undefined,
  db: DatabaseSync,
  sealer: Sealer,
  unsound: ReadonlySet<number>
): Counts {
  const to = new SealedParts(db, sealer)
  const next = db.prepare(
    `SELECT seq, state FROM message
     WHERE seq > ? AND (state <> ${LEFT} OR kept_bytes IS NOT NULL) ORDER BY seq LIMIT ${ROWS_AT_ONCE}`
  )
  const drop = db.prepare('DELETE FROM message WHERE seq = ?')
  const dropKept = db.prepare('UPDATE message SET kept_bytes = NULL WHERE seq = ?')
  const wait = db.prepare(`UPDATE message SET state = ${WAITING} WHERE seq = ?`)
  const counts = { found: 0, read: 0 }
  for (let after = 0; ;) {
    const rows = next.all(after) as { seq: number; state: number }[]
    for (const { seq, state } of rows) {
      if (unsound.has(seq)) {
        counts.found++
        continue
      }
      const content = ifReadable(() => from?.get(seq, 'content'))
      // One that waits has none.
      const outcome = state === WAITING ? undefined : ifReadable(() => from?.get(seq, 'outcome'))
      if (content !== undefined) to.put(seq, 'content', content)
      if (content !== undefined && outcome !== undefined) to.put(seq, 'outcome', outcome)
      const original = content && ifReadable(() => from?.get(seq, 'original'))
      if (original !== undefined) to.put(seq, 'original', original)
      if (state === LEFT) {
        if (content === undefined) dropKept.run(seq)
        continue
      }
      counts.found++
      if (content === undefined) {
        drop.run(seq)
        continue
      }
      counts.read++
      // It is not as damaged as its state says, or its outcome is lost: sending it once more settles it.
      if (state === DAMAGED || (state === LEAVING && outcome === undefined)) wait.run(seq)
    }
    const last = rows.at(-1)
    if (last === undefined) return counts
    after = last.seq
  }
}

/** In the order of acceptance, before what is accepted from now on: see "Barrier" in `turns.ts`. */
function letAllGoAlone(db: DatabaseSync, lastSeqFound: number): void {
  // Without the time to which deadlines refer, the first is up now, and the others follow.
  db.exec(`
    UPDATE message SET turn = iif(state = ${AWAITING}, coalesce(turn, 0), NULL)
    WHERE state <> ${LEFT};
    INSERT OR IGNORE INTO meta
    SELECT 'uptime', min(turn) FROM message WHERE state = ${AWAITING} HAVING count(*) > 0`)
  const highest = db.prepare('SELECT max(seq) AS seq FROM message').get()?.['seq'] as number | null
  const stored = metaNumber(db, 'lastSeq')
  const lastSeq = Math.max(lastSeqFound, highest ?? 0, stored > MOST_SEQ ? 0 : stored)
  setMeta(db, 'lastSeq', lastSeq)
  setMeta(db, 'barrier', lastSeq)
}

function isKeyOf(db: DatabaseSync, spec: QueueFileSpec): boolean {
  const stored = ifReadable(() => getMeta(db, 'keyCheck'))
  return stored instanceof Uint8Array && keyCheckOf(spec).equals(stored)
}
