import type { DatabaseSync } from 'node:sqlite'
import type { Clock } from '../clock.ts'
import { english } from '../english.ts'
import { STATES, type MessageRow, type MessageState } from './message-row.ts'
import { metaNumber } from './meta.ts'
import { QueueError } from './queue-error.ts'
import { QueueDamageError } from './queue-fault.ts'
import {
  hasOwnAddress,
  isRetrying,
  isSound,
  isWaiting,
  stateOf,
  Statements,
  type TurnRow,
  type StoredRow
} from './queue-statements.ts'
import type { ClaimedMessage, ContentStore, Move, Order } from './queue-types.ts'
import { resentFrom, ruleRetriesFrom, storyFrom, verdictFrom } from './stored-json.ts'
import { Turns } from './turns.ts'

/** Claims that take so many bytes together are enough for one answer. */
const CLAIMED_BYTES = 4 * 1024 * 1024

/** Columns that a change of state writes besides state, turn and time. */
export type Facts = Pick<
  StoredRow,
  | 'attempts'
  | 'retries'
  | 'spent_ms'
  | 'counts_from'
  | 'renewals'
  | 'verdict'
  | 'story'
  | 'rule_retries'
>

/**
 * The messages of a queue as rows. Here a row becomes a message that is handed out, and here alone one changes its state.
 */
export class MessageRows<Stored> {
  readonly sql: Statements
  readonly turns: Turns
  readonly contents: ContentStore<Stored>
  readonly #clock: Pick<Clock, 'now'>
  /** The number of the last fresh start of all clocks. */
  renewals: number
  /** How many messages are in each state. */
  readonly counts: Record<MessageState, number> = {
    waiting: 0,
    awaiting: 0,
    suspended: 0,
    leaving: 0,
    left: 0,
    damaged: 0
  }
  /** Awaiting and suspended messages that are handed out. */
  readonly #taken = new Set<number>()

  constructor(
    db: DatabaseSync,
    order: Order,
    contents: ContentStore<Stored>,
    clock: Pick<Clock, 'now'>
  ) {
    this.sql = new Statements(db)
    this.turns = new Turns(this.sql, order)
    this.contents = contents
    this.#clock = clock
    this.renewals = metaNumber(db, 'renewals')
  }

