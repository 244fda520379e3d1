import { isPageWithoutHl7, wantsLateCertificate } from '../http-client/error-page.ts'
import type { Key } from '../english.ts'
import { isReject } from '../hl7/acknowledgement-codes.ts'
import { UNKNOWN_ACTION, UNKNOWN_OPERATION } from '../hl7-over-http/soap-fault.ts'
import type { AttemptError } from '../rules/attempt.ts'
import type { ToldKind } from '../told.ts'
import type { AttemptResult } from './attempt-result.ts'

/**
 * What a failure is about: what operators are advised follows from it, `told.advice-…` in sidebar.json. It is stored with
 * the message, so that they are told the same after a restart.
 */
export type Topic = ToldKind extends infer Kind
  ? Kind extends `advice-${infer Name}`
    ? Name
    : never
  : never

/** Whose fault the failure of an attempt is, and everything that follows from it. */
export interface Fault {
  /** `nobody knows`: it may be the message, the receiver, or what is between. */
  readonly of: 'message' | 'receiver' | 'credentials' | 'proxy' | 'token server' | 'nobody knows'
  /** The message with its lane; or all of the node, at the gate, where logins have long waits. */
  readonly waits: 'message' | 'node' | 'node, as after a login'
  /** The time until the next attempt counts towards *Give up after*. If not, it does where the settings say so. */
  readonly counts: boolean
  /** The receiver may have accepted the message. */
  readonly mayHaveArrived: boolean
  /** It says that it has not, as do circuit breakers and time limits in front of it that know no better: `@again` holds. */
  readonly saidNotTaken?: true
  /** An outage of it turns to a backup receiver. */
  readonly turnsToBackup: 'yes' | 'no'
  /** Undefined if nobody knows, or an acknowledgement says it. */
  readonly about?: Topic
  /** What the error says besides its reason. Without one, that is the remedy of its code or status in codes.json. */
  readonly hint?: Key<'log'> & `hint.${string}`
  /** It says when to come again: Retry-After counts (RFC 9110 §10.2.3). */
  readonly mayAskForRest?: true
  /** No answer to another message disproves it: it is about how many there are. */
  readonly isOfAll?: true
  /** It is an answer to what the message contains: so HL7's application is there. */
  readonly isOfApplication?: true
}

/** What the fault of an attempt is told from. */
export type FailureFacts = Pick<
  AttemptResult,
  'decision' | 'error' | 'fault' | 'isCutEarly' | 'isFirewallPage' | 'meaning' | 'reply' | 'status'
>

const ofMessage: Fault = {
  of: 'message',
  waits: 'message',
  counts: true,
  mayHaveArrived: false,
  turnsToBackup: 'no'
}
/** An AE may have been stored in part. */
const refusedInPart: Fault = { ...ofMessage, mayHaveArrived: true }
/** Timeouts, 500, what cannot be read: each may have stored the message. */
const unknown: Fault = { ...refusedInPart, of: 'nobody knows' }
/** What ends before the request is sent; of the statuses, 425 says so (RFC 8470 §5.2), and 408 (RFC 9110 §15.5.9). */
const notProcessed: Fault = { ...unknown, mayHaveArrived: false }

const wrongAddress: Fault = { ...ofMessage, of: 'receiver', waits: 'node', counts: false }
const unreachable: Fault = { ...wrongAddress, turnsToBackup: 'yes' }
/** nginx, Apache and others say 502 or 504 also if the server behind them stored the message and then broke off. */
const brokenGateway: Fault = { ...unreachable, mayHaveArrived: true }
/** A 2xx with what is no HL7, where HL7 has come: something in front of it answers, perhaps after it has stored the message. */
const fallback: Fault = { ...brokenGateway, about: 'fallback', hint: 'hint.fallback' }
/** 503 or 408 after a while: its own time limit has ended, or that of what is in front. */
const ownLimit: Fault = { ...brokenGateway, about: 'own-limit', hint: 'hint.ownLimit' }
/** The time of such messages counts: it may be what they hold that ends the server each time. */
const cutAgain: Fault = { ...brokenGateway, counts: true }

const notPermitted: Fault = { ...wrongAddress, of: 'credentials' }
/** Each attempt is a login: too many lock the account. */
const login: Fault = { ...notPermitted, waits: 'node, as after a login' }
/** A server that does not accept our certificate lets nothing past its door. */
const ownCertificate: Fault = { ...login, about: 'client-certificate' }

