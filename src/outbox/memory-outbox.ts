import type { EventQuery, JournalRecord, QueueEvent } from './journal.ts'
import { MemoryJournal, matchesEntry } from './memory-journal.ts'
import {
  OutboxError,
  type Entry,
  type ListQuery,
  type Outbox,
  type OutboxContents,
  type StoredMessage,
  type FindQuery,
  type Found
} from './outbox.ts'

interface Held<Content> {
  entry: Entry
  content: Content
  outcome?: unknown
}

/** An outbox in memory: its content is lost when the process ends. */
export class MemoryOutbox<Content> implements Outbox<Content> {
  readonly durable = false
  readonly #held = new Map<number, Held<Content>>()
  /** The numbers of all held messages, ascending, along with some that are no longer held. */
  #seqs: number[] = []
  readonly #journal = new MemoryJournal()

  open(): Promise<OutboxContents> {
    return Promise.resolve({
      waiting: 0,
      suspended: [],
      settled: [],
      paused: undefined,
      lastSeq: 0,
      uptimeMs: 0,
      unclean: false,
      endedOn: []
    })
  }

  keyName(key: string): string {
    return key
  }

  add(entry: Entry, content: Content): Promise<void> {
    this.#held.set(entry.seq, { entry, content })
    this.#seqs.push(entry.seq)
    return DONE
  }

  list({ after, without, limit }: ListQuery): Promise<readonly Entry[]> {
    const left = new Set(without)
    const found: Entry[] = []
    for (let at = this.#firstAfter(after); at < this.#seqs.length; at++) {
      if (found.length === limit) break
      const entry = this.#held.get(this.#seqs[at] ?? 0)?.entry
      if (entry?.state === 'waiting' && !left.has(entry.lane)) found.push(entry)
    }
    return Promise.resolve(found)
  }

  read(seq: number): Promise<StoredMessage<Content>> {
    const held = this.#held.get(seq)
    if (held !== undefined) return Promise.resolve(held)
    return Promise.reject(new OutboxError(`Number ${seq} is not in this queue.`, 'ERR_NOT_QUEUED'))
  }

  /** The entry is the one that is held. */
  update({ seq, state }: Entry): Promise<void> {
    if (state !== 'settled') delete this.#held.get(seq)?.outcome
    return DONE
  }

  settle({ seq }: Entry, outcome: unknown): Promise<void> {
    const held = this.#held.get(seq)
    if (held !== undefined) held.outcome = outcome
    return DONE
  }

  remove(seq: number, record?: JournalRecord): Promise<void> {
    this.#held.delete(seq)
    if (record !== undefined) this.#journal.add(record)
    if (this.#seqs.length > 1024 && this.#held.size * 2 < this.#seqs.length) {
      this.#seqs = this.#seqs.filter((each) => this.#held.has(each))
    }
    return DONE
  }

  find(query: FindQuery): Promise<Found> {
    if (query.where === 'journal') return Promise.resolve(this.#journal.find(query))
    const { limit, since = 0 } = query
    const entries: Entry[] = []
    for (let at = this.#firstAfter(query.before - 1) - 1; at >= 0; at--) {
      const entry = this.#held.get(this.#seqs[at] ?? 0)?.entry
      if (entry === undefined || entry.acceptedAt < since || !matchesEntry(entry, query)) continue
      if (entries.length === limit) {
        return Promise.resolve({ entries, records: [], next: entry.seq + 1 })
      }
      entries.push(entry)
    }
    return Promise.resolve({ entries, records: [], next: 0 })
  }

  addEvent(event: QueueEvent): Promise<void> {
    this.#journal.addEvent(event)
    return DONE
  }

  events(query: EventQuery): Promise<readonly QueueEvent[]> {
    return Promise.resolve(this.#journal.events(query))
  }

  setPaused(): Promise<void> {
    return DONE
  }

  note(): Promise<void> {
    return DONE
  }

  close(): Promise<void> {
    this.#held.clear()
    this.#seqs = []
    return DONE
  }

  #firstAfter(seq: number): number {
    let from = 0
    for (let end = this.#seqs.length; from < end;) {
      const middle = (from + end) >>> 1
      if ((this.#seqs[middle] ?? 0) <= seq) from = middle + 1
      else end = middle
    }
    return from
  }
}

const DONE = Promise.resolve()
