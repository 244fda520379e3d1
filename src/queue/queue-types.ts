import type { Figures } from './figures.ts'
import type {
  KnownState,
  MessageRow,
  MessageState,
  Outcome,
  Resent,
  RuleRetries,
  StoryRecord,
  Verdict
} from './message-row.ts'
import type { Pause } from './queue-event.ts'

/** Which of those whose turn it is go first. */
export interface Preference {
  /**
   * Retries that are due, before messages that may go at once (`retries`); one of each (`alternate`), so that neither kind
   * keeps the other from going; or only the newest that was never tried, if there is one (`newest`).
   */
  first: 'retries' | 'alternate' | 'newest'
  /** Only the oldest, or newest, of another type than this, if there is one. */
  notType?: string | undefined
}

/** How the messages of a node may overtake each other: not at all, within a key, or freely. */
export type Order = 'fifo' | 'key' | 'none'

/** Messages with an address of their own, too; or not, while the others go to a backup; or only they. */
export type OwnOnes = 'too' | 'not' | 'only'

/** That the messages go to the backup. */
export interface BackupInUse {
  /** Wall clock, milliseconds. */
  since: number
  /** Somebody has turned, so nothing turns back by itself; else it was an outage. */
  isByHand: boolean
  /** A user name; `''` where nobody has to log in, or for an outage. */
  by: string
  /** A keyed hash of its address: after a deploy, the backup may be another one. */
  address: number
}

/** A message that is accepted. */
export interface NewMessage {
  seq: number
  /** The hash of its key; null unless the order is `key`. */
  lane: number | null
  controlId: string
  type: string
  /** Wall clock, milliseconds. */
  acceptedAt: number
  /** It repeats one that has left. */
  resent?: Resent | undefined
  /** It brought an address of its own. */
  hasOwnAddress?: boolean
  /** Keyed hashes of the fields by which it can be found. */
  hashes?: readonly Uint8Array[] | undefined
}

/** A suspended message with another text: what depends on that. */
export type EditedMessage = Pick<NewMessage, 'seq' | 'lane' | 'controlId' | 'type' | 'hashes'>

/** A message that was handed out, so that nothing else happens to it until it is moved or released. */
export interface ClaimedMessage<Stored> {
  row: MessageRow
  /** Absent if it was not asked for. */
  content?: Stored
  /** What was stored when it was suspended, began to await or was settled; absent if it is damaged. */
  outcome?: Stored
  /** Its content cannot be read: it no longer counts, and what is left of it stays. */
  isDamaged: boolean
}

/** A change of state. */
export interface Move<Stored> {
  seq: number
  from: MessageState
  to: 'waiting' | 'awaiting' | 'suspended' | 'leaving'
  /** Of a waiting message: when it may go; of an awaiting one: how long it awaits. From now, in milliseconds. */
  dueInMs?: number
  /** Since when the time until it may go counts towards its failure timeout (`delivery/give-up-clock.ts`); if it does. */
  countsFrom?: number
  attempts: number
  retries: number
  spentMs: number
  /** Of one that is still to be sent. */
  ruleRetries?: RuleRetries | undefined
  /** The number of the fresh start of all clocks since which these have been counted. */
  renewals: number
  verdict: Verdict
  story: readonly StoryRecord[]
  /** Stored in place of an earlier one; without it, that stays, unless the message waits. */
  outcome?: Stored
}

/** How a message left whose outcome was not stored before. */
export type LeftMessage = Pick<Move<never>, 'attempts' | 'verdict' | 'story'>

/** What is remembered of one: as much as the options say; only that it left, without its content; or nothing. */
export type LeftMemory = 'all' | 'row' | 'none'

/** The wall clock was put forward to `at`, after it had run from `from` on; milliseconds. */
export interface ClockLeap {
  at: number
  from: number
}

/** What a queue holds when it is opened. */
export interface OpenedQueue {
  /** The highest number ever given to a message; 0 in a new queue. */
  lastSeq: number
  pause: Pause | undefined
  backup: BackupInUse | undefined
  /** The number of the last fresh start of all clocks. */
  renewals: number
  /** Messages whose outcome was stored but perhaps not handed on, in the order of settlement. */
  leaving: readonly number[]
  /** Its last run did not close it: the process crashed, was killed or lost power. */
  isUnclean: boolean
  /** Messages that were suspended just now: two processes ended while they worked on them. */
  endedOn: readonly MessageRow[]
  figures: Figures
}

