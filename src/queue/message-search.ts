import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { MessageCounts, type CountedMessages } from './message-counts.ts'
import { STATES, type KnownState, type Outcome } from './message-row.ts'
import {
  COLUMNS,
  IS_HELD,
  partOf,
  ROWS_PER_CALL,
  SEQS_OF_PART,
  type StoredRow
} from './queue-statements.ts'
import { verdictFrom } from './stored-json.ts'
import { codesOf } from './verdict-codes.ts'
import {
  MOST_NAMED_ALIKE,
  type LeftChoice,
  type MessageQuery,
  type SuspendedChoice,
  type WaitingChoice
} from './queue-types.ts'

const [WAITING, AWAITING, SUSPENDED, LEAVING, LEFT, DAMAGED] = STATES.keys()

/** All filters; one that is not used is null. */
const MATCHES = `(:controlId IS NULL OR control_id = :controlId)
  AND (:type IS NULL OR type = :type)
  AND (:rule IS NULL OR verdict ->> '$.rule' = :rule)
  AND (:error IS NULL OR has_code(verdict, :error))
  AND (:outcome IS NULL OR verdict ->> '$.outcome' = :outcome)
  AND (:since IS NULL OR accepted_at >= :since OR changed_at >= :since)
  AND (:acceptedBefore IS NULL OR accepted_at < :acceptedBefore)
  AND (:until IS NULL OR changed_at < :until)
  AND (state <> ${LEFT} OR changed_at >= :cutoff)`

const IS_SENDING = 'seq IN (SELECT value FROM json_each(:sending))'
const HAS_NUMBER = 'seq IN (SELECT value FROM json_each(:ids))'

/** By what the API calls a state. */
const STATE_IS: Readonly<Record<KnownState, string>> = {
  waiting: `state = ${WAITING} AND coalesce(turn, 0) <= 0 AND NOT ${IS_SENDING}`,
  sending: IS_SENDING,
  retrying: `state = ${WAITING} AND coalesce(turn, 0) > 0 AND NOT ${IS_SENDING}`,
  awaiting: `state = ${AWAITING} AND ${IS_HELD}`,
  suspended: `state = ${SUSPENDED} AND ${IS_HELD}`,
  leaving: `state = ${LEAVING} AND ${IS_HELD}`,
  acked: leftAs('ack'),
  naked: leftAs('nak'),
  failed: leftAs('error'),
  left: leftAs('')
}

/** Where messages in a state are found: by an index, or by their numbers. */
const PLACES: Readonly<Partial<Record<KnownState, string>>> = {
  waiting: `state = ${WAITING} AND ${IS_HELD}`,
  sending: IS_SENDING,
  retrying: `state = ${WAITING} AND ${IS_HELD}`,
  awaiting: STATE_IS.awaiting,
  suspended: STATE_IS.suspended,
  leaving: STATE_IS.leaving
}

/** One call looks into so many parts of the hashes. */
const PARTS_PER_CALL = 64

/** The rows found among a bounded number, and the number to go on from; 0: there are no more. */
export interface FoundRows {
  rows: StoredRow[]
  next: number
}

/** What was counted among a bounded number of rows, and the number to go on from; 0: there are no more. */
export type CountedRows = CountedMessages & { next: number }

/** What the parameters of a statement stand for. */
type Values = Readonly<Record<string, string | number | null>>

/** What operators ask of the messages of a queue. No call looks at all of them. */
export class MessageSearch {
  readonly #db: DatabaseSync
  /** By their text. */
  readonly #statements = new Map<string, StatementSync>()

  constructor(db: DatabaseSync) {
    this.#db = db
    db.function('has_code', { deterministic: true }, (verdict, code) =>
      Number(codesOf(verdictFrom(verdict as string | null)).includes(String(code)))
    )
  }

  /**
   * Messages that match, from the newest on.
   *
   * @param cutoff what left before is too old
   * @param sending the numbers of the messages that are handed out to be sent
   */
  newest(query: MessageQuery, cutoff: number, sending: readonly number[]): FoundRows {
    const { controlIds, hashes, ids, limit } = query
    const { place, matches, values } = asked(query, cutoff, sending)
    if (ids !== undefined) return this.#numbered(ids, matches, { ...values, after: 0 }, limit)
    if (controlIds !== undefined) return this.#newestNamed(controlIds, matches, values)
    if (hashes !== undefined) return this.#newestWithHash(hashes, matches, values, limit)
    return this.#among(place, matches, values, limit)
  }

