import type { Order } from './queue-types.ts'

/** A queue file, its key and how it is used: sent with every request, so that a new thread can go on. */
export interface QueueFileSpec {
  path: string
  /** The node's id: rows of one node's file cannot be opened in another's. */
  name: string
  key: Uint8Array
  /** How many days what has left, and events, are kept; 0: not at all. */
  journalDays: number
  /** How many days the content of what has left is kept, and so many bytes of it at most. Default: not at all. */
  contentDays?: number
  mostKeptBytes?: number
  order: Order
  /** The path that keys are taken from, such as `PID-3.1`. */
  orderKey: string
}
