import type { Clock } from '../clock.ts'
import type { Figures, Minute } from '../queue/figures.ts'
import type { DeliveryEvent } from './delivery-events.ts'
import { Latencies } from './latencies.ts'

const MINUTE_MS = 60_000
/** A day. */
const MINUTES = 1440

/** How messages left. */
export type Outcomes = Pick<Minute, 'acked' | 'naked' | 'failed'>

/** How long the receiver took to answer, in milliseconds; 0: not known. */
export interface LatencyMs {
  p50: number
  p95: number
  p99: number
}

const NO_LATENCY: LatencyMs = { p50: 0, p95: 0, p99: 0 }

/** A reader of events: what happened in each minute of the last day, in constant space. */
export class History {
  readonly #clock: Pick<Clock, 'now' | 'monotonic'>
  readonly #held: () => number
  /** By minute since 1970, modulo the length. */
  readonly #minutes: (Minute | undefined)[] = []
  readonly #latencies = new Latencies()
  #current: Minute
  /** Of the last minute before this one in which the receiver answered. */
  #answered: LatencyMs = NO_LATENCY
  /** The first minute of this run. */
  readonly #from: number
  /** The last minute that was stored; it may have changed since. */
  #storedTo = -Infinity
  /** How many left in each second of the last minute, by second modulo 60. */
  readonly #seconds = new Uint32Array(60)
  #second: number
  #lastAckAt: number | undefined

  /** @param held how many messages are held */
  constructor(clock: Pick<Clock, 'now' | 'monotonic'>, held: () => number) {
    this.#clock = clock
    this.#held = held
    this.#current = emptyMinute(clock.now())
    this.#from = this.#current.at
    this.#second = Math.floor(clock.monotonic() / 1000)
  }

  /** When the last message left on ACK: wall clock, milliseconds. */
  get lastAckAt(): number | undefined {
    return this.#lastAckAt
  }

  /** How messages left in the last hour. */
  get lastHour(): Outcomes {
    const sums = { acked: 0, naked: 0, failed: 0 }
    for (const { acked, naked, failed } of this.minutes(60)) {
      sums.acked += acked
      sums.naked += naked
      sums.failed += failed
    }
    return sums
  }

  /** The minutes that may have changed since `setStored`. */
  get unstored(): Minute[] {
    this.#advance()
    const passed = (this.#current.at - Math.max(this.#from, this.#storedTo)) / MINUTE_MS
    return this.minutes(Math.max(0, passed) + 1)
  }

  /** @param at the minute up to which all are stored */
  setStored(at: number): void {
    this.#storedTo = at
  }

  /** How many messages left in the last minute. */
  get perMinute(): number {
    this.#advance()
    return this.#seconds.reduce((sum, each) => sum + each, 0)
  }

  /** In the last minute with answers: what happens now, and no earlier day, is what somebody looks for. */
  get latencyMs(): LatencyMs {
    this.#advance()
    return this.#measured ?? this.#answered
  }

  readEvent(event: DeliveryEvent): void {
    this.#advance()
    if (event.kind === 'opened') this.#restore(event.figures)
    else if (event.kind === 'attempted' && event.result.reply !== undefined) {
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

  /** What is known of the last minutes, oldest first; the current one is the last. */
  minutes(count: number): Minute[] {
    this.#advance()
    // What was turned away has left no event.
    this.#current.queued = this.#held()
    const last = this.#current.at / MINUTE_MS
    const found: Minute[] = []
    const most = Math.min(count, MINUTES)
    let queued: number | undefined
    for (let minute = last - most + 1; minute <= last; minute++) {
      const at = minute * MINUTE_MS
      const kept = minute === last ? this.#snapshot() : this.#minutes[minute % MINUTES]
      if (kept?.at === at) {
        queued = kept.queued
        found.push(kept)
      } else if (at >= this.#from) {
        // In a minute of this run without events, nothing came and nothing left.
        queued ??= this.#queuedBefore(at)
        found.push({ ...emptyMinute(at), queued })
      }
    }
    return found
  }

  /** Minutes of earlier runs; the current one goes on counting. */
  #restore({ lastAckAt, minutes }: Figures): void {
    this.#lastAckAt ??= lastAckAt
    for (const minute of minutes) {
      if (minute.at === this.#current.at) this.#current = withMore(minute, this.#current)
      else if (minute.at < this.#current.at) this.#put(minute)
      if (minute.p95 > 0 && this.#answered.p50 === 0) {
        this.#answered = { ...NO_LATENCY, p95: minute.p95 }
      }
    }
  }

  /** Of this minute. */
  get #measured(): LatencyMs | undefined {
    const [p50, p95, p99] = [0.5, 0.95, 0.99].map((share) => this.#latencies.percentile(share))
    return p95 ? { p50: p50 ?? 0, p95, p99: p99 ?? 0 } : undefined
  }

  /**
   * Messages held at the end of the last minute of this run that is kept and was before that time. The clock may have
   * been set far ahead since then: what is looked at is what is kept, not each minute in between.
   */
  #queuedBefore(time: number): number {
    let last: Minute | undefined
    for (const kept of this.#minutes) {
      if (kept === undefined || kept.at < this.#from || kept.at >= time) continue
      if (last === undefined || kept.at > last.at) last = kept
    }
    return last?.queued ?? 0
  }

  #snapshot(): Minute {
    return { ...this.#current, p95: this.#measured?.p95 ?? this.#current.p95 }
  }

  #put(minute: Minute): void {
    this.#minutes[(minute.at / MINUTE_MS) % MINUTES] = minute
  }

  /** Begins a new second or minute if it is time. */
  #advance(): void {
    const second = Math.floor(this.#clock.monotonic() / 1000)
    const passed = Math.min(second - this.#second, 60)
    for (let step = 1; step <= passed; step++) this.#seconds[(this.#second + step) % 60] = 0
    if (passed > 0) this.#second = second
    const now = this.#clock.now()
    // Also if the wall clock was set back: then a minute goes on that is known already.
    if (now >= this.#current.at && now < this.#current.at + MINUTE_MS) return
    this.#put(this.#snapshot())
    const minute = emptyMinute(now)
    const kept = this.#minutes[(minute.at / MINUTE_MS) % MINUTES]
    const { queued } = this.#current
    this.#current = { ...(kept?.at === minute.at ? kept : minute), queued }
    this.#answered = this.#measured ?? this.#answered
    this.#latencies.clear()
  }
}

function withMore(minute: Minute, more: Minute): Minute {
  return {
    at: minute.at,
    acked: minute.acked + more.acked,
    naked: minute.naked + more.naked,
    failed: minute.failed + more.failed,
    queued: more.queued,
    p95: minute.p95
  }
}

function emptyMinute(now: number): Minute {
  const at = Math.floor(now / MINUTE_MS) * MINUTE_MS
  return { at, acked: 0, naked: 0, failed: 0, queued: 0, p95: 0 }
}
