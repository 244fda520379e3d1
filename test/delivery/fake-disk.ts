import { ContentCache } from '../../src/outbox/content-cache.ts'
import type { ContentCodec } from '../../src/outbox/disk-outbox.ts'
import type { EventQuery, JournalRecord, Pause, QueueEvent } from '../../src/outbox/journal.ts'
import { MemoryJournal, matchesEntry } from '../../src/outbox/memory-journal.ts'
import {
  OutboxError,
  type Entry,
  type ListQuery,
  type Outbox,
  type OutboxContents,
  type StoredMessage,
  type FindQuery,
  type Found
} from '../../src/outbox/outbox.ts'

interface Row {
  facts: Entry
  content: Buffer
  outcome?: string
  /** Grows with each change of state. */
  place: number
}

interface Call {
  kind: 'write' | 'read'
  run: () => void
  fail: (error: OutboxError) => void
}

/**
 * A disk for tests. `outbox()` returns the view of one process; calls take effect in order, when
 * `step` reaches them. Until then, a crash forgets them.
 */
export class FakeDisk {
  readonly rows = new Map<number, Row>()
  paused: Pause | undefined
  readonly journal = new MemoryJournal(1_000_000)
  lastSeq = 0
  unclean = false
  uptimeMs = 0
  /** The message noted last (0: none), and all that were noted. */
  noted = 0
  readonly allNoted: number[] = []
  /** While set, writes (reads) fail. */
  failWrites = false
  failReads = false
  /** Every call takes effect at once, without `step`. */
  immediate: boolean
  place = 0
  /** How often it was opened. */
  opened = 0
  onOpened: (() => void) | undefined
  #calls: Call[] = []

  constructor({ immediate = false } = {}) {
    this.immediate = immediate
  }

  get pending(): number {
    return this.#calls.length
  }

  /** Lets this many calls take effect. */
  step(count = Number.POSITIVE_INFINITY): void {
    for (; count > 0; count--) {
      const call = this.#calls.shift()
      if (call === undefined) return
      const fails = call.kind === 'write' ? this.failWrites : this.failReads
      if (fails) call.fail(new OutboxError('The disk is out of order.', 'EIO'))
      else call.run()
    }
  }

  /** Forgets the calls that have not taken effect. */
  crash(): void {
    this.#calls = []
  }

  call<T>(kind: Call['kind'], work: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#calls.push({
        kind,
        run: () => {
          try {
            resolve(work())
          } catch (error) {
            reject(error instanceof Error ? error : new TypeError(String(error)))
          }
        },
        fail: reject
      })
      if (this.immediate) this.step()
    })
  }

  /** @param size of a content in memory, in bytes; by default that of its encoded bytes */
  outbox<Content>(
    codec: ContentCodec<Content>,
    size?: (content: Content) => number
  ): FakeOutbox<Content> {
    return new FakeOutbox(this, codec, size)
  }
}

/** A durable outbox on a `FakeDisk`. */
export class FakeOutbox<Content> implements Outbox<Content> {
  readonly durable = true
  readonly #disk: FakeDisk
  readonly #codec: ContentCodec<Content>
  readonly #size: ((content: Content) => number) | undefined
  readonly #cache = new ContentCache<Content>()
  /** Messages that left but may still be stored: like the real outbox, it does not list them. */
  readonly #gone = new Set<number>()
  #open = false
  #pending = 0
  #whenIdle: (() => void) | undefined

  constructor(
    disk: FakeDisk,
    codec: ContentCodec<Content>,
    size: ((content: Content) => number) | undefined
  ) {
    this.#disk = disk
    this.#codec = codec
    this.#size = size
  }

