import { basename } from 'node:path'
import type { Node, NodeAPI } from 'node-red'
import { english } from '../src/english.ts'
import { nodeVersionProblem } from '../src/node-version.ts'
import { filledQueueFiles, queueFilePath, type FilledQueueFile } from '../src/queue/queue-files.ts'
import { toldInEnglish } from '../src/told-in-english.ts'
import { onceFlowsStarted } from './flows-started.ts'
import { errorText } from './node-errors.ts'
import { stoppedTold } from './operations/stopped-queues.ts'
import { queueDirectory } from './queue-directory.ts'

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
  const isOwned = owned(RED)
  const isOrphan = (path: string): boolean => !isOwned(basename(path))
  for (const file of await filledQueueFiles(directory, isOrphan)) {
    RED.log.error(`hl7-https-out: ${words(file)}`)
  }
}

/**
 * Whether a node with that id is in the flows, disabled or not. One in a subflow that was installed as
 * a module never is.
 */
export function isInFlows(RED: NodeAPI, id: string): boolean {
  return configured(RED)(queueFilePath('', id))
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

/** Whether the file of that name belongs to a node of the flows, disabled ones included. */
function owned(RED: NodeAPI): (file: string) => boolean {
  const isConfigured = configured(RED)
  return (file) => {
    const node = RED.nodes.getNode(file.replace(/\.sqlite$/, '')) as Node | null
    return isConfigured(file) || node?.type === 'hl7-https-out'
  }
}

/** A node of the flows: its id, as file names have it, and the flow or subflow that it is in. */
interface Placed {
  name: string
  z: string
}

/** The same for the deployed flows: a node that still runs may no longer be in them. */
function configured(RED: NodeAPI): (file: string) => boolean {
  const senders: Placed[] = []
  /** By their types, which name the subflow. */
  const instances = new Map<string, Placed[]>()
  RED.nodes.eachNode(({ id, type, z }) => {
    const placed = { name: basename(queueFilePath('', id), '.sqlite'), z }
    if (type === 'hl7-https-out') senders.push(placed)
    if (!type.startsWith('subflow:')) return
    const others = instances.get(type)
    if (others === undefined) instances.set(type, [placed])
    else others.push(placed)
  })
  return (file) => {
    // What was in vain once is not tried again: there are many ways to combine ids that end alike.
    const tried = new Set<string>()
    const runsAs = ({ name, z }: Placed, whole: string): boolean => {
      if (whole === name) return true
      // In a subflow Node-RED puts the ids of its instances before that of the node. They may have
      // hyphens, too.
      if (!whole.endsWith(`-${name}`)) return false
      const before = whole.slice(0, -name.length - 1)
      const attempt = `${z} ${before}`
      if (tried.has(attempt)) return false
      tried.add(attempt)
      return (instances.get(`subflow:${z}`) ?? []).some((one) => runsAs(one, before))
    }
    const whole = basename(file, '.sqlite')
    return senders.some((one) => runsAs(one, whole))
  }
}

function words({ path, held }: FilledQueueFile): string {
  return `${toldInEnglish(stoppedTold(held))}. ${english('log', 'log.stopped', { path })}`
}
