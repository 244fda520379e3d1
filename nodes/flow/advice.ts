import { ACK_TIMEOUT } from '../../src/delivery/acknowledgements.ts'
import {
  isCounted,
  isUncertain,
  REFUSALS,
  TOPICS,
  topicOfCode,
  topicOfToken,
  type Topic
} from '../../src/delivery/fault.ts'
import { pauseValues } from '../../src/delivery/reporter.ts'
import { printable } from '../../src/printable.ts'
import { SET_ASIDE } from '../../src/queue/message-row.ts'
import { parseReplyRules, type ReplyRule } from '../../src/rules/reply-rules.ts'
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
  /** So many days the contents of messages that have left are kept. */
  contentDays: number
  /** Something takes what leaves on NAK. */
  isNakWired: boolean
  /** Messages are stored on disk and survive a restart. */
  isDurable: boolean
}

type Advice = [kind: ToldKind & `advice-${string}`, values?: Told['values']]

/** What to do about one condition; undefined if it does not hold, or there is nothing to do. */
export type Advise = (facts: AdviceFacts) => Advice | undefined

/** So many messages that were given up, the last of them just now, will not be the last ones. */
const GIVEN_UP_IN_A_ROW = 3

/** Longer texts of the token server are cut, in characters. */
const MOST_SAID = 200

/**
 * What to do about a node, and whether messages are safe; undefined if there is nothing to do. A queue that takes
 * nothing comes first, then what keeps messages from leaving: at night, the cause is wanted.
 *
 * @param conditions that hold, the most urgent first
 */
export function adviceOf(
  conditions: readonly { row: { code: string; advice?: Advise }; since: number }[],
  facts: AdviceFacts
): Told | undefined {
  const retryingSince = conditions.find(({ row }) => row.code === 'RETRYING')?.since
  const advice =
    diskSilent(facts) ??
    queueFault(facts) ??
    heldUp(facts, retryingSince) ??
    conditions.map(({ row }) => row.advice?.(facts)).find((found) => found !== undefined)
  if (advice === undefined) return undefined
  const { contact, delivery, isDurable, names, stands } = facts
  const [kind, values = {}] = advice
  const { queued, inFlight, suspended } = delivery
  const besides = SUSPENSIONS.has(kind) ? 0 : suspended
  const given = kind === 'advice-given-up' ? 0 : (stands.givenUp?.count ?? 0)
  const waiting = queued + inFlight
  const queue = isDurable ? 'disk' : 'memory'
  const { server, client, proxy } = names
  // The one that is asked.
  const host = delivery.backup === null ? names.host : printable(delivery.backup.host)
  const servers = { host, server, client, proxy }
  const call = isReceivers(advice) ? contact : ''
  const held = { waiting, besides, givenUp: given, queue, contact: call }
  return {
    kind,
    values: { ...servers, ...values, ...held, ...(givesUpAll(facts) && { pause: 'first' }) }
  }
}

/** One message after the other is given up, whatever for: only a pause keeps the next ones here. */
function givesUpAll({ delivery, stands }: AdviceFacts): boolean {
  const { lastOutcome, paused } = delivery
  const { count = 0 } = stands.givenUp ?? {}
  return paused === null && count >= GIVEN_UP_IN_A_ROW && lastOutcome?.outcome === 'error'
}

/** What the contact of the receiver can do nothing about, nor about its address or the credentials that it wants. */
const NOT_OF_RECEIVER: ReadonlySet<Advice[0]> = new Set<Advice[0]>([
  ...(['advice-backup-by', 'advice-backup-by-hand', 'advice-ended', 'advice-ended-twice'] as const),
  ...([
    'advice-disk',
    'advice-disk-full',
    'advice-disk-unconfirmed',
    'advice-nak-unwired'
  ] as const),
  ...(['advice-name-unknown', 'advice-paused', 'advice-proxy', 'advice-proxy-away'] as const),
  ...(['advice-queue-count', 'advice-queue-fault', 'advice-queue-full'] as const),
  ...(['advice-queue-wait', 'advice-quiet', 'advice-secret-file', 'advice-set-aside'] as const),
  ...(['advice-token-failing', 'advice-token-other', 'advice-token-proxy'] as const),
  ...(['advice-token-refused', 'advice-token-server-error', 'advice-token-tls'] as const),
  ...(['advice-token-file', 'advice-token-unreachable'] as const),
  'advice-turned-away'
])

function isReceivers([kind, { by = '', of } = {}]: Advice): boolean {
  if (NOT_OF_RECEIVER.has(kind)) return false
  // Somebody has switched, or another certificate ends.
  if (kind === 'advice-backup') return by === ''
  return kind !== 'advice-certificate' || of === 'receiver' || of === 'backup'
}

