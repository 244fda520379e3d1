import { isDeepStrictEqual } from 'node:util'
import { english, type KeyUnder } from '../english.ts'
import { hintForReceiver, type ReceiverRefusal } from './answer-hints.ts'
import type { DpopProofs } from './dpop-proofs.ts'
import type { Hint } from './hint.ts'
import type { IssuedToken, TokenCache, Wait } from './token-cache.ts'
import { TokenError } from './token-error.ts'
import { troubleOf, type TokenStatus } from './token-status.ts'

/** Minimum time between two token requests that refusals forced, by any receiver. */
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

/** A receiver that says 403 may mean a token that is as old as this, and which it has not accepted for as long. */
const DOUBTED_MS = 60_000
/** So often a receiver that says 403 gets a fresh one: nearly always it is the message that it refuses. */
const BETWEEN_FORBIDDEN_MS = 300_000

/** That the receiver refused a token. */
interface Refusal {
  readonly token: string
  /** The last time, on the monotonic clock: many messages may have been on their way with it. */
  at: number
  /** The first answer. */
  readonly by: ReceiverRefusal
  /** Why this receiver gets no other token yet. */
  wait?: Wait | undefined
}

/** Why there is no other token for one that the receiver refused. */
type NoOther = KeyUnder<'log', 'token'> &
  ('refusesFresh' | 'refusesAlone' | 'refusedAgain' | 'sameAgain')

/**
 * The tokens of one node for one receiver. All receivers share one token; that it was refused holds for the receiver
 * that said so, and nobody else waits for it. The receiver then gets a fresh one: at most one in 10 s for all of them,
 * and after three, or if another receiver accepts the token that this one refuses, none for 60 s. With 403 it may mean the
 * token or the message: see `forbidden`.
 */
export class ReceiverTokens {
  /** For requests with a token, which is bound to the key of its node. Undefined: no DPoP. */
  readonly proofs: DpopProofs | undefined
  readonly #address: string
  readonly #cache: TokenCache
  readonly #listeners = new Set<(status: TokenStatus) => void>()
  #shown: TokenStatus = { state: 'idle' }
  /** The last token that this receiver got, and when it got it last. */
  #handed: { issued: IssuedToken; at: number } | undefined
  /** The last one. */
  #refusal: Refusal | undefined
  /** Fresh tokens refused in a row. */
  #freshRefused = 0
  /** When it last got a fresh one for a 403. */
  #forbiddenAt = -Infinity

  /** @param address of the receiver */
  constructor(address: string, cache: TokenCache, proofs?: DpopProofs) {
    this.#address = address
    this.#cache = cache
    this.proofs = proofs
    cache.onChange(() => {
      this.#show()
    })
  }

