import type { AttemptResult } from './attempt-result.ts'

/**
 * What an attempt came to: accepted, if only for now; refused by an answer with HL7, or as a rule says; answered
 * without HL7 that counts, such as HTTP 503; no answer; no token to send with.
 */
export const ATTEMPT_OUTCOMES = ['ack', 'nak', 'http', 'error', 'token'] as const
export type AttemptOutcome = (typeof ATTEMPT_OUTCOMES)[number]

/** Upper bounds of the classes in which the times of answers are counted, in milliseconds. */
export const DURATION_BOUNDS_MS = [
  50, 100, 250, 500, 1000, 2500, 5000, 10_000, 30_000, 60_000
] as const

/** How long the receiver took to answer. */
export interface Durations {
  /** How many answers took at most as long as each of `DURATION_BOUNDS_MS`. */
  atMost: readonly number[]
  /** Milliseconds. */
  sumMs: number
  count: number
}

/** Attempts by what they came to, and how long the answers took, since the node started. */
export interface AttemptFigures {
  attempts: Readonly<Record<AttemptOutcome, number>>
  durations: Durations
}

/**
 * Counts attempts in constant space and time. The bounds are fixed, so that the counts of several
 * nodes and processes can be added up.
 */
export class AttemptCounts {
  readonly #attempts = { ack: 0, nak: 0, http: 0, error: 0, token: 0 }
  /** By the first bound that is not exceeded. */
  readonly #durations = new Float64Array(DURATION_BOUNDS_MS.length)
  #sumMs = 0
  #answers = 0

  add(result: AttemptResult): void {
    this.#attempts[outcomeOf(result)]++
    if (result.reply === undefined) return
    const ms = Math.max(0, result.elapsedMs)
    this.#answers++
    this.#sumMs += ms
    const place = DURATION_BOUNDS_MS.findIndex((bound) => ms <= bound)
    if (place !== -1) this.#durations[place] = (this.#durations[place] ?? 0) + 1
  }

  figures(): AttemptFigures {
    let answers = 0
    const atMost = Array.from(this.#durations, (count) => (answers += count))
    return {
      attempts: { ...this.#attempts },
      durations: { atMost, sumMs: this.#sumMs, count: this.#answers }
    }
  }
}

function outcomeOf({ decision, answered, reply, error }: AttemptResult): AttemptOutcome {
  if (error?.family === 'token') return 'token'
  if (decision.outcome === 'accept' || decision.outcome === 'await') return 'ack'
  if (reply === undefined) return 'error'
  return answered ? 'nak' : 'http'
}
