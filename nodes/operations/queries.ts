import { KNOWN_STATES, type Outcome } from '../../src/queue/message-row.ts'
import type { FieldValue } from '../../src/queue/field-hash.ts'
import type { EventQuery } from '../../src/queue/queue-event.ts'
import type { LeftChoice, MessageQuery, SuspendedChoice } from '../../src/queue/queue-types.ts'

/** A request with a parameter that is not allowed; the text names it. */
export class BadRequest extends Error {
  override readonly name = 'BadRequest'
}

type Query = Readonly<Record<string, unknown>>

/** Rows of an answer: the default, and the most. */
const ROWS = 100
const MOST_ROWS = 1000
/** Events are kept up to this number. */
const MOST_EVENT_ROWS = 10_000
/** An array of more ids than this is refused. */
const MOST_IDS = 100_000

/** @throws {BadRequest} */
export function messageQuery(query: Query): MessageQuery {
  const state = text(query, 'state')
  const known = KNOWN_STATES.find((each) => each === state)
  if (state !== undefined && known === undefined) {
    throw new BadRequest(`state is one of ${KNOWN_STATES.join(', ')}.`)
  }
  return defined({
    controlId: text(query, 'controlId'),
    type: text(query, 'type'),
    rule: text(query, 'rule'),
    state: known,
    since: time(query, 'since'),
    before: wholeNumber(query['before'], 'before', 1, Number.MAX_SAFE_INTEGER),
    limit: wholeNumber(query['limit'], 'limit', 1, MOST_ROWS) ?? ROWS
  })
}

/** @throws {BadRequest} */
export function eventQuery(query: Query): EventQuery {
  return {
    since: time(query, 'since') ?? 0,
    limit: wholeNumber(query['limit'], 'limit', 1, MOST_EVENT_ROWS) ?? ROWS
  }
}

/**
 * A parameter of the address.
 *
 * @returns undefined if it is missing or empty
 * @throws {BadRequest}
 */
export function wholeNumber(
  value: unknown,
  name: string,
  least: number,
  most: number
): number | undefined {
  if (value === undefined || value === '') return undefined
  const number = typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : NaN
  if (number >= least && number <= most) return number
  throw new BadRequest(`${name} is a whole number from ${least} to ${most}.`)
}

/** Which messages are meant: suspended ones, such that have left, or with ids both; and whether the first goes alone. */
export interface ResendChoice {
  suspended?: SuspendedChoice
  left?: LeftChoice
  firstAlone: boolean
}

/** How the states of messages that have left are called. */
const LEFT_STATES: Partial<Record<string, Outcome>> = {
  acked: 'ack',
  naked: 'nak',
  failed: 'error'
}

/**
 * Reads a choice of messages that have left: `{state, since, before, controlId, type, rule}`.
 *
 * @param since a time; `before` is one too, or the id of a message
 * @throws {BadRequest}
 */
export function leftChoice(query: Query): LeftChoice {
  const outcome = LEFT_STATES[text(query, 'state') ?? '']
  if (outcome === undefined) throw new BadRequest('state is one of acked, naked, failed.')
  const before = text(query, 'before')
  const isId = before !== undefined && /^\d{1,15}$/.test(before)
  return defined({
    outcome,
    controlId: text(query, 'controlId'),
    type: text(query, 'type'),
    rule: text(query, 'rule'),
    since: time(query, 'since'),
    before: isId ? Number(before) : undefined,
    until: isId ? undefined : time(query, 'before')
  })
}

/**
 * Reads what is searched for: `{field, value}` and the filters of `messageQuery`.
 *
 * @param fields the paths by which messages can be found
 * @throws {BadRequest}
 */
export function fieldQuery(
  body: unknown,
  fields: readonly string[]
): { values: FieldValue[]; query: MessageQuery } {
  if (fields.length === 0) {
    throw new BadRequest('Nothing can be searched for: the node has no search fields.')
  }
  const { field, value, ...filters } = objectOf(body)
  if (typeof value !== 'string' || value === '') throw new BadRequest('value is a text.')
  const isAny = field === undefined || field === ''
  const paths = isAny ? fields : fields.filter((path) => path === field)
  if (paths.length === 0) throw new BadRequest(`field is one of ${fields.join(', ')}.`)
  const query = Object.entries(filters).map(([name, each]) => [
    name,
    typeof each === 'number' ? String(each) : each
  ])
  return {
    values: paths.map((path) => ({ path, value })),
    query: messageQuery(Object.fromEntries(query) as Query)
  }
}

const WHICH = 'Say which: {"ids": […]}, {"controlId", "type", "rule"} or {"all": true}'
/** What `leftChoice` reads. */
export const LEFT_FILTERS = ['state', 'since', 'before', 'controlId', 'type', 'rule']

/**
 * Reads `{ids}`, a filter `{controlId, type, rule}`, or `{all: true}`.
 *
 * @throws {BadRequest} for anything else: nothing is discarded by mistake
 */
export function discardChoice(body: unknown): SuspendedChoice {
  const suspended = suspendedChoice(objectOf(body))
  if (suspended === undefined) throw new BadRequest(`${WHICH}.`)
  return suspended
}

/**
 * The same, or a filter with `state`, for messages that have left; beside it `firstAlone`.
 *
 * @throws {BadRequest} for anything else
 */
export function resendChoice(body: unknown): ResendChoice {
  const { firstAlone = false, ...choice } = objectOf(body)
  const suspended = suspendedChoice(choice)
  const isLeft = 'state' in choice && hasOnly(choice, LEFT_FILTERS)
  if (typeof firstAlone !== 'boolean' || (suspended === undefined && !isLeft)) {
    throw new BadRequest(
      `${WHICH}, and "firstAlone"; of messages that have left {"state", "since", "before", …}.`
    )
  }
  if (suspended === undefined) return { left: leftChoice(choice), firstAlone }
  const { ids } = suspended
  return { suspended, ...(ids && { left: { ids } }), firstAlone }
}

function hasOnly(choice: Query, names: readonly string[]): boolean {
  return Object.keys(choice).every((name) => names.includes(name))
}

/** An empty one if it is none. */
function objectOf(body: unknown): Query {
  return typeof body === 'object' && body !== null && !Array.isArray(body) ? (body as Query) : {}
}

function suspendedChoice(choice: Query): SuspendedChoice | undefined {
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
  return isFilter ? choice : undefined
}

function text(query: Query, name: string): string | undefined {
  const value = query[name]
  if (value === undefined || value === '') return undefined
  if (typeof value === 'string') return value
  throw new BadRequest(`${name} is given once.`)
}

function time(query: Query, name: string): number | undefined {
  const value = text(query, name)
  if (value === undefined) return undefined
  const ms = Date.parse(value)
  if (Number.isNaN(ms)) throw new BadRequest(`${name} is a time such as 2026-11-25T02:40:00Z.`)
  return ms
}

function defined<T extends object>(value: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  const entries = Object.entries(value).filter(([, each]) => each !== undefined)
  return Object.fromEntries(entries) as { [K in keyof T]: Exclude<T[K], undefined> }
}
