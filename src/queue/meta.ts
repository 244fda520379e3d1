import type { DatabaseSync } from 'node:sqlite'
import { moment } from './stored-json.ts'

/** A value of the table `meta`. */
export function getMeta(db: DatabaseSync, name: string): unknown {
  return db.prepare('SELECT value FROM meta WHERE name = ?').get(name)?.['value']
}

/** The same; 0 if it is missing or no number. */
export function metaNumber(db: DatabaseSync, name: string): number {
  return moment(getMeta(db, name)) ?? 0
}

export function setMeta(db: DatabaseSync, name: string, value: number | string | Uint8Array): void {
  db.prepare('INSERT OR REPLACE INTO meta VALUES (?, ?)').run(name, value)
}
