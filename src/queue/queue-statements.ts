import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { STATES } from './message-row.ts'
import type { LeftChoice, MessageQuery, SuspendedChoice } from './queue-types.ts'

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
  kept_bytes: number | null
}

/** Where a message is. */
export type Place = Pick<StoredRow, 'seq' | 'lane' | 'state' | 'turn'>

/** The oldest message that waits. */
export type First = Pick<StoredRow, 'seq' | 'turn' | 'accepted_at'>

const COLUMNS =
  'seq, lane, state, turn, control_id, type, accepted_at, changed_at, attempts, retries, spent_ms, counts_from, renewals, verdict, story, resent, edited_at, kept_bytes'

const [WAITING, AWAITING, SUSPENDED, LEAVING, LEFT, DAMAGED] = STATES.keys()

const PLACE = 'seq, lane, state, turn'

/** As the index `aside` has it: SQLite uses an index only if the query says the same. */
const IS_ASIDE = `state IN (${AWAITING}, ${SUSPENDED}, ${DAMAGED})`

/** How the API's states that have left are told apart. */
const OUTCOMES: Partial<Record<string, string>> = { acked: 'ack', naked: 'nak', failed: 'error' }

/** What every search may ask for. */
const MATCHES = `(:controlId IS NULL OR control_id = :controlId)
  AND (:type IS NULL OR type = :type)
  AND (:rule IS NULL OR verdict ->> '$.rule' = :rule)`

const FOUND = `state <> ${DAMAGED} AND ${MATCHES}
  AND (:outcome IS NULL OR verdict ->> '$.outcome' = :outcome)
  AND (accepted_at >= :since OR changed_at >= :since)
  AND (state <> ${LEFT} OR changed_at >= :cutoff)`

const CHOSEN = `${MATCHES} AND (:before IS NULL OR changed_at < :before)`

function chosenBy({
  controlId,
  type,
  rule,
  before
}: Omit<SuspendedChoice, 'ids'>): Record<string, string | number | null> {
  return {
    controlId: controlId ?? null,
    type: type ?? null,
    rule: rule ?? null,
    before: before ?? null
  }
}

type HashQuery = MessageQuery & { hashes: readonly Uint8Array[] }

/** Hashes are stored by parts of so many messages; one call looks into so many parts. */
const SEQS_OF_PART = 4096
const PARTS_PER_CALL = 64

export function partOf(seq: number): number {
  return Math.floor(seq / SEQS_OF_PART)
}

