import type { Codes } from '../codes.ts'

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
  'paused', // values: reason, until, host
  'resumed', // values: until, if a pause has come to its end
  'resent', // values: count
  'contents-deleted', // values: count
  'edited', // values: controlId
  'discarded', // values: count
  'suspended', // values: count, rule
  'given-up', // values: count
  'turned-away', // values: count, from, until, turnedAway: why
  'in-vain',
  'refused', // values: count, type, answer
  'noted', // values: reason: what was said
  'set-aside', // values: count
  'tried',
  'to-backup', // values: host
  'from-backup', // values: host
  'retrying', // values: cause, controlId, and reason: what the receiver says
  'recovered', // values: seconds
  'token-lost', // values: cause, and reason: what the server says
  'token-back',
  'content-shown', // values: controlId
  'exported', // values: count, reason, and clear, if nothing was masked
  'tested', // values: type, host
  'queue-fault', // values: cause
  'queue-works', // values: cause, from
  'certificate', // values: of, days
  'contents-dropped', // values: count
  'not-kept', // values: host
  'sent-again', // values: count
  'ended', // values: count: Node-RED ended without a close
  'started',
  'deployed',
  'stopped'
] as const satisfies (keyof Codes['event'])[]

export type QueueEventKind = (typeof QUEUE_EVENT_KINDS)[number]

/** Which events are wanted: newest first. */
export interface EventQuery {
  /** At this time or later; wall clock, milliseconds. */
  since: number
  limit: number
}

/** Why and since when a node is paused. */
export interface Pause {
  /** Wall clock, milliseconds; 0 if that is not known. */
  at: number
  /** A user name, `flow`, `rule`, or `''`. */
  by: string
  /** What that user or flow said, at most 200 characters; of a rule, the rule. */
  reason: string
  /** It ends by itself then: wall clock, milliseconds. */
  until?: number
  /** Of all nodes that send to this host: ended together. */
  host?: string
  /** An earlier one, which goes on after this one. */
  beneath?: Pause
}
