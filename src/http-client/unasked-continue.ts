import type { Socket } from 'node:net'

const CONTINUE = Buffer.from('HTTP/1.1 100')
/** So much of it is the same for every interim answer. */
const INTERIM = CONTINUE.subarray(0, -2)
const LINE_FEED = 0x0a
const CARRIAGE_RETURN = 0x0d

/**
 * What the next bytes belong to: the beginning of an answer, of which it is not known yet whether it is an interim one;
 * the head of a `100 Continue`, or of another interim answer; or anything else, which is not looked at.
 */
type Part = 'beginning' | 'continue' | 'interim' | 'other'

/**
 * Leaves `100 Continue` out of what is read from a socket. Some servers send it although no request asks for it
 * (`Expect`), and a client may pass over it (RFC 9110 §15.2.1). undici closes the connection instead (UPSTREAM.md).
 */
export class UnaskedContinue {
  #part: Part = 'other'
  /** The beginning of an answer, as far as it is like that of `100 Continue`. */
  #held = 0
  /** Bytes in the current line of an interim head. */
  #inLine = 0

  /** @param socket before anything is read from it */
  constructor(socket: Socket) {
    const read = socket.read.bind(socket) as (size?: number) => Buffer | null
    socket.read = (size?: number): Buffer | null => {
      for (;;) {
        const bytes = read(size)
        if (bytes === null || this.#part === 'other') return bytes
        const kept = this.#filter(bytes)
        if (kept.length > 0) return kept
      }
    }
  }

  /** A request begins: what is read from now on is its answer. */
  expectAnswer(): void {
    this.#part = 'beginning'
    this.#held = 0
  }

  #filter(bytes: Buffer): Buffer {
    // Nearly always.
    if (this.#part === 'beginning' && this.#held === 0 && isFinal(bytes)) {
      this.#part = 'other'
      return bytes
    }
    const kept: Buffer[] = []
    let at = 0
    while (at < bytes.length) {
      if (this.#part === 'other') {
        kept.push(bytes.subarray(at))
        break
      }
      const from = at
      if (this.#part === 'beginning') {
        at += this.#compare(bytes.subarray(at), kept)
      } else {
        const part = this.#part
        at = this.#endOfHead(bytes, at)
        if (part === 'interim') kept.push(bytes.subarray(from, at))
      }
    }
    const [only = bytes.subarray(0, 0)] = kept
    return kept.length > 1 ? Buffer.concat(kept) : only
  }

  /** @returns how many of the bytes belong to the beginning of `100 Continue`: they are held back until that is known */
  #compare(bytes: Buffer, kept: Buffer[]): number {
    const before = this.#held
    const most = Math.min(bytes.length, CONTINUE.length - before)
    let same = 0
    while (same < most && bytes[same] === CONTINUE[before + same]) same++
    this.#held += same
    if (this.#held < CONTINUE.length && same === bytes.length) return same
    // What follows the code is in the same line.
    this.#inLine = 1
    if (this.#held === CONTINUE.length) {
      this.#part = 'continue'
      return same
    }
    this.#part = this.#held >= INTERIM.length ? 'interim' : 'other'
    if (before > 0) kept.push(CONTINUE.subarray(0, before))
    return 0
  }

  /** @returns where the head ends that the bytes belong to, or that they all do */
  #endOfHead(bytes: Buffer, from: number): number {
    for (let at = from; at < bytes.length; at++) {
      const byte = bytes[at]
      if (byte === LINE_FEED) {
        if (this.#inLine === 0) {
          this.expectAnswer()
          return at + 1
        }
        this.#inLine = 0
      } else if (byte !== CARRIAGE_RETURN) this.#inLine++
    }
    return bytes.length
  }
}

/** Whether an answer that begins so is certainly no interim one. */
function isFinal(bytes: Buffer): boolean {
  return bytes.length >= INTERIM.length && bytes[INTERIM.length - 1] !== INTERIM.at(-1)
}