const proxyAway: Fault = { ...wrongAddress, of: 'proxy' }
const proxyLogin: Fault = { ...proxyAway, waits: 'node, as after a login' }

const noToken: Fault = { ...wrongAddress, of: 'token server' }

/** By the status of the receiver, or the one that its answer means. */
const BY_STATUS: Readonly<Record<number, Fault>> = {
  400: { ...ofMessage, about: 'request', isOfApplication: true },
  401: { ...login, about: 'denied' },
  403: { ...notPermitted, about: 'denied' },
  404: { ...wrongAddress, about: 'not-found' },
  405: { ...wrongAddress, about: 'not-found' },
  407: { ...proxyLogin, about: 'proxy' },
  408: { ...notProcessed, saidNotTaken: true, about: 'failed', mayAskForRest: true },
  409: { ...ofMessage, about: 'request', isOfApplication: true },
  410: { ...wrongAddress, about: 'not-found' },
  413: { ...ofMessage, about: 'too-large', isOfApplication: true },
  415: { ...ofMessage, about: 'request', isOfApplication: true },
  422: { ...ofMessage, about: 'request', isOfApplication: true },
  425: { ...notProcessed, about: 'failed', mayAskForRest: true },
  429: { ...wrongAddress, about: 'too-many', mayAskForRest: true, isOfAll: true },
  431: { ...login, about: 'large-token', hint: 'hint.largeToken' },
  501: { ...wrongAddress, about: 'not-found' },
  502: { ...brokenGateway, about: 'behind-gateway' },
  503: { ...unreachable, saidNotTaken: true, about: 'unavailable', mayAskForRest: true },
  504: { ...brokenGateway, about: 'behind-gateway' }
}

/** Any other status, by its class. */
const BY_CLASS: Readonly<Record<number, Fault>> = {
  2: { ...unknown, about: 'no-ack' },
  // It is not followed: the address is another one.
  3: { ...wrongAddress, about: 'redirect' },
  4: { ...ofMessage, about: 'request' }
}
const failed: Fault = { ...unknown, about: 'failed' }

/** Answers that say more than their status, and what is different then. The first that fits. */
const BY_ANSWER: readonly (readonly [is: (facts: FailureFacts) => boolean, Partial<Fault>])[] = [
  [
    ({ isFirewallPage }) => isFirewallPage === true,
    { ...notPermitted, about: 'firewall', hint: 'hint.firewall' }
  ],
  [({ meaning }) => meaning === 'tls', { ...ownCertificate, hint: 'hint.clientCertificate' }],
  [
    ({ reply }) => reply !== undefined && wantsLateCertificate(reply.status, reply.text),
    { hint: 'hint.lateCertificate' }
  ],
  [
    ({ fault }) => fault?.code?.endsWith(UNKNOWN_OPERATION) === true,
    { about: 'operation', hint: 'hint.unknownOperation' }
  ],
  [
    ({ fault }) => fault?.code === UNKNOWN_ACTION,
    { about: 'soap-action', hint: 'hint.fault.UnsupportedOperationFault' }
  ],
  [
    ({ fault, meaning }) => meaning === 400 && fault?.detail === 'MessageTooLargeFault',
    { about: 'too-large', hint: 'hint.faultOfSender' }
  ],
  [({ meaning }) => meaning === 503, fallback],
  [({ meaning, reply }) => meaning === 504 && reply?.status !== 504, ownLimit],
  [({ meaning }) => meaning === 404, { ...wrongAddress, about: 'binary', hint: 'hint.binary' }],
  [
    ({ fault, meaning, reply }) =>
      meaning === 401 && fault === undefined && leadsToLogin(reply?.status),
    { about: 'denied', hint: 'hint.login' }
  ],
  [
    ({ fault, meaning, reply }) =>
      meaning === 401 && fault === undefined && isSuccess(reply?.status),
    { ...login, about: 'login-page', hint: 'hint.loginPage' }
  ],
  // From an address that has never answered with HL7: nobody knows whether it is the right one.
  [
    ({ meaning, reply }) =>
      meaning === undefined && isSuccess(reply?.status) && isPageWithoutHl7(reply?.text ?? ''),
    { about: 'web-page', hint: 'hint.webPage' }
  ],
  [
    ({ fault, meaning }) => meaning === 401 && fault !== undefined,
    { ...login, about: 'login', hint: 'hint.fault.SecurityFault' }
  ],
  [({ fault, meaning }) => meaning === 400 && fault !== undefined, { hint: 'hint.faultOfSender' }]
]