/** What keeps messages from leaving now. */
function heldUp(facts: AdviceFacts, retryingSince: number | undefined): Advice | undefined {
  return (
    paused(facts) ??
    tokenTrouble(facts) ??
    bothOut(facts, retryingSince) ??
    waitsForFirst(facts) ??
    retryTrouble(facts)
  )
}

/** An outage has turned to the backup, and that has one, too. */
export function isBothOut({ delivery: { backup, isOutage, retry } }: ConditionFacts): boolean {
  return backup !== null && !backup.isByHand && isOutage && retry !== null
}

function bothOut(facts: AdviceFacts, since = facts.now): Advice | undefined {
  const { backup, retry } = facts.delivery
  if (!isBothOut(facts) || backup === null || retry === null) return undefined
  const turned = backup.since || since
  return [
    'advice-both-out',
    {
      host: facts.names.host,
      backup: printable(backup.host),
      cause: retry.cause,
      from: new Date(turned).toISOString(),
      since: new Date(Math.max(since, turned)).toISOString()
    }
  ]
}

/** Messages go to the backup; what is retried may go nowhere but to the first address. */
function waitsForFirst(facts: AdviceFacts): Advice | undefined {
  const { backup, retrying } = facts.delivery
  return backup !== null && retrying <= backup.waiting ? onBackup(facts) : undefined
}

export function onBackup({ delivery: { backup }, names }: AdviceFacts): Advice | undefined {
  if (backup === null) return undefined
  const { by, host, isByHand, waiting } = backup
  const kind = isByHand && by === '' ? 'advice-backup-by-hand' : 'advice-backup'
  const hosts = { host: names.host, backup: printable(host) }
  return [kind, { ...hosts, by: printable(by), bound: waiting }]
}

/** Why the last one was given up, and what to do about that, is said as for one that is retried. */
export function givenUp({
  contentDays,
  delivery,
  names,
  now,
  stands
}: AdviceFacts): Advice | undefined {
  const { givenUp: given } = stands
  if (given === undefined) return undefined
  const { about, cause = '', count } = given
  const seconds = Math.round(Math.max(0, now - given.since) / 1000)
  const topic = knownTopic(about, cause, names.grant)
  // An answer to another message since then shows that it is over, if it was not about what the message holds.
  const hasAnswered = delivery.lastOutcome !== null && delivery.lastOutcome.outcome !== 'error'
  const isOver = hasAnswered && topic !== undefined && !REFUSALS.has(topic)
  return [
    'advice-given-up',
    {
      count,
      seconds,
      ...reasonValues(given, names),
      kept: contentDays,
      ...(isOver && { isOver: 'yes' }),
      ...(topic !== undefined && isUncertain(topic) && { uncertain: 'yes' })
    }
  ]
}

/** What was refused is nowhere but here. */
export function nakUnwired({ contentDays, isNakWired }: AdviceFacts): Advice | undefined {
  return isNakWired ? undefined : ['advice-nak-unwired', { count: 1, kept: contentDays }]
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
  const todo = tokenTopic(token, names)
  const seconds = Math.round(Math.max(0, token.validUntil - now) / 1000)
  return ['advice-token-failing', { ...tokenValues(token, names, todo), todo, seconds }]
}

/**
 * Adds for how long messages are retried, in seconds, 0 for no limit; how many times, if the rule says so; and what its
 * letter makes of them then.
 *
 * @param counts whether the clock runs even if outages do not count
 */
function retried(
  [kind, values]: Advice,
  counts: boolean,
  { delivery: { retry }, giveUp }: AdviceFacts
): Advice {
  const { afterMs, whileUnreachable } = giveUp
  const ends = afterMs < Infinity && (counts || whileUnreachable)
  const { mostRetries, outcome } = ruleOf(retry?.rule) ?? {}
  return [
    kind,
    {
      ...values,
      giveUpSeconds: ends ? Math.round(afterMs / 1000) : 0,
      ends: outcome === 'suspend' || outcome === 'disable' ? outcome : 'fail',
      ...(mostRetries !== undefined && { mostRetries })
    }
  ]
}

/** A rule as it was stored; undefined if it was cut, or none was asked. */
function ruleOf(text = ''): ReplyRule | undefined {
  try {
    return text === '' ? undefined : parseReplyRules(text).rules[0]
  } catch {
    return undefined
  }
}

/** Advice for a node that is not running. Its messages stay in the queue file, and its receiver has nothing to do with it. */
export function adviceAtRest(kind: Advice[0], waiting: number, values: Told['values'] = {}): Told {
  return { kind, values: { ...values, waiting, queue: 'disk' } }
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
  const topic = tokenTopic(token, names)
  return retried([`advice-${topic}`, tokenValues(token, names, topic)], false, facts)
}