  /**
   * @param signal ends only this caller's wait; the request continues for the others
   * @throws {TokenError}
   */
  token(signal?: AbortSignal): Promise<string> {
    const { held } = this.#cache
    if (held === undefined || this.#refusalOf(held) !== undefined) return this.#next(signal)
    this.#cache.refreshInTime(held.validity)
    this.#hand(held)
    return held.promise
  }

  /** The receiver accepted a message with this token: if it refuses the token later, that is no refusal of a fresh one. */
  accepted(token: string): void {
    const { clock, newest } = this.#cache
    if (newest?.token === token) newest.acceptedAt.set(this.#address, clock.monotonic())
  }

  /**
   * The receiver refused this token: its next caller gets another one, or the reason why there is
   * none. As a refused fresh token, each counts once.
   */
  drop(token: string, by: ReceiverRefusal): void {
    const { clock, forcedAt, newest } = this.#cache
    if (newest?.token !== token) return
    const now = clock.monotonic()
    const known = this.#refusalOf(newest)
    if (known !== undefined) {
      known.at = now
      return
    }
    const isFresh = !newest.acceptedAt.has(this.#address) && now - newest.obtainedAt < FRESH_MS
    this.#freshRefused = isFresh ? this.#freshRefused + 1 : 0
    this.#refusal = { token, at: now, by }
    if (this.#freshRefused >= MAX_FRESH) this.#block(refusedBy('refusesFresh', by), now + PAUSE_MS)
    else if (this.#isAcceptedElsewhere(newest)) {
      this.#block(refusedBy('refusesAlone', by), now + PAUSE_MS)
    } else this.#block(refusedBy('refusedAgain', by), forcedAt + BETWEEN_FORCED_MS)
    this.#show()
  }

  /**
   * The receiver refused this token. Must be called once per attempt: if the token that it returns is
   * refused too, the attempt has failed (see `drop`).
   *
   * @returns the token to retry with
   * @throws {TokenError} if there is no other token
   */
  refused(token: string, by: ReceiverRefusal, signal?: AbortSignal): Promise<string> {
    this.drop(token, by)
    return this.token(signal)
  }

  /**
   * The receiver said 403, and may mean the token or the message. So the token is not marked as refused, nor the next one if
   * that gets the same answer: all others go on with it.
   *
   * @returns the token to repeat the attempt with, once; undefined if it is most likely the message, or if the server
   * issues no other token
   * @throws {TokenError}
   */
  async forbidden(token: string, signal?: AbortSignal): Promise<string | undefined> {
    const cache = this.#cache
    const { failure, forcedAt, newest } = cache
    const now = cache.clock.monotonic()
    // Another one is used from the next attempt on.
    if (newest?.token !== token) return undefined
    const isGood = now - Math.max(newest.obtainedAt, this.#acceptedAt(newest)) < DOUBTED_MS
    const isLimited =
      now - this.#forbiddenAt < BETWEEN_FORBIDDEN_MS ||
      now - forcedAt < BETWEEN_FORCED_MS ||
      (failure !== undefined && now < failure.until)
    if (isGood || isLimited) return undefined
    this.#forbiddenAt = now
    const issued = await cache.fetch(true, signal)
    if (issued.token === token) return undefined
    this.#hand(issued)
    return issued.token
  }

  get status(): TokenStatus {
    const { failure, held } = this.#cache
    if (held !== undefined && this.#refusalOf(held) === undefined) {
      const validUntil = held.validity.hard.wall
      return failure === undefined
        ? { state: 'ok', validUntil }
        : { state: 'refresh failing', validUntil, ...troubleOf(failure.error) }
    }
    const wait = longer(failure, this.#ofNewest()?.wait)
    return wait === undefined ? { state: 'idle' } : { state: 'none', ...troubleOf(wait.error) }
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

  /** Lets the next caller try immediately. The cache's own back-off is cleared afterwards. */
  clearBackOff(): void {
    if (this.#refusal !== undefined) this.#refusal.wait = undefined
    this.#forbiddenAt = -Infinity
  }

  /** Asks for a token at once, whatever failed before: what becomes of it, the status tells. */
  tryNow(): void {
    this.clearBackOff()
    this.#cache.fetch(this.#ofNewest() !== undefined).catch(() => undefined)
  }

  close(): void {
    this.#listeners.clear()
  }

  /** Another token than the one that there is, if there is one. */
  async #next(signal: AbortSignal | undefined): Promise<string> {
    const cache = this.#cache
    const wait = cache.isFetching ? undefined : this.#wait()
    if (wait !== undefined) throw this.#untilThen(wait)
    const issued = await cache.fetch(this.#ofNewest() !== undefined, signal)
    const refusal = this.#refusalOf(issued)
    if (refusal !== undefined) {
      const error = refusedBy('sameAgain', refusal.by)
      const until = refusal.at + REMEMBERED_MS
      this.#block(error, until)
      this.#show()
      throw this.#untilThen({ error, until })
    }
    this.#hand(issued)
    return issued.token
  }

  #hand(issued: IssuedToken): void {
    const before = this.#handed?.issued
    // One that was used without a refusal ends the row.
    if (before !== undefined && before !== issued && this.#refusalOf(before) === undefined) {
      this.#freshRefused = 0
    }
    this.#handed = { issued, at: this.#cache.clock.monotonic() }
  }

  /** How this receiver refused a token; undefined also if it was issued again long after that. */
  #refusalOf({ token, obtainedAt }: IssuedToken): Refusal | undefined {
    const refusal = this.#refusal
    if (refusal?.token !== token) return undefined
    return obtainedAt - refusal.at < REMEMBERED_MS ? refusal : undefined
  }

  #ofNewest(): Refusal | undefined {
    const { newest } = this.#cache
    return newest && this.#refusalOf(newest)
  }

  #acceptedAt({ acceptedAt }: IssuedToken): number {
    return acceptedAt.get(this.#address) ?? -Infinity
  }

  /** Whether another receiver has accepted a token since this one got it: then the token is good. */
  #isAcceptedElsewhere({ acceptedAt }: IssuedToken): boolean {
    const since = this.#handed?.at ?? Infinity
    return [...acceptedAt].some(([address, at]) => address !== this.#address && at >= since)
  }

  /** Why no request may be made now for this receiver. */
  #wait(): Wait | undefined {
    const { clock, failure, forcedAt } = this.#cache
    const now = clock.monotonic()
    const refusal = this.#ofNewest()
    if (refusal !== undefined) {
      // Another receiver may have forced a request since this one refused the token.
      const error = failure?.error ?? refusedBy('refusedAgain', refusal.by)
      this.#block(error, forcedAt + BETWEEN_FORCED_MS)
    }
    const wait = longer(failure, refusal?.wait)
    return wait !== undefined && wait.until > now ? wait : undefined
  }

  /** Lets this receiver wait for another token; a longer wait continues. */
  #block(error: TokenError, until: number): void {
    const refusal = this.#refusal
    if (refusal === undefined || until <= this.#cache.clock.monotonic()) return
    refusal.wait = longer(refusal.wait, { error, until })
  }

  #untilThen({ error, until }: Wait): TokenError {
    return error.retriableIn(Math.max(0, until - this.#cache.clock.monotonic()))
  }

  #show(): void {
    const { status } = this
    if (isDeepStrictEqual(status, this.#shown)) return
    this.#shown = status
    for (const listener of this.#listeners) listener(status)
  }
}

/** The one that ends later; the first of two that end together. */
function longer(one: Wait | undefined, other: Wait | undefined): Wait | undefined {
  if (one === undefined || other === undefined) return one ?? other
  return other.until > one.until ? other : one
}

function refusedBy(key: NoOther, refusal: ReceiverRefusal): TokenError {
  const { host, status, error, description, isFault } = refusal
  const known = hintForReceiver(refusal)
  const ask: Hint = { key: isFault ? 'receiverFault' : 'receiverUnknown', values: { host } }
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
