import { english, type Key, type Values } from '../../src/english.ts'
import type { Outcome } from '../../src/queue/message-row.ts'
import type { LeftChoice } from '../../src/queue/queue-types.ts'
import type { LeftState, MessageIn, UncheckedMessage } from './message-in.ts'

/** A choice of messages that cannot be understood. The text says why, and may be shown to the one who made it. */
export class ChoiceError extends Error {
  constructor(key: Extract<Key<'log'>, `refusal.${string}`>, values?: Values) {
    super(english('log', key, values))
  }
}

/** How the states of messages that have left are called. Not an object: `constructor` is no state. */
export const LEFT_STATES: ReadonlyMap<string, Outcome> = new Map<string, Outcome>([
  ['acked', 'ack'],
  ['naked', 'nak'],
  ['failed', 'error']
] satisfies [LeftState, Outcome][])

/** What `leftChoice` reads of a flow's message, besides the two flags of `againIn`: `msg.error` is Node-RED's. */
export const LEFT_FILTERS: readonly string[] = [
  'state',
  'since',
  'before',
  'controlId',
  'type',
  'rule'
] satisfies (keyof MessageIn)[]

type Choice = Readonly<Record<string, unknown>>

/**
 * Reads a choice of messages that have left: `{state, since, before, controlId, type, rule, error}`.
 *
 * @throws {ChoiceError}
 */
export function leftChoice(choice: Choice): LeftChoice {
  const outcome = LEFT_STATES.get(textIn(choice, 'state') ?? '')
  if (outcome === undefined) {
    const list = [...LEFT_STATES.keys()].join(', ')
    throw new ChoiceError('refusal.oneOf', { name: 'state', list })
  }
  return defined({
    outcome,
    controlId: textIn(choice, 'controlId'),
    type: textIn(choice, 'type'),
    rule: textIn(choice, 'rule'),
    error: textIn(choice, 'error'),
    since: timeIn(choice, 'since'),
    until: timeIn(choice, 'before')
  })
}

/**
 * How they are sent again: `again`, also those that were sent before, and copies; `newIds`, with other control IDs.
 *
 * @throws {ChoiceError}
 */
export function againIn(choice: Pick<UncheckedMessage, 'again' | 'newIds'>): {
  isAgain: boolean
  hasNewIds: boolean
} {
  return { isAgain: flagIn(choice, 'again'), hasNewIds: flagIn(choice, 'newIds') }
}

/** @returns false if it is missing @throws {ChoiceError} */
export function flagIn(choice: Choice, name: string): boolean {
  const value = choice[name]
  if (value === undefined || typeof value === 'boolean') return value === true
  throw new ChoiceError('refusal.flag', { name })
}

/** @returns undefined if it is missing or empty @throws {ChoiceError} */
export function textIn(choice: Choice, name: string): string | undefined {
  const value = choice[name]
  if (value === undefined || value === '') return undefined
  if (typeof value === 'string') return value
  // A parameter that a URL has twice is a list.
  throw new ChoiceError(Array.isArray(value) ? 'refusal.once' : 'refusal.text', { name })
}

/** Anything else, a computer reads in its own way: `05.11.2026` as the 11th of May, `last 5` as 2001. */
const ISO_DATE = /^(?:[+-]\d\d)?\d{4}-\d\d-\d\d/

/** A time, in milliseconds since 1970. @throws {ChoiceError} */
export function timeIn(choice: Choice, name: string): number | undefined {
  const given = choice[name]
  const isOther = given !== undefined && typeof given !== 'string' && !Array.isArray(given)
  if (isOther) throw new ChoiceError('refusal.time', { name })
  const value = textIn(choice, name)
  if (value === undefined) return undefined
  const ms = isoTime(value)
  if (ms === undefined) throw new ChoiceError('refusal.time', { name })
  return ms
}

/** @returns undefined if it is none */
export function isoTime(text: string): number | undefined {
  const ms = ISO_DATE.test(text) ? Date.parse(text) : NaN
  return Number.isNaN(ms) ? undefined : ms
}

/** The longest pause that ends by itself. */
const MOST_PAUSE_MS = 366 * 24 * 3_600_000

/**
 * When a pause ends by itself; undefined if it does not.
 *
 * @param now wall clock, milliseconds
 * @throws {ChoiceError}
 */
export function pauseEndIn(choice: Choice, now: number): number | undefined {
  return pauseEnd(timeIn(choice, 'until'), now)
}

/** The same of a time that was read. @throws {ChoiceError} */
export function pauseEnd(end: number | undefined, now: number): number | undefined {
  if (end !== undefined && (end <= now || end > now + MOST_PAUSE_MS)) {
    throw new ChoiceError('refusal.until')
  }
  return end
}

/** The members that are defined. */
export function defined<T extends object>(value: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  const entries = Object.entries(value).filter(([, each]) => each !== undefined)
  return Object.fromEntries(entries) as { [K in keyof T]: Exclude<T[K], undefined> }
}
