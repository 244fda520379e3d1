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
import { DatabaseSync, type StatementSync } from 'node:sqlite'
import { PAGE_BYTES, type LeafRow } from './leaf-rows.ts'
import type { EntryFacts, EntryState, OutboxContents } from './outbox.ts'
import { faultCode, QueueFaultError } from './queue-fault.ts'
import { subKey } from './queue-key.ts'
import type { QueueCall, QueueFileSpec, ReadEntry } from './queue-protocol.ts'
import { APPLICATION_ID, SCHEMA_STEPS, SCHEMA_VERSION } from './queue-schema.ts'
import { Sealer, type SealedPlace } from './seal.ts'

const STATES: readonly EntryState[] = ['waiting', 'suspended', 'settled']
/** In place of a state: it was found damaged, and what is left of it stays. */
const DAMAGED = STATES.length
const PARTS = ['content', 'outcome'] as const
type Part = (typeof PARTS)[number]
/** Long parts are sealed and stored in pieces, so that they are not in memory as often. */
const PIECE_BYTES = 256 * 1024
/** See `queue-schema.ts`. */
const PIECES_OF_PART = 2 ** 16
const PIECES_OF_MESSAGE = 4 * PIECES_OF_PART
const META_NUMBERS = new Set(['paused', 'lastSeq'])

/** Pages (4 KiB) in the write-ahead log before it is written back, and when it is cut. */
const LOG_PAGES = 4096
const LOG_BYTES_KEPT = 32 * 1024 * 1024
/** Free pages that an empty file may keep, and how many are given back at a time. */
const FREE_PAGES_KEPT = 1024
const FREE_PAGES_AT_A_TIME = 2048

/** Messages in a file; the damaged ones are not held. */
export interface MessageCount {
  held: number
  damaged: number
}

/** A row of `message`. */
interface MessageRow {
  seq: number
  state: number
  place: number | null
  accepted_at: number
  attempts: number
  spent_ms: number
  suspended_at: number | null
  lane: string
  type: string
  control_id: string
  reason: Uint8Array | null
}

/** One node's queue in a SQLite file. Synchronous: it belongs into the queue thread. */
export class QueueFile {
  readonly path: string
  /** Tells whether a file was sealed with this key, and nothing else of the key. */
  readonly keyCheck: Buffer
  readonly #db: DatabaseSync
  readonly #sealer: Sealer
  readonly #sql: Statements
  /** The highest number ever given, and the one that the file tells even when it is empty. */
  #lastSeq = 0
  #storedLastSeq = 0
  #place = 0
  #adoptedKeyFits = false

