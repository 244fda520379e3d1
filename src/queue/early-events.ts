import type { EventQuery, QueueEvent } from './queue-event.ts'

/** So many are kept. */
const MOST_EVENTS = 1000

/** Events from before a queue file was opened, such as why it cannot be. */
export class EarlyEvents {
  #events: QueueEvent[] = []

  add(event: QueueEvent): void {
    this.#events = [...this.#events, event].slice(-MOST_EVENTS)
  }

  /** Newest first. */
  find({ since, limit }: EventQuery): QueueEvent[] {
    return this.#events
      .filter(({ at }) => at >= since)
      .toReversed()
      .slice(0, limit)
  }

  takeAll(): QueueEvent[] {
    const events = this.#events
    this.#events = []
    return events
  }
}
