import {
  OutboxError,
  type EntryFacts,
  type Outbox,
  type OutboxContents,
  type StoredEntry
} from '../../src/outbox/outbox.ts'

interface Row {
  facts: EntryFacts
  content: Buffer
  outcome?: Buffer
  /** Grows with each change of state. */
  place: number
}

interface Call {
  kind: 'write' | 'read'
  run: () => void
  fail: (error: OutboxError) => void
}

/**
 * A disk for tests. `outbox()` gives what one process sees of it; a call takes effect when `step`
 * comes to it, in the order of the calls. Until then a crash forgets it.
 */
export class FakeDisk {
  readonly rows = new Map<number, Row>()
  paused = false
  lastSeq = 0
  unclean = false
  /** The message that was noted last, 0 for none, and all that were. */
  noted = 0
  readonly allNoted: number[] = []
  /** Writes (reads) fail for the time being. */
  failWrites = false
  failReads = false
  /** Every call takes effect by itself, in the same turn. */
  immediate: boolean
  place = 0
  /** How often it was opened. */
  opened = 0
  #calls: Call[] = []

  constructor({ immediate = false } = {}) {
    this.immediate = immediate
  }

  get pending(): number {
    return this.#calls.length
  }

  /** Lets so many calls take effect. */
  step(count = Number.POSITIVE_INFINITY): void {
    for (; count > 0; count--) {
      const call = this.#calls.shift()
      if (call === undefined) return
      const fails = call.kind === 'write' ? this.failWrites : this.failReads
      if (fails) call.fail(new OutboxError('The disk is out of order.', 'EIO'))
      else call.run()
    }
  }

  /** What was asked for and did not take effect never does. */
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

  outbox(): FakeOutbox {
    return new FakeOutbox(this)
  }
}

/** A durable outbox on a `FakeDisk`. */
export class FakeOutbox implements Outbox {
  readonly durable = true
  readonly #disk: FakeDisk
  #open = false
  #pending = 0
  #whenIdle: (() => void) | undefined

  constructor(disk: FakeDisk) {
    this.#disk = disk
  }

  async open(): Promise<OutboxContents> {
    const disk = this.#disk
    const contents = await this.#disk.call('read', () => {
      const rows = [...disk.rows.values()].sort((a, b) => a.facts.seq - b.facts.seq)
      const waiting = rows.filter(({ facts }) => facts.state === 'waiting')
      const lanes = [...new Set(waiting.map(({ facts }) => facts.lane))]
      return {
        waiting: {
          seqs: Float64Array.from(waiting, ({ facts }) => facts.seq),
          acceptedAt: Float64Array.from(waiting, ({ facts }) => facts.acceptedAt),
          laneIndex: Uint32Array.from(waiting, ({ facts }) => lanes.indexOf(facts.lane)),
          lanes
        },
        suspended: rows
          .filter(({ facts }) => facts.state === 'suspended')
          .map(({ facts }) => ({ ...facts })),
        settled: rows
          .filter(({ facts }) => facts.state === 'settled')
          .sort((a, b) => a.place - b.place)
          .map(({ facts }) => facts.seq),
        paused: disk.paused,
        lastSeq: disk.lastSeq,
        unclean: disk.unclean,
        endedOn: []
      }
    })
    this.#open = true
    disk.opened++
    return contents
  }

  lane(key: string): string {
    return `lane ${key}`
  }

  add(facts: EntryFacts, content: () => Buffer): Promise<void> {
    const copy = { ...facts }
    return this.#call('write', () => {
      this.#disk.lastSeq = Math.max(this.#disk.lastSeq, copy.seq)
      this.#disk.rows.set(copy.seq, { facts: copy, content: content(), place: 0 })
    })
  }

  read(seq: number): Promise<StoredEntry> {
    return this.#call('read', () => {
      const { facts, content, outcome } = this.#row(seq)
      return { facts: { ...facts }, content, ...(outcome && { outcome }) }
    })
  }

  update(facts: EntryFacts): Promise<void> {
    const copy = { ...facts }
    return this.#call('write', () => {
      const { content } = this.#row(copy.seq)
      this.#disk.rows.set(copy.seq, { facts: copy, content, place: ++this.#disk.place })
    })
  }

  settle(facts: EntryFacts, outcome: () => Buffer): Promise<void> {
    const copy = { ...facts }
    return this.#call('write', () => {
      const { content } = this.#row(copy.seq)
      const place = ++this.#disk.place
      this.#disk.rows.set(copy.seq, { facts: copy, content, outcome: outcome(), place })
    })
  }

  remove(seq: number): Promise<void> {
    return this.#call('write', () => {
      this.#row(seq)
      this.#disk.rows.delete(seq)
    })
  }

  setDamaged(seq: number): Promise<void> {
    return this.#call('write', () => {
      this.#disk.rows.delete(seq)
    })
  }

  setPaused(paused: boolean): Promise<void> {
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
