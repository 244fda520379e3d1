import type { DeliveryError, DeliveryErrorCode } from '../../src/delivery/delivery-error.ts'

/** Codes of a refusal for which the message is to blame; for any other it is the node. */
export const MESSAGE_FAULTS: ReadonlySet<string> = new Set([
  'HL7_INVALID_MESSAGE',
  'HL7_CONFIG',
  'HL7_UNMATCHED_ACK'
] satisfies DeliveryErrorCode[])

/** Counts what a node did not accept, by error code, since the node started. */
export class NotAccepted {
  /** Those that are usual are there from the start: a rate needs a first value. */
  readonly #counts = new Map<DeliveryErrorCode, number>([
    ['HL7_CONFIG', 0],
    ['HL7_INVALID_MESSAGE', 0],
    ['HL7_QUEUE_FULL', 0],
    ['HL7_QUEUE_FAILED', 0]
  ])

  #last: DeliveryErrorCode | '' = ''

  note({ code }: Pick<DeliveryError, 'code'>): void {
    this.#counts.set(code, (this.#counts.get(code) ?? 0) + 1)
    this.#last = code
  }

  accepted(): void {
    this.#last = ''
  }

  /** A message has left, or the queue could be opened: it works. It says nothing about a message that was to blame. */
  recovered(): void {
    if (!MESSAGE_FAULTS.has(this.#last)) this.#last = ''
  }

  /** The code of the last refusal, while it still holds; `''` for none. */
  get last(): DeliveryErrorCode | '' {
    return this.#last
  }

  get counts(): ReadonlyMap<DeliveryErrorCode, number> {
    return this.#counts
  }
}
