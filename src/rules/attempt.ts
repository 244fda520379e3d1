import type { Acknowledgement } from '../hl7/acknowledgement.ts'
import type { ReplyMessage } from '../hl7/reply-message.ts'
import type { ErrorFamily } from './reply-test.ts'

/** What the rules need to know about the message that was sent. */
export interface SentMessage {
  /**
   * Every MSH-10, BHS-11 and FHS-11 of it, unescaped like an acknowledgement's MSA-2: whole, and
   * the first component alone.
   */
  readonly controlIds: readonly string[]
  /** MSH-9 as `ADT^A01`, whatever its separators; `''` if unknown. */
  readonly type: string
  /** False when MSH-15 or MSH-16 is filled and neither of them is AL or SU. */
  readonly replyDue: boolean
}

/** The content of the HTTP answer's body. */
export interface AttemptReply {
  /** The whole body as text. */
  readonly text: string
  /** No body at all, not even one byte. */
  readonly empty: boolean
  /** Nothing but blanks and line ends. */
  readonly blank?: boolean
  /** The HL7 in the body, or `null`. */
  readonly message: ReplyMessage | null
  /** What its MSA and ERR say, or `null` without an MSA. */
  readonly ack: Acknowledgement | null
  /** No acknowledgement was found, but it seems to hold one that refuses: nothing accepts it unread. */
  readonly seemsRefused?: boolean
  /** It is a web page with 2xx: nothing accepts it unread. */
  readonly isPage?: boolean
  /** It is a SOAP fault: nothing in it accepts. */
  readonly isFault?: boolean
  /** What the reply means, where its status says something else: another status, or the family `tls`. */
  readonly meaning?: number | 'tls' | undefined
}

/** Why there was no answer, or none that could be read. Its text is safe to print. */
export interface AttemptError {
  /** As Node.js or the token server names it: `ECONNREFUSED`, `invalid_client`. */
  readonly code: string
  /** At most one. Any failure to get a token is `token`. */
  readonly family?: ErrorFamily
  /** The proxy failed, not the receiver. */
  readonly atProxy?: boolean
  /** With which the proxy refused the connection to the receiver. */
  readonly proxyStatus?: number
  /** It is about the client certificate of this side: missing, unusable, or not accepted. */
  readonly isOfOwnCertificate?: boolean
  readonly text: string
}

/** What every attempt has. */
interface AnyAttempt {
  readonly sent: SentMessage
  /**
   * The message may have arrived before: with an earlier attempt, or with an earlier request of this one; even if the
   * receiver said then that it did not take it.
   */
  readonly again?: boolean
}

/** An answer that was read, whatever its status. */
export interface AnsweredAttempt extends AnyAttempt {
  /** The HTTP status of the HL7 server. */
  readonly status: number
  readonly reply: AttemptReply
  readonly error?: undefined
}

/** No answer, or none that could be read: cut off, too large, not to be decoded. */
export interface FailedAttempt extends AnyAttempt {
  /** The HTTP status of the HL7 server, if one came; never that of a token server or a proxy. */
  readonly status?: number
  readonly reply?: undefined
  readonly error: AttemptError
}

/** The facts of one attempt that a decision needs. */
export type Attempt = AnsweredAttempt | FailedAttempt
