import type { Node, NodeAPI } from 'node-red'
import { GotClient } from '../../src/http-client/got-client.ts'
import { Secrets } from '../../src/secret-file.ts'
import type { StoredTokenSettings } from '../../src/oauth2/token-settings.ts'
import { hasClientCertificate, type ConnectionSettings } from './connection.ts'
import { tokenForm } from './form-words.ts'
import { readClaims, readStaticValues, secretsInHeaders } from './named-values.ts'
import type { Credentials } from './node-source.ts'
import { tokenCredentials, type tokenProperties } from './oauth2-client-credentials-properties.ts'
import { Properties } from './properties.ts'
import { asTexts } from './property-table.ts'
import { readSecretValue } from './secret-value.ts'

/** A token answer is small: a larger one does not come from a token server. */
const MAX_TOKEN_RESPONSE_BYTES = 1024 * 1024
const TOKEN_CONNECT_TIMEOUT_MS = 5000

/** The HTTP client for discovery and token requests. */
export function tokenHttpClient({ tls, tlsFiles, proxy }: ConnectionSettings): GotClient {
  return new GotClient({
    tls,
    tlsFiles,
    proxy,
    connectTimeoutMs: TOKEN_CONNECT_TIMEOUT_MS,
    maxResponseBytes: MAX_TOKEN_RESPONSE_BYTES
  })
}

/** Reads all settings for a token request; problems are noted in `properties`. */
export function readTokenSettings(
  RED: NodeAPI,
  node: Node | null,
  properties: Properties<typeof tokenProperties>,
  stored: Credentials,
  connection: ConnectionSettings
): StoredTokenSettings {
  const texts = asTexts(tokenCredentials)
  const credentials = new Properties(texts, tokenForm, stored, {}, properties)
  const settings = {
    issuer: properties.text('issuer').trim(),
    tokenEndpoint: properties.text('tokenEndpoint').trim(),
    grantType: properties.choice('grantType'),
    clientAuth: properties.choice('clientAuth'),
    assertionFile: properties.text('assertionFile').trim(),
    scope: properties.text('scope').trim(),
    audience: properties.text('audience').trim(),
    resource: properties.text('resource').trim(),
    extraParams: readStaticValues(RED, node, properties, 'extraParams', stored),
    headers: readStaticValues(RED, node, properties, 'headers', stored),
    keyId: properties.text('keyId').trim(),
    signingAlg: properties.choice('signingAlg'),
    assertionAudience: properties.filled('assertionAudience').trim(),
    assertionSubject: properties.text('assertionSubject').trim(),
    assertionClaims: readClaims(RED, node, properties),
    clientId: credentials.text('clientId').trim(),
    clientSecret: readSecretValue(RED, credentials, 'clientSecret'),
    privateKey: readSecretValue(RED, credentials, 'privateKey'),
    privateKeyPassphrase: readSecretValue(RED, credentials, 'privateKeyPassphrase'),
    username: credentials.text('username'),
    password: readSecretValue(RED, credentials, 'password'),
    dpop: properties.flag('dpop'),
    hasClientCertificate: hasClientCertificate(connection.tls)
  }
  const { extraParams, headers, assertionClaims, clientSecret, password } = settings
  const { privateKey, privateKeyPassphrase } = settings
  // Client ID and user name name somebody, and a private key is never sent.
  const further = [extraParams, headers, assertionClaims, [clientSecret, password]]
  const unwritten = properties.unwrittenTexts(...further)
  const known = [
    ...unwritten,
    ...secretsInHeaders(headers, unwritten),
    ...queriesFromVariables(properties)
  ]
  const kept = [...extraParams, ...headers].map(({ value }) => value)
  const inFiles = [clientSecret, password, privateKey, privateKeyPassphrase, ...kept]
  return { ...settings, secrets: new Secrets(known, inFiles) }
}

/** Of a URL from a variable, an answer and an error show host and path, but not a key in its query. */
function queriesFromVariables(properties: Properties<typeof tokenProperties>): string[] {
  return (['issuer', 'tokenEndpoint'] as const)
    .filter((name) => properties.rawText(name) !== properties.text(name))
    .map((name) => URL.parse(properties.text(name).trim())?.search ?? '')
}
