import { RequestError } from '../route-request.ts'
import { cut } from './cut.ts'
import type { Text } from './times.ts'

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
