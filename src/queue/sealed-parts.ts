import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { PARTS, type ContentStore, type Part } from './queue-types.ts'
import type { Sealer } from './seal.ts'

/** Long parts are sealed and stored in pieces, so that they are not in memory as often. */
const PIECE_BYTES = 256 * 1024
/** How the numbers of pieces are given out: so many to each part, and so many to each message. */
const PIECES_OF_PART = 2 ** 16
export const PIECES_OF_MESSAGE = 4 * PIECES_OF_PART
/** So many pieces of a message are deleted at once: each overwrites as much of the log. */
const PIECES_PER_DROP = 3

/** The table `sealed` of a queue file: contents and outcomes, in pieces. */
export class SealedParts implements ContentStore<Uint8Array> {
  readonly #sealer: Sealer
  readonly #put: StatementSync
  readonly #pieces: StatementSync
  readonly #drop: StatementSync
  readonly #dropSome: StatementSync
  readonly #size: StatementSync

  constructor(db: DatabaseSync, sealer: Sealer) {
    this.#sealer = sealer
    this.#put = db.prepare('INSERT OR REPLACE INTO sealed VALUES (?, ?)')
    this.#pieces = db.prepare('SELECT bytes FROM sealed WHERE id BETWEEN ? AND ? ORDER BY id')
    this.#drop = db.prepare('DELETE FROM sealed WHERE id BETWEEN ? AND ?')
    this.#dropSome = db.prepare(
      `DELETE FROM sealed WHERE id IN (
         SELECT id FROM sealed WHERE id BETWEEN ? AND ? ORDER BY id LIMIT ${PIECES_PER_DROP})`
    )
    this.#size = db.prepare(
      'SELECT total(length(bytes)) AS bytes FROM sealed WHERE id BETWEEN ? AND ?'
    )
  }

  dropPart(seq: number, part: Part): void {
    const id = pieceId(seq, part)
    this.#drop.run(id, id + PIECES_OF_PART - 1)
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

  /** Undefined if a piece is missing or not authentic. */
  get(seq: number, part: Part): Uint8Array | undefined {
    const id = pieceId(seq, part)
    const pieces: Uint8Array[] = []
    const rows = this.#pieces.iterate(id, id + PIECES_OF_PART - 1)
    try {
      for (const row of rows) {
        const place = { seq, part, piece: pieces.length }
        const unsealed = this.#sealer.unseal(place, row['bytes'])
        if (unsealed === undefined) return undefined
        pieces.push(unsealed.plain)
        // Not one row further: what comes next may be damaged.
        if (unsealed.last) return joined(pieces)
      }
    } finally {
      // The loop does not close what has thrown, and the next use of the statement would throw again.
      rows.return?.()
    }
    return undefined
  }

  sizeOf(seq: number): number {
    const { bytes } = this.#size.get(...piecesOf(seq)) as { bytes: number }
    return bytes
  }

  drop(seq: number): boolean {
    return this.#dropSome.run(...piecesOf(seq)).changes === PIECES_PER_DROP
  }
}

/** The ids that the pieces of a message may have. */
function piecesOf(seq: number): [first: number, last: number] {
  return [seq * PIECES_OF_MESSAGE, (seq + 1) * PIECES_OF_MESSAGE - 1]
}

function pieceId(seq: number, part: Part): number {
  return seq * PIECES_OF_MESSAGE + PARTS.indexOf(part) * PIECES_OF_PART
}

/** In memory of their own, which can be transferred to another thread. */
function joined(pieces: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const piece of pieces) {
    whole.set(piece, at)
    at += piece.length
  }
  return whole
}
