import { basename } from 'node:path'
import type { NodeAPI } from 'node-red'
import { diskQueueProblem } from '../../src/outbox/disk-outbox.ts'
import { filledQueueFiles, queueFilePath } from '../../src/outbox/queue-files.ts'
import { onceFlowsStarted } from '../flows-started.ts'
import { deployedOutNodes } from '../node-parts.ts'
import { queueDirectory } from '../queue-directory.ts'

/** A queue file with messages of a node that does not run: it is disabled or deleted. */
export interface StoppedQueue {
  id: string
  /** Undefined if it cannot be read. */
  held: number | undefined
}

/** A file is opened to be counted: not for each look of each operator. */
const LOOK_AGAIN_MS = 30_000

let last: { at: number; queues: Promise<StoppedQueue[]> } | undefined

const forget = (): void => {
  last = undefined
}

/** Those of the queue directory, as they were after the last deploy and at most half a minute ago. */
export async function stoppedQueues(RED: NodeAPI): Promise<StoppedQueue[]> {
  if (last === undefined || performance.now() - last.at > LOOK_AGAIN_MS) {
    onceFlowsStarted(RED, forget)
    last = { at: performance.now(), queues: look(RED).catch(() => []) }
  }
  // A node may have started meanwhile.
  return (await last.queues).filter(({ id }) => !deployedOutNodes.has(id))
}

async function look(RED: NodeAPI): Promise<StoppedQueue[]> {
  const directory = queueDirectory(RED)
  if (typeof directory !== 'string' || diskQueueProblem() !== undefined) return []
  const running = new Set([...deployedOutNodes.keys()].map((id) => queueFilePath('', id)))
  const files = await filledQueueFiles(directory, (path) => !running.has(basename(path)))
  return files.map(({ path, held }) => ({ id: basename(path, '.sqlite'), held }))
}
