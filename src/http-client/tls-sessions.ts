import type { Clock } from '../clock.ts'

/**
 * An older connection is not used again, and a session that began longer ago is not resumed: a new one shows a renewed
 * certificate, and follows the server's name to a new address. In milliseconds.
 */
export const MOST_AGE_MS = 3_600_000

interface Kept {
  session: Buffer
  /** When its certificate was shown and checked: monotonic, milliseconds. */
  since: number
}

/**
 * The TLS sessions of one connector, by server: a handshake that resumes one takes a round trip less with TLS 1.2, and
 * less CPU. A server that no longer knows a session makes a full handshake of it.
 */
export class TlsSessions {
  readonly #clock: Clock
  readonly #kept = new Map<string, Kept>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** The session to resume with a server; undefined if there is none, or if it is old. */
  of(server: string): Buffer | undefined {
    const kept = this.#kept.get(server)
    if (kept === undefined) return undefined
    if (this.#clock.monotonic() - kept.since < MOST_AGE_MS) return kept.session
    this.#kept.delete(server)
    return undefined
  }

  /**
   * A server, whose certificate was checked, has given out a session.
   *
   * @param isResumed the connection has itself resumed one: its certificate was shown when that began
   */
  keep(server: string, session: Buffer, isResumed: boolean): void {
    const now = this.#clock.monotonic()
    const since = isResumed ? this.#kept.get(server)?.since : now
    // One that is resumed, but was forgotten meanwhile: it is not known how old it is.
    if (since !== undefined) this.#kept.set(server, { session, since })
  }

  /** We present another certificate, or trust others. */
  forgetAll(): void {
    this.#kept.clear()
  }

  /** Nothing may be wrong with it, but the connection failed. */
  forget(server: string): void {
    this.#kept.delete(server)
  }
}
