/** `PRAGMA application_id` of a queue file: "HL7H". */
export const APPLICATION_ID = 0x484c3748

/**
 * How a queue file came to be what it is: the step at index n leads from version n to n + 1. A
 * file's version is its `PRAGMA user_version`. Steps are only ever added, never changed.
 *
 * In clear: number, state, times, attempts, MSH-9, MSH-10 and the lane, which is the name of a field
 * and a hash. `reason` and all of `sealed` are sealed. The message's content is apart from the facts,
 * so that the facts of a long backlog are read without it; a piece of a part of a message has the id
 * `(4 * seq + part) * 65536 + piece`; part 0 is the content, 1 the outcome.
 * All tables have row ids, and so leaf pages from which a damaged file is read (`leaf-rows.ts`).
 * `place` orders what does not wait (settled or suspended), and the index finds it.
 */
export const SCHEMA_STEPS: readonly string[] = [
  `CREATE TABLE meta (name TEXT PRIMARY KEY, value ANY NOT NULL) STRICT;
   CREATE TABLE message (
     seq INTEGER PRIMARY KEY,
     state INTEGER NOT NULL,
     place INTEGER,
     accepted_at REAL NOT NULL,
     attempts INTEGER NOT NULL,
     spent_ms REAL NOT NULL,
     suspended_at REAL,
     lane TEXT NOT NULL,
     type TEXT NOT NULL,
     control_id TEXT NOT NULL,
     reason BLOB
   ) STRICT;
   CREATE TABLE sealed (id INTEGER PRIMARY KEY, bytes BLOB NOT NULL) STRICT;
   CREATE INDEX not_waiting ON message (place) WHERE place IS NOT NULL;`
]

/** The version that this package writes. */
export const SCHEMA_VERSION = SCHEMA_STEPS.length
