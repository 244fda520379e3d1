import { backOffMs } from './back-off.ts'
import { instant, type Clock, type Instant } from './clock.ts'
import { Refusals } from './refusals.ts'
import { TokenError } from './token-error.ts'
import { isPast, validity, type Validity } from './token-lifetime.ts'
import { sameStatus, type TokenStatus } from './token-status.ts'

/** A token, as the cache needs to know it. */
export interface FreshToken {
  accessToken: string
  /** When the request was sent: its life counts from here. */
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
}

interface Held extends Validity {
  token: string
  /** Kept, so that a hit costs no allocation. */
  promise: Promise<string>
}

/**
 * One token for any number of callers: fetched when somebody asks, by one request at a time;
 * refreshed while the old one still serves; fetched again when the HL7 server refuses it; and after
 * a failure not before its back-off has passed. It has no timers.
 */
export class TokenCache {
  readonly #parts: TokenCacheParts
  readonly #refusals = new Refusals()
  readonly #listeners = new Set<(status: TokenStatus) => void>()
  readonly #closing = new AbortController()
  #held: Held | undefined
  /** The newest token's text and age, held or not. */
  #newest: { token: string; obtainedAt: number } | undefined
  #flight: Promise<string> | undefined
  #failure: { error: TokenError; count: number; until: number } | undefined
  /** The newest token was refused: the next request is one that a refusal forces. */
  #refused = false
  #shown: TokenStatus = { state: 'idle' }

  constructor(parts: TokenCacheParts) {
    this.#parts = parts
  }

