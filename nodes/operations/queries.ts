import type { EventQuery } from '../../src/queue/queue-event.ts'
import type {
  LeftChoice,
  MessageQuery,
  SuspendedChoice,
  WaitingChoice
} from '../../src/queue/queue-types.ts'
import type { FieldValue } from '../../src/queue/keyed-hashes.ts'
import { defined, LEFT_STATES, pauseEnd } from '../flow/left-choice.ts'
import { MOST_FOLLOWED, type AskedOf } from './questions.ts'
import { refused } from './route-error.ts'
import { FILTERS, selectionIn, TIMED_FILTERS } from './selection.ts'

/** Rows of an answer, unless it says how many. */
const ROWS = 100

type Listed = Pick<AskedOf<'messages'>, 'limit' | 'state' | (typeof TIMED_FILTERS)[number]>

/** What is listed, but for where it begins. */
export function messageQuery({ before, limit = ROWS, ...filter }: Listed): MessageQuery {
  const { controlId, error, rule, since, state, type } = filter
  return defined({ controlId, error, rule, since, state, type, acceptedBefore: before, limit })
}

/** The same of one node: after the message at the cursor, or by ids. */
export function oneNodeQuery(question: AskedOf<'messages'>): MessageQuery {
  const { cursor, ids } = question
  return {
    ...messageQuery(question),
    ...(cursor !== undefined && { before: cursor.number }),
    ...(ids !== undefined && { ids, limit: Math.min(ids.length, MOST_FOLLOWED) })
  }
}

/**
 * The same of all nodes: of several messages that were accepted at the same time, those of the node at the cursor are
 * followed by those of the nodes after it.
 */
export function allNodesQuery(
  question: Omit<AskedOf<'searchAllMessages'>, 'controlIds'>,
  node: string
): MessageQuery {
  const { cursor } = question
  const query = messageQuery(question)
  if (cursor === undefined) return query
  if (node === cursor.node) return { ...query, before: cursor.number }
  const end = node > cursor.node ? cursor.at + 1 : cursor.at
  return { ...query, acceptedBefore: Math.min(end, query.acceptedBefore ?? Infinity) }
}

/** Which messages are exported: by their ids, or all that one of some queries finds. */
export type ExportChoice = { ids: readonly number[] } | { queries: readonly MessageQuery[] }

/** @throws {RouteError} see `selectionIn` */
export function exportChoice(question: AskedOf<'exportMessages'>): ExportChoice {
  const { state } = question
  const { filter, ids } = selectionIn(question, TIMED_FILTERS)
  if (ids === undefined) {
    const states = state ?? [undefined]
    return { queries: states.map((one) => messageQuery(defined({ ...filter, state: one }))) }
  }
  if (state === undefined) return { ids }
  throw refused(400, 'refusal.which', { filters: TIMED_FILTERS.join(', ') })
}

/** Why, and until when. @throws {ChoiceError} */
export function pauseIn(
  { reason = '', until }: AskedOf<'pause'>,
  now: number
): { reason: string; until?: number } {
  return { reason, ...defined({ until: pauseEnd(until, now) }) }
}

/** As a URL has it, which leaves out the usual port. */
export function hostIn({ host }: AskedOf<'resumeHost'>): string {
  return host.toLowerCase().replace(/:443$/, '')
}

export function eventQuery({ limit = ROWS, since = 0 }: AskedOf<'events'>): EventQuery {
  return { since, limit }
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

/**
 * What is searched for.
 *
 * @param fields the paths by which messages can be found
 * @throws {RouteError}
 */
export function fieldValues(
  { field = '', value }: { field?: string; value: string },
  fields: readonly string[]
): FieldValue[] {
  if (fields.length === 0) throw refused(400, 'refusal.noSearchFields')
  const paths = field === '' ? fields : fields.filter((path) => path === field)
  if (paths.length === 0) {
    throw refused(400, 'refusal.oneOf', { name: 'field', list: fields.join(', ') })
  }
  return paths.map((path) => ({ path, value }))
}

/**
 * Of suspended messages, which may have been suspended `before` a time, or with `state` of those that wait.
 *
 * @throws {RouteError} see `selectionIn`
 */
export function discardChoice(
  question: AskedOf<'discardMessages'>
): Exclude<Choice, { kind: 'left' }> {
  const { before, state, ...others } = question
  const isWaiting = state === 'waiting' || state === 'retrying'
  // A time alone says too little.
  const { filter, ids } = selectionIn({ ...others, state }, FILTERS)
  if (before !== undefined && (isWaiting || ids !== undefined)) {
    throw refused(400, 'refusal.which', { filters: FILTERS.join(', ') })
  }
  if (isWaiting) return { kind: 'waiting', choice: waitingChoice({ ...others, state }) }
  if (ids !== undefined) return { kind: 'numbered', ids }
  return { kind: 'suspended', choice: defined({ ...filter, before }) }
}

/**
 * Of messages that wait, also without `state`; with ids, it is of no matter whether they were tried.
 *
 * @throws {RouteError} see `selectionIn`
 */
export function waitingChoice(question: AskedOf<'suspendMessages'>): WaitingChoice {
  const { filter, ids } = selectionIn(question, FILTERS)
  if (ids !== undefined) return { ids }
  const { state } = question
  return { ...filter, ...(state !== undefined && { isRetrying: state === 'retrying' }) }
}

/**
 * Of suspended messages, or with `state` of such that have left; of ids without a state, both.
 *
 * @throws {RouteError} see `selectionIn`
 */
export function resendChoice(
  question: AskedOf<'resendMessages'>
): Exclude<Choice, { kind: 'waiting' }> {
  const outcome = LEFT_STATES.get(question.state ?? '')
  if (outcome === undefined) {
    const { filter, ids } = selectionIn(question, FILTERS)
    if (ids === undefined) return { kind: 'suspended', choice: filter }
    return question.state === undefined
      ? { kind: 'numbered', ids }
      : { kind: 'suspended', choice: { ids } }
  }
  const { filter, ids } = selectionIn(question, TIMED_FILTERS)
  if (ids !== undefined) throw refused(400, 'refusal.which', { filters: TIMED_FILTERS.join(', ') })
  const { before: until, ...others } = filter
  return { kind: 'left', choice: defined({ ...others, outcome, until }) }
}
