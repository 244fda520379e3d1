import { once } from 'node:events'
import { constants } from 'node:fs'
import { open, stat } from 'node:fs/promises'
import { english } from './english.ts'
import { printable } from './printable.ts'
import { secretsInHeader } from './redactor.ts'

/** Bytes: more is no secret, nor a JWT, nor a key with its certificates. */
const MAX_SIZE = 64 * 1024
/** For the whole read, in milliseconds: a file may be on a network disk that does not answer. */
export const READ_TIMEOUT_MS = 5000

/** A file that could not be read: its path and a code, never what is in it. */
export class FileError extends Error {
  override readonly name = 'FileError'
  readonly path: string
  /**
   * As Node.js names it; `EISDIR` and `ENOTSUP` for what is no regular file, `EFBIG` for one that is too large,
   * `ETIMEDOUT` for one that took too long.
   */
  readonly code: string

  constructor(path: string, code: string) {
    super(english('log', 'secretFile.unreadable', { path: printable(path, 200), code }))
    this.path = path
    this.code = code
  }
}

/** What is being read, by path and limit: so a disk that hangs holds one thread, however often somebody asks. */
const underWay = new Map<string, Promise<Buffer>>()

/**
 * Reads a regular file without ever waiting for a writer, a device or a disk that hangs.
 *
 * @param mostBytes it may have
 * @throws {FileError}
 */
export async function readSmallFile(path: string, mostBytes = MAX_SIZE): Promise<Buffer> {
  const name = `${mostBytes} ${path}`
  let reading = underWay.get(name)
  if (reading === undefined) {
    reading = read(path, mostBytes).finally(() => underWay.delete(name))
    // It may fail when nobody waits any more.
    reading.catch(() => undefined)
    underWay.set(name, reading)
  }
  // Its timer keeps nothing alive.
  const late = once(AbortSignal.timeout(READ_TIMEOUT_MS), 'abort').then(() => {
    throw new FileError(path, 'ETIMEDOUT')
  })
  try {
    return await Promise.race([reading, late])
  } catch (error) {
    if (error instanceof FileError) throw error
    const { code } = error as NodeJS.ErrnoException
    throw new FileError(path, typeof code === 'string' ? code : 'EUNKNOWN')
  }
}

async function read(path: string, mostBytes: number): Promise<Buffer> {
  const check = (found: Awaited<ReturnType<typeof stat>>): void => {
    if (found.isDirectory()) throw new FileError(path, 'EISDIR')
    if (!found.isFile()) throw new FileError(path, 'ENOTSUP')
    if (found.size > mostBytes) throw new FileError(path, 'EFBIG')
  }
  // To open a device may already do something.
  check(await stat(path))
  // It may have become a pipe meanwhile. Windows has neither the flag nor such pipes.
  const { O_NONBLOCK = 0, O_RDONLY } = constants as Partial<typeof constants> & { O_RDONLY: number }
  const file = await open(path, O_RDONLY | O_NONBLOCK)
  try {
    check(await file.stat())
    const bytes = Buffer.alloc(mostBytes + 1)
    let length = 0
    while (length < bytes.length) {
      const { bytesRead } = await file.read(bytes, length, bytes.length - length, length)
      if (bytesRead === 0) break
      length += bytesRead
    }
    if (length > mostBytes) throw new FileError(path, 'EFBIG')
    return Buffer.from(bytes.subarray(0, length))
  } finally {
    await file.close()
  }
}

/** The path in `${file:/run/secrets/client-secret}`; undefined for any other text. */
export function secretPath(text: string): string | undefined {
  return /^\s*\$\{file:([^}]*)\}\s*$/.exec(text)?.[1]
}

/** A secret that another program keeps in a file: read whenever it is used, so a new one needs no restart. */
export class SecretFile {
  readonly path: string
  /** What it held last, and before that: a server may still name the old one. */
  #last: readonly string[] = []

  constructor(path: string) {
    this.path = path
  }

  /** @throws {FileError} also for a file with nothing in it: `ENODATA` */
  async read(): Promise<string> {
    const text = (await readSmallFile(this.path)).toString().replace(/\r?\n$/, '')
    if (text.trim() === '') throw new FileError(this.path, 'ENODATA')
    if (this.#last[0] !== text) this.#last = [text, ...this.#last].slice(0, 2)
    return text
  }

  /** What nothing may show. */
  get known(): string[] {
    return this.#last.flatMap((value) => [value, ...secretsInHeader({ name: '', value })])
  }
}

/** A secret itself, or where it is. */
export type Secret = string | SecretFile

/** @throws {FileError} */
export async function readSecret(secret: Secret): Promise<string> {
  return typeof secret === 'string' ? secret : secret.read()
}

/** What nothing may show: texts, and what files hold, as it changes. */
export class Secrets implements Iterable<string> {
  readonly #texts: readonly string[]
  readonly #files: readonly SecretFile[]

  /** @param among of which those count that are in files */
  constructor(texts: readonly string[], among: readonly unknown[] = []) {
    this.#texts = texts
    this.#files = among.filter((one) => one instanceof SecretFile)
  }

  *[Symbol.iterator](): Generator<string> {
    yield* this.#texts
    for (const file of this.#files) yield* file.known
  }
}
