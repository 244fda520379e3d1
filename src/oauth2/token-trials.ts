import { backOffMs } from '../back-off.ts'
import type { TokenCache } from './token-cache.ts'

/** A token is tried for so long after the last request for one, in milliseconds. */
const EVERY_MS = 6 * 3_600_000
/** After a failure that may pass. */
const AGAIN = { firstMs: 60_000, maxMs: 15 * 60_000 }
/** While nobody would send, it is looked again after this time, in milliseconds. */
const LATER_MS = 60_000

/** A node that sends messages with these tokens. */
export interface TokenUser {
  /** It would send a message that came now: it is not paused, and has its queue. */
  wouldSend: () => boolean
  /** A request for a token has ended. */
  onAsked: () => void
}

/**
 * Tries for a token before a message needs one: a secret that has ended is noticed while nothing waits. At the start, and
 * while nothing is sent every six hours; a refusal ends that until a deploy or a message, so that no account is locked.
 */
export class TokenTrials {
  readonly #cache: TokenCache
  readonly #random: () => number
  readonly #users = new Set<TokenUser>()
  #cancel: (() => void) | undefined

  /** @param random 0 to 1, for the jitter */
  constructor(cache: TokenCache, random: () => number) {
    this.#cache = cache
    this.#random = random
    cache.onChange(() => {
      this.#planNext()
    })
  }

  /**
   * A node begins to send: a token is tried for at once, if there is none.
   *
   * @returns ends this
   */
  join(user: TokenUser): () => void {
    this.#users.add(user)
    this.#lookIn(0)
    return () => {
      this.#users.delete(user)
      if (this.#users.size === 0) this.close()
    }
  }

  /** It was refused, or there was no answer twice in a row. Whether a message waits for it, others know. */
  get isLost(): boolean {
    const { failure, failures } = this.#cache
    if (failure === undefined || this.#users.size === 0) return false
    return failure.error.permanent || failures > 1
  }

  close(): void {
    this.#users.clear()
    this.#cancel?.()
    this.#cancel = undefined
  }

  /** A request has ended, whoever made it. */
  #planNext(): void {
    const { failure, failures } = this.#cache
    const random = this.#random()
    if (failure === undefined) this.#lookIn(EVERY_MS * (0.8 + 0.2 * random))
    else if (!failure.error.permanent) this.#lookIn(backOffMs(AGAIN, failures - 1, random))
    else this.#cancel?.()
    for (const { onAsked } of this.#users) onAsked()
  }

  #look(): void {
    const cache = this.#cache
    const { failure } = cache
    const restMs = failure === undefined ? 0 : failure.until - cache.clock.monotonic()
    if (cache.held !== undefined) this.#lookIn(EVERY_MS)
    else if (![...this.#users].some((user) => user.wouldSend())) this.#lookIn(LATER_MS)
    else if (restMs > 0) this.#lookIn(restMs)
    // What becomes of it is in the cache.
    else cache.fetch(false).catch(() => undefined)
  }

  #lookIn(ms: number): void {
    this.#cancel?.()
    if (this.#users.size === 0) return
    this.#cancel = this.#cache.clock.after(ms, () => {
      this.#look()
    })
  }
}
