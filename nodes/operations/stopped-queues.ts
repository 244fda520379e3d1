import { basename } from 'node:path'
import type { NodeAPI } from 'node-red'
import { nodeVersionProblem } from '../../src/node-version.ts'
import {
  filledQueueFiles,
  queueFilePath,
  type FilledQueueFile
} from '../../src/queue/queue-files.ts'
import { onceFlowsStarted } from '../flow/flows-started.ts'
import { deployedOutNodes, outParts } from '../flow/out-parts.ts'
import { flowsStopped, type FlowsStopped } from '../settings/flows-state.ts'
import { configsOf, outNodesOf } from './orphaned-queues.ts'
import { queueDirectory } from '../settings/queue-directory.ts'

/** A node whose flows are stopped, or a queue file with messages of a node that is disabled or deleted. */
export interface StoppedQueue {
  id: string
  /** How many messages are in its queue file; undefined if that cannot be read. */
  held: number | undefined
  /** Why its flows are stopped; undefined: it is disabled or deleted. */
  stopped?: FlowsStopped
  /** Of one in a subflow: the node there. */
  template?: string
}

/** A file is opened to be counted: not for each look of each operator. */
const LOOK_AGAIN_MS = 30_000

let last:
  | { at: number; stopped: FlowsStopped | undefined; files: Promise<FilledQueueFile[]> }
  | undefined

const forget = (): void => {
  last = undefined
}

/** What does not run: as the queue directory was after the last deploy and at most half a minute ago. */
export async function stoppedQueues(RED: NodeAPI): Promise<StoppedQueue[]> {
  const unused = new Map((await unusedFiles(RED)).map(({ path, held }) => [basename(path), held]))
  const found: StoppedQueue[] = []
  const stopped = flowsStopped(RED)
  if (stopped !== undefined) {
    for (const { id, isEnabled, template } of outNodesOf(RED)) {
      const file = fileOf(id)
      if (!isEnabled || deployedOutNodes.has(id)) continue
      found.push({ id, held: unused.has(file) ? unused.get(file) : 0, stopped, template })
      unused.delete(file)
    }
  }
  // A node may have started meanwhile.
  for (const id of deployedOutNodes.keys()) unused.delete(fileOf(id))
  const areLoaded = configsOf(RED).length > 0
  for (const [file, held] of unused) {
    const id = basename(file, '.sqlite')
    found.push({ id, held, ...(!areLoaded && stopped !== undefined && { stopped }) })
  }
  return found
}

/** How many messages are in the file of a node that is not set up; 0 if that is unknown. */
export async function heldFor(RED: NodeAPI, id: string): Promise<number> {
  const file = fileOf(id)
  return (await unusedFiles(RED)).find(({ path }) => basename(path) === file)?.held ?? 0
}

/** Files with messages that no node uses. */
async function unusedFiles(RED: NodeAPI): Promise<FilledQueueFile[]> {
  const stopped = flowsStopped(RED)
  const isOld = last === undefined || performance.now() - last.at > LOOK_AGAIN_MS
  if (last === undefined || isOld || last.stopped !== stopped) {
    onceFlowsStarted(RED, forget)
    last = { at: performance.now(), stopped, files: look(RED).catch(() => []) }
  }
  return last.files
}

async function look(RED: NodeAPI): Promise<FilledQueueFile[]> {
  const directory = queueDirectory(RED)
  if (typeof directory !== 'string' || nodeVersionProblem() !== undefined) return []
  const used = new Set<string>()
  for (const [id, node] of deployedOutNodes) {
    const parts = outParts.get(node)
    if (parts !== undefined && 'delivery' in parts) used.add(fileOf(id))
  }
  return filledQueueFiles(directory, (path) => !used.has(basename(path)))
}

function fileOf(id: string): string {
  return queueFilePath('', id)
}