  /**
   * How many match, and how many of them have each type, rule and code; looks at a bounded number of rows, from the
   * newest on.
   *
   * @param cutoff what left before is too old
   * @param sending the numbers of the messages that are handed out to be sent
   */
  count(
    query: Omit<MessageQuery, 'hashes' | 'limit'>,
    cutoff: number,
    sending: readonly number[]
  ): CountedRows {
    const { place, matches, values } = asked(query, cutoff, sending)
    const rows = `FROM message WHERE ${place}`
    const last = this.#statement(`SELECT seq ${rows} LIMIT 1 OFFSET ${ROWS_PER_CALL - 1}`)
    const matching = this.#statement(
      `SELECT type, verdict FROM (SELECT * ${rows} LIMIT ${ROWS_PER_CALL}) WHERE ${matches}`
    )
    // Many are alike: each kind is read once.
    const kinds = new Map<string, { type: string; verdict: string | null; count: number }>()
    for (const row of matching.iterate(values)) {
      const { type, verdict } = row as Pick<StoredRow, 'type' | 'verdict'>
      const key = `${type}\0${verdict}`
      const kind = kinds.get(key)
      if (kind === undefined) kinds.set(key, { type, verdict, count: 1 })
      else kind.count++
    }
    const counts = new MessageCounts()
    for (const { type, verdict, count } of kinds.values()) {
      counts.add(type, verdictFrom(verdict), count)
    }
    return { ...counts.all, next: (last.get(values)?.['seq'] as number | undefined) ?? 0 }
  }

  /**
   * Messages that have left, in the order of acceptance.
   *
   * @param cutoff what left before is too old
   * @param after only those with a higher number
   */
  left(choice: LeftChoice, cutoff: number, after: number, most: number): FoundRows {
    const { before = Number.MAX_SAFE_INTEGER, controlId, ids } = choice
    if (ids !== undefined) {
      const matches = `state = ${LEFT} AND changed_at >= :cutoff`
      return this.#numbered(ids, matches, { after, cutoff }, most)
    }
    const place = `${placeOf(controlId)} AND seq > :after AND seq < :before ORDER BY seq`
    // What came in before that time may have left after it.
    const { since = 0, ...others } = choice
    const values = { ...valuesOf(others), after, before, cutoff: Math.max(cutoff, since) }
    return this.#among(place, `state = ${LEFT} AND ${MATCHES}`, values, most)
  }

  /**
   * Suspended messages, in the order of acceptance.
   *
   * @param after only those with a higher number
   */
  suspended(choice: SuspendedChoice, after: number, most: number): FoundRows {
    const { before, ids } = choice
    if (ids !== undefined) return this.#numbered(ids, STATE_IS.suspended, { after }, most)
    const values = { ...valuesOf({ ...choice, until: before }), after }
    return this.#among(`${STATE_IS.suspended} AND seq > :after ORDER BY seq`, MATCHES, values, most)
  }

  /**
   * Waiting messages, those on their way included, in the order of acceptance.
   *
   * @param after only those with a higher number
   */
  waiting(choice: WaitingChoice, after: number, most: number): FoundRows {
    const { before = Number.MAX_SAFE_INTEGER, controlId, ids, isRetrying } = choice
    const tried = isRetrying === undefined ? 'TRUE' : `(coalesce(turn, 0) > 0) = ${isRetrying}`
    const matches = `state = ${WAITING} AND ${tried}`
    if (ids !== undefined) return this.#numbered(ids, matches, { after }, most)
    const values = { ...valuesOf(choice), after, before, cutoff: 0 }
    const place = `${placeOf(controlId)} AND seq > :after AND seq < :before ORDER BY seq`
    return this.#among(place, `${matches} AND ${MATCHES}`, values, most)
  }

  /** How many suspended messages are meant, and the first of them: the one call that looks at all that are. */
  countSuspended(choice: SuspendedChoice): { first: number | undefined; count: number } {
    const { before, ids } = choice
    const [matches, values] =
      ids === undefined
        ? [MATCHES, valuesOf({ ...choice, until: before })]
        : [HAS_NUMBER, { ids: JSON.stringify(ids) }]
    const { first, count } = this.#statement(
      `SELECT min(seq) AS first, count(*) AS count FROM message
       WHERE ${STATE_IS.suspended} AND ${matches}`
    ).get(values) as { first: number | null; count: number }
    return { first: first ?? undefined, count }
  }

  /** Of the first rows at a place, those that match. */
  #among(place: string, matches: string, values: Values, most: number): FoundRows {
    const rows = `FROM message WHERE ${place}`
    const last = this.#statement(`SELECT seq ${rows} LIMIT 1 OFFSET ${ROWS_PER_CALL - 1}`)
    const matching = this.#statement(
      `SELECT ${COLUMNS} FROM (SELECT * ${rows} LIMIT ${ROWS_PER_CALL}) WHERE ${matches} LIMIT :most`
    )
    const lastSeq = last.get(values)?.['seq'] as number | undefined
    return pageOf(matching.all({ ...values, most }), most, lastSeq)
  }

  /** Of those with these numbers, those that match, in the order of acceptance. */
  #numbered(ids: readonly number[], matches: string, values: Values, most: number): FoundRows {
    // The plus keeps SQLite from walking through all higher numbers.
    const statement = this.#statement(
      `SELECT ${COLUMNS} FROM message
       WHERE ${HAS_NUMBER} AND +seq > :after AND ${matches}
       ORDER BY seq LIMIT :most`
    )
    return pageOf(statement.all({ ...values, ids: JSON.stringify(ids), most }), most)
  }

  /** The newest with each of these control IDs. Most of the IDs that are asked for are known to other nodes only. */
  #newestNamed(controlIds: readonly string[], matches: string, values: Values): FoundRows {
    const isKnown = this.#statement(
      `SELECT value FROM json_each(:controlIds)
       WHERE EXISTS (SELECT 1 FROM message WHERE control_id = value)`
    )
    const newest = this.#statement(
      `SELECT ${COLUMNS} FROM message WHERE control_id = :named AND ${matches}
       ORDER BY seq DESC LIMIT ${MOST_NAMED_ALIKE}`
    )
    const known = isKnown.all({ controlIds: JSON.stringify([...new Set(controlIds)]) })
    const rows = known.flatMap(({ value }) => newest.all({ ...values, named: value as string }))
    return { rows: rows as unknown as StoredRow[], next: 0 }
  }

  /** Those with one of some hashes, from the newest on. */
  #newestWithHash(
    hashes: readonly Uint8Array[],
    matches: string,
    values: Values & { before: number },
    most: number
  ): FoundRows {
    const { before } = values
    const withHash = this.#statement(
      'SELECT seq FROM found WHERE part = ? AND hash = ? AND seq < ?'
    )
    const matching = this.#statement(
      `SELECT ${COLUMNS} FROM message
       WHERE seq IN (SELECT value FROM json_each(:seqs)) AND ${matches}
       ORDER BY seq DESC LIMIT :most`
    )
    const lastPart = this.#statement('SELECT max(part) AS part FROM found').get()?.['part']
    const rows: StoredRow[] = []
    let part = Math.min(partOf(before - 1), Number(lastPart ?? -1))
    for (let parts = 0; part >= 0; part--) {
      if (parts++ === PARTS_PER_CALL) return { rows, next: (part + 1) * SEQS_OF_PART }
      const seqs = hashes.flatMap((hash) =>
        withHash.all(part, hash, before).map(({ seq }) => seq as number)
      )
      if (seqs.length === 0) continue
      const some = { ...values, seqs: JSON.stringify(seqs), most: most - rows.length }
      rows.push(...(matching.all(some) as unknown as StoredRow[]))
      if (rows.length === most) return { rows, next: rows.at(-1)?.seq ?? 0 }
    }
    return { rows, next: 0 }
  }

  /** Prepared once. It ignores values that it has no parameter for. */
  #statement(sql: string): StatementSync {
    let statement = this.#statements.get(sql)
    if (statement === undefined) {
      statement = this.#db.prepare(sql)
      statement.setAllowUnknownNamedParameters(true)
      this.#statements.set(sql, statement)
    }
    return statement
  }
}

