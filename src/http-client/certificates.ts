import { X509Certificate } from 'node:crypto'
import { createSecureContext, type SecureContext } from 'node:tls'
import { systemClock, type Clock } from '../clock.ts'
import type { TlsSettings } from './connection-settings.ts'

/** When a certificate is valid: wall clock, milliseconds since 1970. */
export interface CertificateDates {
  validFrom: number
  validTo: number
}

const HOUR_MS = 3_600_000
export const DAY_MS = 24 * HOUR_MS
/**
 * So long before its end, in milliseconds, somebody should see to it that a certificate is renewed, and is called; or so
 * much of its lifetime, if that is less: what renews itself does so when a third is left.
 */
const WARNINGS = [
  { level: 'call', mostMs: 7 * DAY_MS, part: 1 / 10 },
  { level: 'watch', mostMs: 30 * DAY_MS, part: 1 / 4 }
] as const
/**
 * A server without a new connection for this long, while another had one, is no longer in use, such
 * as a token endpoint that has moved. Discovery connects once a day. In milliseconds.
 */
const IN_USE_MS = 3 * DAY_MS

/**
 * How urgent it is to renew a certificate, or anything else that ends.
 *
 * @returns `watch` within 30 days, or a quarter of its lifetime if that is less; `call` within 7 days, or a tenth, and
 *   once it has ended; undefined before
 */
export function endsSoon(
  { validFrom, validTo }: CertificateDates,
  now: number
): 'watch' | 'call' | undefined {
  const lifetime = Math.max(0, validTo - validFrom)
  return WARNINGS.find(({ mostMs, part }) => now >= validTo - Math.min(mostMs, lifetime * part))
    ?.level
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
 * The certificates of the servers that one connector connects to.
 *
 * One name may lead to several servers with different certificates: for an hour, the one that ends
 * first counts, since a message may reach that server. After that the next one seen counts, since the
 * first may have been renewed.
 */
export class ServerCertificates {
  readonly #clock: Clock
  readonly #seen = new Map<string, { dates: CertificateDates; at: number }>()
  /** When the last one was seen: monotonic, milliseconds. */
  #lastAt = 0

  constructor(clock: Clock = systemClock) {
    this.#clock = clock
  }

  /**
   * A handshake has shown this one.
   *
   * @param server its name and port
   */
  add(server: string, dates: CertificateDates): void {
    const at = this.#clock.monotonic()
    const known = this.#seen.get(server)
    this.#lastAt = at
    if (known !== undefined && known.dates.validTo < dates.validTo && at < known.at + HOUR_MS) {
      return
    }
    this.#seen.set(server, { dates, at })
  }

  /** That of one server; undefined until it was seen. */
  of(server: string): CertificateDates | undefined {
    return this.#seen.get(server)?.dates
  }

  /** The one that ends first, of the servers in use; undefined until one was seen. */
  get endingFirst(): CertificateDates | undefined {
    const inUse = [...this.#seen.values()].filter(({ at }) => at >= this.#lastAt - IN_USE_MS)
    return endingFirst(inUse.map(({ dates }) => dates))
  }
}
