import {
  createCipheriv,
  createDecipheriv,
  createSecretKey,
  randomFillSync,
  type KeyObject
} from 'node:crypto'

/** What of a message is sealed; bound to the place where it is kept. */
export type SealedPart = 'content' | 'outcome' | 'reason'

const PARTS: Readonly<Record<SealedPart, number>> = { content: 0, outcome: 1, reason: 2 }
const NONCE_BYTES = 12
const TAG_BYTES = 16
/** So that a long message is not in memory a third time while it is sealed. */
const SLICE = 64 * 1024

/**
 * Seals parts of messages with AES-256-GCM (NIST SP 800-38D): a random nonce of 96 bits, the
 * ciphertext, a tag of 128 bits. The message's number and the part are authenticated with it, so
 * that what was sealed for one place opens in no other; the key is the file's own.
 */
export class Sealer {
  readonly #key: KeyObject
  readonly #nonces = Buffer.alloc(NONCE_BYTES * 512)
  #nonceAt = this.#nonces.length
  readonly #place = Buffer.alloc(9)

  constructor(key: Uint8Array) {
    this.#key = createSecretKey(key)
  }

  seal(seq: number, part: SealedPart, plain: Uint8Array): Buffer {
    const sealed = Buffer.allocUnsafe(NONCE_BYTES + plain.length + TAG_BYTES)
    const nonce = this.#nonce()
    nonce.copy(sealed)
    const cipher = createCipheriv('aes-256-gcm', this.#key, nonce)
    cipher.setAAD(this.#placeOf(seq, part))
    let at = NONCE_BYTES
    for (let from = 0; from < plain.length; from += SLICE) {
      at += cipher.update(plain.subarray(from, from + SLICE)).copy(sealed, at)
    }
    cipher.final()
    cipher.getAuthTag().copy(sealed, at)
    return sealed
  }

  /** @returns undefined where it was not sealed so: for another place, with another key, or damaged */
  unseal(seq: number, part: SealedPart, sealed: Uint8Array): Buffer | undefined {
    const length = sealed.length - NONCE_BYTES - TAG_BYTES
    if (length < 0) return undefined
    const decipher = createDecipheriv('aes-256-gcm', this.#key, sealed.subarray(0, NONCE_BYTES), {
      authTagLength: TAG_BYTES
    })
    decipher.setAAD(this.#placeOf(seq, part))
    decipher.setAuthTag(sealed.subarray(NONCE_BYTES + length))
    // Not from the pool: it goes to another thread without a copy.
    const plain = Buffer.from(new ArrayBuffer(length))
    let at = 0
    while (at < length) {
      const from = NONCE_BYTES + at
      const to = Math.min(from + SLICE, NONCE_BYTES + length)
      at += decipher.update(sealed.subarray(from, to)).copy(plain, at)
    }
    try {
      decipher.final()
    } catch {
      return undefined
    }
    return plain
  }

  #placeOf(seq: number, part: SealedPart): Buffer {
    this.#place.writeDoubleBE(seq)
    this.#place[8] = PARTS[part]
    return this.#place
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