function leftAs(outcome: Outcome | ''): string {
  return `state = ${LEFT} AND coalesce(verdict ->> '$.outcome', '') = '${outcome}'`
}

/** The condition by which the rows are found quickest; any other one would look at too many. */
function placeOf(controlId: string | undefined): string {
  return controlId === undefined ? 'TRUE' : 'control_id = :controlId'
}

/** Where messages are looked for, from the newest on, and what they have to match. */
function asked(
  query: Omit<MessageQuery, 'hashes' | 'limit'>,
  cutoff: number,
  sending: readonly number[]
): { place: string; matches: string; values: Values & { before: number } } {
  const { before = Number.MAX_SAFE_INTEGER, controlId, state } = query
  const place = (state && PLACES[state]) ?? placeOf(controlId)
  const stateIs = state === undefined ? 'TRUE' : STATE_IS[state]
  return {
    place: `${place} AND seq < :before ORDER BY seq DESC`,
    matches: `${stateIs} AND state <> ${DAMAGED} AND ${MATCHES}`,
    values: { ...valuesOf(query), before, cutoff, sending: JSON.stringify(sending) }
  }
}

/** The values of `MATCHES`, but for the cutoff. */
function valuesOf({
  controlId,
  type = null,
  rule = null,
  error = null,
  outcome = null,
  since = null,
  acceptedBefore = null,
  until = null
}: Nullable<LeftChoice & Pick<MessageQuery, 'acceptedBefore'>>): Values {
  // Queued without trailing blanks. A flow may have it from a padded field.
  const name = controlId?.trimEnd() ?? null
  return { controlId: name, type, rule, error, outcome, since, acceptedBefore, until }
}

type Nullable<T> = { [Name in keyof T]?: T[Name] | null | undefined }

/** @param lastSeq of the last row that was looked at, if there may be more behind it */
function pageOf(found: unknown, most: number, lastSeq = 0): FoundRows {
  const rows = found as StoredRow[]
  return { rows, next: rows.length === most ? (rows.at(-1)?.seq ?? 0) : lastSeq }
}
