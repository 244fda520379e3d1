import { statSync, utimesSync } from 'node:fs'
import { causeWords } from '../cause-words.ts'
import { english } from '../english.ts'
import { QueueError, type MessageName } from './queue-error.ts'

/** An error of a queue on its way from the queue thread to the main thread. */
export interface QueueFault {
  message: string
  code: string
  about?: MessageName | undefined
}

/** A queue file was removed or replaced while it was open. It does not leave the queue thread. */
export class LostFileError extends Error {
  readonly code = 'ENOENT'
}

/** What is to be stored has no room, though SQLite would have found some. */
export class DiskFullError extends Error {
  readonly code = 'SQLITE_FULL'
}

/** A queue file contains data that this package does not write, and SQLite has not noticed. */
export class QueueDamageError extends Error {
  readonly code = 'SQLITE_CORRUPT'
}

/** SQLite's primary result codes that a queue file can meet (sqlite.org/rescode.html). */
const SQLITE_NAMES: Readonly<Record<number, string>> = {
  1: 'SQLITE_ERROR',
  3: 'SQLITE_PERM',
  5: 'SQLITE_BUSY',
  6: 'SQLITE_LOCKED',
  7: 'SQLITE_NOMEM',
  8: 'SQLITE_READONLY',
  10: 'SQLITE_IOERR',
  11: 'SQLITE_CORRUPT',
  13: 'SQLITE_FULL',
  14: 'SQLITE_CANTOPEN',
  15: 'SQLITE_PROTOCOL',
  18: 'SQLITE_TOOBIG',
  19: 'SQLITE_CONSTRAINT',
  26: 'SQLITE_NOTADB'
}

/** The SQLite or Node.js code of an error. */
export function faultCode(error: unknown): string {
  if (!(error instanceof Error)) return 'EUNKNOWN'
  if ('errcode' in error && typeof error.errcode === 'number') {
    return SQLITE_NAMES[error.errcode & 0xff] ?? `SQLITE_${error.errcode}`
  }
  const code = 'code' in error && typeof error.code === 'string' ? error.code : 'EUNKNOWN'
  // Node.js cannot represent a stored number: such a number was never written.
  return code.endsWith('OUT_OF_RANGE') ? 'SQLITE_CORRUPT' : code
}

/** In words for the operator, with the file's name but none of its content. */
export function queueFaultOf(error: unknown, path: string): QueueFault {
  if (error instanceof QueueError) {
    return { message: error.message, code: error.code, about: error.about }
  }
  const code = faultCode(error)
  return faultOfCode(HIDES_READ_ONLY.has(code) && isReadOnly(path) ? 'EROFS' : code, path)
}

/** What SQLite and the system say of a write to a file system that is read-only; Linux makes it so after an error. */
const HIDES_READ_ONLY: ReadonlySet<string> = new Set(['SQLITE_IOERR', 'SQLITE_READONLY', 'EIO'])

function isReadOnly(path: string): boolean {
  try {
    const { atime, mtime } = statSync(path)
    // It changes nothing, and opens nothing: a close would give up SQLite's lock.
    utimesSync(path, atime, mtime)
    return false
  } catch (error) {
    return faultCode(error) === 'EROFS'
  }
}

/** The same for just a code. */
export function faultOfCode(code: string, path: string): QueueFault {
  const words = causeWords('queue', code)
  const message =
    words === undefined
      ? english('log', 'queue.unknownFault', { path, code })
      : english('log', 'queue.fault', { path, code, ...words })
  return { message, code }
}

/** The file itself is broken, not its surroundings. */
export function isDamage(code: string): boolean {
  // No call stores what the tables do not allow: a row that they refuse to change was changed by the disk.
  return code === 'SQLITE_CORRUPT' || code === 'SQLITE_NOTADB' || code === 'SQLITE_CONSTRAINT'
}
