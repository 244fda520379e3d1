/** Which numbered messages a receiver saw, and in which order. */
export class OrderWatch {
  /** How often each control ID arrived, in order of first arrival. */
  readonly deliveries = new Map<string, number>()
  /** Messages that first arrived after a later one of the same patient. */
  readonly overtaken: string[] = []
  readonly #last = new Map<string, string>()

  /** Notes a message before it is answered. Control IDs must have the same length, and increase. */
  note(controlId: string, patient: string): void {
    const times = this.deliveries.get(controlId) ?? 0
    this.deliveries.set(controlId, times + 1)
    if (times > 0) return
    const last = this.#last.get(patient) ?? ''
    if (controlId < last) this.overtaken.push(`${controlId} of ${patient} after ${last}`)
    else this.#last.set(patient, controlId)
  }

  /** The number of messages that arrived more than once. */
  get repeated(): number {
    return [...this.deliveries.values()].filter((times) => times > 1).length
  }
}
