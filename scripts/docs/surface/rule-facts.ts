/** The grammar of the reply rules, found by asking the parser: what it reads, and as what. */
import {
  DEFAULT_REPLY_RULES,
  MAX_CONTENT_TESTS,
  MAX_REPLY_RULES_LENGTH,
  parseReplyRules,
  type ReplyRule
} from '../../../src/rules/reply-rules.ts'
import {
  errorFamilies,
  SEVERITIES,
  TESTED_SEGMENTS,
  type ReplyTest
} from '../../../src/rules/reply-test.ts'
import { pathText } from '../../../src/hl7/path.ts'

/** How each kind of test is written. A kind without an example does not compile. */
const EXAMPLES: Readonly<Record<ReplyTest['kind'], readonly string[]>> = {
  code: [':AE', ':"?A"'],
  'code-class': [':?A'],
  'empty-code': [':_'],
  'other-code': [':*'],
  'no-acknowledgement': [':~'],
  'foreign-id': [':I?'],
  'same-type': [':T?'],
  'no-reply': ['X'],
  error: ['E'],
  'error-status': ['E#503', 'E#5xx'],
  'error-code': ['E#ECONNREFUSED'],
  'error-family': errorFamilies.map((family) => `E#${family}`),
  'error-text': ['E*text'],
  status: ['@status:200', '@status:2xx'],
  'field-value': TESTED_SEGMENTS.map((segment) => `@${segment}-3:text`),
  'field-text': TESTED_SEGMENTS.map((segment) => `@${segment}-3*text`),
  severity: SEVERITIES.map((letter) => `@severity:${letter}`),
  again: ['@again'],
  'reply-text': ['@*text']
}

/** Rules that are put together. */
const COMBINED = [':AE=F,:AR=S', '(:AE,:AR)=F', ':AE&@again=C', '(:AE&@again,:AR)=F', ' :AE = F ']

/** Everything that can be typed and is no blank. */
const SIGNS = Array.from({ length: 94 }, (_, at) => String.fromCharCode(33 + at))

export function ruleFacts(): string[] {
  const examples = Object.entries(EXAMPLES).flatMap(([kind, texts]) =>
    texts.map((text) => {
      const said = testSaid(text)
      if (said?.startsWith(kind) !== true) throw new Error(`${text} is no test ${kind}.`)
      return `test ${text} ${said}`
    })
  )
  // What an example does not show: short tests, but not each code that MSA-1 may have.
  const short = [...SIGNS, ...pairs('', SIGNS), ...pairs(':', SIGNS)].flatMap((text) => {
    const said = testSaid(text)
    return said === undefined || said.startsWith('code ') ? [] : [`test ${text} ${said}`]
  })
  const combined = COMBINED.map((text) => {
    const rules = parseReplyRules(text).rules.map(({ conditions, action }) => {
      return `tests ${conditions.map((tests) => tests.length).join('+')}, ${action}`
    })
    return `form ${JSON.stringify(text)} ${rules.join('; ')}`
  })
  return [
    ...examples,
    ...short,
    ...combined,
    ...actionFacts(''),
    `default ${DEFAULT_REPLY_RULES}`,
    `most characters ${MAX_REPLY_RULES_LENGTH}`,
    `most content tests ${MAX_CONTENT_TESTS}`
  ]
}

function pairs(before: string, signs: readonly string[]): string[] {
  return signs.flatMap((first) => signs.map((second) => before + first + second))
}

/** Undefined if the parser does not read it as a test. */
function testSaid(text: string): string | undefined {
  const rule = ruleOf(`${text}=F`)
  const [test, ...others] = rule?.conditions.flat() ?? []
  if (test === undefined || others.length > 0) return undefined
  const { kind, ...values } = 'path' in test ? { ...test, path: pathText(test.path) } : test
  return [kind, ...Object.values<unknown>(values).map(String)].join(' ')
}

/** All actions that begin with these letters: the beginning of an action is one, too. */
function actionFacts(before: string): string[] {
  return SIGNS.filter((sign) => /\w/.test(sign)).flatMap((sign) => {
    const action = before + sign
    const rule = ruleOf(`:AA=${action}`)
    // One count is enough.
    if (rule === undefined || /[^5\D]|\d\d/.test(action)) return []
    const { retry, mostRetries, outcome, late, warn } = rule
    const said = [
      ...(retry ? [`retry ${mostRetries ?? ''}`.trim()] : []),
      ...(outcome === null ? [] : [outcome]),
      ...(late === undefined ? [] : [`late ${late}`]),
      ...(warn ? ['warn'] : [])
    ]
    return [`action ${action} ${said.join(', ')}`, ...actionFacts(action)]
  })
}

/** Undefined if the text cannot be read, or is more than one rule. */
function ruleOf(text: string): ReplyRule | undefined {
  try {
    const { rules } = parseReplyRules(text)
    return rules.length === 1 ? rules[0] : undefined
  } catch {
    return undefined
  }
}
