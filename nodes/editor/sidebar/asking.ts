import { RequestError } from '../ask-node-red.ts'
import type { Text } from './times.ts'
import { cut } from './told.ts'

/** Why a request was not answered, in words. */
export function requestTrouble(error: unknown, text: Text): string {
  if (!(error instanceof RequestError)) throw error
  const { key, status, answer } = error
  const said = (answer as { error?: unknown } | undefined)?.error
  // A refusal for lack of permission is Node-RED's own: it has no words for a user.
  if (key !== 'notAllowed' && typeof said === 'string' && said !== '') return cut(said)
  return text(`trouble.${key}`, { status })
}

/** At most so many requests of one search are under way at a time. */
const SIDE_BY_SIDE = 4

/** Asks the same of many nodes, a few at a time; a failure is undefined. */
export async function askEach<Item, Answer>(
  items: readonly Item[],
  ask: (item: Item) => Promise<Answer>
): Promise<(Answer | undefined)[]> {
  const answers: (Answer | undefined)[] = items.map(() => undefined)
  const left = items.map((item, index) => ({ item, index }))
  const worker = async (): Promise<void> => {
    for (let next = left.shift(); next !== undefined; next = left.shift()) {
      try {
        answers[next.index] = await ask(next.item)
      } catch (error) {
        if (!(error instanceof RequestError)) throw error
      }
    }
  }
  await Promise.all(Array.from({ length: SIDE_BY_SIDE }, worker))
  return answers
}

/** Repeats some work while somebody looks: after a tick, and slowly without one. Never twice at a time. */
export class Refresh {
  readonly #work: () => Promise<void>
  readonly #everyMs: number
  #looking = false
  #busy = false
  #again = false
  #timer: ReturnType<typeof setTimeout> | undefined

  /** @param work must not reject */
  constructor(work: () => Promise<void>, everyMs: number) {
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
        }, this.#everyMs)
      }
    }
  }
}
