import type { Figures } from '../queue/figures.ts'
import type { DeliveryEvent } from './delivery-events.ts'
import type { DeliveryState } from './delivery-state.ts'

/**
 * Remembers since when a delivery has been in its state. It sees only what it is asked about. A state of an earlier
 * run goes on if the delivery comes back to it before a message is settled: it was not over.
 */
export class StateSince {
  readonly #now: () => number
  #state: DeliveryState['state'] | undefined
  #since = 0
  #earlier: Figures['state']

  /** @param now wall clock, milliseconds */
  constructor(now: () => number) {
    this.#now = now
  }

  /** A reader of events. */
  readEvent(event: DeliveryEvent): void {
    if (event.kind === 'opened') {
      this.#earlier = event.figures.state
      // Somebody may have asked before.
      if (this.#state !== undefined) this.#since = this.#sinceEarlier(this.#state) ?? this.#since
    } else if (event.kind === 'moved' && event.to === 'leaving') this.#earlier = undefined
  }

  /**
   * @param state the present one; to be asked soon after each change
   * @returns wall clock, milliseconds
   */
  of(state: DeliveryState['state']): number {
    if (state !== this.#state) {
      this.#state = state
      this.#since = this.#sinceEarlier(state) ?? this.#now()
    }
    return this.#since
  }

  /** What is to be stored of it: the state of the earlier run as long as that may go on. */
  figure(state: DeliveryState['state']): Figures['state'] {
    const since = this.of(state)
    const isPassing = state === 'idle' || state === 'sending'
    return isPassing && this.#earlier?.name === 'retrying' ? this.#earlier : { name: state, since }
  }

  #sinceEarlier(state: DeliveryState['state']): number | undefined {
    if (this.#earlier?.name !== state) return undefined
    const { since } = this.#earlier
    this.#earlier = undefined
    return since
  }
}
