/**
 * Whether something takes what leaves on an output: of a node in a subflow, behind an output of one of its instances, too.
 *
 * @param port from 0
 */
export function isOutputWired(source: EditorNode, port: number): boolean {
  return RED.nodes.filterLinks({ source, sourcePort: port }).some(({ target }) => {
    if (target.type !== 'subflow') return true
    // The output of a subflow, as its own tab shows it: `i` is its number.
    const { instances = [] } = RED.nodes.subflow(target['z']) ?? {}
    return instances.some((instance) => isOutputWired(instance, Number(target['i'])))
  })
}
