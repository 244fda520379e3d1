import type { Figures } from '../queue/figures.ts'
import type { DeliveryEvent } from './delivery-events.ts'
import type { DeliveryState } from './delivery-state.ts'

/** What the time depends on. */
export type Known = Pick<DeliveryState, 'state' | 'suspended'>

/** What an operator is told: if nothing worse holds, that messages are suspended. */
type Condition = DeliveryState['state'] | 'suspended'

/**
 * Remembers since when a delivery has been in its state, or, if that is idle or sending, since when it has suspended
 * messages. It sees only what it is asked about. A state of an earlier run goes on if the delivery comes back to it
 * before a message is settled: it was not over.
 */
export class StateSince {
  readonly #now: () => number
  #condition: Condition | undefined
  #since = 0
  #suspendedSince: number | undefined
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
      if (this.#condition !== undefined) {
        this.#since = this.#sinceEarlier(this.#condition) ?? this.#since
      }
    } else if (event.kind === 'moved' && event.to === 'leaving') this.#earlier = undefined
  }

  /**
   * @param delivery the present one; to be asked soon after each change
   * @returns wall clock, milliseconds
   */
  of(delivery: Known): number {
    const condition = conditionOf(delivery)
    if (delivery.suspended === 0) this.#suspendedSince = undefined
    else this.#suspendedSince ??= this.#sinceEarlier('suspended') ?? this.#now()
    if (condition !== this.#condition) {
      this.#condition = condition
      this.#since = this.#sinceEarlier(condition) ?? this.#now()
    }
    return condition === 'suspended' ? (this.#suspendedSince ?? this.#since) : this.#since
  }

  /** What is to be stored of it: the state of the earlier run as long as that may go on. */
  figure(delivery: Known): Figures['state'] {
    const since = this.of(delivery)
    return isQuiet(delivery) && this.#earlier?.name === 'retrying'
      ? this.#earlier
      : { name: conditionOf(delivery), since }
  }

  #sinceEarlier(condition: Condition): number | undefined {
    if (this.#earlier?.name !== condition) return undefined
    const { since } = this.#earlier
    this.#earlier = undefined
    return since
  }
}

function conditionOf(delivery: Known): Condition {
  return isQuiet(delivery) && delivery.suspended > 0 ? 'suspended' : delivery.state
}

function isQuiet({ state }: Known): boolean {
  return state === 'idle' || state === 'sending'
}
