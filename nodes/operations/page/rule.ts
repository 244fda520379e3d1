import { html, nothing, type TemplateResult } from 'lit-html'
import { printable, printableProse } from '../../../src/printable.ts'
import { ReplyRulesError } from '../../../src/rules/reply-rules-error.ts'
import { tryReplyRules } from '../../rules/reply-rule-row.ts'
import { actionWords, conditionWords, type RuleText } from '../../rules/reply-rule-words.ts'
import type { Frame } from './frame.ts'

/** What says a rule in words: its syntax means little to anyone but its author. */
type RuleTexts = Pick<Frame, 'text' | 'ruleText'>

/** `“ERR-3 is 206: Suspend” (@ERR-3:206=S)` */
export function ruleSaid(rule: string, { text, ruleText }: RuleTexts): string {
  const words = ruleWords(rule, ruleText)
  return words === '' ? rule : text('phrase.ruleWords', { words, rule })
}

/** The rule that decided: in words, and small beside them as it is written. */
export function ruleView(
  rule: string,
  { text, ruleText }: RuleTexts
): TemplateResult | typeof nothing {
  if (rule === '') return nothing
  const words = ruleWords(rule, ruleText)
  const written = printable(rule, 120)
  const said = text('rule', { words: words === '' ? written : words })
  const code = words === '' ? nothing : html` <code>${written}</code>`
  return html`<p class="hl7-rule">${said}${code}</p>`
}

/**
 * A reply rule in the words of its form: `ERR-3 is 206: Suspend`.
 *
 * @param rule as written; a message that left long ago may name one that can no longer be read
 * @returns an empty string if it cannot be read
 */
export function ruleWords(rule: string, text: RuleText): string {
  const rules = tryReplyRules(rule)
  const [first] = rules instanceof ReplyRulesError ? [] : rules
  if (first === undefined) return ''
  return printableProse(`${conditionWords(first, text)}: ${actionWords(first, text)}`)
}
