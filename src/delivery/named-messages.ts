import type { Message } from './message.ts'

/** Messages by number, which are also found by their control ID, however many there are. */
export class NamedMessages extends Map<number, Message> {
  readonly #byControlId = new Map<string, Set<Message>>()

  /** Those with that control ID, in no order. */
  named(controlId: string): Iterable<Message> {
    return this.#byControlId.get(controlId) ?? []
  }

  override set(seq: number, message: Message): this {
    this.delete(seq)
    const { controlId } = message.entry
    const others = this.#byControlId.get(controlId)
    if (others === undefined) this.#byControlId.set(controlId, new Set([message]))
    else others.add(message)
    return super.set(seq, message)
  }

  override delete(seq: number): boolean {
    const message = this.get(seq)
    if (message === undefined) return false
    const { controlId } = message.entry
    const others = this.#byControlId.get(controlId)
    others?.delete(message)
    if (others?.size === 0) this.#byControlId.delete(controlId)
    return super.delete(seq)
  }
}
