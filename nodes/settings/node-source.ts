import type { Node, NodeAPI } from 'node-red'
import { environmentValue } from './environment-value.ts'
import { isUnset } from './properties.ts'

/** As Node-RED keeps them, environment variables in place: of a hand-written flow of any type. */
export type Credentials = Readonly<Record<string, unknown>>

/** Where the settings of a node come from: from what is deployed, or from a form. */
export interface NodeSource {
  /** The properties as a flow file has them. */
  written: object
  /** The same with environment variables in place. */
  config: object
  /** Environment variables in place. */
  credentials: Credentials
}

/**
 * What is deployed. The credentials are removed from the node object, where Node-RED puts them for this
 * single reader.
 *
 * @param config as Node-RED gives it to the node
 */
export function deployedSource(RED: NodeAPI, node: Node, config: object): NodeSource {
  const written = writtenOf(RED, node)
  const { credentials } = node as { credentials?: unknown }
  delete (node as { credentials?: unknown }).credentials
  return { written, config, credentials: members(credentials) }
}

/** The properties as a flow file has them; none for a node of a subflow that was installed as a module. */
export function writtenOf(RED: NodeAPI, node: Node): object {
  let written = {}
  const id = flowFileId(node)
  RED.nodes.eachNode((definition) => {
    if (definition.id === id) written = definition
  })
  return written
}

/** What the editor sends in place of a stored password, which it never gets. */
const UNCHANGED = '__PWRD__'

/**
 * What stands in a form that somebody wants to test, as a deploy would use it.
 *
 * @param node the deployed node, whose variables and stored passwords count; null if there is none
 * @param form the properties as in a flow file, with `credentials` and `nodes` inside
 * @param given of its credentials: all, or as in a deploy only those that were changed
 * @returns also the config nodes that came along, as a flow file would have them; of a request, of any type
 */
export function formSource(
  RED: NodeAPI,
  node: Node | null,
  form: unknown,
  given: 'all' | 'changed' = 'all'
): NodeSource & { nodes: unknown } {
  const { credentials, nodes, ...written } = members(form)
  const stored = node === null ? {} : members(RED.nodes.getCredentials(flowFileId(node)))
  const typed = Object.entries(members(credentials)).map(([name, value]) => [
    name,
    value === UNCHANGED ? stored[name] : value
  ])
  return {
    written,
    config: withVariables(RED, node, written) as object,
    credentials: withVariables(RED, node, {
      ...(given === 'changed' && stored),
      ...Object.fromEntries(typed)
    }) as Credentials,
    nodes
  }
}

/** In a subflow instance a node has an id of its own. */
function flowFileId(node: Node): string {
  return (node as { _alias?: string })._alias ?? node.id
}

/** Replaces environment variables, as Node-RED does for deployed nodes. */
export function withVariables(RED: NodeAPI, node: Node | null, value: unknown): unknown {
  if (typeof value === 'string') {
    return isUnset(value) ? (environmentValue(RED, node, value) ?? value) : value
  }
  if (Array.isArray(value)) return value.map((item) => withVariables(RED, node, item))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => [name, withVariables(RED, node, item)])
  )
}

/** The members of an object that may be anything; none if it is no object. */
export function members(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
}
