import type { Node } from 'node-red'
import type { Delivery } from '../src/delivery/delivery.ts'
import type { History } from '../src/delivery/history.ts'
import type { Reporter } from '../src/delivery/reporter.ts'
import type { ReceiverTokens } from '../src/oauth2/receiver-tokens.ts'
import type { CertificateWatch } from './certificate-watch.ts'
import type { ConditionWatch } from './condition-watch.ts'
import type { ConditionFacts } from './conditions.ts'
import type { FlowMessage } from './flow-messages.ts'
import type { AdviceNames, GiveUp } from './operations/advice.ts'
import type { TestMessageResult } from './operations/answers.ts'
import type { Refusals } from './operations/refusals.ts'

/** What an operator does with a queue. */
export type DeliveryControl = Pick<
  Delivery<FlowMessage>,
  | 'openToRead'
  | 'isDurable'
  | 'state'
  | 'figures'
  | 'pause'
  | 'resume'
  | 'resend'
  | 'resendFirst'
  | 'discard'
  | 'suspend'
  | 'discardWaiting'
  | 'watch'
  | 'tryNow'
  | 'find'
  | 'findByField'
  | 'sendAgain'
  | 'sendFirstAgain'
  | 'read'
  | 'events'
>

/** What the admin routes find behind the id of an `hl7-https-out` node that is set up. */
export interface OutParts {
  names: AdviceNames
  /** Whom to call about it; `''`: nobody is named. */
  contact: string
  giveUp: GiveUp
  /** The paths by which messages can be found. */
  searchFields: readonly string[]
  delivery: DeliveryControl
  history: History
  reporter: Reporter
  refusals: Refusals
  /** What conditions follow from. */
  facts: () => ConditionFacts
  /** What holds, the most urgent first. */
  conditions: ConditionWatch
  /** Undefined if the receiver wants no token. */
  tokens: Pick<ReceiverTokens, 'status'> | undefined
  certificates: Pick<CertificateWatch, 'all' | 'ending'>
  /**
   * Somebody takes care of what is the most urgent now.
   *
   * @param by a user name, `flow`, or `''`
   */
  note: (text: string, by: string) => void
  /** See `editMessage`. */
  edit: (seq: number, text: string, by: string) => Promise<boolean>
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

/** Kept apart from the node objects: see `authParts`. */
export const outParts = new WeakMap<Node, OutParts | Unusable>()

/** All `hl7-https-out` nodes that run, those in subflows included, by their ids. */
export const deployedOutNodes = new Map<string, Node>()
