import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { STATES, type MessageState } from './message-row.ts'
import { QueueDamageError } from './queue-fault.ts'

/** A row of the table `message`. */
export interface StoredRow {
  seq: number
  lane: number | null
  /** An index of `STATES`. */
  state: number
  turn: number | null
  control_id: string
  type: string
  accepted_at: number
  changed_at: number
  attempts: number
  retries: number
  spent_ms: number
  counts_from: number | null
  renewals: number
  verdict: string | null
  story: string | null
  resent: string | null
  edited_at: number | null
  rule_retries: string | null
  /** 1, or null. */
  own_address: number | null
  kept_bytes: number | null
}

/** Where a message is. */
export type TurnRow = Pick<StoredRow, 'seq' | 'lane' | 'state' | 'turn'>

/** @throws {QueueDamageError} if there is no such state */
export function stateOf({ state }: Pick<TurnRow, 'state'>): MessageState {
  const name = STATES[state]
  if (name === undefined) throw new QueueDamageError()
  return name
}

export function isWaiting(row: Pick<TurnRow, 'state'>): boolean {
  return stateOf(row) === 'waiting'
}

/** It waits until its time comes. */
export function isRetrying(row: Pick<TurnRow, 'state' | 'turn'>): boolean {
  return isWaiting(row) && (row.turn ?? 0) > 0
}

/** It brought an address of its own. */
export function hasOwnAddress({ own_address }: Pick<StoredRow, 'own_address'>): boolean {
  return own_address !== null
}

/**
 * Its values are of the types that the table is made for. One changed byte of a file can make a text bytes and a number
 * null; SQLite reads that without a word, and refuses to change such a row.
 */
export function isSound(row: StoredRow): boolean {
  return (
    typeof row.state === 'number' &&
    STATES[row.state] !== undefined &&
    typeof row.control_id === 'string' &&
    typeof row.type === 'string' &&
    [row.accepted_at, row.changed_at, row.attempts, row.retries, row.spent_ms, row.renewals].every(
      (value) => typeof value === 'number'
    ) &&
    (row.own_address === null || typeof row.own_address === 'number') &&
    [row.verdict, row.story, row.resent, row.rule_retries].every(
      (value) => value === null || typeof value === 'string'
    )
  )
}

type NextRetry = Pick<StoredRow, 'seq' | 'turn' | 'control_id' | 'attempts' | 'verdict'>

/** The oldest message that waits. */
export type OldestWaiting = Pick<StoredRow, 'seq' | 'turn' | 'accepted_at'>

export const COLUMNS =
  'seq, lane, state, turn, control_id, type, accepted_at, changed_at, attempts, retries, spent_ms, counts_from, renewals, verdict, story, resent, edited_at, rule_retries, own_address, kept_bytes'

const [WAITING, AWAITING, SUSPENDED, LEAVING, LEFT] = STATES.keys()

const TURN_COLUMNS = 'seq, lane, state, turn'

/** As the index `held` has it: SQLite uses an index only if the query says the same. */
export const IS_HELD = `state <> ${LEFT}`

/**
 * Whether others have overtaken a message is asked before it is sent again: without its content it never is, and then the
 * hash of its key goes with it.
 */
const LANE_OF_LEFT = 'lane = iif(kept_bytes > 0, lane, NULL)'

/** Rows that one call looks at: a few milliseconds. */
export const ROWS_PER_CALL = 5000

/** The newest message that was never tried is looked for among so many: most of them are, in an outage. */
const NEWEST_ROWS = 200

/** The next retry is looked for among so many, if those with an address of their own wait for another. */
const NEXT_ROWS = 200

/** Those with an address of their own are counted up to so many. */
const MOST_OWN = 1000

/** It may go, whether those with an address of their own do (1) or not (0). */
const MAY_GO = '(own_address IS NULL OR ?)'

/** Hashes are stored by parts of so many messages. */
export const SEQS_OF_PART = 4096

export function partOf(seq: number): number {
  return Math.floor(seq / SEQS_OF_PART)
}

