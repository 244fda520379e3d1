import { createSecureContext, type SecureContext } from 'node:tls'
import type { Clock } from '../clock.ts'
import { readSmallFile } from '../secret-file.ts'
import { clientCertificate, type CertificateDates } from './certificates.ts'
import type { TlsFiles, TlsSettings } from './connection-settings.ts'
import { tlsProblem } from './tls-problem.ts'

/** It is looked so often at most whether the files have changed, in milliseconds. */
const LOOK_MS = 60_000
/** Bytes: the CAs of a whole operating system have a quarter of that. */
const MAX_SIZE = 1024 * 1024

/**
 * What a connector presents and trusts. What was read from files is read again once they have changed: another program
 * renews certificates. Until certificate and key match, and both can be used, the old ones serve.
 */
export class TlsContext {
  readonly #files: TlsFiles
  readonly #clock: Clock
  #settings: TlsSettings | undefined
  #secure: SecureContext | undefined
  #certificate: { dates: CertificateDates | undefined } | undefined
  #lookedAt = -Infinity
  #looking: Promise<boolean> | undefined

  constructor(settings: TlsSettings | undefined, files: TlsFiles, clock: Clock) {
    this.#settings = settings
    this.#files = files
    this.#clock = clock
  }

  get settings(): TlsSettings | undefined {
    return this.#settings
  }

  /** Certificates and keys are read once. */
  get secure(): SecureContext {
    this.#secure ??= createSecureContext({ ...this.#settings, minVersion: 'TLSv1.2' })
    return this.#secure
  }

  /** Our own certificate; undefined if there is none. */
  get clientCertificate(): CertificateDates | undefined {
    this.#certificate ??= { dates: clientCertificate(this.#settings) }
    return this.#certificate.dates
  }

  /**
   * Looks at the files if that is due. Never rejects.
   *
   * @returns whether there is another context from now on
   */
  look(): Promise<boolean> {
    const now = this.#clock.monotonic()
    if (this.#looking === undefined && now - this.#lookedAt >= LOOK_MS) {
      this.#lookedAt = now
      this.#looking = this.#renew()
        // They will be there again, or they are being replaced.
        .catch(() => false)
        .finally(() => {
          this.#looking = undefined
        })
    }
    return this.#looking ?? Promise.resolve(false)
  }

  async #renew(): Promise<boolean> {
    const names = Object.keys(this.#files) as (keyof TlsFiles)[]
    const read = await Promise.all(
      names.map(
        async (name) => [name, await readSmallFile(this.#files[name] ?? '', MAX_SIZE)] as const
      )
    )
    if (read.every(([name, bytes]) => bytes.equals(bytesOf(this.#settings?.[name])))) return false
    const settings: TlsSettings = { ...this.#settings, ...Object.fromEntries(read) }
    if (tlsProblem(settings) !== undefined) return false
    this.#settings = settings
    this.#secure = undefined
    this.#certificate = undefined
    return true
  }
}

/** Of an option that was read from one file. */
function bytesOf(value: TlsSettings[keyof TlsFiles]): Buffer {
  return typeof value === 'string' || Buffer.isBuffer(value) ? Buffer.from(value) : Buffer.alloc(0)
}
