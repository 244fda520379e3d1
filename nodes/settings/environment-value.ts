import type { Node, NodeAPI } from 'node-red'

/**
 * The value of an environment variable as Node-RED sees it from a node: of its group, flow or the
 * process; without a node of the process alone.
 *
 * @param name `NAME` or `${NAME}`
 */
export function environmentValue(
  RED: NodeAPI,
  node: Node | null,
  name: string
): string | undefined {
  // Node-RED accepts a missing node; its types do not say so.
  const value: unknown = RED.util.evaluateNodeProperty(name, 'env', node as Node, {})
  return value === '' ? undefined : asText(value)
}

/**
 * Objects as JSON, absent values as nothing.
 *
 * @throws {TypeError} for values that JSON cannot represent, such as a cycle
 */
export function asText(value: unknown): string | undefined {
  if (typeof value === 'bigint') return String(value)
  return typeof value === 'string' ? value : JSON.stringify(value ?? undefined)
}
