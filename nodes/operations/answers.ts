import type { WhyNotSent } from '../../src/delivery/sending-again.ts'
import type { KnownState } from '../../src/queue/message-row.ts'
import type { Told } from '../../src/told.ts'
import type { CertificateOwner, ConditionCode, Level } from '../../src/codes.ts'
import type { AckErrorRow } from '../../src/hl7/error-codes.ts'
import type { Permission } from './permissions.ts'

/**
 * What the admin routes answer with: read by the sidebar, by scripts and by monitoring. `kind` and `values` are
 * beside their English text: the sidebar has it in other languages.
 */

export type NodeStateName =
  | 'idle'
  | 'sending'
  | 'retrying'
  | 'paused'
  | 'error'
  | 'config'
  | 'stopped'

/** The state of a node. Times are ISO 8601, UTC. */
export interface NodeState extends Told {
  id: string
  name: string
  /** The label of its tab or subflow. */
  flow: string
  /** Of the receiver's URL. */
  host: string
  /** Of `backupUrl`; `''` if there is none. */
  backupHost: string
  /** `stopped`: the node is disabled or deleted, and messages are in its queue file. */
  state: NodeStateName
  /** Since when it is in this state, or, idle or sending, has suspended messages; null if that is not known. */
  since: string | null
  /** Why, in a sentence; English, of `kind` and `values`. */
  reason: string
  /** Waiting or retrying; with `config` and `stopped` all that is in the queue file. */
  queued: number
  /** Those that are not stored yet: their senders wait. */
  unconfirmed: number
  inFlight: number
  retrying: number
  /** Waiting for their application acknowledgement. */
  awaiting: number
  suspended: number
  /** Since the node started. */
  acked: number
  naked: number
  failed: number
  /** Messages that left in the last minute. */
  perMinute: number
  /** In the last hour; with a queue on disk, restarts included. */
  lastHour: { acked: number; naked: number; failed: number; givenUp: number; turnedAway: number }
  /**
   * Messages that were not accepted because of this node, until somebody has noted it, or for a day after the last one;
   * null if there are none. `why` is `limit` (of the queue), `disk` (it is full), `settings`, `closing`, or a code.
   */
  turnedAway: { count: number; since: string; until: string; why: string } | null
  /** Of the oldest message that is held, suspended and awaiting ones included. */
  oldestAgeMs: number
  lastAckAt: string | null
  lastError: { code: string; text: string; at: string } | null
  retry: { attempts: number; nextAt: string | null } | null
  /** `until`: it ends by itself then. `host`: so do all nodes that send there. */
  paused: { at: string | null; by: string; reason: string; until?: string; host?: string } | null
  /**
   * Messages go to the backup, because of a user, or, with `''`, of an outage; so many wait for the first address, where
   * they may have arrived. Null: they go to the first address.
   */
  backup: { since: string | null; host: string; by: string; waiting: number } | null
  /** Null if the receiver wants no token. */
  token: { state: 'idle' | 'ok' | 'refresh failing' | 'none'; validUntil: string | null } | null
  certificates: readonly { of: CertificateOwner; validTo: string }[]
  /** How long the receiver took in the last minute in which it answered; 0: not known, as p50 and p99 of earlier runs. */
  latencyMs: { p50: number; p95: number; p99: number }
  /** Whom to call about the receiver; `''` if nobody is named. */
  contact: string
  /** The reply rules as deployed; `''` if it does not run. */
  rules: string
  /** So many days the contents of messages that have left are kept; 0: they cannot be sent again. */
  contentDays: number
  /** HL7 paths of the fields that messages can be searched by. */
  searchFields: readonly string[]
  /** What holds it up, whether messages are safe, and what to do; null if there is nothing to do. */
  advice: (Told & { text: string }) | null
  /** What holds, the most urgent first. */
  conditions: readonly ConditionAnswer[]
  /** What somebody said of one of them who takes care of it; null if nobody did. */
  note: { at: string | null; by: string; text: string; code: string } | null
}

/** A condition that holds; `text` is English, of `kind` and `values`. */
export interface ConditionAnswer extends Told {
  code: ConditionCode
  level: Level
  since: string | null
  text: string
}

/** All nodes: what needs a person comes first. */
export interface AllStates {
  at: string
  nodes: NodeState[]
}

/** Who is logged in. */
export interface UserAnswer {
  /** `''` if Node-RED asks nobody, or the user has not logged in. */
  name: string
  permissions: Permission[]
  /** The editor is not disabled. */
  hasEditor: boolean
}

/** A message, without HL7 content but its control ID, type and codes. */
export interface MessageAnswer extends Told {
  id: string
  controlId: string
  type: string
  state: KnownState
  acceptedAt: string
  /** When it left; of a suspended one, when it was suspended. */
  settledAt: string | null
  attempts: number
  /** Null until it has left. */
  outcome: 'ack' | 'nak' | 'error' | null
  ackCode: string
  errors: readonly AckErrorRow[]
  /** HTTP status; null if there was no answer. */
  status: number | null
  rule: string
  errorCode: string
  /** Present if an operator has replaced its text. */
  edited?: true
  /** In a sentence; English, of `kind` and `values`. */
  reason: string
}

