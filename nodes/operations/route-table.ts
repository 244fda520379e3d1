import type { TokenTestResult } from '../../src/oauth2/token-test-result.ts'
import type {
  AllMessagesPage,
  AllStates,
  BulkAnswer,
  CountAnswer,
  EventPage,
  ExportCount,
  HistoryAnswer,
  HostAnswer,
  MessageContent,
  MessageCountsAnswer,
  MessagePage,
  NodeState,
  ResendOneAnswer,
  UserAnswer
} from './answers.ts'
import type { Download } from './download.ts'
import type { Permission } from './permissions.ts'
import type {
  AllMessagesQuestion,
  AllSearchQuestion,
  BackupQuestion,
  CountQuestion,
  DiscardOneQuestion,
  DiscardQuestion,
  EventQuestion,
  ExportQuestion,
  HistoryQuestion,
  HostQuestion,
  MessageQuestion,
  NoQuestion,
  NoteQuestion,
  OneMessageQuestion,
  PauseHostQuestion,
  PauseQuestion,
  ResendOneQuestion,
  ResendQuestion,
  SearchQuestion,
  TestQuestion,
  TokenTestQuestion,
  WaitingSelection
} from './questions.ts'
import type { TestAnswer } from '../tests/test-result.ts'

/** An admin route: what Node-RED registers, what the editor asks for, and a row of docs/operations.md. */
export interface Route {
  method: 'GET' | 'POST'
  path: `/${string}`
  /** Null: it holds no data, and needs no login. */
  permission: Permission | null
  /** In place of `permission`, if the body has such a member. */
  permissionWith?: Readonly<Record<string, Permission>>
  /** Needed in addition to `permission` when the text of a message is shown or replaced. */
  contentPermission?: Permission
  /** The event in Node-RED's audit log. A POST is always logged; a GET when its handler calls `audit`. */
  audit?: string
  /** Members of the body that are in the audit log, too: flags, what it is about, and what somebody says of it. */
  auditSays?: readonly string[]
  /** In place of `audit`, if the body has such a member, and it is no flag that is not set. */
  auditWith?: Readonly<Record<string, string>>
  takes: Type<unknown>
  answers: Type<unknown>
  /** If it is not JSON. */
  contentType?: string
  /** What it does, for docs/operations.md. */
  does: string
}

/** Only a type: there is nothing in it. */
export interface Type<T> {
  readonly of?: T
}
const type = <T>(): Type<T> => ({})

