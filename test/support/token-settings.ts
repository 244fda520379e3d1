import { GotClient } from '../../src/http-client/got-client.ts'
import type { HttpClientSettings } from '../../src/http-client/http-message.ts'
import type { AssertionClaim, Parameter, TokenSettings } from '../../src/oauth2/token-settings.ts'
import type { Secret } from '../../src/secret-file.ts'

/** The receiver for which a test asks, where it does not care. */
export const RECEIVER = 'https://receiver.example'

/** The defaults of the form, a fictitious client, and what a test adds. */
export function tokenSettings<Kept extends Secret = string>(
  given: Partial<TokenSettings<Kept>> = {}
): TokenSettings<Kept> {
  const settings: TokenSettings = {
    issuer: '',
    tokenEndpoint: '',
    grantType: 'client_credentials',
    clientAuth: 'auto',
    assertionFile: '',
    scope: '',
    audience: '',
    resource: '',
    extraParams: [],
    headers: [],
    keyId: '',
    signingAlg: '',
    assertionAudience: 'token_endpoint',
    assertionSubject: '',
    assertionClaims: [],
    clientId: 'integration-engine',
    clientSecret: '',
    privateKey: '',
    privateKeyPassphrase: '',
    username: '',
    password: '',
    hasClientCertificate: false,
    dpop: false,
    secrets: []
  }
  return { ...(settings as TokenSettings<Kept>), ...given }
}

/** An entry that is in the flow file. */
export function named(name: string, value: string): Parameter {
  return { name, value }
}

/** A claim that is in the flow file. */
export function claim(name: string, value: string, isJson = false): AssertionClaim {
  return { name, value, isJson }
}

/** An HTTP client with limits for token requests, without a proxy unless a test adds one. */
export function tokenHttpClient(given: Partial<HttpClientSettings> = {}): GotClient {
  return new GotClient({
    connectTimeoutMs: 5000,
    maxResponseBytes: 1024 * 1024,
    ...given
  })
}
