import { byText, toldText, type Told } from '../../../src/told.ts'
import type { RuleText } from '../../rules/reply-rule-words.ts'
import { ruleSaid } from './rule.ts'
import { printable, printableProse } from '../../../src/printable.ts'
import { clockTime, type Text } from './times.ts'

/** Longer advice is cut, in characters. */
const MOST_ADVICE = 1000

/** How the application says things: the texts of a language, and what time it is. */
export interface Speech {
  text: Text
  /** What says a reply rule in words. */
  ruleText: RuleText
  language: string
  /** Wall clock of the runtime, milliseconds. */
  now: () => number
}

/**
 * The words of this language for what the runtime told, or its own English ones for a kind that
 * there are none for: the runtime may be newer than a page that has been open for days.
 */
export function told({ kind, values }: Told, english: string, speech: Speech): string {
  const { text } = speech
  const found = toldText({ kind, values: saidHere(values, speech) }, text)
  const words = found.startsWith('told.') ? english : found
  // Advice ends with whom to call, so it is cut later than other texts.
  return kind.startsWith('advice-') ? printableProse(words, MOST_ADVICE) : printableProse(words)
}

/** Who did something, in words; an empty string if nobody is known. */
export function byWhom(by: string, { text }: Speech): string {
  return byText(printable(by), text)
}

/** The values, with rules in words and times in the reader's language and time zone. */
function saidHere(values: Told['values'], speech: Speech): Told['values'] {
  const { language, now } = speech
  const { acceptedAt, from, rule = '', since, until } = values
  return {
    ...values,
    ...(rule !== '' && { rule: ruleSaid(String(rule), speech) }),
    ...(from !== undefined && { from: clockTime(String(from), now(), language) }),
    ...(since !== undefined && { since: clockTime(String(since), now(), language) }),
    ...(until !== undefined && { until: clockTime(String(until), now(), language) }),
    ...(acceptedAt !== undefined && {
      acceptedAt: clockTime(String(acceptedAt), now(), language, true)
    })
  }
}
