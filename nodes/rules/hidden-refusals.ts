import { REFUSING_CODES } from '../../src/hl7/acknowledgement-codes.ts'
import type { ReplyRule } from '../../src/rules/reply-rules.ts'
import type { ReplyTest } from '../../src/rules/reply-test.ts'
import { holdsFor, type RefusingCode } from './rule-reach.ts'

/** What a rule hides from the rules below it. */
export interface HiddenRefusals {
  readonly codes: readonly RefusingCode[]
  /** A rule below would have decided about one of them. */
  readonly ruledBelow: boolean
}

/**
 * Whether a rule decides about refusals that it does not look at: a rule by HTTP status or text that
 * is above the rules for MSA-1 accepts an AE or AR, and a refused message is lost. Not if it only
 * does to them what would happen anyway.
 *
 * @param rules from left to right
 * @param at the place of the rule
 * @returns undefined if it hides nothing
 */
export function hiddenRefusals(
  rules: readonly ReplyRule[],
  at: number
): HiddenRefusals | undefined {
  const rule = rules[at]
  if (rule === undefined || rule.outcome === null || !isBlind(rule)) return undefined
  const codes = REFUSING_CODES.filter((code) => {
    const place = rules.findIndex((other) => decides(other, code))
    const other: Pick<ReplyRule, 'outcome' | 'retry' | 'mostRetries'> = rules[place] ?? unruled
    const decidedAbove = place !== -1 && place < at
    return !decidedAbove && !doesTheSame(rule, other)
  })
  if (codes.length === 0) return undefined
  const ruledBelow = rules.some((other) => codes.some((code) => decides(other, code)))
  return { codes, ruledBelow }
}

function doesTheSame(
  rule: ReplyRule,
  other: Pick<ReplyRule, 'outcome' | 'retry' | 'mostRetries'>
): boolean {
  // What refuses has answered with HL7, so that it leaves on NAK if it fails, too.
  const [one, two] = [rule, other].map(({ outcome }) => (outcome === 'refuse' ? 'fail' : outcome))
  return one === two && rule.retry === other.retry && rule.mostRetries === other.mostRetries
}

/** Without a rule for it, a reply fails. */
const unruled = { outcome: 'fail', retry: false } as const

/**
 * Where a new rule applies and hides no refusal: one that looks at the acknowledgement goes above
 * the rules for MSA-1, which would decide before it; any other goes below them, but above the first
 * rule for errors.
 *
 * @param rules the others, from left to right
 * @returns the place, from 0 to their number
 */
export function rankOfNewRule(rule: ReplyRule, rules: readonly ReplyRule[]): number {
  const decideByCode = rules.map(({ conditions, outcome }) =>
    outcome === null ? false : conditions.some((tests) => tests.some(isCode))
  )
  if (!isBlind(rule) && rule.conditions.some((tests) => tests.some(seesAcknowledgement))) {
    return Math.max(decideByCode.indexOf(true), 0)
  }
  const below = decideByCode.lastIndexOf(true) + 1
  if (isBlind(rule)) return below
  const errors = rules.findIndex(({ conditions }) =>
    conditions.some((tests) => tests.some(isError))
  )
  return errors === -1 ? below : Math.min(below, errors)
}

/** Whether it can match an acknowledgement without looking at what that says. */
function isBlind({ conditions }: ReplyRule): boolean {
  return conditions.some(
    (tests) => !tests.some((test) => seesAcknowledgement(test) || isError(test))
  )
}

/** Whether it decides about every reply with that code. */
function decides({ conditions, outcome }: ReplyRule, code: RefusingCode): boolean {
  return (
    outcome !== null &&
    conditions.some((tests) => tests.every((test) => holdsFor(test, code) === true))
  )
}

function isCode({ kind }: ReplyTest): boolean {
  return ['code', 'code-class', 'empty-code', 'other-code'].includes(kind)
}

/** Whether it looks at MSA or ERR. */
function seesAcknowledgement(test: ReplyTest): boolean {
  if (test.kind === 'field-value' || test.kind === 'field-text') return test.path.segment !== 'MSH'
  return isCode(test) || test.kind === 'severity' || test.kind === 'foreign-id'
}

/** Whether it matches only what is no acknowledgement. */
function isError({ kind }: ReplyTest): boolean {
  return kind === 'no-acknowledgement' || kind === 'no-reply' || kind.startsWith('error')
}
