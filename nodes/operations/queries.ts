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
  EventQuestion,
  HistoryQuestion,
  MessageQuestion,
  ResendQuestion,
  SearchQuestion,
  Selection,
  Unchecked,
  WaitingSelection
} from './questions.ts'
import { defined, LEFT_FILTERS, leftChoice, textIn, timeIn } from '../flow/left-choice.ts'
import { refused } from './route-error.ts'

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
    state: known,
    since: timeIn(query, 'since'),
    before: wholeNumber(query, 'before', 1, Number.MAX_SAFE_INTEGER),
    limit: wholeNumber(query, 'limit', 1, MOST_ROWS) ?? ROWS
  })
}

/** @throws {RouteError} */
export function eventQuery(query: Unchecked<EventQuestion>): EventQuery {
  return {
    since: timeIn(query, 'since') ?? 0,
    limit: wholeNumber(query, 'limit', 1, MOST_EVENT_ROWS) ?? ROWS
  }
}

/** Which messages are meant: suspended ones, such that have left, or with ids both. */
export interface ResendChoice {
  suspended?: SuspendedChoice
  left?: LeftChoice
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
  const query = Object.entries(filters).map(([name, each]) => [
    name,
    typeof each === 'number' ? String(each) : each
  ])
  return {
    values: paths.map((path) => ({ path, value })),
    query: messageQuery(Object.fromEntries(query) as Unchecked<MessageQuestion>)
  }
}

/**
 * Reads `{ids}`, a filter `{controlId, type, rule}`, or `{all: true}`.
 *
 * @throws {RouteError} for anything else: nothing is discarded by mistake
 */
export function discardChoice(question: Unchecked<Selection>): SuspendedChoice {
  const suspended = suspendedChoice(question)
  if (suspended === undefined) throw refused(400, 'refusal.whichToDiscard')
  return suspended
}

/**
 * The same of messages that wait, with `state` to tell those that were tried from the others; of ids, that is of no
 * matter: they may be tried meanwhile.
 *
 * @throws {RouteError} for anything else
 */
export function waitingChoice(question: Unchecked<WaitingSelection>): WaitingChoice {
  const { state, ...choice } = question
  const chosen =
    state !== undefined && Object.keys(choice).length === 0 ? {} : suspendedChoice(choice)
  if (chosen === undefined) throw refused(400, 'refusal.whichWaiting')
  const isRetrying = isRetryingIn(state)
  return chosen.ids === undefined ? defined({ ...chosen, isRetrying }) : chosen
}

/** Whether messages that wait are meant, and not suspended ones. @throws {RouteError} */
export function meansWaiting({ state }: Unchecked<{ state: unknown }>): boolean {
  return isRetryingIn(state) !== undefined
}

function isRetryingIn(state: unknown): boolean | undefined {
  if (state === undefined) return undefined
  if (state === 'waiting' || state === 'retrying') return state === 'retrying'
  throw refused(400, 'refusal.oneOf', { name: 'state', list: 'waiting, retrying' })
}

/**
 * The same, or a filter with `state`, for messages that have left; beside it `firstAlone`.
 *
 * @throws {RouteError} for anything else
 */
export function resendChoice(
  question: Unchecked<ResendQuestion>
): ResendChoice & { firstAlone: boolean } {
  const { firstAlone = false, ...choice } = question
  const suspended = suspendedChoice(choice)
  const isLeft = 'state' in choice && hasOnly(choice, LEFT_FILTERS)
  if (typeof firstAlone !== 'boolean' || (suspended === undefined && !isLeft)) {
    throw refused(400, 'refusal.whichToResend')
  }
  if (suspended === undefined) return { left: leftChoice(choice), firstAlone }
  const { ids } = suspended
  return { suspended, ...(ids && { left: { ids } }), firstAlone }
}

function hasOnly(choice: object, names: readonly string[]): boolean {
  return Object.keys(choice).every((name) => names.includes(name))
}

function suspendedChoice(choice: Unchecked<Selection>): SuspendedChoice | undefined {
  const names = Object.keys(choice)
  const { all, ids } = choice
  if (names.length === 1 && all === true) return {}
  if (names.length === 1 && Array.isArray(ids)) {
    if (ids.length > MOST_IDS || !ids.every((id) => typeof id === 'string')) return undefined
    return { ids: ids.map(Number).filter((id) => Number.isSafeInteger(id) && id > 0) }
  }
  const isFilter =
    names.length > 0 &&
    hasOnly(choice, ['controlId', 'type', 'rule']) &&
    Object.values(choice).every((value) => typeof value === 'string' && value !== '')
  return isFilter ? (choice as SuspendedChoice) : undefined
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
