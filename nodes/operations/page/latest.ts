/**
 * Some work that is done again and again for something: never twice at a time, and once more if it is asked for
 * meanwhile. For something else it begins at once.
 */
export class Latest {
  readonly #work: () => Promise<void>
  #of: string | undefined
  #run: { isAgain: boolean } | undefined

  /** @param work must not reject */
  constructor(work: () => Promise<void>) {
    this.#work = work
  }

  run(of: string): void {
    if (this.#run !== undefined && of === this.#of) {
      this.#run.isAgain = true
      return
    }
    this.#of = of
    void this.#go()
  }

  async #go(): Promise<void> {
    const run = { isAgain: true }
    this.#run = run
    while (run.isAgain && run === this.#run) {
      run.isAgain = false
      await this.#work()
    }
    if (run === this.#run) this.#run = undefined
  }
}
