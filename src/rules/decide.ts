import type { Attempt, AttemptError } from './attempt.ts'
import { factsOf, failing, readsReply, type Facts } from './holds.ts'
import {
  DEFAULT_REPLY_RULES,
  parseReplyRules,
  type Late,
  type RuleOutcome,
  type ReplyRule,
  type ReplyRules
} from './reply-rules.ts'

/** What happens to a message after an attempt. */
export interface Decision {
  /** Where it ends; with `retry`, where it ends once the failure timeout has passed. */
  readonly outcome: RuleOutcome
  /** Retry after the wait, until the failure timeout. */
  readonly retry: boolean
  /** With `retry`: so many retries of this rule at most, whichever ends first. */
  readonly mostRetries?: number
  /** With `await`: what follows if no application acknowledgement comes. */
  readonly late?: Late
  /** The rule that decided, as written; `''` if no rule was tested or none matched. */
  readonly rule: string
  /** The letters of that rule as written; `F` if none matched; `''` if no rule was tested. */
  readonly action: string
  /** The matching rules with a W, as written, from left to right. */
  readonly warnings: readonly string[]
}

const defaultRules = parseReplyRules(DEFAULT_REPLY_RULES).rules

/**
 * Decides what happens to a message after an attempt. Depends only on its arguments.
 *
 * - No reply was expected, and a 2xx without a body came, or with blanks alone: accepted, no rule is tested.
 * - Every rule with only a W is tested. Of the others, the first that matches decides.
 * - None matches: an error follows the E rules of the default; a reply that only matched W rules is
 *   accepted, unless it seems to refuse or is a web page; everything else fails.
 */
export function decide({ rules }: ReplyRules, attempt: Attempt): Decision {
  const facts = factsOf(attempt)
  if (!attempt.sent.replyDue && facts.error === null && facts.blank) {
    return { outcome: 'accept', retry: false, rule: '', action: '', warnings: [] }
  }
  const first = rules.find((rule) => rule.outcome !== null && ruleHolds(rule, facts))
  const matching = rules.filter(
    (rule) => rule === first || (rule.outcome === null && ruleHolds(rule, facts))
  )
  const warnings = matching.filter((rule) => rule.warn).map((rule) => rule.text)
  const rule = first ?? ruleWithout(facts, matching)
  if (rule === undefined) {
    return { outcome: 'fail', retry: false, rule: '', action: 'F', warnings }
  }
  return {
    outcome: rule.outcome ?? 'accept',
    retry: rule.retry,
    rule: rule.text,
    action: rule.action,
    warnings,
    ...(rule.late && { late: rule.late }),
    ...(rule.mostRetries !== undefined && { mostRetries: rule.mostRetries })
  }
}

/** Where no rule decides. A W alone never accepts an error, nor what seems to refuse, nor a web page. */
function ruleWithout(facts: Facts, warning: readonly ReplyRule[]): ReplyRule | undefined {
  if (facts.error !== null) return defaultRules.find((rule) => ruleHolds(rule, facts))
  return facts.isDoubtful ? undefined : warning[0]
}

function ruleHolds(rule: ReplyRule, facts: Facts): boolean {
  return rule.conditions.some((tests) => failing(tests, rule, facts) === undefined)
}

/** Whether a rule decides that looks at what the reply says: whoever wrote it knows such replies. */
export function isReadByRule({ rules }: ReplyRules, attempt: Attempt): boolean {
  const facts = factsOf(attempt)
  const first = rules.find((rule) => rule.outcome !== null && ruleHolds(rule, facts))
  return (
    first?.conditions.some(
      (tests) => tests.some(readsReply) && failing(tests, first, facts) === undefined
    ) === true
  )
}

const connectionReset: AttemptError = {
  code: 'ECONNRESET',
  family: 'reset',
  text: 'read ECONNRESET'
}

/**
 * Whether a connection that breaks while waiting would be retried. If not, a message is not even
 * resent if a reused connection broke before the first byte of an answer.
 *
 * @param error - the error itself, for rules that test its code or text
 */
export function retriesOnReset(rules: ReplyRules, error: AttemptError = connectionReset): boolean {
  return decide(rules, { sent: { controlIds: [], type: '', replyDue: true }, error }).retry
}
