import type { DiskOutbox } from './disk-outbox.ts'
import { MemoryOutbox } from './memory-outbox.ts'
import type { EntryFacts, Outbox, OutboxContents, StoredEntry } from './outbox.ts'

/**
 * The outbox of a node whose queue is in memory: a file that an earlier setting left behind is used,
 * and so drained, until the node is started with nothing in it and not paused.
 */
export class DrainingOutbox implements Outbox {
  readonly #disk: DiskOutbox
  #chosen: Outbox = new MemoryOutbox()

  constructor(disk: DiskOutbox) {
    this.#disk = disk
  }

  get durable(): boolean {
    return this.#chosen.durable
  }

  async open(): Promise<OutboxContents> {
    if (await this.#disk.isInUse()) this.#chosen = this.#disk
    return this.#chosen.open()
  }

  lane(key: string): string {
    return this.#chosen.lane(key)
  }

  add(facts: EntryFacts, content: () => Buffer): Promise<void> {
    return this.#chosen.add(facts, content)
  }

  read(seq: number): Promise<StoredEntry> {
    return this.#chosen.read(seq)
  }

  update(facts: EntryFacts): Promise<void> {
    return this.#chosen.update(facts)
  }

  settle(facts: EntryFacts, outcome: () => Buffer): Promise<void> {
    return this.#chosen.settle(facts, outcome)
  }

  remove(seq: number): Promise<void> {
    return this.#chosen.remove(seq)
  }

  setDamaged(seq: number): Promise<void> {
    return this.#chosen.setDamaged(seq)
  }

  setPaused(paused: boolean): Promise<void> {
    return this.#chosen.setPaused(paused)
  }

  note(seq: number): Promise<void> {
    return this.#chosen.note(seq)
  }

  close(): Promise<void> {
    return this.#chosen.close()
  }
}
