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
  pauseEndIn,
  textIn,
  timeIn
} from '../flow/left-choice.ts'
import { MOST_CONTROL_IDS } from './most-control-ids.ts'
import { refused } from './route-error.ts'
import { selectionIn, textsIn, type Selection } from './selection.ts'

/** Minutes of a history: the default, and the most. */
const HOUR = 60
const DAY = 1440
/** Rows of an answer: the default, and the most. */
const ROWS = 100
const MOST_ROWS = 1000
/** Events are kept up to this number. */
const MOST_EVENT_ROWS = 10_000

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

/** @throws {RouteError} see `selectionIn` */
export function exportChoice(question: Unchecked<ExportQuestion>): ExportChoice {
  const { filter, ids, state } = selectionIn(question, {
    filters: EXPORT_FILTERS,
    beside: ['clear', 'count', 'reason', 'replies']
  })
  if (ids !== undefined) {
    if (state === undefined) return { ids }
    throw refused(400, 'refusal.which', { filters: EXPORT_FILTERS.join(', ') })
  }
  const states: unknown[] = Array.isArray(state) ? state : [state]
  return {
    queries: states.map((one) => messageQuery(asQuery<MessageQuestion>({ ...filter, state: one })))
  }
}

/** By these one chooses among messages of one kind. */
const FILTERS = ['controlId', 'type', 'rule', 'error']
/** The same of messages of any kind. */
const EXPORT_FILTERS = [...FILTERS, 'state', 'since', 'before']

/** Why, and until when. @throws {ChoiceError} */
export function pauseIn(
  { reason, until }: Unchecked<PauseQuestion>,
  now: number
): { reason: string; until?: number } {
  const end = pauseEndIn({ until }, now)
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
 * Of suspended messages, which may have been suspended `before` a time, or with `state` of those that wait.
 *
 * @throws {RouteError} see `selectionIn`
 */
export function discardChoice(
  question: Unchecked<DiscardQuestion>
): Exclude<Choice, { kind: 'left' }> {
  const selection = selectionIn(question, { filters: FILTERS, beside: ['before'] })
  const { filter, ids } = selection
  const before = timeIn(question, 'before')
  const isOfSuspended = !meansWaiting(selection)
  const mayHaveTime = isOfSuspended && ids === undefined
  if ('before' in question && (before === undefined || !mayHaveTime)) {
    throw refused(400, 'refusal.which', { filters: FILTERS.join(', ') })
  }
  if (!isOfSuspended) return { kind: 'waiting', choice: waitingIn(selection) }
  if (ids !== undefined) return { kind: 'numbered', ids }
  const choice: SuspendedChoice = textsIn(filter)
  return { kind: 'suspended', choice: before === undefined ? choice : { ...choice, before } }
}

/**
 * Of messages that wait, also without `state`.
 *
 * @throws {RouteError} see `selectionIn`
 */
export function waitingChoice(question: Unchecked<WaitingSelection>): WaitingChoice {
  const selection = selectionIn(question, { filters: FILTERS })
  return meansWaiting(selection) ? waitingIn(selection) : selectedIn(selection)
}

/** With ids, it is of no matter whether they were tried. */
function waitingIn(selection: Selection): WaitingChoice {
  if (selection.ids !== undefined) return { ids: selection.ids }
  return { ...textsIn(selection.filter), isRetrying: selection.state === 'retrying' }
}

/** Of any of one kind. */
function selectedIn({ filter, ids }: Selection): { ids: readonly number[] } | SuspendedChoice {
  return ids === undefined ? textsIn(filter) : { ids }
}

/** Whether one that waits is meant, and not a suspended one. @throws {RouteError} */
export function meansWaiting({ state }: Unchecked<{ state: unknown }>): boolean {
  if (state === undefined) return false
  if (isWaitingState(state)) return true
  throw refused(400, 'refusal.oneOf', { name: 'state', list: 'waiting, retrying' })
}

/**
 * Of suspended messages, or with `state` of such that have left; beside it, how they are resent.
 *
 * @throws {RouteError} see `selectionIn`
 */
export function resendChoice(question: Unchecked<ResendQuestion>): Resend {
  return {
    choice: resentIn(question),
    firstAlone: flagIn(question, 'firstAlone'),
    isFollowed: flagIn(question, 'follow'),
    isCount: flagIn(question, 'count'),
    ...againIn(question)
  }
}

function resentIn(question: Unchecked<ResendQuestion>): Resend['choice'] {
  const beside = ['firstAlone', 'count', 'again', 'newIds', 'follow']
  const { state } = question
  if (state === undefined || isStillSuspended(question)) {
    const selection = selectionIn(question, { filters: FILTERS, beside })
    const { ids } = selection
    // Without a state, they may also have left.
    if (ids !== undefined && state === undefined) return { kind: 'numbered', ids }
    return { kind: 'suspended', choice: selectedIn(selection) }
  }
  const filters = [...LEFT_FILTERS, 'error']
  const { filter, ids } = selectionIn(question, { filters, beside })
  if (ids !== undefined) throw refused(400, 'refusal.which', { filters: filters.join(', ') })
  return { kind: 'left', choice: leftChoice({ ...filter, state }) }
}

/** Whether only what is still suspended is meant: what somebody else has resent may have left. */
export function isStillSuspended({ state }: Unchecked<{ state: unknown }>): boolean {
  return state === 'suspended'
}

function isWaitingState(state: unknown): state is WaitingState {
  return state === 'waiting' || state === 'retrying'
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
