import type { Acknowledgement } from '../../src/hl7/acknowledgement.ts'
import type { HttpReply } from '../../src/http-client/http-message.ts'
import type { Outcome } from '../../src/queue/message-row.ts'

/** The properties that a message leaves with: on ACK, on NAK, or to Catch, there beside Node-RED's `msg.error`. */
export interface MessageOut {
  /** The reply's text; to Catch, what came in. */
  payload: unknown
  /** Of the reply, as the headers. Without one, an error leaves what the message has. */
  statusCode?: number | undefined
  headers?: HttpReply['headers'] | undefined
  hl7: Hl7Properties
}

/** `msg.hl7` */
export interface Hl7Properties {
  outcome: Outcome
  /** The HL7 text that was sent. */
  request: string
  controlId: string
  type: string
  version: string
  ack: Acknowledgement | null
  /** If the application acknowledged it later: what the receiver answered at first. */
  acceptAck?: Acknowledgement | null
  /** All acknowledgements, if there are several. */
  acks?: readonly Acknowledgement[]
  /** Of a message that was sent again. */
  resent?: ResentProperty
  /** The disk had no room for the whole reply. */
  replyCut?: true
  rule: string
  action: string
  warnings: readonly string[]
  /** Host and port that answered. */
  host: string
  attempts: number
  acceptedAt: string
  settledAt: string
  /** To Catch: the beginning of the reply. */
  reply?: string
}

export interface ResentProperty {
  at: string
  by: string
  acceptedAt: string
  controlId?: string
}

/** What is known of a message that was not accepted. */
export interface RefusedMessage {
  payload?: unknown
  hl7: Pick<Hl7Properties, 'outcome'> & Partial<Hl7Properties>
}
