import type { AttemptError } from '../rules/attempt.ts'
import { UNKNOWN_OPERATION } from '../https/soap-fault.ts'
import { statusOf, type FailureFacts } from './fault.ts'
import type { AttemptResult } from './attempt-result.ts'

/**
 * What a failure is about, as far as it is known: what to do follows from it. It is stored with the message, so that
 * operators are told the same after a restart.
 */
export const TOPICS = [
  'behind-gateway',
  'behind-proxy',
  'client-certificate',
  'cut',
  'cut-answer',
  'denied',
  'failed',
  'firewall',
  'large-token',
  'late',
  'login',
  'login-page',
  'no-ack',
  'not-found',
  'operation',
  'proxy',
  'proxy-away',
  'redirect',
  'request',
  'tls',
  'tls-ca',
  'tls-cut',
  'tls-expired',
  'tls-name',
  'token-not-accepted',
  'token-other',
  'token-refused',
  'token-server-error',
  'token-unreachable',
  'too-large',
  'too-many',
  'unavailable',
  'unreachable',
  'unreadable'
] as const

export type Topic = (typeof TOPICS)[number]

/** So little is enough: it is all that is known of a message from an earlier version. */
type ErrorFacts = Pick<AttemptError, 'code'> & Partial<AttemptError>

/** Of Node.js, for a certificate that is not accepted or a handshake that failed. */
const TLS_CODE = /^(?:CERT_|UNABLE_|ERR_TLS|ERR_SSL|EPROTO)|SELF_SIGNED/
/** The same, for one whose authority is not trusted. */
const OF_AUTHORITY = /^UNABLE_|SELF_SIGNED/
const UNREADABLE =
  /^(?:HTTPParserError|HPE_|UND_ERR_)|^ERR_(?:CONTENT_DECODING|RESPONSE_TOO_LARGE|EARLIER_ANSWER)$/
const NO_CONNECTION = /^E(?:CONNREFUSED|NOTFOUND|AI_AGAIN|HOSTUNREACH|NETUNREACH)$/

const BY_STATUS: Readonly<Partial<Record<number, Topic>>> = {
  401: 'denied',
  403: 'denied',
  404: 'not-found',
  405: 'not-found',
  407: 'proxy',
  410: 'not-found',
  413: 'too-large',
  429: 'too-many',
  431: 'large-token',
  501: 'not-found',
  502: 'behind-gateway',
  503: 'unavailable',
  504: 'behind-gateway'
}
/** Of the others below 500, these say nothing of what was sent. */
const NOT_OF_REQUEST: ReadonlySet<number> = new Set([408, 425])

/** What a failed attempt is about; undefined if nobody knows, or an acknowledgement says it. */
export function topicOf(
  result: FailureFacts & Pick<AttemptResult, 'fault' | 'isFirewallPage'>
): Topic | undefined {
  const { decision, error, fault, isFirewallPage, meaning, reply } = result
  if (decision.outcome === 'accept' || decision.outcome === 'await' || reply?.ack) return undefined
  if (error !== undefined) return topicOfError(error)
  if (isFirewallPage) return 'firewall'
  if (meaning === 'tls') return 'client-certificate'
  if (fault?.code?.endsWith(UNKNOWN_OPERATION)) return 'operation'
  if (meaning === 401) return fault === undefined ? 'login-page' : 'login'
  return topicOfStatus(statusOf(result))
}

/** The same of a code alone: of Node.js or the token server, or an HTTP status. */
export function topicOfCode(code: string): Topic | undefined {
  const [, status] = /^(?:HTTP )?([1-5]\d\d)$/.exec(code) ?? []
  return status === undefined ? topicOfError({ code }) : topicOfStatus(Number(status))
}

/**
 * What it is about that there is no token.
 *
 * @param grant as set; `''` if it is not known
 */
export function topicOfToken(code: string, grant = ''): Topic & `token-${string}` {
  if (code === 'ERR_TOKEN_REFUSED') return 'token-not-accepted'
  if (/^E[A-Z]+$|^HTTP 5|^UND_ERR/.test(code) || TLS_CODE.test(code)) return 'token-unreachable'
  if (/^(?:invalid|unauthorized)_client$/.test(code)) return 'token-refused'
  // Perl's Net::OAuth2::AuthorizationServer says so of a wrong secret: nothing else was granted.
  if (code === 'invalid_grant' && grant === 'client_credentials') return 'token-refused'
  return code === 'server_error' ? 'token-server-error' : 'token-other'
}

function topicOfStatus(status: number | undefined): Topic | undefined {
  if (status === undefined) return undefined
  if (BY_STATUS[status] !== undefined) return BY_STATUS[status]
  if (status >= 200 && status < 300) return 'no-ack'
  if (status >= 300 && status < 400) return 'redirect'
  return status >= 400 && status < 500 && !NOT_OF_REQUEST.has(status) ? 'request' : 'failed'
}

/** Whether nobody answers at the proxy: it is not that it refuses. */
function isAway(code: string, proxyStatus: number | undefined): boolean {
  return proxyStatus === undefined && (NO_CONNECTION.test(code) || code === 'ETIMEDOUT')
}

function topicOfError({
  atProxy,
  code,
  family,
  isOfOwnCertificate,
  proxyStatus
}: ErrorFacts): Topic | undefined {
  if (family === 'token') return topicOfToken(code)
  if (atProxy) return isAway(code, proxyStatus) ? 'proxy-away' : 'proxy'
  // Otherwise it is the proxy that does not let it through.
  if (code === 'ERR_PROXY_TUNNEL') return 'behind-proxy'
  if (isOfOwnCertificate) return 'client-certificate'
  if (code === 'CERT_HAS_EXPIRED') return 'tls-expired'
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') return 'tls-name'
  if (OF_AUTHORITY.test(code)) return 'tls-ca'
  if (UNREADABLE.test(code)) return 'unreadable'
  const isTls = TLS_CODE.test(code)
  if (family === 'reset') return isTls ? 'cut-answer' : 'cut'
  if (family === 'timeout') return 'late'
  // A handshake that is cut or takes too long says nothing of certificates.
  if (family === 'tls' && !isTls) return code === 'ETIMEDOUT' ? 'unreachable' : 'tls-cut'
  if (isTls) return 'tls'
  return family === 'connect' || NO_CONNECTION.test(code) ? 'unreachable' : undefined
}
