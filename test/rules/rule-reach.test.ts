import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { readAcknowledgement } from '../../src/hl7/acknowledgement.ts'
import { readReplyMessage } from '../../src/hl7/reply-message.ts'
import type { Attempt } from '../../src/rules/attempt.ts'
import { factsOf, holds, type Facts } from '../../src/rules/holds.ts'
import {
  DEFAULT_REPLY_RULES,
  parseReplyRules,
  type ReplyRule
} from '../../src/rules/reply-rules.ts'
import { REFUSING_CODES } from '../../src/hl7/acknowledgement-codes.ts'
import { acceptedRefusals, neverDecides } from '../../nodes/rules/rule-reach.ts'
import { INTERSYSTEMS_RULES, replyRulePresets } from '../../nodes/editor/reply-rule-presets.ts'
import fc from '../support/properties.ts'

const sent = { controlIds: ['M1'], type: 'ADT^A01', replyDue: true }

function answer(status: number, text: string, more: object = {}): Attempt {
  const message = readReplyMessage(text)
  const ack = message === null ? null : readAcknowledgement(message)
  return { sent, status, reply: { text, empty: text === '', message, ack, ...more } }
}

function ack(code: string, { id = 'M1', type = 'ADT', severity = '' } = {}): string {
  const err = severity === '' ? '' : `ERR|||207|${severity}\r`
  return `MSH|^~\\&|||||||${type}\rMSA|${code}|${id}\r${err}`
}

/** One attempt of each kind that the tests below tell apart. */
const attempts: readonly Attempt[] = [
  ...[200, 201, 400, 500].flatMap((status) => [
    ...['AA', 'CA', 'AE', 'CE', 'AR', 'CR', '', 'ZZ', 'YY'].flatMap((code) =>
      ['', 'I', 'E', 'F'].flatMap((severity) =>
        ['M1', 'M2'].map((id) => answer(status, ack(code, { id, severity })))
      )
    ),
    answer(status, ack('AE', { type: 'ACK' })),
    answer(status, ack('AA'), { isFault: true }),
    answer(status, 'ok', { meaning: 400 }),
    ...['', 'ok', 'ok busy', 'MSH|^~\\&|||||||ADT\rERR|||207|E\r'].map((text) =>
      answer(status, text)
    )
  ]),
  ...[undefined, 200, 500].flatMap((status) =>
    [
      { code: 'ECONNRESET', family: 'reset', text: 'read ECONNRESET' } as const,
      { code: 'ETIMEDOUT', family: 'timeout', text: 'busy' } as const,
      { code: 'x', text: '' }
    ].map((error) => ({ sent, ...(status !== undefined && { status }), error }))
  )
]
const facts = [...attempts, ...attempts.map((one) => ({ ...one, again: true }))].map(factsOf)

const matches = ({ conditions }: ReplyRule, one: Facts): boolean =>
  conditions.some((tests) => tests.every((test) => holds(test, one)))

// oxfmt-ignore
const TESTS = [
  ':?A', ':?E', ':?R', ':AA', ':AE', ':"AE "', ':CE', ':ZZ', ':YY', ':_', ':*', ':~', ':I?', ':T?', 'X', 'E',
  'E#5xx', 'E#500', 'E#400', 'E#reset', 'E#timeout', 'E#ECONNRESET', 'E#x', 'E*busy', 'E*bus',
  '@status:2xx', '@status:200', '@status:201', '@status:500', '@status:5xx', '@severity:E', '@severity:I',
  '@severity:F', '@ERR-3:207', '@ERR-3*20', '@MSA-1:AE', '@MSA-1*a', '@*ok', '@*"ok b"', '@again'
]
const ruleTexts = fc.array(
  fc
    .tuple(
      fc.array(
        fc
          .array(fc.constantFrom(...TESTS), { minLength: 1, maxLength: 3 })
          .map((tests) => tests.join('&')),
        { minLength: 1, maxLength: 3 }
      ),
      fc.constantFrom('C', 'W', 'F', 'RS')
    )
    .map(([alternatives, action]) => `(${alternatives.join()})=${action}`),
  { minLength: 1, maxLength: 7 }
)

describe('a rule', () => {
  it('that is said never to decide matches nothing that the rules above it leave', () => {
    let said = 0
    fc.assert(
      fc.property(ruleTexts, (texts) => {
        const { rules } = parseReplyRules(texts.join())
        for (const [at, rule] of rules.entries()) {
          const never = neverDecides(rules, at)
          if (never === undefined) continue
          said++
          const above = never.why === 'covered' ? never.by : []
          for (const one of facts) {
            const isDecided = above.some((other) => matches(other, one))
            assert.ok(isDecided || !matches(rule, one), rule.text)
          }
        }
      }),
      { numRuns: 5000 }
    )
    assert.ok(said > 1000, String(said))
  })

  it('that accepts a refusal is always said to do so', () => {
    fc.assert(
      fc.property(ruleTexts, (texts) => {
        const { rules } = parseReplyRules(texts.join())
        for (const one of facts) {
          const at = rules.findIndex((rule) => rule.outcome !== null && matches(rule, one))
          const code = REFUSING_CODES.find((refusal) => refusal === one.ack?.code)
          if (code === undefined || rules[at]?.outcome !== 'accept') continue
          assert.ok(acceptedRefusals(rules, at).includes(code), rules[at].text)
        }
      }),
      { numRuns: 2000 }
    )
  })
})

