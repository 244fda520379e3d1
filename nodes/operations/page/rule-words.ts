import { rowAction, tryReplyRules } from '../../editor/reply-rule-row.ts'
import { conditionWords, type RuleText } from '../../editor/reply-rule-words.ts'
import { ReplyRulesError } from '../../../src/rules/reply-rules.ts'
import { cut } from './cut.ts'

/**
 * A reply rule in the words of its form: `ERR-3 is 206: Suspend`.
 *
 * @param rule as written; a message that left long ago may name one that can no longer be read
 * @returns an empty string if it cannot be read
 */
export function ruleWords(rule: string, text: RuleText): string {
  const rules = rule === '' ? [] : tryReplyRules(rule)
  const [first] = rules instanceof ReplyRulesError ? [] : rules
  if (first === undefined) return ''
  return cut(`${conditionWords(first, text)}: ${text(`action.${rowAction(first.action) || 'W'}`)}`)
}
