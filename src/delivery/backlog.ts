import type { Entry, ListQuery } from '../outbox/outbox.ts'
import { Lanes, type Order } from './lanes.ts'

/** Once this many pages are listed, new messages wait only in the outbox. */
const MOST_PAGES = 10

/** A waiting message and when it was accepted, on the monotonic clock of this process. */
export interface Waiting {
  entry: Entry
  since: number
}

export interface BacklogOptions {
  order: Order
  /** Most waiting messages listed at a time. */
  pageSize: number
  /** The prefix of lanes of the current kind of key. */
  kind: string
  list: (query: ListQuery) => Promise<readonly Entry[]>
  /** The message is no longer just waiting, whatever the outbox says. */
  isActive: (seq: number) => boolean
  /** The highest sequence number assigned so far. */
  lastSeq: () => number
  /** When a message was accepted, on the monotonic clock. */
  since: (entry: Entry) => number
}

/**
 * Decides whose turn it is. The outbox holds all waiting messages; the next ones are listed here, a
 * page at a time, so that neither the number of messages nor the number of lanes matters.
 *
 * Messages up to the cursor are listed, except those of skipped lanes: a lane that is blocked for a
 * while takes no room, and is listed again, from where it was left, when it can go on.
 *
 * Messages with an earlier kind of key are sent alone, one by one, before those accepted later:
 * keys of two kinds have no common order, and the messages of a patient could overtake each other.
 */
export class Backlog {
  readonly #options: BacklogOptions
  readonly #lanes: Lanes
  /** Messages with an earlier kind of key, and those accepted before the last of them. */
  readonly #alone = new Lanes('fifo')
  #aloneSeq = 0
  readonly #listed = new Map<number, Waiting>()
  #waiting = 0
  /** Messages that are being stored. */
  #expected = 0
  #cursor = 0
  /** There may be waiting messages after the cursor. */
  #behind = false
  /** Skipped lanes, and the number up to which they were listed. */
  readonly #left = new Map<string, number>()
  /**
   * While a page is being read: up to where it will list all waiting messages, and where to go back
   * to.
   */
  #listing: { horizon: number; backTo: number } | undefined

  constructor(options: BacklogOptions) {
    this.#options = options
    this.#lanes = new Lanes(options.order)
  }

  /** How many messages wait. */
  get size(): number {
    return this.#waiting + this.#expected
  }

  /** When the oldest listed message was accepted; unlisted ones are not older. */
  get oldest(): number | undefined {
    let oldest: number | undefined
    for (const { since } of this.#listed.values()) {
      if (oldest === undefined || since < oldest) oldest = since
    }
    return oldest
  }

  /** Takes over what an earlier run left. */
  restore(waiting: number): void {
    this.#waiting = waiting
    this.#behind = waiting > 0
  }

  /** A message is being stored: it already counts. */
  expect(): void {
    this.#expected++
  }

  /** It was not stored. */
  refuse(): void {
    this.#expected--
  }

