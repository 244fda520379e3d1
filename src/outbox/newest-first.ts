import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite'

/** Rows checked for one answer: a few milliseconds. */
const ROWS_AT_A_TIME = 5000

export type Row = Record<string, unknown>

/** Rows of a table with a number `seq`, from the highest on, a bounded number of them at a time. */
export class NewestFirst {
  readonly #beyond: StatementSync
  readonly #rows: StatementSync
  readonly #keys: readonly string[]

  /**
   * @param from the table, and how it is searched
   * @param keys columns of an index that are looked up in it; a row without these is skipped
   * @param filter SQL with the named parameters that are given to `find`
   */
  constructor(db: DatabaseSync, from: string, keys: readonly string[], filter: string) {
    this.#keys = keys
    const where = [...keys.map((key) => `${key} = :${key}`), 'seq < :before'].join(' AND ')
    this.#beyond = db.prepare(
      `SELECT seq FROM ${from} WHERE ${where} ORDER BY seq DESC LIMIT 1 OFFSET ${ROWS_AT_A_TIME}`
    )
    this.#rows = db.prepare(
      `SELECT * FROM ${from} WHERE ${where} AND seq > :beyond AND ${filter} ORDER BY seq DESC LIMIT :most`
    )
  }

  /**
   * @param before only rows with a lower number
   * @returns at most `limit` rows, and below which number to search on; 0: there is nothing more
   */
  find(
    before: number,
    limit: number,
    parameters: Readonly<Record<string, SQLInputValue>>
  ): { rows: Row[]; next: number } {
    const keys = Object.fromEntries(this.#keys.map((key) => [key, parameters[key] ?? null]))
    const last = this.#beyond.get({ ...keys, before })?.['seq']
    const beyond = typeof last === 'number' ? last : -1
    const count = Math.min(limit, ROWS_AT_A_TIME)
    const rows = this.#rows.all({ ...parameters, before, beyond, most: count + 1 })
    const more = rows[count]?.['seq']
    const next = typeof more === 'number' ? more : beyond
    return { rows: rows.slice(0, count), next: next + 1 }
  }
}
