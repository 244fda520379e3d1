import { RequestError } from '../route-request.ts'
import { printableProse } from '../../../src/printable.ts'
import type { Text } from './times.ts'

/** Why a request was not answered, in words. */
export function requestTrouble(error: unknown, text: Text): string {
  if (!(error instanceof RequestError)) throw error
  const { key, status, answer } = error
  const said = (answer as { error?: unknown } | undefined)?.error
  // What a route itself says. Of the others, there are words in the reader's language, and some are not Node-RED's.
  const isOfRoute = key === 'failed'
  if (isOfRoute && typeof said === 'string' && said !== '') return printableProse(said)
  return text(`trouble.${key}`, { status })
}

/** At most so many requests of one search are under way at a time. */
const SIDE_BY_SIDE = 4

/** Asks the same of many nodes, a few at a time; where Node-RED refuses, the answer is why. */
export async function askEach<Item, Answer>(
  items: readonly Item[],
  ask: (item: Item) => Promise<Answer>
): Promise<(Answer | RequestError)[]> {
  const answers = new Array<Answer | RequestError>(items.length)
  const left = items.entries()
  const worker = async (): Promise<void> => {
    for (const [index, item] of left) {
      try {
        answers[index] = await ask(item)
      } catch (error) {
        if (!(error instanceof RequestError)) throw error
        answers[index] = error
      }
    }
  }
  await Promise.all(Array.from({ length: SIDE_BY_SIDE }, worker))
  return answers
}
