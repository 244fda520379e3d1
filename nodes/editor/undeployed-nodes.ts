/** The properties that name config nodes. */
const NAMES = ['auth', 'tls', 'proxy'] as const

/**
 * The config nodes that settings name, and those that these name in turn, as far as they are not
 * deployed as they stand in the editor: as a deploy would send them, with the credentials that were typed.
 */
export function undeployedNodes(settings: Readonly<Record<string, unknown>>): object[] {
  const found = new Map<string, object>()
  const collect = (user: Readonly<Record<string, unknown>>): void => {
    for (const name of NAMES) {
      const id = user[name]
      const node = typeof id === 'string' && id !== '' ? RED.nodes.node(id) : null
      if (node === null || found.has(node.id)) continue
      if (node.changed === true) found.set(node.id, RED.nodes.convertNode(node))
      collect(node)
    }
  }
  collect(settings)
  return [...found.values()]
}
