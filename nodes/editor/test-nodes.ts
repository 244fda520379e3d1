import { sampleInject } from './sample-inject.ts'

/** The distance of the added nodes on the canvas. */
const BESIDE = 240
const BELOW = 60
/** The least distance of the middle of a node from the left edge. */
const EDGE = 110

/**
 * Adds what a node lacks for a first try: an inject node with a sample message, debug nodes for ACK and
 * NAK, a Catch node with a debug node, and a Status node whose debug node says when somebody is needed: in its place comes
 * what calls them. One step to undo.
 *
 * @param type MSH-9 of the sample, such as `ADT^A01`
 */
export function addTestNodes(node: EditorNode, type: string): void {
  const at = { x: Number(node['x']), y: Number(node['y']), z: node['z'] }
  const links: EditorLink[] = []
  const added: EditorNode[] = []
  const add = (properties: object, right: number, down: number): EditorNode => {
    const x = at.x + right * BESIDE
    // Without room to the left, it goes above.
    const above = x < EDGE ? 1 : 0
    const y = at.y + (down - above) * BELOW
    const place = { x: Math.max(x, EDGE), y: Math.max(y, BELOW / 2), z: at.z }
    const made = { ...properties, ...place, id: RED.nodes.id(), wires: [] }
    const found = RED.nodes.import([made], { markChanged: true }).nodes[0]
    if (found === undefined) throw new Error('Node-RED has imported nothing')
    added.push(found)
    return found
  }
  const link = (source: EditorNode, sourcePort: number, target: EditorNode): void => {
    const made = { source, sourcePort, target }
    RED.nodes.addLink(made)
    links.push(made)
  }
  const isLinked = (end: object): boolean => RED.nodes.filterLinks(end).length > 0

  if (!isLinked({ target: node })) link(add(sampleInject(type), -1, 0), 0, node)
  for (const [port, name] of ['ACK', 'NAK'].entries()) {
    if (!isLinked({ source: node, sourcePort: port })) {
      link(node, port, add(debug(name), 1, port - 1))
    }
  }
  if (!isHeard('catch', node)) {
    const caught = add({ type: 'catch', name: '', uncaught: false }, 0, 1.5)
    // Node-RED drops the ids of nodes that are not imported together.
    caught['scope'] = [node.id]
    link(caught, 0, add(debug('error'), 1, 1.5))
  }
  if (!isHeard('status', node)) {
    const told = add({ type: 'status', name: '' }, 0, 3)
    told['scope'] = [node.id]
    const needed = add(isCall, 1, 3)
    link(told, 0, needed)
    link(needed, 0, add({ ...debug('call'), complete: 'status', targetType: 'msg' }, 2, 3))
  }
  if (added.length === 0) return
  RED.history.push({
    t: 'add',
    nodes: added.map(({ id }) => id),
    links,
    dirty: RED.nodes.dirty()
  })
  RED.nodes.dirty(true)
  RED.view.updateActive()
  RED.view.redraw(true)
}

/** Lets a status through that needs somebody. */
const isCall = {
  type: 'switch',
  name: 'somebody needed?',
  property: 'status.level',
  propertyType: 'msg',
  rules: [{ t: 'eq', v: 'call', vt: 'str' }],
  checkall: 'true',
  repair: false,
  outputs: 1
}

/** Shows the whole message. */
function debug(name: string): object {
  return {
    type: 'debug',
    name,
    active: true,
    tosidebar: true,
    complete: 'true',
    targetType: 'full'
  }
}

/** Whether a Catch node of the flow gets its errors, or a Status node its statuses. */
function isHeard(type: 'catch' | 'status', { id, z }: EditorNode): boolean {
  return RED.nodes.filterNodes({ type, z }).some(({ scope }) => {
    return !Array.isArray(scope) || scope.includes(id)
  })
}
