/** Logins of messages that wait each for itself: one at a time, further and further apart until one is accepted. */
export class Logins {
  /** When each of them may log in, on the monotonic clock; in that order. */
  readonly #at = new Map<number, number>()
  #planned = 0

  /**
   * It may log in after all others.
   *
   * @param now on the monotonic clock
   * @param waitMs how long after the one before, by how many were planned earlier
   * @returns in how many milliseconds
   */
  plan(seq: number, now: number, waitMs: (earlier: number) => number): number {
    this.#at.delete(seq)
    const last = [...this.#at.values()].at(-1) ?? now
    const at = Math.max(now, last) + waitMs(this.#planned++)
    this.#at.set(seq, at)
    return at - now
  }

  /** It logs in, or has left: the next one need not wait for it. */
  forget(seq: number): void {
    this.#at.delete(seq)
  }
}
