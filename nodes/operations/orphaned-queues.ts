import { basename } from 'node:path'
import type { Node, NodeAPI, NodeDef } from 'node-red'
import { english } from '../../src/english.ts'
import { nodeVersionProblem } from '../../src/node-version.ts'
import {
  filledQueueFiles,
  queueFilePath,
  type FilledQueueFile
} from '../../src/queue/queue-files.ts'
import { toldInEnglish } from '../../src/told-in-english.ts'
import { STOPPED } from '../flow/condition-table.ts'
import { onceFlowsStarted } from '../flow/flows-started.ts'
import { errorText } from '../settings/node-errors.ts'
import { queueDirectory } from '../settings/queue-directory.ts'

/**
 * Once, when the flows have started: reports queue files whose node is not in the flows, for
 * example after a flow file was replaced while Node-RED was down. A node deleted later reports its
 * own file.
 */
export function reportOrphanedQueues(RED: NodeAPI): void {
  onceFlowsStarted(RED, () => {
    report(RED).catch((error: unknown) => {
      RED.log.error(`hl7-https-out: ${errorText(error)}`)
    })
  })
}

async function report(RED: NodeAPI): Promise<void> {
  const directory = queueDirectory(RED)
  // Each node reports problems with these.
  if (typeof directory !== 'string' || nodeVersionProblem() !== undefined) return
  const ofFlows = queueFilesOfFlows(RED)
  const isOrphan = (path: string): boolean => {
    const file = basename(path)
    // A node of a subflow that was installed as a module runs, but is not in the flows.
    const node = RED.nodes.getNode(basename(file, '.sqlite')) as Node | null
    return !ofFlows.has(file) && node?.type !== 'hl7-https-out'
  }
  for (const file of await filledQueueFiles(directory, isOrphan)) {
    RED.log.error(`hl7-https-out: ${words(file)}`)
  }
}

/**
 * Whether a node with that id is in the flows, disabled or not. One in a subflow that was installed as
 * a module never is.
 */
export function isInFlows(RED: NodeAPI, id: string): boolean {
  return queueFilesOfFlows(RED).has(queueFilePath('', id))
}

/**
 * For a node that starts: tells, when it closes, whether it was deleted. Only then may its queue file
 * go, with the journal. Node-RED also calls a node "removed" that was only disabled, or whose flow was,
 * and never one in a subflow. But it already has the new flows when it closes the nodes of the old ones.
 */
export function deletion(RED: NodeAPI, node: Node): (removed: boolean | undefined) => boolean {
  const isInner = '_alias' in node
  // If not, it is a module's, and nothing is known of it later.
  const wasInFlows = isInner && isInFlows(RED, node.id)
  return (removed) => (isInner ? wasInFlows : removed === true) && !isInFlows(RED, node.id)
}

/** The names of the queue files of all nodes in the deployed flows, disabled ones included. */
function queueFilesOfFlows(RED: NodeAPI): Set<string> {
  return new Set(outNodesOf(RED).map(({ id }) => queueFilePath('', id)))
}

/** A sending node in the flows, whether it runs or not. */
interface OutNodeOfFlows {
  id: string
  /** In the flow file: of a subflow, the one that stands there. */
  template: string
  /** Neither it nor what it is in is disabled. */
  isEnabled: boolean
}

/** All sending nodes of the flows, those in instances of subflows included. */
export function outNodesOf(RED: NodeAPI): OutNodeOfFlows[] {
  const subflows = new Set<string>()
  const disabled = new Set<string>()
  /** By the id of the flow or subflow. */
  const nodes = new Map<string, { id: string; type: string }[]>()
  for (const config of configsOf(RED)) {
    const { id, type, z } = config
    if (type === 'subflow') subflows.add(id)
    const { d, disabled: isOff } = config as { d?: unknown; disabled?: unknown }
    if (d === true || (type === 'tab' && isOff === true)) disabled.add(id)
    const others = nodes.get(z)
    if (others === undefined) nodes.set(z, [{ id, type }])
    else others.push({ id, type })
  }
  const found: OutNodeOfFlows[] = []
  /** @param within the flow, and the subflows around it: a flow file may put one into itself */
  const collect = (within: readonly string[], before: string, isOn: boolean): void => {
    for (const { id, type } of nodes.get(within.at(-1) ?? '') ?? []) {
      const isEnabled = isOn && !disabled.has(id)
      if (type === 'hl7-https-out') found.push({ id: `${before}${id}`, template: id, isEnabled })
      const subflow = type.startsWith('subflow:') ? type.slice('subflow:'.length) : ''
      // In a subflow Node-RED puts the ids of its instances before that of the node.
      if (subflow !== '' && !within.includes(subflow)) {
        collect([...within, subflow], `${before}${id}-`, isEnabled)
      }
    }
  }
  for (const flow of nodes.keys()) {
    if (!subflows.has(flow)) collect([flow], '', !disabled.has(flow))
  }
  return found
}

/** All that is in the flows; nothing if they could not be loaded, of which Node-RED would make an error. */
export function configsOf(RED: NodeAPI): NodeDef[] {
  const configs: NodeDef[] = []
  try {
    RED.nodes.eachNode((config) => configs.push(config))
  } catch {
    return []
  }
  return configs
}

function words({ path, held }: FilledQueueFile): string {
  return `${toldInEnglish(STOPPED.told(held))}. ${english('log', 'log.stopped', { path })}`
}
