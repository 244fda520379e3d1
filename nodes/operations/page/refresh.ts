/** Repeats some work while somebody looks: after a tick, and slowly without one. Never twice at a time. */
export class Refresh {
  readonly #work: () => Promise<void>
  readonly #everyMs: () => number
  #looking = false
  #busy = false
  #again = false
  #timer: ReturnType<typeof setTimeout> | undefined

  /**
   * @param work must not reject
   * @param everyMs how long to wait without a tick, in milliseconds
   */
  constructor(work: () => Promise<void>, everyMs: () => number) {
    this.#work = work
    this.#everyMs = everyMs
  }

  /** Whether somebody looks. */
  look(looking: boolean): void {
    if (looking === this.#looking) return
    this.#looking = looking
    clearTimeout(this.#timer)
    if (looking) this.now()
  }

  /** Something changed. Nothing is asked while nobody looks. */
  now(): void {
    if (!this.#looking) return
    this.#again = true
    if (this.#busy) return
    clearTimeout(this.#timer)
    void this.#run()
  }

  async #run(): Promise<void> {
    this.#busy = true
    try {
      while (this.#again && this.#looking) {
        this.#again = false
        await this.#work()
      }
    } finally {
      this.#busy = false
      clearTimeout(this.#timer)
      if (this.#looking) {
        this.#timer = setTimeout(() => {
          this.now()
        }, this.#everyMs())
      }
    }
  }
}
