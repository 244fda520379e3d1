import type { KeyedHashes } from './keyed-hashes.ts'
import type { OpenedQueue, QueueCounts, QueueSummary } from './queue-types.ts'
import type { QueueMethod, QueueMethods } from './queue-protocol.ts'

export interface CallOptions {
  /** A person or an application waits for this move: it resolves when it is safe. */
  isAwaited?: boolean
}

/** Runs a `Queue`: in this thread, or in the queue thread. */
export interface QueueEngine {
  /** Its messages survive the process. */
  readonly isDurable: boolean
  /** As the last call left it. */
  readonly counts: QueueCounts
  readonly summary: QueueSummary
  /** So many messages count as waiting already, while it is not known yet whether they are safe. */
  readonly unconfirmed: number
  /** For how long the oldest call has waited for the disk, in milliseconds; 0 if none does. */
  readonly silentMs: number
  /**
   * @param signal ends the wait for a long file to be read, which goes on for the next one who opens it
   * @throws {QueueError} when the queue cannot be used; it may be called again then
   */
  open(signal?: AbortSignal): Promise<OpenedQueue>
  /** @throws {QueueError} before it is open */
  readonly hashes: Pick<KeyedHashes, 'laneOf' | 'hashOf'>
  /**
   * Calls a method. Calls take effect in the order in which they are made; those made in one turn of the event
   * loop are stored together. Resolves when that is as safe as its caller needs (`AFTER_SYNC` in `queue-protocol.ts`).
   *
   * @param makeArgs makes the arguments as late as possible, and perhaps again
   * @throws {QueueError}
   */
  call<Method extends QueueMethod>(
    method: Method,
    makeArgs: () => Parameters<QueueMethods[Method]>,
    options?: CallOptions
  ): Promise<ReturnType<QueueMethods[Method]>>
  /** Finishes pending calls and closes every file. */
  close(): Promise<void>
}

/** Of a queue that is not open. */
export const NOTHING_QUEUED: QueueSummary = {
  waiting: 0,
  retrying: 0,
  awaiting: 0,
  suspended: 0,
  oldestWaitingAt: null,
  oldestHeldAt: null,
  retry: null,
  ownAddress: 0,
  suspendedFor: null,
  nextTurnInMs: null,
  nextLateInMs: null
}
