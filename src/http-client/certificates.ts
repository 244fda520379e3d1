import { X509Certificate } from 'node:crypto'
import { createSecureContext, type SecureContext } from 'node:tls'
import type { Clock } from '../clock.ts'
import type { TlsSettings } from './agent.ts'

/** When a certificate is valid: wall clock, milliseconds since 1970. */
export interface CertificateDates {
  validFrom: number
  validTo: number
}

const MINUTE_MS = 60_000
export const DAY_MS = 24 * 60 * MINUTE_MS
/** Somebody has two weeks to renew a certificate; of a short-lived one, a third of its lifetime. */
const LONGEST_WARNING_MS = 14 * DAY_MS
/** After a certificate that ends later was seen beside one that ends soon, in milliseconds. */
const DOUBT_MS = 10 * MINUTE_MS

/** How long before its end a certificate is reported, in milliseconds. */
function warningMs({ validFrom, validTo }: CertificateDates): number {
  return Math.min(LONGEST_WARNING_MS, Math.max(0, validTo - validFrom) / 3)
}

/** Whether a certificate ends within 14 days, or a third of its lifetime if that is less, or has ended. */
export function endsSoon(dates: CertificateDates, now: number): boolean {
  return now >= dates.validTo - warningMs(dates)
}

/** Of several certificates the one that ends first. */
export function endingFirst(
  certificates: Iterable<CertificateDates | undefined>
): CertificateDates | undefined {
  let first: CertificateDates | undefined
  for (const dates of certificates) {
    if (dates !== undefined && dates.validTo < (first?.validTo ?? Infinity)) first = dates
  }
  return first
}

/**
 * @param from such as `Jan  1 00:00:00 2026 GMT`
 * @returns `undefined` if a date is missing or cannot be read
 */
export function certificateDates(
  from: string | undefined,
  to: string | undefined
): CertificateDates | undefined {
  const validFrom = Date.parse(from ?? '')
  const validTo = Date.parse(to ?? '')
  return Number.isNaN(validFrom) || Number.isNaN(validTo) ? undefined : { validFrom, validTo }
}

/**
 * The certificate that these settings present to a server; of several the one that ends first.
 *
 * @returns `undefined` if there is none, or it cannot be read
 */
export function clientCertificate(tls: TlsSettings | undefined): CertificateDates | undefined {
  const { cert, key, pfx, passphrase } = tls ?? {}
  try {
    const certificates = [
      // Of a chain this reads the first, which is our own.
      ...(cert === undefined || key === undefined ? [] : [cert].flat()),
      ...(pfx === undefined ? [] : [pfx].flat()).map((one) =>
        leafOf(createSecureContext({ pfx: [one], passphrase }))
      )
    ]
    return endingFirst(
      certificates.map((one) => {
        if (one === undefined) return undefined
        const { validFrom, validTo } = new X509Certificate(one)
        return certificateDates(validFrom, validTo)
      })
    )
  } catch {
    // `tlsProblem` reports why.
    return undefined
  }
}

/** Node.js reads PFX files here only, and does not promise this method. */
function leafOf(secure: SecureContext): Buffer | undefined {
  const { getCertificate } = secure.context as { getCertificate?: () => Buffer | null }
  return getCertificate?.call(secure.context) ?? undefined
}

/**
 * The certificate of one server, as full handshakes show it, and when to look again: a connection
 * that is kept, and a session that is resumed, would never show a renewed one.
 *
 * One name may lead to several servers with different certificates. Those seen within a day of the
 * first are compared, and the one that ends first counts: a message may reach that server. After that
 * day, or a look, the next one seen counts, since the first may be gone. A renewed certificate cannot
 * be told from another server's: so if one is seen that ends later, the next look is in ten minutes
 * and not in a day.
 */
export class ServerCertificate {
  readonly #clock: Clock
  #dates: CertificateDates | undefined
  /** Until then, certificates that are seen are compared: monotonic, milliseconds. */
  #comparedUntil = 0
  /** Monotonic, milliseconds. */
  #lookAt = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Undefined until one has been seen. */
  get dates(): CertificateDates | undefined {
    return this.#dates
  }

  /** A full handshake has shown this one. */
  see(dates: CertificateDates): void {
    const at = this.#clock.monotonic()
    const known = this.#dates
    // No server that is trusted presents one that has ended.
    if (known === undefined || at >= this.#comparedUntil || known.validTo <= this.#clock.now()) {
      this.#dates = dates
      this.#comparedUntil = this.#lookAt = at + lookEveryMs(dates)
      return
    }
    if (dates.validTo === known.validTo) return
    const endsFirst = dates.validTo < known.validTo
    const waitMs = endsFirst ? lookEveryMs(dates) : DOUBT_MS
    if (endsFirst) this.#dates = dates
    this.#comparedUntil = this.#lookAt = Math.min(this.#comparedUntil, at + waitMs)
  }

  /**
   * Whether the next connection must make a full handshake. True once; then again a day later, or
   * more often for a short-lived certificate. The looks begin before the certificate is reported:
   * one that was renewed long ago is then known, and no alert is raised.
   */
  lookIsDue(): boolean {
    const dates = this.#dates
    const at = this.#clock.monotonic()
    if (dates === undefined || at < this.#lookAt) return false
    const everyMs = lookEveryMs(dates)
    if (!endsSoon(dates, this.#clock.now() + everyMs)) return false
    this.#comparedUntil = at
    this.#lookAt = at + everyMs
    return true
  }
}

/** A day; less if the certificate could be renewed and end in a day. In milliseconds. */
function lookEveryMs(dates: CertificateDates): number {
  return Math.min(DAY_MS, Math.max(MINUTE_MS, warningMs(dates) / 4))
}
