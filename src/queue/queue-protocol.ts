import type { MessageReader } from './message-reader.ts'
import type { MessageRows } from './message-rows.ts'
import type { OperatorCalls } from './operator-calls.ts'
import type { QueueFault } from './queue-fault.ts'
import type { QueueFileSpec } from './queue-file-spec.ts'
import type { ClaimedMessage, OpenedQueue, QueueSummary } from './queue-types.ts'
import type { Queue } from './queue.ts'

/** An outcome of this size is stored as long as anything is; a longer one is refused when the disk is short. */
export const SHORT_OUTCOME_BYTES = 4096

type Bytes = Uint8Array

/** What the main thread asks of a queue: of its parts that answer it. */
export type QueueMethods = Pick<
  Queue<Bytes>,
  | 'accept'
  | 'claimNext'
  | 'claimEarly'
  | 'claimLate'
  | 'claimAwaiting'
  | 'move'
  | 'finish'
  | 'pause'
  | 'resume'
  | 'setBackup'
  | 'makeDue'
  | 'beginWork'
  | 'endWork'
  | 'addEvent'
  | 'events'
  | 'keepFigures'
  | 'deleteContents'
> &
  Pick<MessageRows<Bytes>, 'release' | 'setDamaged'> &
  Pick<
    OperatorCalls<Bytes>,
    'claimSuspended' | 'claimWaiting' | 'countSuspended' | 'edit' | 'resend'
  > &
  Pick<
    MessageReader<Bytes>,
    | 'countMessages'
    | 'find'
    | 'findLaneEnds'
    | 'findLeft'
    | 'findRepeated'
    | 'read'
    | 'readOriginal'
  >

export type QueueMethod = keyof QueueMethods

/** Makes a call, on the part of a queue that answers it. */
export function callOn<Stored>(
  queue: Queue<Stored>,
  method: QueueMethod,
  args: unknown[]
): unknown {
  const parts = [queue, queue.rows, queue.operator, queue.reader] as unknown as Record<
    QueueMethod,
    (...args: unknown[]) => unknown
  >[]
  return parts.find((part) => method in part)?.[method](...args)
}

/** A call of one of them. */
export type QueueCall = {
  [Method in QueueMethod]: {
    method: Method
    args: Parameters<QueueMethods[Method]>
    /** A person or an application waits for this move. */
    isAwaited?: boolean
  }
}[QueueMethod]

/**
 * Calls that are answered once what they have stored is on the disk, because somebody was promised that: an operator, or
 * the next start. So is a move that a person or an application waits for. A sender is answered, and a message is handed
 * out, when that message is on the disk.
 *
 * All other calls are answered when they are stored: after a power failure, what they have changed since the last sync
 * is as it was, and messages that have left since then are sent again. So while that is long ago, moves wait, too.
 */
export const AFTER_SYNC: ReadonlySet<QueueMethod> = new Set([
  'edit',
  'resend',
  'pause',
  'resume',
  'setBackup',
  'beginWork',
  'deleteContents'
])

/** Calls that alone are not worth a transaction: they wait a moment for others. */
export const LAZY: ReadonlySet<QueueMethod> = new Set([
  'finish',
  'endWork',
  'addEvent',
  'keepFigures'
])

export const CLAIMS: ReadonlySet<QueueMethod> = new Set([
  'claimNext',
  'claimEarly',
  'claimLate',
  'claimAwaiting',
  'claimSuspended',
  'claimWaiting'
])

/** The messages that a claim has handed out; undefined if the call is none. */
export function claimedSeqs(method: QueueMethod, value: unknown): number[] | undefined {
  if (!CLAIMS.has(method)) return undefined
  const list = Array.isArray(value)
    ? value
    : ((value as { claimed?: unknown[] } | undefined)?.claimed ?? (value ? [value] : []))
  return (list as ClaimedMessage<Uint8Array>[]).map(({ row }) => row.seq)
}

/** The file was closed after a fault: calls are made once more when it is open again. Only the engine sees this code. */
export const MADE_AGAIN = 'ERR_QUEUE_AGAIN'
/** A thread that another version of this package has started ends with it. */
export const OTHER_VERSION = 'ERR_THREAD_VERSION'

/** What came of a call: what it returned, or why it failed. */
export interface CallResult {
  value?: unknown
  fault?: QueueFault
  /** It is not told before this commit is synced. */
  commit?: number
  /** It is to be made again, but is perhaps in the file. */
  mayBeStored?: true
}

/**
 * What a request wants. `check`: all of a file that nobody has open is read, to find damage.
 * `refuse`: the senders of these messages, which may be in the file, are told that they are not accepted as soon as that is
 * stored. `reopen`: the thread that had the file open has died, or a sync of it has failed; these messages are handed out,
 * and these are refused with it.
 * `close` also answers for a file that is not open; `delete` keeps one with messages or a pause in it.
 */
export type QueueTask =
  | { kind: 'check' }
  | { kind: 'open'; isDamaged?: boolean }
  | { kind: 'refuse'; seqs: readonly number[] }
  | ({ kind: 'reopen' } & Reopening)
  | { kind: 'calls'; calls: readonly QueueCall[] }
  | { kind: 'count' }
  | { kind: 'close' }
  | { kind: 'delete' }

/** How a file is opened again in the same run. */
export interface Reopening {
  handedOut: readonly number[]
  refused: readonly number[]
  hasSyncFailed: boolean
}

/** From the main thread to the queue thread. */
export interface QueueRequest {
  id: number
  /** Of one that was opened, the path alone. */
  file: QueueFileSpec | string
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
  /** The number of the last commit that is synced. */
  synced?: number
  /** Messages that are handed out after it, for another thread. */
  handedOut?: readonly number[]
  opened?: OpenedQueue
  /** Of `open`: nothing was opened, because the last run has not closed it. `check` comes first. */
  mustCheck?: boolean
  /** Of `check`. */
  isDamaged?: boolean
  /** Messages in the file; of `delete`, those for which it was kept. */
  held?: number
  isPaused?: boolean
}

/** From the queue thread to the main thread. */
export type QueueReply =
  | QueueAnswer
  | { path: string; notice: string }
  | { path: string; trouble: QueueFault }
  /** What was committed up to this commit is on the disk. */
  | { path: string; synced: number }
  /** Nobody knows what is on the disk: the file has to be opened again. */
  | { path: string; failed: QueueFault }
