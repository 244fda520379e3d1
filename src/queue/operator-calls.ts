import type { Clock } from '../clock.ts'
import { withRecord, type ActRecord } from './message-row.ts'
import type { StoredAnswer } from './stored-answer.ts'
import type { MessageRows } from './message-rows.ts'
import type { FoundRows, MessageSearch } from './message-search.ts'
import { partOf, stateOf, type StoredRow } from './queue-statements.ts'
import type {
  ClaimedMessage,
  EditedMessage,
  SuspendedChoice,
  WaitingChoice
} from './queue-types.ts'
import { storyFrom, verdictFrom } from './stored-json.ts'

/** What the queue does besides when an operator acts. */
export interface OperatorHooks {
  clock: Pick<Clock, 'now'>
  storedAnswer: StoredAnswer
  /** It can be found by these. */
  addHashes: (seq: number, hashes: readonly Uint8Array[]) => void
  /** It was edited or resent: it must not be handed out before that is safe. */
  onFresh: (seq: number) => void
}

/** Suspended messages that wait again, among a bounded number of rows. */
interface ResentRows {
  count: number
  seqs: number[]
  /** The number to go on from; 0: there are no more. */
  next: number
}

/** What an operator, or a flow, does with messages that are suspended or wait. */
export class OperatorCalls<Stored> {
  readonly #rows: MessageRows<Stored>
  readonly #search: MessageSearch
  readonly #hooks: OperatorHooks

  constructor(rows: MessageRows<Stored>, search: MessageSearch, hooks: OperatorHooks) {
    this.#rows = rows
    this.#search = search
    this.#hooks = hooks
  }

  /**
   * Hands out suspended messages, in the order of acceptance, fewer if they are long; looks at a bounded number of rows.
   *
   * @param after only those with a higher number
   * @returns after which number to go on; 0: there are no more
   */
  claimSuspended(
    choice: SuspendedChoice,
    after: number,
    most: number
  ): { claimed: ClaimedMessage<Stored>[]; next: number } {
    const { rows, next } = this.#suspended(choice, after, most)
    const claimed = this.#rows.claimSome(rows)
    return { claimed, next: nextAfter(claimed, rows, next) }
  }

  /**
   * Hands out waiting messages that are not on their way, whether it is their turn or not, in the order of acceptance,
   * fewer if they are long; looks at a bounded number of rows.
   *
   * @param after only those with a higher number
   * @param withContent their contents come with them
   * @returns the numbers of those on their way, and after which number to go on; 0: there are no more
   */
  claimWaiting(
    choice: WaitingChoice,
    after: number,
    most: number,
    withContent: boolean
  ): { claimed: ClaimedMessage<Stored>[]; sending: number[]; next: number } {
    // None waits before that.
    const first = this.#rows.turns.firstWaiting()?.seq ?? Infinity
    if (first === Infinity) return { claimed: [], sending: [], next: 0 }
    const { rows, next } = this.#search.waiting(choice, Math.max(after, first - 1), most)
    const { turns } = this.#rows
    const onTheirWay = rows.flatMap(({ seq }) => (turns.isHandedOut(seq) ? [seq] : []))
    const others = rows.filter(({ seq }) => !turns.isHandedOut(seq))
    const claimed = this.#rows.claimSome(others, withContent ? Infinity : 0)
    const end = nextAfter(claimed, others, next)
    const sending = end === next ? onTheirWay : onTheirWay.filter((seq) => seq < end)
    return { claimed, sending, next: end }
  }

  /**
   * Suspended messages wait again, each in its place by acceptance, with a new clock.
   *
   * @param after only those with a higher number
   * @param by a user name, `flow`, or `''`
   * @param id of this call: made again, it has the same answer
   * @returns the numbers of those that do, and after which number to go on; 0: there are no more
   */
  resend(choice: SuspendedChoice, after: number, most: number, by = '', id = ''): ResentRows {
    const { clock, storedAnswer } = this.#hooks
    const answered = id === '' ? undefined : (storedAnswer.to(id) as ResentRows | undefined)
    if (answered !== undefined) return answered
    const { rows, next } = this.#suspended(choice, after, most)
    const at = clock.now()
    for (const row of rows) this.#takeBackIntoQueue(row, { at, act: 'resent', by })
    const answer = { count: rows.length, seqs: rows.map(({ seq }) => seq), next }
    if (id !== '' && rows.length > 0) storedAnswer.keep(id, answer)
    return answer
  }

  /**
   * A suspended message waits again with another text, in its place by acceptance, with a new clock.
   *
   * @param by a user name, `flow`, or `''`
   * @param reason what they say of it
   * @param id of this call: made again, it has the same answer
   * @returns false if it is not suspended, or is handed out: somebody was faster
   * @throws {QueueError} `ERR_NOT_QUEUED` when there is no such message
   */
  edit(
    { seq, lane, controlId, type, hashes = [] }: EditedMessage,
    content: Stored,
    by = '',
    reason = '',
    id = ''
  ): boolean {
    const { addHashes, clock, storedAnswer } = this.#hooks
    if (id !== '' && storedAnswer.to(id) === true) return true
    const row = this.#rows.row(seq)
    if (stateOf(row) !== 'suspended' || this.#rows.isTaken(seq)) return false
    const at = clock.now()
    this.#rows.keepOriginal(seq, seq)
    this.#rows.contents.dropPart(seq, 'content')
    this.#rows.contents.put(seq, 'content', content)
    this.#rows.sql.dropHashes.run(partOf(seq), seq)
    addHashes(seq, hashes)
    this.#rows.sql.edit.run(lane, controlId, type, at, seq)
    const said = reason === '' ? {} : { reason }
    this.#takeBackIntoQueue({ ...row, lane }, { at, act: 'edited', by, ...said })
    if (id !== '') storedAnswer.keep(id, true)
    return true
  }

  /** How many suspended messages are meant, and the first of them. */
  countSuspended(choice: SuspendedChoice): { first: number | undefined; count: number } {
    return this.#search.countSuspended(choice)
  }

  /** Suspended messages that are meant and not handed out, in the order of acceptance. */
  #suspended(choice: SuspendedChoice, after: number, most: number): FoundRows {
    const { rows, next } = this.#search.suspended(choice, after, most)
    return { rows: rows.filter(({ seq }) => !this.#rows.isTaken(seq)), next }
  }

  /** A suspended message waits again, in its place by acceptance, with a new clock. */
  #takeBackIntoQueue(row: StoredRow, act: ActRecord): void {
    const { saidNotTaken, mayHaveArrived } = verdictFrom(row.verdict)
    this.#rows.contents.dropPart(row.seq, 'outcome')
    this.#rows.write(row, 'waiting', 0, {
      attempts: row.attempts,
      retries: 0,
      spent_ms: 0,
      counts_from: null,
      renewals: this.#rows.renewals,
      verdict:
        mayHaveArrived || saidNotTaken ? JSON.stringify({ mayHaveArrived, saidNotTaken }) : null,
      story: JSON.stringify(withRecord(storyFrom(row.story), act)),
      rule_retries: null
    })
    this.#rows.sql.setDeaths.run(0, row.seq)
    this.#hooks.onFresh(row.seq)
  }
}

/** After which number to go on. @param next if all of these were handed out */
function nextAfter(
  claimed: readonly ClaimedMessage<unknown>[],
  rows: readonly StoredRow[],
  next: number
): number {
  const last = claimed.at(-1)
  return claimed.length < rows.length && last !== undefined ? last.row.seq : next
}
