import type { Node } from 'node-red'
import type { Delivery } from '../src/delivery/delivery.ts'
import type { EventLog } from '../src/delivery/event-log.ts'
import type { History } from '../src/delivery/history.ts'
import type { TlsSettings } from '../src/http-client/connection-settings.ts'
import type { TokenSettings } from '../src/oauth2/token-settings.ts'
import type { TokenSource } from '../src/oauth2/token-source.ts'
import type { FlowMessage } from './flow-messages.ts'
import type { CertificateWatch } from './certificate-watch.ts'
import type { Refusals } from './operations/refusals.ts'

/** What an `hl7-https-out` node finds behind its `auth` property. */
export interface AuthParts {
  /** Of the token server; empty if its address is no URL. */
  host: string
  settings: TokenSettings
  /** Undefined if the settings cannot be used. */
  tokens: TokenSource | undefined
  /** Why they cannot, in words. */
  problems: readonly string[]
  /** HTTP statuses of the HL7 server that mean "the token was refused". */
  refreshOnStatus: ReadonlySet<number>
  tls: TlsSettings | undefined
}

/** What an operator does with a queue. */
export type DeliveryControl = Pick<
  Delivery<FlowMessage>,
  'look' | 'state' | 'figures' | 'pause' | 'resume' | 'operator'
>

/** What the Send test message button shows. */
export interface TestMessageResult {
  /** Absent if it could not be built. */
  request?: { line: string; headers: Record<string, string> }
  status: number | null
  /** The whole body of the answer as text. */
  reply: string | null
  ack: unknown
  rule: string
  action: string
  elapsedMs: number
  /** Why there was no HL7 answer, and what to do. */
  error: { code: string; reason: string; hint: string } | null
}

/** What the admin routes find behind the id of an `hl7-https-out` node that is set up. */
export interface OutParts {
  /** Of the receiver. */
  host: string
  delivery: DeliveryControl
  history: History
  eventLog: EventLog
  refusals: Refusals
  /** Undefined if the receiver wants no token. */
  tokens: Pick<TokenSource, 'status'> | undefined
  /** Since when it is in its state: wall clock, milliseconds. */
  since: () => number
  certificates: Pick<CertificateWatch, 'all' | 'ending'>
  sendTest: (type: string, controlId: string) => Promise<TestMessageResult>
}

/** An `hl7-https-out` node that is not set up. */
export interface Unusable {
  /** Since when: wall clock, ISO 8601. */
  since: string
  /** Why, in words. */
  problems: readonly string[]
  refusals: Refusals
}

/*
 * Kept apart from the node objects: every node of a flow can look up every other one, and anything
 * that prints a node would print its keys.
 */
export const authParts = new WeakMap<Node, AuthParts>()
export const outParts = new WeakMap<Node, OutParts | Unusable>()

/** All `hl7-https-out` nodes that run, those in subflows included, by their ids. */
export const deployedOutNodes = new Map<string, Node>()
/** All `oauth2-client-credentials` nodes that run, likewise. */
export const deployedAuthNodes = new Map<string, Node>()

/** Lists a node until it is closed. */
export function listNode(list: Map<string, Node>, node: Node): void {
  list.set(node.id, node)
  node.on('close', () => {
    if (list.get(node.id) === node) list.delete(node.id)
  })
}

/**
 * The node's credentials, environment variables replaced; they are removed from the node object,
 * where Node-RED puts them for this single reader.
 */
export function takeCredentials(node: Node): Record<string, unknown> {
  const { credentials } = node as { credentials?: unknown }
  delete (node as { credentials?: unknown }).credentials
  return typeof credentials === 'object' && credentials !== null ? { ...credentials } : {}
}