  /**
   * Opens the file, or makes it; takes it for this process alone.
   *
   * @throws {QueueFaultError} for a wrong key, another program's file or a newer version
   */
  constructor(spec: QueueFileSpec) {
    this.path = spec.path
    makeFile(spec.path)
    this.#sealer = new Sealer(subKey(spec.key, `seal ${spec.name}`))
    this.keyCheck = subKey(spec.key, `check ${spec.name}`, 16)
    this.#db = new DatabaseSync(spec.path)
    try {
      // The lock stays until the file is closed: a second process must not share the queue.
      this.#db.exec('PRAGMA locking_mode = EXCLUSIVE')
      const version = this.#checkedVersion()
      if (version > 0) this.#checkKey()
      this.#db.exec(`
        PRAGMA page_size = ${PAGE_BYTES};
        PRAGMA auto_vacuum = INCREMENTAL;
        PRAGMA journal_mode = WAL;
        PRAGMA synchronous = FULL;
        PRAGMA secure_delete = ON;
        PRAGMA temp_store = MEMORY;
        PRAGMA wal_autocheckpoint = ${LOG_PAGES};
        PRAGMA journal_size_limit = ${LOG_BYTES_KEPT};`)
      // Written at once: what cannot be written is found now and not with the first message.
      this.#db.exec('BEGIN IMMEDIATE')
      for (const step of SCHEMA_STEPS.slice(version)) this.#db.exec(step)
      if (version < SCHEMA_VERSION) {
        this.#db.exec(`PRAGMA user_version = ${SCHEMA_VERSION}`)
        this.#db.exec(`PRAGMA application_id = ${APPLICATION_ID}`)
      }
      this.#setMeta('keyCheck', this.keyCheck)
      this.#db.exec('COMMIT')
      this.#sql = statementsOf(this.#db)
      this.#readCounters()
    } catch (error) {
      this.#db.close()
      throw error
    }
  }

  /** All of it is stored, synced to the disk, when this returns; none of it when it throws. */
  transaction<T>(work: () => T): T {
    this.#sql.begin.run()
    try {
      const result = work()
      this.#sql.commit.run()
      return result
    } catch (error) {
      try {
        this.#db.exec('ROLLBACK')
      } catch {
        // SQLite has rolled back by itself, as it does when the disk is full.
      }
      this.#readCounters()
      throw error
    }
  }

  /** Within a transaction: a change, or the message that was asked for. */
  apply(call: QueueCall): ReadEntry | undefined {
    switch (call.kind) {
      case 'add':
        this.#add(call.facts, call.content)
        return undefined
      case 'update':
        this.#update(call.facts)
        if (call.facts.state !== 'settled') this.#drop(call.facts.seq, 'outcome')
        return undefined
      case 'settle':
        this.#update(call.facts)
        this.#drop(call.facts.seq, 'outcome')
        this.#put(call.facts.seq, 'outcome', call.outcome)
        return undefined
      case 'remove':
        this.#remove(call.seq)
        return undefined
      case 'setPaused':
        this.#setMeta('paused', call.paused ? 1 : 0)
        return undefined
      case 'read':
        return this.read(call.seq)
    }
  }

  /**
   * A settled message whose outcome is damaged comes without it.
   *
   * @throws {QueueFaultError} when it is not there, or damaged: from then on it does not count
   */
  read(seq: number): ReadEntry {
    const row = this.#sql.row.get(seq) as unknown as MessageRow | undefined
    if (row === undefined) throw this.#unknown(seq)
    const facts = this.#facts(row)
    const content = this.#get(seq, 'content')
    if (content === undefined) {
      this.#sql.setDamaged.run(seq)
      throw new QueueFaultError(
        `Number ${seq} in the queue file ${this.path} is damaged and cannot be read. What is left of it stays in the file.`,
        'ERR_MESSAGE_DAMAGED',
        { controlId: facts.controlId, type: facts.type }
      )
    }
    const outcome = facts.state === 'settled' ? this.#get(seq, 'outcome') : undefined
    return { facts, content, ...(outcome && { outcome }) }
  }

  /** What the queue holds; the waiting ones as columns of their own buffers. */
  contents(): OutboxContents {
    const suspended: EntryFacts[] = []
    const settled: number[] = []
    for (const row of this.#db
      .prepare('SELECT * FROM message WHERE place IS NOT NULL ORDER BY place')
      .iterate()) {
      const facts = this.#facts(row as unknown as MessageRow)
      if (facts.state === 'settled') settled.push(facts.seq)
      else suspended.push(facts)
    }
    suspended.sort((a, b) => a.seq - b.seq)
    return {
      waiting: this.#waiting(),
      suspended,
      settled,
      paused: this.#meta('paused') === 1,
      lastSeq: this.#lastSeq
    }
  }

  /** How many messages are in it. */
  count(): MessageCount {
    return countOf(this.#db)
  }

  /**
   * Within a transaction: takes over a row of a damaged file, if it is one of ours. What is sealed
   * stays so, and counts only when it is authentic.
   */
  adopt({ id, values }: LeafRow): void {
    const [first, second] = values
    if (values.length === 11 && first === null && typeof second === 'number') {
      this.#sql.adopt.run(id, ...values.slice(1))
    } else if (values.length === 2 && second instanceof Uint8Array && first === null) {
      const seq = Math.floor(id / PIECES_OF_MESSAGE)
      const piece = id % PIECES_OF_PART
      const part = PARTS[Math.floor((id % PIECES_OF_MESSAGE) / PIECES_OF_PART)]
      const authentic = part && this.#sealer.unseal({ seq, part, piece }, second)
      if (authentic) this.#sql.put.run(id, second)
    } else if (values.length === 2 && typeof first === 'string') {
      if (first === 'keyCheck' && second instanceof Uint8Array) {
        this.#adoptedKeyFits = this.keyCheck.equals(second)
      } else if (META_NUMBERS.has(first) && typeof second === 'number') {
        this.#setMeta(first, second)
      }
    }
  }

  /**
   * Within a transaction: leaves only messages of which facts and content were found. One whose outcome is lost waits again:
   * it is found out by sending it once more.
   */
  endAdoption(): { read: number; seen: number; keyFits: boolean } {
    const seen = this.#db
      .prepare(
        `SELECT count(*) AS seen FROM
         (SELECT seq FROM message UNION SELECT id / ${PIECES_OF_MESSAGE} FROM sealed)`
      )
      .get()?.['seen'] as number
    this.#readCounters()
    this.#setMeta('lastSeq', this.#lastSeq)
    this.#db.exec(`
      DELETE FROM message WHERE NOT ${isWhole('content')};
      DELETE FROM sealed WHERE id / ${PIECES_OF_MESSAGE} NOT IN (SELECT seq FROM message);
      UPDATE message SET state = 0, place = NULL WHERE state = 2 AND NOT ${isWhole('outcome')};`)
    return { read: this.count().held, seen, keyFits: this.#adoptedKeyFits }
  }

  /**
   * Gives the disk back a part of what an empty queue does not need.
   *
   * @returns there is more to give back
   */
  shrink(): boolean {
    const free = this.#db.prepare('PRAGMA freelist_count').get()?.['freelist_count'] as number
    if (free <= FREE_PAGES_KEPT) return false
    if (this.#db.prepare('SELECT 1 FROM message LIMIT 1').get() !== undefined) return false
    this.#db.exec(`PRAGMA incremental_vacuum(${FREE_PAGES_AT_A_TIME})`)
    const more = free - FREE_PAGES_AT_A_TIME > FREE_PAGES_KEPT
    if (!more) this.#db.exec('PRAGMA wal_checkpoint(TRUNCATE)')
    return more
  }

  /** Lets go of the file; its log is written back and gone then, where the disk allows. */
  close(): void {
    this.#db.close()
  }

  /** Lets go of a file that has shown a fault, whatever state it is in. */
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

  #add(facts: EntryFacts, content: Uint8Array): void {
    const { seq, state } = facts
    this.#sql.add.run(
      seq,
      STATES.indexOf(state),
      state === 'waiting' ? null : ++this.#place,
      facts.acceptedAt,
      facts.attempts,
      facts.spentMs,
      facts.suspendedAt ?? null,
      facts.lane,
      facts.type,
      facts.controlId,
      this.#sealedReason(facts)
    )
    this.#put(seq, 'content', content)
    if (seq > this.#lastSeq) this.#lastSeq = seq
  }

  #update(facts: EntryFacts): void {
    const { changes } = this.#sql.update.run(
      STATES.indexOf(facts.state),
      facts.state === 'waiting' ? null : ++this.#place,
      facts.attempts,
      facts.spentMs,
      facts.suspendedAt ?? null,
      this.#sealedReason(facts),
      facts.seq
    )
    if (changes === 0) throw this.#unknown(facts.seq)
  }

  #remove(seq: number): void {
    const { changes } = this.#sql.remove.run(seq)
    if (changes === 0) throw this.#unknown(seq)
    this.#sql.drop.run(seq * PIECES_OF_MESSAGE, (seq + 1) * PIECES_OF_MESSAGE - 1)
    // The rows tell the highest number until the highest row goes.
    if (seq === this.#lastSeq && seq > this.#storedLastSeq) {
      this.#setMeta('lastSeq', seq)
      this.#storedLastSeq = seq
    }
  }

  #sealedReason({ seq, reason }: EntryFacts): Buffer | null {
    if (reason === undefined) return null
    return this.#sealer.seal(reasonOf(seq), true, Buffer.from(reason, 'utf8'))
  }

  #facts(row: MessageRow): EntryFacts {
    const facts: EntryFacts = {
      seq: row.seq,
      lane: row.lane,
      controlId: row.control_id,
      type: row.type,
      acceptedAt: row.accepted_at,
      state: STATES[row.state] ?? 'waiting',
      attempts: row.attempts,
      spentMs: row.spent_ms
    }
    if (row.suspended_at !== null) facts.suspendedAt = row.suspended_at
    // A reason that is damaged is no reason to hold the message back.
    const reason = row.reason && this.#sealer.unseal(reasonOf(row.seq), row.reason)
    if (reason) facts.reason = reason.plain.toString('utf8')
    return facts
  }

  /**
   * SQLite calls a function for each row: with a million rows that is twice as quick as making an
   * object of each.
   */
  #waiting(): OutboxContents['waiting'] {
    const lanes = new Map<string, number>()
    let size = 1024
    let count = 0
    let seqs = new Float64Array(size)
    let acceptedAt = new Float64Array(size)
    let laneIndex = new Uint32Array(size)
    this.#db.function('take', (seq, at, lane) => {
      if (count === size) {
        size *= 2
        seqs = grown(seqs, new Float64Array(size))
        acceptedAt = grown(acceptedAt, new Float64Array(size))
        laneIndex = grown(laneIndex, new Uint32Array(size))
      }
      seqs[count] = seq as number
      acceptedAt[count] = at as number
      let index = lanes.get(lane as string)
      if (index === undefined) {
        index = lanes.size
        lanes.set(lane as string, index)
      }
      laneIndex[count++] = index
      return null
    })
    this.#db
      .prepare(
        'SELECT count(take(seq, accepted_at, lane)) FROM (SELECT * FROM message WHERE state = 0 ORDER BY seq)'
      )
      .get()
    return {
      seqs: seqs.slice(0, count),
      acceptedAt: acceptedAt.slice(0, count),
      laneIndex: laneIndex.slice(0, count),
      lanes: [...lanes.keys()]
    }
  }

  #put(seq: number, part: Part, plain: Uint8Array): void {
    const id = pieceId(seq, part)
    let piece = 0
    for (let from = 0; from === 0 || from < plain.length; from += PIECE_BYTES) {
      const last = from + PIECE_BYTES >= plain.length
      const bytes = plain.subarray(from, from + PIECE_BYTES)
      this.#sql.put.run(id + piece, this.#sealer.seal({ seq, part, piece }, last, bytes))
      piece++
    }
  }

  #drop(seq: number, part: Part): void {
    const id = pieceId(seq, part)
    this.#sql.drop.run(id, id + PIECES_OF_PART - 1)
  }

  /** Undefined where a piece is missing or not authentic. */
  #get(seq: number, part: Part): Buffer | undefined {
    const id = pieceId(seq, part)
    const pieces: Buffer[] = []
    let complete = false
    for (const row of this.#sql.pieces.iterate(id, id + PIECES_OF_PART - 1)) {
      const place = { seq, part, piece: pieces.length }
      const unsealed = this.#sealer.unseal(place, row['bytes'] as Uint8Array)
      if (unsealed === undefined) break
      pieces.push(unsealed.plain)
      complete = unsealed.last
    }
    return complete ? ownBuffer(pieces) : undefined
  }

  #unknown(seq: number): QueueFaultError {
    return new QueueFaultError(
      `Message ${seq} is not in the queue file ${this.path}.`,
      'ERR_NOT_QUEUED'
    )
  }

  /** @throws {QueueFaultError} when the file is not one that this version may write */
  #checkedVersion(): number {
    const version = this.#db.prepare('PRAGMA user_version').get()?.['user_version'] as number
    const id = this.#db.prepare('PRAGMA application_id').get()?.['application_id'] as number
    if (id !== APPLICATION_ID) {
      if (this.#db.prepare('SELECT 1 FROM sqlite_schema LIMIT 1').get() === undefined) return 0
      throw new QueueFaultError(
        `The file ${this.path} is a database of another program. Move it away, or set another hl7HttpsOutQueueDirectory in settings.js.`,
        'ERR_QUEUE_FOREIGN'
      )
    }
    if (version > SCHEMA_VERSION) {
      throw new QueueFaultError(
        `The queue file ${this.path} was written by a newer version of this package (file version ${version}, this one knows ${SCHEMA_VERSION}). Install that version again, or let it send what is queued first.`,
        'ERR_QUEUE_VERSION'
      )
    }
    return version
  }

  #checkKey(): void {
    const stored = this.#meta('keyCheck')
    if (stored === undefined || this.keyCheck.equals(stored as Uint8Array)) return
    throw new QueueFaultError(
      `The queue file ${this.path} was sealed with another key. Put back the key that it was written with: hl7HttpsOutQueueKey in settings.js, or the key file in the user directory. Nothing in the file was changed.`,
      'ERR_QUEUE_KEY'
    )
  }

  #readCounters(): void {
    try {
      const row = this.#db.prepare('SELECT max(seq) AS seq FROM message').get()
      const placed = this.#db.prepare(
        'SELECT max(place) AS place FROM message WHERE place IS NOT NULL'
      )
      this.#storedLastSeq = (this.#meta('lastSeq') as number | undefined) ?? 0
      this.#lastSeq = Math.max(this.#storedLastSeq, (row?.['seq'] as number | null) ?? 0)
      this.#place = (placed.get()?.['place'] as number | null) ?? 0
    } catch (error) {
      if (faultCode(error) !== 'ERR_INVALID_STATE') throw error
    }
  }

  #meta(name: string): unknown {
    return this.#db.prepare('SELECT value FROM meta WHERE name = ?').get(name)?.['value']
  }

  #setMeta(name: string, value: number | Uint8Array): void {
    this.#db.prepare('INSERT OR REPLACE INTO meta VALUES (?, ?)').run(name, value)
  }
}

/** How many messages are in a file that nobody has open; needs no key. */
export function countMessages(path: string): MessageCount {
  const db = new DatabaseSync(path)
  try {
    db.exec('PRAGMA locking_mode = EXCLUSIVE')
    const empty =
      db.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'message'").get() === undefined
    return empty ? { held: 0, damaged: 0 } : countOf(db)
  } finally {
    db.close()
  }
}

function countOf(db: DatabaseSync): MessageCount {
  const sql = `SELECT count(*) FILTER (WHERE state <> ${DAMAGED}) AS held, count(*) AS all_rows FROM message`
  const { held, all_rows } = db.prepare(sql).get() as { held: number; all_rows: number }
  return { held, damaged: all_rows - held }
}

/** Removes a file with everything that SQLite puts beside it. */
export function deleteFiles(path: string): void {
  for (const suffix of ['', '-wal', '-shm', '-journal']) rmSync(`${path}${suffix}`, { force: true })
}

interface Statements {
  begin: StatementSync
  commit: StatementSync
  add: StatementSync
  adopt: StatementSync
  update: StatementSync
  remove: StatementSync
  row: StatementSync
  setDamaged: StatementSync
  put: StatementSync
  pieces: StatementSync
  drop: StatementSync
}

function statementsOf(db: DatabaseSync): Statements {
  return {
    begin: db.prepare('BEGIN IMMEDIATE'),
    commit: db.prepare('COMMIT'),
    add: db.prepare('INSERT INTO message VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)'),
    adopt: db.prepare('INSERT OR REPLACE INTO message VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)'),
    update: db.prepare(
      'UPDATE message SET state = ?, place = ?, attempts = ?, spent_ms = ?, suspended_at = ?, reason = ? WHERE seq = ?'
    ),
    remove: db.prepare('DELETE FROM message WHERE seq = ?'),
    row: db.prepare('SELECT * FROM message WHERE seq = ?'),
    setDamaged: db.prepare(`UPDATE message SET state = ${DAMAGED}, place = NULL WHERE seq = ?`),
    put: db.prepare('INSERT OR REPLACE INTO sealed VALUES (?, ?)'),
    pieces: db.prepare('SELECT bytes FROM sealed WHERE id BETWEEN ? AND ? ORDER BY id'),
    drop: db.prepare('DELETE FROM sealed WHERE id BETWEEN ? AND ?')
  }
}

function pieceId(seq: number, part: Part): number {
  return seq * PIECES_OF_MESSAGE + PARTS.indexOf(part) * PIECES_OF_PART
}

function reasonOf(seq: number): SealedPlace {
  return { seq, part: 'reason', piece: 0 }
}

/** SQL: the pieces of the part from the first to one that is marked as the last are there. */
function isWhole(part: Part): string {
  const first = `(seq * ${PIECES_OF_MESSAGE} + ${PARTS.indexOf(part) * PIECES_OF_PART})`
  return `EXISTS (
    SELECT 1 FROM sealed AS one
    WHERE one.id BETWEEN ${first} AND ${first} + ${PIECES_OF_PART - 1}
      AND substr(one.bytes, 1, 1) = x'01'
      AND one.id - ${first} + 1 = (SELECT count(*) FROM sealed WHERE id BETWEEN ${first} AND one.id))`
}

/** In memory of its own, which can be handed to another thread. */
function ownBuffer(pieces: readonly Buffer[]): Buffer {
  const whole = Buffer.from(new ArrayBuffer(pieces.reduce((sum, { length }) => sum + length, 0)))
  let at = 0
  for (const piece of pieces) at += piece.copy(whole, at)
  return whole
}

function grown<T extends Float64Array | Uint32Array>(from: T, to: T): T {
  to.set(from)
  return to
}

/** Makes an empty file that only its owner may read; SQLite takes an empty file for a new database. */
function makeFile(path: string): void {
  const directory = dirname(path)
  if (existsSync(path)) {
    // SQLite's own word for this is "disk I/O error". (To look does not give up a lock.)
    accessSync(path, constants.W_OK)
    accessSync(directory, constants.W_OK)
    return
  }
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  closeSync(openSync(path, 'a', 0o600))
  if (process.platform === 'win32') return
  const folder = openSync(directory, 'r')
  try {
    fsyncSync(folder)
  } finally {
    closeSync(folder)
  }
}
