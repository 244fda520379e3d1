import { ACK_TIMEOUT } from '../../src/delivery/acknowledgements.ts'
import type { AlertCode } from '../../src/delivery/alerts.ts'
import type { DeliveryState } from '../../src/delivery/delivery-state.ts'
import type { TokenStatus } from '../../src/oauth2/token-status.ts'
import { printable } from '../../src/printable.ts'
import type { Verdict } from '../../src/queue/message-row.ts'
import type { Told, ToldKind } from '../../src/told.ts'
import type { EndingCertificate } from '../certificate-watch.ts'
import { errorRow } from './verdict-told.ts'

/** What advice is made from. */
export interface AdviceFacts {
  delivery: DeliveryState
  /** Undefined if the receiver wants no token. */
  token: TokenStatus | undefined
  names: AdviceNames
  contact: string
  giveUp: GiveUp
  /** Messages are stored on disk and survive a restart. */
  isDurable: boolean
  /** The code of the last refusal of a new message, while it still applies; `''` for none. */
  refusal: string
  alerts: ReadonlySet<AlertCode>
  ending: EndingCertificate | undefined
}

/** When a message that is retried goes to Catch. */
export interface GiveUp {
  /** Counted from its first attempt; `Infinity`: never. */
  afterMs: number
  /** The clock runs during an outage too. */
  whileUnreachable: boolean
}

/** The servers that can refuse, as they are named in advice. */
export interface AdviceNames {
  /** Host and port of the receiver. */
  host: string
  /** Of the token server, and who this node is there; `''` if it has none. */
  server: string
  client: string
  /** Of the proxy; `''` if the node names none. */
  proxy: string
}

type Advice = [kind: ToldKind & `advice-${string}`, values?: Told['values']]

/** Longer texts of the token server are cut, in characters. */
const MOST_SAID = 200

/** What to do about a node, and whether messages are safe; undefined if there is nothing to do. The worst comes first. */
export function adviceOf(facts: AdviceFacts): Told | undefined {
  const advice =
    queueFault(facts) ??
    paused(facts) ??
    tokenTrouble(facts) ??
    retryTrouble(facts) ??
    pastTrouble(facts) ??
    whatComes(facts)
  if (advice === undefined) return undefined
  const { contact, delivery, isDurable, names } = facts
  const [kind, values = {}] = advice
  const { queued, inFlight, suspended } = delivery
  const besides = SUSPENSIONS.has(kind) ? 0 : suspended
  const waiting = queued + inFlight
  const queue = isDurable ? 'disk' : 'memory'
  return { kind, values: { ...names, ...values, waiting, besides, queue, contact } }
}

/**
 * Adds for how long messages are retried, in seconds; 0 for no limit.
 *
 * @param counts whether the clock runs even if outages do not count
 */
function retried([kind, values]: Advice, counts: boolean, { giveUp }: AdviceFacts): Advice {
  const { afterMs, whileUnreachable } = giveUp
  const ends = afterMs < Infinity && (counts || whileUnreachable)
  return [kind, { ...values, giveUpSeconds: ends ? Math.round(afterMs / 1000) : 0 }]
}

/** Advice for a node that is not running. Its messages stay in the queue file. */
export function adviceAtRest(
  kind: 'advice-config' | 'advice-stopped',
  waiting: number,
  contact: string,
  values: Told['values'] = {}
): Told {
  return { kind, values: { ...values, waiting, queue: 'disk', contact } }
}

function queueFault({ delivery: { failing }, refusal }: AdviceFacts): Advice | undefined {
  if (refusal === 'HL7_QUEUE_FULL') return ['advice-queue-full']
  const cause = /^SQLITE_|^ERR_QUEUE|^HL7_QUEUE_FAILED$/.test(failing ?? '') ? failing : null
  if (cause === 'SQLITE_FULL') return ['advice-disk-full']
  if (cause !== null) return ['advice-queue-fault', { cause }]
  return refusal === 'HL7_QUEUE_FAILED' ? ['advice-queue-fault', { cause: refusal }] : undefined
}

function paused({ delivery }: AdviceFacts): Advice | undefined {
  if (delivery.paused === null) return undefined
  const { by, reason } = delivery.paused
  return ['advice-paused', { by, note: reason }]
}

/** Without a message that needs a token, the next request may well succeed. */
function tokenTrouble(facts: AdviceFacts): Advice | undefined {
  const { delivery, token } = facts
  if (token?.state !== 'none' || delivery.state === 'idle') return undefined
  const { code, permanent } = token
  const isOutage = isUnreachable(code)
  const kind =
    code === 'ERR_TOKEN_REFUSED'
      ? 'advice-token-not-accepted'
      : isOutage
        ? 'advice-token-unreachable'
        : /^(?:invalid|unauthorized)_client$/.test(code)
          ? 'advice-token-refused'
          : 'advice-token-other'
  return retried([kind, tokenValues(token)], permanent && !isOutage, facts)
}

/** The cause, and where known the server and what it said; never a secret. */
function tokenValues({ code, description = '', host }: TokenTrouble): Told['values'] {
  const said = printable(description, MOST_SAID)
  return { cause: code, said, ...(host !== undefined && { server: printable(host) }) }
}

