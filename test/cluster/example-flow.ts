import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { FlowNode } from '../support/node-red.ts'

const examples = join(dirname(fileURLToPath(import.meta.url)), '..', '..', 'examples')

/**
 * An example without its debug nodes.
 *
 * @param filled properties to replace, by the type or the name of a node
 * @param more further nodes
 */
export function exampleFlow(
  name: string,
  filled: Record<string, Record<string, unknown>>,
  more: readonly FlowNode[] = []
): FlowNode[] {
  const nodes = JSON.parse(readFileSync(join(examples, `${name}.json`), 'utf8')) as FlowNode[]
  const unwanted = new Set(nodes.filter(({ type }) => type === 'debug').map(({ id }) => id))
  const kept = nodes
    .filter(({ id }) => !unwanted.has(id))
    .map((node): FlowNode => {
      const wires = node['wires'] as string[][] | undefined
      return {
        ...node,
        ...(wires && { wires: wires.map((ids) => ids.filter((id) => !unwanted.has(id))) }),
        ...filled[node.type],
        ...filled[String(node['name'])]
      }
    })
  return [...kept, ...more]
}
