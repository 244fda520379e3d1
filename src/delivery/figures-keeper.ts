import type { Clock } from '../clock.ts'
import type { Figures } from '../queue/figures.ts'
import type { DeliveryEvent } from './delivery-events.ts'
import type { GiveUpFigures } from './give-up-clock.ts'
import type { History } from './history.ts'

/** After a change, the figures are stored within this time, in milliseconds: so much a crash can take. */
const CHANGED_MS = 1000
/** Without one, so often: a minute in which nothing happened is known, too. */
const UNCHANGED_MS = 60_000

/** All but what the delivery itself knows. */
export type NodeFigures = Omit<Figures, keyof GiveUpFigures>

/** What is kept, and where. */
export interface FiguresKeeperParts {
  history: History
  /** What is kept besides. */
  standing: () => Omit<NodeFigures, 'minutes' | 'lastAckAt'>
  store: (figures: NodeFigures) => Promise<void>
  clock: Pick<Clock, 'after'>
  /** 0 to 1: not all nodes store at the same time. */
  random: () => number
}

/** A reader of events: takes the history of a node, and what holds since when, over a restart. */
export class FiguresKeeper {
  readonly #parts: FiguresKeeperParts
  #cancel: (() => void) | undefined
  #isSoon = false
  #isClosed = false

  constructor(parts: FiguresKeeperParts) {
    this.#parts = parts
  }

  readEvent(event: DeliveryEvent): void {
    if (event.kind === 'opened') {
      // What happened before could not be stored.
      this.#isSoon = false
      this.#storeIn(UNCHANGED_MS * this.#parts.random())
    } else if (event.kind === 'closing') {
      this.#isClosed = true
      this.#cancel?.()
      this.#store()
    } else this.changed()
  }

  /** Something of what is kept has changed. */
  changed(): void {
    if (this.#isSoon || this.#isClosed) return
    this.#isSoon = true
    this.#storeIn(CHANGED_MS)
  }

  #storeIn(ms: number): void {
    const { clock } = this.#parts
    this.#cancel?.()
    this.#cancel = clock.after(ms, () => {
      this.#isSoon = false
      this.#store()
      this.#storeIn(UNCHANGED_MS)
    })
  }

  #store(): void {
    const { history, standing, store } = this.#parts
    const minutes = history.unstored
    const { lastAckAt } = history
    const stored = store({ ...standing(), minutes, lastAckAt })
    // What could not be stored comes with the next ones.
    stored.then(
      () => {
        history.setStored(minutes.at(-1)?.at ?? -Infinity)
      },
      () => undefined
    )
  }
}
