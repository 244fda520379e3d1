/** A row of `message` in a queue file. */
export interface MessageRow {
  seq: number
  /** An index of `STATES`, or `DAMAGED`. */
  state: number
  /** Only for messages that are not waiting. */
  place: number | null
  accepted_at: number
  attempts: number
  spent_ms: number
  suspended_at: number | null
  lane: string
  type: string
  control_id: string
  reason: Uint8Array | null
}

export const STATES = ['waiting', 'suspended', 'settled'] as const
/** In place of a state: the message is damaged, and what is left of it stays. */
export const DAMAGED = STATES.length

/**
 * Above it the numbers of pieces (`sealed-parts.ts`) are no longer exact; no queue gets that far.
 */
export const MOST_SEQ = 2 ** 35 - 1
/** The last moment that a Date can hold, in milliseconds. */
const MOST_TIME = 8.64e15

/**
 * The same row, with a harmless value in place of each value that this package never writes: a
 * single flipped bit must not hold back a message whose content is intact. A message accepted at an
 * unknown time counts as accepted now; one without a state waits, because sending it once more
 * settles it.
 */
export function repairedRow(row: Readonly<Record<string, unknown>>): MessageRow {
  const state = whole(row['state'], DAMAGED) ?? 0
  const waits = state === 0 || state === DAMAGED
  const reason = row['reason']
  return {
    seq: whole(row['seq'], MOST_SEQ) ?? 0,
    state,
    place: waits ? null : (whole(row['place']) ?? 0),
    accepted_at: moment(row['accepted_at']) ?? Date.now(),
    attempts: whole(row['attempts']) ?? 0,
    spent_ms: moment(row['spent_ms']) ?? 0,
    suspended_at: moment(row['suspended_at']) ?? null,
    lane: text(row['lane']),
    type: text(row['type']),
    control_id: text(row['control_id']),
    reason: reason instanceof Uint8Array ? reason : null
  }
}

/** The row, or undefined if it contains a value that this package never writes. */
export function wholeRow(row: Readonly<Record<string, unknown>>): MessageRow | undefined {
  const repaired = repairedRow(row)
  return Object.entries(repaired).every(([name, value]) => value === row[name])
    ? repaired
    : undefined
}

/** A whole number from 0 on. */
export function whole(value: unknown, most = Number.MAX_SAFE_INTEGER): number | undefined {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= most
    ? (value as number)
    : undefined
}

/** Milliseconds that a Date can hold, or a length of time that is as harmless. */
export function moment(value: unknown): number | undefined {
  return typeof value === 'number' && value >= 0 && value <= MOST_TIME ? value : undefined
}

/** `''` if it is not text. */
export function text(value: unknown): string {
  return typeof value === 'string' ? value : ''
}
