import type { Acknowledgement } from '../hl7/acknowledgement.ts'
import type { HttpReply } from '../http-client/http-message.ts'
import type { ReplyMeaning } from '../hl7-over-http/status-meant.ts'
import type { SoapFault, SoapVersion } from '../hl7-over-http/soap-fault.ts'
import type { AttemptError } from '../rules/attempt.ts'
import type { Decision } from '../rules/decide.ts'
import type { Quotes } from './quotes.ts'

/** What a flow may read of an HTTP answer. */
export interface ReplyRecord {
  status: number
  /** Host and port that it came from. */
  host?: string | undefined
  headers: HttpReply['headers']
  /** The whole body as text. */
  text: string
  /** The HL7 text in it, CR-separated, or `''`. */
  hl7: string
  ack: Acknowledgement | null
  /** All acknowledgements, if there are several. */
  acks?: readonly Acknowledgement[]
}

export interface HeaderSizes {
  readonly total: number
  /** The name of the largest one, and its size. */
  readonly largest: string
  readonly size: number
  /** It carries the token. */
  readonly isToken: boolean
}

/** One attempt and what the rules make of it. */
export interface AttemptResult {
  decision: Decision
  reply?: ReplyRecord
  error?: AttemptError
  /** The HTTP status of an answer that could not be read whole, or of the refusal for which there is no token. */
  status?: number
  /** A new connection without TLS was cut before any answer, as by a server that expects TLS. */
  mayWantTls?: boolean
  /** The receiver's reply to this message with the last token, because of which no other is fetched now. */
  refusedReply?: ReplyRecord
  /** For the advice after a refusal: no token was sent. */
  token?: 'none'
  /** The headers of the request, in bytes, if the receiver finds them too large. */
  headerSizes?: HeaderSizes
  /** A connection was cut as by a server that wants a client certificate, and this one has answered nothing so far. */
  mayWantCertificate?: boolean
  /** Why a refused token could not be replaced. */
  tokenProblem?: string
  /** What to do if there is no token. */
  hint?: string
  /** There is no token, and trying again soon cannot help: somebody has to change something. */
  isPermanent?: boolean
  /**
   * Unless it is accepted, it leaves on NAK: the receiver answered with HL7 (an acknowledgement that counts, or another
   * message), or a rule says that it refuses.
   */
  answered: boolean
  /** What an explanation may quote of an answer without an acknowledgement, or of the token server's. */
  quotes?: Quotes
  /** The SOAP fault that the reply is. */
  fault?: SoapFault
  /**
   * What in the request it is about: the operation, if the fault says that there is none of this name; the largest header,
   * if they are too large.
   */
  operation?: string
  /** The SOAP version of a fault, if the request has another one. */
  otherSoap?: SoapVersion
  /** What a reply without an acknowledgement means, where its status says something else. */
  meaning?: ReplyMeaning
  /** No acknowledgement was found in the reply, but it seems to hold one that refuses. */
  seemsRefused?: boolean
  /** A gateway or firewall has refused the request, with a web page. */
  isFirewallPage?: boolean
  /** The connection was cut after the handshake, before a byte of an answer. */
  isCutEarly?: boolean
  /** How the receiver calls the request in its own log, if its answer says so. */
  requestId?: string
  /** The least wait that the server asked for, in milliseconds. */
  retryAfterMs?: number
  /** Requests to the receiver in this attempt, if there was more than one. */
  requests?: number
  /** Those of them that were repeated because a kept connection was dead, if any: each may have arrived. */
  repeats?: number
  /** From the start of the last request to its answer, in milliseconds; without the token's time. */
  elapsedMs: number
}
