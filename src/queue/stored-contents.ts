import type { MessageRow } from './message-row.ts'

/** How the content of a message is stored and restored. */
export interface ContentCodec<Content> {
  /**
   * `whole`: `decode` returns the same content. Content that is not whole stays in memory as it is.
   * The bytes are the queue's from then on.
   */
  encode(content: Content): { bytes: Buffer; whole: boolean }
  /** @throws {Error} for bytes that it cannot decode */
  decode(bytes: Buffer): Content
}

/** What the main thread makes of contents and outcomes before they are stored and after they were read. */
export interface StoredContents<Content> {
  /** Contents of messages with a lower number have to be read. */
  readonly before: number
  encode(seq: number, content: Content): Uint8Array
  /** For a content that is to replace another one; call `replace` once it is stored. */
  encodeAgain(content: Content): Uint8Array
  replace(seq: number, content: Content): void
  /** @returns undefined if that is not possible */
  decode(row: MessageRow, stored: Uint8Array | undefined): Content | undefined
  /** Of what was stored before an edit. @returns undefined if that is not possible */
  decodeOriginal(stored: Uint8Array): Content | undefined
  encodeOutcome(outcome: object): Uint8Array
  /** @returns undefined if that is not possible */
  decodeOutcome(stored: Uint8Array): unknown
  /** It may wait for long. */
  forget(seq: number): void
  /** It has left. */
  drop(seq: number): void
}

/** Room for contents in memory, in bytes. */
const MOST_BYTES = 16 * 1024 * 1024
/** Approximate memory of a message in addition to twice its stored bytes. */
const OBJECT_BYTES = 1024

/**
 * Contents as bytes. In memory besides are those that could not be stored in full, and the newest ones up to a
 * limit.
 */
export class EncodedContents<Content> implements StoredContents<Content> {
  readonly #codec: ContentCodec<Content>
  readonly #mostBytes: number
  readonly #sizeOf: (content: Content, bytes: number) => number
  /** In the order of acceptance, with their sizes. */
  readonly #newest = new Map<number, { content: Content; size: number }>()
  #bytes = 0
  /** Those that cannot be read again. */
  readonly #irreplaceable = new Map<number, Content>()

  /**
   * @param mostBytes room in memory
   * @param sizeOf what a content takes in memory, of its stored bytes
   */
  constructor(
    codec: ContentCodec<Content>,
    mostBytes = MOST_BYTES,
    sizeOf: (content: Content, bytes: number) => number = (_content, bytes) =>
      2 * bytes + OBJECT_BYTES
  ) {
    this.#codec = codec
    this.#mostBytes = mostBytes
    this.#sizeOf = sizeOf
  }

  get before(): number {
    const [first = Infinity] = this.#newest.keys()
    return first
  }

  encode(seq: number, content: Content): Uint8Array {
    const { bytes, whole } = this.#codec.encode(content)
    this.drop(seq)
    if (whole) this.#keep(seq, content, this.#sizeOf(content, bytes.length))
    else this.#irreplaceable.set(seq, content)
    return bytes
  }

  encodeAgain(content: Content): Uint8Array {
    return this.#codec.encode(content).bytes
  }

  replace(seq: number, content: Content): void {
    this.forget(seq)
    // If one of them cannot be stored in full, neither can the other.
    if (this.#irreplaceable.has(seq)) this.#irreplaceable.set(seq, content)
  }

  decode({ seq }: MessageRow, stored: Uint8Array | undefined): Content | undefined {
    const kept = this.#irreplaceable.get(seq) ?? this.#newest.get(seq)?.content
    return kept !== undefined || stored === undefined ? kept : this.decodeOriginal(stored)
  }

  decodeOriginal(stored: Uint8Array): Content | undefined {
    try {
      return this.#codec.decode(asBuffer(stored))
    } catch {
      return undefined
    }
  }

  encodeOutcome(outcome: object): Uint8Array {
    return Buffer.from(JSON.stringify(outcome))
  }

  decodeOutcome(stored: Uint8Array): unknown {
    try {
      return JSON.parse(asBuffer(stored).toString()) as unknown
    } catch {
      return undefined
    }
  }

  forget(seq: number): void {
    const kept = this.#newest.get(seq)
    if (kept === undefined) return
    this.#bytes -= kept.size
    this.#newest.delete(seq)
  }

  drop(seq: number): void {
    this.forget(seq)
    this.#irreplaceable.delete(seq)
  }

  /** The newest stays, however long: it may be next, and reading it back would take as much memory again. */
  #keep(seq: number, content: Content, size: number): void {
    this.#newest.set(seq, { content, size })
    this.#bytes += size
    for (const oldest of this.#newest.keys()) {
      if (this.#bytes <= this.#mostBytes || this.#newest.size === 1) return
      this.forget(oldest)
    }
  }
}

/** Contents as the objects that they are. */
export class ObjectContents<Content> implements StoredContents<Content> {
  readonly before = Infinity

  encode(_seq: number, content: Content): Uint8Array {
    return content as Uint8Array
  }

  encodeAgain(content: Content): Uint8Array {
    return content as Uint8Array
  }

  replace(): void {
    // The queue has it.
  }

  decode(_row: MessageRow, stored: Uint8Array | undefined): Content | undefined {
    return stored as Content | undefined
  }

  decodeOriginal(stored: Uint8Array): Content | undefined {
    return stored as Content
  }

  encodeOutcome(outcome: object): Uint8Array {
    return outcome as Uint8Array
  }

  decodeOutcome(stored: Uint8Array): unknown {
    return stored
  }

  forget(): void {
    // The queue has them.
  }

  drop(): void {
    // The queue drops them.
  }
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
