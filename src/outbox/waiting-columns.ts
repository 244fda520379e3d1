import type { DatabaseSync } from 'node:sqlite'
import { DAMAGED, moment, MOST_SEQ } from './message-row.ts'
import type { OutboxContents } from './outbox.ts'
import { QueueDamageError } from './queue-fault.ts'

/** So many numbers in a row are not left out, unless a message was held up for very long. */
const LEAP = 2 ** 20

export interface WaitingColumns {
  waiting: OutboxContents['waiting']
  /** How many do not wait, but are suspended or settled. */
  aside: number
  /** Numbers far from the one before: either these messages can be read, or the numbers are wrong. */
  leaps: readonly number[]
}

/**
 * The waiting messages of a queue file, as columns of their own buffers. All rows are looked at.
 *
 * SQLite calls a function for each row: with a million rows that is twice as quick as making an
 * object of each.
 *
 * @throws {QueueDamageError} where rows are not as they were written
 */
export function waitingColumns(db: DatabaseSync): WaitingColumns {
  const lanes = new Map<string, number>()
  const leaps: number[] = []
  let aside = 0
  let before = 0
  let size = 1024
  let count = 0
  let seqs = new Float64Array(size)
  let acceptedAt = new Float64Array(size)
  let laneIndex = new Uint32Array(size)
  db.function('take', (seq, state, placed, at, lane) => {
    const waits = state === 0
    const known = waits || state === DAMAGED ? placed === 0 : state === 1 || state === 2
    const inOrder = typeof seq === 'number' && seq > before && seq <= MOST_SEQ
    const time = moment(at)
    if (!known || !inOrder || time === undefined || typeof lane !== 'string') {
      throw new QueueDamageError()
    }
    if (before > 0 && seq - before > LEAP) leaps.push(seq)
    before = seq
    if (!waits) {
      if (state !== DAMAGED) aside++
      return null
    }
    if (count === size) {
      size *= 2
      seqs = grown(seqs, new Float64Array(size))
      acceptedAt = grown(acceptedAt, new Float64Array(size))
      laneIndex = grown(laneIndex, new Uint32Array(size))
    }
    seqs[count] = seq
    acceptedAt[count] = time
    let index = lanes.get(lane)
    if (index === undefined) {
      index = lanes.size
      lanes.set(lane, index)
    }
    laneIndex[count++] = index
    return null
  })
  db.prepare(
    'SELECT count(take(seq, state, place IS NOT NULL, accepted_at, lane)) FROM (SELECT * FROM message ORDER BY seq)'
  ).get()
  const waiting = {
    seqs: seqs.slice(0, count),
    acceptedAt: acceptedAt.slice(0, count),
    laneIndex: laneIndex.slice(0, count),
    lanes: [...lanes.keys()]
  }
  return { waiting, aside, leaps }
}

function grown<T extends Float64Array | Uint32Array>(from: T, to: T): T {
  to.set(from)
  return to
}
