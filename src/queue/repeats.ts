import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { STATES } from './message-row.ts'
import { ROWS_PER_CALL } from './queue-statements.ts'

const LEFT = STATES.indexOf('left')

/** The last message of each lane, among a bounded number of rows. */
export interface LaneEnds {
  /** Lanes with the number of the last message that has left. */
  ends: [lane: number | null, seq: number][]
  /** The number to go on from; 0: there are no more. */
  next: number
}

/** What is asked before messages that have left are sent again. */
export class Repeats {
  readonly #repeated: StatementSync
  readonly #ends: StatementSync
  readonly #last: StatementSync

  /** @param db with the tables of `queue-schema.ts` */
  constructor(db: DatabaseSync) {
    this.#repeated = db.prepare(`
      SELECT DISTINCT resent ->> '$.of' AS seq FROM message
      WHERE resent IS NOT NULL AND resent ->> '$.of' IN (SELECT value FROM json_each(?))`)
    const rows = 'FROM message WHERE seq > :after ORDER BY seq'
    this.#last = db.prepare(`SELECT seq ${rows} LIMIT 1 OFFSET ${ROWS_PER_CALL - 1}`)
    this.#ends = db.prepare(`
      SELECT lane, seq
      FROM (SELECT seq, lane, state ${rows} LIMIT ${ROWS_PER_CALL})
      WHERE state = ${LEFT}
        AND (lane IN (SELECT value FROM json_each(:lanes)) OR (lane IS NULL AND :isNone))
        AND seq NOT IN (SELECT value FROM json_each(:except))`)
  }

  /** Those of these messages that were sent again. */
  repeated(seqs: readonly number[]): number[] {
    return this.#repeated.all(JSON.stringify(seqs)).map(({ seq }) => Number(seq))
  }

  /**
   * The last messages of lanes that have left: what was sent before them would arrive behind them.
   *
   * @param except these are of no matter
   * @param after only those with a higher number
   */
  laneEnds(lanes: readonly (number | null)[], except: readonly number[], after: number): LaneEnds {
    const last = this.#last.get({ after })?.['seq'] as number | undefined
    const found = this.#ends.all({
      after,
      lanes: JSON.stringify(lanes.filter((lane) => lane !== null)),
      isNone: Number(lanes.includes(null)),
      except: JSON.stringify(except)
    }) as unknown as { lane: number | null; seq: number }[]
    // In ascending order: of each lane, the last one stays.
    const ends = new Map(found.map(({ lane, seq }) => [lane, seq]))
    return { ends: [...ends], next: last ?? 0 }
  }
}
