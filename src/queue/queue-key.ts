import { hkdfSync, randomBytes } from 'node:crypto'
import { link, open, readFile, stat, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { english } from '../english.ts'
import { FileError, SecretFile } from '../secret-file.ts'
import { QueueError } from './queue-error.ts'

/** The key file in the data directory: 64 hexadecimal digits. */
export const QUEUE_KEY_FILE = 'hl7-https-out.key'

const KEY_BYTES = 32
const LEAST_SETTING = 16

/**
 * The key that seals all queue files of an installation, 32 bytes: from the setting
 * `hl7HttpsOutQueueKey` (HKDF with SHA-256, RFC 5869), or else from a file in the data directory
 * that is created if missing and never overwritten. If messages are waiting and their key file is
 * missing, none is created: everything would seem fine until somebody looks for the messages.
 *
 * @param setting any string of 16 characters or more, or the file that has it; settings.js may have anything
 * @param dataDirectory the user directory, unless only a part of it lasts
 * @param onNotice called if users other than its owner may read the key file
 * @param filledFiles returns the paths of queue files that contain messages
 * @throws {QueueError} `ERR_QUEUE_KEY` for a setting that is too short, a damaged file or one that is
 * missing, else the file system's code
 */
export async function queueKey(
  setting: unknown,
  dataDirectory: string,
  onNotice: (text: string) => void = () => undefined,
  filledFiles: () => Promise<readonly string[]> = () => Promise.resolve([])
): Promise<Buffer> {
  if (setting !== undefined) return derived(await settingText(setting))
  const path = join(dataDirectory, QUEUE_KEY_FILE)
  try {
    return await readKey(path, onNotice)
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw unusable(path, error)
  }
  const filled = await filledFiles()
  if (filled.length > 0) throw missing(path, filled)
  try {
    await createKey(path)
    return await readKey(path, onNotice)
  } catch (error) {
    throw unusable(path, error)
  }
}

/** A key for one purpose, so that no key serves two (RFC 5869, `info`). */
export function subKey(key: Uint8Array, purpose: string, length = KEY_BYTES): Buffer {
  return Buffer.from(hkdfSync('sha256', key, '', `hl7-https-out ${purpose}`, length))
}

/** @throws {QueueError} `ERR_QUEUE_KEY` if the file that has it cannot be read */
async function settingText(setting: unknown): Promise<unknown> {
  if (!(setting instanceof SecretFile)) return setting
  try {
    return await setting.read()
  } catch (error) {
    if (!(error instanceof FileError)) throw error
    throw new QueueError(
      english('log', 'queue.keyInFile', { problem: error.message }),
      'ERR_QUEUE_KEY'
    )
  }
}

function derived(setting: unknown): Buffer {
  if (typeof setting !== 'string' || Array.from(setting).length < LEAST_SETTING) {
    throw new QueueError(
      english('log', 'queue.keySetting', { least: LEAST_SETTING }),
      'ERR_QUEUE_KEY'
    )
  }
  return subKey(Buffer.from(setting, 'utf8'), 'queue key')
}

async function readKey(path: string, onNotice: (text: string) => void): Promise<Buffer> {
  let text = ''
  // On a file system without links, another process may be about to write the key.
  for (let waits = 0; waits < 20; waits++) {
    text = (await readFile(path, 'latin1')).trim()
    if (text.length >= 2 * KEY_BYTES) break
    await sleep(50)
  }
  const key = Buffer.from(text, 'hex')
  if (key.length !== KEY_BYTES || text.length !== 2 * KEY_BYTES) {
    throw new QueueError(
      english('log', 'queue.keyDamaged', { path, digits: 2 * KEY_BYTES }),
      'ERR_QUEUE_KEY'
    )
  }
  const { mode } = await stat(path)
  if (process.platform !== 'win32' && (mode & 0o077) !== 0) {
    onNotice(english('log', 'queue.keyReadable', { path, mode: (mode & 0o777).toString(8) }))
  }
  return key
}

/** Creates the file, completely or not at all; one created by somebody else meanwhile stays. */
async function createKey(path: string): Promise<void> {
  const draft = `${path}.${process.pid}-${randomBytes(6).toString('hex')}`
  await writeNew(draft)
  try {
    await link(draft, path)
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') {
      // A file system without links: not atomic, but never over another file.
      await writeNew(path).catch((second: unknown) => {
        if (codeOf(second) !== 'EEXIST') throw second
      })
    }
  } finally {
    await unlink(draft)
  }
  if (process.platform === 'win32') return
  const folder = await open(join(path, '..'), 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

async function writeNew(path: string): Promise<void> {
  const file = await open(path, 'wx', 0o600)
  try {
    await file.writeFile(`${randomBytes(KEY_BYTES).toString('hex')}\n`)
    await file.sync()
  } finally {
    await file.close()
  }
}

function missing(path: string, filled: readonly string[]): QueueError {
  const [file = '', ...more] = filled
  const key = more.length === 0 ? 'queue.keyMissing' : 'queue.keyMissingMore'
  return new QueueError(english('log', key, { path, file, more: more.length }), 'ERR_QUEUE_KEY')
}

function unusable(path: string, error: unknown): QueueError {
  if (error instanceof QueueError) return error
  const code = codeOf(error)
  const key = code === 'EROFS' ? 'queue.keyReadOnly' : 'queue.keyUnusable'
  return new QueueError(english('log', key, { path, code }), code)
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string'
    ? error.code
    : 'EUNKNOWN'
}
