import type { Node, NodeAPI, NodeDef } from 'node-red'
import { authParts, deployedAuthNodes } from './settings/auth-parts.ts'
import { deployedConfigNodes } from './settings/connection.ts'
import { makeAuthParts } from './settings/make-auth-parts.ts'
import { watchFlows } from './settings/flows-state.ts'
import { listNode } from './settings/node-lifecycle.ts'
import { deployedSource } from './settings/node-source.ts'
import { tokenCredentials } from './settings/oauth2-client-credentials-properties.ts'
import { registerRoutes } from './operations/register-routes.ts'
import { typesOf } from './settings/property-table.ts'

/** Registers the config node that always has a fresh token. */
export default function (RED: NodeAPI): void {
  watchFlows(RED)
  registerRoutes(RED, ['testToken'], async () =>
    (await import('./operations/routes.ts')).tokenRoutes(RED)
  )

  function OAuth2ClientCredentials(this: Node, config: NodeDef): void {
    RED.nodes.createNode(this, config)
    const source = deployedSource(RED, this, config)
    const { parts, close } = makeAuthParts(RED, this, source, deployedConfigNodes(RED), (text) => {
      this.warn(text)
    })
    authParts.set(this, parts)
    listNode(deployedAuthNodes, this)
    // One that came with an example, and that nothing uses, makes no deploy red.
    const { problems } = parts
    if (problems.length > 0 && !isUnused(RED, this)) {
      for (const problem of problems) this.error(problem)
    }
    this.on('close', (_removed: boolean, done: () => void) => {
      close()
      done()
    })
  }

  RED.nodes.registerType<Node, NodeDef, object, object>(
    'oauth2-client-credentials',
    OAuth2ClientCredentials,
    { credentials: typesOf(tokenCredentials) }
  )
}

/**
 * Whether nothing in the flows names a node, not even the properties of a subflow. Of one in a subflow that was
 * installed as a module, nothing is known.
 */
function isUnused(RED: NodeAPI, node: Node & { _alias?: string }): boolean {
  const id = node._alias ?? node.id
  const configs: NodeDef[] = []
  RED.nodes.eachNode((config) => configs.push(config))
  const others = configs.filter((config) => config.id !== id)
  const isInFlows = others.length < configs.length
  const isNamed = others.some((config) => JSON.stringify(config).includes(id))
  return isInFlows && !isNamed
}
