import type {
  CallTimes,
  CountedMinute,
  Ended,
  Figures,
  GivenUp,
  KnownAddress,
  Note,
  Refusing,
  TurnedAway
} from './figures.ts'
import {
  NO_VERDICT,
  type Resent,
  type RuleRetries,
  type StoryRecord,
  type Verdict
} from './message-row.ts'
import type { Pause } from './queue-event.ts'
import type { BackupInUse, ClockLeap } from './queue-types.ts'

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

export function ruleRetriesFrom(stored: string | null): RuleRetries | undefined {
  if (stored === null) return undefined
  const { byRule, next } = objectFrom(stored) as Partial<RuleRetries>
  return { byRule: { ...byRule }, next }
}

export function storyFrom(stored: string | null): StoryRecord[] {
  const list = stored === null ? [] : parsed(stored)
  return Array.isArray(list) ? (list as StoryRecord[]) : []
}

export function resentFrom(stored: string | null): Resent | undefined {
  return stored === null ? undefined : (objectFrom(stored) as Resent)
}

/** A pause whose details are damaged is still a pause. */
export function pauseFrom(stored: unknown): Pause {
  return pauseOf(objectFrom(stored), true)
}

function pauseOf(stored: object, mayHaveBeneath: boolean): Pause {
  const { at, beneath, by, host, reason, until } = stored as Partial<Record<keyof Pause, unknown>>
  const end = moment(until)
  return {
    at: moment(at) ?? 0,
    by: typeof by === 'string' ? by : '',
    reason: typeof reason === 'string' ? reason : '',
    ...(end !== undefined && { until: end }),
    ...(typeof host === 'string' && { host }),
    // There are two sorts, so that there is at most one.
    ...(mayHaveBeneath &&
      typeof beneath === 'object' &&
      beneath !== null && { beneath: pauseOf(beneath, false) })
  }
}

/** Undefined also if it is damaged: the first address is asked first. */
export function backupFrom(stored: unknown): BackupInUse | undefined {
  const { address, by, isByHand, since } = objectFrom(stored) as Partial<
    Record<keyof BackupInUse, unknown>
  >
  if (typeof address !== 'number') return undefined
  return {
    since: moment(since) ?? 0,
    isByHand: isByHand === true,
    by: typeof by === 'string' ? by : '',
    address
  }
}

/** What is damaged is not known. */
export function figuresFrom(stored: unknown): Omit<Figures, 'minutes'> {
  const kept = objectFrom(stored) as Partial<Record<keyof Figures, unknown>>
  const since = Object.entries(recordFrom(kept.since)).filter(
    (entry): entry is [string, number] => moment(entry[1]) !== undefined
  )
  const refusing = listFrom(kept.refusing)
  const turnedAwayMinutes = listFrom(kept.turnedAwayMinutes)
  return {
    lastAckAt: moment(kept.lastAckAt),
    since: Object.fromEntries(since),
    givenUp: givenUpFrom(recordFrom(kept.givenUp)),
    refusing: refusing.map(recordFrom).flatMap(refusingFrom),
    lastInAt: moment(kept.lastInAt),
    note: noteFrom(recordFrom(kept.note)),
    calls: callTimesFrom(recordFrom(kept.calls)),
    turnedAway: turnedAwayFrom(recordFrom(kept.turnedAway)),
    turnedAwayMinutes: turnedAwayMinutes.flatMap(minuteFrom),
    ended: endedFrom(recordFrom(kept.ended)),
    giveUpMs: moment(kept.giveUpMs) ?? 0,
    givenUpInVain: moment(kept.givenUpInVain) ?? 0,
    addresses: addressesFrom(recordFrom(kept.addresses))
  }
}

function addressesFrom(stored: Record<string, unknown>): Record<string, KnownAddress> {
  const entries = Object.entries(stored).map(([hash, one]): [string, KnownAddress] => {
    const { answers, bodyBytes, headBytes } = recordFrom(one)
    return [
      hash,
      {
        answers: answers === 'hl7' || answers === 'other' ? answers : '',
        headBytes: moment(headBytes) ?? 0,
        bodyBytes: moment(bodyBytes) ?? 0
      }
    ]
  })
  return Object.fromEntries(entries)
}

