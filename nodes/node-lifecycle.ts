import type { Node } from 'node-red'

/** Lists a node until it is closed. */
export function listNode(list: Map<string, Node>, node: Node): void {
  list.set(node.id, node)
  node.on('close', () => {
    if (list.get(node.id) === node) list.delete(node.id)
  })
}

/**
 * The node's credentials, environment variables replaced; they are removed from the node object,
 * where Node-RED puts them for this single reader.
 */
export function takeCredentials(node: Node): Record<string, unknown> {
  const { credentials } = node as { credentials?: unknown }
  delete (node as { credentials?: unknown }).credentials
  return typeof credentials === 'object' && credentials !== null ? { ...credentials } : {}
}
