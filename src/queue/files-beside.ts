import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync
} from 'node:fs'
import { dirname, resolve } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import { isEmpty } from './file-location.ts'

/** Of SQLite. */
const OF_SQLITE = ['-wal', '-shm', '-journal'] as const

/**
 * What is put beside a queue file, besides what SQLite puts there; and what the next start makes of it, if the process
 * ends before it is gone. (What is moved aside for people is never touched again.)
 */
interface NamesBeside {
  /** A copy that is being written. It is deleted. */
  draft: string
  /** A copy that is whole and on the disk. It takes the place of a file that is gone. */
  rescue: string
  /** The file itself, out of its place for a moment. It is put back. */
  closing: string
  /**
   * A sync has failed. All of the file is written to another one before anything else, without the messages whose numbers
   * are in this one, one a line: their senders were told that they are not accepted.
   */
  doubtful: string
  /** The same, while it is being written. */
  doubtfulDraft: string
}

export function namesBeside(path: string): NamesBeside {
  return {
    draft: `${path}.new`,
    rescue: `${path}.rescue`,
    closing: `${path}.closing`,
    doubtful: `${path}-doubtful`,
    doubtfulDraft: `${path}-doubtful.new`
  }
}

/** The path of the file itself, of one that a start would put in its place. */
export function pathBeside(path: string): string {
  return path.replace(/\.(?:rescue|closing)$/, '')
}

/** Puts a file in its place if a crash prevented it. */
export function completePlace(path: string): void {
  const { closing, rescue } = namesBeside(path)
  if (existsSync(path)) return
  if (existsSync(closing)) putBackInPlace(path)
  else if (existsSync(rescue)) {
    // The log of the old file: SQLite would read it into the new one.
    if (existsSync(`${path}-wal`)) moveAside(path, 'damaged')
    renameSync(rescue, path)
    syncDirectory(dirname(path))
  }
}

/**
 * Writes a copy of a file beside it, all of it or nothing. When it is whole and on the disk, it takes the place of the
 * file as soon as that is gone (`completePlace`).
 *
 * @param write makes the file
 * @throws what `write` does: nothing is left of the copy then, which may have filled the disk
 */
export function writeCopyBeside<T>(path: string, write: (draft: string) => T): T {
  const { draft } = namesBeside(path)
  deleteFiles(draft)
  let written: T
  try {
    written = write(draft)
    syncFile(draft)
  } catch (error) {
    deleteFiles(draft)
    throw error
  }
  completeDraft(path)
  return written
}

/** The same while others go on: until `completeDraft`, it takes no place. */
export async function writeDraftBeside(
  path: string,
  write: (draft: string) => Promise<void>
): Promise<void> {
  const { draft } = namesBeside(path)
  deleteFiles(draft)
  try {
    await write(draft)
    syncFile(draft)
  } catch (error) {
    deleteFiles(draft)
    throw error
  }
}

/**
 * A draft is whole, and on the disk.
 *
 * @throws an error of the file system: nothing is left of it then
 */
export function completeDraft(path: string): void {
  const { draft, rescue } = namesBeside(path)
  renameSync(draft, rescue)
  try {
    // Before the file goes for it.
    syncDirectory(dirname(path))
  } catch (error) {
    rmSync(rescue, { force: true })
    throw error
  }
}

/** Moves a file out of the way, with its log. @returns where it is now */
export function moveAside(path: string, why: string): string {
  const aside = freeName(`${path}.${why}-${new Date().toISOString().replaceAll(':', '-')}`)
  // The file first: without it, the log is not mistaken for that of an intact file after a crash.
  if (existsSync(path)) renameSync(path, aside)
  for (const suffix of ['-wal', '-journal']) {
    if (isEmpty(`${path}${suffix}`)) rmSync(`${path}${suffix}`, { force: true })
    else renameSync(`${path}${suffix}`, `${aside}${suffix}`)
  }
  // SQLite makes a new one whenever it reads the log.
  rmSync(`${path}-shm`, { force: true })
  syncDirectory(dirname(path))
  return aside
}

function freeName(name: string): string {
  let free = name
  for (let count = 2; existsSync(free) || existsSync(`${free}-wal`); count++) {
    free = `${name}-${count}`
  }
  return free
}

