import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { Entry, ListQuery, OutboxContents, FindQuery, Found } from './outbox.ts'
import { DiskSpace } from './disk-space.ts'
import { EntryRows } from './entry-rows.ts'
import { FilePlace } from './file-place.ts'
import { NO_VERDICT } from './journal.ts'
import { JournalFile } from './journal-file.ts'
import { DAMAGED, MOST_SEQ, STATES, whole } from './message-row.ts'
import { NewestFirst } from './newest-first.ts'
import {
  deleteFiles,
  getMeta,
  openQueueDatabase,
  setMeta,
  countOf,
  type MessageCount
} from './queue-database.ts'
import { faultCode, LostFileError, QueueDamageError, QueueFaultError } from './queue-fault.ts'
import { subKey } from './queue-key.ts'
import type { CallResult, QueueCall, QueueFileSpec, ReadMessage } from './queue-protocol.ts'
import { RowCheck } from './row-check.ts'
import { RunMarks } from './run-marks.ts'
import { Sealer } from './seal.ts'
import { SealedParts } from './sealed-parts.ts'
import { pauseFrom } from './stored-json.ts'

/** Records that an idle thread looks at before other files get their turn. */
const ROWS_PER_STEP = 512

/** One node's queue in a SQLite file. Synchronous: for use in the queue thread only. */
export class QueueFile {
  readonly spec: QueueFileSpec
  readonly space: DiskSpace
  /** Tells whether a file was sealed with this key, and nothing else of the key. */
  readonly keyCheck: Buffer
  readonly #db: DatabaseSync
  readonly #rows: EntryRows
  readonly #parts: SealedParts
  readonly #check: RowCheck
  readonly #journal: JournalFile
  readonly #newest: NewestFirst
  readonly #sql: Statements
  readonly #files: FilePlace
  /** The highest number ever assigned, and the one that the file records even if it is empty. */
  #lastSeq = 0
  #storedLastSeq = 0
  #place = 0
  readonly #run: RunMarks
  #isRunning = false

