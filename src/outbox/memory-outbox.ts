import type { Entry, Outbox, OutboxContents } from './outbox.ts'

/** An outbox that lives as long as the process: the messages stay the flow's own objects. */
export class MemoryOutbox<Content, Outcome> implements Outbox<Content, Outcome> {
  readonly durable = false
  readonly #entries = new Map<number, Entry<Content, Outcome>>()

  open(): Promise<OutboxContents> {
    return Promise.resolve({ waiting: [], suspended: [], settled: [], paused: false, lastSeq: 0 })
  }

  add(entry: Entry<Content, Outcome>): Promise<void> {
    this.#entries.set(entry.seq, entry)
    return Promise.resolve()
  }

  read(seq: number): Promise<Entry<Content, Outcome>> {
    const entry = this.#entries.get(seq)
    return entry === undefined
      ? Promise.reject(new Error(`There is no message ${seq} in the queue.`))
      : Promise.resolve(entry)
  }

  /** The entry that a caller changes is the stored one. */
  update(): Promise<void> {
    return Promise.resolve()
  }

  remove(seq: number): Promise<void> {
    this.#entries.delete(seq)
    return Promise.resolve()
  }

  setPaused(): Promise<void> {
    return Promise.resolve()
  }

  close(): Promise<void> {
    this.#entries.clear()
    return Promise.resolve()
  }
}
