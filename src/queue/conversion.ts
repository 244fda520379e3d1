import type { DatabaseSync } from 'node:sqlite'
import { NO_VERDICT, STATES, type Verdict } from './message-row.ts'
import { getMeta, metaNumber } from './meta.ts'
import { INDEXES, TABLES } from './queue-schema.ts'
import type { Sealer } from './seal.ts'

const [WAITING, AWAITING, SUSPENDED, LEAVING, LEFT, DAMAGED] = STATES.keys()

/** What 0.1.0 stored as the reason of a message that was suspended without a rule. */
const ENDED_TWICE = 'Node-RED ended twice while processing this message'

/** Without trailing blanks, as it is stored now. One that is no text is a damaged one: it has to be seen. */
const CONTROL_ID = `iif(typeof(control_id) = 'text', rtrim(control_id), control_id)`

/**
 * Converts the tables of 0.1.0 (version 1) and 0.2.0 (version 2), within a transaction.
 *
 * There, what had left was in the table `journal`, what awaited or was suspended had the state 1 and a sealed
 * verdict, and lanes had other names: so all messages that are here go alone, in order (the barrier in
 * `turns.ts`). Contents stay where they are.
 *
 * @param applicationAckMs how long an application acknowledgement is awaited
 */
export function convertTables(
  db: DatabaseSync,
  version: number,
  sealer: Sealer,
  applicationAckMs: number
): void {
  db.exec(`
    DROP INDEX not_waiting;
    ALTER TABLE message RENAME TO old_message;
    ${TABLES}
    INSERT INTO message (seq, state, control_id, type, accepted_at, changed_at,
      attempts, retries, spent_ms, renewals, deaths)
    SELECT seq,
      CASE state WHEN 0 THEN ${WAITING} WHEN 1 THEN ${SUSPENDED} WHEN 2 THEN ${LEAVING} ELSE ${DAMAGED} END,
      ${CONTROL_ID}, type, accepted_at, coalesce(suspended_at, accepted_at),
      attempts, 0, spent_ms, 0, 0
    FROM old_message;`)
  // What was settled leaves in the order of settlement.
  db.prepare(
    `UPDATE message SET changed_at = ? + rank / 1e3
     FROM (SELECT seq, row_number() OVER (ORDER BY place) AS rank FROM old_message WHERE state = 2) AS old
     WHERE old.seq = message.seq`
  ).run(Date.now())
  convertVerdicts(db, sealer, applicationAckMs)
  convertDeaths(db)
  if (version > 1) {
    db.exec(`
      INSERT OR IGNORE INTO message (seq, state, control_id, type, accepted_at, changed_at,
        attempts, retries, spent_ms, renewals, deaths, verdict)
      SELECT seq, ${LEFT}, ${CONTROL_ID}, type, accepted_at, settled_at, attempts, 0, 0, 0, 0,
        json_object('outcome', outcome, 'ackCode', ack_code,
          'errors', iif(json_valid(errors), json(errors), json('[]')),
          'status', status, 'rule', rule, 'errorCode', error_code, 'cause', cause)
      FROM journal;
      DROP TABLE journal;`)
  }
  db.exec(`
    DROP TABLE old_message;
    DELETE FROM meta WHERE name = 'deaths';
    ${INDEXES}`)
}

function convertVerdicts(db: DatabaseSync, sealer: Sealer, applicationAckMs: number): void {
  const uptime = metaNumber(db, 'uptime')
  const set = db.prepare('UPDATE message SET state = ?, turn = ?, verdict = ? WHERE seq = ?')
  const rows = db
    .prepare('SELECT seq, state, reason FROM old_message WHERE reason IS NOT NULL AND state < 3')
    .iterate() as Iterable<{ seq: number; state: number; reason: Uint8Array }>
  for (const { seq, state, reason } of rows) {
    // A damaged verdict is no reason to hold back the message.
    const text = sealer.unseal({ seq, part: 'reason', piece: 0 }, reason)?.plain.toString('utf8')
    const { awaitsFrom, ...verdict } = oldVerdict(text ?? '{}')
    const awaits = state === 1 && verdict.awaits !== undefined
    const turn = awaits ? (awaitsFrom ?? uptime) + applicationAckMs : null
    const now = awaits ? AWAITING : state === 1 ? SUSPENDED : state === 2 ? LEAVING : WAITING
    set.run(now ?? 0, turn, JSON.stringify(verdict), seq)
  }
}

/** 0.1.0 stored the rule alone. */
function oldVerdict(text: string): Verdict & { awaitsFrom?: number } {
  if (text === ENDED_TWICE) return { ...NO_VERDICT, errorCode: 'ERR_ENDED_TWICE' }
  if (!text.startsWith('{')) return { ...NO_VERDICT, rule: text }
  return { ...NO_VERDICT, ...(JSON.parse(text) as object) }
}

/** `deaths` was a text such as `7:1 9:1`. */
function convertDeaths(db: DatabaseSync): void {
  const add = db.prepare('UPDATE message SET deaths = deaths + ? WHERE seq = ?')
  const deaths = getMeta(db, 'deaths')
  for (const entry of typeof deaths === 'string' ? deaths.split(' ') : []) {
    const [seq = 0, count = 0] = entry.split(':').map(Number)
    if (seq > 0 && count > 0) add.run(count, seq)
  }
}
