import { hasOwnAddress, isRetrying, isWaiting } from './queue-statements.ts'
import type { OldestWaiting, TurnRow, Statements, StoredRow } from './queue-statements.ts'
import type { Order, OwnOnes, Preference } from './queue-types.ts'

/** The turn of a retry that need not wait. 0 would mean that it is not a retry. */
const DUE = Number.EPSILON
/** A message of another type is looked for among so many. */
const LOOKED_AT = 1000

/** What is known besides the table. */
interface Known {
  /** Messages up to this number go alone. */
  barrier: number
  /** No message with a lower number waits. */
  front: number
  /** None with a lower number may go at once, except those that are handed out or whose lanes are busy. */
  readyFrom: number
  /** No retry that may go has an earlier turn. */
  dueFrom: number
  /** How many of the waiting messages are retried. */
  retrying: number
  /** These are so of all of them, or of those without an address of their own. */
  withOwn: boolean
  /** The one that was handed out last was a retry. */
  wasRetry: boolean
  /** Waiting messages that are handed out, as they are in the table. */
  handedOut: Map<number, TurnRow>
}

/**
 * Which waiting message goes next.
 *
 * **Turns.** `turn` is null while other messages go first, 0 if the message may go at once, and otherwise
 * the time at which it may go, on the queue's uptime (`uptime.ts`). In a lane, only the first waiting
 * message has a turn. When it leaves, the next one gets the turn; a message that comes in ahead of others
 * takes it from them. Without an order, every message has a turn.
 *
 * **Barrier.** Messages that were accepted under another order or key have no order in common with later
 * ones: they go one at a time, by number, before all others. `fifo` is a barrier at infinity: no lanes, no turns.
 *
 * **Handed out.** A message on its way is still a waiting row; nothing is written for it. This class keeps
 * track of those messages, so that none goes twice and their lanes wait.
 */
