import {
  createCipheriv,
  createDecipheriv,
  createSecretKey,
  randomFillSync,
  type KeyObject
} from 'node:crypto'

/** The sealed parts of a message; each is bound to the place where it is stored. */
export type SealedPart = 'content' | 'outcome' | 'reason' | 'original'

/** Where a sealed piece belongs: the piece with that number, from 0, of a part of a message. */
export interface SealedPlace {
  seq: number
  part: SealedPart
  piece: number
}

const PARTS: Readonly<Record<SealedPart, number>> = {
  content: 0,
  outcome: 1,
  reason: 2,
  original: 3
}
const FLAG_BYTES = 1
const NONCE_BYTES = 12
const TAG_BYTES = 16
const OVERHEAD = FLAG_BYTES + NONCE_BYTES + TAG_BYTES
const LONG_BYTES = 64 * 1024
const MORE = 0
const LAST = 1

/**
 * Seals pieces of messages with AES-256-GCM (NIST SP 800-38D): one byte that says whether it is the
 * last piece, a random nonce of 96 bits, the ciphertext, a tag of 128 bits. The message's number, the
 * part, the piece's number and that byte are authenticated with it, so that what was sealed for one
 * place cannot be opened in another and nothing can be truncated; the key is the file's own.
 */
export class Sealer {
  readonly #key: KeyObject
  readonly #nonces = Buffer.alloc(NONCE_BYTES * 512)
  #nonceAt = this.#nonces.length
  readonly #bound = Buffer.alloc(14)
  #sealed = Buffer.alloc(0)

  constructor(key: Uint8Array) {
    this.#key = createSecretKey(key)
  }

  /** @returns what is sealed, until the next call */
  seal(place: SealedPlace, last: boolean, plain: Uint8Array): Buffer {
    const length = plain.length + OVERHEAD
    if (this.#sealed.length < length) this.#sealed = Buffer.allocUnsafeSlow(length)
    const sealed = this.#sealed.subarray(0, length)
    const flag = last ? LAST : MORE
    sealed[0] = flag
    const nonce = this.#nonce()
    nonce.copy(sealed, FLAG_BYTES)
    const cipher = createCipheriv('aes-256-gcm', this.#key, nonce)
    cipher.setAAD(this.#bind(place, flag))
    const text = cipher.update(plain)
    text.copy(sealed, FLAG_BYTES + NONCE_BYTES)
    free(text)
    cipher.final()
    cipher.getAuthTag().copy(sealed, sealed.length - TAG_BYTES)
    return sealed
  }

  /**
   * @param sealed what the file has there: after a flipped bit, it may not even be bytes
   * @returns undefined if it was sealed differently (place or key) or is damaged
   */
  unseal(place: SealedPlace, sealed: unknown): { last: boolean; plain: Buffer } | undefined {
    if (!(sealed instanceof Uint8Array)) return undefined
    const [flag] = sealed
    if (flag === undefined || sealed.length < OVERHEAD) return undefined
    const textAt = FLAG_BYTES + NONCE_BYTES
    const tagAt = sealed.length - TAG_BYTES
    const nonce = sealed.subarray(FLAG_BYTES, textAt)
    const options = { authTagLength: TAG_BYTES }
    const decipher = createDecipheriv('aes-256-gcm', this.#key, nonce, options)
    decipher.setAAD(this.#bind(place, flag))
    decipher.setAuthTag(sealed.subarray(tagAt))
    const plain = decipher.update(sealed.subarray(textAt, tagAt))
    try {
      decipher.final()
    } catch {
      return undefined
    }
    return { last: flag === LAST, plain }
  }

  #bind({ seq, part, piece }: SealedPlace, flag: number): Buffer {
    this.#bound.writeDoubleBE(seq)
    this.#bound[8] = PARTS[part]
    this.#bound.writeUInt32BE(piece, 9)
    this.#bound[13] = flag
    return this.#bound
  }

  #nonce(): Buffer {
    if (this.#nonceAt === this.#nonces.length) {
      randomFillSync(this.#nonces)
      this.#nonceAt = 0
    }
    this.#nonceAt += NONCE_BYTES
    return this.#nonces.subarray(this.#nonceAt - NONCE_BYTES, this.#nonceAt)
  }
}

/**
 * Immediately, if it is long: a long message has hundreds of such pieces, and the next garbage
 * collection may be far off.
 */
function free({ buffer, length }: Buffer): void {
  const isWhole = buffer instanceof ArrayBuffer && buffer.byteLength === length
  if (isWhole && length >= LONG_BYTES) buffer.transfer(0)
}
