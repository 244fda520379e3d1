import type { NodeAPI, NodeDef } from 'node-red'
import { TokenSource } from '../src/oauth2/token-source.ts'
import { registerTokenRoute } from './admin-routes.ts'
import { readConnection } from './connection.ts'
import { SECRET_SLOTS } from './named-values.ts'
import type { OAuth2ClientCredentialsNode } from './node-types.ts'
import { Properties } from './properties.ts'
import { readTokenSettings, tokenHttpClient } from './read-token-settings.ts'

/** Registers the config node that always has a fresh token. */
export default function (RED: NodeAPI): void {
  registerTokenRoute(RED)

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
