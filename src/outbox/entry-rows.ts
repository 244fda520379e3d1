import { STATES, wholeRow } from './message-row.ts'
import type { Entry } from './outbox.ts'
import { QueueDamageError } from './queue-fault.ts'
import type { Sealer, SealedPlace } from './seal.ts'
import { verdictFrom } from './stored-json.ts'

/** From rows of `message` to entries; the verdict is sealed there. */
export class EntryRows {
  readonly #sealer: Sealer

  constructor(sealer: Sealer) {
    this.#sealer = sealer
  }

  /** @returns the column `reason`, until the next seal */
  sealedVerdict({ seq, verdict }: Entry): Buffer | null {
    if (verdict === undefined) return null
    return this.#sealer.seal(reasonOf(seq), true, Buffer.from(JSON.stringify(verdict), 'utf8'))
  }

  /** @throws {QueueDamageError} for values that were never written so */
  entryOf(stored: Record<string, unknown>): Entry {
    const row = wholeRow(stored)
    if (row === undefined) throw new QueueDamageError()
    const entry: Entry = {
      seq: row.seq,
      lane: row.lane,
      controlId: row.control_id,
      type: row.type,
      acceptedAt: row.accepted_at,
      state: STATES[row.state] ?? 'waiting',
      attempts: row.attempts,
      spentMs: row.spent_ms
    }
    if (row.suspended_at !== null) entry.suspendedAt = row.suspended_at
    // A damaged verdict is no reason to hold back the message.
    const verdict = row.reason && this.#sealer.unseal(reasonOf(row.seq), row.reason)
    if (verdict) entry.verdict = verdictFrom(verdict.plain.toString('utf8'))
    return entry
  }
}

function reasonOf(seq: number): SealedPlace {
  return { seq, part: 'reason', piece: 0 }
}
