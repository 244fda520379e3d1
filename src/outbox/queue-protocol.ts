import type { EventQuery, JournalRecord, Pause, QueueEvent } from './journal.ts'
import type { Entry, ListQuery, OutboxContents, OutboxError, FindQuery, Found } from './outbox.ts'

/** The file and its key: sent with every request, so that a new thread can continue. */
export interface QueueFileSpec {
  path: string
  /** The node's id: rows of one node's file cannot be opened in another's. */
  name: string
  key: Uint8Array
  /** See `DiskOutboxOptions`. */
  journalDays: number
}

/** A change of the queue, or a read that has to see the changes requested before it. */
export type QueueCall =
  | { kind: 'add'; entry: Entry; content: Uint8Array }
  | { kind: 'update'; entry: Entry }
  | { kind: 'settle'; entry: Entry; outcome: Uint8Array }
  | { kind: 'remove'; seq: number; record: JournalRecord | undefined }
  | { kind: 'setDamaged'; seq: number }
  | { kind: 'setPaused'; pause: Pause | undefined }
  | { kind: 'note'; seq: number }
  | { kind: 'read'; seq: number }
  | { kind: 'list'; query: ListQuery }
  | { kind: 'find'; query: FindQuery }
  | { kind: 'addEvent'; event: QueueEvent }
  | { kind: 'events'; query: EventQuery }

/** `close` also answers for a file that is not open; `delete` keeps it while messages or a pause are in it. */
export type QueueTask =
  | { kind: 'open' }
  | { kind: 'calls'; calls: readonly QueueCall[] }
  | { kind: 'read'; seqs: readonly number[] }
  | { kind: 'count' }
  | { kind: 'close' }
  | { kind: 'delete' }

/** From the main thread to the queue thread. */
export interface QueueRequest {
  id: number
  file: QueueFileSpec
  task: QueueTask
}

/** What went wrong, as an `OutboxError` has it. */
export interface QueueFault {
  message: string
  code: string
  about?: OutboxError['about']
}

/** A message as it was read. */
export interface ReadMessage {
  entry: Entry
  content: Uint8Array
  outcome?: Uint8Array
}

/** The result of a call that has one. */
export type CallResult = ReadMessage | readonly Entry[] | Found | readonly QueueEvent[]

/** From the queue thread to the main thread; an index is that of a call or of a number to read. */
export type QueueReply =
  | {
      id: number
      /** All of the request failed. */
      fault?: QueueFault
      faults?: [index: number, fault: QueueFault][]
      results?: [index: number, result: CallResult][]
      contents?: OutboxContents
      /** Messages in the file; of `delete`, those for which it was kept. */
      held?: number
      paused?: boolean
    }
  | { path: string; notice: string }
  | { path: string; trouble: QueueFault }
