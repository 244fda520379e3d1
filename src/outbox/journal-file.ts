import type { DatabaseSync, StatementSync } from 'node:sqlite'
import {
  MOST_EVENTS,
  MOST_RECORDS,
  QUEUE_EVENT_KINDS,
  type EventQuery,
  type JournalRecord,
  type QueueEvent,
  type QueueEventKind
} from './journal.ts'
import type { FindQuery, Found } from './outbox.ts'
import { moment, text, whole } from './message-row.ts'
import { NewestFirst, type Row } from './newest-first.ts'
import { errorsFrom, valuesFrom } from './stored-json.ts'

const DAY_MS = 24 * 60 * 60 * 1000
/** How often old records are searched for. */
const SWEEP_MS = 60 * 60 * 1000
/** After this many removals some records are checked: more than were added in between. */
const REMOVALS_PER_TRIM = 64
const ROWS_PER_TRIM = 256
/** This many messages that left late keep their records longer than their neighbours. */
const SPARED = 1000

const OUTCOMES = ['ack', 'nak', 'error'] as const

/**
 * The tables `journal` and `event` of a queue file: how messages left, and the events of the node.
 * Both are in clear, so they hold control IDs, types and codes only.
 */
export class JournalFile {
  readonly #db: DatabaseSync
  readonly #days: number
  readonly #sql: Statements
  readonly #all: NewestFirst
  readonly #byControlId: NewestFirst
  #removals = 0
  /** The current sweep has reached this number; 0 between two sweeps. */
  #sweptTo = 0
  /** Monotonic, in milliseconds. */
  #nextSweep = 0
  /** How many records there are, once that had to be counted. */
  #count: number | undefined