  /**
   * Opens the file, or creates it; locks it for this process.
   *
   * @throws {QueueFaultError} for a wrong key, another program's file or a newer version
   */
  constructor(spec: QueueFileSpec) {
    this.spec = spec
    const sealer = new Sealer(subKey(spec.key, `seal ${spec.name}`))
    this.#rows = new EntryRows(sealer)
    this.keyCheck = subKey(spec.key, `check ${spec.name}`, 16)
    this.#db = openQueueDatabase(spec.path, this.keyCheck)
    try {
      this.#parts = new SealedParts(this.#db, sealer)
      this.#check = new RowCheck(this.#db, this.#parts)
      this.#journal = new JournalFile(this.#db, spec.journalDays)
      this.#newest = new NewestFirst(this.#db, 'message', [], FOUND)
      this.#sql = statementsOf(this.#db)
      this.#readCounters()
      this.#files = new FilePlace(spec.path)
      this.#run = new RunMarks(this.#db)
      this.space = new DiskSpace(this.#db, spec.path)
    } catch (error) {
      this.#db.close()
      throw error
    }
  }

  get path(): string {
    return this.spec.path
  }

  /** What was removed or replaced while it was open: nothing may be stored then. */
  get lost(): FilePlace['lost'] {
    return this.#files.lost
  }

  /**
   * All of it is stored, synced to the disk, when this returns; none of it when it throws.
   *
   * @throws {LostFileError} when the next start would not find it
   */
  transaction<T>(work: () => T): T {
    this.#sql.begin.run()
    try {
      const result = work()
      if (this.lost !== undefined) throw new LostFileError()
      this.#sql.commit.run()
      return result
    } catch (error) {
      try {
        this.#db.exec('ROLLBACK')
      } catch {
        // SQLite has rolled back by itself, as it does when the disk is full.
      }
      this.#readCounters()
      this.#journal.rolledBack()
      throw error
    }
  }

  /**
   * Within a transaction: a change, or what was asked for.
   *
   * @param isShort a removal must not take any space: then it leaves no record
   */
  apply(call: QueueCall, isShort = false): CallResult | undefined {
    switch (call.kind) {
      case 'add':
        this.#add(call.entry, call.content)
        return undefined
      case 'update':
        this.#update(call.entry)
        if (call.entry.state !== 'settled') this.#parts.drop(call.entry.seq, 'outcome')
        return undefined
      case 'settle':
        this.#update(call.entry)
        this.#parts.drop(call.entry.seq, 'outcome')
        this.#parts.put(call.entry.seq, 'outcome', call.outcome)
        this.#run.tick()
        return undefined
      case 'remove':
        this.#remove(call.seq)
        if (!isShort) this.#journal.removed(call.record)
        return undefined
      case 'setDamaged':
        this.#sql.setDamaged.run(call.seq)
        return undefined
      case 'setPaused':
        setMeta(this.#db, 'paused', call.pause === undefined ? 0 : 1)
        setMeta(this.#db, 'pause', JSON.stringify(call.pause ?? {}))
        return undefined
      case 'note':
        this.#run.note(call.seq)
        return undefined
      case 'read':
        return this.read(call.seq)
      case 'list':
        return this.list(call.query)
      case 'find':
        return call.query.where === 'queue'
          ? this.#find(call.query)
          : this.#journal.find(call.query)
      case 'addEvent':
        this.#journal.addEvent(call.event)
        return undefined
      case 'events':
        return this.#journal.events(call.query)
    }
  }

  /**
   * A settled or suspended message whose outcome is damaged comes without it.
   *
   * @throws {QueueFaultError} when it is not there, or damaged: from then on it does not count
   */
  read(seq: number): ReadMessage {
    const row = this.#sql.row.get(seq)
    if (row === undefined) throw this.#unknown(seq)
    const entry = this.#rows.entryOf(row)
    const content = this.#parts.get(seq, 'content')
    if (content === undefined) {
      try {
        this.#sql.setDamaged.run(seq)
      } catch {
        // If that cannot be noted, the next start reports it again.
      }
      throw new QueueFaultError(
        `Number ${seq} in the queue file ${this.path} is damaged and cannot be read. What is left of it stays in the file.`,
        'ERR_MESSAGE_DAMAGED',
        { controlId: entry.controlId, type: entry.type }
      )
    }
    const outcome = entry.state === 'waiting' ? undefined : this.#parts.get(seq, 'outcome')
    return { entry, content, ...(outcome && { outcome }) }
  }

  /**
   * Begins a run, before `contents`, and suspends messages that processes ended on.
   */
  beginRun(): Pick<OutboxContents, 'unclean' | 'endedOn' | 'uptimeMs'> {
    return this.transaction(() => {
      const { blamed, ...run } = this.#run.begin()
      this.#isRunning = true
      const endedOn = blamed.flatMap((seq) => {
        const row = this.#sql.row.get(seq)
        if (row === undefined || row['state'] === DAMAGED) return []
        const entry = this.#rows.entryOf(row)
        entry.state = 'suspended'
        entry.suspendedAt = Date.now()
        entry.verdict = { ...NO_VERDICT, errorCode: 'ERR_ENDED_TWICE' }
        this.#update(entry)
        return [entry]
      })
      return { ...run, endedOn }
    })
  }

  /**
   * What the queue holds.
   *
   * @throws {QueueDamageError} rather than leave a message out
   */
  contents(): Omit<OutboxContents, 'unclean' | 'endedOn' | 'uptimeMs'> {
    const suspended: Entry[] = []
    const settled: number[] = []
    for (const row of this.#sql.aside.iterate()) {
      const entry = this.#rows.entryOf(row)
      if (entry.state === 'settled') settled.push(entry.seq)
      else suspended.push(entry)
    }
    suspended.sort((a, b) => a.seq - b.seq)
    return {
      ...{
        waiting: this.#check.countWaiting(suspended.length + settled.length),
        suspended,
        settled
      },
      paused:
        checked(getMeta(this.#db, 'paused'), 1) === 1
          ? pauseFrom(getMeta(this.#db, 'pause'))
          : undefined,
      lastSeq: this.#lastSeq
    }
  }

  /**
   * Waiting messages in the order of acceptance.
   *
   * @throws {QueueDamageError} rather than leave a message out
   */
  list({ after, without, limit }: ListQuery): Entry[] {
    const entries: Entry[] = []
    let before: number | undefined
    for (const row of this.#sql.list.iterate(after, JSON.stringify(without), limit)) {
      const entry = this.#rows.entryOf(row)
      this.#check.checkNext(before, entry.seq)
      before = entry.seq
      entries.push(entry)
    }
    return entries
  }

  #find({ before, limit, controlId, type, since }: FindQuery): Found {
    const { rows, next } = this.#newest.find(before, limit, {
      controlId: controlId ?? null,
      type: type ?? null,
      since: since ?? 0
    })
    return { entries: rows.map((row) => this.#rows.entryOf(row)), records: [], next }
  }

  /** How many messages are in it. */
  count(): MessageCount {
    return countOf(this.#db)
  }

  /** For the repair of a damaged file: what its rows are taken over into. */
  get tables(): { db: DatabaseSync; parts: SealedParts } {
    return { db: this.#db, parts: this.#parts }
  }

  /**
   * Deletes some of what is no longer needed, and releases a part of the space.
   *
   * @returns whether there is more to do
   */
  keepHouse(): boolean {
    const more = this.transaction(() => this.#journal.trim(ROWS_PER_STEP))
    return this.space.shrink() || more
  }

  /** Copies all of it into an empty file. */
  copyTo(path: string): void {
    this.#db.prepare('VACUUM INTO ?').run(path)
  }

  /** Removes the log of a lost file; what is in it can still be copied. */
  removeLog(): void {
    this.#files.removeLog()
  }

  /** Closes the file; its log is then written back and removed, if the disk allows. */
  close(): void {
    try {
      if (this.#isRunning) this.#run.end()
    } catch {
      // The next start is then a careful one.
    }
    this.#db.close()
  }

  /** Closes a file that has shown a fault, whatever its state. */
  drop(): void {
    try {
      this.#db.close()
    } catch {
      // Closed already.
    }
  }

  /** Closes and deletes it. Only for an empty queue. */
  delete(): void {
    this.#db.close()
    deleteFiles(this.path)
  }

  #add(entry: Entry, content: Uint8Array): void {
    const { seq, state } = entry
    this.#sql.add.run(
      seq,
      STATES.indexOf(state),
      state === 'waiting' ? null : ++this.#place,
      entry.acceptedAt,
      entry.attempts,
      entry.spentMs,
      entry.suspendedAt ?? null,
      entry.lane,
      entry.type,
      entry.controlId,
      this.#rows.sealedVerdict(entry)
    )
    this.#parts.put(seq, 'content', content)
    if (seq > this.#lastSeq) this.#lastSeq = seq
  }

  #update(entry: Entry): void {
    const { changes } = this.#sql.update.run(
      STATES.indexOf(entry.state),
      entry.state === 'waiting' ? null : ++this.#place,
      entry.attempts,
      entry.spentMs,
      entry.suspendedAt ?? null,
      this.#rows.sealedVerdict(entry),
      entry.seq
    )
    if (changes === 0) throw this.#unknown(entry.seq)
  }

  #remove(seq: number): void {
    const { changes } = this.#sql.remove.run(seq)
    if (changes === 0) throw this.#unknown(seq)
    this.#parts.dropAll(seq)
    // The rows tell the highest number until the highest row goes.
    if (seq === this.#lastSeq && seq > this.#storedLastSeq) {
      setMeta(this.#db, 'lastSeq', seq)
      this.#storedLastSeq = seq
    }
  }

  #unknown(seq: number): QueueFaultError {
    return new QueueFaultError(
      `Message ${seq} is not in the queue file ${this.path}.`,
      'ERR_NOT_QUEUED'
    )
  }

  #readCounters(): void {
    try {
      const row = this.#db.prepare('SELECT max(seq) AS seq FROM message').get()
      const placed = this.#db.prepare(
        'SELECT max(place) AS place FROM message WHERE place IS NOT NULL'
      )
      this.#storedLastSeq = checked(getMeta(this.#db, 'lastSeq'), MOST_SEQ)
      this.#lastSeq = Math.max(this.#storedLastSeq, checked(row?.['seq'], MOST_SEQ))
      this.#place = checked(placed.get()?.['place'])
    } catch (error) {
      if (faultCode(error) !== 'ERR_INVALID_STATE') throw error
    }
  }
}

/** @throws {QueueDamageError} for what is neither a whole number nor nothing, which counts as 0 */
function checked(stored: unknown, most?: number): number {
  const value = whole(stored ?? 0, most)
  if (value === undefined) throw new QueueDamageError()
  return value
}

const FOUND = `state <> ${DAMAGED} AND (:controlId IS NULL OR control_id = :controlId)
  AND (:type IS NULL OR type = :type) AND accepted_at >= :since`

interface Statements {
  begin: StatementSync
  commit: StatementSync
  add: StatementSync
  update: StatementSync
  remove: StatementSync
  row: StatementSync
  list: StatementSync
  aside: StatementSync
  setDamaged: StatementSync
}

/** Node.js 22.13 may finalize a statement that nobody holds while its rows are still being read. */
function statementsOf(db: DatabaseSync): Statements {
  return {
    begin: db.prepare('BEGIN IMMEDIATE'),
    commit: db.prepare('COMMIT'),
    add: db.prepare('INSERT INTO message VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)'),
    update: db.prepare(
      'UPDATE message SET state = ?, place = ?, attempts = ?, spent_ms = ?, suspended_at = ?, reason = ? WHERE seq = ?'
    ),
    remove: db.prepare('DELETE FROM message WHERE seq = ?'),
    row: db.prepare('SELECT * FROM message WHERE seq = ?'),
    list: db.prepare(
      'SELECT * FROM message WHERE seq > ? AND state = 0 AND lane NOT IN (SELECT value FROM json_each(?)) ORDER BY seq LIMIT ?'
    ),
    aside: db.prepare('SELECT * FROM message WHERE place IS NOT NULL ORDER BY place'),
    setDamaged: db.prepare(`UPDATE message SET state = ${DAMAGED}, place = NULL WHERE seq = ?`)
  }
}
