import { byText, toldText, type Told } from '../../../src/told.ts'
import type { RuleText } from '../../editor/reply-rule-words.ts'
import { ruleWords } from './rule-words.ts'
import { cut } from './cut.ts'
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
  return kind.startsWith('advice-') ? cut(words, MOST_ADVICE) : cut(words)
}

/** Who did something, in words; an empty string if nobody is known. */
export function byWhom(by: string, { text }: Speech): string {
  return byText(cut(by, 80), text)
}

/** The values, with rules in words and times in the reader's language and time zone. */
function saidHere(values: Told['values'], speech: Speech): Told['values'] {
  const { text, ruleText, language, now } = speech
  const { acceptedAt, rule = '' } = values
  return {
    ...values,
    // The syntax of a rule means little to anyone but its author.
    ...(rule !== '' && { rule: ruleSaid(String(rule), text, ruleText) }),
    ...(acceptedAt !== undefined && {
      acceptedAt: clockTime(String(acceptedAt), now(), language, true)
    })
  }
}

/** `“ERR-3 is 206: Suspend” (@ERR-3:206=S)` */
function ruleSaid(rule: string, text: Text, ruleText: RuleText): string {
  const words = ruleWords(rule, ruleText)
  return words === '' ? rule : text('phrase.ruleWords', { words, rule })
}