  async open(): Promise<OutboxContents> {
    const disk = this.#disk
    const contents = await this.#disk.call('read', () => {
      const rows = [...disk.rows.values()].sort((a, b) => a.facts.seq - b.facts.seq)
      return {
        waiting: rows.filter(({ facts }) => facts.state === 'waiting').length,
        suspended: rows
          .filter(({ facts }) => facts.state === 'suspended')
          .map(({ facts }) => ({ ...facts })),
        settled: rows
          .filter(({ facts }) => facts.state === 'settled')
          .sort((a, b) => a.place - b.place)
          .map(({ facts }) => facts.seq),
        ...{ paused: disk.paused, lastSeq: disk.lastSeq, unclean: disk.unclean, endedOn: [] },
        uptimeMs: disk.uptimeMs
      }
    })
    this.#open = true
    disk.opened++
    disk.onOpened?.()
    return contents
  }

  keyName(key: string): string {
    return `lane ${key}`
  }

  async add(entry: Entry, content: Content): Promise<void> {
    const copy = { ...entry }
    try {
      await this.#call('write', () => {
        const { bytes, whole } = this.#codec.encode(content)
        const size = this.#size?.(content) ?? bytes.length
        this.#cache.keep(entry, content, whole ? size : Number.POSITIVE_INFINITY)
        this.#disk.lastSeq = Math.max(this.#disk.lastSeq, copy.seq)
        this.#disk.rows.set(copy.seq, { facts: copy, content: bytes, place: 0 })
      })
    } catch (error) {
      this.#cache.drop(entry.seq)
      throw error
    }
  }

  async list({ after, without, limit }: ListQuery): Promise<readonly Entry[]> {
    const rows = await this.#call('read', () =>
      [...this.#disk.rows.values()]
        .map(({ facts }) => facts)
        .filter(({ seq, state }) => state === 'waiting' && seq > after)
        .filter(({ lane }) => !without.includes(lane))
        .sort((a, b) => a.seq - b.seq)
        .map((facts) => ({ ...facts }))
    )
    return rows.filter(({ seq }) => !this.#gone.has(seq)).slice(0, limit)
  }

  async read(seq: number): Promise<StoredMessage<Content>> {
    const cached = this.#cache.get(seq)
    if (cached?.entry.state === 'waiting') return cached
    const { facts, content, outcome } = await this.#call('read', () => this.#row(seq))
    let decoded: Content
    try {
      decoded = cached?.content ?? this.#codec.decode(content)
    } catch {
      this.#disk.rows.delete(seq)
      const { controlId, type } = facts
      const text = `Number ${seq} cannot be understood.`
      throw new OutboxError(text, 'ERR_MESSAGE_DAMAGED', { controlId, type })
    }
    return {
      entry: { ...facts },
      content: decoded,
      ...(outcome === undefined ? {} : { outcome: JSON.parse(outcome) as unknown })
    }
  }

  async update(entry: Entry): Promise<void> {
    const copy = { ...entry }
    const isWaiting = copy.state === 'waiting'
    if (!isWaiting) this.#cache.note(copy)
    await this.#call('write', () => {
      const { content } = this.#row(copy.seq)
      this.#disk.rows.set(copy.seq, { facts: copy, content, place: ++this.#disk.place })
    })
    if (isWaiting) this.#cache.note(copy)
  }

  settle(entry: Entry, outcome: unknown): Promise<void> {
    const copy = { ...entry }
    this.#cache.note(copy)
    return this.#call('write', () => {
      const { content } = this.#row(copy.seq)
      const place = ++this.#disk.place
      // Like the real outbox, it throws if there is none.
      const stored = Buffer.from(JSON.stringify(outcome)).toString()
      this.#disk.rows.set(copy.seq, { facts: copy, content, outcome: stored, place })
    })
  }

  async remove(seq: number, record?: JournalRecord): Promise<void> {
    this.#cache.drop(seq)
    this.#gone.add(seq)
    await this.#call('write', () => {
      this.#row(seq)
      this.#disk.rows.delete(seq)
      if (record !== undefined) this.#disk.journal.add(record)
    })
    this.#gone.delete(seq)
  }

  find(query: FindQuery): Promise<Found> {
    const gone = new Set(this.#gone)
    return this.#call('read', () => {
      if (query.where === 'journal') return this.#disk.journal.find(query)
      const entries = [...this.#disk.rows.values()]
        .map(({ facts }) => ({ ...facts }))
        .filter(({ seq }) => !gone.has(seq))
        .filter((entry) => matchesEntry(entry, query) && entry.acceptedAt >= (query.since ?? 0))
        .sort((a, b) => b.seq - a.seq)
      const found = entries.slice(0, query.limit)
      const next = found.length < entries.length ? (found.at(-1)?.seq ?? 0) : 0
      return { entries: found, records: [], next }
    })
  }

  addEvent(event: QueueEvent): Promise<void> {
    return this.#call('write', () => {
      this.#disk.journal.addEvent(event)
    })
  }

  events(query: EventQuery): Promise<readonly QueueEvent[]> {
    return this.#call('read', () => this.#disk.journal.events(query))
  }

  setPaused(paused: Pause | undefined): Promise<void> {
    return this.#call('write', () => {
      this.#disk.paused = paused
    })
  }

  note(seq: number): Promise<void> {
    return this.#call('write', () => {
      this.#disk.noted = seq
      if (seq > 0) this.#disk.allNoted.push(seq)
    })
  }

  async close(): Promise<void> {
    this.#open = false
    if (this.#pending > 0) {
      await new Promise<void>((resolve) => {
        this.#whenIdle = resolve
      })
    }
  }

  async #call<T>(kind: Call['kind'], work: () => T): Promise<T> {
    if (!this.#open) throw new OutboxError('The queue is not open.', 'ERR_QUEUE_CLOSED')
    this.#pending++
    try {
      return await this.#disk.call(kind, work)
    } finally {
      if (--this.#pending === 0) this.#whenIdle?.()
    }
  }

  #row(seq: number): Row {
    const row = this.#disk.rows.get(seq)
    if (row === undefined) {
      throw new OutboxError(`Message ${seq} is not in the queue.`, 'ERR_NOT_QUEUED')
    }
    return row
  }
}
