import { textIn } from '../flow/left-choice.ts'
import { refused } from './route-error.ts'

/** An array of more ids than this is refused. */
const MOST_IDS = 100_000

type Question = Readonly<Record<string, unknown>>

/** Which messages somebody means. */
export interface Selection {
  /** As it was given: of messages in this state, or these. */
  state: unknown
  ids?: readonly number[]
  /** What they have to match; nothing if all are meant, or all in a state. */
  filter: Question
}

/** What a route takes. */
export interface Selectable {
  /** By these messages can be chosen, and by `state`. */
  filters: readonly string[]
  /** What else a request may say, of how it is done. */
  beside?: readonly string[]
}

/**
 * The one place that reads which messages somebody means, for each route that does something with them: `{ids}`,
 * `{all: true}`, or a filter; each may have a `state`, which is also a filter of its own. Nothing is sent, discarded or
 * taken out by mistake: nothing given does not mean all, nor does a value that is there but empty, as from a script that
 * looked for something and found nothing.
 *
 * @throws {RouteError}
 */
export function selectionIn(question: Question, { beside = [], filters }: Selectable): Selection {
  const which = Object.entries(question).filter(([name]) => !beside.includes(name))
  const { all, ids, state, ...filter } = Object.fromEntries(which)
  const names = Object.keys(filter)
  const ways = [all, ids, names[0]].filter((way) => way !== undefined).length
  const isClear =
    (ways === 1 || (ways === 0 && state !== undefined)) &&
    (all === undefined || all === true) &&
    (ids === undefined || isListOfIds(ids)) &&
    names.every((name) => filters.includes(name)) &&
    [state, ...Object.values(filter)].every((value) => !isEmpty(value))
  if (!isClear) throw refused(400, 'refusal.which', { filters: filters.join(', ') })
  if (!isListOfIds(ids)) return { state, filter }
  return { state, filter, ids: ids.map(Number).filter((id) => Number.isSafeInteger(id) && id > 0) }
}

/** Of these filters, those that are given. @throws {ChoiceError} if one is no text */
export function textsIn(filter: Question): Record<string, string> {
  const texts = Object.keys(filter).map((name) => [name, textIn(filter, name)])
  return Object.fromEntries(texts) as Record<string, string>
}

/** None of them is as good as any other: it chooses nothing. */
function isListOfIds(ids: unknown): ids is string[] {
  return Array.isArray(ids) && ids.length <= MOST_IDS && ids.every((id) => typeof id === 'string')
}

function isEmpty(value: unknown): boolean {
  return value === '' || (Array.isArray(value) && (value.length === 0 || value.some(isEmpty)))
}