/** A secret of this node is in a file that cannot be used. */
const SECRET_FILE = 'ERR_SECRET_FILE'
/** Of Node.js, for a certificate that is not accepted or a handshake that failed. */
const TLS_CODE = /^(?:CERT_|UNABLE_|ERR_TLS|ERR_SSL|EPROTO)|SELF_SIGNED/
/** The same, for one whose authority is not trusted. */
const OF_AUTHORITY = /^UNABLE_|SELF_SIGNED/
const NO_CONNECTION = /^E(?:CONNREFUSED|NOTFOUND|AI_AGAIN|HOSTUNREACH|NETUNREACH)$/
/** With these, a proxy refuses the login, not the connection. */
const PROXY_LOGIN: ReadonlySet<number | undefined> = new Set([401, 407, 431])

/** So little is enough: it is all that is known where only a code was stored. */
type ErrorFacts = Pick<AttemptError, 'code'> &
  Partial<AttemptError> & { status?: number | undefined }

/** Attempts without an answer, or with one that cannot be read. The first that fits. */
const BY_ERROR: readonly (readonly [is: (facts: ErrorFacts) => boolean, Fault])[] = [
  // Nothing was sent, so no login has failed.
  [({ code }) => code === SECRET_FILE, { ...notPermitted, about: 'secret-file' }],
  [
    ({ atProxy, code }) => atProxy === true && OF_AUTHORITY.test(code),
    { ...proxyAway, about: 'proxy' }
  ],
  [
    ({ atProxy, proxyStatus }) => atProxy === true && PROXY_LOGIN.has(proxyStatus),
    { ...proxyLogin, about: 'proxy', hint: 'hint.proxy' }
  ],
  [
    ({ atProxy, code }) => atProxy === true && (NO_CONNECTION.test(code) || code === 'ETIMEDOUT'),
    { ...proxyAway, about: 'proxy-away', hint: 'hint.proxy' }
  ],
  [({ atProxy }) => atProxy === true, { ...proxyAway, about: 'proxy', hint: 'hint.proxy' }],
  // The proxy is there, and does not reach what is behind it (`tunnel.ts`).
  [
    ({ code }) => code === 'ERR_PROXY_TUNNEL',
    { ...unreachable, about: 'behind-proxy', hint: 'hint.behindProxy' }
  ],
  [({ code }) => code.startsWith('ERR_OSSL_'), { ...ownCertificate, hint: 'hint.ownCertificate' }],
  [
    ({ isOfOwnCertificate }) => isOfOwnCertificate === true,
    { ...ownCertificate, hint: 'hint.clientCertificate' }
  ],
  [({ code }) => code === 'CERT_HAS_EXPIRED', { ...unreachable, about: 'tls-expired' }],
  [({ code }) => code === 'ERR_TLS_CERT_ALTNAME_INVALID', { ...unreachable, about: 'tls-name' }],
  [({ code }) => OF_AUTHORITY.test(code), { ...unreachable, about: 'tls-ca' }],
  [
    ({ code }) => /^(?:HTTPParserError|UND_ERR_)/.test(code),
    { ...unknown, about: 'unreadable', hint: 'hint.unreadable' }
  ],
  [
    ({ code }) => /^HPE_|^ERR_(?:CONTENT_DECODING|RESPONSE_TOO_LARGE|EARLIER_ANSWER)$/.test(code),
    { ...unknown, about: 'unreadable' }
  ],
  [
    ({ code, family }) => family === 'reset' && TLS_CODE.test(code),
    { ...unknown, about: 'cut-answer', hint: 'hint.cut' }
  ],
  [
    ({ family, status }) => family === 'reset' && status !== undefined,
    { ...unknown, about: 'cut-answer', hint: 'hint.cut' }
  ],
  [({ family }) => family === 'reset', { ...unknown, about: 'cut', hint: 'hint.cut' }],
  [({ family }) => family === 'timeout', { ...unknown, about: 'late', hint: 'hint.late' }],
  // A handshake that is cut or takes too long says nothing of certificates.
  [
    ({ code, family }) => family === 'tls' && code === 'ETIMEDOUT',
    { ...unreachable, about: 'unreachable', hint: 'hint.mute' }
  ],
  [
    ({ code, family }) => family === 'tls' && !TLS_CODE.test(code),
    { ...unreachable, about: 'tls-cut', hint: 'hint.tls' }
  ],
  [
    ({ family, text = '' }) => family === 'tls' && text.includes('client certificate'),
    { ...unreachable, about: 'tls', hint: 'hint.clientCertificate' }
  ],
  [
    ({ code }) => code.endsWith('_NO_APPLICATION_PROTOCOL'),
    { ...unreachable, about: 'http2', hint: 'hint.http2' }
  ],
  [
    ({ code }) => /^(?:EPROTO|ERR_SSL)/.test(code),
    { ...unreachable, about: 'tls', hint: 'hint.tls' }
  ],
  [({ code }) => TLS_CODE.test(code), { ...unreachable, about: 'tls' }],
  [
    ({ code, family }) => family === 'connect' || NO_CONNECTION.test(code),
    { ...unreachable, about: 'unreachable' }
  ]
]

