import { toldInEnglish } from '../../src/told-in-english.ts'
import type { Told } from '../../src/told.ts'

/** The text of an error, for a status or the log. */
export function errorText(error: unknown): string {
  return error instanceof Error ? error.message : 'an unknown error'
}

/** What a node that cannot work says, with every reason. */
export function configTold(problems: readonly string[]): Told {
  const reasons = problems.map((problem) => problem.replace(/\.$/, '')).join('; ')
  return { kind: 'config', values: { problems: reasons } }
}

/** The same in English, as the text of an error. */
export function notSetUp(problems: readonly string[]): string {
  return `${toldInEnglish(configTold(problems))}.`
}
