import type { OutboxContents } from '../outbox/outbox.ts'
import { Lanes, type Order } from './lanes.ts'

/**
 * Whose turn it is: the next of the lanes. Before them what an earlier run left under keys of another
 * kind, one by one: between keys of two kinds there is no order by key, and a patient's messages could
 * overtake each other.
 */
export class Turns {
  readonly #order: Order
  readonly #lanes: Lanes
  /** Messages up to the number `last`. */
  #backlog: { lanes: Lanes; last: number } | undefined

  constructor(order: Order) {
    this.#order = order
    this.#lanes = new Lanes(order)
  }

  /**
   * Takes over what an earlier run left.
   *
   * @param own how the lanes of today's kind of key begin
   */
  restore({ seqs, lanes, laneIndex }: OutboxContents['waiting'], own: string): void {
    if (this.#order === 'key') {
      const foreign = lanes.map((lane) => !lane.startsWith(own))
      const last = seqs.findLast((_seq, index) => foreign[laneIndex[index] ?? 0] === true)
      if (last !== undefined) this.#backlog = { lanes: new Lanes('fifo'), last }
    }
    for (const [index, seq] of seqs.entries()) this.add(seq, lanes[laneIndex[index] ?? 0] ?? '')
  }

  /** As `Lanes.add`. */
  add(seq: number, lane: string): void {
    this.#lanesFor(seq).add(seq, lane)
  }

  /** As `Lanes.putBack`. */
  putBack(seq: number, lane: string): void {
    this.#lanesFor(seq).putBack(seq, lane)
  }

  /** As `Lanes.release`. */
  release(seq: number, lane: string): void {
    this.#lanesFor(seq).release(lane)
  }

  /** As `Lanes.take`. */
  take(): { seq: number; lane: string } | undefined {
    if (this.#backlog?.lanes.isEmpty === true) this.#backlog = undefined
    return (this.#backlog?.lanes ?? this.#lanes).take()
  }

  #lanesFor(seq: number): Lanes {
    return this.#backlog !== undefined && seq <= this.#backlog.last
      ? this.#backlog.lanes
      : this.#lanes
  }
}
