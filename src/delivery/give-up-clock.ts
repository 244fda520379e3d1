import type { Clock } from '../clock.ts'
import type { Figures } from '../queue/figures.ts'

/** So many different messages in a row are given up; after that, it is not the messages. */
const MOST_IN_VAIN = 3

export interface GiveUpClockParts {
  /** It goes again. */
  onGo: () => void
  /** So many were given up in vain that no more are; or one got an answer since. */
  onInVain: (isInVain: boolean) => void
}

/** What of it outlives a run. */
export type GiveUpFigures = Pick<Figures, 'givenUpInVain' | 'giveUpMs'>

/**
 * The time that counts towards *Give up after*, in milliseconds, through all runs of a queue: each message takes its time
 * from it. It stands while what passes says nothing of any message:
 * - while the gate is closed by a fault whose time does not count (`fault.ts`);
 * - once three different messages in a row were given up by time though nobody knew whose fault it was: until one gets an
 *   answer that is about itself.
 */
export class GiveUpClock {
  readonly #clock: Pick<Clock, 'monotonic'>
  readonly #parts: GiveUpClockParts
  /** What it showed when it began to go last, or stood still. */
  #ms = 0
  /** Since then it goes, on the monotonic clock; undefined: it stands. */
  #since: number | undefined
  #isOutage = false
  /** The messages that were given up in vain, by their numbers; those of earlier runs have none. */
  #inVain = new Set<number>()
  #inVainBefore = 0

  constructor(clock: Pick<Clock, 'monotonic'>, parts: GiveUpClockParts) {
    this.#clock = clock
    this.#parts = parts
    this.#since = clock.monotonic()
  }

  get ms(): number {
    return this.#since === undefined ? this.#ms : this.#ms + (this.#clock.monotonic() - this.#since)
  }

  /** No message is given up by time now. */
  get stands(): boolean {
    return this.#since === undefined
  }

  get figures(): GiveUpFigures {
    return { giveUpMs: Math.round(this.ms), givenUpInVain: this.#countInVain }
  }

  /** The queue was opened: it goes on from where the last run left it. */
  restore({ giveUpMs, givenUpInVain }: GiveUpFigures): void {
    this.#ms = giveUpMs
    if (this.#since !== undefined) this.#since = this.#clock.monotonic()
    this.#inVainBefore = givenUpInVain
    this.#look()
  }

  /** The gate was closed by a fault whose time does not count, or no longer is. */
  setOutage(isOutage: boolean): void {
    this.#isOutage = isOutage
    this.#look()
  }

  /** A message is given up because its time is over, and nobody knows whose fault that is. */
  addInVain(seq: number): void {
    const before = this.#countInVain
    this.#inVain.add(seq)
    if (before >= MOST_IN_VAIN || this.#countInVain < MOST_IN_VAIN) return
    this.#look()
    this.#parts.onInVain(true)
  }

  /** A message left with an answer that is about itself. */
  answered(): void {
    if (this.#countInVain === 0) return
    const was = this.#isInVain
    this.#inVain.clear()
    this.#inVainBefore = 0
    if (!was) return
    this.#parts.onInVain(false)
    this.#look()
  }

  get #isInVain(): boolean {
    return this.#countInVain >= MOST_IN_VAIN
  }

  get #countInVain(): number {
    return this.#inVainBefore + this.#inVain.size
  }

  #look(): void {
    const stands = this.#isOutage || this.#isInVain
    if (stands === this.stands) return
    this.#ms = this.ms
    this.#since = stands ? undefined : this.#clock.monotonic()
    if (!stands) this.#parts.onGo()
  }
}
