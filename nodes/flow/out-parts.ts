import type { Node } from 'node-red'
import type { Accepted } from '../../src/delivery/delivery-options.ts'
import type { Delivery } from '../../src/delivery/delivery.ts'
import type { History } from '../../src/delivery/history.ts'
import type { Seen } from '../../src/delivery/operator.ts'
import type { Edit, HowEdited } from '../../src/delivery/sending-again.ts'
import type { Reporter } from '../../src/delivery/reporter.ts'
import type { ReceiverTokens } from '../../src/oauth2/receiver-tokens.ts'
import type { CertificateWatch } from './certificate-watch.ts'
import type { ConditionWatch } from './condition-watch.ts'
import type { ConditionFacts, GiveUp } from './condition-facts.ts'
import type { FlowMessage } from './flow-messages.ts'
import type { Condition } from './conditions.ts'
import type { NotAccepted } from './not-accepted.ts'
import type { TurnedAwayMessages } from './turned-away.ts'
import type { Courier } from '../../src/delivery/courier.ts'
import type { Receiver } from '../../src/hl7-over-http/receiver.ts'
import type { OutSettings, ServerNames } from '../settings/read-out-settings.ts'

/** What an operator does with a node. */
export type DeliveryControl = Pick<
  Delivery<FlowMessage>,
  | 'openToRead'
  | 'isDurable'
  | 'state'
  | 'figures'
  | 'pause'
  | 'resume'
  | 'turn'
  | 'resumeHost'
  | 'tryNow'
  | 'operator'
  | 'reader'
>

/** What sends a message to the receiver of a node. */
export interface Sender {
  courier: Courier
  receiver: Receiver
  settings: OutSettings
}

/** What the admin routes find behind the id of an `hl7-https-out` node that is set up. */
export interface OutParts {
  names: ServerNames
  /** Whom to call about it; `''`: nobody is named. */
  contact: string
  giveUp: GiveUp
  /** So many days the contents of messages that have left are kept. */
  contentDays: number
  /** Something takes what leaves on NAK. */
  isNakWired: boolean
  /** The paths by which messages can be found. */
  searchFields: readonly string[]
  delivery: DeliveryControl
  history: History
  reporter: Reporter
  refusals: NotAccepted
  turnedAway: TurnedAwayMessages
  /** What conditions follow from. */
  facts: () => ConditionFacts
  /** What holds, the most urgent first. */
  conditions: ConditionWatch
  /** Of the address that serves; undefined if the receiver wants no token. */
  tokens: () => Pick<ReceiverTokens, 'status' | 'tryNow'> | undefined
  certificates: Pick<CertificateWatch, 'all' | 'ending'>
  /**
   * Somebody takes care of what is the most urgent now.
   *
   * @param by a user name, `flow`, or `''`
   */
  note: (text: string, by: string) => void
  /** See `withNewControlId`. */
  renew: (content: FlowMessage) => Accepted<FlowMessage> | undefined
  /** See `editMessage`. */
  edit: (seen: Seen, text: string, how: HowEdited) => Promise<Edit>
  /** What a test message is sent with, besides the queue. */
  sender: Sender
}

/** An `hl7-https-out` node that is not set up. */
export interface Unusable {
  /** What holds, the most urgent first. */
  conditions: () => Omit<Condition, 'row'>[]
  /** Why, in words. */
  problems: readonly string[]
  refusals: NotAccepted
  turnedAway: TurnedAwayMessages
}

/** Kept apart from the node objects: see `authParts`. */
export const outParts = new WeakMap<Node, OutParts | Unusable>()

/** All `hl7-https-out` nodes that run, those in subflows included, by their ids. */
export const deployedOutNodes = new Map<string, Node>()
