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
import { queueDirectory } from '../settings/queue-directory.ts'

/** A queue file with messages of a node that does not run: it is disabled or deleted. */
export interface StoppedQueue {
  id: string
  /** Undefined if it cannot be read. */
  held: number | undefined
}

/** A file is opened to be counted: not for each look of each operator. */
const LOOK_AGAIN_MS = 30_000

let last: { at: number; files: Promise<FilledQueueFile[]> } | undefined

const forget = (): void => {
  last = undefined
}

/** Those of the queue directory, as they were after the last deploy and at most half a minute ago. */
export async function stoppedQueues(RED: NodeAPI): Promise<StoppedQueue[]> {
  const deployed = new Set([...deployedOutNodes.keys()].map(fileOf))
  // A node may have started meanwhile.
  return (await unusedFiles(RED))
    .filter(({ path }) => !deployed.has(basename(path)))
    .map(({ path, held }) => ({ id: basename(path, '.sqlite'), held }))
}

/** How many messages are in the file of a node that is not set up; 0 if that is unknown. */
export async function heldFor(RED: NodeAPI, id: string): Promise<number> {
  const file = fileOf(id)
  return (await unusedFiles(RED)).find(({ path }) => basename(path) === file)?.held ?? 0
}

/** Files with messages that no node uses. */
async function unusedFiles(RED: NodeAPI): Promise<FilledQueueFile[]> {
  if (last === undefined || performance.now() - last.at > LOOK_AGAIN_MS) {
    onceFlowsStarted(RED, forget)
    last = { at: performance.now(), files: look(RED).catch(() => []) }
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
