import type { Clock } from '../clock.ts'
import { Alarm } from './alarm.ts'
import type { AttemptResult } from './attempt-result.ts'
import type { GiveUpClock } from './give-up-clock.ts'
import type { Message } from './message.ts'
import type { Settlement } from './settlement.ts'

/** How the last attempt of a message ended, and how the message leaves if there is no other one. */
export interface LastAttempt {
  result: AttemptResult
  settlement: Settlement
}

interface Kept extends LastAttempt {
  /** About what it takes in memory, in bytes. */
  size: number
  /** Until when the message is retried: on the clock of *Give up after*; Infinity: for ever. */
  until: number
  /** The number of the last fresh start of all clocks: after another one, it no longer holds. */
  renewals: number
}

/** The memory for last attempts, in bytes: beyond that, the oldest are forgotten. */
const MOST_BYTES = 16 * 1024 * 1024
/** What one takes besides the text of its reply. */
const LEAST_BYTES = 1024

/** The queue's clock may give a message its turn this much before its time is over, in milliseconds. */
const EARLY_MS = 1

/**
 * How the last attempt of each retried message ended, and how long the message is retried. No wait goes on beyond that
 * time, whether the receiver, the token server or an outage asks for it. This is kept in memory only, and bounded: a
 * message whose last attempt has been forgotten, as after a restart, is tried once more. What of its time is spent, is in
 * its row.
 */
export class LastAttempts {
  readonly #kept = new Map<number, Kept>()
  /** Messages whose time is over, but that cannot leave yet. */
  readonly #heldUp = new Set<number>()
  readonly #clock: Pick<GiveUpClock, 'ms' | 'stands'>
  readonly #alarm: Alarm
  readonly #onOver: (seq: number) => void
  #bytes = 0

  /** @param onOver the time of that message is over */
  constructor(
    clock: Pick<Clock, 'monotonic' | 'after'>,
    giveUpClock: Pick<GiveUpClock, 'ms' | 'stands'>,
    onOver: (seq: number) => void
  ) {
    this.#clock = giveUpClock
    this.#onOver = onOver
    this.#alarm = new Alarm(clock, () => {
      this.endOver()
    })
  }

  /** A message is retried, at most for so long; the wait has begun. */
  keep({ row, renewals }: Message<unknown>, leftMs: number, last: LastAttempt): void {
    this.take(row.seq)
    const { reply } = last.settlement
    const size = LEAST_BYTES + 2 * ((reply?.text.length ?? 0) + (reply?.hl7.length ?? 0))
    const until = this.#clock.ms + leftMs
    this.#kept.set(row.seq, { ...last, size, renewals, until })
    this.#bytes += size
    this.#forgetOldest()
    if (leftMs < Infinity) this.#alarm.setIn(leftMs)
  }

  /** How a message would leave that is retried no longer; undefined if that is not known. */
  settlementOf(seq: number): Settlement | undefined {
    return this.#kept.get(seq)?.settlement
  }

  /** It is tried again, or leaves: what is known of its last attempt is forgotten here. */
  take(seq: number): LastAttempt | undefined {
    const last = this.#kept.get(seq)
    if (last === undefined) return undefined
    this.#bytes -= last.size
    this.#kept.delete(seq)
    this.#heldUp.delete(seq)
    return last
  }

  /** What a message leaves with whose time is over; undefined if it is not. */
  finalOf({ row, renewals }: Message<unknown>): LastAttempt | undefined {
    const last = this.#kept.get(row.seq)
    const isOver = last?.renewals === renewals && this.#isOver(last, EARLY_MS)
    return isOver ? last : undefined
  }

  /** For how long a message is retried yet, in milliseconds; Infinity also if that is not known. */
  leftMs(seq: number): number {
    const last = this.#kept.get(seq)
    if (last === undefined) return Infinity
    return this.#clock.stands ? Infinity : Math.max(0, last.until - this.#clock.ms)
  }

  /** The time of this message is over, but its lane or a failing disk holds it up. */
  holdUp(seq: number): void {
    if (this.#kept.has(seq)) this.#heldUp.add(seq)
  }

  /** A message has moved: those that it held up may leave, even while no other message may be sent. */
  endHeldUp(): void {
    if (this.#heldUp.size === 0) return
    const seqs = [...this.#heldUp]
    this.#heldUp.clear()
    for (const seq of seqs) this.#onOver(seq)
  }

  /** Those whose time is over may leave now; also those that could not because the queue could not be read. */
  endOver(): void {
    // It goes again with another call.
    if (this.#clock.stands) return
    const now = this.#clock.ms
    let next = Infinity
    for (const [seq, last] of this.#kept) {
      if (this.#isOver(last)) this.#onOver(seq)
      else next = Math.min(next, last.until)
    }
    if (next < Infinity) this.#alarm.setIn(next - now)
  }

  close(): void {
    this.#alarm.close()
  }

  #forgetOldest(): void {
    for (const seq of this.#kept.keys()) {
      if (this.#bytes <= MOST_BYTES) return
      this.take(seq)
    }
  }

  #isOver({ until }: Kept, earlyMs = 0): boolean {
    return !this.#clock.stands && this.#clock.ms + earlyMs >= until
  }
}
