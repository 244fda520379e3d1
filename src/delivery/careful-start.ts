import type { Outbox } from '../outbox/outbox.ts'

/** Does a piece of work on a message. */
export type Watch = <T>(work: () => Promise<T>) => Promise<T>

/**
 * Finds out which message ends or hangs the process, after a run that did not end with a close.
 *
 * Until so many attempts have ended as may run at a time, each piece of work that depends on what is
 * in a message (decoding it, making its request, reading its reply) is noted in the outbox while it
 * lasts, and they run one by one: a note that the next start finds names the message. Waiting for the
 * network is not noted. Afterwards, and after a close in good order, nothing is noted.
 */
export class CarefulStart {
  readonly #outbox: Pick<Outbox<unknown>, 'note'>
  #attemptsLeft: number
  /** Ends with the piece of work that was asked for last. */
  #last: Promise<unknown> = Promise.resolve()

  /** @param attempts to be watched; 0 for none */
  constructor(outbox: Pick<Outbox<unknown>, 'note'>, attempts: number) {
    this.#outbox = outbox
    this.#attemptsLeft = attempts
  }

  /** Does a piece of work on a message. */
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
      // The disk does not take it: the message is none the worse for not being watched.
    }
  }
}
