import { MOST_CONTROL_ID } from '../../src/hl7/outgoing-message.ts'
import { KNOWN_STATES } from '../../src/queue/message-row.ts'
import type { FieldValue } from '../../src/queue/keyed-hashes.ts'
import type { EventQuery } from '../../src/queue/queue-event.ts'
import type {
  LeftChoice,
  MessageQuery,
  SuspendedChoice,
  WaitingChoice
} from '../../src/queue/queue-types.ts'
import type {
  AllMessagesQuestion,
  AllSearchQuestion,
  DiscardQuestion,
  EventQuestion,
  ExportFilter,
  ExportQuestion,
  HistoryQuestion,
  HostQuestion,
  MessageQuestion,
  PauseQuestion,
  ResendQuestion,
  SearchQuestion,
  Unchecked,
  WaitingSelection,
  WaitingState
} from './questions.ts'
import {
  againIn,
  defined,
  flagIn,
  LEFT_FILTERS,
  leftChoice,
  textIn,
  timeIn
} from '../flow/left-choice.ts'
import { MOST_CONTROL_IDS } from './most-control-ids.ts'
import { refused, type RouteError } from './route-error.ts'

/** Minutes of a history: the default, and the most. */
const HOUR = 60
const DAY = 1440
/** Rows of an answer: the default, and the most. */
const ROWS = 100
const MOST_ROWS = 1000
/** Events are kept up to this number. */
const MOST_EVENT_ROWS = 10_000
/** An array of more ids than this is refused. */
const MOST_IDS = 100_000

/** @throws {RouteError} */
export function historyMinutes(query: Unchecked<HistoryQuestion>): number {
  return wholeNumber(query, 'minutes', 1, DAY) ?? HOUR
}

/** @throws {RouteError} */
export function messageQuery(query: Unchecked<MessageQuestion>): MessageQuery {
  const state = textIn(query, 'state')
  const known = KNOWN_STATES.find((each) => each === state)
  if (state !== undefined && known === undefined) {
    throw refused(400, 'refusal.oneOf', { name: 'state', list: KNOWN_STATES.join(', ') })
  }
  return defined({
    controlId: textIn(query, 'controlId'),
    type: textIn(query, 'type'),
    rule: textIn(query, 'rule'),
    error: textIn(query, 'error'),
    state: known,
    since: timeIn(query, 'since'),
    before: wholeNumber(query, 'before', 1, Number.MAX_SAFE_INTEGER),
    limit: wholeNumber(query, 'limit', 1, MOST_ROWS) ?? ROWS
  })
}

/** So many messages can be asked for by their ids, and are named to be followed. */
export const MOST_FOLLOWED = 500

/** The same of one node, which also finds them by their ids. @throws {RouteError} */
export function oneNodeQuery(query: Unchecked<MessageQuestion>): MessageQuery {
  const ids = textIn(query, 'ids')
  if (ids === undefined) return messageQuery(query)
  const list = ids.split(',')
  if (list.length > MOST_FOLLOWED || !list.every((id) => /^[1-9]\d{0,14}$/.test(id))) {
    throw refused(400, 'refusal.idList', { most: MOST_FOLLOWED })
  }
  return { ...messageQuery(query), ids: list.map(Number), limit: list.length }
}

/** The same of all nodes. @throws {RouteError} */
export function allMessagesQuery(query: Unchecked<AllMessagesQuestion>): MessageQuery {
  const { before, ...others } = query
  return defined({ ...messageQuery(others), acceptedBefore: timeIn({ before }, 'before') })
}

/** Undefined if none are given. @throws {RouteError} */
export function controlIdsIn(question: Unchecked<AllSearchQuestion>): string[] | undefined {
  const { controlIds } = question
  if (controlIds === undefined) return undefined
  const isList =
    Array.isArray(controlIds) &&
    controlIds.length <= MOST_CONTROL_IDS &&
    controlIds.every((one) => typeof one === 'string' && one.length <= MOST_CONTROL_ID)
  if (!isList || Object.keys(question).length > 1) {
    throw refused(400, 'refusal.controlIds', { most: MOST_CONTROL_IDS, length: MOST_CONTROL_ID })
  }
  return [...new Set(controlIds as string[])]
}

/** Which messages are exported: by their ids, or all that one of some queries finds. */
export type ExportChoice = { ids: readonly number[] } | { queries: readonly MessageQuery[] }

/**
 * Reads `{ids}`, or the filters of `messageQuery`, where `state` may be a list.
 *
 * @throws {RouteError} for anything else: nothing is exported by mistake
 */
