import { sleep, type Clock } from '../clock.ts'
import { NO_VERDICT, type Outcome, type Verdict } from '../queue/message-row.ts'
import type { DeliveryEvent } from './delivery-events.ts'
import { verdictOf } from './verdict.ts'

/**
 * So long somebody waits for the answer, in milliseconds; after that it goes on by itself. A proxy in front of Node-RED
 * waits for a minute, such as nginx.
 */
export const TRIAL_WAIT_MS = 50_000

/** What became of the message that was sent first. */
export interface First {
  controlId: string
  /**
   * How it left, or that it was suspended. `open`: it may still leave. `ended`: nobody looks any longer whether it
   * does, because the node closes or something else was tried.
   */
  outcome: Outcome | 'suspended' | 'open' | 'ended'
  verdict: Verdict
}

/** What came of a trial so far. */
export interface Tried {
  first: First
  /** So many messages were sent, the first included; of those that still follow, all. */
  resent: number
}

/** Messages of which the first is sent alone: if it leaves on ACK, the others follow. */
export class Trial {
  readonly #clock: Clock
  /** The number of the first. */
  readonly seq: number
  readonly #follow: () => Promise<number>
  readonly #others: number
  readonly #end = new AbortController()
  #first: First
  /** So many followed. */
  #following = Promise.resolve(0)

  /**
   * @param first its number and control ID
   * @param others so many may follow
   * @param follow sends the others. @returns how many they were
   */
  constructor(
    clock: Clock,
    first: { seq: number; controlId: string },
    others: number,
    follow: () => Promise<number>
  ) {
    this.#clock = clock
    this.seq = first.seq
    this.#first = { controlId: first.controlId, outcome: 'open', verdict: NO_VERDICT }
    this.#others = others
    this.#follow = follow
  }

  /** A reader of events: the first may have left, or been suspended or lost. */
  readEvent(event: DeliveryEvent): void {
    if (event.kind === 'closing') this.end()
    if (event.kind === 'lost' && event.seq === this.seq) this.#decide('error', NO_VERDICT)
    if (event.kind !== 'moved' || event.message.seq !== this.seq) return
    const { settlement, to } = event
    if (to !== 'left' && to !== 'suspended') return
    // Without a settlement, it could not be handed on.
    const outcome = to === 'suspended' ? to : (settlement?.outcome ?? 'error')
    this.#decide(outcome, settlement === undefined ? NO_VERDICT : verdictOf(settlement))
  }

  /** Nobody looks any longer. */
  get hasEnded(): boolean {
    return this.#end.signal.aborted
  }

  /** The others stay where they are, whatever becomes of the first. */
  end(): void {
    this.#decide('ended', NO_VERDICT)
  }

  /**
   * Waits until the first is decided and the others have followed, but not for ever.
   *
   * @param gone ends the wait: nobody wants to know any longer. The trial goes on
   * @throws {QueueError} and others, if the others could not follow: they stay where they are
   */
  async result(gone: AbortSignal): Promise<Tried> {
    const clock = this.#clock
    const until = clock.monotonic() + TRIAL_WAIT_MS
    await sleep(clock, TRIAL_WAIT_MS, AbortSignal.any([this.#end.signal, gone]))
    const done = new AbortController()
    const late = sleep(clock, until - clock.monotonic(), AbortSignal.any([done.signal, gone]))
    try {
      const followed = await Promise.race([this.#following, late.then(() => this.#others)])
      return { first: this.#first, resent: 1 + followed }
    } finally {
      done.abort()
    }
  }

  #decide(outcome: First['outcome'], verdict: Verdict): void {
    if (this.#end.signal.aborted) return
    this.#first = { ...this.#first, outcome, verdict }
    if (outcome === 'ack') {
      this.#following = this.#follow()
      // `result` throws it; without this, it would be unhandled while nobody waits.
      this.#following.catch(() => undefined)
    }
    this.#end.abort()
  }
}