/** So many attempts in a row that are cut before any answer are an outage: there is nothing behind that door. */
const CUTS_OF_OUTAGE = 3

/** What it is about that there is no token, by the code. The first that fits. */
const BY_TOKEN_CODE: readonly (readonly [code: RegExp, about: Topic & `token-${string}`])[] = [
  [/^ERR_TOKEN_REFUSED$/, 'token-not-accepted'],
  [/^ERR_(?:SECRET|ASSERTION)_FILE$/, 'token-file'],
  [TLS_CODE, 'token-tls'],
  [/^E[A-Z]+$|^UND_ERR/, 'token-unreachable'],
  [/^(?:invalid|unauthorized)_client$/, 'token-refused'],
  // Fosite says "error" of what it does not know.
  [/^(?:server_)?error$|^HTTP 5/, 'token-server-error']
]

/** What messages are about that were refused for what they hold, or for how they are sent. */
export const REFUSALS: ReadonlySet<string | undefined> = new Set<Topic>([
  'operation',
  'request',
  'soap-action',
  'too-large'
])

/** Everything that a failure may be about. */
export const TOPICS: ReadonlySet<Topic> = new Set(
  [
    ...[BY_STATUS, BY_CLASS].flatMap((table) => Object.values(table)),
    ...[...BY_ANSWER, ...BY_ERROR].map(([, fault]) => fault),
    failed
  ]
    .flatMap(({ about }) => about ?? [])
    .concat(
      BY_TOKEN_CODE.map(([, about]) => about),
      ['token-or-login', 'token-other', 'token-proxy']
    )
)

/**
 * Whose fault it is that an attempt failed: decided here and nowhere else. Who waits, what is said, whether the message
 * may have arrived and whether a backup takes over follow from the answer.
 *
 * @param of.cutsInARow of attempts that were cut before any answer, this one included
 * @param of.hasOwnAddress the message went to an address that it brought along
 * @returns undefined if the attempt did not fail: the message was accepted
 */
export function faultOf(
  result: FailureFacts,
  { cutsInARow = 1, hasOwnAddress = false } = {}
): Fault | undefined {
  const fault = faultAt(result, cutsInARow)
  return hasOwnAddress && fault !== undefined ? ofOwnAddress(fault) : fault
}

/** That there is nothing at its own address says nothing of the node's. */
function ofOwnAddress(fault: Fault): Fault {
  const isOfAddress = fault.of === 'receiver' && fault.turnsToBackup === 'no' && !fault.isOfAll
  return isOfAddress ? { ...fault, waits: 'message', counts: true } : fault
}

function faultAt(result: FailureFacts, cutsInARow: number): Fault | undefined {
  const { decision, error, reply } = result
  if (decision.outcome === 'accept' || decision.outcome === 'await') return undefined
  if (reply?.ack) return isReject(reply.ack.code) ? ofMessage : refusedInPart
  const status = statusOf(result)
  if (error === undefined) return status === undefined ? notProcessed : ofAnswer(status, result)
  if (error.family === 'token') {
    return { ...noToken, about: error.atProxy ? 'token-proxy' : topicOfToken(error.code) }
  }
  const known = ofError({ ...error, status: result.status })
  const isOutage = result.isCutEarly === true && cutsInARow >= CUTS_OF_OUTAGE
  const isRefused = status !== undefined && Math.floor(status / 100) !== 2
  // What it is about is that it broke off; who waits is decided by its status, or by how often that happens.
  if (isOutage) return { ...cutAgain, ...saidOf(known) }
  if (isRefused) return { ...faultOfStatus(status), ...saidOf(known) }
  return known ?? (status === undefined ? notProcessed : unknown)
}

