import type { DeliveryErrorCode } from '../../src/delivery/delivery-error.ts'

/** Counts what a node did not accept, by error code, since the node started. */
export class Refusals {
  /** Those that are usual are there from the start: a rate needs a first value. */
  readonly #counts = new Map<DeliveryErrorCode, number>([
    ['HL7_CONFIG', 0],
    ['HL7_INVALID_MESSAGE', 0],
    ['HL7_QUEUE_FULL', 0],
    ['HL7_QUEUE_FAILED', 0]
  ])

  #last: DeliveryErrorCode | '' = ''

  note(code: DeliveryErrorCode): void {
    this.#counts.set(code, (this.#counts.get(code) ?? 0) + 1)
    this.#last = code
  }

  accepted(): void {
    this.#last = ''
  }

  /** The code of the last refusal; `''` if a message was accepted since then. */
  get last(): DeliveryErrorCode | '' {
    return this.#last
  }

  get counts(): ReadonlyMap<DeliveryErrorCode, number> {
    return this.#counts
  }
}
