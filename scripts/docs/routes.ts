import { ROUTES, type Route, type RouteName } from '../../nodes/operations/route-table.ts'
import { inCode, table } from './table.ts'

/** What each route does. Only the documentation says so: it is in nothing that is published but docs/. */
const DOES: Readonly<Record<RouteName, string>> = {
  page: '[the HL7 page](#the-hl7-page)',
  user: 'who is logged in, and what they may do',
  metrics: '[figures](monitoring.md) for Prometheus',
  nodes: 'all nodes, those that need somebody first',
  searchAllMessages:
    'messages of all nodes: by the filter, by a `value` in a searchable `field`, or by `controlIds` alone (at most 10,000; `unknown`: no node knows them). `silent` names nodes that did not answer',
  node: 'the state of a node',
  history: 'figures for each of the last `minutes`',
  events: '[events](#events); `since`, `limit`',
  messages: 'messages, by the filter or by `ids`; `limit`, `cursor`',
  messageCounts: 'how many match the filter, by type, rule and error, among the newest 200,000',
  message:
    'one message; with the second permission also its text and the reply, unless `content` is `false`; with `reply`, only the reply',
  searchMessages: 'messages with a `value` in a searchable `field`',
  pause: 'pauses a node; `reason`, `until`',
  note: '*I have it*, with a `text` of at most 200 characters',
  pauseHost: 'pauses all nodes that send to a `host`; `reason`, `until`',
  resumeHost: 'ends the pauses of a `host`; others go on',
  resume: 'resumes a node',
  tryNow: '*Try now*',
  backup: 'switches `to` the `backup` or the `first` address',
  resendMessage:
    'resends a suspended message, or sends one again that has left; with the second permission, edited: `payload`, `reason`; with `wait`, answers when it is decided what becomes of it',
  resendMessages: 'resends [several](#several-messages), or sends them again',
  discardMessages: 'discards several',
  suspendMessages: 'suspends several',
  deleteContent:
    'for a person’s request: deletes what is kept of messages that have left (`ids`), and what they are found by; needs both permissions',
  exportMessages:
    '[a file](#hand-messages-to-the-receivers-support), with a `reason`; `clear`: not masked; `replies`: each with its reply; `dryRun`: only how many',
  testNode:
    'sends a test message of a `type`, or the text of `sample`; `dryRun`: only shows it; `node`: with the settings of a form',
  testToken: 'requests a token with the settings of a form'
}

/** Those of the frozen contract. All others serve page, forms and sidebar, and may change with any version. */
export const FOR_SCRIPTS = [
  'metrics',
  'nodes',
  'node',
  'searchAllMessages',
  'pause',
  'resume',
  'resendMessages',
  'discardMessages',
  'suspendMessages'
] as const satisfies readonly RouteName[]
export type ScriptRoute = (typeof FOR_SCRIPTS)[number]

const routes: readonly Route[] = Object.values(ROUTES)

/** All admin routes, in the order of the table. */
export function routeTable(): string {
  const forScripts = new Set<string>(FOR_SCRIPTS)
  const rows = Object.entries<Route>(ROUTES).map(([name, route]) => [
    `${forScripts.has(name) ? '● ' : ''}${named(route)}`,
    permissions(route),
    DOES[name as RouteName]
  ])
  return table(['route', 'permission', 'what it does'], rows)
}

/** What is in the audit log. Most events are named after their route. */
export function auditEvents(): string {
  return `Its events: ${[...new Set(routes.flatMap(eventsOf))].map(inCode).join(', ')}.`
}

/** The events, and what else they say. */
export function auditFacts(): string[] {
  return routes.flatMap((route) => [
    ...eventsOf(route),
    ...(route.auditSays ?? []).map((member) => `${route.audit} says ${member}`)
  ])
}

function eventsOf({ audit, auditWith = {} }: Route): string[] {
  return [
    ...(audit === undefined ? [] : [audit]),
    ...Object.values(auditWith).flatMap((event) => event ?? [])
  ]
}

function named({ method, path }: Route): string {
  return inCode(`${method} ${path}`)
}

function permissions({ permission, contentPermission, permissionWith = {} }: Route): string {
  const others = Object.entries(permissionWith).map(
    ([member, other]) => `; with ${inCode(member)}, ${inCode(other)}`
  )
  const content = contentPermission === undefined ? [] : [`, ${inCode(contentPermission)}`]
  return [permission === null ? 'none' : inCode(permission), ...content, ...others].join('')
}
