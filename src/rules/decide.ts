import type { Attempt, AttemptError } from './attempt.ts'
import { factsOf, holds, type Facts } from './holds.ts'
import {
  DEFAULT_REPLY_RULES,
  parseReplyRules,
  type Late,
  type Outcome,
  type ReplyRule,
  type ReplyRules
} from './reply-rules.ts'

/** What happens to a message after an attempt. */
export interface Decision {
  /** Where it ends; with `retry`, where it ends once the failure timeout has passed. */
  readonly outcome: Outcome
  /** Retry after the wait, until the failure timeout. */
  readonly retry: boolean
  /** With `await`: what follows if no application acknowledgement comes. */
  readonly late?: Late
  /** The rule that decided, as written; `''` if no rule was tested or none matched. */
  readonly rule: string
  /** The letters of that rule as written; `F` if none matched; `''` if no rule was tested. */
  readonly action: string
  /** The matching rules with a W, as written, from left to right. */
  readonly warnings: readonly string[]
}

const NO_RULE = { retry: false, rule: '' } as const

const defaultRules = parseReplyRules(DEFAULT_REPLY_RULES).rules

/**
 * Decides what happens to a message after an attempt. Depends only on its arguments.
 *
 * - No reply was expected, and a 2xx without a body came: accepted, no rule is tested.
 * - Every rule with only a W is tested. Of the others, the first that matches decides.
 * - None matches: an error follows the E rules of the default; a reply that only matched W rules is
 *   accepted; everything else fails.
 */
export function decide(rules: ReplyRules, attempt: Attempt): Decision {
  const facts = factsOf(attempt)
  if (!attempt.sent.replyDue && facts.error === null && facts.empty) {
    return { ...NO_RULE, outcome: 'accept', action: '', warnings: [] }
  }
  const warnings: string[] = []
  let deciding: ReplyRule | null = null
  let warning: ReplyRule | null = null
  for (const rule of rules.rules) {
    const decides = rule.outcome !== null
    if ((decides && deciding !== null) || !ruleHolds(rule, facts)) continue
    if (decides) deciding = rule
    else warning ??= rule
    if (rule.warn) warnings.push(rule.text)
  }
  if (deciding === null && facts.error !== null) {
    // One of its E rules; the others match no error.
    deciding = defaultRules.find((rule) => ruleHolds(rule, facts)) ?? null
  }
  if (deciding !== null) return { ...ending(deciding), warnings }
  // A W alone accepts a reply, never an error: for each error a rule of the default has matched.
  if (warning !== null) return { ...ending(warning), warnings }
  return { ...NO_RULE, outcome: 'fail', action: 'F', warnings }
}

function ending(rule: ReplyRule): Omit<Decision, 'warnings'> {
  return {
    outcome: rule.outcome ?? 'accept',
    retry: rule.retry,
    rule: rule.text,
    action: rule.action,
    ...(rule.late && { late: rule.late })
  }
}

function ruleHolds(rule: ReplyRule, facts: Facts): boolean {
  return rule.conditions.some((tests) => tests.every((test) => holds(test, facts)))
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
