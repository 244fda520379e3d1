import { shownCode } from '../oauth2/token-error.ts'
import type { AttemptResult } from './courier.ts'
import type { DeliveryEvent } from './delivery-events.ts'
import { printable, printableCode } from './explain.ts'
import type { Settlement } from './settlement.ts'

/** Counters and latencies of one node since it started, and what happened last. */
export interface TallyValues {
  acked: number
  naked: number
  failed: number
  latencyMs: { p50: number; p95: number; p99: number }
  lastError: { code: string; at: string } | null
  /** How the last message left, with its acknowledgement code. */
  lastOutcome: { outcome: Settlement['outcome']; code: string } | null
  /** The last thing that happened was an error. */
  failing: boolean
}

/** Buckets grow by this factor: a percentile is right to within a few percent. */
const GROWTH = 1.07
const BUCKETS = 256

/** A reader of events: counts outcomes and how long the receiver took, in constant space and time. */
export class Tally {
  #acked = 0
  #naked = 0
  #failed = 0
  #lastError: TallyValues['lastError'] = null
  #lastOutcome: TallyValues['lastOutcome'] = null
  #failing = false
  readonly #now: () => number
  readonly #latencies = new Uint32Array(BUCKETS)
  #measured = 0

  /** @param now wall clock, milliseconds */
  constructor(now: () => number) {
    this.#now = now
  }

  note(event: DeliveryEvent): void {
    switch (event.kind) {
      case 'attempted':
        if (event.result.reply !== undefined) this.#noteLatency(event.result.elapsedMs)
        return
      case 'moved':
        if (event.to === 'gone' && event.settlement) this.#noteOutcome(event.settlement)
        else if (event.result && (event.to === 'retrying' || event.to === 'waiting')) {
          this.#noteError(causeOf(event.result))
        }
        return
      case 'lost':
        this.#failed++
        this.#noteError('HL7_QUEUE_FAILED')
        return
      case 'queue-failed':
        this.#noteError(event.code)
        return
      case 'unreadable':
        this.#noteError('HL7_QUEUE_FAILED')
        return
      case 'fault':
        this.#noteError('EUNKNOWN')
        return
      default:
    }
  }

  values(): TallyValues {
    return {
      acked: this.#acked,
      naked: this.#naked,
      failed: this.#failed,
      latencyMs: {
        p50: this.#percentile(0.5),
        p95: this.#percentile(0.95),
        p99: this.#percentile(0.99)
      },
      lastError: this.#lastError,
      lastOutcome: this.#lastOutcome,
      failing: this.#failing
    }
  }

  #noteLatency(ms: number): void {
    const bucket = Math.floor(Math.log(Math.max(ms, 0) * 10 + 1) / Math.log(GROWTH))
    const index = Math.min(bucket, BUCKETS - 1)
    this.#latencies[index] = (this.#latencies[index] ?? 0) + 1
    this.#measured++
  }

  #noteOutcome({ outcome, reply, error }: Settlement): void {
    if (outcome === 'error') this.#failed++
    // An operator's action says nothing about the receiver, and hides nothing.
    if (error?.code === 'HL7_DISCARDED') return
    this.#lastOutcome = { outcome, code: printableCode(reply?.ack?.code ?? '') }
    if (outcome === 'error') {
      this.#noteError(shownCode(error?.cause ?? { code: error?.code ?? 'EUNKNOWN' }))
      return
    }
    if (outcome === 'ack') this.#acked++
    else this.#naked++
    this.#failing = false
  }

  #noteError(code: string): void {
    this.#failing = true
    this.#lastError = { code: printable(code), at: new Date(this.#now()).toISOString() }
  }

  #percentile(share: number): number {
    if (this.#measured === 0) return 0
    let left = Math.ceil(this.#measured * share)
    for (const [bucket, count] of this.#latencies.entries()) {
      left -= count
      // The middle of the bucket, back on the scale of milliseconds.
      if (left <= 0) return Math.round(GROWTH ** (bucket + 0.5) - 1) / 10
    }
    return 0
  }
}

/** Why an attempt failed, as a code: of Node.js or the token server, an HTTP status, or MSA-1. */
export function causeOf({ error, reply, status }: AttemptResult): string {
  if (error !== undefined) return shownCode({ code: error.code, status })
  return printableCode(reply?.ack?.code ?? String(reply?.status ?? ''))
}
