/** What the admin routes take: in the query of a GET, in the body of a POST. */

export type NoQuestion = Record<string, never>

/** As it comes in: these members are read, and anything may stand in them. */
export type Unchecked<Question> = Readonly<Partial<Record<MemberOf<Question>, unknown>>>
/** Of each type of a union. */
type MemberOf<Type> = Type extends unknown ? keyof Type : never

export interface NoteQuestion {
  text: string
}

export interface HistoryQuestion {
  /** 60 if it is missing; a day at most. */
  minutes?: number
}

export interface OneMessageQuestion {
  /** `false` leaves out the message text, even for users who may see it; the request is then not audited. */
  content?: 'false'
}

export interface EventQuestion {
  /** A time. */
  since?: string
  limit?: number
}

export interface MessageFilter {
  controlId?: string
  type?: string
  rule?: string
  /** The code of one of its errors; of one without, why it stays or has left: a code, MSA-1, or an HTTP status. */
  error?: string
}

export interface MessageQuestion extends MessageFilter {
  state?: string
  /** A time. */
  since?: string
  /** The id of a message: older ones. */
  before?: string
  limit?: number
  /** With commas between them, 500 at most: only these, in the order of acceptance. */
  ids?: string
}

/** What is counted. */
export type CountQuestion = Omit<MessageQuestion, 'before' | 'ids' | 'limit'>

export interface SearchQuestion extends Omit<MessageQuestion, 'ids'> {
  /** One of `searchFields`; any of them if it is missing. */
  field?: string
  value: string
}

/** Of all nodes. */
export interface AllMessagesQuestion extends Omit<MessageQuestion, 'before' | 'ids'> {
  /** A time: those that were accepted before it. */
  before?: string
}

/**
 * The filters of `AllMessagesQuestion`; with `value`, one that stands in a searchable field. Or which messages have these
 * control IDs: a list of at most 10,000, alone.
 */
export interface AllSearchQuestion extends AllMessagesQuestion {
  /** One of `searchFields`; any of them if it is missing. */
  field?: string
  value?: string
  controlIds?: readonly string[]
}

export interface PauseQuestion {
  reason?: string
  /** A time: it ends by itself then. */
  until?: string
}

export interface BackupQuestion {
  to: 'backup' | 'first'
}

/** Of all nodes that send to a host. */
export interface HostQuestion {
  /** With the port, unless that is the usual one: as a state says it. */
  host: string
}

export type PauseHostQuestion = PauseQuestion & HostQuestion

export interface ResendOneQuestion {
  /** New text for a suspended message; or for one that was refused or given up, which then goes as a new message. */
  payload?: string
  /** Why it is edited: at most 200 characters are kept. */
  reason?: string
  /** The answer comes when it is decided what becomes of the message. */
  wait?: boolean
  /** Only if it is still suspended: somebody else may have resent it, and it may have left. */
  state?: 'suspended'
  /** Of one that has left: also if it was sent again before. */
  again?: boolean
}

/** The states of messages that wait. */
export type WaitingState = 'waiting' | 'retrying'

export interface DiscardOneQuestion {
  /** It may also be one that waits, whether it was tried or not. */
  state?: WaitingState
}

/** Which suspended messages; with ids, also such that have left, unless `state` says `suspended`. */
export type Selection = { ids: string[] } | { all: true } | MessageFilter

/** The same of messages that wait; with ids, it is of no matter whether they were tried. */
export type WaitingSelection = Selection & { state?: WaitingState }

export type DiscardQuestion = WaitingSelection & {
  /** A time: only what was suspended before it, such as when somebody was told how many there are. */
  before?: string
}

/** Messages that have left. */
export interface LeftFilter extends MessageFilter {
  state: string
  /** A time. */
  since?: string
  /** A time, or the id of a message. */
  before?: string
}

export type ResendQuestion = ((Selection & { state?: 'suspended' }) | LeftFilter) & {
  /** The others follow if the first leaves on ACK. */
  firstAlone?: boolean
  /** Of messages that have left: nothing is sent, the answer says what would be. */
  count?: boolean
  /** Also those that were sent again before, and those that repeat others. */
  again?: boolean
  /** Each gets a control ID of its own. */
  newIds?: boolean
  /** The answer has the ids of the messages that are sent, so that somebody can follow them. */
  follow?: boolean
}

/** Those that match all of these, at least one; a `state` may be a list of states. */
export interface ExportFilter extends Omit<MessageQuestion, 'limit' | 'state'> {
  state?: string | readonly string[]
}

export type ExportQuestion = ({ ids: string[] } | { all: true } | ExportFilter) & {
  /** Why; 200 characters of it are in the audit log and in the event. Needed unless it is only a count. */
  reason?: string
  /** With names, numbers and the like; they are masked otherwise. */
  clear?: boolean
  /** Each message followed by its reply. */
  replies?: boolean
  /** Nothing is exported, the answer says what would be. */
  count?: boolean
}

export interface TestQuestion {
  /** MSH-9: `ADT^A01`, `ORU^R01` and `VXU^V04` have all segments that a receiver may ask for. */
  type?: string
  /**
   * HL7 text, 1 MiB at most, that is sent in its place, with a control ID of its own and MSH-11 `T`. For a deployed node
   * it needs `hl7-https-out.content`, too.
   */
  sample?: string
  /** The request is built and shown, but nothing is sent, and no token is fetched. */
  dryRun?: boolean
  /**
   * The properties as in the form, with `credentials`, and `nodes`: the config nodes that are not deployed
   * as they stand in the editor. If it is missing, those that are deployed are used.
   */
  node?: object
}

/** The properties of the token server's node as in the form, with `credentials` and `nodes`. */
export type TokenTestQuestion = Record<string, unknown>
