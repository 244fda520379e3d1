import { DAY_MS, endsSoon, type CertificateDates } from '../../src/http-client/certificates.ts'
import type { CertificateOwner } from '../../src/codes.ts'

/** A certificate that a node depends on, or the client secret. */
export interface KnownCertificate {
  of: CertificateOwner
  /** Wall clock, milliseconds since 1970. */
  validTo: number
}

/** One that ends soon, or has ended. */
export interface EndingCertificate extends KnownCertificate {
  /** Whole days; negative once it has ended. */
  daysLeft: number
  /** How urgent that is. */
  level: 'watch' | 'call'
}

/** Where the certificate of each owner is known: undefined until it has been seen, or if there is none. */
export type CertificateSources = Readonly<
  Record<CertificateOwner, () => CertificateDates | undefined>
>

/** The certificates that a node depends on, one of each owner. It has no timers. */
export class CertificateWatch {
  readonly #sources: CertificateSources
  /** When each was last reported, on the wall clock. */
  readonly #reportedAt = new Map<CertificateOwner, number>()

  constructor(sources: CertificateSources) {
    this.#sources = sources
  }

  /** Those that are known; the one that ends first comes first. */
  all(): KnownCertificate[] {
    return this.#known().map(({ of, dates }) => ({ of, validTo: dates.validTo }))
  }

  /**
   * Those that end soon; the most urgent, and then the one that ends first, comes first.
   *
   * @param now wall clock, milliseconds since 1970
   */
  ending(now: number): EndingCertificate[] {
    return this.#known()
      .flatMap(({ of, dates }) => {
        const { validTo } = dates
        const level = endsSoon(dates, now)
        const daysLeft = Math.floor((validTo - now) / DAY_MS)
        return level === undefined ? [] : [{ of, validTo, daysLeft, level }]
      })
      .sort((one, other) => Number(one.level === 'watch') - Number(other.level === 'watch'))
  }

  /** Those of `ending` that this has not returned for a day. */
  news(now: number): EndingCertificate[] {
    const news = this.ending(now).filter(({ of }) => {
      const since = now - (this.#reportedAt.get(of) ?? -Infinity)
      // A wall clock that was set back must not silence it.
      return since < 0 || since >= DAY_MS
    })
    for (const { of } of news) this.#reportedAt.set(of, now)
    return news
  }

  #known(): { of: CertificateOwner; dates: CertificateDates }[] {
    return (Object.keys(this.#sources) as CertificateOwner[])
      .flatMap((of) => {
        const dates = this.#sources[of]()
        return dates === undefined ? [] : [{ of, dates }]
      })
      .sort((one, other) => one.dates.validTo - other.dates.validTo)
  }
}
