import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { english } from '../english.ts'
import { namesBeside, pathBeside } from './files-beside.ts'
import { QueueError } from './queue-error.ts'
import { queueThread } from './queue-thread-client.ts'

const SUFFIX = '.sqlite'

/** Node-RED's ids are letters, digits and dots; other characters do not reach the file system. */
export function queueFilePath(directory: string, name: string): string {
  const safe = name.replaceAll(/[^\w.-]/gu, (sign) => `%${sign.codePointAt(0)?.toString(16) ?? ''}`)
  return join(directory, `${safe}${SUFFIX}`)
}

/**
 * Whether an earlier run left messages or a pause in a queue file, so that it has to be used first. Needs no key.
 * Also true if that is unknown: opening the queue then says why.
 */
export async function isQueueFileInUse(path: string): Promise<boolean> {
  if (!(await exists(path))) return false
  try {
    const { held = 0, isPaused = false } = await queueThread.ask(path, 'count')
    return held > 0 || isPaused
  } catch {
    return true
  }
}

/**
 * Deletes the queue file of a deleted node; needs no key. One that is empty but paused stays: the node may only be
 * disabled.
 *
 * @throws {QueueError} `ERR_QUEUE_NOT_EMPTY` if it contains messages, and others if it is not a file of ours: then it
 * stays
 */
export async function deleteQueueFile(path: string): Promise<void> {
  if (!(await exists(path))) return
  const { held = 0 } = await queueThread.ask(path, 'delete')
  if (held === 0) return
  throw new QueueError(english('log', 'queue.kept', { path, count: held }), 'ERR_QUEUE_NOT_EMPTY')
}

/** A queue file, and how many messages are in it; undefined if unknown. */
export interface FilledQueueFile {
  path: string
  held: number | undefined
}

/** Files that belong to another program, or at this time to another process. */
const OTHERS = new Set(['ERR_QUEUE_FOREIGN', 'SQLITE_BUSY'])

/**
 * The queue files of a directory that hold messages, by their names; needs no key.
 *
 * @param isWanted which paths to inspect
 */
export async function filledQueueFiles(
  directory: string,
  isWanted: (path: string) => boolean = () => true
): Promise<FilledQueueFile[]> {
  const found = await readdir(directory).catch(() => [])
  // A crash can leave a complete file under another name.
  const names = new Set(found.map(pathBeside))
  const filled: FilledQueueFile[] = []
  for (const name of [...names].filter((each) => each.endsWith(SUFFIX)).sort()) {
    const path = join(directory, name)
    if (!isWanted(path)) continue
    try {
      const { held = 0 } = await queueThread.ask(path, 'count')
      if (held > 0) filled.push({ path, held })
    } catch (error) {
      const isOther = error instanceof QueueError && OTHERS.has(error.code)
      if (!isOther) filled.push({ path, held: undefined })
    }
  }
  return filled
}

/** Also where a crash has left the whole file under another name. */
async function exists(path: string): Promise<boolean> {
  const { closing, rescue } = namesBeside(path)
  const found = await Promise.all([path, closing, rescue].map(isFile))
  return found.includes(true)
}

async function isFile(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isFile()
  } catch (error) {
    return !(error instanceof Error && 'code' in error && error.code === 'ENOENT')
  }
}