  /** The numbers of messages that are handed out. */
  get handedOut(): number[] {
    return [...this.turns.handedOut, ...this.#taken]
  }

  /** It awaits or is suspended, and is handed out. */
  isTaken(seq: number): boolean {
    return this.#taken.has(seq)
  }

  /** @param contentsBefore contents come with those that have a lower number */
  claim(row: StoredRow, contentsBefore = Infinity): ClaimedMessage<Stored> {
    const waits = isWaiting(row)
    const wanted = row.seq < contentsBefore
    const content = wanted ? this.contents.get(row.seq, 'content') : undefined
    if (wanted && content === undefined) {
      this.setDamaged(row.seq)
      return { row: this.rowOf(row), isDamaged: true }
    }
    this.handOut(row)
    const outcome = waits ? undefined : this.contents.get(row.seq, 'outcome')
    return this.claimed(row, content, outcome, false)
  }

  /** The first of these, as many as go to the main thread together: one at least. The same. */
  claimSome(rows: readonly StoredRow[], contentsBefore?: number): ClaimedMessage<Stored>[] {
    const claimed: ClaimedMessage<Stored>[] = []
    let bytes = 0
    for (const row of rows) {
      if (bytes >= CLAIMED_BYTES) break
      const claim = this.claim(row, contentsBefore)
      bytes += bytesOf(claim.content) + bytesOf(claim.outcome)
      claimed.push(claim)
    }
    return claimed
  }

  claimed(
    row: StoredRow,
    content: Stored | undefined,
    outcome: Stored | undefined,
    isDamaged: boolean
  ): ClaimedMessage<Stored> {
    return {
      row: this.rowOf(row),
      ...(content !== undefined && { content }),
      ...(outcome !== undefined && { outcome }),
      isDamaged
    }
  }

  /** @throws {QueueError} `ERR_NOT_QUEUED` */
  turnRow(seq: number): TurnRow {
    const row = this.turns.rowOf(seq)
    if (row === undefined) throw notQueued(seq)
    return row
  }

  /** @throws {QueueError} `ERR_NOT_QUEUED` */
  row(seq: number): StoredRow {
    const row = this.sql.row(seq)
    if (row === undefined) throw notQueued(seq)
    return row
  }

  /** @throws {QueueDamageError} if it has values of a type that none is written with */
  rowOf(row: StoredRow): MessageRow {
    if (!isSound(row)) throw new QueueDamageError()
    // What was counted before the clocks restarted no longer counts.
    const isCurrent = row.renewals >= this.renewals
    return {
      seq: row.seq,
      lane: row.lane,
      state: stateOf(row),
      isSending: this.turns.isHandedOut(row.seq),
      isRetrying: isRetrying(row),
      controlId: row.control_id,
      type: row.type,
      acceptedAt: row.accepted_at,
      changedAt: row.changed_at,
      attempts: row.attempts,
      retries: isCurrent ? row.retries : 0,
      spentMs: isCurrent ? row.spent_ms : 0,
      countsFrom: (isCurrent ? row.counts_from : null) ?? undefined,
      renewals: Math.max(row.renewals, this.renewals),
      ruleRetries: isCurrent ? ruleRetriesFrom(row.rule_retries) : undefined,
      hasOwnAddress: hasOwnAddress(row),
      verdict: verdictFrom(row.verdict),
      story: storyFrom(row.story),
      resent: resentFrom(row.resent),
      isEdited: row.edited_at !== null || resentFrom(row.resent)?.isEdited === true,
      keptBytes: row.kept_bytes ?? 0
    }
  }

  /** A message that has not left is in this state from now on. */
  write(row: TurnRow, to: Move<Stored>['to'], wanted: number, facts: Facts): void {
    this.#takeBack(row.seq)
    const turn =
      to === 'waiting' ? this.turns.ofWaiting(row, wanted) : to === 'awaiting' ? wanted : null
    this.change(row, to, () => {
      this.sql.move.run(
        STATES.indexOf(to),
        turn,
        this.#clock.now(),
        facts.attempts,
        facts.retries,
        facts.spent_ms,
        facts.counts_from,
        facts.renewals,
        facts.verdict,
        facts.story,
        facts.rule_retries,
        row.seq
      )
    })
    if (to === 'waiting') this.turns.enter(row.seq, turn)
  }

  /**
   * The one place where a message changes its state, as `MESSAGE_STATES` in `delivery/message.ts` allows: it is no longer
   * handed out, and counts and turns follow.
   *
   * @param to undefined if nothing of it is left
   * @param store changes its row
   */
  change(row: TurnRow, to: MessageState | undefined, store: () => void): void {
    this.#takeBack(row.seq)
    store()
    this.counts[stateOf(row)]--
    if (to !== undefined) this.counts[to]++
    this.turns.leave(row)
  }

  /** It is no longer handed out. */
  #takeBack(seq: number): void {
    this.turns.takeBack(seq)
    this.#taken.delete(seq)
  }

  /** Nothing became of a message that was handed out. Nothing is stored for that: it cannot fail on a full disk. */
  release(seq: number): void {
    this.#taken.delete(seq)
    this.turns.release(seq)
  }

  /** It is damaged: it no longer counts, and what is left of it stays. */
  setDamaged(seq: number): void {
    const row = this.turnRow(seq)
    // Of one that has left, the record stays.
    if (stateOf(row) === 'damaged' || stateOf(row) === 'left') return
    this.change(row, 'damaged', () => {
      this.sql.setState.run(STATES.indexOf('damaged'), seq)
    })
  }

  /**
   * What the sender has sent stays, however often it is edited.
   *
   * @param of the message that has it
   */
  keepOriginal(seq: number, of: number): void {
    if (this.contents.get(seq, 'original') !== undefined) return
    const content = this.contents.get(of, 'original') ?? this.contents.get(of, 'content')
    if (content !== undefined) this.contents.put(seq, 'original', content)
  }

  handOut(row: TurnRow): void {
    if (isWaiting(row)) this.turns.handOut(row)
    else this.#taken.add(row.seq)
  }
}

/** In memory, contents are objects that are there anyway. */
function bytesOf(stored: unknown): number {
  return stored instanceof Uint8Array ? stored.length : 0
}

export function notQueued(seq: number): QueueError {
  return new QueueError(english('log', 'queue.notQueued', { seq }), 'ERR_NOT_QUEUED')
}
