import { html, nothing, type TemplateResult } from 'lit-html'
import { cut } from './cut.ts'
import type { Desk } from './desk.ts'
import { ruleWords } from './rule-words.ts'

/** The rule that decided: in words, and small beside them as it is written. */
export function ruleView(rule: string, { text, frame }: Desk): TemplateResult | typeof nothing {
  if (rule === '') return nothing
  const words = ruleWords(rule, frame.ruleText)
  return html`<p class="hl7-rule">${text('rule', { words })} <code>${cut(rule, 120)}</code></p>`
}
