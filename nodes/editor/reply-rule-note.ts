import { hiddenRefusals } from '../rules/hidden-refusals.ts'
import type { ReplyRule } from '../../src/rules/reply-rules.ts'
import { acceptedRefusals, neverDecides } from '../rules/rule-reach.ts'
import type { FormText, OutKey } from '../../src/form-text.ts'
import { conditionWords, severityWords } from '../rules/reply-rule-words.ts'
import { meetsOutage } from '../rules/rule-in-outage.ts'

/**
 * What is doubtful about a rule among the others, and what to do; an empty text if nothing is: it never
 * decides, it decides about refusals that it does not look at, or it accepts what the receiver refused.
 */
export function ruleNote(
  rules: readonly ReplyRule[],
  at: number,
  text: FormText<OutKey>,
  language: string
): string {
  // Not with the word between conditions, which in some languages means both at the same time.
  const listed = (words: readonly string[]): string => new Intl.ListFormat(language).format(words)
  const rule = rules[at]
  const never = neverDecides(rules, at)
  if (never?.why === 'contradiction') return text('never.contradiction')
  if (never?.why === 'covered') {
    const above = never.by.map((other) => `“${conditionWords(other, text)}”`)
    return text('never.covered', { rules: listed(above) })
  }
  const accepts = rule?.outcome === 'accept'
  const hidden = hiddenRefusals(rules, at)
  if (hidden !== undefined) {
    const [move, add] = accepts
      ? (['acceptsMove', 'acceptsAdd'] as const)
      : (['decidesMove', 'decidesAdd'] as const)
    return text(`hides.${hidden.ruledBelow ? move : add}`, { codes: listed(usual(hidden.codes)) })
  }
  const accepted = acceptedRefusals(rules, at)
  if (accepted.length === 0) {
    const count = rule?.mostRetries
    const isInOutage = rule !== undefined && meetsOutage(rule)
    return count !== undefined && isInOutage ? text('times.outage', { count }) : ''
  }
  return accepted.every((one) => one.length === 1)
    ? text('accepts.severity', {
        severity: listed(accepted.map((one) => severityWords(one, text)))
      })
    : text('accepts.codes', { codes: listed(usual(accepted)) })
}

/** AE and AR are the usual codes: of their pairs, only those are named. */
function usual(codes: readonly string[]): string[] {
  return codes.filter(
    (code) => code.startsWith('A') || !codes.some((other) => other === code.replace('C', 'A'))
  )
}
