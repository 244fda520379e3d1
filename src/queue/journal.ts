import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { Clock } from '../clock.ts'
import { STATES } from './message-row.ts'
import {
  QUEUE_EVENT_KINDS,
  type EventQuery,
  type QueueEvent,
  type QueueEventKind
} from './queue-event.ts'
import { EVENT_COLUMNS } from './queue-schema.ts'
import { partOf } from './queue-statements.ts'
import type { RecordAges } from './record-ages.ts'
import { valuesFrom } from './stored-json.ts'

/** How often what is too old is searched for. */
const SWEEP_MS = 60 * 60 * 1000
/** Rows that one call looks at. */
const ROWS_PER_SWEEP = 512
/** Events of a kind that is counted are one event for so long, in milliseconds. */
const COUNTED_MS = 60 * 60 * 1000
/** An event that was added before, or has grown, is looked for among so many. */
const KNOWN_AMONG = 256
/** What exceeds the limit goes so many at a time. */
const ROWS_PER_TRIM = 64

export interface JournalOptions {
  /** 0: nothing is kept of what has left, and events are kept in memory. */
  journalDays: number
  mostRecords: number
  mostEvents: number
  clock: Pick<Clock, 'now' | 'monotonic'>
  ages: RecordAges
}

/** What a queue remembers: the messages that have left, until they are too old or too many, and events. */
export class Journal {
  readonly #options: JournalOptions
  readonly #sql: ReturnType<typeof statementsOf>
  /** The current sweep has reached this number; 0 between two sweeps. */
  #sweptTo = 0
  /** What exceeds the limit was searched for up to this number. */
  #trimmedTo = 0
  /** On the monotonic clock. */
  #nextSweep = 0

  constructor(db: DatabaseSync, options: JournalOptions) {
    this.#options = options
    // It hides the one of the file, where nothing is to be kept.
    if (options.journalDays === 0) db.exec(`CREATE TEMP TABLE IF NOT EXISTS event ${EVENT_COLUMNS}`)
    this.#sql = statementsOf(db)
  }

  /** What left before is too old: wall clock, milliseconds. */
  get cutoff(): number {
    const { ages, journalDays } = this.#options
    return ages.cutoff(journalDays)
  }