/** What a run of a queue knows besides its table. */
export interface QueueRun {
  /** Messages that are handed out. */
  handedOut: readonly number[]
  /** How long the queue has been open in all runs, in milliseconds. */
  uptimeMs: number
}

/** What a run of a queue file knows besides. */
export interface FileRun extends QueueRun {
  /** The number of its last commit. */
  commit: number
}

/** How many messages are held. */
export interface QueueCounts {
  /** Those on their way and those that are retried included. */
  waiting: number
  retrying: number
  awaiting: number
  suspended: number
}

/** What a status shows of a queue. */
export interface QueueSummary extends QueueCounts {
  /** When the oldest of the waiting ones was accepted: wall clock, milliseconds; null if there is none. */
  oldestWaitingAt: number | null
  /** The same of all that are held. */
  oldestHeldAt: number | null
  /** Of the one that is retried next. */
  retry: {
    seq: number
    controlId: string
    attempts: number
    dueInMs: number
    verdict: Verdict
  } | null
  /** How many with an address of their own wait, of the first thousand; counted once others went to a backup. */
  ownAddress: number
  /** Why the newest suspended message was suspended. */
  suspendedFor: Verdict | null
  /**
   * When the next retry may go, in milliseconds: of those that were not due when messages were claimed last. 0 or
   * less: it is due meanwhile. Null: there is none.
   */
  nextTurnInMs: number | null
  /** The same of the next awaiting message whose time is up. */
  nextLateInMs: number | null
}

/** Which messages are meant: those with these numbers, or those that match all of the others. */
export interface MessageFilter {
  ids?: readonly number[]
  controlId?: string
  /** MSH-9, such as `ADT^A01`. */
  type?: string
  /** The rule that decided last, as written. */
  rule?: string
  /** One of its codes (`codesOf`). */
  error?: string
}

export interface SuspendedChoice extends MessageFilter {
  /** Suspended before this time; wall clock, milliseconds. */
  before?: number
}

export interface WaitingChoice extends MessageFilter {
  /** Only those that were tried, or only those that were not. */
  isRetrying?: boolean
  /** Only those with a lower number than this. */
  before?: number
}

/** Of messages that have left. */
export interface LeftChoice extends MessageFilter {
  outcome?: Outcome
  /** Left at this time or later, and before that one; wall clock, milliseconds. */
  since?: number
  until?: number
  /** Only those with a lower number than this. */
  before?: number
}

/** Of all: newest first; with `ids`, found at once, in the order of acceptance. */
export interface MessageQuery extends MessageFilter {
  /** Only those with a lower number than this. */
  before?: number
  state?: KnownState
  /** Accepted or changed at this time or later; wall clock, milliseconds. */
  since?: number
  /** Accepted before this time; wall clock, milliseconds. */
  acceptedBefore?: number
  /** One of these hashes was stored with it. */
  hashes?: readonly Uint8Array[]
  /** It is one of the newest with one of these control IDs. Found at once. */
  controlIds?: readonly string[]
  limit: number
}

/** So many messages with one control ID are found, if several control IDs are asked for: the newest. */
export const MOST_NAMED_ALIKE = 3

/** Messages that were found in a bounded number of rows. */
export interface FoundPage {
  messages: MessageRow[]
  /** Search on below this number; 0: there is nothing more. */
  next: number
}

/** What is stored of a message besides its row. The content before somebody edited it (`original`) goes with all else. */
export const PARTS = ['content', 'outcome', 'original'] as const
export type Part = (typeof PARTS)[number]

/** Where the parts of messages are kept; `undefined` is what cannot be read. */
export interface ContentStore<Stored> {
  /** Of an outcome, where there is none. */
  put(seq: number, part: Part, stored: Stored): void
  get(seq: number, part: Part): Stored | undefined
  dropPart(seq: number, part: Part): void
  /** The bytes that all of them take. */
  sizeOf(seq: number): number
  /**
   * Deletes all of them, of what is long only a part.
   *
   * @returns whether there may be more
   */
  drop(seq: number): boolean
}
