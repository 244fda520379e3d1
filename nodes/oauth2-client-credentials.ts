import type { Node, NodeAPI, NodeDef } from 'node-red'
import { HttpClient } from '../src/http-client/http-client.ts'
import type { TlsSettings } from '../src/http-client/agent.ts'
import type { GrantType, TokenSettings } from '../src/oauth2/token-settings.ts'
import { TokenSource } from '../src/oauth2/token-source.ts'
import { hasClientCertificate, readConnection, type Connection } from './connection.ts'
import { readStaticValues, SECRET_SLOTS, type Credentials } from './named-values.ts'
import { Properties } from './properties.ts'

/** What an `hl7-https-out` node finds behind its `auth` property. */
export interface OAuth2ClientCredentialsNode extends Node {
  /** Undefined where the settings cannot work. */
  tokens: TokenSource | undefined
  /** Why they cannot, in words. */
  problems: readonly string[]
  /** HTTP statuses of the HL7 server that mean "the token was refused". */
  refreshOnStatus: ReadonlySet<number>
  tls: TlsSettings | undefined
}

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

/** A token answer is small: more is no token server. */
const MAX_TOKEN_RESPONSE_BYTES = 1024 * 1024
const TOKEN_CONNECT_TIMEOUT_MS = 5000

/** Registers the config node that always has a fresh token. */
export default function (RED: NodeAPI): void {
  function OAuth2ClientCredentials(this: OAuth2ClientCredentialsNode, config: NodeDef): void {
    RED.nodes.createNode(this, config)
    const properties = new Properties(config)
    const connection = readConnection(RED, properties)
    this.tls = connection.tls
    this.refreshOnStatus = readStatuses(properties)
    const settings = readTokenSettings(RED, this, properties, this.credentials, connection)
    this.problems = properties.problems
    this.tokens = undefined
    const httpClient = tokenHttpClient(connection)
    if (properties.problems.length === 0) {
      const tokens = new TokenSource(settings, {
        httpClient,
        onWarning: (text) => {
          this.warn(text)
        }
      })
      if (tokens.configError === undefined) this.tokens = tokens
      else this.problems = [tokens.configError.message]
    }
    for (const problem of this.problems) this.error(problem)
    this.on('close', (_removed: boolean, done: () => void) => {
      this.tokens?.close()
      httpClient.close()
      done()
    })
  }

  RED.nodes.registerType<OAuth2ClientCredentialsNode, NodeDef, object, object>(
    'oauth2-client-credentials',
    OAuth2ClientCredentials,
    {
      credentials: {
        clientId: { type: 'text' },
        username: { type: 'text' },
        clientSecret: { type: 'password' },
        privateKey: { type: 'password' },
        privateKeyPassphrase: { type: 'password' },
        password: { type: 'password' },
        ...Object.fromEntries(SECRET_SLOTS.map((slot) => [slot, { type: 'password' as const }]))
      }
    }
  )
}

/** The HTTP client for discovery and token requests. */
export function tokenHttpClient({ tls, proxy }: Connection): HttpClient {
  return new HttpClient({
    tls,
    proxy,
    maxConnections: 2,
    connectTimeoutMs: TOKEN_CONNECT_TIMEOUT_MS,
    maxResponseBytes: MAX_TOKEN_RESPONSE_BYTES
  })
}

/** Reads everything that a token request is made from; what is wrong is noted in `properties`. */
export function readTokenSettings(
  RED: NodeAPI,
  node: Node,
  properties: Properties,
  stored: Credentials | undefined,
  connection: Connection
): TokenSettings {
  const credentials = new Properties(stored ?? {})
  const settings: TokenSettings = {
    issuer: properties.text('issuer').trim(),
    tokenEndpoint: properties.text('tokenEndpoint').trim(),
    grantType: properties.choice('grantType', GRANT_TYPES, 'client_credentials'),
    clientAuth: properties.choice('clientAuth', CLIENT_AUTH, 'auto'),
    scope: properties.text('scope').trim(),
    audience: properties.text('audience').trim(),
    resource: properties.text('resource').trim(),
    extraParams: readStaticValues(RED, node, properties, 'extraParams', stored ?? {}),
    keyId: properties.text('keyId').trim(),
    signingAlg: properties.text('signingAlg').trim(),
    assertionAudience: properties.text('assertionAudience').trim() || 'token_endpoint',
    assertionSubject: properties.text('assertionSubject').trim(),
    assertionClaims: readStaticValues(RED, node, properties, 'assertionClaims', {}),
    defaultLifetime: properties.number('defaultLifetime', 300, { min: 1, max: 86_400 }),
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

function readStatuses(properties: Properties): ReadonlySet<number> {
  const statuses = new Set<number>()
  for (const word of properties.text('refreshOnStatus', '401').split(',')) {
    const text = word.trim()
    if (text === '') continue
    const status = Number(text)
    if (Number.isInteger(status) && status >= 200 && status <= 599) statuses.add(status)
    else properties.problems.push('refreshOnStatus must be HTTP statuses, separated by commas')
  }
  return statuses
}
