import { MOST_IN_MEMORY, type EventQuery, type JournalRecord, type QueueEvent } from './journal.ts'
import type { Entry, FindQuery, Found } from './outbox.ts'

/** The last records and events of a node that keeps none on disk. */
export class MemoryJournal {
  readonly #mostRecords: number
  #records: JournalRecord[] = []
  #events: QueueEvent[] = []

  constructor(mostRecords = MOST_IN_MEMORY) {
    this.#mostRecords = mostRecords
  }

  add(record: JournalRecord): void {
    this.#records = added(this.#records, record, this.#mostRecords)
  }

  addEvent(event: QueueEvent): void {
    this.#events = added(this.#events, event, MOST_IN_MEMORY)
  }

  find(query: FindQuery): Found {
    const records = this.#records
      .slice(-this.#mostRecords)
      .filter((record) => matchesRecord(record, query))
      .sort((a, b) => b.seq - a.seq)
    const found = records.slice(0, query.limit)
    return {
      entries: [],
      records: found,
      next: found.length < records.length ? (found.at(-1)?.seq ?? 0) : 0
    }
  }

  events({ since, limit }: EventQuery): readonly QueueEvent[] {
    return this.#events
      .slice(-MOST_IN_MEMORY)
      .filter(({ at }) => at >= since)
      .reverse()
      .slice(0, limit)
  }
}

/** Twice as many are held before the older half goes: then a record costs a constant time. */
function added<T>(list: T[], one: T, most: number): T[] {
  list.push(one)
  return list.length > 2 * most ? list.slice(list.length - most) : list
}

/** Whether a record of the journal is one that is looked for. */
function matchesRecord(record: JournalRecord, query: FindQuery): boolean {
  const { rule, outcome, since = 0 } = query
  return (
    matchesEntry(record, query) &&
    (rule === undefined || record.verdict.rule === rule) &&
    (outcome === undefined || record.outcome === outcome) &&
    record.settledAt >= since
  )
}

/** Whether an entry has the number, control ID and type that are looked for. */
export function matchesEntry(
  entry: Pick<Entry, 'seq' | 'controlId' | 'type'>,
  { before, controlId, type }: FindQuery
): boolean {
  return (
    entry.seq < before &&
    (controlId === undefined || entry.controlId === controlId) &&
    (type === undefined || entry.type === type)
  )
}
