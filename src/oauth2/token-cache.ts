import { isDeepStrictEqual } from 'node:util'
import type { Clock } from '../clock.ts'
import { english, type KeyUnder } from '../english.ts'
import { hintForReceiver, type ReceiverRefusal } from './answer-hints.ts'
import type { Hint } from './hint.ts'
import { shownCode, TokenError, type TokenErrorFacts } from './token-error.ts'
import { backOffMs, instant, isPast, validity, type Instant, type Validity } from './token-times.ts'

/** Minimum time between two refreshes that a refusal forced. */
const BETWEEN_FORCED_MS = 10_000
/** After this many refused fresh tokens in a row, wait. */
const MAX_FRESH = 3
const PAUSE_MS = 60_000
/**
 * A token refused within this time counts as fresh: long enough for a message that is retried only
 * every minute.
 */
const FRESH_MS = 120_000
/**
 * A refused token that the server issues again after this time is trusted again: some servers issue
 * the same one until it expires.
 */
const REMEMBERED_MS = 60_000

/** What a node can show about its token. Times are wall clock, milliseconds since the epoch. */
export type TokenStatus =
  /** Nobody has asked for a token yet, or the last one has expired unused. */
  | { state: 'idle' }
  | { state: 'ok'; validUntil: number }
  /** The token is still valid; attempts to refresh it fail. */
  | ({ state: 'refresh failing'; validUntil: number } & TokenTrouble)
  /** There is no token. */
  | ({ state: 'none' } & TokenTrouble)

/** Why there is no other token. All texts are safe to print. */
export interface TokenTrouble extends Pick<
  TokenErrorFacts,
  'permanent' | 'status' | 'host' | 'description'
> {
  /** An OAuth code, a Node.js code, one of ours, or `HTTP 403`. */
  code: string
  /** A sentence that names the server. */
  message: string
  /** What to do, in English; `''` if the message says it. */
  hint: string
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
}

interface Held extends Validity {
  token: string
  /** Kept so that a hit costs no allocation. */
  promise: Promise<string>
}

/**
 * One token for any number of callers: fetched on demand, by one request at a time; refreshed while
 * the old one is still valid; fetched again when the receiver refuses it; and after a failure,
 * only once the back-off has passed. It has no timers.
 */
export class TokenCache {
  readonly #parts: TokenCacheParts
  readonly #listeners = new Set<(status: TokenStatus) => void>()
  readonly #closing = new AbortController()
  #held: Held | undefined
  /** The newest token, held or not, with times on the monotonic clock. */
  #newest:
    | {
        token: string
        obtainedAt: number
        isAccepted: boolean
        /** The last refusal by a receiver that counted. */
        refused?: { at: number; by: ReceiverRefusal }
      }
    | undefined
  /** When the last refresh that a refusal forced began. */
  #forcedAt = -Infinity
  /** Fresh tokens refused in a row. */
  #freshRefused = 0
  #flight: Promise<string> | undefined
  /** Why no request is made now, and until when. */
  #failure: { error: TokenError; until: number } | undefined
  /** Failures of one kind, in a row. */
  #failures = { permanent: false, count: 0 }
  #shown: TokenStatus = { state: 'idle' }
  readonly #requests: TokenRequestCounts = { ok: 0, error: 0 }

  constructor(parts: TokenCacheParts) {
    this.#parts = parts
  }

