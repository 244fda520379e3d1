import type { DatabaseSync } from 'node:sqlite'
import { STATES } from './message-row.ts'

/** The page size of a queue file. */
export const PAGE_BYTES = 4096

const [WAITING, , , , LEFT] = STATES.keys()

/** Of the table `event`, also where it is kept in memory. */
export const EVENT_COLUMNS = `(
    id INTEGER PRIMARY KEY,
    at REAL NOT NULL,
    kind TEXT NOT NULL,
    "by" TEXT NOT NULL,
    detail TEXT NOT NULL
  ) STRICT`

/**
 * The tables of a queue, as version 4 of a queue file has them. In clear: numbers, states, times, attempts,
 * MSH-9, MSH-10, hashes of keys, and codes. Sealed: all of `sealed`, the contents and outcomes.
 *
 * - `lane`: the hash of the key; null without an order, and of a message that has left and whose content is not kept.
 * - `turn`: see `turns.ts`; on the time for which the queue has been open in all runs, in milliseconds.
 * - `counts_from`: since when the time of its wait counts, on the clock of *Give up after* (`delivery/give-up-clock.ts`);
 *   null: it does not.
 * - `renewals`: the number of the fresh start of all clocks since which `retries`, `spent_ms` and `rule_retries` were
 *   counted; after a later one they count as 0.
 * - `deaths`: how many processes have ended while they worked on it.
 * - `verdict`, `story`, `resent`: JSON, in codes (`message-row.ts`).
 * - `kept_bytes`: of a message that has left, the size of its content and outcome, if they are kept; 0 while the
 *   rest of them is being deleted.
 * - `found`: keyed hashes of fields, by which messages are searched for; `part` is `seq / 4096`, so that they can go
 *   by age.
 * - `edited_at`: when an operator last replaced its text: wall clock, milliseconds.
 * - `rule_retries`: what rules that limit how often they have it tried again have counted: JSON (`RuleRetries`).
 * - `own_address`: 1 if it brought an address of its own, and has no backup; else null.
 * - `minute`: what happened in each minute of the last day (`figures-table.ts`).
 * - A piece of a part of a message has the id `(4 * seq + part) * 65536 + piece`; part 0 is the content, 1 the
 *   outcome, and 2 the content before it was edited first.
 * - In `meta`: `pause` (JSON, which may get an end), `backup` (JSON: messages go there), `left` (how many have left,
 *   about), `leaps` (JSON, see `record-ages.ts`), `atWork` (the message that is being worked on, after a start that is
 *   a careful one), `answer` (JSON, see `stored-answer.ts`), and what other files name.
 */
const TABLES = `
  CREATE TABLE meta (name TEXT PRIMARY KEY, value ANY NOT NULL) STRICT;
  CREATE TABLE message (
    seq INTEGER PRIMARY KEY,
    lane INTEGER,
    state INTEGER NOT NULL,
    turn REAL,
    control_id TEXT NOT NULL,
    type TEXT NOT NULL,
    accepted_at REAL NOT NULL,
    changed_at REAL NOT NULL,
    attempts INTEGER NOT NULL,
    retries INTEGER NOT NULL,
    spent_ms REAL NOT NULL,
    counts_from REAL,
    renewals INTEGER NOT NULL,
    deaths INTEGER NOT NULL,
    verdict TEXT,
    story TEXT,
    resent TEXT,
    edited_at REAL,
    rule_retries TEXT,
    own_address INTEGER,
    kept_bytes INTEGER
  ) STRICT;
  CREATE TABLE sealed (id INTEGER PRIMARY KEY, bytes BLOB NOT NULL) STRICT;
  CREATE TABLE found (
    part INTEGER NOT NULL,
    hash BLOB NOT NULL,
    seq INTEGER NOT NULL,
    PRIMARY KEY (part, hash, seq)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE event ${EVENT_COLUMNS};
  CREATE TABLE minute (
    at INTEGER PRIMARY KEY,
    acked INTEGER NOT NULL,
    naked INTEGER NOT NULL,
    failed INTEGER NOT NULL,
    queued INTEGER NOT NULL,
    p95 REAL NOT NULL
  ) STRICT;`

const INDEXES = `
  CREATE INDEX in_lane ON message (lane, seq) WHERE state = ${WAITING} AND lane IS NOT NULL;
  CREATE INDEX due ON message (state, turn, seq) WHERE turn IS NOT NULL;
  CREATE INDEX held ON message (state, seq) WHERE state <> ${LEFT};
  CREATE INDEX named ON message (control_id, seq);
  CREATE INDEX deadly ON message (deaths) WHERE deaths > 0;
  CREATE INDEX kept ON message (changed_at, kept_bytes) WHERE kept_bytes > 0;
  CREATE INDEX repeats ON message (resent ->> '$.of') WHERE resent IS NOT NULL;
  CREATE INDEX remains ON message (seq) WHERE kept_bytes = 0;
  CREATE INDEX own ON message (own_address) WHERE state = ${WAITING} AND own_address IS NOT NULL;`

/** Makes the tables of a new queue. */
export function makeTables(db: DatabaseSync): void {
  db.exec(TABLES)
  db.exec(INDEXES)
}
