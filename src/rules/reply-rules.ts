import { ReplyRulesError } from './reply-rules-error.ts'
import { readTest, type ReplyTest } from './reply-test.ts'
import { RuleScanner } from './rule-scanner.ts'

/** The meaning of an empty setting, in the same language and read by the same code. */
export const DEFAULT_REPLY_RULES =
  ':I?=W,:?A=C,:?E=F,:?R=F,:_=F,:*=F,:~=F,' +
  '(E#408,E#425,E#429)=RF,(E#401,E#403,E#404,E#405,E#407,E#410,E#431)=RF,E#4xx=F,E=RF,X=F'

/** The longest string that is read, in UTF-16 units. */
export const MAX_REPLY_RULES_LENGTH = 10_000

/**
 * The most tests of the content of a reply (`@ERR-3:207`, `@ERR-8*text`, `@*text`). Each searches the
 * reply, which may have 2 MiB, while nothing else runs.
 */
export const MAX_CONTENT_TESTS = 200

/**
 * What becomes of a message: accepted (ACK), failed, refused (NAK, whatever the answer is), set aside for an operator, the
 * node pauses, or it awaits its application acknowledgement.
 */
export type RuleOutcome = 'accept' | 'fail' | 'refuse' | 'suspend' | 'disable' | 'await'

/** What becomes of a message whose application acknowledgement does not come: sent again for `retry`. */
export type Late = 'suspend' | 'fail' | 'retry'

/** `codes=actions`. */
export interface ReplyRule {
  /** The rule as written, without blanks at its ends. */
  readonly text: string
  /** One of these has to match, with all its tests. */
  readonly conditions: readonly (readonly ReplyTest[])[]
  /** The letters as written, with a count, such as `RF` or `R5S`. */
  readonly action: string
  /** R: retry until the failure timeout. */
  readonly retry: boolean
  /** With a count: so many retries at most. */
  readonly mostRetries?: number
  /** C, F, N, S, D or A: where the message ends; R alone ends as F. `null`: a W alone, which decides nothing. */
  readonly outcome: RuleOutcome | null
  /** With A: what follows if no application acknowledgement comes. */
  readonly late?: Late
  /** W: warn. */
  readonly warn: boolean
}

/** A parsed string of reply rules. */
export interface ReplyRules {
  /** The string as given; if it is empty, the default. */
  readonly text: string
  /** From left to right. */
  readonly rules: readonly ReplyRule[]
}

/**
 * Reads a string of reply rules. An empty or blank one means the default. Runs in a browser too.
 *
 * @throws ReplyRulesError with the position of the first mistake; a bad string never means the
 * default
 */
export function parseReplyRules(text: string): ReplyRules {
  if (text.length > MAX_REPLY_RULES_LENGTH) {
    const excess = text.length - MAX_REPLY_RULES_LENGTH
    throw new ReplyRulesError('tooLong', MAX_REPLY_RULES_LENGTH, excess)
  }
  const scanner = new RuleScanner(text)
  if (scanner.peek() === '') return parseReplyRules(DEFAULT_REPLY_RULES)
  const rules: ReplyRule[] = []
  let contentTests = 0
  do {
    const rule = readRule(scanner)
    rules.push(rule)
    contentTests += rule.conditions.flat().filter(testsContent).length
    if (contentTests > MAX_CONTENT_TESTS) {
      const { length } = rule.text
      throw new ReplyRulesError('tooMany', scanner.position - length, length)
    }
  } while (scanner.take(','))
  if (scanner.peek() !== '') throw scanner.errorHere('next')
  return { text, rules }
}

function testsContent({ kind }: ReplyTest): boolean {
  return kind === 'field-value' || kind === 'field-text' || kind === 'reply-text'
}

function readRule(scanner: RuleScanner): ReplyRule {
  scanner.peek()
  const start = scanner.position
  const conditions = readConditions(scanner)
  if (!scanner.take('=')) throw scanner.errorHere('equals')
  const actions = readActions(scanner, conditions)
  return { text: scanner.text.slice(start, scanner.position), conditions, ...actions }
}

