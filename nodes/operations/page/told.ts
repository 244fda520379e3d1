import { byText, toldText, type Told } from '../../../src/told.ts'
import type { RuleText } from '../../editor/reply-rule-words.ts'
import { ruleWords } from './rule-words.ts'
import type { Text } from './times.ts'
import { cut } from './cut.ts'

/** So much of an advice is shown, in characters. */
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
export function told({ kind, values }: Told, english: string, { text, ruleText }: Speech): string {
  const rule = String(values['rule'] ?? '')
  // As it is written, a rule says little to whoever did not write it.
  const said = rule === '' ? values : { ...values, rule: ruleSaid(rule, text, ruleText) }
  const found = toldText({ kind, values: said }, text)
  const words = found.startsWith('told.') ? english : found
  // Whom to call stands at its end.
  return kind.startsWith('advice-') ? cut(words, MOST_ADVICE) : cut(words)
}

/** Who did something, in words; an empty string if nobody is known. */
export function byWhom(by: string, { text }: Speech): string {
  return byText(cut(by, 80), text)
}

/** `“ERR-3 is 206: Suspend” (@ERR-3:206=S)` */
function ruleSaid(rule: string, text: Text, ruleText: RuleText): string {
  const words = ruleWords(rule, ruleText)
  return words === '' ? rule : text('phrase.ruleWords', { words, rule })
}
