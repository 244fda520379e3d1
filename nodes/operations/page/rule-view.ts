import { html, nothing, type TemplateResult } from 'lit-html'
import { cut } from './cut.ts'
import { ruleWords } from './rule-words.ts'
import type { Speech } from './told.ts'

/** The rule that decided: in words, and small beside them as it is written. */
export function ruleView(
  rule: string,
  { text, ruleText }: Speech
): TemplateResult | typeof nothing {
  if (rule === '') return nothing
  const words = ruleWords(rule, ruleText)
  const written = cut(rule, 120)
  const said = text('rule', { words: words === '' ? written : words })
  const code = words === '' ? nothing : html` <code>${written}</code>`
  return html`<p class="hl7-rule">${said}${code}</p>`
}
