import type { DeliveryEvent, Moved } from '../../src/delivery/delivery-events.ts'
import type { DeliveryState } from '../../src/delivery/delivery-state.ts'
import { needsSomebody } from '../../src/delivery/fault.ts'
import type { TokenStatus } from '../../src/oauth2/token-status.ts'
import type { CallTimes } from '../../src/queue/figures.ts'

/** So many messages that are retried are watched: the oldest ones count. */
const MOST_TRIED = 1000

/** What the clocks run by. */
export interface CallFacts {
  delivery: Pick<DeliveryState, 'inFlight' | 'paused' | 'queued' | 'retry' | 'retrying'>
  token: Pick<TokenStatus, 'state'> | { state: 'none'; permanent: boolean } | undefined
}

/** For how long something has lasted that needs somebody in the end, in milliseconds; 0 if it does not. */
export interface Lasting {
  /** Messages wait and none has left on ACK or NAK, or one of them has been tried. */
  stuckMs: number
  /** The receiver refuses the login, the address or its certificate is wrong, and no message got through. */
  refusedMs: number
  /** The token server refuses. */
  tokenRefusedMs: number
}

type Name = Exclude<keyof CallTimes, 'tried'>

/**
 * The clocks by which somebody is called. They stand still while the node is paused, and while it does not run: what
 * they have counted goes on after a restart. They see only what they are asked about, so to be asked every second.
 */
export class CallClocks {
  readonly #monotonic: () => number
  /** Time that counts, in milliseconds: without pauses. */
  #time = 0
  #lookedAt: number
  #isPaused = false
  /** Since when each lasts, by the time that counts. */
  readonly #since = new Map<Name, number>()
  /** When messages that are retried were tried first, by their numbers and the time that counts, oldest first. */
  readonly #tried = new Map<number, number>()

  /** @param monotonic milliseconds */
  constructor(monotonic: () => number) {
    this.#monotonic = monotonic
    this.#lookedAt = monotonic()
  }

  /** A reader of events. */
  readEvent(event: DeliveryEvent): void {
    if (event.kind === 'opened') this.#restore(event.figures.calls)
    else if (event.kind === 'lost') this.#tried.delete(event.seq)
    else if (event.kind === 'moved') {
      const { message, result, to } = event
      if (to === 'sending') return
      if (to === 'retrying') this.#addTried(message.seq, result?.elapsedMs ?? 0)
      else if (to !== 'waiting') this.#tried.delete(message.seq)
      if (!gotThrough(event)) return
      this.#since.delete('stuck')
      this.#since.delete('refused')
    }
  }

  /** To be asked every second. */
  look({ delivery, token }: CallFacts): Lasting {
    this.#advance()
    this.#isPaused = delivery.paused !== null
    const { inFlight, queued, retry, retrying } = delivery
    const isRefused = retry !== null && needsSomebody(retry.about, retry.cause)
    // Nobody has asked for a token since the start.
    const isTokenKnown = token?.state !== 'idle'
    if (retrying + inFlight === 0) this.#tried.clear()
    return {
      stuckMs: Math.max(this.#lasting('stuck', queued + inFlight > 0), this.#longestTried()),
      refusedMs: this.#lasting('refused', isRefused),
      tokenRefusedMs: isTokenKnown ? this.#lasting('token', isTokenRefused(token)) : 0
    }
  }

  /** What goes on after a restart. */
  get stored(): CallTimes {
    this.#advance()
    const times = [...this.#since].map(([name, since]) => [name, Math.round(this.#time - since)])
    const [oldest] = this.#tried
    return {
      ...(Object.fromEntries(times) as CallTimes),
      ...(oldest && { tried: { seq: oldest[0], ms: Math.round(this.#time - oldest[1]) } })
    }
  }

  #restore({ tried, ...times }: CallTimes): void {
    for (const [name, ms] of Object.entries(times)) this.#since.set(name as Name, this.#time - ms)
    if (tried !== undefined) this.#tried.set(tried.seq, this.#time - tried.ms)
  }

  #addTried(seq: number, elapsedMs: number): void {
    if (this.#tried.has(seq) || this.#tried.size >= MOST_TRIED) return
    this.#advance()
    this.#tried.set(seq, this.#time - elapsedMs)
  }

  #longestTried(): number {
    const [oldest] = this.#tried.values()
    return oldest === undefined ? 0 : this.#time - oldest
  }

  #lasting(name: Name, holds: boolean): number {
    if (!holds) {
      this.#since.delete(name)
      return 0
    }
    const since = this.#since.get(name) ?? this.#time
    this.#since.set(name, since)
    return this.#time - since
  }

  #advance(): void {
    const now = this.#monotonic()
    if (!this.#isPaused) this.#time += now - this.#lookedAt
    this.#lookedAt = now
  }
}

/** The receiver has taken or refused it: its answer is an acknowledgement. */
function gotThrough({ result, settlement, to }: Moved): boolean {
  if (to === 'left') return settlement !== undefined && settlement.outcome !== 'error'
  return to === 'awaiting' || (to === 'suspended' && result?.reply?.ack !== undefined)
}

function isTokenRefused(token: CallFacts['token']): boolean {
  return token !== undefined && 'permanent' in token && token.permanent
}
