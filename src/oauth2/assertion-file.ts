import { english, type KeyUnder, type Values } from '../english.ts'
import { isJsonObject, parseJson } from '../json-text.ts'
import { printable } from '../printable.ts'
import { READ_TIMEOUT_MS, readSmallFile, type FileError } from '../secret-file.ts'
import type { Hint } from './hint.ts'
import { TokenError } from './token-error.ts'

/**
 * The signed JWT that another program keeps fresh in a file (workload identity of Kubernetes, AKS,
 * EKS). It is read each time, because it is replaced about every hour.
 *
 * @param now wall clock in milliseconds
 * @throws {TokenError} `ERR_ASSERTION_FILE`, which names the path and nothing that is in the file. It
 *   is not permanent: the file may be replaced at any time
 */
export async function readAssertionFile(path: string, now: number): Promise<string> {
  const jwt = await read(path)
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

async function read(path: string): Promise<string> {
  try {
    return (await readSmallFile(path)).toString().trim()
  } catch (error) {
    const { code } = error as FileError
    if (['EFBIG', 'EISDIR', 'ENOTSUP'].includes(code)) {
      throw problem('notFile', ['filePath'], { path })
    }
    if (code === 'ETIMEDOUT') {
      throw problem('slow', ['fileRead'], { path, seconds: READ_TIMEOUT_MS / 1000 })
    }
    throw problem('unreadable', ['fileRead'], { path, code })
  }
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
