import type { IncomingHttpHeaders } from 'node:http'
import { isRefusedFor } from '../http-client/challenge.ts'
import {
  isLoginPage,
  isNoServerPage,
  isRejection,
  isVarnishPage,
  leadsToLogin,
  meaningOfPage
} from '../http-client/error-page.ts'
import { UNKNOWN_ACTION, UNKNOWN_OPERATION, type SoapFault } from './soap-fault.ts'

/**
 * What a reply means, where its status says something else: the status that it stands for, or `tls`, a refused client
 * certificate.
 */
export type ReplyMeaning = 400 | 401 | 403 | 404 | 413 | 431 | 500 | 502 | 503 | 504 | 'tls'

/** What an answer may mean, besides its text and its SOAP fault. */
export interface AnswerFacts {
  status: number
  headers: IncomingHttpHeaders
  /** From the end of the request to the answer, in milliseconds. */
  waitedMs: number
  /** The headers of the request are larger than any that this address has taken, and its body is not. */
  isLargeHead: boolean
  /** Its body is larger than any that it has taken, and large. */
  isLargeBody?: boolean
}

/** By the code of a SOAP fault: those that blame the sender (SOAP 1.1 §4.4.1, SOAP 1.2 part 1 §5.4.6). */
const byCode: ReadonlyMap<string, ReplyMeaning> = new Map([
  ['Client', 400],
  ['Sender', 400],
  ['VersionMismatch', 400],
  ['MustUnderstand', 400],
  [UNKNOWN_OPERATION, 400],
  [`Sender.${UNKNOWN_OPERATION}`, 400],
  [UNKNOWN_ACTION, 400]
])

/** A code that is about the login. */
const login = /Authentication|SecurityError/

/** A detail that is about the login, in whatever namespace. */
const SECURITY_FAULT = 'SecurityFault'

/** By the detail of a fault of the registries' WSDL, whose servers say 500 to everything; `fault` is its UnknownFault. */
const byDetail: ReadonlyMap<string, ReplyMeaning> = new Map([
  ['MessageTooLargeFault', 400],
  ['UnsupportedOperationFault', 400],
  ['fault', 500]
])

/** With these, and with any 2xx, a fault may mean anything: some servers have one status for everything. */
const statusesOfFaults = new Set([400, 500])

/**
 * With 503 and 408, many say that their own time limit has ended (Go's TimeoutHandler, Spring MVC, Vert.x, fasthttp): what is
 * behind them may have the message. So that is what it means if it took longer than this, in milliseconds.
 */
const AT_ONCE_MS = 1000

/** How Mirth's HTTP Listener begins its answer if it has taken the message for binary: it reads what became base64. */
const mirth = /^\s*MSHIfF5\+/

/**
 * What a reply without an acknowledgement means, if its status does not say it.
 *
 * @param text the body
 * @param fault the SOAP fault that it is, if it is one
 */
export function meaningOf(
  answer: AnswerFacts,
  text: string,
  fault: SoapFault | undefined
): ReplyMeaning | undefined {
  const { status } = answer
  const isSuccess = status >= 200 && status < 300
  // With 403, it is what that means anyway.
  if (status !== 401 && status !== 403 && isRefusedFor(answer, 'invalid_token')) return 401
  if (fault === undefined) return isSuccess ? ofSuccess(text) : ofStatus(answer, text)
  if (!isSuccess && !statusesOfFaults.has(status)) return ofStatus(answer, text)
  const { code = '', detail = '', isOfRegistry } = fault
  if (detail === SECURITY_FAULT || login.test(code)) return 401
  const meant = (isOfRegistry ? byDetail.get(detail) : undefined) ?? byCode.get(code)
  // The server's own fault is no success, whatever its status says.
  return meant ?? (isSuccess ? 500 : undefined)
}

/** A page that asks for a password, or that of a firewall, has accepted nothing, whatever the status. */
function ofSuccess(text: string): ReplyMeaning | undefined {
  if (mirth.test(text)) return 404
  return isLoginPage(text) ? 401 : isRejection(text) ? 403 : undefined
}

function ofStatus(
  { headers, isLargeBody, isLargeHead, status, waitedMs }: AnswerFacts,
  text: string
): ReplyMeaning | undefined {
  // The address is the right one, and the token is not: what is in front of it would have a person log in.
  if (status >= 300 && status < 400) return leadsToLogin(headers.location) ? 401 : undefined
  switch (status) {
    case 400:
      return meaningOfPage(text) ?? (isLargeHead ? 431 : isLargeBody ? 413 : undefined)
    case 403:
      return isLoginPage(text) ? 401 : undefined
    case 408:
      return waitedMs > AT_ONCE_MS ? 504 : undefined
    case 413:
      return isLargeHead ? 431 : undefined
    case 503:
      if (isVarnishPage(String(headers['server']), text)) return 502
      return waitedMs > AT_ONCE_MS && !isNoServerPage(text) ? 504 : undefined
    default:
      return undefined
  }
}
