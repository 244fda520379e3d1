import type { Clock } from '../clock.ts'
import { Alarm } from './alarm.ts'
import type { AttemptResult } from './attempt-result.ts'
import type { Message } from './message.ts'
import type { Settlement } from './settlement.ts'

/** How the last attempt of a message ended, and how the message leaves if there is no other one. */
export interface LastAttempt {
  result: AttemptResult
  settlement: Settlement
}

interface Deadline extends LastAttempt {
  /** On the monotonic clock. */
  at: number
  /** The number of the last renewal of all clocks: after another one, it no longer holds. */
  renewals: number
}

/** A timer may ring so much too early, in milliseconds. */
const EARLY_MS = 1

/**
 * Until when messages are retried. No wait outlasts that, whoever asked for it: the receiver, the token server, an
 * outage. It is in memory only, since a retry need not wait after a restart.
 */
export class Deadlines {
  readonly #deadlines = new Map<number, Deadline>()
  readonly #clock: Pick<Clock, 'monotonic' | 'after'>
  readonly #alarm: Alarm
  readonly #onOver: (seq: number) => void
  #isClosed = false

  /** @param onOver the time of that message is over */
  constructor(clock: Pick<Clock, 'monotonic' | 'after'>, onOver: (seq: number) => void) {
    this.#clock = clock
    this.#onOver = onOver
    this.#alarm = new Alarm(clock, () => {
      this.#ring()
    })
  }

  /** A message is retried, at most for so long; the wait has begun. */
  set({ row, renewals }: Message<unknown>, leftMs: number, last: LastAttempt): void {
    this.#deadlines.delete(row.seq)
    if (leftMs === Infinity || this.#isClosed) return
    this.#deadlines.set(row.seq, { ...last, renewals, at: this.#clock.monotonic() + leftMs })
    this.#alarm.setIn(leftMs)
  }

  /** It is tried again, or has left. */
  delete(seq: number): void {
    this.#deadlines.delete(seq)
  }

  /** What a message leaves with whose time is over; undefined if it is not. */
  overFor({ row, renewals }: Message<unknown>): LastAttempt | undefined {
    const deadline = this.#deadlines.get(row.seq)
    return deadline?.renewals === renewals && this.#isOver(deadline) ? deadline : undefined
  }

  close(): void {
    this.#isClosed = true
    this.#alarm.cancel()
  }

  #ring(): void {
    const now = this.#clock.monotonic()
    let next = Infinity
    for (const [seq, deadline] of this.#deadlines) {
      if (this.#isOver(deadline)) this.#onOver(seq)
      else next = Math.min(next, deadline.at)
    }
    if (next < Infinity) this.#alarm.setIn(next - now)
  }

  #isOver({ at }: Deadline): boolean {
    return this.#clock.monotonic() + EARLY_MS >= at
  }
}