/** The values of `FOUND`. */
function foundBy(
  { controlId, type, rule, since }: Pick<MessageQuery, 'controlId' | 'type' | 'rule' | 'since'>,
  outcome: string | undefined,
  cutoff: number
): Record<string, string | number | null> {
  return {
    controlId: controlId ?? null,
    type: type ?? null,
    rule: rule ?? null,
    outcome: outcome ?? null,
    since: since ?? 0,
    cutoff
  }
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
  readonly addDeaths: StatementSync
  readonly setDeaths: StatementSync
  readonly #db: DatabaseSync
  readonly #place: StatementSync
  readonly #row: StatementSync
  readonly #firstFrom: StatementSync
  readonly #firstInLane: StatementSync
  readonly #laterInLane: StatementSync
  readonly #dueRetries: StatementSync
  readonly #ready: StatementSync
  readonly #late: StatementSync
  readonly #named: StatementSync
  readonly #nextRetry: StatementSync
  readonly #nextWaiting: StatementSync
  readonly #nextAwaiting: StatementSync
  readonly #oldest: StatementSync
  readonly #newestSuspended: StatementSync
  readonly #withHash: StatementSync
  readonly #lastPart: StatementSync
  /** Searches, by their text. */
  readonly #searches = new Map<string, StatementSync>()

  constructor(db: DatabaseSync) {
    this.#db = db
    this.accept = db.prepare(`
      INSERT OR IGNORE INTO message
        (seq, lane, state, turn, control_id, type, accepted_at, changed_at,
         attempts, retries, spent_ms, renewals, deaths, resent)
      VALUES (?, ?, ${WAITING}, ?, ?, ?, ?, ?, 0, 0, 0, ?, 0, ?)`)
    this.addHash = db.prepare('INSERT OR IGNORE INTO found (part, hash, seq) VALUES (?, ?, ?)')
    this.dropHashes = db.prepare('DELETE FROM found WHERE part = ? AND seq = ?')
    this.edit = db.prepare(
      'UPDATE message SET lane = ?, control_id = ?, type = ?, edited_at = ? WHERE seq = ?'
    )
    this.move = db.prepare(`
      UPDATE message SET state = ?, turn = ?, changed_at = ?, attempts = ?, retries = ?,
        spent_ms = ?, counts_from = ?, renewals = ?, verdict = ?, story = ?
      WHERE seq = ?`)
    this.leave = db.prepare(
      `UPDATE message SET state = ${LEFT}, lane = NULL, turn = NULL WHERE seq = ?`
    )
    this.leaveAtOnce = db.prepare(`
      UPDATE message SET state = ${LEFT}, lane = NULL, turn = NULL, changed_at = ?,
        attempts = coalesce(?, attempts), verdict = coalesce(?, verdict), story = coalesce(?, story)
      WHERE seq = ?`)
    this.delete = db.prepare('DELETE FROM message WHERE seq = ?')
    this.setState = db.prepare('UPDATE message SET state = ?, turn = NULL WHERE seq = ?')
    this.setTurn = db.prepare('UPDATE message SET turn = ? WHERE seq = ?')
    this.endWaits = db.prepare(`UPDATE message SET turn = 0 WHERE state = ${WAITING} AND turn > 0`)
    this.addDeaths = db.prepare('UPDATE message SET deaths = deaths + ? WHERE seq = ?')
    this.setDeaths = db.prepare('UPDATE message SET deaths = ? WHERE seq = ?')
    const select = (where: string, columns = COLUMNS): StatementSync =>
      db.prepare(`SELECT ${columns} FROM message WHERE ${where}`)
    const isInLane = `lane = ? AND state = ${WAITING} AND lane IS NOT NULL`
    this.#place = select('seq = ?', PLACE)
    this.#row = select('seq = ?')
    this.#firstFrom = select(
      `seq >= ? AND state = ${WAITING} ORDER BY seq LIMIT 1`,
      'seq, turn, accepted_at'
    )
    this.#firstInLane = select(`${isInLane} ORDER BY seq LIMIT 1`, PLACE)
    this.#laterInLane = select(`${isInLane} AND seq > ? ORDER BY seq LIMIT 1`, PLACE)
    this.#dueRetries = select(`state = ${WAITING} AND turn > 0 AND turn <= ? ORDER BY turn, seq`)
    // Left to itself, SQLite would look at all that wait from that number on. With a limit as a parameter, it would
    // prepare the statement again each time.
    this.#ready = db.prepare(`SELECT ${COLUMNS} FROM message INDEXED BY due
      WHERE state = ${WAITING} AND turn = 0 AND seq >= ? ORDER BY seq`)
    // These are read for each message: objects would take twice as long.
    for (const statement of [this.#place, this.#row, this.#ready]) statement.setReturnArrays(true)
    this.#late = select(`state = ${AWAITING} AND turn <= ? ORDER BY turn, seq`)
    this.#named = select('control_id = ? ORDER BY seq DESC LIMIT ?')
    this.#nextRetry = select(`state = ${WAITING} AND turn > 0 ORDER BY turn, seq LIMIT 1`)
    this.#nextWaiting = select(`state = ${WAITING} AND turn > ? ORDER BY turn LIMIT 1`)
    this.#nextAwaiting = select(`state = ${AWAITING} AND turn > ? ORDER BY turn LIMIT 1`)
    this.#oldest = select(`state = ? AND ${IS_ASIDE} ORDER BY seq LIMIT 1`)
    this.#withHash = db.prepare('SELECT seq FROM found WHERE part = ? AND hash = ? AND seq < ?')
    this.#lastPart = db.prepare('SELECT max(part) AS part FROM found')
    this.#newestSuspended = select(`state = ${SUSPENDED} AND ${IS_ASIDE} ORDER BY seq DESC LIMIT 1`)
  }

  place(seq: number): Place | undefined {
    const values = this.#place.get(seq) as unknown as PlaceValues | undefined
    if (values === undefined) return undefined
    const [, lane, state, turn] = values
    return { seq, lane, state, turn }
  }

  row(seq: number): StoredRow | undefined {
    const values = this.#row.get(seq) as unknown as RowValues | undefined
    return values && rowOf(values)
  }

  /** The first that waits, of those from this number on. */
  firstFrom(seq: number): First | undefined {
    return one(this.#firstFrom.get(seq))
  }

  /** The first that waits in that lane. */
  firstInLane(lane: number): Place | undefined {
    return one(this.#firstInLane.get(lane))
  }

  /** The same, of those accepted after this one. */
  laterInLane(lane: number, seq: number): Place | undefined {
    return one(this.#laterInLane.get(lane, seq))
  }

  /** Retries whose time has come, by their times. */
  dueRetries(now: number): Iterable<StoredRow> {
    return many(this.#dueRetries.iterate(now))
  }

  /** Those from this number on that may go at once, in the order of acceptance. */
  *ready(seq: number): Iterable<StoredRow> {
    for (const values of this.#ready.iterate(seq)) yield rowOf(values as unknown as RowValues)
  }

  /** Awaiting ones whose time is up. */
  late(now: number): Iterable<StoredRow> {
    return many(this.#late.iterate(now))
  }

  /** The newest with that control ID. */
  named(controlId: string, most: number): Iterable<StoredRow> {
    return many(this.#named.iterate(controlId, most))
  }

  /** The retry that is due first. */
  nextRetry(): StoredRow | undefined {
    return one(this.#nextRetry.get())
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
  oldest(state: number): StoredRow | undefined {
    return one(this.#oldest.get(state))
  }

  newestSuspended(): StoredRow | undefined {
    return one(this.#newestSuspended.get())
  }

  /** How many suspended messages match, and the first of them. */
  countSuspended(filter: Omit<SuspendedChoice, 'ids'>): {
    first: number | undefined
    count: number
  } {
    const { first, count } = this.#search(
      `
      SELECT min(seq) AS first, count(*) AS count FROM message
      WHERE state = ${SUSPENDED} AND ${IS_ASIDE} AND ${CHOSEN}`
    ).get(chosenBy(filter)) as {
      first: number | null
      count: number
    }
    return { first: first ?? undefined, count }
  }

  /** Suspended messages in the order of acceptance, out of a bounded number of rows. */
  suspended(
    filter: Omit<SuspendedChoice, 'ids'>,
    after: number,
    most: number,
    rowsAtMost: number
  ): { rows: StoredRow[]; next: number } {
    const from = `FROM message WHERE state = ${SUSPENDED} AND ${IS_ASIDE} AND seq > :after ORDER BY seq`
    const last = this.#search(`SELECT seq ${from} LIMIT 1 OFFSET :rows`).get({
      after,
      rows: rowsAtMost - 1
    })
    const rows = this.#search(
      `SELECT ${COLUMNS} FROM (SELECT * ${from} LIMIT :rows) WHERE ${CHOSEN} LIMIT :most`
    ).all({ after, rows: rowsAtMost, most, ...chosenBy(filter) })
    return page(rows, most, last)
  }

  /** Messages that have left, in the order of acceptance, out of a bounded number of rows. */
  left(
    { outcome, until, before, ...filter }: Omit<LeftChoice, 'ids'>,
    after: number,
    most: number,
    rowsAtMost: number,
    cutoff: number
  ): { rows: StoredRow[]; next: number } {
    const { controlId } = filter
    const place = controlId === undefined ? 'TRUE' : 'control_id = :controlId'
    const from = `FROM message WHERE ${place} AND seq > :after AND seq < :before ORDER BY seq`
    const named = {
      after,
      before: before ?? Number.MAX_SAFE_INTEGER,
      ...(controlId !== undefined && { controlId })
    }
    const last = this.#search(`SELECT seq ${from} LIMIT 1 OFFSET :rows`).get({
      ...named,
      rows: rowsAtMost - 1
    })
    const rows = this.#search(
      `SELECT ${COLUMNS} FROM (SELECT * ${from} LIMIT :rows)
       WHERE state = ${LEFT} AND ${FOUND} AND (:until IS NULL OR changed_at < :until) LIMIT :most`
    ).all({
      ...named,
      ...foundBy(filter, outcome, cutoff),
      rows: rowsAtMost,
      until: until ?? null,
      most
    })
    return page(rows, most, last)
  }

  /**
   * Rows that match, from the newest on, out of a bounded number.
   *
   * @param cutoff what left before is too old
   * @param sending the numbers of the messages that are handed out to be sent
   * @returns below which number to go on; 0: there are no more
   */
  newest(
    { before = Number.MAX_SAFE_INTEGER, state, ...filter }: MessageQuery,
    most: number,
    rowsAtMost: number,
    cutoff: number,
    sending: readonly number[]
  ): { rows: StoredRow[]; next: number } {
    const { controlId } = filter
    const from = `FROM message WHERE ${placeOf(state, controlId)} AND seq < :before ORDER BY seq DESC`
    const stateIs = STATE_IS[state ?? ''] ?? 'TRUE'
    const place = {
      before,
      ...(isNamed(state, controlId) && { controlId: controlId ?? null }),
      ...(state === 'sending' && { sending: JSON.stringify(sending) })
    }
    const last = this.#search(`SELECT seq ${from} LIMIT 1 OFFSET :rows`).get({
      ...place,
      rows: rowsAtMost - 1
    })
    const rows = this.#search(
      `SELECT ${COLUMNS} FROM (SELECT * ${from} LIMIT :rows) WHERE ${stateIs} AND ${FOUND} LIMIT :most`
    ).all({
      ...place,
      ...foundBy(filter, OUTCOMES[state ?? ''], cutoff),
      rows: rowsAtMost,
      most
    })
    return page(rows, most, last)
  }

  /** The same, of those with one of some hashes. */
  newestWithHash(
    { before = Number.MAX_SAFE_INTEGER, hashes, state, ...filter }: HashQuery,
    most: number,
    cutoff: number,
    sending: readonly number[]
  ): { rows: StoredRow[]; next: number } {
    const isThere = placeOf(state, undefined)
    const stateIs = STATE_IS[state ?? ''] ?? 'TRUE'
    const statement = this.#search(
      `SELECT ${COLUMNS} FROM message
       WHERE seq IN (SELECT value FROM json_each(:seqs)) AND ${isThere} AND ${stateIs} AND ${FOUND}
       ORDER BY seq DESC LIMIT :most`
    )
    const lastPart = this.#lastPart.get()?.['part'] as number | null
    const rows: StoredRow[] = []
    let part = Math.min(partOf(before - 1), lastPart ?? -1)
    for (let parts = 0; part >= 0; part--) {
      if (parts++ === PARTS_PER_CALL) return { rows, next: (part + 1) * SEQS_OF_PART }
      const seqs = hashes.flatMap((hash) =>
        this.#withHash.all(part, hash, before).map(({ seq }) => seq as number)
      )
      if (seqs.length === 0) continue
      const found = statement.all({
        seqs: JSON.stringify(seqs),
        ...(state === 'sending' && { sending: JSON.stringify(sending) }),
        ...foundBy(filter, OUTCOMES[state ?? ''], cutoff),
        most: most - rows.length
      }) as unknown as StoredRow[]
      rows.push(...found)
      if (rows.length === most) return { rows, next: rows.at(-1)?.seq ?? 0 }
    }
    return { rows, next: 0 }
  }

  /** For the opening: walks over the whole table. */
  countStates(): { state: number; count: number; retrying: number }[] {
    return this.#db
      .prepare(
        `SELECT state, count(*) AS count,
           count(*) FILTER (WHERE state = ${WAITING} AND turn > 0) AS retrying
         FROM message GROUP BY state`
      )
      .all() as { state: number; count: number; retrying: number }[]
  }

  /** For the opening: those whose outcome is stored, in the order of settlement; walks over the whole table. */
  leaving(): number[] {
    return this.#db
      .prepare(`SELECT seq FROM message WHERE state = ${LEAVING} ORDER BY changed_at, seq`)
      .all()
      .map(({ seq }) => seq as number)
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

  #search(sql: string): StatementSync {
    let statement = this.#searches.get(sql)
    if (statement === undefined) {
      statement = this.#db.prepare(sql)
      this.#searches.set(sql, statement)
    }
    return statement
  }
}

/** The columns of `PLACE` and `COLUMNS`, in their order. */
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
    kept_bytes: values[17]
  }
}

function one(row: unknown): StoredRow | undefined {
  return row as StoredRow | undefined
}

function many(rows: unknown): Iterable<StoredRow> {
  return rows as Iterable<StoredRow>
}

/** @param last the last row that was looked at, if there are more behind it */
function page(
  rows: unknown,
  most: number,
  last: Record<string, unknown> | undefined
): { rows: StoredRow[]; next: number } {
  const found = rows as StoredRow[]
  const next = found.length === most ? found.at(-1)?.seq : (last?.['seq'] as number | undefined)
  return { rows: found, next: next ?? 0 }
}

const HAVE_A_PLACE = ['awaiting', 'suspended', 'sending']

/** It is looked for by its control ID. */
function isNamed(state: string | undefined, controlId: string | undefined): boolean {
  return controlId !== undefined && !HAVE_A_PLACE.includes(state ?? '')
}

/** Where the rows of a search are found quickest. Any other condition would look at too many rows. */
function placeOf(state: string | undefined, controlId: string | undefined): string {
  if (state === 'awaiting') return `state = ${AWAITING} AND ${IS_ASIDE}`
  if (state === 'suspended') return `state = ${SUSPENDED} AND ${IS_ASIDE}`
  if (state === 'sending') return 'seq IN (SELECT value FROM json_each(:sending))'
  return isNamed(state, controlId) ? 'control_id = :controlId' : 'TRUE'
}

const STATE_IS: Partial<Record<string, string>> = {
  waiting: `state = ${WAITING} AND coalesce(turn, 0) <= 0`,
  retrying: `state = ${WAITING} AND coalesce(turn, 0) > 0`,
  leaving: `state = ${LEAVING}`,
  acked: `state = ${LEFT}`,
  naked: `state = ${LEFT}`,
  failed: `state = ${LEFT}`
}
