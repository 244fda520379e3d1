/** Messages whose last such answer is remembered: far more than are retried at a time. */
const MOST_REMEMBERED = 10_000
/** At least so many different messages in a row have to meet a status that was disproved before it is believed again. */
const LEAST_IN_A_ROW = 3

/**
 * What the answers to other messages say of a status that would hold up all of them. A web firewall that answers 403
 * to what one message contains says nothing of the others, and an answer that one of these gets proves it.
 */
export class Neighbors {
  readonly #fewest: number
  /** Attempts begin, and answers come, one after the other: times that can be compared. */
  #moment = 0
  /** The last answers to two different messages. */
  #lastAnswers: readonly { seq: number; at: number }[] = []
  readonly #begunAt = new Map<number, number>()
  /** When a message met which status last. */
  readonly #met = new Map<number, { status: number; at: number }>()
  readonly #disproved = new Set<number>()
  /** Different messages that have met it since the last answer to any. */
  #row: { status: number; seqs: Set<number> } = { status: 0, seqs: new Set() }

  /** @param slots how many messages may be in flight */
  constructor(slots: number) {
    this.#fewest = Math.max(LEAST_IN_A_ROW, slots)
  }

  begin(seq: number): void {
    this.#begunAt.set(seq, ++this.#moment)
  }

  /** An attempt ended without anything that counts here. */
  end(seq: number): void {
    this.#begunAt.delete(seq)
  }

  /**
   * It got an answer that is about itself: so the receiver answers.
   *
   * @returns it had met a status that would hold up all
   */
  answered(seq: number): boolean {
    this.end(seq)
    const hadMet = this.#met.delete(seq)
    const answer = { seq, at: ++this.#moment }
    this.#lastAnswers = [answer, ...this.#lastAnswers.filter((other) => other.seq !== seq)].slice(
      0,
      2
    )
    this.#row.seqs.clear()
    return hadMet
  }

  /**
   * A message met a status that would hold up all.
   *
   * @returns `disproved`: for this message; `doubted`: it was for another one, and not enough have met it since
   */
  meet(seq: number, status: number): 'disproved' | 'doubted' | 'believed' {
    const last = this.#met.get(seq)
    const since = last?.status === status ? last.at : (this.#begunAt.get(seq) ?? this.#moment)
    this.end(seq)
    this.#met.delete(seq)
    this.#met.set(seq, { status, at: ++this.#moment })
    this.#forgetOldest()
    if (this.#row.status !== status) this.#row = { status, seqs: new Set() }
    this.#row.seqs.add(seq)
    if (this.#lastAnswers.some((answer) => answer.seq !== seq && answer.at > since)) {
      this.#disproved.add(status)
      return 'disproved'
    }
    return this.isDisproved(status) && this.#row.seqs.size < this.#fewest ? 'doubted' : 'believed'
  }

  isDisproved(status: number): boolean {
    return this.#disproved.has(status)
  }

  /** So many messages that had never been tried met it one after the other: it is true again. */
  convict(status: number, fresh: number): void {
    if (fresh >= this.#fewest) this.#disproved.delete(status)
  }

  #forgetOldest(): void {
    const [oldest] = this.#met.keys()
    if (this.#met.size > MOST_REMEMBERED && oldest !== undefined) this.#met.delete(oldest)
  }
}
