/** What a receiver saw of numbered messages, and in which order. */
export class OrderWatch {
  /** How often each control ID came, in the order of the first time. */
  readonly deliveries = new Map<string, number>()
  /** Messages that came for the first time after a later one of their patient. */
  readonly overtaken: string[] = []
  readonly #last = new Map<string, string>()

  /** Notes a message that is about to be answered. Control IDs are as long as one another and grow. */
  note(controlId: string, patient: string): void {
    const times = this.deliveries.get(controlId) ?? 0
    this.deliveries.set(controlId, times + 1)
    if (times > 0) return
    const last = this.#last.get(patient) ?? ''
    if (controlId < last) this.overtaken.push(`${controlId} of ${patient} after ${last}`)
    else this.#last.set(patient, controlId)
  }

  /** Messages that came more than once. */
  get repeated(): number {
    return [...this.deliveries.values()].filter((times) => times > 1).length
  }
}