export function exportChoice(question: Unchecked<ExportQuestion>): ExportChoice {
  const { clear: _clear, count: _count, reason: _reason, replies: _replies, ...which } = question
  const ids = idsIn(which)
  if (ids !== undefined) return { ids }
  if (!hasOnly(which, EXPORT_FILTERS)) throw refused(400, 'refusal.whichToExport')
  const { state, ...others } = which as Unchecked<ExportFilter>
  const states: unknown[] = Array.isArray(state) ? state : [state]
  return {
    queries: states.map((one) => messageQuery(asQuery<MessageQuestion>({ ...others, state: one })))
  }
}

const EXPORT_FILTERS = ['state', 'controlId', 'type', 'rule', 'error', 'since', 'before']

/** The longest pause that ends by itself. */
const MOST_PAUSE_MS = 366 * 24 * 3_600_000

/** Why, and until when. @throws {RouteError} */
export function pauseIn(
  { reason, until }: Unchecked<PauseQuestion>,
  now: number
): { reason: string; until?: number } {
  const end = timeIn({ until }, 'until')
  if (end !== undefined && (end <= now || end > now + MOST_PAUSE_MS)) {
    throw refused(400, 'refusal.until')
  }
  return {
    reason: typeof reason === 'string' ? reason : '',
    ...(end !== undefined && { until: end })
  }
}

/** As a URL has it, which leaves out the usual port. @throws {RouteError} */
export function hostIn({ host }: Unchecked<HostQuestion>): string {
  if (typeof host !== 'string' || host === '') throw refused(400, 'refusal.host')
  return host.toLowerCase().replace(/:443$/, '')
}

/** @throws {RouteError} */
export function eventQuery(query: Unchecked<EventQuestion>): EventQuery {
  return {
    since: timeIn(query, 'since') ?? 0,
    limit: wholeNumber(query, 'limit', 1, MOST_EVENT_ROWS) ?? ROWS
  }
}

/**
 * Which messages are meant: by their ids, wherever they are; suspended ones; such that wait, of which it is of no matter
 * whether they were tried if there are ids; or such that have left.
 */
export type Choice =
  | { kind: 'numbered'; ids: readonly number[] }
  | { kind: 'suspended'; choice: SuspendedChoice }
  | { kind: 'waiting'; choice: WaitingChoice }
  | { kind: 'left'; choice: LeftChoice }

/** What is asked of messages that are to be resent. */
export interface Resend {
  choice: Exclude<Choice, { kind: 'waiting' }>
  /** The first goes alone. */
  firstAlone: boolean
  /** The answer has their ids. */
  isFollowed: boolean
  /** Nothing is sent: only what would be. */
  isCount: boolean
  /** Of messages that have left: see `againIn`. */
  isAgain: boolean
  hasNewIds: boolean
}

/**
 * Reads what is searched for: `{field, value}` and the filters of `messageQuery`.
 *
 * @param fields the paths by which messages can be found
 * @throws {RouteError}
 */
export function fieldQuery(
  question: Unchecked<SearchQuestion>,
  fields: readonly string[]
): { values: FieldValue[]; query: MessageQuery } {
  if (fields.length === 0) throw refused(400, 'refusal.noSearchFields')
  const { field, value, ...filters } = question
  if (typeof value !== 'string' || value === '') throw refused(400, 'refusal.noValue')
  const isAny = field === undefined || field === ''
  const paths = isAny ? fields : fields.filter((path) => path === field)
  if (paths.length === 0) {
    throw refused(400, 'refusal.oneOf', { name: 'field', list: fields.join(', ') })
  }
  return {
    values: paths.map((path) => ({ path, value })),
    query: messageQuery(asQuery(filters))
  }
}

/** What stands in a body, as it would in a query. */
export function asQuery<Question extends object>(
  filters: Unchecked<Question>
): Unchecked<Question> {
  const query = Object.entries(filters).map(([name, each]) => [
    name,
    typeof each === 'number' ? String(each) : each
  ])
  return Object.fromEntries(query) as Unchecked<Question>
}

/**
 * Reads `{ids}`, a filter `{controlId, type, rule}`, or `{all: true}`, of suspended messages, which may have been
 * suspended `before` a time, or with `state` of those that wait.
 *
 * @throws {RouteError} for anything else: nothing is discarded by mistake
 */
export function discardChoice(
  question: Unchecked<DiscardQuestion>
): Exclude<Choice, { kind: 'left' }> {
  const { before, ...which } = question
  const choice = choiceIn(which, 'refusal.whichToDiscard')
  if (choice.kind === 'left') throw notWaiting()
  const time = timeIn({ before }, 'before')
  if (time === undefined) return choice
  if (choice.kind !== 'suspended') throw refused(400, 'refusal.whichToDiscard')
  return { kind: 'suspended', choice: { ...choice.choice, before: time } }
}

/**
 * The same of messages that wait, also without `state`.
 *
 * @throws {RouteError} for anything else
 */
export function waitingChoice(question: Unchecked<WaitingSelection>): WaitingChoice {
  const choice = choiceIn(question, 'refusal.whichWaiting')
  if (choice.kind === 'left') throw notWaiting()
  return choice.kind === 'numbered' ? { ids: choice.ids } : choice.choice
}

