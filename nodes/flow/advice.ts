import { ACK_TIMEOUT } from '../../src/delivery/acknowledgements.ts'
import {
  isCounted,
  TOPICS,
  topicOfCode,
  topicOfToken,
  type Topic
} from '../../src/delivery/fault.ts'
import { pauseValues } from '../../src/delivery/reporter.ts'
import { printable } from '../../src/printable.ts'
import { SET_ASIDE } from '../../src/queue/message-row.ts'
import type { Told, ToldKind } from '../../src/told.ts'
import type { GivenUp } from '../../src/queue/figures.ts'
import type { ServerNames } from '../settings/read-out-settings.ts'
import type { ConditionFacts, GiveUp } from './condition-facts.ts'
import { turnedAwayValues } from './turned-away.ts'
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

/** What to do about one condition; undefined if it does not hold, or there is nothing to do. */
export type Advise = (facts: AdviceFacts) => Advice | undefined

/** Longer texts of the token server are cut, in characters. */
const MOST_SAID = 200

/**
 * What to do about a node, and whether messages are safe; undefined if there is nothing to do. A queue that takes
 * nothing comes first, then what keeps messages from leaving: at night, the cause is wanted.
 *
 * @param conditions that hold, the most urgent first
 */
export function adviceOf(
  conditions: readonly { row: { advice?: Advise } }[],
  facts: AdviceFacts
): Told | undefined {
  const advice =
    diskSilent(facts) ??
    queueFault(facts) ??
    heldUp(facts) ??
    conditions.map(({ row }) => row.advice?.(facts)).find((found) => found !== undefined)
  if (advice === undefined) return undefined
  const { contact, delivery, isDurable, names, stands } = facts
  const [kind, values = {}] = advice
  const { queued, inFlight, suspended } = delivery
  const besides = SUSPENSIONS.has(kind) ? 0 : suspended
  const given = kind === 'advice-given-up' ? 0 : (stands.givenUp?.count ?? 0)
  const waiting = queued + inFlight
  const queue = isDurable ? 'disk' : 'memory'
  const { host, server, client, proxy } = names
  const servers = { host, server, client, proxy }
  return {
    kind,
    values: { ...servers, ...values, waiting, besides, givenUp: given, queue, contact }
  }
}

/** What keeps messages from leaving now. */
function heldUp(facts: AdviceFacts): Advice | undefined {
  return paused(facts) ?? tokenTrouble(facts) ?? waitsForFirst(facts) ?? retryTrouble(facts)
}

/** Messages go to the backup; what is retried may go nowhere but to the first address. */
function waitsForFirst(facts: AdviceFacts): Advice | undefined {
  const { backup, retrying } = facts.delivery
  return backup !== null && retrying <= backup.waiting ? onBackup(facts) : undefined
}

export function onBackup({ delivery: { backup } }: AdviceFacts): Advice | undefined {
  if (backup === null) return undefined
  const { by, host, isByHand, waiting } = backup
  const kind = isByHand && by === '' ? 'advice-backup-by-hand' : 'advice-backup'
  return [kind, { backup: printable(host), by: printable(by), bound: waiting }]
}

/** Why the last one was given up, and what to do about that, is said as for one that is retried. */
export function givenUp({ names, now, stands }: AdviceFacts): Advice | undefined {
  const { givenUp: given } = stands
  if (given === undefined) return undefined
  const seconds = Math.round(Math.max(0, now - given.since) / 1000)
  return ['advice-given-up', { count: given.count, seconds, ...reasonValues(given, names) }]
}

export function pastError({ delivery: { failing }, names }: AdviceFacts): Advice | undefined {
  if (failing === null) return undefined
  return ['advice-error', reasonValues({ cause: failing }, names)]
}

function reasonValues(
  { about, cause = '', operation }: Pick<GivenUp, 'about' | 'cause' | 'operation'>,
  { grant }: ServerNames
): Told['values'] {
  const topic = knownTopic(about, cause, grant)
  return {
    cause,
    ...(topic !== undefined && { why: `advice-${topic}` }),
    ...(operation !== undefined && { operation })
  }
}

