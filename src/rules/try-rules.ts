import type { Attempt } from './attempt.ts'
import { decide, type Decision } from './decide.ts'
import { factsOf, failing, type Facts } from './holds.ts'
import type { ReplyRule, ReplyRules } from './reply-rules.ts'
import { whyNot, type Reason } from './why-not.ts'

/** What a rule makes of an attempt. */
export interface RuleFinding {
  readonly rule: ReplyRule
  /**
   * `decides`; `warns`, and the others are asked; `unreached`: one above it decides; `unasked`: none is, because no reply was
   * due; `no`: it does not match.
   */
  readonly state: 'decides' | 'warns' | 'unreached' | 'unasked' | 'no'
  /** It matches. */
  readonly holds: boolean
  /** Why it does not: of each of its conditions, the first test that does not hold. */
  readonly reasons: readonly Reason[]
}

/** What the rules make of an attempt, rule by rule. */
export interface TriedRules {
  readonly decision: Decision
  readonly findings: readonly RuleFinding[]
  /** The place of the rule that decides, from 0; undefined if none of these does. */
  readonly decider: number | undefined
}

/** Says of each rule whether it matches, and why not; what is decided is what `decide` says. */
export function tryRules(rules: ReplyRules, attempt: Attempt): TriedRules {
  const facts = factsOf(attempt)
  const decision = decide(rules, attempt)
  const isAsked = decision.action !== ''
  const matches = rules.rules.map((rule) =>
    rule.conditions.map((tests) => failing(tests, rule, facts))
  )
  const holding = matches.map((failed) => failed.includes(undefined))
  const first = rules.rules.findIndex((rule, at) => rule.outcome !== null && holding[at] === true)
  const decider = isAsked && first !== -1 ? first : undefined
  const findings = rules.rules.map((rule, at): RuleFinding => {
    const doesHold = holding[at] === true
    const isAbove = decider === undefined || at < decider || rule.outcome === null
    return {
      rule,
      holds: doesHold,
      state: !isAsked
        ? 'unasked'
        : at === decider
          ? 'decides'
          : !isAbove
            ? 'unreached'
            : doesHold
              ? 'warns'
              : 'no',
      reasons: reasonsOf(matches[at] ?? [], facts, attempt)
    }
  })
  return { decision, findings, decider }
}

type Test = ReplyRule['conditions'][number][number]

/** Several conditions often fail for the same reason, such as codes in place of another. */
function reasonsOf(
  failed: readonly (Test | undefined)[],
  facts: Facts,
  attempt: Attempt
): readonly Reason[] {
  if (failed.includes(undefined)) return []
  const reasons = failed.flatMap((test) => (test === undefined ? [] : whyNot(test, facts, attempt)))
  const byText = new Map(reasons.map((one) => [JSON.stringify(one), one]))
  return [...byText.values()]
}
