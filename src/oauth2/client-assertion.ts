import type { KeyObject } from 'node:crypto'
import * as openid from 'openid-client'
import type { ClientAuthentication } from './client-authentication.ts'
import type { ServerMetadata } from './discovery.ts'
import { signingAlgorithm } from './signing-algorithm.ts'
import { configError } from './token-error.ts'
import type { TokenSettings } from './token-settings.ts'

/**
 * Seconds. SMART Backend Services allows five minutes from the server's view; the missing one is
 * for clocks that differ.
 */
const ASSERTION_LIFE = 240

/** Signs the assertions of client authentication (RFC 7523 §2.2) and of the grant (§2.1). */
export class AssertionSigner {
  readonly #settings: TokenSettings
  readonly #metadata: ServerMetadata
  readonly #key: KeyObject | undefined

  constructor(settings: TokenSettings, metadata: ServerMetadata, key: KeyObject | undefined) {
    this.#settings = settings
    this.#metadata = metadata
    this.#key = key
  }

  /** private_key_jwt. Each request signs an assertion of its own. */
  clientAuthentication(): ClientAuthentication {
    return this.#signedWithKey()
  }

  /** The assertion of the jwt_bearer grant. */
  async grantAssertion(): Promise<string> {
    const { assertionSubject, assertionClaims, clientId } = this.#settings
    const sign = this.#signedWithKey({
      sub: assertionSubject === '' ? clientId : assertionSubject,
      ...Object.fromEntries(assertionClaims.map(({ name, value }) => [name, value]))
    })
    // openid-client signs assertions of clients only; this one is made in the same way.
    const body = new URLSearchParams()
    await sign(this.#metadata, { client_id: clientId }, body, new Headers())
    return body.get('client_assertion') ?? ''
  }

  /**
   * Adjusts openid-client's assertion to what servers want: `typ`, the audience, a longer life, and
   * no `nbf` (RFC 7523 §3), which a server whose clock is a second behind would refuse.
   *
   * @param alg JWS algorithm; without it openid-client's own
   */
  options(alg?: string, claims?: Record<string, string>): openid.ModifyAssertionOptions {
    const audience = this.#audience()
    return {
      [openid.modifyAssertion]: (header, payload) => {
        header['typ'] = 'JWT'
        if (alg !== undefined) header['alg'] = alg
        payload['aud'] = audience
        payload['exp'] = Number(payload['iat']) + ASSERTION_LIFE
        Reflect.deleteProperty(payload, 'nbf')
        Object.assign(payload, claims)
      }
    }
  }

  #signedWithKey(claims?: Record<string, string>): ClientAuthentication {
    // The settings' check has made sure that there is a key.
    if (this.#key === undefined) throw configError('Fill in Private key.')
    const supported = this.#metadata.token_endpoint_auth_signing_alg_values_supported
    const algorithm = signingAlgorithm(this.#key, this.#settings.signingAlg, supported)
    if (typeof algorithm === 'string') throw configError(algorithm)
    const { importParams } = algorithm
    const key = this.#key.toCryptoKey(importParams, false, ['sign']) as openid.CryptoKey
    const { keyId } = this.#settings
    return openid.PrivateKeyJwt(
      keyId === '' ? { key } : { key, kid: keyId },
      this.options(algorithm.alg, claims)
    )
  }

  #audience(): string {
    const { assertionAudience } = this.#settings
    switch (assertionAudience) {
      case '':
      case 'token_endpoint':
        return this.#metadata.token_endpoint ?? ''
      case 'issuer':
        return this.#metadata.issuer
      default:
        return assertionAudience
    }
  }
}
