import type { EntryFacts } from '../outbox/outbox.ts'

export interface LoadedMessage<Content> {
  facts: EntryFacts
  content: Content
}

/** Contents stay in memory up to this size, in bytes. */
const MAX_BYTES = 16 * 1024 * 1024

/**
 * Waiting and suspended messages whose content is in memory: those that have to be there, and of the
 * others as many as there is room for.
 */
export class LoadedMessages<Content> {
  readonly #messages = new Map<number, { message: LoadedMessage<Content>; size: number }>()
  readonly #size: (content: Content) => number
  #bytes = 0

  /** @param size roughly, in bytes; `Infinity` for a content that cannot be had again */
  constructor(size: (content: Content) => number) {
    this.#size = size
  }

  /** Keeps it if it has to stay, there is room, or no other takes any. */
  add(facts: EntryFacts, content: Content): void {
    const wanted = this.#size(content)
    const size = wanted === Number.POSITIVE_INFINITY ? 0 : wanted
    // A long one that is alone stays: its turn is next, and to read it back would take more memory.
    if (size > 0 && this.#bytes > 0 && this.#bytes + size > MAX_BYTES) return
    this.#bytes += size
    this.#messages.set(facts.seq, { message: { facts, content }, size })
  }

  /** Gives it away; undefined where it has to be read again. */
  take(seq: number): LoadedMessage<Content> | undefined {
    const found = this.#messages.get(seq)
    if (found === undefined) return undefined
    this.#messages.delete(seq)
    // As it was counted: a flow may have changed the content meanwhile.
    this.#bytes -= found.size
    return found.message
  }

  /** Gives all away. */
  takeAll(): LoadedMessage<Content>[] {
    const messages = [...this.#messages.values()].map(({ message }) => message)
    this.#messages.clear()
    this.#bytes = 0
    return messages
  }
}
