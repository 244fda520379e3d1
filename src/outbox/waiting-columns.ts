import type { DatabaseSync } from 'node:sqlite'
import type { OutboxContents } from './outbox.ts'

/**
 * The waiting messages of a queue file, as columns of their own buffers.
 *
 * SQLite calls a function for each row: with a million rows that is twice as quick as making an
 * object of each.
 */
export function waitingColumns(db: DatabaseSync): OutboxContents['waiting'] {
  const lanes = new Map<string, number>()
  let size = 1024
  let count = 0
  let seqs = new Float64Array(size)
  let acceptedAt = new Float64Array(size)
  let laneIndex = new Uint32Array(size)
  db.function('take', (seq, at, lane) => {
    if (count === size) {
      size *= 2
      seqs = grown(seqs, new Float64Array(size))
      acceptedAt = grown(acceptedAt, new Float64Array(size))
      laneIndex = grown(laneIndex, new Uint32Array(size))
    }
    seqs[count] = seq as number
    acceptedAt[count] = at as number
    let index = lanes.get(lane as string)
    if (index === undefined) {
      index = lanes.size
      lanes.set(lane as string, index)
    }
    laneIndex[count++] = index
    return null
  })
  db.prepare(
    'SELECT count(take(seq, accepted_at, lane)) FROM (SELECT * FROM message WHERE state = 0 ORDER BY seq)'
  ).get()
  return {
    seqs: seqs.slice(0, count),
    acceptedAt: acceptedAt.slice(0, count),
    laneIndex: laneIndex.slice(0, count),
    lanes: [...lanes.keys()]
  }
}

function grown<T extends Float64Array | Uint32Array>(from: T, to: T): T {
  to.set(from)
  return to
}