function readConditions(scanner: RuleScanner): ReplyTest[][] {
  if (!scanner.take('(')) return [readCondition(scanner)]
  const conditions: ReplyTest[][] = []
  do conditions.push(readCondition(scanner))
  while (scanner.take(','))
  if (!scanner.take(')')) throw scanner.errorHere('bracket')
  return conditions
}

function readCondition(scanner: RuleScanner): ReplyTest[] {
  const tests: ReplyTest[] = []
  do tests.push(readTest(scanner))
  while (scanner.take('&'))
  return tests
}

type Meaning = Pick<ReplyRule, 'retry' | 'outcome' | 'late' | 'mostRetries' | 'warn'>

/** The letters of an action, with a W before, behind or between them, but not between an R and its count. */
const actionLetters =
  /^(?<warnFirst>W?)(?:(?<one>[CFNSD])|(?<retry>R(?<count>[1-9]\d{0,2})?)(?<warnThen>W?)(?<then>[FNSD]?)|(?<wait>A)(?<warnLate>W?)(?<late>[SFR]?))?(?<warnLast>W?)$/

/** Where a message ends, by letter. R alone ends as F: accepted after retries in vain, it might never have arrived. */
const outcomes: Readonly<Record<string, RuleOutcome>> = {
  C: 'accept',
  F: 'fail',
  N: 'refuse',
  S: 'suspend',
  D: 'disable',
  '': 'fail'
}

/** What follows if no application acknowledgement comes, by the letter behind A. */
const lates: Readonly<Record<string, Late>> = { S: 'suspend', F: 'fail', R: 'retry', '': 'suspend' }

function readActions(
  scanner: RuleScanner,
  conditions: ReplyRule['conditions']
): Omit<ReplyRule, 'text' | 'conditions'> {
  const next = scanner.peek()
  const { text: action, start } = scanner.run(/[A-Za-z\d]/)
  if (action === '') throw scanner.errorHere(['', ','].includes(next) ? 'noAction' : 'action')
  // The beginning of an action is one too: the mistake is the first letter that makes it none.
  let end = 1
  while (end < action.length && meaningOf(action.slice(0, end)) !== undefined) end++
  const meaning = meaningOf(action.slice(0, end))
  if (meaning === undefined) throw new ReplyRulesError('action', start + end - 1, 1)
  if (meaning.outcome === 'await' && conditions.flat().some(holdsWithoutAnswer)) {
    throw new ReplyRulesError('action', start + action.indexOf('A'), 1)
  }
  if (meaning.outcome === 'refuse' && conditions.some((tests) => tests.every(mayLackAnswer))) {
    throw new ReplyRulesError('refusal', start + action.indexOf('N'), 1)
  }
  return { action, ...meaning }
}

function meaningOf(action: string): Meaning | undefined {
  const { groups } = actionLetters.exec(action) ?? {}
  const warnings = action.length - action.replaceAll('W', '').length
  if (groups === undefined || warnings > 1) return undefined
  const { one, retry, count, then = '', wait, late = '' } = groups
  const warn = warnings > 0
  if (wait !== undefined) {
    return { retry: false, outcome: 'await', late: lates[late] ?? 'suspend', warn }
  }
  if (retry === undefined) {
    return { retry: false, outcome: one === undefined ? null : (outcomes[one] ?? null), warn }
  }
  const ends = { retry: true, outcome: outcomes[then] ?? 'fail', warn }
  return count === undefined ? ends : { ...ends, mostRetries: Number(count) }
}

/** Whether it is a test of an error or of an empty answer: neither says that the message arrived. */
function holdsWithoutAnswer({ kind }: ReplyTest): boolean {
  return kind === 'no-reply' || kind === 'error' || kind.startsWith('error-')
}

/** Whether it may hold although the receiver gave no answer at all: nobody has refused anything then. */
function mayLackAnswer({ kind }: ReplyTest): boolean {
  return ['error', 'error-code', 'error-family', 'error-text', 'again'].includes(kind)
}
