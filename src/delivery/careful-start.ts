import type { MessageQueue } from '../queue/message-queue.ts'

/** Performs a piece of work on a message. */
export type WatchWork = <T>(work: () => Promise<T>) => Promise<T>

/** Stores that such work begins and ends. */
type WorkMarks = Pick<MessageQueue<unknown>, 'call'>

/**
 * Finds out which message crashes or hangs the process, after a run that did not end with a close.
 *
 * Until as many attempts have ended as may run at a time, the queue stores that a piece of work that depends on the
 * content of a message (decoding it, building its request, reading its reply) begins and ends, and they run one by
 * one: what has not ended at the next start names the message. Waiting for the network is not such work.
 * Afterwards, and after a proper close, nothing is stored.
 */
export class CarefulStart {
  readonly #marks: WorkMarks
  #attemptsLeft: number
  /** Resolves with the piece of work that was requested last. */
  #last: Promise<unknown> = Promise.resolve()

  /** @param attempts to be watched; 0 for none */
  constructor(marks: WorkMarks, attempts: number) {
    this.#marks = marks
    this.#attemptsLeft = attempts
  }

  /** Performs a piece of work on a message. */
  watchWork<T>(seq: number, work: () => Promise<T>): Promise<T> {
    if (this.#attemptsLeft === 0) return work()
    const watched = this.#last.then(async () => {
      const isMarked = await isDone(this.#marks.call('beginWork', seq))
      try {
        return await work()
      } finally {
        if (isMarked) await isDone(this.#marks.call('endWork', seq))
      }
    })
    this.#last = watched.catch(() => undefined)
    return watched
  }

  /** An attempt is over, and the process lives. */
  endAttempt(): void {
    if (this.#attemptsLeft > 0) this.#attemptsLeft--
  }
}

/** If it cannot be stored, the message is simply not watched. */
async function isDone(stored: Promise<void>): Promise<boolean> {
  try {
    await stored
    return true
  } catch {
    return false
  }
}
