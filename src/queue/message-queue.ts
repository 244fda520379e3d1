import { randomUUID } from 'node:crypto'
import { english } from '../english.ts'
import type { FieldValue } from './keyed-hashes.ts'
import type { MessageRow } from './message-row.ts'
import type { QueueEngine } from './queue-engine.ts'
import { QueueError } from './queue-error.ts'
import type { QueueMethod, QueueMethods } from './queue-protocol.ts'
import type {
  ClaimedMessage,
  EditedMessage,
  LeftMemory,
  LeftMessage,
  Move,
  NewMessage,
  OpenedQueue,
  OwnOnes,
  Preference,
  QueueCounts,
  QueueSummary
} from './queue-types.ts'
import type { StoredContents } from './stored-contents.ts'

/** A message that was handed out, as it comes from the queue. */
export type Claim = ClaimedMessage<Uint8Array>

/** The same with what was stored of it. */
export interface Restored<Content> {
  row: MessageRow
  /** The original object if it is still in memory, and always if not all of it could be stored. */
  content: Content
  /** What was stored when it was suspended, began to await or was settled. */
  outcome?: unknown
}

/** Methods that take and return what the main thread has. */
type PlainMethod = Exclude<
  QueueMethod,
  | 'accept'
  | 'claimNext'
  | 'edit'
  | 'finish'
  | 'move'
  | 'read'
  | 'readOriginal'
  | 'release'
  | 'setDamaged'
>

/**
 * The queue of a node as the main thread sees it, in memory or on disk: what the methods do is said in
 * `queue.ts`. They take effect in the order in which they are called, and each is as safe once its promise resolves as
 * its caller needs (`AFTER_SYNC` in `queue-protocol.ts`); all reject with a `QueueError`.
 */
export class MessageQueue<Content> {
  readonly #engine: QueueEngine
  readonly #contents: StoredContents<Content>

  constructor(engine: QueueEngine, contents: StoredContents<Content>) {
    this.#engine = engine
    this.#contents = contents
  }

  /** Its messages survive the process. */
  get isDurable(): boolean {
    return this.#engine.isDurable
  }

  /** As the last call left it. */
  get counts(): QueueCounts {
    return this.#engine.counts
  }

  get summary(): QueueSummary {
    return this.#engine.summary
  }

  /** See `QueueEngine.unconfirmed`. */
  get unconfirmed(): number {
    return this.#engine.unconfirmed
  }

  /** See `QueueEngine.silentMs`. */
  get silentMs(): number {
    return this.#engine.silentMs
  }

  /** See `QueueEngine.open`. */
  open(signal?: AbortSignal): Promise<OpenedQueue> {
    return this.#engine.open(signal)
  }

  laneOf(key: string): number {
    return this.#engine.hashes.laneOf(key)
  }

  hashOf(value: FieldValue): Uint8Array {
    return this.#engine.hashes.hashOf(value)
  }

  /** Calls a method of the queue that needs nothing of the content: what it does is said in `queue.ts`. */
  call<Method extends PlainMethod>(
    method: Method,
    ...args: Parameters<QueueMethods[Method]>
  ): Promise<ReturnType<QueueMethods[Method]>> {
    return this.#engine.call(method, () => args)
  }

  async accept(message: NewMessage, content: Content): Promise<void> {
    const { seq } = message
    try {
      await this.#engine.call('accept', () => [message, this.#contents.encode(seq, content)])
    } catch (error) {
      this.#contents.drop(seq)
      throw error
    }
  }

  claimNext(most: number, preference?: Preference, own?: OwnOnes): Promise<Claim[]> {
    return this.#engine.call('claimNext', () => [most, this.#contents.before, preference, own])
  }

  /**
   * What was stored of a message that was handed out.
   *
   * @throws {QueueError} `ERR_MESSAGE_DAMAGED` if it cannot be restored: from then on it does not count
   */
  async restore({ row, content, outcome, isDamaged }: Claim): Promise<Restored<Content>> {
    let restored = isDamaged ? undefined : this.#contents.decode(row, content)
    if (restored === undefined && content === undefined && !isDamaged) {
      // It is new enough to be in memory, but was set aside meanwhile.
      const read = await this.#engine.call('read', () => [row.seq])
      restored = this.#contents.decode(row, read.content)
    }
    if (restored === undefined) {
      // If that cannot be stored, the next start finds it again.
      await this.#engine.call('setDamaged', () => [row.seq]).catch(() => undefined)
      throw damaged(row)
    }
    const read = outcome && this.#contents.decodeOutcome(outcome)
    return { row, content: restored, ...(read !== undefined && { outcome: read }) }
  }

  /** Nothing is stored for it, so that it cannot fail while the queue is open. */
  release(seq: number): void {
    this.#engine.call('release', () => [seq]).catch(() => undefined)
  }

  /**
   * @param move its outcome is anything that JSON can carry
   * @param isAwaited a person or an application waits for it: it resolves when it is safe
   */
  async move(
    move: Omit<Move<object>, 'outcome'> & { outcome?: object },
    isAwaited = false
  ): Promise<boolean> {
    const { outcome, ...facts } = move
    const { seq, to } = move
    // It may wait for days.
    if (to === 'suspended' || to === 'awaiting') this.#contents.forget(seq)
    return this.#engine.call(
      'move',
      () => [{ ...facts, ...(outcome && { outcome: this.#contents.encodeOutcome(outcome) }) }],
      { isAwaited }
    )
  }

  async finish(seq: number, left?: LeftMessage, memory?: LeftMemory): Promise<void> {
    this.#contents.drop(seq)
    try {
      await this.#engine.call('finish', () => [seq, left, memory])
    } catch (error) {
      // A thread that died had done it.
      if (!(error instanceof QueueError && error.code === 'ERR_NOT_QUEUED')) throw error
    }
  }

  async edit(
    message: EditedMessage,
    content: Content,
    by?: string,
    reason?: string
  ): Promise<boolean> {
    const { seq } = message
    const id = randomUUID()
    const isEdited = await this.#engine.call('edit', () => [
      message,
      this.#contents.encodeAgain(content),
      by,
      reason,
      id
    ])
    if (isEdited) this.#contents.replace(seq, content)
    return isEdited
  }

  /** @throws {QueueError} `ERR_NOT_QUEUED`, or as `restore` does */
  async read(seq: number): Promise<Restored<Content>> {
    return this.restore(await this.#engine.call('read', () => [seq]))
  }

  /** The content of a message before it was edited first; undefined if that cannot be read. */
  async readOriginal(seq: number): Promise<Content | undefined> {
    const stored = await this.#engine.call('readOriginal', () => [seq])
    return stored && this.#contents.decodeOriginal(stored)
  }

  /** Finishes pending calls and closes every file. */
  close(): Promise<void> {
    return this.#engine.close()
  }
}

function damaged({ seq, controlId, type }: MessageRow): QueueError {
  return new QueueError(english('log', 'queue.messageDamaged', { seq }), 'ERR_MESSAGE_DAMAGED', {
    controlId,
    type
  })
}
