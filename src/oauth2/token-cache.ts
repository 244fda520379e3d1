import type { Clock } from '../clock.ts'
import { english } from '../english.ts'
import { TokenError } from './token-error.ts'
import {
  instant,
  isPast,
  retryWaitMs,
  validity,
  type Instant,
  type Validity
} from './token-times.ts'

/** A token as it was issued: the same one, issued again, is another. */
export interface IssuedToken {
  readonly token: string
  /** Kept so that a hit costs no allocation. */
  readonly promise: Promise<string>
  /** On the monotonic clock, in milliseconds. */
  readonly obtainedAt: number
  /** Undefined: it lives so briefly that it is used once. */
  readonly validity: Validity | undefined
  /** When each receiver last accepted a message with it: by its address, on the monotonic clock. */
  readonly acceptedAt: Map<string, number>
}

/** A failed request: why no other is made, and until when on the monotonic clock. */
export interface Wait {
  readonly error: TokenError
  readonly until: number
}

/** Token requests that were made, since the node started. */
export interface TokenRequestCounts {
  ok: number
  /** Refused, not answered, or answered with nothing usable. */
  error: number
}

/** A token, as the cache needs it. */
export interface FreshToken {
  accessToken: string
  /** When the request was sent: its lifetime counts from here. */
  sentAt: Instant
  /** Seconds. */
  lifetime: number
}

export interface TokenCacheParts {
  /** Makes one token request; rejects with a `TokenError` and nothing else. */
  obtain: (signal: AbortSignal) => Promise<FreshToken>
  clock: Clock
  /** 0 to 1. */
  random: () => number
  /** A person's password is sent, which would be locked if it is wrong too often. */
  isLogin?: boolean
}

/**
 * One token for all receivers: fetched by one request at a time, also before the old one ends, and after a failure
 * only once the back-off has passed. What receivers say of it is the matter of `ReceiverTokens`. It has no timers.
 */
export class TokenCache {
  readonly clock: Clock
  readonly #parts: TokenCacheParts
  readonly #listeners = new Set<() => void>()
  readonly #closing = new AbortController()
  #held: (IssuedToken & { validity: Validity }) | undefined
  #newest: IssuedToken | undefined
  #forcedAt = -Infinity
  #flight: Promise<IssuedToken> | undefined
  #failure: Wait | undefined
  /** Failures of one kind, in a row. */
  #failures = { permanent: false, count: 0 }
  readonly #requests: TokenRequestCounts = { ok: 0, error: 0 }

  constructor(parts: TokenCacheParts) {
    this.#parts = parts
    this.clock = parts.clock
  }

  /** The token that may be used; undefined if there is none. */
  get held(): (IssuedToken & { validity: Validity }) | undefined {
    const held = this.#held
    return held === undefined || isPast(instant(this.clock), held.validity.hard) ? undefined : held
  }

  /** The last one that was issued, although it may have ended. */
  get newest(): IssuedToken | undefined {
    return this.#newest
  }

  /** The last failure, until a request succeeds. */
  get failure(): Wait | undefined {
    return this.#failure
  }

  /** So many requests failed in a row, all of them in a way that may pass, or none. */
  get failures(): number {
    return this.#failures.count
  }

  /** When a receiver's refusal last made it ask: on the monotonic clock. */
  get forcedAt(): number {
    return this.#forcedAt
  }

  get isFetching(): boolean {
    return this.#flight !== undefined
  }

  get requests(): Readonly<TokenRequestCounts> {
    return this.#requests
  }

  /** Fetches the next token in the background if this one ends soon. */
  refreshInTime({ soft }: Validity): void {
    const now = instant(this.clock)
    const isFailing = this.#failure !== undefined && now.monotonic < this.#failure.until
    if (isPast(now, soft) && !isFailing) void this.#fly(false)
  }

