import { ROUTES, type Route, type RouteName } from '../../nodes/operations/route-table.ts'
import { inCode, table } from './table.ts'

/** What each route does. Only the documentation says so: it is in nothing that is published but docs/. */
const DOES: Readonly<Record<RouteName, string>> = {
  page: '[the HL7 page](#the-hl7-page); it asks for the login itself',
  user: 'who is logged in, which of these permissions they have, and whether there is an editor',
  metrics: '[metrics](monitoring.md) of all nodes, for Prometheus',
  nodes: 'the states of all nodes, those that need somebody first',
  searchAllMessages:
    'messages of all nodes that run, newest first, each with its `node`; narrowed as those of one node are, or with the `value` of a searchable `field`; or, with `controlIds` alone, a list of at most 10,000, the newest messages of each, and in `unknown` those that no node knows. A node that has not answered within 5 seconds is named in `silent`',
  node: 'the state of one node',
  history: 'figures for each of the last `minutes`',
  events: 'what happened, newest first; narrowed with `since` and `limit`',
  messages:
    'messages in the queue and those that have left, newest first; narrowed with `controlId`, `type`, `state`, `rule`, `error`, `since`, `before` (times), `ids` and `limit`; `next` of an answer, given as `cursor`, asks for the messages after it',
  messageCounts:
    'how many messages there are, and how many of them have each type, rule and error; narrowed with `state`, `controlId`, `type`, `rule`, `error`, `since` and `before`; of the newest 200,000 that have left',
  message:
    'one message, with its attempts and all that happened to it; with the second permission also its text and the reply, as long as they are kept, unless `content` is `false`; with `reply`, only the reply',
  searchMessages: 'messages with the `value` in a searchable `field`',
  pause: 'pauses a node, with a `reason`, and `until` a time; answers with its state',
  note: 'notes that somebody takes care of what holds a node up, with a `text` of at most 200 characters: it is beside the most urgent condition until that is over. Said of `GIVEN_UP`, it ends that condition. Answers with the state of the node',
  pauseHost:
    'pauses every node that sends to a `host` (with the port, unless that is the usual one), with a `reason`, and `until` a time',
  resumeHost: 'ends the pauses of a `host`; other pauses of its nodes go on',
  resume: 'resumes a node; answers with its state',
  tryNow:
    'ends the wait before the next attempt: one message goes, and its answer decides; at most once in ten seconds; answers with the state of the node',
  backup:
    'switches a node `to` its `backup`, until somebody switches it back, or to the `first` address; answers with its state',
  resendMessage:
    'resends a suspended message, or sends one again that has left; with `payload` and a `reason`, and the second permission, one that is suspended, or was refused or given up, with that text in place of its own; answers with the state of the node and the id of the message that is `sent`, with `wait` once it is decided what becomes of the message',
  resendMessages:
    'resends suspended messages, or sends those again that have left; with `firstAlone`, the first one alone, and the answer says what became of it; with `dryRun`, nothing is sent, and the answer says what would be',
  discardMessages: 'discards suspended messages, or with `state` those that wait',
  suspendMessages: 'suspends messages that wait, so that the others go on',
  deleteContent:
    'for a person’s request: deletes what is kept of messages that have left (`ids`): their texts, replies and the texts before an edit, and what they can be found by; needs both permissions. Their rows stay',
  exportMessages:
    '[messages as a file](#hand-messages-to-the-receivers-support), one HL7 batch, with a `reason`; masked, unless `clear` is `true`; with `replies`, each is followed by its reply; with `dryRun`, only how many there are. At most 10,000 messages, or about 100 MB',
  testNode:
    'sends a test message of a `type`, or with the text of `sample`: as deployed, or as the form in `node` says; with `dryRun` it only shows the request',
  testToken: 'requests a token with the settings in the body, which are those of the form'
}

const routes: readonly Route[] = Object.values(ROUTES)

/** All admin routes, in the order of the table. */
export function routeTable(): string {
  const rows = Object.entries<Route>(ROUTES).map(([name, route]) => [
    named(route),
    permissions(route),
    DOES[name as RouteName]
  ])
  return table(['route', 'permission', 'what it does'], rows)
}

/** What is in the audit log, by its event. */
export function auditTable(): string {
  const audited = routes.flatMap((route) => [
    { event: route.audit, request: named(route) },
    ...Object.entries(route.auditWith ?? {}).map(([member, event]) => ({
      event: event ?? '',
      request: `${named(route)} with ${inCode(member)}`
    }))
  ])
  const events = Map.groupBy(audited, ({ event = '' }) => event)
  events.delete('')
  const rows = [...events].map(([event, those]) => [
    inCode(event),
    those.map(({ request }) => request).join(', ')
  ])
  return table(['event', 'request'], rows)
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
