import { systemClock, type Clock } from '../clock.ts'
import { english } from '../english.ts'
import type { CertificateDates } from '../http-client/certificates.ts'
import type { GotClient } from '../http-client/got-client.ts'
import { DpopProofs } from './dpop-proofs.ts'
import { TokenCache } from './token-cache.ts'
import type { TokenClient } from './token-client.ts'
import { TokenError } from './token-error.ts'
import type { TokenSettings } from './token-settings.ts'

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

/** The tokens of one `oauth2-client-credentials` node. Two sources never share a token. */
export class TokenSource extends TokenCache {
  /** For requests with a token, which is bound to the key of this source. Undefined: no DPoP. */
  readonly proofs: DpopProofs | undefined
  readonly #httpClient: GotClient

  /** @param settings in which `checkSettings` finds no problem */
  constructor(settings: TokenSettings, parts: TokenSourceParts) {
    const { httpClient, clock = systemClock, random = Math.random, onWarning } = parts
    const warned = new Set<string>()
    const onQuirk = (host: string, quirk: string): void => {
      if (warned.has(quirk)) return
      warned.add(quirk)
      onWarning?.(`Token server ${host}: ${quirk}`)
    }
    const proofs = settings.dpop ? new DpopProofs() : undefined
    let client: TokenClient | undefined
    super({
      clock,
      random,
      obtain: async (signal) => {
        const { TokenClient } = await import('./token-client.ts').catch(notLoaded)
        client ??= new TokenClient(settings, httpClient, clock, onQuirk, proofs)
        const { accessToken, sentAt, expiresIn } = await client.obtain(signal)
        return { accessToken, sentAt, lifetime: expiresIn ?? settings.defaultLifetime }
      }
    })
    this.#httpClient = httpClient
    this.proofs = proofs
  }

  /** The token server's certificate, or the issuer's if that ends first; undefined until it was seen. */
  get certificate(): CertificateDates | undefined {
    return this.#httpClient.certificate
  }
}

/** An update replaces the files of this package while Node-RED runs. Messages wait for the restart. */
function notLoaded(): never {
  throw new TokenError(english('log', 'token.notLoaded'), {
    code: 'ERR_MODULE_NOT_FOUND',
    hints: [],
    permanent: true
  })
}
