/** What sends a command in place of a message. */
export const QUEUE_COMMANDS = ['pause', 'resume', 'resend', 'discard', 'note'] as const

/** How a flow calls the states of messages that have left. */
export type LeftState = 'acked' | 'naked' | 'failed'

/** The properties of a message of the flow that the node reads; the others it keeps. */
export interface MessageIn {
  /** HL7 text. */
  payload?: string | Uint8Array
  /** In place of the node's URL, on the same server. */
  url?: string
  /** In place of its response timeout, in milliseconds. */
  requestTimeout?: number | string
  /** A command, if there is no payload; `acknowledge` if there is an `acknowledgement`. */
  action?: (typeof QUEUE_COMMANDS)[number] | 'acknowledge'
  /** HL7 text of application acknowledgements. */
  acknowledgement?: string | Uint8Array
  /** Of `note`. */
  text?: string
  /** Of `pause`: when it ends by itself; `02:30` is the next such time in the zone of the server. */
  until?: string | number | Date
  /** Of `resend` and `discard`: only suspended messages with it; so with `type` and `rule`. */
  controlId?: string | number
  /** Of `resend`: messages that have left; of `discard`: which of those that are held. */
  state?: LeftState | 'suspended' | 'waiting' | 'retrying'
  type?: string
  rule?: string
  since?: string | number | Date
  before?: string | number | Date
  again?: boolean
  newIds?: boolean
}

/** The same as a flow may have it: anything may stand in them. */
export type UncheckedMessage = { readonly [Name in keyof MessageIn]?: unknown }
