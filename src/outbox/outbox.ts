/** Where a message stands in the queue. */
export type EntryState = 'waiting' | 'suspended' | 'settled'

/** What is kept of a message beside its content; small, and without any field of a patient. */
export interface EntryFacts {
  /** Place in the order of acceptance; identifies the message in its queue. */
  readonly seq: number
  /** Name of the lane, as `Outbox.lane` gives it. */
  readonly lane: string
  /** MSH-10 and MSH-9 (`ADT^A01`). */
  readonly controlId: string
  readonly type: string
  /** Wall clock, milliseconds. */
  readonly acceptedAt: number
  state: EntryState
  attempts: number
  /** Time that counts towards the failure timeout so far, in milliseconds. */
  spentMs: number
  /** Since when (wall clock, milliseconds) and why an operator has to look at a suspended message. */
  suspendedAt?: number
  reason?: string
}

/** A message as an outbox gives it back. */
export interface StoredEntry {
  facts: EntryFacts
  /** The flow's message, as it was given to `add`. */
  content: Buffer
  /** What was given to `settle`; present when the state is `settled` or `suspended`. */
  outcome?: Buffer
}

/** What an outbox holds when it is opened. A backlog can be long: columns, not objects. */
export interface OutboxContents {
  /** Waiting messages in the order of acceptance: `lanes[laneIndex[i]]` is the lane of `seqs[i]`. */
  waiting: {
    seqs: Float64Array
    acceptedAt: Float64Array
    laneIndex: Uint32Array
    lanes: readonly string[]
  }
  suspended: readonly EntryFacts[]
  /** Messages whose outcome was stored but perhaps not handed on, in the order of settlement. */
  settled: readonly number[]
  paused: boolean
  /** The highest sequence number ever given; 0 in a new outbox. */
  lastSeq: number
  /** The process that had it open before did not close it. */
  unclean: boolean
  /** Of the suspended ones those that were suspended just now: two processes ended at work on them. */
  endedOn: readonly EntryFacts[]
}

/**
 * Where messages wait. One `Delivery` owns it and keeps what it works on; an outbox only has to give
 * back what is no longer in memory. Calls take effect in the order in which they are made, and each
 * is as safe as the outbox can make it once its promise resolves.
 */
export interface Outbox {
  /** What is in it survives the process. */
  readonly durable: boolean
  /** @throws {OutboxError} when the queue cannot be used */
  open(): Promise<OutboxContents>
  /** The name of a key's lane: on disk it must not show the key, which may be a patient's number. */
  lane(key: string): string
  /**
   * @param content is called only where it is needed, at the latest before the promise resolves; the
   * Buffer that it gives is the outbox's then, as that of `settle`
   */
  add(facts: EntryFacts, content: () => Buffer): Promise<void>
  /** Only for a durable outbox: what another one is given, its owner holds. */
  read(seq: number): Promise<StoredEntry>
  /** Stores state, attempts, times and reason. */
  update(facts: EntryFacts): Promise<void>
  /** Stores the same of a settled or suspended message, together with its outcome. */
  settle(facts: EntryFacts, outcome: () => Buffer): Promise<void>
  remove(seq: number): Promise<void>
  /** Sets a message apart that nobody understands: it no longer counts, and what is left of it stays. */
  setDamaged(seq: number): Promise<void>
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
  readonly about: Pick<EntryFacts, 'controlId' | 'type'> | undefined

  constructor(message: string, code: string, about?: OutboxError['about']) {
    super(message)
    this.code = code
    this.about = about
  }
}
