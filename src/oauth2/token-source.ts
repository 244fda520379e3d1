import { systemClock, type Clock } from '../clock.ts'
import type { CertificateDates } from '../http-client/certificates.ts'
import type { GotClient } from '../http-client/got-client.ts'
import { DpopProofs } from './dpop-proofs.ts'
import { ReceiverTokens } from './receiver-tokens.ts'
import { TokenCache, type FreshToken, type TokenRequestCounts } from './token-cache.ts'
import { TokenClient } from './token-client.ts'
import type { StoredTokenSettings } from './token-settings.ts'
import { ASSUMED_LIFETIME } from './token-times.ts'
import { TokenTrials } from './token-trials.ts'

/** What a `TokenSource` works with. */
export interface TokenSourceParts {
  /** Makes the requests. Its creator closes it, after the source. */
  httpClient: GotClient
  clock?: Clock | undefined
  /** 0 to 1, for the jitter. */
  random?: (() => number) | undefined
  /** Receives each tolerated deviation of the token server once. */
  onWarning?: ((text: string) => void) | undefined
}

/**
 * The tokens of one `oauth2-client-credentials` node: a client that asks for them, a cache that holds the current one,
 * and for each receiver what it says of it. Two sources never share a token.
 */
export class TokenSource {
  /** For requests with a token, which is bound to the key of this source. Undefined: no DPoP. */
  readonly proofs: DpopProofs | undefined
  /** Undefined: a person logs in, whose account could be locked without need. */
  readonly trials: TokenTrials | undefined
  readonly #httpClient: GotClient
  readonly #cache: TokenCache
  readonly #receivers = new Map<string, ReceiverTokens>()

  /** @param settings in which `checkSettings` finds no problem */
  constructor(settings: StoredTokenSettings, parts: TokenSourceParts) {
    const { httpClient, clock = systemClock, random = Math.random, onWarning } = parts
    const proofs = settings.dpop ? new DpopProofs(clock) : undefined
    const warned = new Set<string>()
    const onQuirk = (host: string, quirk: string): void => {
      if (warned.has(quirk)) return
      warned.add(quirk)
      onWarning?.(`Token server ${host}: ${quirk}`)
    }
    let client: TokenClient | undefined
    const obtain = async (signal: AbortSignal): Promise<FreshToken> => {
      client ??= new TokenClient(settings, httpClient, clock, onQuirk, proofs)
      const { accessToken, sentAt, expiresIn } = await client.obtain(signal, this.lastToken())
      return { accessToken, sentAt, lifetime: expiresIn ?? ASSUMED_LIFETIME }
    }
    this.proofs = proofs
    this.#httpClient = httpClient
    const isLogin = settings.grantType === 'password'
    this.#cache = new TokenCache({ clock, random, obtain, isLogin })
    if (!isLogin) this.trials = new TokenTrials(this.#cache, random)
  }

  /** @param address of the receiver: behind one host there may be several, each with its own idea of a token */
  forReceiver(address: string): ReceiverTokens {
    let tokens = this.#receivers.get(address)
    if (tokens === undefined) {
      tokens = new ReceiverTokens(address, this.#cache, this.proofs)
      this.#receivers.set(address, tokens)
    }
    return tokens
  }

  get requests(): Readonly<TokenRequestCounts> {
    return this.#cache.requests
  }

  /** The token server's certificate, or the issuer's if that ends first; undefined until it was seen. */
  get certificate(): CertificateDates | undefined {
    return this.#httpClient.certificate
  }

  /** That we present to the token server; undefined if there is none. */
  get clientCertificate(): CertificateDates | undefined {
    return this.#httpClient.clientCertificate
  }

  /** The last token, which the token server may name when it refuses another; `''` if there is none. No property: these are printed. */
  lastToken(): string {
    return this.#cache.newest?.token ?? ''
  }

  /** Lets the next caller try immediately, whatever failed before. */
  clearBackOff(): void {
    for (const tokens of this.#receivers.values()) tokens.clearBackOff()
    this.#cache.clearBackOff()
  }

  /** Forgets the token and ends a request in flight; waiting callers get an error. */
  close(): void {
    this.trials?.close()
    for (const tokens of this.#receivers.values()) tokens.close()
    this.#cache.close()
  }
}
