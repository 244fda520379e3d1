import type { Node, NodeAPI } from 'node-red'
import { HttpClient } from '../src/http-client/http-client.ts'
import type { GrantType, TokenSettings } from '../src/oauth2/token-settings.ts'
import { hasClientCertificate, type Connection } from './connection.ts'
import { readStaticValues, type Credentials } from './named-values.ts'
import { Properties } from './properties.ts'

const GRANT_TYPES = ['client_credentials', 'jwt_bearer', 'password'] as const satisfies GrantType[]
const CLIENT_AUTH = [
  'auto',
  'client_secret_basic',
  'client_secret_basic_raw',
  'client_secret_post',
  'client_secret_jwt',
  'private_key_jwt',
  'tls_client_auth',
  'none'
] as const satisfies TokenSettings['clientAuth'][]

/**
 * The properties of an `oauth2-client-credentials` node that decide what it does, each with its
 * default for flow files that lack it.
 */
export const TOKEN_PROPERTIES = {
  issuer: '',
  tokenEndpoint: '',
  grantType: 'client_credentials',
  clientAuth: 'auto',
  scope: '',
  audience: '',
  resource: '',
  extraParams: [],
  keyId: '',
  signingAlg: '',
  assertionAudience: 'token_endpoint',
  assertionSubject: '',
  assertionClaims: [],
  defaultLifetime: 300,
  refreshOnStatus: '401',
  tls: '',
  proxy: ''
} as const

/** A token answer is small: a larger one does not come from a token server. */
const MAX_TOKEN_RESPONSE_BYTES = 1024 * 1024
const TOKEN_CONNECT_TIMEOUT_MS = 5000

/** The HTTP client for discovery and token requests. */
export function tokenHttpClient(
  { tls, proxy }: Connection,
  onNotice?: (text: string) => void
): HttpClient {
  return new HttpClient({
    tls,
    proxy,
    onNotice,
    maxConnections: 2,
    connectTimeoutMs: TOKEN_CONNECT_TIMEOUT_MS,
    maxResponseBytes: MAX_TOKEN_RESPONSE_BYTES
  })
}

/** Reads all settings for a token request; problems are noted in `properties`. */
export function readTokenSettings(
  RED: NodeAPI,
  node: Node | null,
  properties: Properties,
  stored: Credentials,
  connection: Connection
): TokenSettings {
  const credentials = new Properties(stored)
  const settings: TokenSettings = {
    issuer: properties.text('issuer').trim(),
    tokenEndpoint: properties.text('tokenEndpoint').trim(),
    grantType: properties.choice('grantType', GRANT_TYPES, TOKEN_PROPERTIES.grantType),
    clientAuth: properties.choice('clientAuth', CLIENT_AUTH, TOKEN_PROPERTIES.clientAuth),
    scope: properties.text('scope').trim(),
    audience: properties.text('audience').trim(),
    resource: properties.text('resource').trim(),
    extraParams: readStaticValues(RED, node, properties, 'extraParams', stored),
    keyId: properties.text('keyId').trim(),
    signingAlg: properties.text('signingAlg').trim(),
    assertionAudience:
      properties.text('assertionAudience').trim() || TOKEN_PROPERTIES.assertionAudience,
    assertionSubject: properties.text('assertionSubject').trim(),
    assertionClaims: readStaticValues(RED, node, properties, 'assertionClaims', {}),
    defaultLifetime: properties.number('defaultLifetime', TOKEN_PROPERTIES.defaultLifetime, {
      min: 1,
      max: 86_400
    }),
    clientId: credentials.text('clientId').trim(),
    clientSecret: credentials.text('clientSecret'),
    privateKey: credentials.text('privateKey'),
    privateKeyPassphrase: credentials.text('privateKeyPassphrase'),
    username: credentials.text('username'),
    password: credentials.text('password'),
    hasClientCertificate: hasClientCertificate(connection.tls)
  }
  properties.problems.push(...credentials.problems)
  return settings
}
