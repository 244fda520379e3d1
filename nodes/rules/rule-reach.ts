import {
  isAccept,
  isStandardCode,
  REFUSING_CODES,
  STANDARD_CODES
} from '../../src/hl7/acknowledgement-codes.ts'
import { readsReply } from '../../src/rules/holds.ts'
import type { ReplyRule, RuleOutcome } from '../../src/rules/reply-rules.ts'
import {
  containsText,
  isSameCode,
  type ReplyTest,
  type Severity
} from '../../src/rules/reply-test.ts'

/** A value of MSA-1 that says no. */
export type RefusingCode = (typeof REFUSING_CODES)[number]

/**
 * What can come of an attempt, exactly one of these: an acknowledgement with that MSA-1 (`''`: empty,
 * `other`: none of the six codes), a body without one, an empty reply, an error.
 */
const RESULTS = [...STANDARD_CODES, '', 'other', 'body', 'empty', 'error'] as const
type Result = (typeof RESULTS)[number]

/** Tests that all have to match. */
type Tests = readonly ReplyTest[]

/** Why a rule never decides: no reply can match it, or each that does was decided by rules above it. */
export type NeverDecides =
  | { readonly why: 'contradiction' }
  | { readonly why: 'covered'; readonly by: readonly ReplyRule[] }

/**
 * Whether a rule can never decide (a W alone: never warn). Says so only where that is certain, whatever a
 * receiver answers; that it says nothing does not mean that there is a reply for the rule.
 *
 * @param rules from left to right
 * @param at the place of the rule
 */
export function neverDecides(rules: readonly ReplyRule[], at: number): NeverDecides | undefined {
  const rule = rules[at]
  if (rule === undefined) return undefined
  const cases = casesOf(rule)
  if (cases.length === 0) return { why: 'contradiction' }
  if (rule.outcome === null) return undefined
  const above = cases.map((one) => deciderAbove(rules, at, one))
  const by = rules.filter((other) => above.includes(other))
  return above.includes(undefined) ? undefined : { why: 'covered', by }
}

/**
 * What a rule accepts although the receiver refused: codes of MSA-1, else severities that mean an
 * error. Only what can reach the rule.
 *
 * @param rules from left to right
 * @param at the place of the rule
 */
export function acceptedRefusals(
  rules: readonly ReplyRule[],
  at: number
): readonly (RefusingCode | Severity)[] {
  const rule = rules[at]
  if (rule?.outcome !== 'accept') return []
  const cases = casesOf(rule).filter((one) => deciderAbove(rules, at, one) === undefined)
  const codes = REFUSING_CODES.filter((code) => cases.some(({ result }) => result === code))
  if (codes.length > 0) return codes
  return (['E', 'F'] as const).filter((severity) =>
    cases.some(({ tests }) =>
      tests.some((test) => test.kind === 'severity' && test.severity === severity)
    )
  )
}

/** One alternative of a rule, with one result for which it may match. */
interface Case {
  tests: Tests
  result: Result
}

function casesOf({ conditions }: ReplyRule): Case[] {
  return conditions
    .filter((tests) => !tests.some((test) => tests.some((other) => excludes(test, other))))
    .flatMap((tests) =>
      RESULTS.filter((result) => tests.every((test) => holdsFor(test, result) !== false)).map(
        (result) => ({ tests, result })
      )
    )
}

/** The rule above that decides whenever the case matches. */
function deciderAbove(
  rules: readonly ReplyRule[],
  at: number,
  { tests, result }: Case
): ReplyRule | undefined {
  const isUnread = isUnreadAccept(rules[at]?.outcome ?? null, tests, result)
  return rules
    .slice(0, at)
    .find(
      ({ outcome, conditions }) =>
        outcome !== null &&
        conditions.some(
          (above) =>
            (isUnread || !isUnreadAccept(outcome, above, result)) &&
            above.every(
              (test) => holdsFor(test, result) === true || tests.some((own) => implies(own, test))
            )
        )
    )
}

/** What it does not accept all the same: a web page, and what seems to refuse, which only a condition does that reads it. */
function isUnreadAccept(outcome: RuleOutcome | null, tests: Tests, result: Result): boolean {
  return outcome === 'accept' && result === 'body' && !tests.some(readsReply)
}

/** Whether a test matches every attempt with this result, or none; undefined if that depends. */
export function holdsFor(test: ReplyTest, result: Result): boolean | undefined {
  const isAck = !['body', 'empty', 'error'].includes(result)
  switch (test.kind) {
    case 'code':
      if (result !== 'other') return isAck && test.code === result
      return isStandardCode(test.code) ? false : undefined
    case 'code-class':
      return test.codes.includes(result)
    case 'empty-code':
      return result === ''
    case 'other-code':
      return result === 'other'
    case 'no-acknowledgement':
      return result === 'body'
    case 'no-reply':
      return result === 'empty'
    case 'error':
      return result === 'error'
    case 'error-status':
    case 'error-code':
    case 'error-family':
    case 'error-text':
      return result === 'error' ? undefined : false
    case 'status':
      return statusHoldsFor(test, result)
    case 'severity':
    case 'foreign-id':
      return isAck ? undefined : false
    case 'again':
      return undefined
    case 'same-type':
      return isAck || result === 'body' ? undefined : false
    case 'field-value':
    case 'field-text':
    case 'reply-text':
      return result === 'empty' ? false : undefined
  }
}

/** AA and CA, a body without MSA and an empty reply count with 2xx only; with 2xx, no error is a status. */
function statusHoldsFor(
  { from, to }: { from: number; to: number },
  result: Result
): boolean | undefined {
  const isSuccess = from >= 200 && to <= 299
  if (isAccept(result) || result === 'body' || result === 'empty') {
    return isSuccess ? (from === 200 && to === 299 ? true : undefined) : false
  }
  return result === 'error' && isSuccess ? false : undefined
}

/** Whether no attempt matches both. */
function excludes(one: ReplyTest, other: ReplyTest): boolean {
  switch (one.kind) {
    case 'code':
      return other.kind === 'code' && one.code !== other.code
    case 'severity':
      return other.kind === 'severity' && one.severity !== other.severity
    case 'error-code':
      return other.kind === 'error-code' && !isSameCode(one.code, other.code)
    case 'error-family':
      return other.kind === 'error-family' && one.family !== other.family
    case 'status':
    case 'error-status':
      return other.kind === one.kind && (one.to < other.from || other.to < one.from)
    default:
      return false
  }
}

/** Whether every attempt that matches the first matches the second. */
function implies(one: ReplyTest, other: ReplyTest): boolean {
  switch (other.kind) {
    case 'status':
    case 'error-status':
      return one.kind === other.kind && one.from >= other.from && one.to <= other.to
    case 'error-code':
      return one.kind === other.kind && isSameCode(one.code, other.code)
    case 'error-text':
    case 'reply-text':
      return one.kind === other.kind && containsText(one.text, other.text)
    case 'field-text':
      if (one.kind !== 'field-text' && one.kind !== 'field-value') return false
      return (
        isSame(one.path, other.path) &&
        containsText(one.kind === 'field-text' ? one.text : one.value, other.text)
      )
    default:
      return isSame(one, other)
  }
}

function isSame(one: object, other: object): boolean {
  return JSON.stringify(one) === JSON.stringify(other)
}
