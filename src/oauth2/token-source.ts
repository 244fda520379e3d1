import { systemClock, type Clock } from '../clock.ts'
import type { HttpClient } from '../http-client/http-client.ts'
import { clientAuthMethod } from './client-authentication.ts'
import { TokenCache, type TokenStatus } from './token-cache.ts'
import { TokenClient } from './token-client.ts'
import type { TokenError } from './token-error.ts'
import type { TokenSettings } from './token-settings.ts'

/** What a `TokenSource` works with. */
export interface TokenSourceParts {
  /** Makes the requests. Whoever made it closes it, after the source. */
  httpClient: HttpClient
  clock?: Clock | undefined
  /** 0 to 1, for the jitter. */
  random?: (() => number) | undefined
  /** A deviation of the token server that was tolerated; each one once. */
  onWarning?: ((text: string) => void) | undefined
}

/**
 * The tokens of one `oauth2-client-credentials` node. Two sources never share a token. The
 * constructor never throws: settings that cannot work make every call fail with the code `CONFIG`.
 */
export class TokenSource {
  /** Why the settings can never work; `undefined` when they can. */
  readonly configError: TokenError | undefined
  /**
   * Mutual TLS is the client's authentication (RFC 8705): tokens may be bound to the certificate,
   * so that the HL7 request has to present the same one.
   */
  readonly usesClientCertificate: boolean
  readonly #cache: TokenCache

  constructor(settings: TokenSettings, parts: TokenSourceParts) {
    const { httpClient, clock = systemClock, random = Math.random, onWarning } = parts
    const warned = new Set<string>()
    const client = new TokenClient(settings, httpClient, clock, (host, quirk) => {
      if (warned.has(quirk)) return
      warned.add(quirk)
      onWarning?.(`Token server ${host}: ${quirk}`)
    })
    this.configError = client.configError
    this.usesClientCertificate = clientAuthMethod(settings) === 'tls_client_auth'
    this.#cache = new TokenCache({
      clock,
      random,
      obtain: async (signal) => {
        const { accessToken, sentAt, expiresIn } = await client.obtain(signal)
        return { accessToken, sentAt, lifetime: expiresIn ?? settings.defaultLifetime }
      }
    })
  }

  /**
   * A valid token: from memory where there is one, else from one request that all callers share.
   *
   * @param signal ends the caller's own wait, with the code `ERR_ABORTED`
   * @throws {TokenError} at once while a failure's back-off runs; `retryAfterMs` says how long
   */
  token(signal?: AbortSignal): Promise<string> {
    if (this.configError !== undefined) return Promise.reject(this.configError)
    return this.#cache.token(signal)
  }

  /**
   * The HL7 server answered this token with a status of `refreshOnStatus`. To be called once for an
   * attempt: when the token that it gives is refused too, the attempt has failed (see `drop`).
   *
   * @returns the token to send once more
   * @throws {TokenError} when there is no other token: the token server fails, another was fetched
   *   less than 10 s ago, or three fresh tokens were refused in a row (then for 60 s)
   */
  refused(token: string, signal?: AbortSignal): Promise<string> {
    return this.#cache.refused(token, signal)
  }

  /**
   * The HL7 server refused this token as well, in the same attempt: the next attempt gets another
   * one, or the reason why there is none.
   */
  drop(token: string): void {
    void this.#cache.drop(token)
  }

  /** Lets the next caller try at once, for example after a test of the settings went well. */
  clearBackOff(): void {
    this.#cache.clearBackOff()
  }

  /** What to show about the token now. */
  get status(): TokenStatus {
    if (this.configError !== undefined) return { state: 'none', code: this.configError.code }
    return this.#cache.status
  }

  /**
   * Calls back when the status changes; the passing of time alone calls nobody.
   *
   * @returns ends it
   */
  onStatus(listener: (status: TokenStatus) => void): () => void {
    return this.#cache.onStatus(listener)
  }

  /** Forgets the token and ends what is under way; who waits gets `ERR_ABORTED`. */
  close(): void {
    this.#cache.close()
  }
}
