import type { EntryFacts } from '../outbox/outbox.ts'

/** A message that is under way or waits for its next attempt, with its failure clock. */
export class ActiveMessage {
  readonly facts: EntryFacts
  /** Calls off the wait for the next attempt. */
  cancelWait?: () => void
  /** On the monotonic clock, in milliseconds. */
  nextAttemptAt?: number
  /** Retries since the clock of this message was started. */
  retries = 0
  /** There was no token for the last attempt. */
  wantsToken = false
  /** The time that passes now counts towards the failure timeout. */
  counts = true
  #countedFrom: number

  /** @param now on the monotonic clock, in milliseconds, as everywhere here */
  constructor(facts: EntryFacts, now: number) {
    this.facts = facts
    this.#countedFrom = now
  }

  /** Adds the time since the last look to the clock, if it counts. */
  count(now: number, paused: boolean): void {
    if (this.counts && !paused) this.facts.spentMs += now - this.#countedFrom
    this.#countedFrom = now
  }

  /** Starts the clock anew. */
  renew(now: number): void {
    this.facts.spentMs = 0
    this.#countedFrom = now
    this.retries = 0
  }
}
