import type { Entry } from './outbox.ts'

interface Kept<Content> {
  entry: Entry
  content: Content
  size: number
}

/**
 * Contents that are in memory besides the file: those that could not be stored in full, and as many
 * of the others as there is room for. The oldest stay, since their turn comes first.
 */
export class ContentCache<Content> {
  readonly #kept = new Map<number, Kept<Content>>()
  readonly #mostBytes: number
  #bytes = 0

  /** @param mostBytes room for contents that can be read again; 0 for none */
  constructor(mostBytes = 16 * 1024 * 1024) {
    this.#mostBytes = mostBytes
  }

  /**
   * Keeps it if it has to stay, there is room, or no other takes any.
   *
   * @param size in bytes, roughly; `Infinity` for a content that cannot be read again
   */
  keep(entry: Entry, content: Content, size: number): void {
    const counted = size === Number.POSITIVE_INFINITY ? 0 : size
    // A single long one stays: its turn is next, and reading it back would take more memory.
    const hasRoom = this.#bytes === 0 || this.#bytes + counted <= this.#mostBytes
    if (counted > 0 && (this.#mostBytes === 0 || !hasRoom)) return
    this.#bytes += counted
    this.#kept.set(entry.seq, { entry, content, size: counted })
  }

  get(seq: number): { entry: Entry; content: Content } | undefined {
    return this.#kept.get(seq)
  }

  /** The entry of a message has changed. A suspended one may wait for days, so it is dropped. */
  note(entry: Entry): void {
    const kept = this.#kept.get(entry.seq)
    if (kept === undefined) return
    kept.entry = entry
    if (entry.state === 'suspended' && kept.size > 0) this.drop(entry.seq)
  }

  drop(seq: number): void {
    const kept = this.#kept.get(seq)
    if (kept === undefined) return
    this.#bytes -= kept.size
    this.#kept.delete(seq)
  }
}