/** What is said of each rule: why it never decides. */
const never = (text: string): string[] => {
  const { rules } = parseReplyRules(text)
  return rules.flatMap((rule, at) => {
    const found = neverDecides(rules, at)
    if (found === undefined) return []
    const by = found.why === 'covered' ? found.by.map((other) => other.text) : []
    return [[rule.text, found.why, ...by].join(' ')]
  })
}

describe('a rule that never decides', () => {
  for (const [rules, expected] of [
    [':AA&:AE=F', [':AA&:AE=F contradiction']],
    ['X&:?A=C', ['X&:?A=C contradiction']],
    ['X&@*ok=C', ['X&@*ok=C contradiction']],
    ['E&:I?=W', ['E&:I?=W contradiction']],
    [':?A&@status:500=C', [':?A&@status:500=C contradiction']],
    ['@status:200&@status:4xx=F', ['@status:200&@status:4xx=F contradiction']],
    ['@severity:E&@severity:W=F', ['@severity:E&@severity:W=F contradiction']],
    ['E#reset&E#timeout=R', ['E#reset&E#timeout=R contradiction']],
    [':?E=F,:AE=C', [':AE=C covered :?E=F']],
    [':AE=F,:CE=S,:?E=C', [':?E=C covered :AE=F :CE=S']],
    ['E=RF,E#503=S', ['E#503=S covered E=RF']],
    ['E#ECONNRESET=R,E#econnreset=S', ['E#econnreset=S covered E#ECONNRESET=R']],
    ['E#5xx=R,E#503=S', ['E#503=S covered E#5xx=R']],
    [
      '@status:2xx=C,:~=F,:?A=C,X=F',
      // A web page, which no rule accepts unread, reaches `:~=F`.
      [':?A=C', 'X=F'].map((one) => `${one} covered @status:2xx=C`)
    ],
    // What the first does not accept unread, the second does not either.
    ['@status:2xx=C,:~=C', [':~=C covered @status:2xx=C']],
    ['@*busy=R,:?E&@*"very busy"=S', [':?E&@*"very busy"=S covered @*busy=R']],
    ['@ERR-8*lock=R,@ERR-8:"Record locked"=S', ['@ERR-8:"Record locked"=S covered @ERR-8*lock=R']]
  ] as const) {
    it(rules, () => {
      assert.deepEqual(never(rules), expected)
    })
  }
})

describe('nothing is said of', () => {
  for (const rules of [
    ...Object.values(replyRulePresets),
    DEFAULT_REPLY_RULES,
    // Only a part of what it matches is decided above.
    ':AE=F,:?E=C',
    '(E#4xx,E#5xx)=R,E=F',
    '@status:2xx=C,:?E=F',
    ':?E=W,:AE=F',
    // Several MSAs, and several errors, may be in one reply.
    '@MSA-1:AA&@MSA-1:AE=F',
    '@ERR-3:206&@ERR-3:207=F',
    // An answer that was cut has a status and another code.
    'E#500&E#ECONNRESET=R',
    ':?A&@MSA-1:AE=F'
  ]) {
    it(rules === '' ? 'the default' : rules.slice(0, 50), () => {
      assert.deepEqual(never(rules), [])
    })
  }
})

describe('what a rule accepts although it was refused', () => {
  const accepted = (text: string): string[] => {
    const { rules } = parseReplyRules(text)
    return rules.flatMap((rule, at) => {
      const found = acceptedRefusals(rules, at)
      return found.length === 0 ? [] : [`${rule.text} ${found.join()}`]
    })
  }
  for (const [rules, expected] of [
    [DEFAULT_REPLY_RULES, []],
    [INTERSYSTEMS_RULES, []],
    [replyRulePresets.statusDecides, []],
    [replyRulePresets.acceptWarnings, [':?E&@severity:W=WC AE,CE', ':?E&@severity:I=WC AE,CE']],
    ['@again&@ERR-3:205=WC', ['@again&@ERR-3:205=WC AE,CE,AR,CR']],
    [':AE=C', [':AE=C AE']],
    [':?R=WC', [':?R=WC AR,CR']],
    [':?E=F,@severity:E=C', ['@severity:E=C AR,CR']],
    [':?A&@severity:F=C', [':?A&@severity:F=C F']],
    ['@ERR-3:207=C', ['@ERR-3:207=C AE,CE,AR,CR']],
    ['(:?E,:?R)=F,@status:2xx=C', []],
    [':?E=S', []]
  ] as const) {
    it(rules.slice(0, 50), () => {
      assert.deepEqual(accepted(rules), expected)
    })
  }
})