  /**
   * @param signal ends the caller's own wait; the request goes on for the others
   * @throws {TokenError}
   */
  token(signal?: AbortSignal): Promise<string> {
    const held = this.#held
    if (held !== undefined) {
      const now = instant(this.#parts.clock)
      if (!isPast(now, held.hard)) {
        if (isPast(now, held.soft) && this.#obstacle() === undefined) void this.#fetch()
        return held.promise
      }
    }
    return this.#fetchFor(signal)
  }

  /**
   * The HL7 server refused this token: it is dropped, and not fetched again before somebody asks.
   *
   * @returns the token that has replaced it meanwhile, if there is one
   */
  drop(token: string): Promise<string> | undefined {
    const now = instant(this.#parts.clock)
    const newest = this.#newest?.token === token ? this.#newest : undefined
    this.#refusals.add(
      token,
      newest === undefined ? undefined : now.monotonic - newest.obtainedAt,
      now.monotonic
    )
    const held = this.#held
    if (held !== undefined && held.token !== token && !isPast(now, held.hard)) return held.promise
    this.#held = undefined
    this.#refused = true
    this.#show()
    return undefined
  }

  /**
   * The HL7 server refused this token.
   *
   * @returns the token to send once more
   * @throws {TokenError} when no other token can be had now
   */
  refused(token: string, signal?: AbortSignal): Promise<string> {
    return this.drop(token) ?? this.#fetchFor(signal)
  }

  /** Lets the next caller try at once, whatever failed before. */
  clearBackOff(): void {
    this.#failure = undefined
    this.#show()
  }

  get status(): TokenStatus {
    const { clock } = this.#parts
    const held = this.#held
    const failure = this.#failure
    if (held !== undefined && !isPast(instant(clock), held.hard)) {
      const validUntil = held.hard.wall
      return failure === undefined
        ? { state: 'ok', validUntil }
        : { state: 'refresh failing', validUntil, code: failure.error.code }
    }
    return failure === undefined ? { state: 'idle' } : { state: 'none', code: failure.error.code }
  }

  /**
   * Calls back when the status changes; the passing of time alone calls nobody.
   *
   * @returns ends it
   */
  onStatus(listener: (status: TokenStatus) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Forgets the token and ends a request in flight; who waits gets an error. */
  close(): void {
    this.#listeners.clear()
    this.#held = undefined
    this.#newest = undefined
    this.#closing.abort()
  }

  #fetchFor(signal: AbortSignal | undefined): Promise<string> {
    if (this.#closing.signal.aborted) return Promise.reject(aborted())
    const obstacle = this.#flight === undefined ? this.#obstacle() : undefined
    if (obstacle !== undefined) return Promise.reject(obstacle)
    return waitFor(this.#flight ?? this.#fetch(), [signal, this.#closing.signal])
  }

  /** Why no request may be made now. */
  #obstacle(): TokenError | undefined {
    const now = this.#parts.clock.monotonic()
    const failure = this.#failure
    if (failure !== undefined && now < failure.until) {
      return failure.error.retriableIn(failure.until - now)
    }
    return this.#refused ? this.#refusals.obstacle(now) : undefined
  }

  #fetch(): Promise<string> {
    if (this.#flight !== undefined) return this.#flight
    if (this.#refused) this.#refusals.forced(this.#parts.clock.monotonic())
    else this.#refusals.forget()
    const flight = this.#obtain().finally(() => {
      this.#flight = undefined
      this.#show()
    })
    // Nobody may be waiting any more when it fails.
    flight.catch(() => undefined)
    this.#flight = flight
    return flight
  }

  async #obtain(): Promise<string> {
    const { obtain, clock, random } = this.#parts
    try {
      const { accessToken: token, sentAt, lifetime } = await obtain(this.#closing.signal)
      if (this.#closing.signal.aborted) throw aborted()
      const now = instant(clock)
      if (this.#refusals.has(token, now.monotonic)) throw sameTokenAgain()
      const held = {
        token,
        promise: Promise.resolve(token),
        ...validity(sentAt, lifetime, random())
      }
      const useOnce = lifetime < 1
      if (!useOnce && isPast(now, held.hard)) {
        // The server's last word on this very token: what it said before no longer holds.
        if (this.#held?.token === token) this.#held = undefined
        throw tooLate(lifetime)
      }
      this.#held = useOnce ? undefined : held
      this.#newest = { token, obtainedAt: now.monotonic }
      this.#failure = undefined
      this.#refused = false
      return token
    } catch (error) {
      if (this.#closing.signal.aborted) throw aborted()
      throw this.#failed(error as TokenError)
    }
  }

  #failed(error: TokenError): TokenError {
    const before = this.#failure
    const count = before?.error.permanent === error.permanent ? before.count + 1 : 1
    const wait = backOffMs(error, count, this.#parts.random())
    const failure = error.retriableIn(wait)
    this.#failure = { error: failure, count, until: this.#parts.clock.monotonic() + wait }
    return failure
  }

  #show(): void {
    const { status } = this
    if (sameStatus(status, this.#shown)) return
    this.#shown = status
    for (const listener of this.#listeners) listener(status)
  }
}

/** The promise's outcome, or an error as soon as one of the signals ends the wait. */
function waitFor(
  promise: Promise<string>,
  signals: readonly (AbortSignal | undefined)[]
): Promise<string> {
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
  return new TokenError('The wait for a token was cancelled.', {
    code: 'ERR_ABORTED',
    hint: 'Nothing is wrong: the node was closed or the message was discarded.',
    permanent: false
  })
}

function sameTokenAgain(): TokenError {
  return new TokenError('The token server sent the token again that the HL7 server refused.', {
    code: 'ERR_TOKEN_REFUSED',
    hint: 'Check Scope, Audience and Resource (the token may be for another API), and the URL of the HL7 server.',
    permanent: true
  })
}

function tooLate(lifetime: number): TokenError {
  return new TokenError(
    `The token server took so long to answer that its token (lifetime ${lifetime} s) is no longer valid.`,
    {
      code: 'ERR_TOKEN_EXPIRED',
      hint: 'The token server is too slow for such short-lived tokens: configure it to issue tokens with a longer lifetime.',
      permanent: false
    }
  )
}
