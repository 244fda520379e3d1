/**
 * Where a message is, as the table says. What the API calls waiting, sending, retrying, acked, naked
 * and failed follows from it (`knownState`).
 */
export const STATES = ['waiting', 'awaiting', 'suspended', 'leaving', 'left', 'damaged'] as const

export type MessageState = (typeof STATES)[number]

/** How a message left: on ACK, on NAK, or as an error to Catch. */
export type Outcome = 'ack' | 'nak' | 'error'

/** What the receiver answered last, and what followed, in codes only: without any HL7 content. */
export interface Verdict {
  /** How it leaves or has left; `''` until then. */
  outcome: Outcome | ''
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
  /** Of an error: what caused it, as a code of Node.js or OAuth, or an HTTP status; else `''`. */
  cause: string
  /** What the failure is about, where that is known. */
  about?: string
  /** The operation in the request, if the receiver has none of that name. */
  operation?: string
  /** Of an awaiting message: what follows if no application acknowledgement comes. */
  awaits?: 'suspend' | 'fail' | 'retry'
  /** Of one of its attempts it is not known whether the receiver accepted the message. */
  mayHaveArrived?: true
  /** In one of them the receiver said that it does not take the message, which is not sure. */
  saidNotTaken?: true
}

/** A retry that a rule with a count has asked for: "3 of 5". */
export interface CountedRetry {
  number: number
  of: number
}

/** What rules with a count have counted since the clock of a message was started. */
export interface RuleRetries {
  /** The retries that each has asked for, by the rule as written. */
  readonly byRule: Readonly<Record<string, number>>
  /** The next attempt is one of them. */
  readonly next?: CountedRetry | undefined
}

export interface AckErrorCode {
  code: string
  severity: string
}

/** Of a message without an answer or a rule so far. */
export const NO_VERDICT: Verdict = {
  outcome: '',
  ackCode: '',
  errors: [],
  status: 0,
  rule: '',
  errorCode: '',
  cause: ''
}

/** One attempt, in codes. */
export interface AttemptRecord {
  /** When it began: wall clock, milliseconds. */
  at: number
  /** How long it took, in milliseconds. */
  ms: number
  /** What came of it: MSA-1, an HTTP status, or the code of an error. */
  result: string
  /** It was a retry by a rule with a count. */
  retry?: CountedRetry
  /** How the receiver calls the request in its own log: its `x-request-id`. */
  requestId?: string
  /** It went to the backup: to this host and port. */
  backup?: string
}

/** What happened to a message besides attempts, or was done to it. */
export interface ActRecord {
  /** Wall clock, milliseconds. */
  at: number
  /** `ended`: Node-RED did, without a close, while it worked on the message. */
  act: 'awaiting' | 'suspended' | 'set-aside' | 'resent' | 'edited' | 'discarded' | 'ended'
  /** A user name, `flow`, `rule`, or `''`. */
  by: string
  /** The rule that decided, as written; of no matter for what somebody did. */
  rule?: string
  /** What somebody said of it. */
  reason?: string
}

/** The story of a message is a list of these, oldest first. */
export type StoryRecord = AttemptRecord | ActRecord

/** So many attempts of a message are kept, and so many acts, the newest. */
const MOST_ALIKE = 20

/** The error code of a message that an operator has suspended. */
export const SET_ASIDE = 'ERR_SET_ASIDE'

/** That a message had left before and was sent again. */
export interface Resent {
  /** When: wall clock, milliseconds. */
  at: number
  /** A user name, `flow`, or `''`. */
  by: string
  /** When the message that it repeats was accepted: wall clock, milliseconds. */
  acceptedAt: number
  /** The number of that message. */
  of: number
  /** The control ID of that message, if this one got another. */
  controlId?: string
  /** Somebody has corrected its text, and what they said of it. */
  isEdited?: boolean
  reason?: string
}

/** What is known of a message besides its content; small, and without any patient field. */
export interface MessageRow {
  /** Its place in the order of acceptance; identifies it in its queue. */
  readonly seq: number
  /** The hash of its key, as it was accepted; null unless the order is `key`. */
  readonly lane: number | null
  readonly state: MessageState
  /** It has been handed out to be sent. */
  readonly isSending: boolean
  /** It failed, and its next attempt has its time. */
  readonly isRetrying: boolean
  /** MSH-10 and MSH-9 (`ADT^A01`). */
  readonly controlId: string
  readonly type: string
  /** Wall clock, milliseconds. */
  readonly acceptedAt: number
  /** When it came into its state, or was tried last: wall clock, milliseconds. */
  readonly changedAt: number
  readonly attempts: number
  /** Attempts that failed since its clock was started: the wait before the next grows with them. */
  readonly retries: number
  /** Time counted towards the failure timeout, in milliseconds. */
  readonly spentMs: number
  /** Since when its wait counts besides, on the clock of *Give up after*; undefined: it does not. */
  readonly countsFrom: number | undefined
  /** Undefined if no rule with a count has had it tried again. */
  readonly ruleRetries: RuleRetries | undefined
  /** It brought an address of its own, and has no backup. */
  readonly hasOwnAddress: boolean
  /** The number of the fresh start of all clocks since which these have been counted. */
  readonly renewals: number
  readonly verdict: Verdict
  readonly story: readonly StoryRecord[]
  /** It had left before, and was sent again. */
  readonly resent: Resent | undefined
  /** An operator has replaced its text. */
  readonly isEdited: boolean
  /** The size of its content and outcome, if it has left and they are kept; else 0. */
  readonly keptBytes: number
}

export function isAttempt(record: StoryRecord): record is AttemptRecord {
  return 'result' in record
}

/** A story with one record more; the oldest of the same sort goes if there are too many. */
export function withRecord(story: readonly StoryRecord[], record: StoryRecord): StoryRecord[] {
  const longer = [...story, record]
  const alike = longer.filter((one) => isAttempt(one) === isAttempt(record))
  return alike.length <= MOST_ALIKE ? longer : longer.filter((one) => one !== alike[0])
}

/** What the API says of where a message is. */
export const KNOWN_STATES = [
  'waiting',
  'sending',
  'retrying',
  'awaiting',
  'suspended',
  'leaving',
  'acked',
  'naked',
  'failed',
  'left'
] as const

export type KnownState = (typeof KNOWN_STATES)[number]

/** On a full disk there may be no room for how it left. */
const LEFT_AS = { ack: 'acked', nak: 'naked', error: 'failed', '': 'left' } as const

/** The table of docs/what-happens-to-a-message.md, "States". */
export function knownState({ state, isSending, isRetrying, verdict }: MessageRow): KnownState {
  if (state === 'left') return LEFT_AS[verdict.outcome]
  if (state === 'damaged') return 'leaving'
  if (state !== 'waiting') return state
  if (isSending) return 'sending'
  return isRetrying ? 'retrying' : 'waiting'
}
