import type { AskedOf } from './questions.ts'
import { refused } from './route-error.ts'

/** By these one chooses among messages of one kind. */
export const FILTERS = ['controlId', 'type', 'rule', 'error'] as const
/** The same among messages of any time. */
export const TIMED_FILTERS = [...FILTERS, 'since', 'before'] as const

type Named = (typeof TIMED_FILTERS)[number]
/** What of a request says which messages are meant. */
type Chosen = Pick<AskedOf<'exportMessages'>, 'ids' | 'all' | Named>

/** Which messages somebody means: these; or those that match a filter, in which nothing means all. */
export type Selection<Name extends Named> =
  | { ids: readonly number[]; filter?: undefined }
  | { ids?: undefined; filter: Pick<Chosen, Name> }

/**
 * The one place that reads which messages somebody means, for each route that does something with them: `{ids}`,
 * `{all: true}`, or a filter; a `state` may say it, too. Nothing is sent, discarded or taken out by mistake: nothing
 * given does not mean all.
 *
 * @throws {RouteError}
 */
export function selectionIn<Name extends Named>(
  question: Chosen & { state?: unknown },
  filters: readonly Name[]
): Selection<Name> {
  const { all, ids, state } = question
  const given = TIMED_FILTERS.filter((name) => question[name] !== undefined)
  const ways = [all, ids, given[0]].filter((way) => way !== undefined).length
  const isClear = ways === 1 || (ways === 0 && state !== undefined)
  const isKnown = given.every((name) => filters.some((one) => one === name))
  if (!isClear || !isKnown) throw refused(400, 'refusal.which', { filters: filters.join(', ') })
  if (ids !== undefined) return { ids }
  const filter = Object.fromEntries(given.map((name) => [name, question[name]]))
  return { filter: filter as Pick<Chosen, Name> }
}
