import type { DeliveryEvent } from './delivery-events.ts'

/** Follows which messages are being retried, so that all of them are one trouble. */
export class Troubles {
  readonly #retried = new Set<number>()

  /** @returns whether this move begins the trouble, or ends it */
  note(move: Extract<DeliveryEvent, { kind: 'moved' }>): 'began' | 'over' | undefined {
    const { entry, to, result } = move
    if (to === 'sending') return undefined
    if (to !== 'retrying') {
      return this.#retried.delete(entry.seq) && this.#retried.size === 0 ? 'over' : undefined
    }
    // A single failure may pass at once. One that does not pass by itself is news at once: its next
    // attempt is a long time away.
    const isNews = entry.attempts > 1 || result?.isPermanent === true
    if (result === undefined || !isNews) return undefined
    const isFirst = this.#retried.size === 0
    this.#retried.add(entry.seq)
    return isFirst ? 'began' : undefined
  }
}