/** Newest first. */
export interface MessagePage {
  messages: MessageAnswer[]
  /** There may be more before the last one. */
  more: boolean
  /** The `cursor` with which they are asked for; missing if there are none. */
  next?: string
}

/** How many messages there are, and of which kinds: the most frequent first, 100 of each kind at most. */
export interface MessageCountsAnswer {
  count: number
  types: readonly ValueCount[]
  rules: readonly ValueCount[]
  /** By the codes of their errors; of those without, by why they stay or have left. */
  errors: readonly ValueCount[]
  /** There are older ones that were not counted. */
  more: boolean
}

/** So many have this value: of a filter of `messages`. */
export interface ValueCount {
  value: string
  count: number
}

/** A message of one of all nodes. */
export type NodeMessage = MessageAnswer & { node: string }

/** Of all nodes that run, newest first. */
export interface AllMessagesPage {
  messages: NodeMessage[]
  /** There are more. */
  more: boolean
  /** The `cursor` with which they are asked for; missing if there are none, and with `controlIds`. */
  next?: string
  /** Nodes that have not answered in time, or cannot: what they know is missing. */
  silent?: NamedNode[]
  /** Of `controlIds`: those that none of the other nodes knows. */
  unknown?: string[]
}

/** One message: its whole story, and its text for those who may see it. */
export interface MessageContent extends MessageAnswer {
  /** The newest 20, oldest first. */
  attemptList: readonly AttemptAnswer[]
  /** Oldest first. */
  story: readonly StoryRow[]
  /** HL7 text, CR-separated; null if it is no longer kept; absent if it was not asked for, or may not be seen. */
  request?: string | null
  reply?: string | null
  /** The same before it was edited: present if it was. */
  original?: string | null
}

/** One attempt to send a message. */
export interface AttemptAnswer {
  /** When it began. */
  at: string
  /** How long it took, in milliseconds. */
  ms: number
  /** MSA-1, an HTTP status, or the code of an error. */
  result: string
  /** The receiver's `x-request-id`, if its answer had one. */
  requestId?: string
  /** It went to the backup: to this host and port. */
  backup?: string
}

/** What happened to a message, or was done to it. */
export interface StoryRow extends Told {
  /** Null if that is not known. */
  at: string | null
  /** A user name, `flow`, `rule`, or `''`. */
  by: string
  /** English, of `kind` and `values`. */
  text: string
}

/** What happened to a node, or was done to it. */
export interface EventRow extends StoryRow {
  at: string
}

/** Newest first. */
export interface EventPage {
  events: EventRow[]
}

/** Nodes that were paused or resumed together. */
export interface HostAnswer {
  nodes: NamedNode[]
  /** Of these, that could not be stored. */
  failed?: NamedNode[]
}

export interface NamedNode {
  id: string
  name: string
}

/** One minute of the history. */
export interface HistoryMinute {
  /** Its beginning. */
  at: string
  acked: number
  naked: number
  failed: number
  turnedAway: number
  /** Held at its end. */
  queued: number
  /** Milliseconds. */
  p95: number
}

/** Oldest first. Minutes in which the node did not run are missing. */
export interface HistoryAnswer {
  minutes: HistoryMinute[]
}

/** What became of messages that were to be resent or discarded. */
export interface BulkAnswer {
  found: number
  /**
   * Of messages that waited: so many of them are on their way, and follow when their attempts have ended without an
   * acknowledgement, or the node closes.
   */
  inFlight?: number
  /** With `firstAlone`, and of messages that had left: so many were sent. */
  resent?: number
  /** Of messages that had left: so many are no longer kept. */
  withoutContent?: number
  /** Of messages that had left: so many more were left out, because they were sent again before, or repeat others. */
  leftOut?: number
  /** Which of them were not sent, and why: the first 100. */
  notSent?: readonly { controlId: string; why: WhyNotSent }[]
  /** With `follow`: of those that were sent or are back in the queue, the first 500. */
  ids?: readonly string[]
  /** With `firstAlone`: what became of the first; null if none was found. */
  first?: FirstAnswer | null
}

/** What would be sent again. */
export interface CountAnswer {
  found: number
  withContent: number
  leftOut?: number
  /** Of those whose content is kept; null if there is none. */
  first: NamedAnswer | null
  last: NamedAnswer | null
  /** So many of them would arrive behind later messages, of the same key if there is one. */
  overtaken: number
  /** The path of the field that is the key; `''` without one. */
  orderKey: string
}

/** What would be exported. */
export interface ExportCount {
  found: number
  withContent: number
}

/** One of several messages. */
export interface NamedAnswer {
  controlId: string
  acceptedAt: string
  settledAt: string
}

/** The state of the node, and the id of the message that goes: of one that had left, a new one; with `wait`, also what became of it. */
export type ResendOneAnswer = NodeState & { sent: string; first?: FirstAnswer | null }

/** What became of the message that went first and alone. */
export interface FirstAnswer extends Told {
  controlId: string
  /** Null: it has not been decided. */
  outcome: 'ack' | 'nak' | 'error' | 'suspended' | null
  ackCode: string
  /** Why, in a sentence; English, of `kind` and `values`. */
  reason: string
}
