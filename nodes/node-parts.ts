import type { Node } from 'node-red'
import type { Delivery } from '../src/delivery/delivery.ts'
import type { TlsSettings } from '../src/http-client/agent.ts'
import type { TokenSource } from '../src/oauth2/token-source.ts'

/** What an `hl7-https-out` node finds behind its `auth` property. */
export interface AuthParts {
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
  Delivery<unknown>,
  'open' | 'state' | 'pause' | 'resume' | 'suspended' | 'resend' | 'discard'
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
  error: { code: string; message: string } | null
}

/** What the admin routes find behind the id of an `hl7-https-out` node that is set up. */
export interface OutParts {
  delivery: DeliveryControl
  /** Since when it is in its state: wall clock, milliseconds. */
  stateSince: () => number
  /**
   * @param mayReadAll whether the caller may see the results of expressions; called if there are
   * any
   */
  sendTest: (
    type: string,
    controlId: string,
    mayReadAll: () => Promise<boolean>
  ) => Promise<TestMessageResult>
}

/** An `hl7-https-out` node that is not set up. */
export interface Unusable {
  /** Since when: wall clock, ISO 8601. */
  since: string
  /** Why, in words. */
  problems: readonly string[]
}

/*
 * Kept apart from the node objects: every node of a flow can look up every other one, and anything
 * that prints a node would print its keys.
 */
export const authParts = new WeakMap<Node, AuthParts>()
export const outParts = new WeakMap<Node, OutParts | Unusable>()

/**
 * The node's credentials, environment variables replaced; they are removed from the node object,
 * where Node-RED puts them for this single reader.
 */
export function takeCredentials(node: Node): Record<string, unknown> {
  const { credentials } = node as { credentials?: unknown }
  delete (node as { credentials?: unknown }).credentials
  return typeof credentials === 'object' && credentials !== null ? { ...credentials } : {}
}
