import type { Node, NodeAPI, NodeDef } from 'node-red'
import { english } from '../src/english.ts'
import { checkSettings } from '../src/oauth2/check-settings.ts'
import { TokenSource } from '../src/oauth2/token-source.ts'
import { Redactor } from '../src/redactor.ts'
import { readConnection } from './connection.ts'
import { flowFileProperties } from './named-values.ts'
import { authParts, deployedAuthNodes } from './auth-parts.ts'
import { tokenForm } from './form-words.ts'
import { listNode, takeCredentials } from './node-lifecycle.ts'
import { tokenCredentials, tokenProperties } from './oauth2-client-credentials-properties.ts'
import { registerRoutes } from './operations/register-routes.ts'
import { isUnset, Properties } from './properties.ts'
import { typesOf } from './property-table.ts'
import { readStatuses } from './refused-statuses.ts'
import { readTokenSettings, tokenHttpClient } from './read-token-settings.ts'
import { tokenRoutes } from './token-route.ts'

/** Registers the config node that always has a fresh token. */
export default function (RED: NodeAPI): void {
  registerRoutes(RED, tokenRoutes(RED))

  function OAuth2ClientCredentials(this: Node, config: NodeDef): void {
    RED.nodes.createNode(this, config)
    const written = flowFileProperties(RED, this)
    const properties = new Properties(tokenProperties, tokenForm, config, written)
    const connection = readConnection(RED, properties)
    const refreshOnStatus = readRefreshOnStatus(properties)
    const settings = readTokenSettings(RED, this, properties, takeCredentials(this), connection)
    let problems: readonly string[] = properties.problems
    if (problems.length === 0) problems = checkSettings(settings)
    let tokens: TokenSource | undefined
    const onWarning = (text: string): void => {
      this.warn(text)
    }
    const httpClient = tokenHttpClient(connection)
    if (problems.length === 0) {
      tokens = new TokenSource(settings, { httpClient, onWarning })
    }
    problems = new Redactor(settings.secrets).hideIn(problems)
    const host = URL.parse(settings.issuer || settings.tokenEndpoint)?.host ?? ''
    authParts.set(this, { host, settings, tokens, problems, refreshOnStatus, tls: connection.tls })
    listNode(deployedAuthNodes, this)
    for (const problem of problems) this.error(problem)
    this.on('close', (_removed: boolean, done: () => void) => {
      tokens?.close()
      httpClient.close()
      done()
    })
  }

  RED.nodes.registerType<Node, NodeDef, object, object>(
    'oauth2-client-credentials',
    OAuth2ClientCredentials,
    { credentials: typesOf(tokenCredentials) }
  )
}

function readRefreshOnStatus(properties: Properties<typeof tokenProperties>): ReadonlySet<number> {
  const text = properties.text('refreshOnStatus')
  const statuses = readStatuses(text)
  // An unset variable has been named already.
  if (statuses === undefined && !isUnset(text)) {
    properties.addProblem('refreshOnStatus', english('tokenForm', 'problem.refreshOnStatus'))
  }
  return statuses ?? new Set()
}
