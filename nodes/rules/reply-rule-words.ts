import { outcomeOf } from './hidden-refusals.ts'
import type { ReplyRule } from '../../src/rules/reply-rules.ts'
import { REFUSING_CODES } from '../../src/hl7/acknowledgement-codes.ts'
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

/** Every reply meets one of these conditions, or one for errors. */
const everyReply = [
  'accepted',
  'error',
  'reject',
  'emptyCode',
  'otherCode',
  'noAcknowledgement',
  'noReply'
]

/**
 * What happens to replies and errors that no rule names, which the list cannot show; and where a refused message is
 * gone with its content.
 *
 * @param keepsContents the content of a message that has left can be seen and sent again
 */
export function restWords(
  rules: readonly ReplyRule[],
  text: RuleText,
  keepsContents: boolean
): string[] {
  const deciding = rules.filter(({ outcome }) => outcome !== null)
  const named = new Set(deciding.flatMap((rule) => rule.conditions.flatMap(wholeCondition)))
  const words: string[] = []
  if (!everyReply.every((condition) => named.has(condition))) {
    words.push(text('rules.otherReplies'))
    if (deciding.length < rules.length) words.push(text('rules.warnedReplies'))
  }
  if (!named.has('noAnswer')) words.push(text('rules.otherErrors'))
  const leaves = REFUSING_CODES.some((code) =>
    ['fail', 'refuse'].includes(outcomeOf(rules, code) ?? '')
  )
  if (leaves && !keepsContents) words.push(text('rules.refusedLeaves'))
  return words
}

/** The name of the condition if it is a single test. */
function wholeCondition(tests: ReplyRule['conditions'][number]): string[] {
  const [test] = tests
  const subject = test === undefined || tests.length > 1 ? undefined : subjectOf(test)
  return subject === undefined ? [] : [subject.condition]
}