export class Turns {
  readonly #sql: Statements
  readonly #order: Order
  readonly #known: Known = {
    barrier: 0,
    front: 0,
    readyFrom: 0,
    dueFrom: DUE,
    withOwn: true,
    retrying: 0,
    wasRetry: false,
    handedOut: new Map()
  }
  /** When messages were last asked for: a turn after that is still to come. */
  #askedAt = 0

  constructor(sql: Statements, order: Order) {
    this.#sql = sql
    this.#order = order
  }

  /** When the queue is opened. */
  restore(retrying: number, barrier: number): void {
    this.#known.retrying = retrying
    this.setBarrier(barrier)
  }

  /** Messages up to this number were accepted under another order or key. */
  setBarrier(seq: number): void {
    this.#known.barrier = this.#order === 'fifo' ? Infinity : seq
  }

  get retrying(): number {
    return this.#known.retrying
  }

  /** The numbers of those that are on their way. */
  get handedOut(): number[] {
    return [...this.#known.handedOut.keys()]
  }

  isHandedOut(seq: number): boolean {
    return this.#known.handedOut.has(seq)
  }

  /** It is not on its way, nor is another one of its lane. */
  isFree({ seq, lane }: TurnRow): boolean {
    const { handedOut } = this.#known
    if (handedOut.has(seq)) return false
    if (lane === null) return true
    for (const busy of handedOut.values()) if (busy.lane === lane) return false
    return true
  }

  /** It is on its way. */
  handOut({ seq, lane, state, turn }: TurnRow): void {
    this.#known.handedOut.set(seq, { seq, lane, state, turn })
  }

  /** Where a message is: of one that is on its way, this is known. */
  rowOf(seq: number): TurnRow | undefined {
    return this.#known.handedOut.get(seq) ?? this.#sql.turnRow(seq)
  }

  /** It is no longer on its way, and is about to move. */
  takeBack(seq: number): void {
    this.#known.handedOut.delete(seq)
  }

  /** It is no longer on its way, and waits as before. */
  release(seq: number): void {
    const row = this.#known.handedOut.get(seq)
    if (row === undefined) return
    this.takeBack(seq)
    this.#lowerBounds(seq)
    this.#passTurn(row.lane)
  }

  /**
   * Those whose turn it is.
   *
   * @param now how long the queue has been open
   * @param own those with an address of their own
   */
  next(
    most: number,
    now: number,
    preference: Preference = { first: 'retries' },
    own: OwnOnes = 'too'
  ): StoredRow[] {
    this.#askedAt = now
    if (own !== 'only') this.#choose(own === 'too')
    const { barrier, front, retrying, handedOut } = this.#known
    if (barrier >= front) {
      const first = this.firstWaiting()
      if (first !== undefined && first.seq <= barrier) {
        const isItsTurn = handedOut.size === 0 && (first.turn ?? 0) <= now
        // Read by its number, because an index may know more than a damaged row says.
        const row = isItsTurn ? this.#sql.row(first.seq) : undefined
        return row !== undefined && isAmong(row, own) ? [row] : []
      }
    }
    if (own === 'only') return this.#own(most)
    const asked = this.#toAskWith(preference)
    if (asked !== undefined) return [asked]
    const due = retrying === 0 ? [] : this.#dueRetries(most)
    if (due.length === 0) return this.#ready(most)
    // However many are retried: a receiver that is down is the gate's business (`delivery/gate.ts`).
    const alternates = preference.first === 'alternate'
    const isReadyFirst = alternates && this.#known.wasRetry
    const share = alternates ? (most + Number(isReadyFirst)) >> 1 : 0
    const ready = this.#ready(Math.max(share, most - due.length))
    const dueNow = due.slice(0, most - ready.length)
    const inTurn = isReadyFirst ? alternating(ready, dueNow) : alternating(dueNow, ready)
    const rows = alternates ? inTurn : [...dueNow, ...ready]
    const last = rows.at(-1)
    this.#known.wasRetry = last !== undefined && isRetrying(last)
    return rows
  }

  /** The oldest that waits. */
  firstWaiting(): OldestWaiting | undefined {
    const first = this.#sql.firstFrom(this.#known.front)
    this.#known.front = first?.seq ?? Infinity
    return first
  }

  /** When the next one may go that could not when messages were asked for last. */
  get nextAt(): number | undefined {
    return this.#known.retrying === 0 ? undefined : this.#sql.nextTurn(this.#askedAt)
  }

  /** The turn of a message that is accepted. */
  ofNew(seq: number, lane: number | null): number | null {
    this.#lowerBounds(seq)
    if (lane === null) return this.#order === 'none' ? 0 : null
    return this.#sql.firstInLane(lane) === undefined ? 0 : null
  }

  /**
   * The turn of a message that waits from now on. If it comes in before others, it takes theirs.
   *
   * @param wanted 0 if it may go at once, else when
   */
  ofWaiting(row: TurnRow, wanted: number): number | null {
    const { seq, lane } = row
    // Up to the barrier, the next one is found by its number.
    if (lane === null) return wanted === 0 && seq <= this.#known.barrier ? null : wanted
    const first = this.#sql.firstInLane(lane)
    if (first !== undefined && first.seq < seq) return null
    if (!isWaiting(row)) {
      const next = this.#sql.laterInLane(lane, seq)
      if (next !== undefined && next.turn !== null) {
        if (next.turn > 0) this.#known.retrying--
        this.#setTurn(next, null)
      }
    }
    return wanted
  }

  /** It waits now, with this turn. */
  enter(seq: number, turn: number | null): void {
    if (turn !== null && turn > 0) {
      this.#known.retrying++
      this.#known.dueFrom = Math.min(this.#known.dueFrom, turn)
    }
    this.#lowerBounds(seq)
  }

  /** It no longer waits as it did: the next one of its lane may go. */
  leave(row: TurnRow): void {
    if (!isWaiting(row)) return
    if (isRetrying(row)) this.#known.retrying--
    this.#passTurn(row.lane)
  }

  /** Retries that are waited for may go now. */
  makeDue(seqs: readonly number[]): void {
    this.#known.dueFrom = DUE
    for (const seq of seqs) {
      const row = this.rowOf(seq)
      if (row !== undefined && isRetrying(row)) this.#setTurn(row, DUE)
    }
  }

  /** No retry waits any longer: each is like a message that was not tried. */
  endWaits(): void {
    this.#sql.endWaits.run()
    for (const row of this.#known.handedOut.values()) {
      if (isRetrying(row)) this.handOut({ ...row, turn: 0 })
    }
    this.#known.retrying = 0
    this.#known.readyFrom = 0
  }

  #setTurn(row: TurnRow, turn: number | null): void {
    this.#sql.setTurn.run(turn, row.seq)
    if (this.isHandedOut(row.seq)) this.handOut({ ...row, turn })
  }

  #lowerBounds(seq: number): void {
    this.#known.front = Math.min(this.#known.front, seq)
    this.#known.readyFrom = Math.min(this.#known.readyFrom, seq)
  }

  /** The first that waits in a lane may go, unless it has its time. */
  #passTurn(lane: number | null): void {
    const first = lane === null ? undefined : this.#sql.firstInLane(lane)
    if (first === undefined) return
    if (first.turn === null) this.#setTurn(first, 0)
    this.#known.readyFrom = Math.min(this.#known.readyFrom, first.seq)
  }

  /** Those that were passed over may go now. */
  #choose(withOwn: boolean): void {
    if (this.#known.withOwn === withOwn) return
    this.#known.withOwn = withOwn
    this.#known.readyFrom = 0
    this.#known.dueFrom = DUE
  }

  #own(most: number): StoredRow[] {
    const rows: StoredRow[] = []
    for (const row of this.#sql.own(this.#askedAt)) {
      if (rows.length === most) break
      if (this.isFree(row)) rows.push(row)
    }
    return rows
  }

  #dueRetries(most: number): StoredRow[] {
    const { dueFrom, withOwn } = this.#known
    const rows: StoredRow[] = []
    let first: number | undefined
    for (const row of this.#sql.dueRetries(dueFrom, this.#askedAt, withOwn)) {
      first ??= row.turn ?? DUE
      if (rows.length === most) break
      if (this.isFree(row)) rows.push(row)
    }
    // However many there are with an address of their own, they are passed over once.
    this.#known.dueFrom = first ?? Math.max(this.#askedAt, DUE)
    return rows
  }

  /** Messages that may go at once. */
  #ready(most: number): StoredRow[] {
    const rows: StoredRow[] = []
    if (most <= 0) return rows
    const { readyFrom, withOwn } = this.#known
    const first = most === 1 ? this.#sql.firstReady(readyFrom, withOwn) : undefined
    if (first !== undefined && this.isFree(first)) {
      this.#known.readyFrom = first.seq + 1
      return [first]
    }
    for (const row of this.#sql.ready(readyFrom, withOwn)) {
      if (this.isFree(row)) rows.push(row)
      if (rows.length < most) continue
      this.#known.readyFrom = row.seq + 1
      return rows
    }
    this.#known.readyFrom = Infinity
    return rows
  }

  /** Of a bounded number of messages each, the one that tells most. */
  #toAskWith({ first, notType }: Preference): StoredRow | undefined {
    if (first === 'newest') {
      const untried = [...this.#sql.newestReady(this.#known.withOwn)].filter(
        (row) => row.attempts === 0 && this.isFree(row)
      )
      return untried.find(({ type }) => type !== notType) ?? untried[0]
    }
    return notType === undefined ? undefined : this.#oldestOfOtherType(notType)
  }

  #oldestOfOtherType(notType: string): StoredRow | undefined {
    const { withOwn } = this.#known
    const due = this.#sql.dueRetries(DUE, this.#askedAt, withOwn)
    const ready = this.#sql.ready(0, withOwn)
    for (const rows of [due, ready]) {
      let left = LOOKED_AT
      for (const row of rows) {
        if (left-- === 0) break
        if (row.type !== notType && this.isFree(row)) return row
      }
    }
    return undefined
  }
}

function isAmong(row: StoredRow, own: OwnOnes): boolean {
  return own === 'too' || hasOwnAddress(row) === (own === 'only')
}

/** One of each, as long as both last. */
function alternating(first: readonly StoredRow[], second: readonly StoredRow[]): StoredRow[] {
  const longer = Math.max(first.length, second.length)
  const pairs = Array.from({ length: longer }, (_, at) => [first[at], second[at]])
  return pairs.flat().filter((row) => row !== undefined)
}