/** The statements of a queue, prepared once. */
export class Statements {
  readonly accept: StatementSync
  readonly addHash: StatementSync
  readonly dropHashes: StatementSync
  readonly edit: StatementSync
  readonly move: StatementSync
  readonly leave: StatementSync
  readonly delete: StatementSync
  readonly leaveAtOnce: StatementSync
  readonly setState: StatementSync
  readonly setTurn: StatementSync
  readonly endWaits: StatementSync
  readonly addDeath: StatementSync
  readonly setDeaths: StatementSync
  readonly #db: DatabaseSync
  readonly #turnRow: StatementSync
  readonly #row: StatementSync
  readonly #firstFrom: StatementSync
  readonly #firstInLane: StatementSync
  readonly #laterInLane: StatementSync
  readonly #dueRetries: StatementSync
  readonly #ready: StatementSync
  readonly #firstReady: StatementSync
  readonly #newestReady: StatementSync
  readonly #own: StatementSync
  readonly #countOwn: StatementSync
  readonly #late: StatementSync
  readonly #named: StatementSync
  readonly #nextRetry: StatementSync
  readonly #nextWaiting: StatementSync
  readonly #nextAwaiting: StatementSync
  readonly #oldest: StatementSync
  readonly #newestSuspended: StatementSync

  constructor(db: DatabaseSync) {
    this.#db = db
    this.accept = db.prepare(`
      INSERT OR IGNORE INTO message
        (seq, lane, state, turn, control_id, type, accepted_at, changed_at,
         attempts, retries, spent_ms, renewals, deaths, resent, own_address)
      VALUES (?, ?, ${WAITING}, ?, ?, ?, ?, ?, 0, 0, 0, ?, 0, ?, ?)`)
    this.addHash = db.prepare('INSERT OR IGNORE INTO found (part, hash, seq) VALUES (?, ?, ?)')
    this.dropHashes = db.prepare('DELETE FROM found WHERE part = ? AND seq = ?')
    this.edit = db.prepare(
      'UPDATE message SET lane = ?, control_id = ?, type = ?, edited_at = ? WHERE seq = ?'
    )
    this.move = db.prepare(`
      UPDATE message SET state = ?, turn = ?, changed_at = ?, attempts = ?, retries = ?,
        spent_ms = ?, counts_from = ?, renewals = ?, verdict = ?, story = ?, rule_retries = ?
      WHERE seq = ?`)
    this.leave = db.prepare(
      `UPDATE message SET state = ${LEFT}, turn = NULL, ${LANE_OF_LEFT} WHERE seq = ?`
    )
    this.leaveAtOnce = db.prepare(`
      UPDATE message SET state = ${LEFT}, turn = NULL, ${LANE_OF_LEFT}, changed_at = ?,
        attempts = coalesce(?, attempts), verdict = coalesce(?, verdict), story = coalesce(?, story)
      WHERE seq = ?`)
    this.delete = db.prepare('DELETE FROM message WHERE seq = ?')
    this.setState = db.prepare('UPDATE message SET state = ?, turn = NULL WHERE seq = ?')
    this.setTurn = db.prepare('UPDATE message SET turn = ? WHERE seq = ?')
    this.endWaits = db.prepare(`UPDATE message SET turn = 0 WHERE state = ${WAITING} AND turn > 0`)
    this.addDeath = db.prepare('UPDATE message SET deaths = deaths + 1, story = ? WHERE seq = ?')
    this.setDeaths = db.prepare('UPDATE message SET deaths = ? WHERE seq = ?')
    const select = (where: string, columns = COLUMNS): StatementSync =>
      db.prepare(`SELECT ${columns} FROM message WHERE ${where}`)
    const isInLane = `lane = ? AND state = ${WAITING} AND lane IS NOT NULL`
    this.#turnRow = select('seq = ?', TURN_COLUMNS)
    this.#row = select('seq = ?')
    this.#firstFrom = select(
      `state = ${WAITING} AND ${IS_HELD} AND seq >= ? ORDER BY seq LIMIT 1`,
      'seq, turn, accepted_at'
    )
    this.#firstInLane = select(`${isInLane} ORDER BY seq LIMIT 1`, TURN_COLUMNS)
    this.#laterInLane = select(`${isInLane} AND seq > ? ORDER BY seq LIMIT 1`, TURN_COLUMNS)
    this.#dueRetries = db.prepare(`SELECT ${COLUMNS} FROM message INDEXED BY due
      WHERE state = ${WAITING} AND turn >= ? AND turn <= ? AND ${MAY_GO} ORDER BY turn, seq`)
    // Left to itself, SQLite would look at all that wait from that number on. With a limit as a parameter, it would
    // prepare the statement again each time.
    const ready = `SELECT ${COLUMNS} FROM message INDEXED BY due
      WHERE state = ${WAITING} AND turn = 0 AND seq >= ? AND ${MAY_GO} ORDER BY seq`
    this.#ready = db.prepare(ready)
    this.#firstReady = db.prepare(`${ready} LIMIT 1`)
    this.#newestReady = select(
      `state = ${WAITING} AND turn = 0 AND ${MAY_GO} ORDER BY seq DESC LIMIT ${NEWEST_ROWS}`
    )
    const isOwn = `state = ${WAITING} AND own_address = 1`
    this.#own = db.prepare(`SELECT ${COLUMNS} FROM message INDEXED BY own
      WHERE ${isOwn} AND turn <= ? ORDER BY seq`)
    this.#countOwn = db.prepare(`SELECT count(*) AS count FROM
      (SELECT 1 FROM message INDEXED BY own
       WHERE ${isOwn} LIMIT ${MOST_OWN})`)
    // These are read for each message: objects would take twice as long.
    for (const statement of [
      this.#turnRow,
      this.#row,
      this.#firstFrom,
      this.#ready,
      this.#firstReady
    ]) {
      statement.setReturnArrays(true)
    }
    this.#late = select(`state = ${AWAITING} AND turn <= ? ORDER BY turn, seq`)
    this.#named = select(`control_id = ? ORDER BY seq DESC LIMIT ${ROWS_PER_CALL}`)
    // Asked with each answer of the queue's thread: only for the columns that are needed.
    this.#nextRetry = db.prepare(`SELECT seq, turn, control_id, attempts, verdict FROM
      (SELECT * FROM message WHERE state = ${WAITING} AND turn > 0 ORDER BY turn, seq LIMIT ${NEXT_ROWS})
      WHERE ${MAY_GO} LIMIT 1`)
    this.#nextWaiting = select(`state = ${WAITING} AND turn > ? ORDER BY turn LIMIT 1`, 'turn')
    this.#nextAwaiting = select(`state = ${AWAITING} AND turn > ? ORDER BY turn LIMIT 1`, 'turn')
    this.#oldest = select(`state = ? AND ${IS_HELD} ORDER BY seq LIMIT 1`, 'accepted_at')
    this.#newestSuspended = select(
      `state = ${SUSPENDED} AND ${IS_HELD} ORDER BY seq DESC LIMIT 1`,
      'verdict'
    )
  }

  turnRow(seq: number): TurnRow | undefined {
    const values = this.#turnRow.get(seq) as unknown as PlaceValues | undefined
    if (values === undefined) return undefined
    const [, lane, state, turn] = values
    return { seq, lane, state, turn }
  }

  row(seq: number): StoredRow | undefined {
    const values = this.#row.get(seq) as unknown as RowValues | undefined
    return values && rowOf(values)
  }

  /** The first that waits, of those from this number on. */
  firstFrom(first: number): OldestWaiting | undefined {
    const values = this.#firstFrom.get(first) as unknown as OldestValues | undefined
    if (values === undefined) return undefined
    const [seq, turn, accepted_at] = values
    return { seq, turn, accepted_at }
  }

  /** The first that waits in that lane. */
  firstInLane(lane: number): TurnRow | undefined {
    return one(this.#firstInLane.get(lane))
  }

  /** The same, of those accepted after this one. */
  laterInLane(lane: number, seq: number): TurnRow | undefined {
    return one(this.#laterInLane.get(lane, seq))
  }

  /**
   * Retries whose time has come, by their times.
   *
   * @param from none earlier is looked for; more than 0, which is no retry's
   * @param withOwn also those with an address of their own
   */
  dueRetries(from: number, now: number, withOwn: boolean): Iterable<StoredRow> {
    return many(this.#dueRetries.iterate(from, now, Number(withOwn)))
  }

  /** The first from this number on that may go at once: to read one costs half of a search for some. */
  firstReady(seq: number, withOwn: boolean): StoredRow | undefined {
    const values = this.#firstReady.get(seq, Number(withOwn)) as unknown as RowValues | undefined
    return values && rowOf(values)
  }

  /** Those from this number on that may go at once, in the order of acceptance; the same. */
  *ready(seq: number, withOwn: boolean): Iterable<StoredRow> {
    for (const values of this.#ready.iterate(seq, Number(withOwn))) {
      yield rowOf(values as unknown as RowValues)
    }
  }

  /** The newest that may go at once, out of a bounded number; the same. */
  newestReady(withOwn: boolean): Iterable<StoredRow> {
    return many(this.#newestReady.iterate(Number(withOwn)))
  }

  /** Those with an address of their own whose time has come, in the order of acceptance. */
  own(now: number): Iterable<StoredRow> {
    return many(this.#own.iterate(now))
  }

  /** How many wait that have an address of their own; of a bounded number. */
  countOwn(): number {
    return this.#countOwn.get()?.['count'] as number
  }

  /** Awaiting ones whose time is up. */
  late(now: number): Iterable<StoredRow> {
    return many(this.#late.iterate(now))
  }

  /** The newest with that control ID, out of a bounded number. */
  named(controlId: string): Iterable<StoredRow> {
    return many(this.#named.iterate(controlId))
  }

  /** The retry that is due first, out of a bounded number; the same. */
  nextRetry(withOwn: boolean): NextRetry | undefined {
    return one(this.#nextRetry.get(Number(withOwn)))
  }

  /** The next time after this one at which a retry may go. */
  nextTurn(after: number): number | undefined {
    return one(this.#nextWaiting.get(after))?.turn ?? undefined
  }

  /** The next time after this one at which that of an awaiting message is up. */
  nextLate(after: number): number | undefined {
    return one(this.#nextAwaiting.get(after))?.turn ?? undefined
  }

  /** The one that was accepted first, of those in that state (awaiting or suspended). */
  oldest(state: number): Pick<StoredRow, 'accepted_at'> | undefined {
    return one(this.#oldest.get(state))
  }

  newestSuspended(): Pick<StoredRow, 'verdict'> | undefined {
    return one(this.#newestSuspended.get())
  }

  /** For the opening: how many are in each state, of those that have not left; walks over the index of these. */
  countHeld(): { state: number; count: number }[] {
    return this.#db
      .prepare(`SELECT state, count(*) AS count FROM message WHERE ${IS_HELD} GROUP BY state`)
      .all() as { state: number; count: number }[]
  }

  /** For the opening: how many are retried. */
  countRetrying(): number {
    return this.#count(`state = ${WAITING} AND turn > 0`)
  }

  /** How many have left; walks over the whole table. */
  countLeft(): number {
    return this.#count(`state = ${LEFT}`)
  }

  #count(where: string): number {
    const found = this.#db.prepare(`SELECT count(*) AS count FROM message WHERE ${where}`).get()
    return found?.['count'] as number
  }

  /** For the opening: those whose outcome is stored, in the order of settlement. */
  leaving(): number[] {
    const rows = this.#db
      .prepare(`SELECT seq, changed_at AS at FROM message WHERE state = ${LEAVING} AND ${IS_HELD}`)
      .all() as { seq: number; at: number }[]
    return rows.sort((a, b) => a.at - b.at || a.seq - b.seq).map(({ seq }) => seq)
  }

  /** For the opening: those on which so many processes have ended. */
  deadly(deaths: number): StoredRow[] {
    return this.#db
      .prepare(
        `SELECT ${COLUMNS} FROM message WHERE deaths >= ? AND deaths > 0 AND state < ${LEAVING}`
      )
      .all(deaths) as unknown as StoredRow[]
  }

  /** The highest number in the table; 0 if it is empty. */
  lastSeq(): number {
    return (this.#db.prepare('SELECT max(seq) AS seq FROM message').get()?.['seq'] ?? 0) as number
  }
}

/** The columns of `TURN_COLUMNS` and `COLUMNS`, in their order. */
type OldestValues = [seq: number, turn: number | null, acceptedAt: number]
type PlaceValues = [seq: number, lane: number | null, state: number, turn: number | null]
type RowValues = [
  ...PlaceValues,
  controlId: string,
  type: string,
  acceptedAt: number,
  changedAt: number,
  attempts: number,
  retries: number,
  spentMs: number,
  countsFrom: number | null,
  renewals: number,
  verdict: string | null,
  story: string | null,
  resent: string | null,
  editedAt: number | null,
  ruleRetries: string | null,
  ownAddress: number | null,
  keptBytes: number | null
]

function rowOf(values: RowValues): StoredRow {
  return {
    seq: values[0],
    lane: values[1],
    state: values[2],
    turn: values[3],
    control_id: values[4],
    type: values[5],
    accepted_at: values[6],
    changed_at: values[7],
    attempts: values[8],
    retries: values[9],
    spent_ms: values[10],
    counts_from: values[11],
    renewals: values[12],
    verdict: values[13],
    story: values[14],
    resent: values[15],
    edited_at: values[16],
    rule_retries: values[17],
    own_address: values[18],
    kept_bytes: values[19]
  }
}

function one(row: unknown): StoredRow | undefined {
  return row as StoredRow | undefined
}

function many(rows: unknown): Iterable<StoredRow> {
  return rows as Iterable<StoredRow>
}
