/** Where a message stands in the queue. */
export type EntryState = 'waiting' | 'suspended' | 'settled'

/** What is kept of a message beside its content; small, and without any field of a patient. */
export interface EntryFacts {
  /** Place in the order of acceptance; identifies the message in its queue. */
  readonly seq: number
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
  /** When and why an operator has to look, for a suspended message. */
  suspendedAt?: number
  reason?: string
}

/** A message with its content: the flow's message object and what is to be emitted for it. */
export interface Entry<Content, Outcome> extends EntryFacts {
  content: Content
  outcome?: Outcome
}

/** What an outbox holds when it is opened. */
export interface OutboxContents {
  /** Waiting messages in the order of acceptance. */
  waiting: readonly { seq: number; lane: string; acceptedAt: number }[]
  suspended: readonly EntryFacts[]
  /** Messages whose outcome was stored but perhaps not emitted. */
  settled: readonly number[]
  paused: boolean
  /** The highest sequence number ever given. */
  lastSeq: number
}

/**
 * Where messages wait. One `Delivery` owns it; every change is durable once its promise resolves, as
 * far as the outbox is durable at all.
 */
export interface Outbox<Content, Outcome> {
  /** What is in it survives the process. */
  readonly durable: boolean
  /** @throws {Error} when the queue cannot be used */
  open(): Promise<OutboxContents>
  add(entry: Entry<Content, Outcome>): Promise<void>
  read(seq: number): Promise<Entry<Content, Outcome>>
  /** Stores everything but the content. */
  update(entry: Entry<Content, Outcome>): Promise<void>
  remove(seq: number): Promise<void>
  setPaused(paused: boolean): Promise<void>
  close(): Promise<void>
}
