import type { QueueFault } from './queue-fault.ts'
import type { QueueFileSpec } from './queue-file-spec.ts'
import type { OpenedQueue, QueueSummary } from './queue-types.ts'
import type { Queue } from './queue.ts'

/** An outcome of this size is stored as long as anything is; a longer one is refused when the disk is short. */
export const SHORT_OUTCOME_BYTES = 4096

/** What the main thread asks of a queue. */
export type QueueMethods = Pick<
  Queue<Uint8Array>,
  | 'accept'
  | 'claimNext'
  | 'claimEarly'
  | 'claimLate'
  | 'claimAwaiting'
  | 'claimSuspended'
  | 'countSuspended'
  | 'release'
  | 'move'
  | 'finish'
  | 'resend'
  | 'edit'
  | 'pause'
  | 'resume'
  | 'makeDue'
  | 'beginWork'
  | 'endWork'
  | 'setDamaged'
  | 'read'
  | 'find'
  | 'findLeft'
  | 'addEvent'
  | 'events'
  | 'keepFigures'
>

export type QueueMethod = keyof QueueMethods

/** A call of one of them. */
export type QueueCall = {
  [Method in QueueMethod]: { method: Method; args: Parameters<QueueMethods[Method]> }
}[QueueMethod]

/** What came of a call: what it returned, or why it failed. */
export interface CallResult {
  value?: unknown
  fault?: QueueFault
}

/**
 * What a request wants. `reopen`: the thread that had the file open has died, and these messages are handed out.
 * `close` also answers for a file that is not open; `delete` keeps one with messages or a pause in it.
 */
export type QueueTask =
  | { kind: 'open' }
  | { kind: 'reopen'; handedOut: readonly number[] }
  | { kind: 'calls'; calls: readonly QueueCall[] }
  | { kind: 'count' }
  | { kind: 'close' }
  | { kind: 'delete' }

/** From the main thread to the queue thread. */
export interface QueueRequest {
  id: number
  file: QueueFileSpec
  task: QueueTask
}

/** What a request came to. */
export interface QueueAnswer {
  id: number
  /** All of it failed. */
  fault?: QueueFault
  /** In the order of the calls, which were stored together. */
  results?: CallResult[]
  summary?: QueueSummary
  /** Messages that are handed out after it, for another thread. */
  handedOut?: readonly number[]
  opened?: OpenedQueue
  /** Messages in the file; of `delete`, those for which it was kept. */
  held?: number
  isPaused?: boolean
}

/** From the queue thread to the main thread. */
export type QueueReply =
  QueueAnswer | { path: string; notice: string } | { path: string; trouble: QueueFault }