interface TokenTrouble {
  code: string
  host?: string | undefined
  description?: string | undefined
}

/** Whether the code is one of Node.js or TLS, or a 5xx status: the server could not be reached, or did not work. */
function isUnreachable(code: string): boolean {
  return /^E[A-Z]+$|^HTTP 5|^UND_ERR/.test(code) || TLS_CODE.test(code)
}

/** Of Node.js, for a certificate that is not accepted or a handshake that failed. */
const TLS_CODE = /^(?:CERT_|UNABLE_|ERR_TLS|ERR_SSL|EPROTO)|SELF_SIGNED/

function retryTrouble(facts: AdviceFacts): Advice | undefined {
  const { retry, failure } = facts.delivery
  if (retry === null) return undefined
  const { attempts, cause, controlId } = retry
  const values = { cause, attempt: attempts + 1, controlId: printable(controlId) }
  const kind = retryKind(cause, failure)
  return retried([kind, values], !OUTAGES.has(kind), facts)
}

/** @param last failure, which may have been of a different message that is also being retried */
function retryKind(cause: string, last: DeliveryState['failure']): Advice[0] {
  const failure = last?.code === cause ? last : undefined
  if (failure?.atProxy || cause === '407') return 'advice-proxy'
  // Otherwise it is the proxy that does not let it through.
  if (cause === 'ERR_PROXY_TUNNEL') return 'advice-behind-proxy'
  if (cause === 'CERT_HAS_EXPIRED') return 'advice-tls-expired'
  if (failure?.isOfOwnCertificate) return 'advice-client-certificate'
  const family = failure?.family ?? (TLS_CODE.test(cause) ? 'tls' : last?.family)
  const isTls = TLS_CODE.test(cause)
  if (family === 'reset') return isTls ? 'advice-cut-answer' : 'advice-cut'
  // A handshake that is cut or takes too long says nothing of certificates.
  if (family === 'tls' && isTls) return 'advice-tls'
  if (family === 'tls' && cause !== 'ETIMEDOUT') return 'advice-tls-cut'
  if (family === 'tls') return 'advice-unreachable'
  if (
    family === 'connect' ||
    /^E(?:CONNREFUSED|NOTFOUND|AI_AGAIN|HOSTUNREACH|NETUNREACH)$/.test(cause)
  ) {
    return 'advice-unreachable'
  }
  return STATUS_ADVICE[cause] ?? (family === 'timeout' ? 'advice-late' : 'advice-retrying')
}

/** During these, the clock runs only if outages count: no one has refused the message. */
const OUTAGES: ReadonlySet<Advice[0]> = new Set<Advice[0]>([
  'advice-behind-proxy',
  'advice-client-certificate',
  'advice-proxy',
  'advice-tls',
  'advice-tls-cut',
  'advice-tls-expired',
  'advice-unavailable',
  'advice-unreachable'
])

const STATUS_ADVICE: Partial<Record<string, Advice[0]>> = {
  401: 'advice-denied',
  403: 'advice-denied',
  404: 'advice-not-found',
  429: 'advice-too-many',
  431: 'advice-large-token',
  502: 'advice-unavailable',
  503: 'advice-unavailable',
  504: 'advice-unavailable'
}

/** What has already gone wrong and now needs a person. */
function pastTrouble({ delivery }: AdviceFacts): Advice | undefined {
  const { failing, suspended, suspendedFor } = delivery
  if (suspendedFor !== null) return suspension(suspendedFor, suspended)
  return failing === null ? undefined : ['advice-error', { cause: failing }]
}

function suspension(verdict: Verdict, count: number): Advice {
  const { ackCode, cause, errorCode, errors, rule, status } = verdict
  if (errorCode === 'ERR_ENDED_TWICE') return ['advice-ended-twice', { count }]
  if (cause === ACK_TIMEOUT) return ['advice-no-application-ack', { count }]
  if (ackCode === '') {
    return ['advice-suspended-unknown', { count, rule, cause: String(status || cause) }]
  }
  const [first] = errors.map(errorRow)
  const said = [ackCode, first?.code, first?.text].filter(Boolean).join(' ')
  return ['advice-suspended', { count, rule, answer: said }]
}

/** Advice that already says how many messages are suspended. */
const SUSPENSIONS: ReadonlySet<Advice[0]> = new Set<Advice[0]>([
  'advice-ended-twice',
  'advice-no-application-ack',
  'advice-suspended',
  'advice-suspended-unknown'
])

/** What has not failed yet, but may soon. */
function whatComes({ alerts, delivery, ending, token }: AdviceFacts): Advice | undefined {
  if (token?.state === 'refresh failing') {
    return ['advice-token-failing', tokenValues(token)]
  }
  if (alerts.has('QUEUE_WAIT')) {
    return ['advice-queue-wait', { seconds: Math.floor(delivery.longestWaitMs / 1000) }]
  }
  if (alerts.has('QUEUE_COUNT')) return ['advice-queue-count']
  return ending && ['advice-certificate', { of: ending.of, days: ending.daysLeft }]
}
