import type { DeliveryState } from './delivery-state.ts'

/** Remembers since when a delivery has been in its state. It sees only what it is asked about. */
export class StateSince {
  readonly #now: () => number
  #state: DeliveryState['state'] | undefined
  #since = 0

  /** @param now wall clock, milliseconds */
  constructor(now: () => number) {
    this.#now = now
  }

  /**
   * @param state the present one; to be asked soon after each change
   * @returns wall clock, milliseconds
   */
  of(state: DeliveryState['state']): number {
    if (state !== this.#state) {
      this.#state = state
      this.#since = this.#now()
    }
    return this.#since
  }
}