function ofAnswer(status: number, facts: FailureFacts): Fault {
  const [, different] = BY_ANSWER.find(([is]) => is(facts)) ?? []
  return { ...faultOfStatus(status), ...different }
}

function isSuccess(status = 0): boolean {
  return status >= 200 && status < 300
}

/** Of an answer that means 401: a redirect, or a form with 403. */
function leadsToLogin(status = 0): boolean {
  return status === 403 || (status >= 300 && status < 400)
}

function ofError(facts: ErrorFacts): Fault | undefined {
  return BY_ERROR.find(([is]) => is(facts))?.[1]
}

function saidOf({ about, hint }: Partial<Fault> = {}): Pick<Fault, 'about' | 'hint'> {
  return { ...(about !== undefined && { about }), ...(hint !== undefined && { hint }) }
}

/** The time that passes after an attempt counts towards *Give up after*. */
export function countsTime(
  fault: Fault | undefined,
  { failWhileUnreachable }: { failWhileUnreachable: boolean }
): boolean {
  return fault?.counts !== false || failWhileUnreachable
}

/** What follows from a status of the receiver alone. */
export function faultOfStatus(status: number): Fault {
  return BY_STATUS[status] ?? BY_CLASS[Math.floor(status / 100)] ?? failed
}

/** The receiver's status, or the one that its reply means; undefined if none came. */
export function statusOf({
  meaning,
  reply,
  status
}: Pick<FailureFacts, 'meaning' | 'reply' | 'status'>): number | undefined {
  return typeof meaning === 'number' ? meaning : (reply?.status ?? status)
}

/** What a code is about that is all that is known: of Node.js, or an HTTP status. */
export function topicOfCode(code: string): Topic | undefined {
  const [, status] = /^(?:HTTP )?([1-5]\d\d)$/.exec(code) ?? []
  return (status === undefined ? ofError({ code }) : faultOfStatus(Number(status)))?.about
}

/**
 * What it is about that there is no token.
 *
 * @param grant as set; `''` if it is not known
 */
export function topicOfToken(code: string, grant = ''): Topic & `token-${string}` {
  // Perl's Net::OAuth2::AuthorizationServer says so of a wrong secret: nothing else was granted.
  if (code === 'invalid_grant' && grant === 'client_credentials') return 'token-refused'
  return BY_TOKEN_CODE.find(([pattern]) => pattern.test(code))?.[1] ?? 'token-other'
}

/** Whether the time of failures about this counts towards *Give up after*, whatever the settings say. */
export function isCounted(topic: Topic): boolean {
  const faults = [
    ...Object.values(BY_STATUS),
    ...[...BY_ANSWER, ...BY_ERROR].map(([, fault]): Partial<Fault> => fault)
  ]
  return faults.every(({ about, counts }) => about !== topic || counts !== false)
}

/** Whether a message that failed with something of this kind may have arrived all the same. */
export function isUncertain(topic: Topic): boolean {
  const faults: Partial<Fault>[] = [
    ...Object.values(BY_STATUS),
    ...Object.values(BY_CLASS),
    ...[...BY_ANSWER, ...BY_ERROR].map(([, fault]) => fault),
    failed
  ]
  return faults.some(
    ({ about, mayHaveArrived, saidNotTaken }) =>
      about === topic && (mayHaveArrived === true || saidNotTaken === true)
  )
}

/** What does not pass by itself: a login, an address or a certificate is refused, and somebody has to put that right. */
const NEED_SOMEBODY: ReadonlySet<string> = new Set<Topic>([
  'client-certificate',
  'denied',
  'firewall',
  'large-token',
  'login',
  'login-page',
  'not-found',
  'proxy',
  'redirect',
  'secret-file',
  'tls',
  'tls-ca',
  'tls-expired',
  'tls-name',
  'token-file',
  'token-not-accepted',
  'token-or-login',
  'token-refused',
  'token-tls'
])

/** Whether a failure is of that kind, by what it is about; an earlier version did not store that. */
export function needsSomebody(about: string | undefined, code: string): boolean {
  return NEED_SOMEBODY.has(about ?? topicOfCode(code) ?? '')
}

/** Whether the receiver may have accepted the message in an attempt that failed. */
export function mayHaveArrived(result: FailureFacts & Pick<AttemptResult, 'repeats'>): boolean {
  // Each request on a connection that turned out to be dead may have arrived.
  return (result.repeats ?? 0) > 0 || faultOf(result)?.mayHaveArrived === true
}
