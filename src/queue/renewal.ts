import { existsSync } from 'node:fs'
import { dirname } from 'node:path'
import { english } from '../english.ts'
import { completePlace, moveAside, syncDirectory, writeCopyBeside } from './files-beside.ts'
import { countMessages } from './queue-database.ts'
import { QueueError } from './queue-error.ts'
import { faultCode, queueFaultOf, LostFileError } from './queue-fault.ts'
import type { QueueFile } from './queue-file.ts'

/** A directory that is being removed goes file by file: it is tried so often. */
const MOST_TRIES = 5

/**
 * Restores a queue file that was removed or replaced while it was open, from what SQLite still has of it; a file found
 * in its place is moved aside, never deleted. What SQLite has is given up only when the new file is open in its place.
 *
 * @param open opens the new file, in the same run; throws a `LostFileError` if it is gone again
 * @returns the file to go on with, and what happened, for the operator
 * @throws {QueueError} when it cannot be written; the one that is lost stays open then
 */
export function renew(
  file: QueueFile,
  open: () => QueueFile
): { renewed: QueueFile; notice: string } {
  const { path, lost } = file
  const what = english('log', lost === 'log' ? 'queue.logRemoved' : 'queue.fileRemoved', { path })
  try {
    let aside: string | undefined
    for (let tries = 1; file.lost !== undefined; tries++) {
      try {
        if (tries > MOST_TRIES) throw new LostFileError()
        if (file.lost === 'log') {
          file.renewLog()
          continue
        }
        aside = rewriteFile(file) ?? aside
        const renewed = open()
        file.drop()
        return { renewed, notice: noticeOf(what, aside) }
      } catch (error) {
        if (faultCode(error) !== 'ENOENT' || tries > MOST_TRIES) throw error
      }
    }
    return { renewed: file, notice: noticeOf(what, aside) }
  } catch (error) {
    const { message: why, code } = queueFaultOf(error, path)
    throw new QueueError(english('log', 'queue.notRenewed', { what, why }), code)
  }
}

function noticeOf(what: string, aside: string | undefined): string {
  return aside === undefined
    ? english('log', 'queue.renewed', { what })
    : english('log', 'queue.renewedBeside', { what, aside })
}

function writeCopy(file: QueueFile): void {
  writeCopyBeside(file.path, (draft) => {
    file.copyTo(draft)
  })
}

/** @returns the new path of a file that was found in its place */
function rewriteFile(file: QueueFile): string | undefined {
  const { path } = file
  writeCopy(file)
  file.removeLog()
  const replaced = existsSync(path)
  if (replaced) refuseOwned(path)
  // Also a log without a file: it would be mistaken for that of the new one.
  const aside = moveAside(path, 'replaced')
  completePlace(path)
  syncDirectory(dirname(path))
  return replaced ? aside : undefined
}

/**
 * Another process may have made a queue there: one of the two has to give way, and the other one is
 * already in place.
 */
function refuseOwned(path: string): void {
  try {
    countMessages(path)
  } catch (error) {
    if (faultCode(error) === 'SQLITE_BUSY') throw error
  }
}