  /**
   * Fetches a token, or waits for the one that is being fetched. The caller has seen that no back-off is in force.
   *
   * @param isForced a receiver refuses the newest one
   * @param signal ends only this caller's wait; the request continues for the others
   * @throws {TokenError}
   */
  fetch(isForced: boolean, signal?: AbortSignal): Promise<IssuedToken> {
    if (this.#closing.signal.aborted) return Promise.reject(aborted())
    return waitFor(this.#fly(isForced), [signal, this.#closing.signal])
  }

  /** Lets the next caller try immediately, whatever failed before. */
  clearBackOff(): void {
    this.#failure = undefined
    this.#failures.count = 0
    this.#forcedAt = -Infinity
    this.#changed()
  }

  /** Calls back when a request has ended, or the back-off was cleared. */
  onChange(listener: () => void): void {
    this.#listeners.add(listener)
  }

  /** Forgets the token and ends a request in flight; waiting callers get an error. */
  close(): void {
    this.#listeners.clear()
    this.#failure = undefined
    this.#held = undefined
    this.#newest = undefined
    this.#closing.abort()
  }

  #fly(isForced: boolean): Promise<IssuedToken> {
    if (this.#flight !== undefined) return this.#flight
    if (isForced) this.#forcedAt = this.clock.monotonic()
    const flight = this.#obtain().finally(() => {
      this.#flight = undefined
      this.#changed()
    })
    // It may fail when no caller is left waiting.
    flight.catch(() => undefined)
    this.#flight = flight
    return flight
  }

  async #obtain(): Promise<IssuedToken> {
    try {
      const fresh = await this.#parts.obtain(this.#closing.signal)
      if (this.#closing.signal.aborted) throw aborted()
      const issued = this.#take(fresh)
      this.#failure = undefined
      this.#failures.count = 0
      this.#requests.ok++
      return issued
    } catch (error) {
      if (this.#closing.signal.aborted) throw aborted()
      this.#requests.error++
      throw this.#failed(error as TokenError)
    }
  }

  /** @throws {TokenError} if it is over already */
  #take({ accessToken: token, sentAt, lifetime }: FreshToken): IssuedToken {
    const now = instant(this.clock)
    const issued = {
      token,
      promise: Promise.resolve(token),
      obtainedAt: now.monotonic,
      acceptedAt: new Map<string, number>()
    }
    const times = validity(sentAt, lifetime, this.#parts.random())
    if (lifetime < 1) {
      this.#held = undefined
      this.#newest = { ...issued, validity: undefined }
      return this.#newest
    }
    if (isPast(now, times.hard)) {
      // The server's latest answer about this very token: what it said before no longer applies.
      if (this.#held?.token === token) this.#held = undefined
      throw tooLate(lifetime)
    }
    this.#held = { ...issued, validity: times }
    this.#newest = this.#held
    return this.#held
  }

  #failed(error: TokenError): TokenError {
    const { permanent } = error
    const before = this.#failures
    const count = before.permanent === permanent ? before.count + 1 : 1
    this.#failures = { permanent, count }
    const { isLogin, random } = this.#parts
    const wait = retryWaitMs(error, count, random(), isLogin)
    const failure = error.retriableIn(wait)
    this.#failure = { error: failure, until: this.clock.monotonic() + wait }
    return failure
  }

  #changed(): void {
    for (const listener of this.#listeners) listener()
  }
}

/** The promise's outcome, or an error as soon as one of the signals ends the wait. */
function waitFor<Value>(
  promise: Promise<Value>,
  signals: readonly (AbortSignal | undefined)[]
): Promise<Value> {
  return new Promise((resolve, reject) => {
    const end = (): void => {
      for (const signal of signals) signal?.removeEventListener('abort', onAbort)
    }
    const onAbort = (): void => {
      end()
      reject(aborted())
    }
    if (signals.some((signal) => signal?.aborted === true)) {
      reject(aborted())
      return
    }
    for (const signal of signals) signal?.addEventListener('abort', onAbort)
    promise.then(resolve, reject).finally(end)
  })
}

function aborted(): TokenError {
  return new TokenError(english('log', 'token.cancelled'), {
    code: 'ERR_ABORTED',
    hints: [{ key: 'cancelled' }],
    permanent: false
  })
}

function tooLate(lifetime: number): TokenError {
  return new TokenError(english('log', 'token.tooLate', { seconds: lifetime }), {
    code: 'ERR_TOKEN_EXPIRED',
    hints: [{ key: 'tooSlow' }],
    permanent: false
  })
}
