import type { EventQuery, QueueEvent } from './queue-event.ts'

/** So many are kept. */
const MOST_EVENTS = 1000

type AddedEvent = [event: QueueEvent, hasGrown?: boolean]

/** Events that cannot be stored yet, such as why: the file is not open, or the disk is full. */
export class UnstoredEvents {
  #added: AddedEvent[] = []

  /** @param hasGrown it is stored, or here, already, and counts more now */
  add(event: QueueEvent, hasGrown = false): void {
    const others = hasGrown ? this.#added.filter(([one]) => !isSame(one, event)) : this.#added
    this.#added = [...others, [event, hasGrown] as AddedEvent].slice(-MOST_EVENTS)
  }

  /** Newest first, with those that are stored. */
  find({ since, limit }: EventQuery, stored: readonly QueueEvent[] = []): QueueEvent[] {
    if (this.#added.length === 0) return [...stored]
    const here = this.#added.map(([event]) => event).filter(({ at }) => at >= since)
    const others = stored.filter((event) => !here.some((one) => isSame(one, event)))
    return [...here.toReversed(), ...others].sort((a, b) => b.at - a.at).slice(0, limit)
  }

  takeAll(): AddedEvent[] {
    const added = this.#added
    this.#added = []
    return added
  }
}

/** One that counts more now is the same. */
function isSame(one: QueueEvent, other: QueueEvent): boolean {
  return one.at === other.at && one.kind === other.kind && of(one) === of(other)
}

/** What a series is counted apart by. */
function of({ by, values }: QueueEvent): string {
  return JSON.stringify([by, values['rule'] ?? values['type']])
}