  /** It was stored. */
  add(entry: Entry): void {
    const { seq } = entry
    this.#expected--
    this.#waiting++
    if (this.#listing !== undefined) {
      if (seq > this.#listing.horizon) this.#behind = true
      return
    }
    if (this.#behind || this.#isKnown(seq)) return
    if (this.#listed.size >= MOST_PAGES * this.#options.pageSize) {
      this.#behind = true
      return
    }
    if (seq <= this.#cursor) this.#goBack(seq - 1)
    else {
      this.#cursor = seq
      if (!this.#left.has(this.#laneOf(entry))) this.#insert(entry)
    }
  }

  /** A message that was taken waits again, in its place; its lane is to be released. */
  putBack({ entry, since }: Waiting): void {
    const { seq } = entry
    this.#waiting++
    // A message that an operator resent may have to go before it: then a page brings both.
    const lane = this.#laneOf(entry)
    const isListed = seq - 1 <= (this.#left.get(lane) ?? this.#reach - 1)
    if (isListed) this.#insert(entry, this.#aloneSeq === seq, since)
    else this.#unlist(lane, seq)
  }

  /** A suspended message waits again, in its place. */
  again(entry: Entry): void {
    const lane = this.#laneOf(entry)
    this.#waiting++
    // Messages accepted after it must not go before it.
    this.#unlist(lane, entry.seq)
    this.#goBack(Math.min(entry.seq - 1, this.#left.get(lane) ?? entry.seq))
    this.#left.delete(lane)
  }

  /** @param isAlone no other message is in flight or being retried */
  take(isAlone: boolean): Waiting | undefined {
    const lanes = this.#alone.isEmpty ? this.#lanes : this.#alone
    if (lanes === this.#alone && !isAlone) return undefined
    const next = lanes.take()
    const waiting = next && this.#listed.get(next.seq)
    if (waiting === undefined) return undefined
    if (lanes === this.#alone) this.#aloneSeq = waiting.entry.seq
    this.#listed.delete(waiting.entry.seq)
    this.#waiting--
    return waiting
  }

  /** The next message of the lane may go. */
  release(entry: Entry): void {
    if (this.#aloneSeq === entry.seq) {
      this.#aloneSeq = 0
      this.#alone.release('')
      return
    }
    const lane = this.#laneOf(entry)
    this.#lanes.release(lane)
    const leftAt = this.#left.get(lane)
    if (leftAt === undefined || this.#lanes.has(lane)) return
    this.#left.delete(lane)
    this.#goBack(leftAt)
  }

  /** The lane of a message that was taken is blocked for a while. */
  block(entry: Entry): void {
    if (this.#options.order !== 'key' || this.#aloneSeq === entry.seq) return
    const lane = this.#laneOf(entry)
    // A message that an operator resent may come before it, listed or not.
    const first = this.#unlist(lane)
    const leftAt = this.#left.get(lane) ?? entry.seq
    this.#left.set(lane, Math.min(entry.seq, first - 1, leftAt, this.#reach))
  }

  /** There is nothing to take, but more may wait in the outbox. */
  get wantsPage(): boolean {
    const hasRoom = this.#options.order === 'key' || this.#listed.size === 0
    return this.#behind && this.#listing === undefined && this.#alone.isEmpty && hasRoom
  }

  /**
   * Lists the next page.
   *
   * @throws {OutboxError} when it cannot be read
   */
  async listPage(): Promise<void> {
    for (const lane of this.#lanes.busyAndWaiting()) {
      if (!this.#left.has(lane)) this.#left.set(lane, this.#cursor)
    }
    const listing = { horizon: this.#options.lastSeq(), backTo: Number.POSITIVE_INFINITY }
    this.#listing = listing
    this.#behind = false
    let page: readonly Entry[]
    try {
      const without = [...this.#left.keys()]
      page = await this.#options.list({
        after: this.#cursor,
        without,
        limit: this.#options.pageSize
      })
    } catch (error) {
      this.#behind = true
      this.#cursor = Math.min(this.#cursor, listing.backTo)
      throw error
    } finally {
      this.#listing = undefined
    }
    this.#takePage(page, listing)
  }

  #takePage(
    page: readonly Entry[],
    { horizon, backTo }: { horizon: number; backTo: number }
  ): void {
    const lastAlone = page.findLastIndex((entry) => this.#isOfEarlierKind(entry))
    const isAll = page.length < this.#options.pageSize && lastAlone < 0
    const listed = lastAlone < 0 ? page : page.slice(0, lastAlone + 1)
    // A listed message that now goes alone leaves its lane.
    if (lastAlone >= 0) for (const entry of listed) this.#unlist(this.#laneOf(entry), entry.seq)
    for (const entry of listed) {
      // Messages after the place to go back to come with the next page, in order.
      if (entry.seq <= backTo && !this.#isKnown(entry.seq)) this.#insert(entry, lastAlone >= 0)
    }
    const end = isAll ? horizon : (listed.at(-1)?.seq ?? horizon)
    this.#cursor = Math.min(Math.max(end, this.#cursor), backTo)
    if (!isAll || backTo < end) this.#behind = true
    // Do not wait for messages that a damaged file has lost.
    else if (!this.#behind && this.#left.size === 0) {
      this.#waiting = Math.min(this.#waiting, this.#listed.size)
    }
  }

  /** Up to here all waiting messages are listed, except those of skipped lanes. */
  get #reach(): number {
    return Math.min(this.#cursor, this.#listing?.backTo ?? this.#cursor)
  }

  #isKnown(seq: number): boolean {
    return this.#listed.has(seq) || this.#options.isActive(seq)
  }

  #insert(entry: Entry, alone = false, since = this.#options.since(entry)): void {
    this.#listed.set(entry.seq, { entry, since })
    if (alone) this.#alone.putBack(entry.seq, '')
    else this.#lanes.putBack(entry.seq, this.#laneOf(entry))
  }

  /** What of the lane, and of what goes alone, is listed from that number on. @returns the first of it, or Infinity */
  #unlist(lane: string, from = 0): number {
    const alone = this.#alone.clear('', from)
    const others = this.#lanes.clear(lane, from)
    for (const seqs of [alone, others]) for (const seq of seqs) this.#listed.delete(seq)
    const [first = Infinity, second = Infinity] = [alone[0], others[0]]
    return Math.min(first, second)
  }

  #goBack(seq: number): void {
    if (this.#listing !== undefined) {
      this.#listing.backTo = Math.min(this.#listing.backTo, seq)
      return
    }
    this.#cursor = Math.min(this.#cursor, seq)
    this.#behind = true
  }

  #laneOf(entry: Entry): string {
    return this.#options.order === 'key' ? entry.lane : ''
  }

  #isOfEarlierKind({ lane }: Entry): boolean {
    return this.#options.order === 'key' && !lane.startsWith(this.#options.kind)
  }
}
