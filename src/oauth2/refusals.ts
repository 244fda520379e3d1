import { TokenError } from './token-error.ts'

/** Least time between two refreshes that a refusal forced. */
const BETWEEN_FORCED_MS = 10_000
/** After so many refused fresh tokens in a row, wait. */
const MAX_FRESH = 3
const PAUSE_MS = 60_000
/**
 * A token refused within this time counts as fresh: long enough for a message that is tried again
 * only every minute.
 */
const FRESH_MS = 120_000
/** How long a refused token is remembered, and how many are. */
const REMEMBERED_MS = PAUSE_MS
const MAX_REMEMBERED = 16

/**
 * What is known of tokens that the HL7 server refused, and when another may be fetched because of
 * it. Times are milliseconds on the monotonic clock.
 */
export class Refusals {
  readonly #refused = new Map<string, number>()
  #forcedAt = -Infinity
  #fresh = 0
  #pausedUntil = -Infinity

  /**
   * Notes a refusal; of one token only the first counts.
   *
   * @param age milliseconds since the token was obtained; `undefined` for a token that another has
   *   replaced since, which says nothing about the present one
   */
  add(token: string, age: number | undefined, now: number): void {
    if (this.has(token, now)) return
    this.#refused.delete(token)
    this.#refused.set(token, now)
    for (const oldest of this.#refused.keys()) {
      if (this.#refused.size <= MAX_REMEMBERED) break
      this.#refused.delete(oldest)
    }
    if (age === undefined) return
    this.#fresh = age < FRESH_MS ? this.#fresh + 1 : 0
    if (this.#fresh >= MAX_FRESH) this.#pausedUntil = now + PAUSE_MS
  }

  /**
   * Whether this very token was refused a short time ago. A token that the server issues once more
   * after that is believed again: some servers hand out the same one until it expires.
   */
  has(token: string, now: number): boolean {
    const at = this.#refused.get(token)
    return at !== undefined && now - at < REMEMBERED_MS
  }

  /** A refresh that a refusal forced begins. */
  forced(now: number): void {
    this.#forcedAt = now
  }

  /** A token lived its life: what was refused before is history. */
  forget(): void {
    this.#fresh = 0
  }

  /** Why no refresh may be forced now; `undefined` when one may. */
  obstacle(now: number): TokenError | undefined {
    if (now < this.#pausedUntil) {
      return new TokenError('The HL7 server refuses even fresh tokens.', {
        code: 'ERR_TOKEN_REFUSED',
        hint: 'Check Scope, Audience and Resource (the token may be for another API), and the URL of the HL7 server.',
        permanent: true,
        retryAfterMs: this.#pausedUntil - now
      })
    }
    const next = this.#forcedAt + BETWEEN_FORCED_MS
    if (now >= next) return undefined
    return new TokenError('The HL7 server refused the token, shortly after another refusal.', {
      code: 'ERR_TOKEN_REFUSED',
      hint: 'A new token is fetched at most every 10 s; check Scope, Audience and Resource if this goes on.',
      permanent: true,
      retryAfterMs: next - now
    })
  }
}
