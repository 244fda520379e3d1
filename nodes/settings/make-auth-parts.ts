import type { Node, NodeAPI } from 'node-red'
import type { GotClient } from '../../src/http-client/got-client.ts'
import { checkSettings } from '../../src/oauth2/check-settings.ts'
import { TokenSource } from '../../src/oauth2/token-source.ts'
import type { AuthParts } from './auth-parts.ts'
import { readConnection, type FindConfigNode } from './connection.ts'
import { areCredentialsUnread } from './flows-state.ts'
import { tokenForm } from './form-words.ts'
import { CREDENTIALS_UNREAD } from './node-errors.ts'
import type { NodeSource } from './node-source.ts'
import { tokenProperties } from './oauth2-client-credentials-properties.ts'
import { Properties } from './properties.ts'
import { readTokenSettings, tokenHttpClient } from './read-token-settings.ts'
import { readSecretExpiry } from './secret-expiry.ts'

/** What there is behind an OAuth 2.0 node, deployed or in a form. */
export interface MadeAuthParts {
  parts: AuthParts
  /** Makes the requests to the token server. */
  httpClient: GotClient
  /** Ends what is under way. */
  close: () => void
}

/**
 * Reads the settings of an OAuth 2.0 node, and makes what gets its tokens.
 *
 * @param node the deployed one, whose variables count; null if there is none
 */
export function makeAuthParts(
  RED: NodeAPI,
  node: Node | null,
  { config, written, credentials }: NodeSource,
  find: FindConfigNode,
  onWarning: (text: string) => void = () => undefined
): MadeAuthParts {
  // A key decides what else is used.
  const values = { ...config, ...credentials }
  const properties = new Properties(tokenProperties, tokenForm, values, written)
  const connection = readConnection(RED, properties, find)
  const secretExpires = readSecretExpiry(properties, onWarning)
  const settings = readTokenSettings(RED, node, properties, credentials, connection)
  const found = properties.problems.length > 0 ? properties.problems : checkSettings(settings)
  // Nobody is to enter them again: the next deploy would overwrite those that could not be read.
  const isUnread = areCredentialsUnread(RED) && Object.keys(credentials).length === 0
  const problems = found.length > 0 && isUnread ? [CREDENTIALS_UNREAD] : found
  const httpClient = tokenHttpClient(connection)
  const tokens =
    problems.length > 0 ? undefined : new TokenSource(settings, { httpClient, onWarning })
  const host = URL.parse(settings.issuer || settings.tokenEndpoint)?.host ?? ''
  return {
    parts: {
      host,
      settings,
      tokens,
      problems,
      unset: properties.unset,
      secretExpires,
      tls: connection.tls,
      tlsFiles: connection.tlsFiles
    },
    httpClient,
    close: () => {
      tokens?.close()
      httpClient.close()
    }
  }
}
