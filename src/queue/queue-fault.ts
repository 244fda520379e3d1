import { QueueError, type MessageName } from './queue-error.ts'

/** An error of a queue on its way from the queue thread to the main thread. */
export interface QueueFault {
  message: string
  code: string
  about?: MessageName | undefined
}

/** A queue file was removed or replaced while it was open. It does not leave the queue thread. */
export class LostFileError extends Error {}

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

const WORDS: Readonly<Record<string, string>> = {
  SQLITE_BUSY:
    'is in use by another process. A queue has one owner: stop the other Node-RED, or give each its own hl7HttpsOutQueueDirectory in settings.js.',
  SQLITE_FULL:
    'cannot be written because its disk is full. Free some space; the queue then resumes by itself.',
  SQLITE_READONLY:
    'cannot be written: the file, its directory or its file system is read-only. Give the user that runs Node-RED write permission.',
  SQLITE_CANTOPEN:
    'cannot be opened or created. Check that its directory exists and that the user that runs Node-RED may write to it.',
  SQLITE_CORRUPT: 'is damaged.',
  SQLITE_NOTADB: 'is damaged.',
  SQLITE_IOERR:
    'cannot be read or written: the disk reports an error. Check the disk and the system log.',
  SQLITE_NOMEM: 'cannot be used: there is not enough memory.',
  SQLITE_TOOBIG: 'cannot store a message of that size.',
  ENOSPC:
    'cannot be written because its disk is full. Free some space; the queue then resumes by itself.',
  EACCES: 'cannot be opened or created: the user that runs Node-RED needs write permission there.',
  EPERM: 'cannot be opened or created: the user that runs Node-RED needs write permission there.',
  EROFS: 'cannot be written: its file system is read-only.',
  ENOTDIR: 'cannot be created: part of its path is not a directory.',
  EEXIST: 'cannot be created: part of its path is not a directory.'
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
export function faultOf(error: unknown, path: string): QueueFault {
  if (error instanceof QueueError) {
    return { message: error.message, code: error.code, about: error.about }
  }
  return faultOfCode(faultCode(error), path)
}

/** The same for just a code. */
export function faultOfCode(code: string, path: string): QueueFault {
  const words = WORDS[code] ?? 'cannot be used.'
  return { message: `The queue file ${path} ${words} (${code})`, code }
}

/** The file itself is broken, not its surroundings. */
export function isDamage(code: string): boolean {
  return code === 'SQLITE_CORRUPT' || code === 'SQLITE_NOTADB'
}
