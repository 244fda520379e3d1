import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { Sealer } from './seal.ts'

const PARTS = ['content', 'outcome'] as const
export type Part = (typeof PARTS)[number]
/** Long parts are sealed and stored in pieces, so that they are not in memory as often. */
const PIECE_BYTES = 256 * 1024
/** How the numbers of pieces are given out: so many to each part, and so many to each message. */
const PIECES_OF_PART = 2 ** 16
const PIECES_OF_MESSAGE = 4 * PIECES_OF_PART

/** The table `sealed` of a queue file: what is sealed of each message, in pieces. */
export class SealedParts {
  readonly #sealer: Sealer
  readonly #put: StatementSync
  readonly #pieces: StatementSync
  readonly #drop: StatementSync

  constructor(db: DatabaseSync, sealer: Sealer) {
    this.#sealer = sealer
    this.#put = db.prepare('INSERT OR REPLACE INTO sealed VALUES (?, ?)')
    this.#pieces = db.prepare('SELECT bytes FROM sealed WHERE id BETWEEN ? AND ? ORDER BY id')
    this.#drop = db.prepare('DELETE FROM sealed WHERE id BETWEEN ? AND ?')
  }

  put(seq: number, part: Part, plain: Uint8Array): void {
    const id = pieceId(seq, part)
    let piece = 0
    for (let from = 0; from === 0 || from < plain.length; from += PIECE_BYTES) {
      const last = from + PIECE_BYTES >= plain.length
      const bytes = plain.subarray(from, from + PIECE_BYTES)
      this.#put.run(id + piece, this.#sealer.seal({ seq, part, piece }, last, bytes))
      piece++
    }
  }

  /** All parts of a message. */
  dropAll(seq: number): void {
    this.#drop.run(seq * PIECES_OF_MESSAGE, (seq + 1) * PIECES_OF_MESSAGE - 1)
  }

  drop(seq: number, part: Part): void {
    const id = pieceId(seq, part)
    this.#drop.run(id, id + PIECES_OF_PART - 1)
  }

  /** Undefined if a piece is missing or not authentic. */
  get(seq: number, part: Part): Buffer | undefined {
    const id = pieceId(seq, part)
    const pieces: Buffer[] = []
    let complete = false
    for (const row of this.#pieces.iterate(id, id + PIECES_OF_PART - 1)) {
      const place = { seq, part, piece: pieces.length }
      const unsealed = this.#sealer.unseal(place, row['bytes'])
      if (unsealed === undefined) break
      pieces.push(unsealed.plain)
      complete = unsealed.last
    }
    return complete ? ownBuffer(pieces) : undefined
  }

  /** Takes a row of a damaged file over, if it is authentic. */
  adopt(id: number, sealed: unknown): void {
    const seq = Math.floor(id / PIECES_OF_MESSAGE)
    const piece = id % PIECES_OF_PART
    const part = PARTS[Math.floor((id % PIECES_OF_MESSAGE) / PIECES_OF_PART)]
    const authentic = part && this.#sealer.unseal({ seq, part, piece }, sealed)
    if (authentic) this.#put.run(id, sealed as Uint8Array)
  }
}

/** SQL: the number of the message that a row of `sealed` belongs to. */
export const SEQ_OF_SEALED = `id / ${PIECES_OF_MESSAGE}`

/** SQL, for a row of `message`: the pieces of the part from the first to one that is marked as the last are there. */
export function isWhole(part: Part): string {
  const first = `(seq * ${PIECES_OF_MESSAGE} + ${PARTS.indexOf(part) * PIECES_OF_PART})`
  return `EXISTS (
    SELECT 1 FROM sealed AS one
    WHERE one.id BETWEEN ${first} AND ${first} + ${PIECES_OF_PART - 1}
      AND substr(one.bytes, 1, 1) = x'01'
      AND one.id - ${first} + 1 = (SELECT count(*) FROM sealed WHERE id BETWEEN ${first} AND one.id))`
}

function pieceId(seq: number, part: Part): number {
  return seq * PIECES_OF_MESSAGE + PARTS.indexOf(part) * PIECES_OF_PART
}

/** In its own memory, which can be transferred to another thread. */
function ownBuffer(pieces: readonly Buffer[]): Buffer {
  const whole = Buffer.from(new ArrayBuffer(pieces.reduce((sum, { length }) => sum + length, 0)))
  let at = 0
  for (const piece of pieces) at += piece.copy(whole, at)
  return whole
}
