import type { DatabaseSync } from 'node:sqlite'
import { OWN_INDEX } from './queue-schema.ts'

/** The version of the tables that can be converted. */
export const CONVERTED_VERSION = 3

/** As a column of version 3, what `own_address` is now. */
export const OLD_OWN_ADDRESS = 'iif(bound_to = 0, 1, NULL)'

/**
 * Converts the tables of version 3, within a transaction: nothing has changed if the process ends before that does.
 *
 * There, `bound_to` said at which of two addresses a message may have arrived, by the hash of the address; 0 was an
 * address of its own. Both are one system now, so that only the last is of any matter.
 */
export function convertTables(db: DatabaseSync): void {
  db.exec(`
    DROP INDEX bound;
    UPDATE message SET bound_to = ${OLD_OWN_ADDRESS} WHERE bound_to IS NOT NULL;
    ALTER TABLE message RENAME COLUMN bound_to TO own_address;
    ${OWN_INDEX}`)
}
