import type { Figures } from './figures.ts'
import { NO_VERDICT, type Resent, type StoryRecord, type Verdict } from './message-row.ts'
import type { Pause } from './queue-event.ts'

// What a queue file holds as JSON. Never throws: a damaged detail must not hold back a message.

/** The last moment that a Date can hold, in milliseconds. */
export const MOST_TIME = 8.64e15

/** Milliseconds that a Date can hold, or a length of time that is as harmless. */
export function moment(value: unknown): number | undefined {
  return typeof value === 'number' && value >= 0 && value <= MOST_TIME ? value : undefined
}

export function verdictFrom(stored: string | null): Verdict {
  return stored === null ? NO_VERDICT : { ...NO_VERDICT, ...objectFrom(stored) }
}

export function storyFrom(stored: string | null): StoryRecord[] {
  const list = stored === null ? [] : parsed(stored)
  return Array.isArray(list) ? (list as StoryRecord[]) : []
}

export function resentFrom(stored: string | null): Resent | undefined {
  return stored === null ? undefined : (objectFrom(stored) as Resent)
}

/** A pause whose details are damaged, or that 0.1.0 stored without any, is still a pause. */
export function pauseFrom(stored: unknown): Pause {
  const { at, by, reason } = objectFrom(stored) as Partial<Record<keyof Pause, unknown>>
  return {
    at: moment(at) ?? 0,
    by: typeof by === 'string' ? by : '',
    reason: typeof reason === 'string' ? reason : ''
  }
}

/** What is damaged is not known. */
export function figuresFrom(stored: unknown): Omit<Figures, 'minutes'> {
  const { state, lastAckAt } = objectFrom(stored) as Partial<Record<keyof Figures, unknown>>
  const { name, since } = (state ?? {}) as { name?: unknown; since?: unknown }
  const at = moment(since)
  const isKnown = typeof name === 'string' && at !== undefined
  return { state: isKnown ? { name, since: at } : undefined, lastAckAt: moment(lastAckAt) }
}

/** The texts and numbers of an object. */
export function valuesFrom(stored: unknown): Record<string, string | number> {
  return Object.fromEntries(
    Object.entries(objectFrom(stored)).filter(
      (entry): entry is [string, string | number] =>
        typeof entry[1] === 'string' || typeof entry[1] === 'number'
    )
  )
}

/** An empty one if the text is not an object. */
function objectFrom(stored: unknown): object {
  const value = parsed(stored)
  return typeof value === 'object' && value !== null ? value : {}
}

/** Undefined if it is not JSON. */
function parsed(stored: unknown): unknown {
  try {
    return typeof stored === 'string' ? (JSON.parse(stored) as unknown) : undefined
  } catch {
    return undefined
  }
}