function givenUpFrom({
  about,
  cause,
  count,
  operation,
  since
}: Record<string, unknown>): GivenUp | undefined {
  const at = moment(since)
  if (at === undefined || !Number.isSafeInteger(count)) return undefined
  return {
    count: Number(count),
    since: at,
    ...(typeof cause === 'string' && { cause }),
    ...(typeof about === 'string' && { about }),
    ...(typeof operation === 'string' && { operation })
  }
}

function refusingFrom(stored: Record<string, unknown>): Refusing[] {
  const { ackCode, count, error, status, type } = stored
  const since = moment(stored['since'])
  const isWhole =
    typeof type === 'string' &&
    typeof ackCode === 'string' &&
    typeof error === 'string' &&
    Number.isSafeInteger(count)
  return isWhole && since !== undefined
    ? [
        {
          ...{ type, count: Number(count), since, ackCode, error },
          ...(typeof status === 'number' && { status })
        }
      ]
    : []
}

function noteFrom({ at, by, code, text }: Record<string, unknown>): Note | undefined {
  const time = moment(at)
  const isWhole = typeof by === 'string' && typeof text === 'string' && typeof code === 'string'
  return isWhole && time !== undefined ? { at: time, by, text, code } : undefined
}

function callTimesFrom(stored: Record<string, unknown>): CallTimes {
  const { ms, seq } = recordFrom(stored['tried'])
  const triedMs = moment(ms)
  const times = (['stuck', 'refused', 'token'] as const).flatMap((name) => {
    const time = moment(stored[name])
    return time === undefined ? [] : [[name, time] as const]
  })
  return {
    ...Object.fromEntries(times),
    ...(triedMs !== undefined &&
      Number.isSafeInteger(seq) && { tried: { seq: Number(seq), ms: triedMs } })
  }
}

/** So many of something, from a time to another. */
function spellFrom({
  count,
  ...stored
}: Record<string, unknown>): { count: number; since: number; until: number } | undefined {
  const [since, until] = [moment(stored['since']), moment(stored['until'])]
  if (since === undefined || until === undefined || !Number.isSafeInteger(count)) return undefined
  return { count: Number(count), since, until }
}

function turnedAwayFrom(stored: Record<string, unknown>): TurnedAway | undefined {
  const { isTrial, why } = stored
  const spell = spellFrom(stored)
  if (spell === undefined) return undefined
  return {
    ...spell,
    why: typeof why === 'string' ? why : '',
    ...(isTrial === true && { isTrial })
  }
}

function endedFrom(stored: Record<string, unknown>): Ended | undefined {
  const { controlId, held, times } = stored
  const spell = spellFrom(stored)
  if (spell === undefined) return undefined
  return {
    ...spell,
    held: moment(held) ?? 0,
    ...(typeof controlId === 'string' &&
      Number.isSafeInteger(times) && { controlId, times: Number(times) })
  }
}

function minuteFrom(stored: unknown): CountedMinute[] {
  const [at, count] = listFrom(stored)
  const time = moment(at)
  return time !== undefined && Number.isSafeInteger(count) ? [[time, Number(count)]] : []
}

function listFrom(value: unknown): unknown[] {
  return Array.isArray(value) ? value : []
}

function recordFrom(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
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

/** A damaged one is left out. */
export function leapsFrom(stored: unknown): ClockLeap[] {
  const list = parsed(stored)
  if (!Array.isArray(list)) return []
  return list.flatMap((leap) => {
    const stored = (leap ?? {}) as Partial<Record<keyof ClockLeap, unknown>>
    const [at, from] = [moment(stored.at), moment(stored.from)]
    return at === undefined || from === undefined ? [] : [{ at, from }]
  })
}

/** The answer to a call, and which it was. */
export function answerFrom(stored: unknown): { id?: unknown; value?: unknown } {
  return objectFrom(stored)
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
