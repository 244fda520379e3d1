import { closeSync, existsSync, openSync, readSync, renameSync } from 'node:fs'
import { leafRows } from './leaf-rows.ts'
import { QueueFaultError } from './queue-fault.ts'
import { deleteFiles } from './queue-database.ts'
import { QueueFile } from './queue-file.ts'
import type { QueueFileSpec } from './queue-protocol.ts'

/** In one transaction of the new file. */
const ROWS_AT_ONCE = 2000
const LOG_MAGIC = [0x377f0682, 0x377f0683]

/**
 * Makes a new queue file of what can be read of a damaged one, and moves the damaged one aside: it
 * is never deleted.
 *
 * @returns for whoever runs Node-RED: where it is now and how many messages were read
 * @throws {QueueFaultError} when it may be the key that does not fit; nothing is moved then
 */
export function rescue(spec: QueueFileSpec): string {
  const draft = `${spec.path}.rescue`
  deleteFiles(draft)
  const target = new QueueFile({ ...spec, path: draft })
  let result: { read: number; seen: number }
  try {
    result = copied(spec.path, target)
    target.close()
  } catch (error) {
    target.drop()
    deleteFiles(draft)
    throw error
  }
  // A crash between these leaves the finished draft, which the next start takes.
  const aside = moveAside(spec.path, 'damaged')
  renameSync(draft, spec.path)
  return `The queue file ${spec.path} was damaged. It was moved to ${aside}; of the ${result.seen} messages that were found in it, ${result.read} could be read into a new file and are sent as usual. Keep the old file until nothing is missed.`
}

/** Puts the new file into its place where a crash came between. */
export function finishRescue(path: string): void {
  if (!existsSync(path)) move(`${path}.rescue`, path)
}

/** Moves a file out of the way, with its log. @returns where it is now */
export function moveAside(path: string, why: string): string {
  const aside = asideName(path, why)
  move(`${path}-wal`, `${aside}-wal`)
  move(path, aside)
  return aside
}

/**
 * SQLite overwrites a log that it cannot read, whatever the file is opened for. (A log that is missing
 * or cut cannot be told from what a crash leaves; what it held is not in the queue then.)
 */
export function isLogBroken(path: string): boolean {
  const log = `${path}-wal`
  if (!existsSync(log)) return false
  const start = Buffer.alloc(4)
  const file = openSync(log, 'r')
  const length = readSync(file, start)
  closeSync(file)
  return length > 0 && !LOG_MAGIC.includes(start.readUInt32BE())
}

/**
 * Moves a broken log aside.
 *
 * @returns for whoever runs Node-RED, where there was one
 */
export function keepBrokenLog(path: string): string | undefined {
  if (!isLogBroken(path)) return undefined
  const log = `${path}-wal`
  const aside = `${asideName(path, 'damaged')}-wal`
  renameSync(log, aside)
  return `The write-ahead log of the queue file ${path} was damaged and was moved to ${aside}: messages that were accepted last may not be in the queue.`
}

function copied(path: string, target: QueueFile): { read: number; seen: number } {
  const rows = leafRows(path)
  const adoption = target.adoption()
  const some = (): boolean => {
    for (let count = 0; count < ROWS_AT_ONCE; count++) {
      const next = rows.next()
      if (next.done === true) return false
      adoption.take(next.value)
    }
    return true
  }
  while (target.transaction(some));
  const { read, seen, keyFits } = target.transaction(() => adoption.end())
  if (read === 0 && seen > 0 && !keyFits) {
    throw new QueueFaultError(
      `The queue file ${path} is damaged, and no message in it can be read with the key in use. If the key was changed, put it back (hl7HttpsOutQueueKey in settings.js, or the key file in the user directory); if not, move the file away and restart.`,
      'ERR_QUEUE_KEY'
    )
  }
  return { read, seen }
}

function asideName(path: string, why: string): string {
  return `${path}.${why}-${new Date().toISOString().replaceAll(':', '-')}`
}

function move(from: string, to: string): void {
  if (existsSync(from)) renameSync(from, to)
}
