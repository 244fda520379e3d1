import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { QueueError } from './queue-error.ts'
import { queueThread } from './queue-thread.ts'

const SUFFIX = '.sqlite'

/** Node-RED's ids are letters, digits and dots; other characters do not reach the file system. */
export function queueFilePath(directory: string, name: string): string {
  const safe = name.replaceAll(/[^\w.-]/gu, (sign) => `%${sign.codePointAt(0)?.toString(16) ?? ''}`)
  return join(directory, `${safe}${SUFFIX}`)
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
  // A crash can leave a complete file under its temporary name.
  const names = new Set(found.map((name) => name.replace(/\.rescue$/, '')))
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
