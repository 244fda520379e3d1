import type { EventQuery, JournalRecord, Pause, QueueEvent, Verdict } from './journal.ts'

/** What the outbox stores as the state of a message. */
export type StoredState = 'waiting' | 'suspended' | 'settled'

/** What is known about a message besides its content; small, and without any patient field. */
export interface Entry {
  /** Place in the order of acceptance; identifies the message in its queue. */
  readonly seq: number
  /** The path that the key was taken from, and the name of the key (`Outbox.keyName`). */
  readonly lane: string
  /** MSH-10 and MSH-9 (`ADT^A01`). */
  readonly controlId: string
  readonly type: string
  /** Wall clock, milliseconds. */
  readonly acceptedAt: number
  state: StoredState
  attempts: number
  /** Time counted towards the failure timeout so far, in milliseconds. */
  spentMs: number
  /** Since when (wall clock, milliseconds) and why an operator has to look at a suspended message. */
  suspendedAt?: number
  /** On disk it is sealed, in the column `reason`. */
  verdict?: Verdict
}

/** Which messages `find` looks for: newest first. */
export interface FindQuery {
  /** Those that are in the queue, or those that have left. */
  where: 'queue' | 'journal'
  /** Only those with a lower number than this. */
  before: number
  /** At most this many are returned. */
  limit: number
  controlId?: string
  /** MSH-9, such as `ADT^A01`. */
  type?: string
  /** Of a journal record: the rule, as written. */
  rule?: string
  outcome?: JournalRecord['outcome']
  /** Accepted or settled at this time or later; wall clock, milliseconds. */
  since?: number
}

/**
 * What was found. A search checks a bounded number of rows: there may be more even if fewer than
 * the limit were found.
 */
export interface Found {
  /** Of the queue. */
  entries: readonly Entry[]
  /** Of the journal. */
  records: readonly JournalRecord[]
  /** Search on below this number; 0: there is nothing more. */
  next: number
}

/** A message as an outbox returns it. */
export interface StoredMessage<Content> {
  entry: Entry
  content: Content
  /** What was given to `settle`; absent for a waiting message, or if it is damaged. */
  outcome?: unknown
}

/** What an outbox holds when it is opened. */
export interface OutboxContents {
  /** How many messages are waiting; `list` returns them. */
  waiting: number
  suspended: readonly Entry[]
  /** Messages whose outcome was stored but perhaps not handed on, in the order of settlement. */
  settled: readonly number[]
  paused: Pause | undefined
  /** The highest sequence number ever assigned; 0 in a new outbox. */
  lastSeq: number
  /** The process that had it open before did not close it. */
  unclean: boolean
  /** How long it was open in earlier runs, in milliseconds; after a crash, perhaps less. */
  uptimeMs: number
  /**
   * The suspended messages that were suspended just now: two processes ended while processing them.
   */
  endedOn: readonly Entry[]
}

/** Which waiting messages `list` returns. */
export interface ListQuery {
  /** Those with a higher number than this. */
  after: number
  /** Not those of these lanes. */
  without: readonly string[]
  limit: number
}

/**
 * Where messages wait, with everything known about them. Calls take effect in the order in which
 * they are made, and each is as safe as the outbox can make it once its promise resolves.
 */
export interface Outbox<Content> {
  /** Its content survives the process. */
  readonly durable: boolean
  /** @throws {OutboxError} when the queue cannot be used */
  open(): Promise<OutboxContents>
  /** The name of a key: on disk it must not show the key, which may be a patient's number. */
  keyName(key: string): string
  add(entry: Entry, content: Content): Promise<void>
  /** Waiting messages in the order of acceptance; fewer than the limit when there are no more. */
  list(query: ListQuery): Promise<readonly Entry[]>
  /**
   * The content is the original object if it is still in memory, and always if the outbox could not
   * store all of it.
   *
   * @throws {OutboxError} `ERR_MESSAGE_DAMAGED` if it cannot be decoded: from then on it does
   * not count, and what is left of it stays
   */
  read(seq: number): Promise<StoredMessage<Content>>
  /** Stores state, attempts, times and verdict. */
  update(entry: Entry): Promise<void>
  /** Stores the same of a settled or suspended message, together with its outcome, as JSON. */
  settle(entry: Entry, outcome: unknown): Promise<void>
  /**
   * Removes a message that has left, and writes how it left to the journal, both or neither. If the
   * disk is full, it is removed without a record.
   */
  remove(seq: number, record?: JournalRecord): Promise<void>
  /** Messages in the queue, or in the journal, newest first; looks at a bounded number of rows. */
  find(query: FindQuery): Promise<Found>
  /** Adds to the list of events; the oldest are dropped. */
  addEvent(event: QueueEvent): Promise<void>
  /** Events, newest first. */
  events(query: EventQuery): Promise<readonly QueueEvent[]>
  setPaused(pause: Pause | undefined): Promise<void>
  /**
   * Notes the message that could end the process now, 0 for none. A message found noted by two
   * starts after an unclean end is suspended by the second.
   */
  note(seq: number): Promise<void>
  /** Finishes pending calls and closes every file. */
  close(): Promise<void>
}

/** A queue that cannot be used: the text names the file and what to do. */
export class OutboxError extends Error {
  override readonly name = 'OutboxError'
  /** A Node.js or SQLite code, such as `ENOSPC` or `SQLITE_CORRUPT`. */
  readonly code: string
  /** The one message that it is about. */
  readonly about: Pick<Entry, 'controlId' | 'type'> | undefined

  constructor(message: string, code: string, about?: OutboxError['about']) {
    super(message)
    this.code = code
    this.about = about
  }
}
