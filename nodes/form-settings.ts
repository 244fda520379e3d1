import type { Node, NodeAPI } from 'node-red'
import { environmentValue, type Credentials } from './named-values.ts'
import { isUnset } from './properties.ts'

/** What the editor sends in place of a stored password, which it never gets. */
const UNCHANGED = '__PWRD__'

/** What stands in a form, as a deploy would use it. */
export interface FormSettings {
  /** The properties as a flow file would have them. */
  written: object
  /** The same with environment variables in place. */
  config: object
  /** Environment variables in place. */
  credentials: Credentials
  /** The config nodes that came along, as a flow file would have them; of a request, of any type. */
  nodes: unknown
}

/**
 * Reads the settings in a form that somebody wants to test.
 *
 * @param node the deployed node, whose variables and stored passwords count; null if there is none
 * @param form the properties as in a flow file, with `credentials` and `nodes` inside
 * @param given of its credentials: all, or as in a deploy only those that were changed
 */
export function readFormSettings(
  RED: NodeAPI,
  node: Node | null,
  form: unknown,
  given: 'all' | 'changed' = 'all'
): FormSettings {
  const { credentials, nodes, ...written } = members(form)
  const stored = node === null ? {} : storedCredentials(RED, node)
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

function storedCredentials(RED: NodeAPI, node: Node): Credentials {
  // In a subflow instance a node has its own id.
  const id = (node as { _alias?: string })._alias ?? node.id
  return (RED.nodes.getCredentials(id) as Credentials | null) ?? {}
}

/** Replaces environment variables, as Node-RED does for deployed nodes. */
function withVariables(RED: NodeAPI, node: Node | null, value: unknown): unknown {
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
