import type { DatabaseSync } from 'node:sqlite'
import { faultCode, isDamage } from './queue-fault.ts'

/** Of a step to the next. A table is searched to the last possible number in 400 steps. */
const GROWTH = 1.1
/** A few seconds: a table whose every other page is destroyed must not hold up the start for minutes. */
const MOST_STEPS = 200_000

/** The key, and the values of the other columns that were asked for. */
export type Row = [key: number, ...values: (number | string | Uint8Array | null)[]]

/**
 * The rows of a table that SQLite can still read. Where it fails, the next place where it does not is
 * searched for, in growing steps, and what lies before that is read downwards: around a destroyed page, all
 * others are found, and behind a run of them all but what is much shorter. A row may come twice.
 *
 * @param key the column by whose numbers, from 0 on, the table is ordered
 * @param columns others that are wanted
 */
export function* readableRows(
  db: DatabaseSync,
  table: string,
  key: string,
  columns: readonly string[]
): Generator<Row> {
  const select = `SELECT ${[key, ...columns].join(', ')} FROM ${table} NOT INDEXED`
  const upwards = ifReadable(() => db.prepare(`${select} WHERE ${key} >= ? ORDER BY ${key}`))
  const downwards = ifReadable(() => db.prepare(`${select} WHERE ${key} <= ? ORDER BY ${key} DESC`))
  if (upwards === undefined || downwards === undefined) return
  upwards.setReturnArrays(true)
  downwards.setReturnArrays(true)
  let steps = 0
  for (let from = 0; ;) {
    try {
      for (const row of closed(upwards.iterate(from))) {
        yield row
        from = Math.max(from, row[0])
      }
      return
    } catch (error) {
      if (!isDamage(faultCode(error))) throw error
    }
    let to = from
    for (let step = 1; ; step = Math.ceil(step * GROWTH)) {
      to = from + step
      if (to > Number.MAX_SAFE_INTEGER || ++steps > MOST_STEPS) return
      if (ifReadable(() => ({ first: upwards.get(to) })) !== undefined) break
    }
    try {
      for (const row of closed(downwards.iterate(to))) {
        if (row[0] <= from) break
        yield row
      }
    } catch (error) {
      if (!isDamage(faultCode(error))) throw error
    }
    from = to
  }
}

/** A loop does not close what has thrown, and the next use of the statement would throw again. */
function* closed(rows: Iterator<unknown> & Iterable<unknown>): Generator<Row> {
  try {
    yield* rows as Iterable<Row>
  } finally {
    rows.return?.()
  }
}

/** Undefined if the file or its schema is too damaged for it. */
export function ifReadable<T>(work: () => T): T | undefined {
  try {
    return work()
  } catch (error) {
    const code = faultCode(error)
    if (!isDamage(code) && code !== 'SQLITE_ERROR') throw error
    return undefined
  }
}
