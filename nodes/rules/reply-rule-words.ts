import type { ReplyRule } from '../../src/rules/reply-rules.ts'
import type { FormText, OutKey } from '../../src/form-text.ts'
import { hasValue, readRow, rowAction, subjectOf, type RowSubject } from './reply-rule-row.ts'

/** The parts of the form's texts that say a rule in words. The page has these too. */
export const RULE_WORDS = [
  'action',
  'actionTimes',
  'condition',
  'conditionWords',
  'rules',
  'severity'
] as const

/** Looks up one of their texts in the reader's language. */
export type RuleText = FormText<Extract<OutKey, `${(typeof RULE_WORDS)[number]}.${string}`>>

/** ERR-4. */
export const SEVERITIES = ['I', 'W', 'E', 'F'] as const

/** A severity in words; as it is if it is none. */
export function severityWords(severity: string, text: RuleText): string {
  const known = SEVERITIES.find((one) => one === severity)
  return known === undefined ? severity : text(`severity.${known}`)
}

/** A single test in words, such as "error (AE or CE)" or "ERR-3 is 207". */
function subjectWords(row: RowSubject, text: RuleText): string {
  if (!hasValue(row.condition)) return text(`condition.${row.condition}`)
  const value = row.condition === 'severity' ? severityWords(row.value, text) : row.value
  return text(`conditionWords.${row.condition}`, { field: row.field, value })
}

/** A rule's action in words, such as "Retry (at most 5 ×), then suspend". */
export function actionWords(
  { action, mostRetries }: Pick<ReplyRule, 'action' | 'mostRetries'>,
  text: RuleText
): string {
  const named = rowAction(action)
  if (mostRetries === undefined) return text(`action.${named || 'W'}`)
  const retries = (['RN', 'RS', 'RD'] as const).find((one) => one === named) ?? 'R'
  return text(`actionTimes.${retries}`, { count: mostRetries })
}

/** A rule's conditions in words, joined by "and" and "or". */
export function conditionWords(rule: ReplyRule, text: RuleText): string {
  const row = readRow(rule)
  if (row.condition !== 'own') {
    const subjects = row.and === undefined ? [row] : [row, row.and]
    return subjects.map((subject) => subjectWords(subject, text)).join(text('rules.and'))
  }
  return rule.conditions
    .map((tests) =>
      tests
        .map((test) => subjectOf(test))
        .map((subject) => (subject === undefined ? row.value : subjectWords(subject, text)))
        .join(text('rules.and'))
    )
    .join(text('rules.or'))
}
