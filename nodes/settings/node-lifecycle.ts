import type { Node } from 'node-red'

/** Lists a node until it is closed. */
export function listNode(list: Map<string, Node>, node: Node): void {
  list.set(node.id, node)
  node.on('close', () => {
    if (list.get(node.id) === node) list.delete(node.id)
  })
}
