import type { Node } from 'node-red'
import type { Delivery } from '../src/delivery/delivery.ts'
import type { TlsSettings } from '../src/http-client/agent.ts'
import type { TokenSource } from '../src/oauth2/token-source.ts'
import type { TestMessageResult } from './test-message.ts'

/** What an `hl7-https-out` node finds behind its `auth` property. */
export interface OAuth2ClientCredentialsNode extends Node {
  /** Undefined where the settings cannot work. */
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

/** What the admin routes find behind the id of an `hl7-https-out` node. */
export interface Hl7HttpsOutNode extends Node {
  /** Undefined where the node cannot work as it is set up, as is `sendTest`. */
  delivery: DeliveryControl | undefined
  sendTest: ((type: string, controlId: string) => Promise<TestMessageResult>) | undefined
}
