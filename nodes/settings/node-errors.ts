import { english } from '../../src/english.ts'
import { toldInEnglish } from '../../src/told-in-english.ts'
import type { Told } from '../../src/told.ts'

/** The text of an error, for a status or the log. */
export function errorText(error: unknown): string {
  return error instanceof Error ? error.message : 'an unknown error'
}

/** What a node without credentials says where Node-RED could not read them. */
export const CREDENTIALS_UNREAD = english('log', 'problem.credentialsUnread')

/** Whether it is a problem of that kind: also of the config node, whose name stands before it. */
export function isOfCredentials(problem: string): boolean {
  return problem.endsWith(CREDENTIALS_UNREAD)
}

/** What a node that cannot work says, with every reason; of credentials that could not be read, others only follow. */
export function configTold(problems: readonly string[]): Told {
  const shown = problems.some(isOfCredentials) ? [CREDENTIALS_UNREAD] : problems
  const reasons = shown.map((problem) => problem.replace(/\.$/, '')).join('; ')
  return { kind: 'config', values: { problems: reasons } }
}

/** What `configTold` says, in English, as the text of an error. */
export function notSetUp(problems: readonly string[]): string {
  return `${toldInEnglish(configTold(problems))}.`
}
