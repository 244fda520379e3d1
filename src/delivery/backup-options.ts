import type { BackupInUse } from '../queue/queue-types.ts'
import type { Address } from './failover.ts'

/** A second address of the receiver. */
export interface BackupOptions {
  /** What tells the address from others; nothing secret. */
  address: string
  /** Host and port of both, as operators know them. */
  hosts: Readonly<Record<Address, string>>
  /** So long an outage of the first address lasts before the backup takes over, in milliseconds; 0: a person decides. */
  afterMs: number
  /** Opens a connection for the next message. @returns false if none can be had; never rejects */
  connect: (address: Address, signal: AbortSignal) => Promise<boolean>
}

/** That messages go to the backup. */
export type BackupState = Pick<BackupInUse, 'since' | 'isByHand' | 'by'> & {
  host: string
  /** Messages that wait for the first address, because they brought a URL of their own. */
  waiting: number
}