/** The cause, and where known the server and what it said; never a secret. */
function tokenValues(
  { code, description = '', host }: TokenTrouble,
  { hasSecret, isBlankAround }: ServerNames,
  topic: Topic
): Told['values'] {
  const said = printable(description, MOST_SAID)
  // A token that the receiver does not accept is its word: the host is its own.
  const isOfServer = host !== undefined && code !== 'ERR_TOKEN_REFUSED'
  return {
    cause: code,
    said,
    proves: hasSecret ? 'secret' : 'other',
    ...(isOfServer && { server: printable(host) }),
    ...(isBlankAround && topic === 'token-refused' && { blank: 'secret' })
  }
}

interface TokenTrouble {
  code: string
  host?: string | undefined
  description?: string | undefined
  of?: 'proxy' | 'login'
}

function tokenTopic({ code, of }: TokenTrouble, { grant }: ServerNames): TokenTopic {
  const topic = topicOfToken(code, grant)
  if (of === 'proxy') return 'token-proxy'
  return of === 'login' && topic === 'token-not-accepted' ? 'token-or-login' : topic
}

type TokenTopic = ReturnType<typeof topicOfToken>

export function retryTrouble(facts: AdviceFacts): Advice | undefined {
  const { ownLimitMs, retry } = facts.delivery
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
    ...(ownLimitMs !== null && { limitSeconds: Math.max(1, Math.round(ownLimitMs / 1000)) }),
    ...(errors[0] !== undefined && { error: errors[0].code })
  }
  const advice: Advice = [kindOf(topic, cause, facts), values]
  const counts = topic === undefined || (!topic.startsWith('token-') && isCounted(topic))
  // A status of which answers to others show that it is about this message is its own.
  return retried(advice, counts || (/^\d/.test(cause) && othersPass(facts)), facts)
}

/** Of what would hold up all messages, but does not: other messages get through. */
function othersPass({ delivery: { acked, isOutage, naked } }: AdviceFacts): boolean {
  return !isOutage && acked + naked > 0
}

/** What a resolver of names says that does not know one, or does not answer. */
const NO_SUCH_NAME = /^(?:ENOTFOUND|EAI_AGAIN|ENODATA)$/

/** Nothing comes back, not even a refusal. */
const NO_ANSWER = /^E(?:TIMEDOUT|HOSTUNREACH|NETUNREACH)$/

/** Which words there are for it, by what else is known. */
function kindOf(topic: Topic | undefined, cause: string, facts: AdviceFacts): Advice[0] {
  const { delivery, names } = facts
  switch (topic) {
    case undefined:
      return 'advice-retrying'
    case 'denied':
      return names.server === '' ? 'advice-denied-without-token' : 'advice-denied'
    case 'unreachable':
      if (NO_SUCH_NAME.test(cause)) return 'advice-name-unknown'
      return NO_ANSWER.test(cause) ? 'advice-mute' : 'advice-unreachable'
    case 'unavailable':
      return othersPass(facts) ? 'advice-unavailable-to-some' : 'advice-unavailable'
    case 'firewall':
      return othersPass(facts) ? 'advice-firewall-to-some' : 'advice-firewall'
    case 'cut':
      // Who has answered does not want another certificate.
      return delivery.acked + delivery.naked > 0 ? 'advice-cut-at-times' : 'advice-cut'
    default:
      return `advice-${topic}`
  }
}

/**
 * What a failure is about.
 *
 * @param about as it was stored; an earlier version did not
 */
function knownTopic(about: string | undefined, cause: string, grant: string): Topic | undefined {
  const topic = [...TOPICS].find((one) => one === about) ?? topicOfCode(cause)
  if (topic === 'token-proxy') return topic
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
    const refused = status === 0 ? 'advice-suspended-unsent' : 'advice-suspended-refused'
    const kind = mayHaveArrived ? 'advice-suspended-unknown' : refused
    return [kind, { count, rule, cause: String(status || cause) }]
  }
  const [first] = errors.map(errorRow)
  const said = [ackCode, first?.code, first?.text].filter(Boolean).join(' ')
  return ['advice-suspended', { count, rule, answer: said, error: first?.code ?? '' }]
}

/** A message that ended it and is suspended for that comes first: there is something to do about it. */
export function ended(facts: AdviceFacts): Advice | undefined {
  const { delivery, stands } = facts
  if (stands.ended === undefined) return undefined
  if (delivery.suspendedFor?.errorCode === 'ERR_ENDED_TWICE') return suspension(facts)
  const { controlId = '', count, times = 0, until } = stands.ended
  const values = { count, until: new Date(until).toISOString() }
  // Once, it may have been any of those that were on their way.
  const handedOn = times > 1 && { handedOn: printable(controlId), times }
  return ['advice-ended', { ...values, ...handedOn }]
}

/** Advice that already says how many messages are suspended. */
const SUSPENSIONS: ReadonlySet<Advice[0]> = new Set<Advice[0]>([
  'advice-set-aside',
  'advice-ended-twice',
  'advice-no-application-ack',
  'advice-suspended',
  'advice-suspended-refused',
  'advice-suspended-unknown',
  'advice-suspended-unsent'
])
