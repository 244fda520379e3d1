import { isAbout, subjectsOf, type ReplyMessage } from '../hl7/reply-message.ts'

/**
 * A batch may have a hundred thousand ids; only recent ones still await an answer. At least so many
 * are kept, and at most three times as many: the oldest go together, because finding the oldest of a set
 * from which many were deleted takes time.
 */
const KEPT_IDS = 1000

/**
 * Records which messages were answered on which connection. A receiver that answers one of them
 * again would shift every later answer on that connection by one: HTTP/1.1 matches answers by order
 * alone.
 */
export class EarlierMessages {
  readonly #ids = new WeakMap<object, Set<string>>()

  /**
   * A message was sent over a connection, and something came back.
   *
   * @param controlIds every id in it, whole and the first component alone
   */
  addSent(connection: object, controlIds: readonly string[]): void {
    const ids = this.#ids.get(connection) ?? new Set()
    this.#ids.set(connection, ids)
    // Before adding its own: they must not push out those that its answer is compared with.
    if (ids.size > 2 * KEPT_IDS) {
      for (const id of ids) {
        if (ids.size <= KEPT_IDS) break
        ids.delete(id)
      }
    }
    for (const id of controlIds.slice(-KEPT_IDS)) {
      ids.delete(id)
      ids.add(id)
    }
  }

  /**
   * Whether an answer is for messages that went over the same connection before, and not for this one:
   * each MSA-2 that is filled is the id of such a message. One that is this message's own, by a retry
   * too, makes it the answer; one that never went there is a matter of the rules (`:I?`).
   *
   * @param controlIds those of the message that was sent
   */
  isAnswered(connection: object, controlIds: readonly string[], answer: ReplyMessage): boolean {
    const earlier = this.#ids.get(connection)
    if (earlier === undefined) return false
    const own = new Set(controlIds)
    let found = false
    answer.each(['MSA'], (msa) => {
      if (subjectsOf(msa).length === 0) return true
      found = !isAbout(msa, own) && isAbout(msa, earlier)
      return found
    })
    return found
  }
}
