import { createHash } from 'node:crypto'
import type { KnownAddress } from '../queue/figures.ts'

/** What is known of an address that has said nothing yet. */
const UNKNOWN: KnownAddress = { answers: '', headBytes: 0, bodyBytes: 0 }
/** Each message may have a path of its own. */
const MOST_KNOWN = 200
/** With fewer bytes of headers no server is in trouble: Tomcat and many others take 8 kB. */
const LARGE_HEAD_BYTES = 8000
/** The same of bodies: Express takes 100 kB. */
const LARGE_BODY_BYTES = 64_000

/** How large a request is, in bytes. */
export interface RequestSize {
  headBytes: number
  bodyBytes: number
}

/**
 * What each address of a node has shown it can do, so that an answer is not read as if it had never worked: whether it
 * answers with HL7, and how large a request it has taken. What is known of the addresses of the settings is kept over a
 * restart; those of messages may say who is meant.
 */
export class KnownAddresses {
  readonly #names: ReadonlyMap<string, string>
  /** By the URL without its query, in which a token may be; the ones seen last at the end. */
  readonly #known = new Map<string, KnownAddress>()

  /** @param urls of the settings */
  constructor(urls: readonly URL[]) {
    this.#names = new Map(urls.map((url) => [nameOf(url), hashOf(nameOf(url))]))
  }

  /** To be stored: by hashes of the addresses of the settings. */
  get stored(): Readonly<Record<string, KnownAddress>> {
    const entries = [...this.#names].flatMap(([name, hash]) => {
      const known = this.#known.get(name)
      return known === undefined ? [] : [[hash, known] as const]
    })
    return Object.fromEntries(entries)
  }

  /** What was stored in an earlier run, unless more is known by now. */
  restore(stored: Readonly<Record<string, KnownAddress>>): void {
    for (const [name, hash] of this.#names) {
      const known = stored[hash]
      if (known !== undefined && !this.#known.has(name)) this.#known.set(name, known)
    }
  }

  /**
   * It took a request.
   *
   * @param hasAck with HL7; otherwise a rule has accepted what it answered
   */
  took(url: URL, hasAck: boolean, { bodyBytes, headBytes }: RequestSize): void {
    const name = nameOf(url)
    const known = this.#known.get(name) ?? UNKNOWN
    const answers = hasAck || known.answers === 'hl7' ? 'hl7' : 'other'
    const isNew =
      answers !== known.answers || headBytes > known.headBytes || bodyBytes > known.bodyBytes
    if (!isNew) return
    this.#known.delete(name)
    this.#known.set(name, {
      answers,
      headBytes: Math.max(headBytes, known.headBytes),
      bodyBytes: Math.max(bodyBytes, known.bodyBytes)
    })
    if (this.#known.size > MOST_KNOWN) this.#forgetOldest()
  }

  /** Whether it has answered before with HL7; or, for a page, with what a rule has accepted. */
  answersOtherwise(url: URL, isPage: boolean): boolean {
    const { answers } = this.#known.get(nameOf(url)) ?? UNKNOWN
    return answers === 'hl7' || (isPage && answers === 'other')
  }

  /** Whether it is the headers of a request that are too large for it, if something is. */
  isLargeHead(url: URL, { bodyBytes, headBytes }: RequestSize): boolean {
    const known = this.#known.get(nameOf(url)) ?? UNKNOWN
    const isLarger = headBytes > LARGE_HEAD_BYTES && headBytes > known.headBytes
    return isLarger && bodyBytes <= known.bodyBytes
  }

  /** What of a request is larger than all that it has taken, and so may be what it refuses. */
  largerThanTaken(url: URL, size: RequestSize): { isLargeHead: boolean; isLargeBody: boolean } {
    const known = this.#known.get(nameOf(url)) ?? UNKNOWN
    const isLarger = size.bodyBytes > LARGE_BODY_BYTES && size.bodyBytes > known.bodyBytes
    return {
      isLargeHead: this.isLargeHead(url, size),
      isLargeBody: isLarger && known.bodyBytes > 0
    }
  }

  #forgetOldest(): void {
    for (const name of this.#known.keys()) {
      if (this.#names.has(name)) continue
      this.#known.delete(name)
      return
    }
  }
}

function nameOf({ origin, pathname }: URL): string {
  return origin + pathname
}

function hashOf(name: string): string {
  return createHash('sha256').update(name).digest('base64url').slice(0, 22)
}
