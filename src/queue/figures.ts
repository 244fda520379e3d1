/** What happened in one minute. */
export interface Minute {
  /** Its beginning: wall clock, milliseconds. */
  at: number
  acked: number
  naked: number
  failed: number
  /** Messages held at its end. */
  queued: number
  /** Of the receiver's answers, in milliseconds. */
  p95: number
}

/** Messages that went to Catch without an HL7 answer, and were not sent again. */
export interface GivenUp {
  count: number
  /** Wall clock, milliseconds. */
  since: number
  /** Why the last one was, and what that is about, in the codes of its verdict; what is not known is left out. */
  cause?: string
  about?: string
  operation?: string
}

/** A message type of which the last messages that left were refused; or any types, which were refused without HL7. */
export interface Refusing {
  /** MSH-9 as `ADT^A01`. */
  type: string
  /** So many in a row. */
  count: number
  /** When the first of them left: wall clock, milliseconds. */
  since: number
  /** MSA-1 of the last one; `HTTP 422` if a rule took that for a refusal. */
  ackCode: string
  /** Its first ERR-3.1, if table 0357 has it, else `other`; `''` without one. */
  error: string
  /** The HTTP status with which messages of whatever type were refused without HL7. */
  status?: number
}

/** What somebody says who takes care of a condition. */
export interface Note {
  /** Wall clock, milliseconds. */
  at: number
  /** A user name, `flow`, or `''`. */
  by: string
  text: string
  /** The code of the condition of which it was said. */
  code: string
}

/** For how long something has lasted that needs somebody in the end, in milliseconds; what does not last is left out. */
export interface CallTimes {
  /** Nothing gets through. */
  stuck?: number
  /** Login, address or certificate are refused. */
  refused?: number
  /** The token server refuses. */
  token?: number
  /** The message that has been tried longest, by its number. */
  tried?: { seq: number; ms: number }
}

/** Messages that the node did not take, so that nothing of them is here. */
export interface TurnedAway {
  count: number
  /** When the first and the last of them came: wall clock, milliseconds. */
  since: number
  until: number
  /** Why the last one was: `limit`, `disk`, `settings`, `closing`, or the code of a fault of the queue. */
  why: string
  /** No message had ever left on ACK. */
  isTrial?: boolean
}

/** Runs that ended without a close, each within an hour after the one before: Node-RED crashed, was killed or lost power. */
export interface Ended {
  count: number
  /** When the start after the first and after the last of them was: wall clock, milliseconds. */
  since: number
  until: number
  /** So many messages were in the queue at the end of the last one. */
  held: number
  /** The message that was just being handed on at the end of the last ones, if there is one; and of how many of them. */
  controlId?: string
  times?: number
}

/** So many in a minute: its beginning on the wall clock, in milliseconds. */
export type CountedMinute = readonly [at: number, count: number]

/** What an address has shown that it can do. */
export interface KnownAddress {
  /** With HL7; or a rule has accepted something else, but no web page; `''`: neither. */
  answers: 'hl7' | 'other' | ''
  /** The largest headers, and the largest body, that it has taken, in bytes. */
  headBytes: number
  bodyBytes: number
}

/** What a node knows of itself besides its messages, so that it goes on after a restart. */
export interface Figures {
  /** Oldest first; to be stored: those that may have changed. */
  minutes: readonly Minute[]
  /** When the last message left on ACK: wall clock, milliseconds. */
  lastAckAt: number | undefined
  /** Since when its conditions hold, by code: wall clock, milliseconds. */
  since: Readonly<Record<string, number>>
  givenUp: GivenUp | undefined
  refusing: readonly Refusing[]
  /** When a message came in last: wall clock, milliseconds. */
  lastInAt: number | undefined
  note: Note | undefined
  calls: CallTimes
  /** Undefined: none, or somebody has noted it, or the last one was more than a day ago. */
  turnedAway: TurnedAway | undefined
  /** How many were turned away in the minutes of the last day, without those in which none was. */
  turnedAwayMinutes: readonly CountedMinute[]
  /** Undefined: the last runs were closed, or somebody has noted it. */
  ended: Ended | undefined
  /** What the clock of *Give up after* shows (`delivery/give-up-clock.ts`), in milliseconds. */
  giveUpMs: number
  /** So many messages in a row were given up by time, and nobody knows whose fault it was. */
  givenUpInVain: number
  /** By a hash of the address. */
  addresses: Readonly<Record<string, KnownAddress>>
}
