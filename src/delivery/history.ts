import type { Clock } from '../clock.ts'
import type { DeliveryEvent } from './delivery-events.ts'
import { Latencies } from './latencies.ts'

/** What happened in one minute. */
export interface Minute {
  /** Its beginning: wall clock, milliseconds. */
  at: number
  acked: number
  naked: number
  failed: number
  /** Messages held at its end. */
  queued: number
  /** Of the receiver's answers, in milliseconds. */
  p95: number
}

const MINUTE_MS = 60_000
/** A day. */
const MINUTES = 1440

/** A reader of events: what happened in each minute of the last day, in constant space. */
export class History {
  readonly #clock: Pick<Clock, 'now' | 'monotonic'>
  readonly #held: () => number
  /** By minute since 1970, modulo the length. */
  readonly #minutes: (Minute | undefined)[] = []
  readonly #latencies = new Latencies()
  #current: Minute
  /** How many left in each second of the last minute, by second modulo 60. */
  readonly #seconds = new Uint32Array(60)
  #second: number
  #lastAckAt: number | undefined

  /** @param held how many messages are held */
  constructor(clock: Pick<Clock, 'now' | 'monotonic'>, held: () => number) {
    this.#clock = clock
    this.#held = held
    this.#current = emptyMinute(clock.now())
    this.#second = Math.floor(clock.monotonic() / 1000)
  }

  /** When the last message left on ACK: wall clock, milliseconds. */
  get lastAckAt(): number | undefined {
    return this.#lastAckAt
  }

  /** How many messages left in the last minute. */
  get perMinute(): number {
    this.#advance()
    return this.#seconds.reduce((sum, each) => sum + each, 0)
  }

  readEvent(event: DeliveryEvent): void {
    this.#advance()
    if (event.kind === 'attempted' && event.result.reply !== undefined) {
      this.#latencies.add(event.result.elapsedMs)
    } else if (event.kind === 'moved' && event.to === 'left' && event.settlement !== undefined) {
      const { outcome } = event.settlement
      const counter = outcome === 'ack' ? 'acked' : outcome === 'nak' ? 'naked' : 'failed'
      this.#current[counter]++
      const at = this.#second % 60
      this.#seconds[at] = (this.#seconds[at] ?? 0) + 1
      if (outcome === 'ack') this.#lastAckAt = this.#clock.now()
    } else if (event.kind === 'lost') this.#current.failed++
    this.#current.queued = this.#held()
  }

  /** The last minutes without gaps, oldest first; the current one is the last. */
  minutes(count: number): Minute[] {
    this.#advance()
    const last = this.#current.at / MINUTE_MS
    const found: Minute[] = []
    const most = Math.min(count, MINUTES)
    let queued = 0
    for (let minute = last - most + 1; minute <= last; minute++) {
      const kept = minute === last ? this.#snapshot() : this.#minutes[minute % MINUTES]
      const isThere = kept?.at === minute * MINUTE_MS
      // In a minute without events, nothing came and nothing left.
      if (isThere) queued = kept.queued
      found.push(isThere ? kept : { ...emptyMinute(minute * MINUTE_MS), queued })
    }
    return found
  }

  #snapshot(): Minute {
    return { ...this.#current, p95: this.#latencies.percentile(0.95) }
  }

  /** Begins a new second or minute if it is time. */
  #advance(): void {
    const second = Math.floor(this.#clock.monotonic() / 1000)
    const passed = Math.min(second - this.#second, 60)
    for (let step = 1; step <= passed; step++) this.#seconds[(this.#second + step) % 60] = 0
    if (passed > 0) this.#second = second
    const now = this.#clock.now()
    // Also if the wall clock was set back.
    if (now >= this.#current.at && now < this.#current.at + MINUTE_MS) return
    this.#minutes[(this.#current.at / MINUTE_MS) % MINUTES] = this.#snapshot()
    this.#current = { ...emptyMinute(now), queued: this.#current.queued }
    this.#latencies.clear()
  }
}

function emptyMinute(now: number): Minute {
  const at = Math.floor(now / MINUTE_MS) * MINUTE_MS
  return { at, acked: 0, naked: 0, failed: 0, queued: 0, p95: 0 }
}