/** All routes. Node-RED takes the first that fits: `metrics` and the like come before `:id`. */
export const ROUTES = {
  page: {
    method: 'GET',
    path: '/hl7-https-out/page',
    permission: null,
    takes: type<NoQuestion>(),
    answers: type<string>(),
    contentType: 'text/html; charset=utf-8',
    does: '[the HL7 page](#the-hl7-page); it asks for the login itself'
  },
  user: {
    method: 'GET',
    path: '/hl7-https-out/user',
    permission: 'hl7-https-out.read',
    takes: type<NoQuestion>(),
    answers: type<UserAnswer>(),
    does: 'who is logged in, which of these permissions they have, and whether there is an editor'
  },
  metrics: {
    method: 'GET',
    path: '/hl7-https-out/metrics',
    permission: 'hl7-https-out.read',
    takes: type<NoQuestion>(),
    answers: type<string>(),
    // The version of the format in the words and the order that Prometheus knows.
    contentType: 'text/plain; version=0.0.4; charset=utf-8',
    does: '[metrics](monitoring.md) of all nodes, for Prometheus'
  },
  nodes: {
    method: 'GET',
    path: '/hl7-https-out',
    permission: 'hl7-https-out.read',
    takes: type<NoQuestion>(),
    answers: type<AllStates>(),
    does: 'the states of all nodes, those that need somebody first'
  },
  allMessages: {
    method: 'GET',
    path: '/hl7-https-out/messages',
    permission: 'hl7-https-out.read',
    takes: type<AllMessagesQuestion>(),
    answers: type<AllMessagesPage>(),
    does: 'messages of all nodes that run, newest first, each with its `node`; narrowed as those of one node are, but `before` is a time. A node that has not answered within 5 seconds is named in `silent`'
  },
  searchAllMessages: {
    method: 'POST',
    path: '/hl7-https-out/messages/search',
    permission: 'hl7-https-out.read',
    permissionWith: { value: 'hl7-https-out.content' },
    audit: 'hl7-https-out.search',
    takes: type<AllSearchQuestion>(),
    answers: type<AllMessagesPage>(),
    does: 'the same, of messages with the `value` in a searchable `field`; or, with `controlIds` alone, a list of at most 10,000, the newest messages of each, and in `unknown` those that no node knows'
  },
  node: {
    method: 'GET',
    path: '/hl7-https-out/:id',
    permission: 'hl7-https-out.read',
    takes: type<NoQuestion>(),
    answers: type<NodeState>(),
    does: 'the state of one node'
  },
  history: {
    method: 'GET',
    path: '/hl7-https-out/:id/history',
    permission: 'hl7-https-out.read',
    takes: type<HistoryQuestion>(),
    answers: type<HistoryAnswer>(),
    does: 'figures for each of the last `minutes`'
  },
  events: {
    method: 'GET',
    path: '/hl7-https-out/:id/events',
    permission: 'hl7-https-out.read',
    takes: type<EventQuestion>(),
    answers: type<EventPage>(),
    does: 'what happened, newest first; narrowed with `since` and `limit`'
  },
  messages: {
    method: 'GET',
    path: '/hl7-https-out/:id/messages',
    permission: 'hl7-https-out.read',
    takes: type<MessageQuestion>(),
    answers: type<MessagePage>(),
    does: 'messages in the queue and those that have left, newest first; narrowed with `controlId`, `type`, `state`, `rule`, `error`, `since`, `before` and `limit`'
  },
  messageCounts: {
    method: 'GET',
    path: '/hl7-https-out/:id/messages/counts',
    permission: 'hl7-https-out.read',
    takes: type<CountQuestion>(),
    answers: type<MessageCountsAnswer>(),
    does: 'how many messages there are, and how many of them have each type, rule and error; narrowed with `state`, `controlId`, `type`, `rule`, `error` and `since`; of the newest 200,000 that have left'
  },
  message: {
    method: 'GET',
    path: '/hl7-https-out/:id/messages/:messageId',
    permission: 'hl7-https-out.read',
    contentPermission: 'hl7-https-out.content',
    audit: 'hl7-https-out.content',
    takes: type<OneMessageQuestion>(),
    answers: type<MessageContent>(),
    does: 'one message, with its attempts and all that happened to it; with the second permission also its text and the reply, as long as they are kept, unless `content` is `false`'
  },
  searchMessages: {
    method: 'POST',
    path: '/hl7-https-out/:id/messages/search',
    permission: 'hl7-https-out.content',
    audit: 'hl7-https-out.search',
    takes: type<SearchQuestion>(),
    answers: type<MessagePage>(),
    does: 'messages with the `value` in a searchable `field`'
  },
  pause: {
    method: 'POST',
    path: '/hl7-https-out/:id/pause',
    permission: 'hl7-https-out.write',
    audit: 'hl7-https-out.pause',
    takes: type<PauseQuestion>(),
    answers: type<NodeState>(),
    does: 'pauses a node, with a `reason`, and `until` a time; answers with its state'
  },
  note: {
    method: 'POST',
    path: '/hl7-https-out/:id/note',
    permission: 'hl7-https-out.write',
    audit: 'hl7-https-out.note',
    takes: type<NoteQuestion>(),
    answers: type<NodeState>(),
    does: 'notes that somebody takes care of what holds a node up, with a `text` of at most 200 characters: it is beside the most urgent condition until that is over. Said of `GIVEN_UP`, it ends that condition. Answers with the state of the node'
  },
  pauseHost: {
    method: 'POST',
    path: '/hl7-https-out/pause',
    permission: 'hl7-https-out.write',
    audit: 'hl7-https-out.pause',
    auditSays: ['host'],
    takes: type<PauseHostQuestion>(),
    answers: type<HostAnswer>(),
    does: 'pauses every node that sends to a `host` (with the port, unless that is the usual one), with a `reason`, and `until` a time'
  },
  resumeHost: {
    method: 'POST',
    path: '/hl7-https-out/resume',
    permission: 'hl7-https-out.write',
    audit: 'hl7-https-out.resume',
    auditSays: ['host'],
    takes: type<HostQuestion>(),
    answers: type<HostAnswer>(),
    does: 'ends the pauses of a `host`; other pauses of its nodes go on'
  },
  resume: {
    method: 'POST',
    path: '/hl7-https-out/:id/resume',
    permission: 'hl7-https-out.write',
    audit: 'hl7-https-out.resume',
    takes: type<NoQuestion>(),
    answers: type<NodeState>(),
    does: 'resumes a node; answers with its state'
  },
  tryNow: {
    method: 'POST',
    path: '/hl7-https-out/:id/try',
    permission: 'hl7-https-out.write',
    audit: 'hl7-https-out.try',
    takes: type<NoQuestion>(),
    answers: type<NodeState>(),
    does: 'ends the wait before the next attempt: one message goes, and its answer decides; at most once in ten seconds; answers with the state of the node'
  },
  backup: {
    method: 'POST',
    path: '/hl7-https-out/:id/backup',
    permission: 'hl7-https-out.write',
    audit: 'hl7-https-out.backup',
    auditSays: ['to'],
    takes: type<BackupQuestion>(),
    answers: type<NodeState>(),
    does: 'switches a node `to` its `backup`, until somebody switches it back, or to the `first` address; answers with its state'
  },
  resendMessage: {
    method: 'POST',
    path: '/hl7-https-out/:id/messages/:messageId/resend',
    permission: 'hl7-https-out.write',
    contentPermission: 'hl7-https-out.content',
    audit: 'hl7-https-out.resend',
    auditWith: { payload: 'hl7-https-out.edit' },
    takes: type<ResendOneQuestion>(),
    answers: type<ResendOneAnswer>(),
    does: 'resends a suspended message, or sends one again that has left; with `payload` and a `reason`, and the second permission, one that is suspended, or was refused or given up, with that text in place of its own; answers with the state of the node, with `wait` once it is decided what becomes of the message'
  },
  discardMessage: {
    method: 'POST',
    path: '/hl7-https-out/:id/messages/:messageId/discard',
    permission: 'hl7-https-out.write',
    audit: 'hl7-https-out.discard',
    takes: type<DiscardOneQuestion>(),
    answers: type<NodeState>(),
    does: 'discards a suspended message, or with `state` one that waits; answers with the state of the node'
  },
  suspendMessage: {
    method: 'POST',
    path: '/hl7-https-out/:id/messages/:messageId/suspend',
    permission: 'hl7-https-out.write',
    audit: 'hl7-https-out.suspend',
    takes: type<NoQuestion>(),
    answers: type<NodeState>(),
    does: 'suspends a message that waits, so that the others go on; answers with the state of the node'
  },
  resendMessages: {
    method: 'POST',
    path: '/hl7-https-out/:id/messages/resend',
    permission: 'hl7-https-out.write',
    audit: 'hl7-https-out.resend',
    takes: type<ResendQuestion>(),
    answers: type<BulkAnswer | CountAnswer>(),
    does: 'resends suspended messages, or sends those again that have left; with `firstAlone`, the first one alone, and the answer says what became of it; with `count`, nothing is sent, and the answer says what would be'
  },
  discardMessages: {
    method: 'POST',
    path: '/hl7-https-out/:id/messages/discard',
    permission: 'hl7-https-out.write',
    audit: 'hl7-https-out.discard',
    takes: type<DiscardQuestion>(),
    answers: type<BulkAnswer>(),
    does: 'discards suspended messages, or with `state` those that wait'
  },
  suspendMessages: {
    method: 'POST',
    path: '/hl7-https-out/:id/messages/suspend',
    permission: 'hl7-https-out.write',
    audit: 'hl7-https-out.suspend',
    takes: type<WaitingSelection>(),
    answers: type<BulkAnswer>(),
    does: 'suspends messages that wait, so that the others go on'
  },
  exportMessages: {
    method: 'POST',
    path: '/hl7-https-out/:id/messages/export',
    permission: 'hl7-https-out.export',
    audit: 'hl7-https-out.export',
    auditWith: { count: 'hl7-https-out.export-count' },
    auditSays: ['reason', 'clear', 'replies'],
    takes: type<ExportQuestion>(),
    answers: type<Download | ExportCount>(),
    does: '[messages as a file](#hand-messages-to-the-receivers-support), one HL7 batch, with a `reason`; names and numbers are masked, unless `clear` is `true`; with `replies`, each is followed by its reply; with `count`, only how many there are. At most 10,000 messages, or about 100 MB'
  },
  testNode: {
    method: 'POST',
    path: '/hl7-https-out/:id/test',
    permission: 'hl7-https-out.write',
    // What stands in a form may name any host and any variable: it is for those who may deploy it.
    permissionWith: { node: 'flows.write' },
    audit: 'hl7-https-out.test',
    takes: type<TestQuestion>(),
    answers: type<TestAnswer>(),
    does: 'sends a test message of a `type`, or with the text of `sample`: as deployed, or as the form in `node` says; with `dryRun` it only shows the request'
  },
  testToken: {
    method: 'POST',
    path: '/oauth2-client-credentials/:id/test',
    permission: 'flows.write',
    audit: 'oauth2-client-credentials.test',
    takes: type<TokenTestQuestion>(),
    answers: type<TokenTestResult>(),
    does: 'requests a token with the settings in the body, which are those of the form'
  }
} as const satisfies Record<string, Route>

export type RouteName = keyof typeof ROUTES

/** The routes of the sending nodes. The page and the node of the token server have their own. */
export type OutRouteName = Exclude<RouteName, 'page' | 'testToken'>
export const OUT_ROUTES = (Object.keys(ROUTES) as RouteName[]).filter(
  (name): name is OutRouteName => name !== 'page' && name !== 'testToken'
)

/** What stands for the names in the path of a route. */
export type ParamsOf<Name extends RouteName> = {
  [Param in ParamIn<(typeof ROUTES)[Name]['path']>]: string
}
type ParamIn<Path extends string> = Path extends `${string}/:${infer Rest}`
  ? Rest extends `${infer Param}/${infer More}`
    ? Param | ParamIn<`/${More}`>
    : Rest
  : never

export type QuestionOf<Name extends RouteName> = InType<(typeof ROUTES)[Name]['takes']>
export type AnswerOf<Name extends RouteName> = InType<(typeof ROUTES)[Name]['answers']>
type InType<Entry> = Entry extends Type<infer T> ? T : never