  /**
   * @param signal ends only this caller's wait; the request continues for the others
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

  /** The receiver accepted a message with this token: if it refuses the token later, that is no refusal of a fresh one. */
  accepted(token: string): void {
    if (this.#newest?.token === token) this.#newest.isAccepted = true
  }

  /**
   * The receiver refused this token: the next caller gets another one, or the reason why there is
   * none. Only a token's first refusal counts.
   */
  drop(token: string, refusal: ReceiverRefusal): void {
    if (this.#replacementOf(token) !== undefined) return
    this.#held = undefined
    const now = this.#parts.clock.monotonic()
    const newest = this.#newest
    if (newest?.token === token && this.#refusalOf(token, now) === undefined) {
      newest.refused = { at: now, by: refusal }
      const isFresh = !newest.isAccepted && now - newest.obtainedAt < FRESH_MS
      this.#freshRefused = isFresh ? this.#freshRefused + 1 : 0
      if (this.#freshRefused >= MAX_FRESH) {
        this.#pause(refusedBy('refusesFresh', refusal), now + PAUSE_MS)
      } else this.#pause(refusedBy('refusedAgain', refusal), this.#forcedAt + BETWEEN_FORCED_MS)
    }
    this.#show()
  }

  /**
   * The receiver answered this token with a status of `refreshOnStatus`. Must be called once per
   * attempt: if the token that it returns is refused too, the attempt has failed (see `drop`).
   *
   * @returns the token to retry with
   * @throws {TokenError} if there is no other token: the token server fails, another was fetched
   * less than 10 s ago, or three fresh tokens were refused in a row (then for 60 s)
   */
  refused(token: string, refusal: ReceiverRefusal, signal?: AbortSignal): Promise<string> {
    this.drop(token, refusal)
    return this.#replacementOf(token) ?? this.#fetchFor(signal)
  }

  /** Lets the next caller try immediately, whatever failed before. */
  clearBackOff(): void {
    this.#failure = undefined
    this.#failures.count = 0
    this.#show()
  }

  get requests(): Readonly<TokenRequestCounts> {
    return this.#requests
  }

  get status(): TokenStatus {
    const { clock } = this.#parts
    const held = this.#held
    const failure = this.#failure
    if (held !== undefined && !isPast(instant(clock), held.hard)) {
      const validUntil = held.hard.wall
      return failure === undefined
        ? { state: 'ok', validUntil }
        : { state: 'refresh failing', validUntil, ...troubleOf(failure.error) }
    }
    return failure === undefined
      ? { state: 'idle' }
      : { state: 'none', ...troubleOf(failure.error) }
  }

  /**
   * Calls back when the status changes, but not when it changes only because time passes.
   *
   * @returns stops this
   */
  onStatus(listener: (status: TokenStatus) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Forgets the token and ends a request in flight; waiting callers get an error. */
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

  #replacementOf(token: string): Promise<string> | undefined {
    const held = this.#held
    const holds = held !== undefined && !isPast(instant(this.#parts.clock), held.hard)
    return holds && held.token !== token ? held.promise : undefined
  }

  /** How it was refused; undefined also if that was long ago. */
  #refusalOf(token: string, now: number): ReceiverRefusal | undefined {
    const newest = this.#newest
    if (newest?.token !== token || newest.refused === undefined) return undefined
    const { at, by } = newest.refused
    return now - at < REMEMBERED_MS ? by : undefined
  }

  /** Why no request may be made now. */
  #obstacle(): TokenError | undefined {
    const now = this.#parts.clock.monotonic()
    const failure = this.#failure
    if (failure === undefined || now >= failure.until) return undefined
    return failure.error.retriableIn(failure.until - now)
  }

  /** Blocks requests until that time; a longer wait continues. */
  #pause(error: TokenError, until: number): void {
    const now = this.#parts.clock.monotonic()
    if (until > Math.max(now, this.#failure?.until ?? now)) this.#failure = { error, until }
  }

  #fetch(): Promise<string> {
    if (this.#flight !== undefined) return this.#flight
    if (this.#newest?.refused !== undefined) this.#forcedAt = this.#parts.clock.monotonic()
    // The last token was not refused, so earlier refusals no longer count.
    else this.#freshRefused = 0
    const flight = this.#obtain().finally(() => {
      this.#flight = undefined
      this.#show()
    })
    // It may fail when no caller is left waiting.
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
      const refusal = this.#refusalOf(token, now.monotonic)
      if (refusal !== undefined) throw refusedBy('sameAgain', refusal)
      const held = {
        token,
        promise: Promise.resolve(token),
        ...validity(sentAt, lifetime, random())
      }
      const useOnce = lifetime < 1
      if (!useOnce && isPast(now, held.hard)) {
        // The server's latest answer about this very token: what it said before no longer applies.
        if (this.#held?.token === token) this.#held = undefined
        throw tooLate(lifetime)
      }
      this.#held = useOnce ? undefined : held
      this.#newest = { token, obtainedAt: now.monotonic, isAccepted: false }
      this.#failure = undefined
      this.#failures.count = 0
      this.#requests.ok++
      return token
    } catch (error) {
      if (this.#closing.signal.aborted) throw aborted()
      this.#requests.error++
      throw this.#failed(error as TokenError)
    }
  }

  #failed(error: TokenError): TokenError {
    const { permanent } = error
    const before = this.#failures
    const count = before.permanent === permanent ? before.count + 1 : 1
    this.#failures = { permanent, count }
    const now = this.#parts.clock.monotonic()
    const wait = Math.max(
      backOffMs(error, count, this.#parts.random()),
      this.#newest?.refused === undefined ? 0 : this.#forcedAt + BETWEEN_FORCED_MS - now
    )
    const failure = error.retriableIn(wait)
    this.#failure = { error: failure, until: now + wait }
    return failure
  }

  #show(): void {
    const { status } = this
    if (isDeepStrictEqual(status, this.#shown)) return
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

/** What a status shows of an error. */
function troubleOf(error: TokenError): TokenTrouble {
  const { message, hint, permanent, status, host, description } = error
  return {
    code: shownCode(error),
    message,
    hint,
    permanent,
    ...(status !== undefined && { status }),
    ...(host !== undefined && { host }),
    ...(description !== undefined && { description })
  }
}

function aborted(): TokenError {
  return new TokenError(english('log', 'token.cancelled'), {
    code: 'ERR_ABORTED',
    hints: [{ key: 'cancelled' }],
    permanent: false
  })
}

/** Why there is no other token for one that a receiver refuses. */
function refusedBy(
  key: KeyUnder<'log', 'token'> & ('refusesFresh' | 'refusedAgain' | 'sameAgain'),
  refusal: ReceiverRefusal
): TokenError {
  const { host, status, error, description } = refusal
  const known = hintForReceiver(refusal)
  const ask: Hint = { key: 'receiverUnknown', values: { host } }
  return new TokenError(english('log', `token.${key}`, { host, status }), {
    code: 'ERR_TOKEN_REFUSED',
    status,
    host,
    error,
    description,
    hints: known ? [known] : key === 'refusedAgain' ? [{ key }, ask] : [ask],
    permanent: true
  })
}

function tooLate(lifetime: number): TokenError {
  return new TokenError(english('log', 'token.tooLate', { seconds: lifetime }), {
    code: 'ERR_TOKEN_EXPIRED',
    hints: [{ key: 'tooSlow' }],
    permanent: false
  })
}
