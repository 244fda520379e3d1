import type { Node, NodeAPI } from 'node-red'
import { environmentValue, flowFileProperties, type Credentials } from './named-values.ts'
import { isUnset } from './properties.ts'
import { defaultsOf, type PropertyTable } from './property-table.ts'

/** What the editor sends in place of a stored password, which it never gets. */
const UNCHANGED = '__PWRD__'

/** Settings that somebody wants to test. */
export interface GivenSettings {
  /** As a flow file has them. */
  properties: object
  credentials: Credentials
  /** What the caller sent of them, and therefore already knows. */
  typed: unknown
  /** The deployed node has the same settings. */
  isDeployed: boolean
}

/**
 * Compares settings with those of the deployed node. A test of other settings could send any secret
 * and variable of this Node-RED anywhere: it is only for users who could also deploy them.
 *
 * @param node the deployed node, whose stored credentials count; null if there is none
 * @param table of the properties of its type
 * @param texts the credentials that the editor receives and sends as text
 * @param body the properties as in a flow file, with `credentials` inside
 */
export function givenSettings(
  RED: NodeAPI,
  node: Node | null,
  table: PropertyTable,
  texts: readonly string[],
  body: unknown
): GivenSettings {
  // The name decides nothing.
  const { name: _name, ...defaults } = defaultsOf(table)
  // In a subflow instance a node has its own id.
  const id = (node as { _alias?: string } | null)?._alias ?? node?.id ?? ''
  const stored = (node === null ? null : (RED.nodes.getCredentials(id) as Credentials | null)) ?? {}
  const deployed = node === null ? undefined : flowFileProperties(RED, node)
  const { credentials: typed, ...given } = members(body)
  const isDeployed =
    deployed !== undefined &&
    sameProperties(given, deployed, defaults) &&
    areStored(typed, stored, texts)
  // Equal does not mean identical: the deployed ones are used. Only what a test reads: so no
  // property can be used that was not compared.
  const properties = Object.fromEntries(
    Object.entries(isDeployed ? deployed : given).filter(([name]) => Object.hasOwn(defaults, name))
  )
  return { properties, credentials: withStored(typed, stored), typed, isDeployed }
}

/** Whether both mean the same: order, an absent default, a number as text do not matter. */
function sameProperties(given: object, deployed: object, defaults: object): boolean {
  const [one, other] = [given, deployed].map((properties) => normalForm(properties, defaults))
  return JSON.stringify(one) === JSON.stringify(other)
}

function normalForm(properties: object, defaults: object): unknown[] {
  const values = properties as Record<string, unknown>
  return Object.entries(defaults as Record<string, unknown>).map(([name, byDefault]) => {
    const value = isNothing(values[name]) ? byDefault : values[name]
    return Array.isArray(byDefault) && Array.isArray(value) ? value.map(entry) : word(value)
  })
}

function entry(item: unknown): string[] {
  const { name, value, valueType } = members(item)
  return [word(name), word(value), word(valueType) || 'str']
}

function word(value: unknown): string {
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  return typeof value === 'string' ? value.trim() : isNothing(value) ? '' : 'no text'
}

/** Whether the form's credentials are those that the deployed node has. */
function areStored(typed: unknown, stored: Credentials, texts: readonly string[]): boolean {
  return Object.entries(members(typed)).every(
    ([name, value]) =>
      value === UNCHANGED ||
      (isNothing(value) && (value !== '' || isNothing(stored[name]))) ||
      (texts.includes(name) && value === stored[name])
  )
}

/** The form's credentials; those that were not retyped are the stored ones. */
function withStored(typed: unknown, stored: Credentials): Credentials {
  if (typeof typed !== 'object' || typed === null) return { ...stored }
  return Object.fromEntries(
    Object.entries(typed as Record<string, unknown>).map(([name, value]) => [
      name,
      value === UNCHANGED ? stored[name] : value
    ])
  )
}

/** Replaces environment variables, as Node-RED does for deployed nodes. */
export function withVariables<Value>(RED: NodeAPI, node: Node | null, value: Value): Value {
  return resolved(RED, node, value, 0) as Value
}

function resolved(RED: NodeAPI, node: Node | null, value: unknown, depth: number): unknown {
  if (typeof value === 'string' && isUnset(value)) {
    const found = environmentValue(RED, node, value)
    return found ?? value
  }
  // A flow file's lists are two levels deep; anything deeper is not one.
  if (typeof value !== 'object' || value === null || depth > 4) return value
  if (Array.isArray(value)) return value.map((item) => resolved(RED, node, item, depth + 1))
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, resolved(RED, node, item, depth + 1)])
  )
}

function members(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
}

function isNothing(value: unknown): boolean {
  return value === undefined || value === null || value === ''
}
