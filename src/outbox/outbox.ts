/** What the outbox stores as the state of a message. */
export type StoredState = 'waiting' | 'suspended' | 'settled'

/** What is known of a message beside its content; small, and without any field of a patient. */
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
  /** Time that counts towards the failure timeout so far, in milliseconds. */
  spentMs: number
  /** Since when (wall clock, milliseconds) and why an operator has to look at a suspended message. */
  suspendedAt?: number
  reason?: string
}

/** A message as an outbox gives it back. */
export interface StoredMessage<Content> {
  entry: Entry
  content: Content
  /** What was given to `settle`; absent for a waiting message, and where it is damaged. */
  outcome?: unknown
}

/** What an outbox holds when it is opened. */
export interface OutboxContents {
  /** How many messages wait; `list` gives them. */
  waiting: number
  suspended: readonly Entry[]
  /** Messages whose outcome was stored but perhaps not handed on, in the order of settlement. */
  settled: readonly number[]
  paused: boolean
  /** The highest sequence number ever given; 0 in a new outbox. */
  lastSeq: number
  /** The process that had it open before did not close it. */
  unclean: boolean
  /** Of the suspended ones those that were suspended just now: two processes ended at work on them. */
  endedOn: readonly Entry[]
}

/** Which waiting messages `list` gives. */
export interface ListQuery {
  /** Those with a higher number than this. */
  after: number
  /** Not those of these lanes. */
  without: readonly string[]
  limit: number
}

/**
 * Where messages wait, with all that is known of them. Calls take effect in the order in which they
 * are made, and each is as safe as the outbox can make it once its promise resolves.
 */
export interface Outbox<Content> {
  /** What is in it survives the process. */
  readonly durable: boolean
  /** @throws {OutboxError} when the queue cannot be used */
  open(): Promise<OutboxContents>
  /** The name of a key: on disk it must not show the key, which may be a patient's number. */
  keyName(key: string): string
  add(entry: Entry, content: Content): Promise<void>
  /** Waiting messages in the order of acceptance; fewer than the limit when there are no more. */
  list(query: ListQuery): Promise<readonly Entry[]>
  /**
   * The content is the very object that came in where it is still in memory, and always where the
   * outbox could not store all of it.
   *
   * @throws {OutboxError} `ERR_MESSAGE_DAMAGED` when it cannot be understood: from then on it does
   * not count, and what is left of it stays
   */
  read(seq: number): Promise<StoredMessage<Content>>
  /** Stores state, attempts, times and reason. */
  update(entry: Entry): Promise<void>
  /** Stores the same of a settled or suspended message, together with its outcome, as JSON carries it. */
  settle(entry: Entry, outcome: unknown): Promise<void>
  remove(seq: number): Promise<void>
  setPaused(paused: boolean): Promise<void>
  /**
   * Notes the message that could end the process now, 0 for none. One that is found noted by two
   * starts after an unclean end is suspended by the second.
   */
  note(seq: number): Promise<void>
  /** Finishes what was asked for and lets go of every file. */
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
