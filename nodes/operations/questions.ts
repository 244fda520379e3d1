import { MOST_CONTROL_ID } from '../../src/hl7/outgoing-message.ts'
import { KNOWN_STATES } from '../../src/queue/message-row.ts'
import { type Cursor, cursorIn } from './cursor.ts'
import { MOST_CONTROL_IDS } from './most-control-ids.ts'
import { refused } from './route-error.ts'
import type { RouteName } from './route-table.ts'
import {
  flag,
  type GivenIn,
  type Kind,
  needed,
  object,
  oneOf,
  type ReadIn,
  type Schema,
  someOf,
  text,
  texts,
  time,
  whole,
  word
} from './schema.ts'

/** A list of more ids than this is refused in a body, and in a query. */
const MOST_IDS = 100_000
export const MOST_FOLLOWED = 500
/** Rows of an answer, at most. */
const MOST_ROWS = 1000
/** Events are kept up to this number. */
const MOST_EVENT_ROWS = 10_000
const DAY_MINUTES = 1440
/** A longer sample is refused, in characters. */
const MOST_SAMPLE = 1_048_576

/** Ids of messages, which a handler reads as numbers. None of them is as good as any other: it chooses nothing. */
const ids: Kind<readonly string[], readonly number[]> = {
  read(value, name) {
    const isList =
      Array.isArray(value) &&
      value.length <= MOST_IDS &&
      value.every((id) => typeof id === 'string')
    if (!isList) throw refused(400, 'refusal.ids', { name })
    return value.map(Number).filter((id) => Number.isSafeInteger(id) && id > 0)
  }
}
/** The same in a URL, with commas between them. */
const idsInQuery: Kind<string, readonly number[]> = {
  read(value, name) {
    const list = text.read(value, name).split(',')
    if (list.length <= MOST_FOLLOWED && list.every((id) => /^[1-9]\d{0,14}$/.test(id))) {
      return list.map(Number)
    }
    throw refused(400, 'refusal.idList', { most: MOST_FOLLOWED })
  }
}
const all: Kind<true> = {
  read(value, name) {
    if (value === true) return value
    throw refused(400, 'refusal.oneOf', { name, list: 'true' })
  }
}
const cursor: Kind<string, Cursor> = {
  read(value, name) {
    const found = cursorIn(text.read(value, name))
    if (found !== undefined) return found
    throw refused(400, 'refusal.cursor', { name })
  }
}
const sample: Kind<string> = {
  read(value) {
    if (typeof value === 'string' && value.length <= MOST_SAMPLE) return value
    throw refused(400, 'refusal.sample')
  }
}

/** What a message may be chosen by: `error` is the code of one of its errors, or else why it stays or has left. */
const filter = { controlId: word, type: word, rule: word, error: word }
/** Which messages are meant; `selection.ts` reads that it is one of these, and never all by mistake. */
const selection = { ids, all, ...filter }
/** Accepted, or with `resend` left, at this time or later, and before that one. */
const times = { since: time, before: time }
const state = oneOf(...KNOWN_STATES)
/** What is listed, newest first, beginning after the message at the cursor. */
const list = { ...filter, ...times, state, cursor, limit: whole(1, MOST_ROWS) }
/** How a message is sent once more, whether it was before or not, and under which control ID. */
const again = { again: flag, newIds: flag }

/** What each route takes: in the query of a GET, in the body of a POST. Null: any members, which others read. */
export const QUESTIONS = {
  page: {},
  user: {},
  metrics: {},
  nodes: {},
  /** With `value`, what stands in a searchable `field`, or in any; or the messages with these `controlIds`, alone. */
  searchAllMessages: {
    ...list,
    field: text,
    value: word,
    controlIds: texts(MOST_CONTROL_IDS, MOST_CONTROL_ID)
  },
  node: {},
  history: { minutes: whole(1, DAY_MINUTES) },
  events: { since: time, limit: whole(1, MOST_EVENT_ROWS) },
  messages: { ...list, ids: idsInQuery },
  messageCounts: { ...filter, ...times, state },
  /** For users who may see it: `reply` leaves out the message's own text, `false` the reply, too, and is not audited. */
  message: { content: oneOf('true', 'reply', 'false') },
  searchMessages: { ...list, field: text, value: needed(word) },
  pause: { reason: text, until: time },
  note: { text: needed(word) },
  pauseHost: { host: needed(word), reason: text, until: time },
  resumeHost: { host: needed(word) },
  resume: {},
  tryNow: {},
  backup: { to: needed(oneOf('backup', 'first')) },
  /** `state`: only if it is still suspended; somebody else may have resent it, and it may have left. */
  resendMessage: {
    payload: text,
    reason: text,
    wait: flag,
    state: oneOf('suspended'),
    again: flag
  },
  /** `dryRun`: nothing is sent, the answer says what would be. `follow`: it has the ids of what is sent. */
  resendMessages: {
    ...selection,
    ...times,
    ...again,
    state: oneOf('suspended', 'acked', 'naked', 'failed'),
    firstAlone: flag,
    dryRun: flag,
    follow: flag
  },
  /** `before`: suspended before it, such as when somebody was told how many there are. */
  discardMessages: { ...selection, state: oneOf('suspended', 'waiting', 'retrying'), before: time },
  suspendMessages: { ...selection, state: oneOf('waiting', 'retrying') },
  deleteContent: { ids: needed(ids) },
  exportMessages: {
    ...selection,
    ...times,
    state: someOf(state),
    reason: text,
    clear: flag,
    replies: flag,
    dryRun: flag
  },
  /** `node`: the properties as in the form, with `credentials`, and `nodes`, what is not deployed; else as deployed. */
  testNode: { type: text, sample, dryRun: flag, node: object },
  /** The properties of the token server's node as in the form, with `credentials` and `nodes`. */
  testToken: null
} as const satisfies Record<RouteName, Schema | null>

type Questions = typeof QUESTIONS

/** What a client writes. */
export type QuestionOf<Name extends RouteName> = Questions[Name] extends Schema
  ? GivenIn<Questions[Name]>
  : Record<string, unknown>
/** What a handler reads. */
export type AskedOf<Name extends RouteName> = Questions[Name] extends Schema
  ? ReadIn<Questions[Name]>
  : Readonly<Record<string, unknown>>

/** What a message may be chosen by. */
export type MessageFilter = GivenIn<typeof filter>
