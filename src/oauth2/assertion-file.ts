import { constants } from 'node:fs'
import { open as openFile } from 'node:fs/promises'
import { isJsonObject, parseJson } from '../json-text.ts'
import type { Hint } from './hint.ts'
import { printable } from '../printable.ts'
import { TokenError } from './token-error.ts'

/** Characters. A JWT of a workload has two thousand at most. */
const MAX_LENGTH = 64 * 1024
/** For the whole read: a file may be on a network disk that does not answer. */
const READ_TIMEOUT_MS = 5000
type Open = typeof openFile
const JWT = /^[\w-]+\.[\w-]+\.[\w-]+$/

/**
 * The reads in progress, by path. A disk that does not answer blocks one thread of Node.js for each
 * read: so there is never more than one read of a file.
 */
const reading = new Map<string, Promise<string>>()

/**
 * The signed JWT that another program keeps fresh in a file (workload identity of Kubernetes, AKS,
 * EKS). It is read each time, because it is replaced about every hour.
 *
 * @param now wall clock in milliseconds
 * @param open as in `node:fs/promises`
 * @throws {TokenError} `ERR_ASSERTION_FILE`, which names the path and nothing that is in the file. It
 *   is not permanent: the file may be replaced at any time
 */
export async function readAssertionFile(
  path: string,
  now: number,
  open: Open = openFile
): Promise<string> {
  const text = await read(path, open).catch((error: unknown) => {
    const code = (error as NodeJS.ErrnoException).code ?? 'EUNKNOWN'
    throw error instanceof TokenError
      ? error
      : problem(path, `cannot be read (${code})`, 'fileRead')
  })
  if (text.length > MAX_LENGTH) {
    throw problem(path, 'is longer than 64 KiB, so it is not a JWT', 'filePath')
  }
  const jwt = text.trim()
  if (jwt === '') throw problem(path, 'is empty', 'fileWriter')
  // Not verified: the token server does that.
  const [header, payload] = jwt
    .split('.', 2)
    .map((part) => parseJson(Buffer.from(part, 'base64url').toString()))
  if (
    !JWT.test(jwt) ||
    !isJsonObject(header) ||
    header['alg'] === undefined ||
    !isJsonObject(payload)
  ) {
    throw problem(path, 'does not contain a signed JWT', 'filePath')
  }
  const expires = payload['exp']
  if (typeof expires === 'number' && expires * 1000 <= now) {
    const seconds = Math.min(Math.round(now / 1000 - expires), Number.MAX_SAFE_INTEGER)
    throw problem(path, `contains a JWT that expired ${seconds} s ago`, 'fileWriter', 'clock')
  }
  return jwt
}

function problem(path: string, what: string, ...hints: Hint['key'][]): TokenError {
  return new TokenError(`Assertion file: ${printable(path, 200)} ${what}.`, {
    code: 'ERR_ASSERTION_FILE',
    hints: hints.map((key) => ({ key })),
    permanent: false
  })
}

async function read(path: string, open: Open): Promise<string> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      reject(problem(path, `could not be read within ${READ_TIMEOUT_MS / 1000} s`, 'fileRead'))
    }, READ_TIMEOUT_MS)
    timer.unref()
  })
  try {
    return await Promise.race([shared(path, open), late])
  } finally {
    clearTimeout(timer)
  }
}

function shared(path: string, open: Open): Promise<string> {
  const known = reading.get(path)
  if (known !== undefined) return known
  const started = readStart(path, open).finally(() => {
    reading.delete(path)
  })
  // Nobody may be waiting any more when it fails.
  started.catch(() => undefined)
  reading.set(path, started)
  return started
}

/** Reads regular files only, and at most one byte more than is allowed. */
async function readStart(path: string, open: Open): Promise<string> {
  // Opening a named pipe would wait for its writer. Windows lacks the flag; `undefined` then counts
  // as 0.
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
  try {
    if (!(await file.stat()).isFile()) throw problem(path, 'is not a file', 'filePath')
    const bytes = Buffer.alloc(MAX_LENGTH + 1)
    let length = 0
    for (;;) {
      const { bytesRead } = await file.read(bytes, length, bytes.length - length)
      length += bytesRead
      if (bytesRead === 0 || length === bytes.length) break
    }
    return new TextDecoder().decode(bytes.subarray(0, length))
  } finally {
    await file.close()
  }
}
