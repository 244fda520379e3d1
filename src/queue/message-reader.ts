import type { Journal } from './journal.ts'
import { notQueued, type MessageRows } from './message-rows.ts'
import type { CountedRows, FoundRows, MessageSearch } from './message-search.ts'
import { isWaiting, stateOf } from './queue-statements.ts'
import type { LaneEnds, Repeats } from './repeats.ts'
import type { ClaimedMessage, LeftChoice, FoundPage, MessageQuery } from './queue-types.ts'

/** What is asked about messages, in the queue or long gone; nothing changes by it. */
export class MessageReader<Stored> {
  readonly #rows: MessageRows<Stored>
  readonly #search: MessageSearch
  readonly #journal: Journal
  readonly #repeats: Repeats

  constructor(
    rows: MessageRows<Stored>,
    search: MessageSearch,
    journal: Journal,
    repeats: Repeats
  ) {
    this.#rows = rows
    this.#search = search
    this.#journal = journal
    this.#repeats = repeats
  }

  /**
   * The content of a message, with its outcome if it has one.
   *
   * @throws {QueueError} `ERR_NOT_QUEUED` if it is not there
   */
  read(seq: number): ClaimedMessage<Stored> {
    const row = this.#rows.row(seq)
    const content = this.#rows.contents.get(seq, 'content')
    const outcome = isWaiting(row) ? undefined : this.#rows.contents.get(seq, 'outcome')
    if (content === undefined && stateOf(row) === 'left') throw notQueued(seq)
    return this.#rows.claimed(row, content, outcome, content === undefined)
  }

  /** The content of a message before it was edited first; undefined if that is not there, or is being deleted. */
  readOriginal(seq: number): Stored | undefined {
    const row = this.#rows.sql.row(seq)
    if (row === undefined || (stateOf(row) === 'left' && row.kept_bytes === 0)) return undefined
    return this.#rows.contents.get(seq, 'original')
  }

  /** Those of these messages that were sent again. */
  findRepeated(seqs: readonly number[]): number[] {
    return this.#repeats.repeated(seqs)
  }

  /** See `Repeats.laneEnds`. */
  findLaneEnds(
    lanes: readonly (number | null)[],
    except: readonly number[],
    after: number
  ): LaneEnds {
    return this.#repeats.laneEnds(lanes, except, after)
  }

  /** Looks at a bounded number of rows, from the newest on. */
  find(query: MessageQuery): FoundPage {
    return this.#page(this.#search.newest(query, this.#journal.cutoff, this.#rows.turns.handedOut))
  }

  /**
   * Messages that have left, in the order of acceptance; looks at a bounded number of rows.
   *
   * @param after only those with a higher number
   * @returns after which number to go on; 0: there are no more
   */
  findLeft(choice: LeftChoice, after: number, most: number): FoundPage {
    return this.#page(this.#search.left(choice, this.#journal.cutoff, after, most))
  }

  /** Counts among a bounded number of rows, from the newest on. */
  countMessages(query: Omit<MessageQuery, 'hashes' | 'limit'>): CountedRows {
    return this.#search.count(query, this.#journal.cutoff, this.#rows.turns.handedOut)
  }

  #page({ rows, next }: FoundRows): FoundPage {
    return { messages: rows.map((row) => this.#rows.rowOf(row)), next }
  }
}