  /**
   * Forgets some of the messages that have left if there are too many: goes through all messages from the
   * lowest number on, some at a time.
   *
   * @param left how many are remembered
   * @returns how many were forgotten
   */
  trim(left: number): number {
    if (left < this.#options.mostRecords + ROWS_PER_TRIM) return 0
    const forgotten = this.#forget(this.#trimmedTo, ROWS_PER_TRIM, Number.POSITIVE_INFINITY)
    this.#trimmedTo = forgotten?.last ?? 0
    return forgotten?.count ?? 0
  }

  /**
   * Forgets what is too old: goes through the messages by their numbers, some at a time.
   *
   * @returns how many were forgotten, and whether there is more to do
   */
  sweep(): { forgotten: number; more: boolean } {
    const { clock } = this.#options
    if (clock.monotonic() < this.#nextSweep) return { forgotten: 0, more: false }
    const events = this.#sql.dropOldEvents.run(this.cutoff, ROWS_PER_SWEEP).changes
    const forgotten = this.#forget(this.#sweptTo, ROWS_PER_SWEEP, this.cutoff)
    this.#sweptTo = forgotten?.last ?? 0
    const more = forgotten !== undefined || events > 0
    if (!more) this.#nextSweep = clock.monotonic() + SWEEP_MS
    return { forgotten: forgotten?.count ?? 0, more }
  }

  /** One that is there already was added by an earlier call of which no answer came. */
  addEvent({ at, kind, by, values }: QueueEvent): void {
    const event = [at, kind, by, JSON.stringify(values)] as const
    if (this.#sql.isKnown.get(...event) !== undefined) return
    const { lastInsertRowid } = this.#sql.addEvent.run(...event)
    this.#sql.dropEvents.run(Number(lastInsertRowid) - this.#options.mostEvents)
  }

  /** @returns false if it is not among the newest any longer */
  growEvent({ at, kind, by, values }: QueueEvent): boolean {
    const detail = JSON.stringify(values)
    return (
      this.#sql.growEvent.run(detail, at, kind, by, values['rule'] ?? values['type'] ?? null)
        .changes > 0
    )
  }

  /** So many more of something: its newest event counts them, if it is not too old. */
  countEvent(kind: QueueEventKind, count: number): void {
    const now = this.#options.clock.now()
    const newest = this.#sql.newestOf.get(now - COUNTED_MS, kind)
    if (newest === undefined) this.addEvent({ at: now, kind, by: '', values: { count } })
    else {
      const { count: before = 0 } = valuesFrom(newest['detail'])
      const detail = JSON.stringify({ count: Number(before) + count })
      this.#sql.setDetail.run(detail, newest['id'] as number)
    }
  }

  events({ since, limit }: EventQuery): QueueEvent[] {
    const from = this.#options.journalDays > 0 ? Math.max(since, this.cutoff) : since
    return this.#sql.events
      .all(from, limit)
      .flatMap(({ at, kind, by, detail }) =>
        isKind(kind)
          ? [{ at: at as number, kind, by: by as string, values: valuesFrom(detail) }]
          : []
      )
      .sort((one, other) => other.at - one.at)
  }

  /** Of so many messages after a number, those that left before a time. @returns undefined if there are none */
  #forget(
    after: number,
    rows: number,
    leftBefore: number
  ): { last: number; count: number } | undefined {
    const last = this.#sql.window.get(after, rows)?.['last']
    if (typeof last !== 'number') return undefined
    const count = Number(this.#sql.forget.run(after, last, leftBefore).changes)
    if (count > 0) {
      this.#sql.forgetHashes.run({ after, last, from: partOf(after), to: partOf(last) })
    }
    return { last, count }
  }
}

const LEFT = STATES.indexOf('left')

function statementsOf(
  db: DatabaseSync
): Record<
  | 'window'
  | 'forget'
  | 'forgetHashes'
  | 'addEvent'
  | 'isKnown'
  | 'growEvent'
  | 'newestOf'
  | 'setDetail'
  | 'events'
  | 'dropEvents'
  | 'dropOldEvents',
  StatementSync
> {
  return {
    window: db.prepare(
      'SELECT max(seq) AS last FROM (SELECT seq FROM message WHERE seq > ? ORDER BY seq LIMIT ?)'
    ),
    forget: db.prepare(
      `DELETE FROM message
       WHERE seq > ? AND seq <= ? AND state = ${LEFT} AND changed_at < ? AND kept_bytes IS NULL`
    ),
    forgetHashes: db.prepare(
      `DELETE FROM found
       WHERE part BETWEEN :from AND :to AND seq > :after AND seq <= :last
         AND NOT EXISTS (SELECT 1 FROM message WHERE message.seq = found.seq)`
    ),
    addEvent: db.prepare('INSERT INTO event (at, kind, "by", detail) VALUES (?, ?, ?, ?)'),
    isKnown: db.prepare(
      `SELECT 1 FROM event
       WHERE id > (SELECT max(id) FROM event) - ${KNOWN_AMONG}
         AND at = ? AND kind = ? AND "by" = ? AND detail = ?`
    ),
    growEvent: db.prepare(
      `UPDATE event SET detail = ? WHERE id = (
         SELECT id FROM event
         WHERE id > (SELECT max(id) FROM event) - ${KNOWN_AMONG}
           AND at = ? AND kind = ? AND "by" = ? AND coalesce(detail ->> '$.rule', detail ->> '$.type') IS ?
         ORDER BY id DESC LIMIT 1)`
    ),
    newestOf: db.prepare(
      `SELECT id, detail FROM event
       WHERE id > (SELECT max(id) FROM event) - ${KNOWN_AMONG} AND at >= ? AND kind = ?
       ORDER BY id DESC LIMIT 1`
    ),
    setDetail: db.prepare('UPDATE event SET detail = ? WHERE id = ?'),
    events: db.prepare('SELECT * FROM event WHERE id > 0 AND at >= ? ORDER BY id DESC LIMIT ?'),
    dropEvents: db.prepare('DELETE FROM event WHERE id <= ?'),
    dropOldEvents: db.prepare(
      'DELETE FROM event WHERE id IN (SELECT id FROM event WHERE id > 0 AND at < ? ORDER BY id LIMIT ?)'
    )
  }
}

function isKind(kind: unknown): kind is QueueEventKind {
  return (QUEUE_EVENT_KINDS as readonly unknown[]).includes(kind)
}
