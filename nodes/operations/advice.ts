import { ACK_TIMEOUT } from '../../src/delivery/acknowledgements.ts'
import type { DeliveryState } from '../../src/delivery/delivery-state.ts'
import { printable } from '../../src/printable.ts'
import { SET_ASIDE } from '../../src/queue/message-row.ts'
import type { Told, ToldKind } from '../../src/told.ts'
import type { GiveUp } from '../flow/out-parts.ts'
import type { ServerNames } from '../settings/read-out-settings.ts'
import { refusingValues, type Condition, type ConditionFacts } from '../flow/conditions.ts'
import type { ConditionCode } from '../../src/codes.ts'
import { errorRow } from '../../src/hl7/error-codes.ts'

/** What advice is made from. */
export interface AdviceFacts extends ConditionFacts {
  names: ServerNames
  contact: string
  giveUp: GiveUp
  /** Messages are stored on disk and survive a restart. */
  isDurable: boolean
}

type Advice = [kind: ToldKind & `advice-${string}`, values?: Told['values']]

/** Longer texts of the token server are cut, in characters. */
const MOST_SAID = 200

/** What to do about a condition that keeps no message from leaving. */
const ADVICE: Readonly<Partial<Record<ConditionCode, (facts: AdviceFacts) => Advice | undefined>>> =
  {
    ERROR: (facts) => (facts.stands.givenUp === undefined ? pastError(facts) : givenUp(facts)),
    GIVEN_UP: givenUp,
    QUEUE_WAIT: ({ delivery }) => [
      'advice-queue-wait',
      { seconds: Math.floor(delivery.longestWaitMs / 1000) }
    ],
    QUEUE_COUNT: () => ['advice-queue-count'],
    SUSPENDED: suspension,
    TOKEN: tokenFailing,
    QUIET: ({ quietSeconds = 0 }) => ['advice-quiet', { seconds: quietSeconds }],
    CERTIFICATE: ({ ending }) =>
      ending && ['advice-certificate', { of: ending.of, days: ending.daysLeft }],
    REFUSING: ({ stands }) => ['advice-refusing', refusingValues(stands)]
  }

/**
 * What to do about a node, and whether messages are safe; undefined if there is nothing to do. A queue that takes
 * nothing comes first, then what keeps messages from leaving: at night, the cause is wanted.
 *
 * @param conditions that hold, the most urgent first
 */
export function adviceOf(
  conditions: readonly Pick<Condition, 'code'>[],
  facts: AdviceFacts
): Told | undefined {
  const advice =
    queueFault(facts) ??
    heldUp(facts) ??
    conditions.map(({ code }) => ADVICE[code]?.(facts)).find((found) => found !== undefined)
  if (advice === undefined) return undefined
  const { contact, delivery, isDurable, names, stands } = facts
  const [kind, values = {}] = advice
  const { queued, inFlight, suspended } = delivery
  const besides = SUSPENSIONS.has(kind) ? 0 : suspended
  const given = kind === 'advice-given-up' ? 0 : (stands.givenUp?.count ?? 0)
  const waiting = queued + inFlight
  const queue = isDurable ? 'disk' : 'memory'
  return { kind, values: { ...names, ...values, waiting, besides, givenUp: given, queue, contact } }
}

/** What keeps messages from leaving now. */
function heldUp(facts: AdviceFacts): Advice | undefined {
  return paused(facts) ?? tokenTrouble(facts) ?? retryTrouble(facts)
}

function givenUp({ now, stands }: AdviceFacts): Advice | undefined {
  const { givenUp: given } = stands
  if (given === undefined) return undefined
  const seconds = Math.round(Math.max(0, now - given.since) / 1000)
  return ['advice-given-up', { count: given.count, seconds }]
}

function pastError({ delivery: { failing } }: AdviceFacts): Advice | undefined {
  return failing === null ? undefined : ['advice-error', { cause: failing }]
}

function tokenFailing({ token }: AdviceFacts): Advice | undefined {
  return token?.state === 'refresh failing'
    ? ['advice-token-failing', tokenValues(token)]
    : undefined
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

/** The queue takes nothing. */
function queueFault({ delivery: { failing }, isFull, refusal }: AdviceFacts): Advice | undefined {
  const cause = /^SQLITE_|^ERR_QUEUE|^HL7_QUEUE_FAILED$/.test(failing ?? '') ? failing : null
  if (cause === 'SQLITE_FULL') return ['advice-disk-full']
  if (cause !== null) return ['advice-queue-fault', { cause }]
  if (refusal === 'HL7_QUEUE_FAILED') return ['advice-queue-fault', { cause: refusal }]
  return isFull ? ['advice-queue-full'] : undefined
}

function paused({ delivery }: AdviceFacts): Advice | undefined {
  if (delivery.paused === null) return undefined
  const { by, reason } = delivery.paused
  return ['advice-paused', { by, note: reason }]
}

function tokenTrouble(facts: AdviceFacts): Advice | undefined {
  const { token } = facts
  if (token?.state !== 'none') return undefined
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
  const { retry } = facts.delivery
  if (retry === null) return undefined
  const { attempts, cause, controlId } = retry
  const values = { cause, attempt: attempts + 1, controlId: printable(controlId) }
  const kind = retryKind(cause, facts.delivery)
  return retried([kind, values], !OUTAGES.has(kind), facts)
}

/** @param delivery with the last failure, which may have been of a different message that is also being retried */
function retryKind(cause: string, { failure: last }: DeliveryState): Advice[0] {
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
  return STATUS_ADVICE[cause] ?? (failure?.family === 'timeout' ? 'advice-late' : 'advice-retrying')
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

function suspension({ delivery }: AdviceFacts): Advice | undefined {
  const { suspended: count, suspendedFor } = delivery
  if (suspendedFor === null) return undefined
  const { ackCode, cause, errorCode, errors, rule, status } = suspendedFor
  if (errorCode === 'ERR_ENDED_TWICE') return ['advice-ended-twice', { count }]
  if (errorCode === SET_ASIDE) return ['advice-set-aside', { count }]
  if (cause === ACK_TIMEOUT) return ['advice-no-application-ack', { count }]
  if (ackCode === '') {
    return ['advice-suspended-unknown', { count, rule, cause: String(status || cause) }]
  }
  const [first] = errors.map(errorRow)
  const said = [ackCode, first?.code, first?.text].filter(Boolean).join(' ')
  return ['advice-suspended', { count, rule, answer: said, error: first?.code ?? '' }]
}

/** Advice that already says how many messages are suspended. */
const SUSPENSIONS: ReadonlySet<Advice[0]> = new Set<Advice[0]>([
  'advice-set-aside',
  'advice-ended-twice',
  'advice-no-application-ack',
  'advice-suspended',
  'advice-suspended-unknown'
])
