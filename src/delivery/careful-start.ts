import type { Outbox } from '../outbox/outbox.ts'

/** Performs a piece of work on a message. */
export type Watch = <T>(work: () => Promise<T>) => Promise<T>

/**
 * Finds out which message crashes or hangs the process, after a run that did not end with a close.
 *
 * Until as many attempts have ended as may run at a time, each piece of work that depends on the
 * content of a message (decoding it, building its request, reading its reply) is noted in the
 * outbox while it lasts, and they run one by one: a note found by the next start names the message.
 * Waiting for the network is not noted. Afterwards, and after a proper close, nothing is noted.
 */
export class CarefulStart {
  readonly #outbox: Pick<Outbox<unknown>, 'note'>
  #attemptsLeft: number
  /** Resolves with the piece of work that was requested last. */
  #last: Promise<unknown> = Promise.resolve()

  /** @param attempts to be watched; 0 for none */
  constructor(outbox: Pick<Outbox<unknown>, 'note'>, attempts: number) {
    this.#outbox = outbox
    this.#attemptsLeft = attempts
  }

  /** Performs a piece of work on a message. */
  watch<T>(seq: number, work: () => Promise<T>): Promise<T> {
    if (this.#attemptsLeft === 0) return work()
    const noted = this.#last.then(async () => {
      await this.#note(seq)
      try {
        return await work()
      } finally {
        await this.#note(0)
      }
    })
    this.#last = noted.catch(() => undefined)
    return noted
  }

  /** An attempt is over, and the process lives. */
  attemptEnded(): void {
    if (this.#attemptsLeft > 0) this.#attemptsLeft--
  }

  async #note(seq: number): Promise<void> {
    try {
      await this.#outbox.note(seq)
    } catch {
      // The note cannot be stored: the message is simply not watched.
    }
  }
}
