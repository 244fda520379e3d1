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
import type { TestAnswer } from '../tests/test-result.ts'

/** An admin route: what Node-RED registers, and what the editor asks for. */
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
  /** In place of `audit`, if the body has such a member, and it is no flag that is not set; null: nothing. */
  auditWith?: Readonly<Record<string, string | null>>
  answers: Type<unknown>
  /** If it is not JSON. */
  contentType?: string
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
    answers: type<string>(),
    contentType: 'text/html; charset=utf-8'
  },
  user: {
    method: 'GET',
    path: '/hl7-https-out/user',
    permission: 'hl7-https-out.read',
    answers: type<UserAnswer>()
  },
  metrics: {
    method: 'GET',
    path: '/hl7-https-out/metrics',
    permission: 'hl7-https-out.read',
    answers: type<string>(),
    // The version of the format in the words and the order that Prometheus knows.
    contentType: 'text/plain; version=0.0.4; charset=utf-8'
  },
  nodes: {
    method: 'GET',
    path: '/hl7-https-out',
    permission: 'hl7-https-out.read',
    answers: type<AllStates>()
  },
  searchAllMessages: {
    method: 'POST',
    path: '/hl7-https-out/messages/search',
    permission: 'hl7-https-out.read',
    permissionWith: { value: 'hl7-https-out.content' },
    // Without a value, nothing is asked about a patient, and the page asks again and again.
    auditWith: { value: 'hl7-https-out.search' },
    answers: type<AllMessagesPage>()
  },
  node: {
    method: 'GET',
    path: '/hl7-https-out/:id',
    permission: 'hl7-https-out.read',
    answers: type<NodeState>()
  },
  history: {
    method: 'GET',
    path: '/hl7-https-out/:id/history',
    permission: 'hl7-https-out.read',
    answers: type<HistoryAnswer>()
  },
  events: {
    method: 'GET',
    path: '/hl7-https-out/:id/events',
    permission: 'hl7-https-out.read',
    answers: type<EventPage>()
  },
  messages: {
    method: 'GET',
    path: '/hl7-https-out/:id/messages',
    permission: 'hl7-https-out.read',
    answers: type<MessagePage>()
  },
  messageCounts: {
    method: 'GET',
    path: '/hl7-https-out/:id/messages/counts',
    permission: 'hl7-https-out.read',
    answers: type<MessageCountsAnswer>()
  },
  message: {
    method: 'GET',
    path: '/hl7-https-out/:id/messages/:messageId',
    permission: 'hl7-https-out.read',
    contentPermission: 'hl7-https-out.content',
    audit: 'hl7-https-out.content',
    answers: type<MessageContent>()
  },
  searchMessages: {
    method: 'POST',
    path: '/hl7-https-out/:id/messages/search',
    permission: 'hl7-https-out.content',
    audit: 'hl7-https-out.search',
    answers: type<MessagePage>()
  },
  pause: {
    method: 'POST',
    path: '/hl7-https-out/:id/pause',
    permission: 'hl7-https-out.write',
    audit: 'hl7-https-out.pause',
    answers: type<NodeState>()
  },
  note: {
    method: 'POST',
    path: '/hl7-https-out/:id/note',
    permission: 'hl7-https-out.write',
    audit: 'hl7-https-out.note',
    answers: type<NodeState>()
  },
  pauseHost: {
    method: 'POST',
    path: '/hl7-https-out/pause',
    permission: 'hl7-https-out.write',
    audit: 'hl7-https-out.pause',
    auditSays: ['host'],
    answers: type<HostAnswer>()
  },
  resumeHost: {
    method: 'POST',
    path: '/hl7-https-out/resume',
    permission: 'hl7-https-out.write',
    audit: 'hl7-https-out.resume',
    auditSays: ['host'],
    answers: type<HostAnswer>()
  },
  resume: {
    method: 'POST',
    path: '/hl7-https-out/:id/resume',
    permission: 'hl7-https-out.write',
    audit: 'hl7-https-out.resume',
    answers: type<NodeState>()
  },
  tryNow: {
    method: 'POST',
    path: '/hl7-https-out/:id/try',
    permission: 'hl7-https-out.write',
    audit: 'hl7-https-out.try',
    answers: type<NodeState>()
  },
  backup: {
    method: 'POST',
    path: '/hl7-https-out/:id/backup',
    permission: 'hl7-https-out.write',
    audit: 'hl7-https-out.backup',
    auditSays: ['to'],
    answers: type<NodeState>()
  },
  resendMessage: {
    method: 'POST',
    path: '/hl7-https-out/:id/messages/:messageId/resend',
    permission: 'hl7-https-out.write',
    contentPermission: 'hl7-https-out.content',
    audit: 'hl7-https-out.resend',
    auditWith: { payload: 'hl7-https-out.edit' },
    answers: type<ResendOneAnswer>()
  },
  resendMessages: {
    method: 'POST',
    path: '/hl7-https-out/:id/messages/resend',
    permission: 'hl7-https-out.write',
    audit: 'hl7-https-out.resend',
    answers: type<BulkAnswer | CountAnswer>()
  },
  discardMessages: {
    method: 'POST',
    path: '/hl7-https-out/:id/messages/discard',
    permission: 'hl7-https-out.write',
    audit: 'hl7-https-out.discard',
    answers: type<BulkAnswer>()
  },
  suspendMessages: {
    method: 'POST',
    path: '/hl7-https-out/:id/messages/suspend',
    permission: 'hl7-https-out.write',
    audit: 'hl7-https-out.suspend',
    answers: type<BulkAnswer>()
  },
  deleteContent: {
    method: 'POST',
    path: '/hl7-https-out/:id/messages/delete-content',
    permission: 'hl7-https-out.write',
    contentPermission: 'hl7-https-out.content',
    audit: 'hl7-https-out.delete-content',
    answers: type<BulkAnswer>()
  },
  exportMessages: {
    method: 'POST',
    path: '/hl7-https-out/:id/messages/export',
    permission: 'hl7-https-out.export',
    audit: 'hl7-https-out.export',
    auditWith: { dryRun: 'hl7-https-out.export-count' },
    auditSays: ['reason', 'clear', 'replies'],
    answers: type<Download | ExportCount>()
  },
  testNode: {
    method: 'POST',
    path: '/hl7-https-out/:id/test',
    permission: 'hl7-https-out.write',
    // What stands in a form may name any host and any variable: it is for those who may deploy it.
    permissionWith: { node: 'flows.write' },
    audit: 'hl7-https-out.test',
    // A form shows what it would send as soon as it is opened.
    auditWith: { dryRun: null },
    answers: type<TestAnswer>()
  },
  testToken: {
    method: 'POST',
    path: '/oauth2-client-credentials/:id/test',
    permission: 'flows.write',
    audit: 'oauth2-client-credentials.test',
    answers: type<TokenTestResult>()
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

export type AnswerOf<Name extends RouteName> = InType<(typeof ROUTES)[Name]['answers']>
type InType<Entry> = Entry extends Type<infer T> ? T : never
