import { NO_VERDICT, type AckErrorCode, type Pause, type Verdict } from './journal.ts'
import { moment } from './message-row.ts'

// What a queue file holds as JSON. Never throws: a damaged detail must not hold back a message.

/** What 0.1.0 stored as the reason of a message that was suspended without a rule. */
const ENDED_TWICE = 'Node-RED ended twice while processing this message'

/** What was stored of it; 0.1.0 stored the rule alone. */
export function verdictFrom(text: string): Verdict {
  if (text === ENDED_TWICE) return { ...NO_VERDICT, errorCode: 'ERR_ENDED_TWICE' }
  if (!text.startsWith('{')) return { ...NO_VERDICT, rule: text }
  return { ...NO_VERDICT, ...objectFrom(text) }
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

/** The errors of a verdict; those that are damaged are left out. */
export function errorsFrom(stored: unknown): AckErrorCode[] {
  const list = parsed(stored)
  if (!Array.isArray(list)) return []
  return list.flatMap((one: unknown) => {
    const { code, severity } = (one ?? {}) as Partial<Record<keyof AckErrorCode, unknown>>
    return typeof code === 'string' && typeof severity === 'string' ? [{ code, severity }] : []
  })
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