/** Whether one that waits is meant, and not a suspended one. @throws {RouteError} */
export function meansWaiting({ state }: Unchecked<{ state: unknown }>): boolean {
  if (state === undefined) return false
  if (isWaitingState(state)) return true
  throw notWaiting()
}

/**
 * Reads `{ids}`, or a choice of suspended messages, or with `state` of such that have left; beside it, how they are
 * resent.
 *
 * @throws {RouteError} for anything else
 */
export function resendChoice(question: Unchecked<ResendQuestion>): Resend {
  const { firstAlone: _f, count: _c, again: _a, newIds: _n, follow: _o, ...rest } = question
  const choice = isStillSuspended(rest)
    ? onlySuspended(rest)
    : choiceIn(rest, 'refusal.whichToResend')
  const list = 'acked, naked, failed'
  if (choice.kind === 'waiting') throw refused(400, 'refusal.oneOf', { name: 'state', list })
  return {
    choice,
    firstAlone: flagIn(question, 'firstAlone'),
    isFollowed: flagIn(question, 'follow'),
    isCount: flagIn(question, 'count'),
    ...againIn(question)
  }
}

/** Whether only what is still suspended is meant: what somebody else has resent may have left. */
export function isStillSuspended({ state }: Unchecked<{ state: unknown }>): boolean {
  return state === 'suspended'
}

/** @throws {RouteError} if it is no choice */
function onlySuspended(
  question: Readonly<Record<string, unknown>>
): Extract<Choice, { kind: 'suspended' }> {
  const { state: _, ...which } = question
  const ids = idsIn(which)
  const choice = ids === undefined ? filterIn(which, 'refusal.whichToResend') : { ids }
  return { kind: 'suspended', choice }
}

type WhyUnclear = 'refusal.whichToDiscard' | 'refusal.whichWaiting' | 'refusal.whichToResend'

/** The one place that tells which kind of choice it is. @throws {RouteError} if it is none */
function choiceIn(question: Readonly<Record<string, unknown>>, why: WhyUnclear): Choice {
  const { state, ...others } = question
  const ids = idsIn(others)
  if (state === undefined) {
    if (ids !== undefined) return { kind: 'numbered', ids }
    return { kind: 'suspended', choice: filterIn(others, why) }
  }
  if (!isWaitingState(state)) {
    // A script that looked for something and found nothing does not mean all.
    const isFilled = Object.values(question).every((value) => value !== '')
    if (!isFilled || !hasOnly(question, [...LEFT_FILTERS, 'error'])) throw refused(400, why)
    return { kind: 'left', choice: leftChoice(question) }
  }
  if (ids !== undefined) return { kind: 'waiting', choice: { ids } }
  const isAll = Object.keys(others).length === 0
  const filter = isAll ? {} : filterIn(others, why)
  return { kind: 'waiting', choice: { ...filter, isRetrying: state === 'retrying' } }
}

/** Undefined if it is no list of ids, and nothing else. */
function idsIn(choice: Readonly<Record<string, unknown>>): number[] | undefined {
  const { ids } = choice
  if (Object.keys(choice).length !== 1 || !Array.isArray(ids)) return undefined
  if (ids.length > MOST_IDS || !ids.every((id) => typeof id === 'string')) return undefined
  return ids.map(Number).filter((id) => Number.isSafeInteger(id) && id > 0)
}

/** `{all: true}`, or at least one filter. @throws {RouteError} */
function filterIn(
  choice: Readonly<Record<string, unknown>>,
  why: WhyUnclear
): Pick<SuspendedChoice, 'controlId' | 'type' | 'rule' | 'error'> {
  const names = Object.keys(choice)
  if (names.length === 1 && choice['all'] === true) return {}
  const isFilter =
    names.length > 0 &&
    hasOnly(choice, ['controlId', 'type', 'rule', 'error']) &&
    Object.values(choice).every((value) => typeof value === 'string' && value !== '')
  if (isFilter) return choice
  throw refused(400, why)
}

function isWaitingState(state: unknown): state is WaitingState {
  return state === 'waiting' || state === 'retrying'
}

function notWaiting(): RouteError {
  return refused(400, 'refusal.oneOf', { name: 'state', list: 'waiting, retrying' })
}

function hasOnly(choice: object, names: readonly string[]): boolean {
  return Object.keys(choice).every((name) => names.includes(name))
}

/** @returns undefined if it is missing or empty */
function wholeNumber<Question extends object>(
  query: Question,
  name: keyof Question & string,
  least: number,
  most: number
): number | undefined {
  const value: unknown = query[name]
  if (value === undefined || value === '') return undefined
  const number = typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : NaN
  if (number >= least && number <= most) return number
  throw refused(400, 'refusal.wholeNumber', { name, least, most })
}