  /** @param days how long records and events are kept; 0: none, and those in the file are deleted */
  constructor(db: DatabaseSync, days: number) {
    this.#db = db
    this.#days = days
    this.#sql = statementsOf(db)
    this.#all = new NewestFirst(db, 'journal NOT INDEXED', [], FILTER)
    this.#byControlId = new NewestFirst(
      db,
      'journal INDEXED BY journal_control_id',
      ['control_id'],
      FILTER
    )
  }

  /** A message was removed. Within the transaction that does it. */
  removed(record: JournalRecord | undefined): void {
    if (record !== undefined && this.#days > 0) this.#add(record)
    if (++this.#removals % REMOVALS_PER_TRIM === 0) this.trim(ROWS_PER_TRIM)
  }

  #add({ verdict, ...record }: JournalRecord): void {
    const { seq, controlId, type, acceptedAt, settledAt, attempts, outcome } = record
    const { ackCode, errors, status, errorCode, cause, rule } = verdict
    this.#sql.add.run(
      ...[seq, controlId, type, acceptedAt, settledAt, attempts, outcome],
      ackCode,
      errors.length === 0 ? '' : JSON.stringify(errors),
      ...[status, errorCode, cause, rule]
    )
    if (this.#count !== undefined) this.#count++
  }

  /** Forgets what a failed transaction has counted and swept. */
  rolledBack(): void {
    this.#count = undefined
    this.#sweptTo = 0
    this.#nextSweep = 0
  }

  /** Records of `query`, newest first; none that is too old, even if it is still there. */
  find(query: FindQuery): Found {
    const { before, limit, controlId, type, rule, outcome, since = 0 } = query
    const filter = {
      type: type ?? null,
      rule: rule ?? null,
      outcome: outcome ?? null,
      since: Math.max(since, this.#cutoff())
    }
    const { rows, next } =
      controlId === undefined
        ? this.#all.find(before, limit, filter)
        : this.#byControlId.find(before, limit, { ...filter, control_id: controlId })
    return { entries: [], records: rows.flatMap(recordsOf), next }
  }

  addEvent({ at, kind, by, values }: QueueEvent): void {
    if (this.#days === 0) return
    const { lastInsertRowid } = this.#sql.addEvent.run(null, at, kind, by, JSON.stringify(values))
    this.#sql.dropEvents.run(Number(lastInsertRowid) - MOST_EVENTS, Number.POSITIVE_INFINITY)
  }

  events({ since, limit }: EventQuery): QueueEvent[] {
    return this.#sql.events.all(Math.max(since, this.#cutoff()), limit).flatMap(eventsOf)
  }

  /**
   * Deletes some old and surplus records, within a transaction.
   *
   * @param rows how many records are checked
   * @returns whether there is more to delete
   */
  trim(rows: number): boolean {
    const isOver = this.#dropExcess(rows)
    return this.#sweep(rows) || isOver
  }

  /** Settled before this is too old. */
  #cutoff(): number {
    return this.#days > 0 ? Date.now() - this.#days * DAY_MS : Number.POSITIVE_INFINITY
  }

  /** Among the lowest numbers, drops those that were settled first. */
  #dropExcess(rows: number): boolean {
    const { low, high } = this.#sql.range.get() as { low: number | null; high: number | null }
    const most = MOST_RECORDS - REMOVALS_PER_TRIM
    if ((high ?? 0) - (low ?? 0) < most) return false
    this.#count ??= this.#db.prepare('SELECT count(*) AS count FROM journal').get()?.[
      'count'
    ] as number
    if (this.#count <= most) return false
    this.#count -= Number(this.#sql.dropFirst.run(SPARED + rows, rows).changes)
    return this.#count > most
  }

  /**
   * Goes through the records by their numbers, some at a time, up to those that were accepted too
   * late to be too old: so `settled_at` needs no index.
   */
  #sweep(rows: number): boolean {
    if (performance.now() < this.#nextSweep) return false
    const cutoff = this.#cutoff()
    const window = this.#sql.window.get(cutoff, Date.now(), this.#sweptTo, rows)
    const { last, old } = window as { last: number | null; old: number }
    let events = 0
    const first = this.#sql.firstEvent.get()?.['id']
    if (typeof first === 'number') {
      events = Number(this.#sql.dropEvents.run(first + rows, cutoff).changes)
    }
    if (last !== null && old > 0) {
      const { changes } = this.#sql.dropOld.run(this.#sweptTo, last, cutoff)
      if (this.#count !== undefined) this.#count -= Number(changes)
      this.#sweptTo = last
      return true
    }
    if (events > 0) return true
    this.#sweptTo = 0
    this.#nextSweep = performance.now() + SWEEP_MS
    return false
  }
}

const FILTER = `(:type IS NULL OR type = :type) AND (:rule IS NULL OR rule = :rule)
  AND (:outcome IS NULL OR outcome = :outcome) AND settled_at >= :since`

interface Statements {
  add: StatementSync
  range: StatementSync
  dropFirst: StatementSync
  window: StatementSync
  dropOld: StatementSync
  addEvent: StatementSync
  events: StatementSync
  firstEvent: StatementSync
  dropEvents: StatementSync
}

function statementsOf(db: DatabaseSync): Statements {
  return {
    add: db.prepare(
      'INSERT OR REPLACE INTO journal VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)'
    ),
    range: db.prepare(
      'SELECT (SELECT min(seq) FROM journal) AS low, (SELECT max(seq) FROM journal) AS high'
    ),
    dropFirst: db.prepare(`
      DELETE FROM journal WHERE seq IN (
        SELECT seq FROM (SELECT seq, settled_at FROM journal ORDER BY seq LIMIT ?)
        ORDER BY settled_at, seq LIMIT ?)`),
    // An acceptance time in the future proves nothing: the clock was set back.
    window: db.prepare(`
      SELECT max(seq) AS last,
        count(*) FILTER (WHERE accepted_at < ?1 OR accepted_at > ?2) AS old
      FROM (SELECT seq, accepted_at FROM journal WHERE seq > ?3 ORDER BY seq LIMIT ?4)`),
    dropOld: db.prepare('DELETE FROM journal WHERE seq > ? AND seq <= ? AND settled_at < ?'),
    addEvent: db.prepare('INSERT INTO event VALUES (?, ?, ?, ?, ?)'),
    events: db.prepare('SELECT * FROM event WHERE at >= ? ORDER BY id DESC LIMIT ?'),
    firstEvent: db.prepare('SELECT min(id) AS id FROM event'),
    dropEvents: db.prepare('DELETE FROM event WHERE id <= ? AND at < ?')
  }
}

/** A damaged record is left out; a damaged detail of one is empty. */
function recordsOf(row: Row): JournalRecord[] {
  const seq = whole(row['seq'])
  const settledAt = moment(row['settled_at'])
  const outcome = OUTCOMES.find((each) => each === row['outcome'])
  if (seq === undefined || settledAt === undefined || outcome === undefined) return []
  return [
    {
      seq,
      controlId: text(row['control_id']),
      type: text(row['type']),
      acceptedAt: moment(row['accepted_at']) ?? 0,
      settledAt,
      attempts: whole(row['attempts']) ?? 0,
      outcome,
      verdict: {
        ackCode: text(row['ack_code']),
        errors: errorsFrom(row['errors']),
        status: whole(row['status']) ?? 0,
        rule: text(row['rule']),
        errorCode: text(row['error_code']),
        cause: text(row['cause'])
      }
    }
  ]
}

function eventsOf(row: Row): QueueEvent[] {
  const at = moment(row['at'])
  const kind = row['kind']
  if (at === undefined || !isKind(kind)) return []
  return [{ at, kind, by: text(row['by']), values: valuesFrom(row['detail']) }]
}

function isKind(kind: unknown): kind is QueueEventKind {
  return (QUEUE_EVENT_KINDS as readonly unknown[]).includes(kind)
}
