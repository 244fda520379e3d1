/** What the receiver answered last, and what followed, in codes only: without any HL7 content. */
export interface Verdict {
  /** MSA-1; `''` without an acknowledgement. */
  ackCode: string
  /** ERR-3.1 and ERR-4 of each listed error; a code that table 0357 does not have is `other`. */
  errors: readonly AckErrorCode[]
  /** HTTP status of the answer; 0 if there was none. */
  status: number
  /** The rule that decided, as written; `''` if none was asked. */
  rule: string
  /** Of an error: its code, such as `HL7_DELIVERY_FAILED`; else `''`. */
  errorCode: string
  /**
   * It awaits its application acknowledgement, and this follows if none comes. Only of a message in
   * the queue.
   */
  awaits?: 'suspend' | 'fail' | 'retry'
  /** When that began: how long the queue had been open by then, in milliseconds. */
  awaitsFrom?: number
  /** Of an error: what caused it, as a code of Node.js or OAuth, or an HTTP status; else `''`. */
  cause: string
}

/** Of a message without an answer or a rule so far. */
export const NO_VERDICT: Verdict = {
  ackCode: '',
  errors: [],
  status: 0,
  rule: '',
  errorCode: '',
  cause: ''
}

export interface AckErrorCode {
  code: string
  severity: string
}

/** How a message left: a row of the journal. Times are wall clock, milliseconds. */
export interface JournalRecord {
  seq: number
  controlId: string
  type: string
  acceptedAt: number
  attempts: number
  settledAt: number
  outcome: 'ack' | 'nak' | 'error'
  verdict: Verdict
}

/** Something that happened to a node or was done to it: a row of its list of events. */
export interface QueueEvent {
  /** Wall clock, milliseconds. */
  at: number
  kind: QueueEventKind
  /** A user name, `flow`, `rule`, or `''`. */
  by: string
  /** What the words of this kind are filled with; no HL7 content but control IDs. */
  values: Readonly<Record<string, string | number>>
}

export const QUEUE_EVENT_KINDS = [
  'paused', // values: reason
  'resumed',
  'resent', // values: count
  'discarded', // values: count
  'suspended', // values: count, rule
  'retrying', // values: cause, controlId
  'recovered', // values: seconds
  'token-lost', // values: cause
  'token-back',
  'content-shown', // values: controlId
  'tested', // values: type
  'queue-fault', // values: cause
  'certificate' // values: of, days
] as const

export type QueueEventKind = (typeof QUEUE_EVENT_KINDS)[number]

/** Why and since when a node is paused. */
export interface Pause {
  /** Wall clock, milliseconds; 0 if that is not known. */
  at: number
  /** A user name, `flow`, `rule`, or `''`. */
  by: string
  /** What that user or flow said, at most 200 characters; of a rule, the rule. */
  reason: string
}

/** Which events `events` returns: newest first. */
export interface EventQuery {
  /** At this time or later; wall clock, milliseconds. */
  since: number
  limit: number
}

/** At most this many records and events are kept in memory, and events in a file. */
export const MOST_IN_MEMORY = 1000
export const MOST_EVENTS = 10_000
/** At most this many records are kept in a file, whatever their age. */
export const MOST_RECORDS = 1_000_000