/** Renames an open file for a moment, while it is closed. @returns false where that cannot be done, as on Windows */
function putAside(path: string): boolean {
  try {
    renameSync(path, namesBeside(path).closing)
    return true
  } catch {
    return false
  }
}

function putBackInPlace(path: string): void {
  renameSync(namesBeside(path).closing, path)
}

/**
 * Closes a connection to a file, and leaves the file and its log as they are: SQLite would write the log back, of which a
 * sync may have failed, and tell nobody if that fails. It does not when the file is not in its place. Nobody else may
 * have it open.
 */
export function closeAsItIs(db: DatabaseSync, path: string): void {
  const isAside = !isEmpty(`${path}-wal`) && putAside(path)
  try {
    db.close()
  } finally {
    if (isAside) putBackInPlace(path)
  }
}

/**
 * A sync of a file has failed. The process may end before all of the file is written to another one; to the next one it
 * would look as if nothing had happened, because the system still has all of it in memory.
 */
export function setDoubtful(path: string): void {
  try {
    // What is in it stays.
    closeSync(openSync(namesBeside(path).doubtful, 'a', 0o600))
  } catch {
    // The disk has no room even for that: this process knows it.
  }
}

export function isDoubtful(path: string): boolean {
  return existsSync(namesBeside(path).doubtful)
}

/**
 * Stores which messages of a doubtful file are refused. Once this has returned, none of them is ever sent, whatever
 * becomes of the process or the system.
 *
 * @throws an error of the file system: then nobody may be told
 */
export function storeRefused(path: string, seqs: readonly number[]): void {
  const { doubtful, doubtfulDraft } = namesBeside(path)
  const all = new Set([...refusedIn(path), ...seqs])
  // Another file each time: of one whose sync has failed, nobody knows what is on the disk.
  rmSync(doubtfulDraft, { force: true })
  writeFileSync(doubtfulDraft, [...all, ''].join('\n'), { mode: 0o600 })
  syncFile(doubtfulDraft)
  renameSync(doubtfulDraft, doubtful)
  syncDirectory(dirname(path))
}

/** The messages of a doubtful file whose senders may have been told that they are not accepted. */
export function refusedIn(path: string): number[] {
  if (!isDoubtful(path)) return []
  const lines = readFileSync(namesBeside(path).doubtful, 'utf8').split('\n')
  return lines.filter((line) => /^[1-9]\d*$/.test(line)).map(Number)
}

/**
 * All of a file was written to another one, without what was refused.
 *
 * @throws an error of the file system: the numbers may be there again after a power failure
 */
export function endDoubt(path: string): void {
  const { doubtful, doubtfulDraft } = namesBeside(path)
  for (const each of [doubtful, doubtfulDraft]) rmSync(each, { force: true })
  syncDirectory(dirname(path))
}

/** Removes a file and what SQLite has put beside it. */
export function deleteFiles(path: string): void {
  // Its log after it: without the log, it would be whole, but old.
  const ends = OF_SQLITE.map((end) => `${path}${end}`)
  for (const each of [path, ...ends]) rmSync(each, { force: true })
}

/**
 * Creates an empty file that only its owner may read; SQLite takes an empty file for a new
 * database.
 */
export function makeFile(path: string): void {
  const directory = dirname(path)
  if (existsSync(path)) {
    // SQLite's own word for this is "disk I/O error". (To look does not give up a lock.)
    accessSync(path, constants.W_OK)
    accessSync(directory, constants.W_OK)
    return
  }
  const made = mkdirSync(directory, { recursive: true, mode: 0o700 })
  closeSync(openSync(path, 'a', 0o600))
  syncDirectory(directory)
  if (made === undefined) return
  // The names of those that were made are in those above them.
  const above = dirname(resolve(made))
  for (
    let each = resolve(directory);
    each !== above && each !== dirname(each);
    each = dirname(each)
  ) {
    syncDirectory(dirname(each))
  }
}

/** Syncs the names in a directory to disk; Windows does this by itself. */
export function syncDirectory(path: string): void {
  if (process.platform !== 'win32') syncFile(path, 'r')
}

/** Syncs the bytes of a file to disk; Windows requires a writable one. */
function syncFile(path: string, flags = 'r+'): void {
  const file = openSync(path, flags)
  try {
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
}
