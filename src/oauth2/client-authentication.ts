import { randomUUID, type KeyObject } from 'node:crypto'
import { readAssertionFile } from './assertion-file.ts'
import { encodeId, encodeSecret } from './client-auth-method.ts'
import type { ServerMetadata } from './discovery.ts'
import { formProblem } from './setting-problem.ts'
import { signingAlgorithm } from './signing-key.ts'
import { configError, notLoaded } from './token-error.ts'
import { SECRET_ALGORITHMS, type ClientAuthMethod, type TokenSettings } from './token-settings.ts'

/** Adds the client's credentials to a request. */
export type ClientAuthentication = (request: {
  form: URLSearchParams
  headers: Record<string, string>
}) => void | Promise<void>

/** What a request is authenticated with and for. */
export interface Signing {
  settings: TokenSettings
  metadata: ServerMetadata
  /** The settings' private key, if there is one. */
  key: KeyObject | undefined
  /** `x5t#S256` of the certificate beside it, if there is one. */
  thumbprint: string | undefined
  /** Wall clock in milliseconds. */
  now: () => number
}

/** `client_assertion_type` of a JWT (RFC 7523 §2.2). */
const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

/**
 * Seconds. SMART Backend Services allows five minutes by the server's clock; one is kept for clocks
 * that differ.
 */
const ASSERTION_LIFE = 240

/** Seconds. With Keycloak, 15 are enough for a clock that is 30 s ahead. */
const BACKDATED = 20

/**
 * How a request is authenticated. Each one signs its own assertion.
 *
 * @throws {TokenError} `CONFIG` if there is no signing key, or if the key does not suit the
 * algorithm
 */
export function clientAuthentication(
  method: ClientAuthMethod,
  signing: Signing
): ClientAuthentication {
  const { clientId, clientSecret, grantType, assertionFile } = signing.settings
  // With jwt_bearer the claims belong to the grant's assertion.
  const ofClient = grantType === 'jwt_bearer' ? {} : claimsOf(signing.settings)
  switch (method) {
    case 'client_secret_basic':
      return basic(encodeId(clientId), encodeSecret(clientSecret))
    case 'client_secret_basic_raw':
      return basic(clientId, clientSecret)
    case 'client_secret_post':
      return ({ form }) => {
        form.set('client_id', clientId)
        form.set('client_secret', clientSecret)
      }
    case 'client_secret_jwt':
      return byAssertion(clientId, () => secretSigner(signing)(ofClient))
    case 'private_key_jwt': {
      const sign = keySigner(signing)
      return byAssertion(clientId, () => sign(ofClient))
    }
    case 'client_assertion_file':
      return byAssertion(clientId, () => readAssertionFile(assertionFile, signing.now()))
    case 'tls_client_auth':
      return byName(clientId)
    case 'none':
      // The assertion names the client already (RFC 7521 §4.1).
      return grantType === 'jwt_bearer' ? () => undefined : byName(clientId)
  }
}

/**
 * The assertion of the jwt_bearer grant (RFC 7523 §2.1).
 *
 * @throws {TokenError} `CONFIG` as `clientAuthentication`
 */
export function grantAssertion(signing: Signing): Promise<string> {
  const { assertionSubject, clientId } = signing.settings
  const sub = assertionSubject === '' ? clientId : assertionSubject
  return keySigner(signing)({ sub, ...claimsOf(signing.settings) })
}

/** The client is only named (RFC 6749 §3.2.1, RFC 8705 §2). */
function byName(clientId: string): ClientAuthentication {
  return ({ form }) => {
    form.set('client_id', clientId)
  }
}

/** Basic authentication (RFC 7617). */
function basic(user: string, password: string): ClientAuthentication {
  const credentials = Buffer.from(`${user}:${password}`).toString('base64')
  return ({ headers }) => {
    headers['authorization'] = `Basic ${credentials}`
  }
}

type Claims = Readonly<Record<string, unknown>>

/** The additional claims. checkSettings has made sure that they can be read. */
function claimsOf({ assertionClaims }: TokenSettings): Claims {
  return Object.fromEntries(
    assertionClaims.map(({ name, value, isJson }) => [
      name,
      isJson ? (JSON.parse(value) as unknown) : value
    ])
  )
}

/** Signs the claims of an assertion, of the client or of the grant. */
type Signer = (claims: Claims) => Promise<string>

/** Proves who the client is with an assertion (RFC 7523 §2.2). */
function byAssertion(clientId: string, sign: () => Promise<string>): ClientAuthentication {
  return async ({ form }) => {
    form.set('client_id', clientId)
    form.set('client_assertion_type', ASSERTION_TYPE)
    form.set('client_assertion', await sign())
  }
}

/** @throws {TokenError} `CONFIG` if there is no signing key, or if it does not suit the algorithm */
function keySigner(signing: Signing): Signer {
  const { settings, metadata, key, thumbprint } = signing
  // checkSettings has made sure that there is a key.
  if (key === undefined) throw configError(formProblem('privateKey', 'privateKey'))
  const supported = metadata.token_endpoint_auth_signing_alg_values_supported
  const usual = isSmart(settings) ? 'RS384' : undefined
  const algorithm = signingAlgorithm(key, settings.signingAlg, supported, usual)
  if (typeof algorithm === 'string') throw configError(algorithm)
  const header = {
    ...algorithm,
    typ: 'JWT',
    ...(settings.keyId !== '' && { kid: settings.keyId }),
    ...(thumbprint !== undefined && { 'x5t#S256': thumbprint })
  }
  return async (claims) => {
    const { SignJWT } = await import('jose').catch(notLoaded)
    return new SignJWT({ ...standardClaims(signing), ...claims })
      .setProtectedHeader(header)
      .sign(key)
  }
}

function secretSigner(signing: Signing): Signer {
  const { settings, metadata } = signing
  const listed = metadata.token_endpoint_auth_signing_alg_values_supported ?? []
  const wanted = SECRET_ALGORITHMS.find((alg) => alg === settings.signingAlg)
  const alg = wanted ?? SECRET_ALGORITHMS.find((one) => listed.includes(one)) ?? 'HS256'
  return async (claims) => {
    const { SignJWT } = await import('jose').catch(notLoaded)
    return new SignJWT({ ...standardClaims(signing), ...claims })
      .setProtectedHeader({ alg, typ: 'JWT' })
      .sign(Buffer.from(settings.clientSecret))
  }
}

/**
 * The claims that servers expect (RFC 7523 §3). The assertion was issued some seconds ago, and there is no `nbf`:
 * servers whose clock is behind refuse what was issued in their future.
 */
function standardClaims({ settings, metadata, now }: Signing): Claims {
  const { clientId } = settings
  const seconds = Math.floor(now() / 1000)
  return {
    iss: clientId,
    sub: clientId,
    aud: assertionAudience(settings, metadata),
    jti: randomUUID(),
    iat: seconds - BACKDATED,
    exp: seconds + ASSERTION_LIFE
  }
}

function assertionAudience(
  { assertionAudience }: TokenSettings,
  { issuer, token_endpoint = '' }: ServerMetadata
): string {
  if (assertionAudience === 'issuer') return issuer
  return ['', 'token_endpoint'].includes(assertionAudience) ? token_endpoint : assertionAudience
}

/** SMART servers have to support RS384 and ES384 (SMART App Launch 2.2, Backend Services). */
function isSmart({ issuer, tokenEndpoint }: TokenSettings): boolean {
  return tokenEndpoint === '' && /\/\.well-known\/smart-configuration(?:$|[?#])/.test(issuer)
}