/** A token that cannot be renewed: messages still leave. */
export function tokenFailing({ names, now, token }: AdviceFacts): Advice | undefined {
  if (token?.state !== 'refresh failing') return undefined
  const todo = topicOfToken(token.code, names.grant)
  const seconds = Math.round(Math.max(0, token.validUntil - now) / 1000)
  return ['advice-token-failing', { ...tokenValues(token, names, todo), todo, seconds }]
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

/** So long the disk may take to confirm what it was asked, in milliseconds. */
const MOST_SILENT_MS = 10_000

export function isDiskSilent({ delivery }: ConditionFacts): boolean {
  return delivery.diskSilentMs >= MOST_SILENT_MS
}

/** The disk confirms nothing, and reports no error either. */
export function diskSilent(facts: AdviceFacts): Advice | undefined {
  if (!isDiskSilent(facts)) return undefined
  const { diskSilentMs, unconfirmed } = facts.delivery
  const silentSeconds = Math.floor(diskSilentMs / 1000)
  if (unconfirmed === 0) return ['advice-disk', { seconds: silentSeconds }]
  return ['advice-disk-unconfirmed', { seconds: silentSeconds, count: unconfirmed }]
}

/** The queue takes nothing. */
export function queueFault({
  delivery: { failing },
  refusal,
  turnedAway
}: AdviceFacts): Advice | undefined {
  const cause = /^SQLITE_|^ERR_QUEUE|^HL7_QUEUE_FAILED$/.test(failing ?? '') ? failing : null
  const why = turnedAway?.lasts === true ? turnedAway.why : ''
  if (cause === 'SQLITE_FULL' || why === 'disk') return ['advice-disk-full']
  if (cause !== null) return ['advice-queue-fault', { cause }]
  if (refusal === 'HL7_QUEUE_FAILED') return ['advice-queue-fault', { cause: refusal }]
  return why === 'limit' ? ['advice-queue-full'] : undefined
}

/** What the queue did not take is not here. */
export function repeatTurnedAway({ turnedAway }: AdviceFacts): Advice | undefined {
  return turnedAway && ['advice-turned-away', turnedAwayValues(turnedAway)]
}

export function paused({ delivery }: AdviceFacts): Advice | undefined {
  if (delivery.paused === null) return undefined
  const { by } = delivery.paused
  const { reason: note, ...values } = pauseValues(delivery.paused)
  return ['advice-paused', { by, note: note ?? '', ...values }]
}

export function tokenTrouble(facts: AdviceFacts): Advice | undefined {
  const { names, token } = facts
  if (token?.state !== 'none') return undefined
  const { code, permanent } = token
  const topic = topicOfToken(code, names.grant)
  const counts = permanent && topic !== 'token-unreachable'
  return retried([`advice-${topic}`, tokenValues(token, names, topic)], counts, facts)
}

/** The cause, and where known the server and what it said; never a secret. */
function tokenValues(
  { code, description = '', host }: TokenTrouble,
  { isBlankAround }: ServerNames,
  topic: Topic
): Told['values'] {
  const said = printable(description, MOST_SAID)
  return {
    cause: code,
    said,
    ...(host !== undefined && { server: printable(host) }),
    ...(isBlankAround && topic === 'token-refused' && { blank: 'secret' })
  }
}

interface TokenTrouble {
  code: string
  host?: string | undefined
  description?: string | undefined
}

export function retryTrouble(facts: AdviceFacts): Advice | undefined {
  const { retry } = facts.delivery
  if (retry === null) return undefined
  const { about, attempts, cause, errors = [], mayHaveArrived, operation } = retry
  const controlId = printable(retry.controlId)
  const topic = knownTopic(about, cause, facts.names.grant)
  const values = {
    cause,
    attempt: attempts + 1,
    controlId,
    ...(mayHaveArrived && { arrived: controlId }),
    ...(operation !== undefined && { operation }),
    ...(errors[0] !== undefined && { error: errors[0].code })
  }
  const advice: Advice = [topic === undefined ? 'advice-retrying' : `advice-${topic}`, values]
  return retried(advice, topic === undefined || isCounted(topic), facts)
}

/**
 * What a failure is about.
 *
 * @param about as it was stored; an earlier version did not
 */
function knownTopic(about: string | undefined, cause: string, grant: string): Topic | undefined {
  const topic = [...TOPICS].find((one) => one === about) ?? topicOfCode(cause)
  return topic?.startsWith('token-') ? topicOfToken(cause, grant) : topic
}

export function suspension({ delivery }: AdviceFacts): Advice | undefined {
  const { suspended: count, suspendedFor } = delivery
  if (suspendedFor === null) return undefined
  const { ackCode, cause, errorCode, errors, mayHaveArrived, rule, status } = suspendedFor
  if (errorCode === 'ERR_ENDED_TWICE') return ['advice-ended-twice', { count }]
  if (errorCode === SET_ASIDE) return ['advice-set-aside', { count }]
  if (cause === ACK_TIMEOUT) return ['advice-no-application-ack', { count }]
  if (ackCode === '') {
    const kind = mayHaveArrived ? 'advice-suspended-unknown' : 'advice-suspended-unsent'
    return [kind, { count, rule, cause: String(status || cause) }]
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
  'advice-suspended-unknown',
  'advice-suspended-unsent'
])
