import { once } from 'node:events'
import { readFile, stat } from 'node:fs/promises'
import { english, type KeyUnder, type Values } from '../english.ts'
import { isJsonObject, parseJson } from '../json-text.ts'
import { printable } from '../printable.ts'
import type { Hint } from './hint.ts'
import { TokenError } from './token-error.ts'

/** Bytes. A JWT of a workload has two thousand at most. */
const MAX_SIZE = 64 * 1024
/** For the whole read: a file may be on a network disk that does not answer. */
const READ_TIMEOUT_MS = 5000

/**
 * The signed JWT that another program keeps fresh in a file (workload identity of Kubernetes, AKS,
 * EKS). It is read each time, because it is replaced about every hour.
 *
 * @param now wall clock in milliseconds
 * @throws {TokenError} `ERR_ASSERTION_FILE`, which names the path and nothing that is in the file. It
 *   is not permanent: the file may be replaced at any time
 */
export async function readAssertionFile(path: string, now: number): Promise<string> {
  const timeout = AbortSignal.timeout(READ_TIMEOUT_MS)
  const late = once(timeout, 'abort').then(() => {
    throw problem('slow', ['fileRead'], { path, seconds: READ_TIMEOUT_MS / 1000 })
  })
  const jwt = await Promise.race([read(path), late])
  // Not verified: the token server does that.
  const payload = /^[\w-]+\.([\w-]+)\.[\w-]+$/.exec(jwt)?.[1] ?? ''
  const claims = parseJson(Buffer.from(payload, 'base64url').toString())
  if (!isJsonObject(claims)) throw problem('notJwt', ['filePath'], { path })
  const { exp } = claims
  if (typeof exp === 'number' && exp * 1000 <= now) {
    const seconds = Math.round(now / 1000 - exp)
    throw problem('expired', ['fileWriter', 'clock'], { path, seconds })
  }
  return jwt
}

/** Regular files only: opening a pipe would wait for its writer. */
async function read(path: string): Promise<string> {
  try {
    const found = await stat(path)
    if (found.isFile() && found.size <= MAX_SIZE) return (await readFile(path, 'utf8')).trim()
  } catch (error) {
    const { code = 'EUNKNOWN' } = error as NodeJS.ErrnoException
    throw problem('unreadable', ['fileRead'], { path, code })
  }
  throw problem('notFile', ['filePath'], { path })
}

function problem(
  key: KeyUnder<'log', 'token.file'>,
  hints: readonly Hint['key'][],
  { path, ...values }: Values & { path: string }
): TokenError {
  const text = english('log', `token.file.${key}`, { ...values, path: printable(path, 200) })
  return new TokenError(text, {
    code: 'ERR_ASSERTION_FILE',
    hints: hints.map((hint) => ({ key: hint })),
    permanent: false
  })
}
