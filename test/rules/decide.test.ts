import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { AnsweredAttempt, Attempt, AttemptError } from '../../src/rules/attempt.ts'
import { decide, retriesOnReset } from '../../src/rules/decide.ts'
import { parseReplyRules } from '../../src/rules/reply-rules.ts'
import { errorFamilies } from '../../src/rules/reply-test.ts'
import { readAcknowledgement } from '../../src/hl7/acknowledgement.ts'
import { readReplyMessage } from '../../src/hl7/reply-message.ts'
import fc from '../support/properties.ts'

const sent = { controlIds: ['M1'], type: 'ADT^A01', replyDue: true }

function answer(status: number, text: string): AnsweredAttempt {
  const message = readReplyMessage(text)
  const ack = message === null ? null : readAcknowledgement(message)
  return { sent, status, reply: { text, empty: text === '', message, ack } }
}

describe('a connection that breaks', () => {
  const epipe: AttemptError = { code: 'EPIPE', family: 'reset', text: 'write EPIPE' }

  for (const [rules, isResent] of [
    ['', true],
    [':?A=C', true],
    ['E#reset=R', true],
    ['E=RS', true],
    ['E#timeout=F', true],
    ['E#reset=W', true],
    ['E#ECONNRESET=RD', true],
    ['E#reset=F', false],
    ['E=S', false],
    ['E#ECONNRESET=D', false],
    ['(E#timeout,E#reset)=F', false],
    ['E=F,E#reset=R', false],
    ['E*"read econnreset"=F', false]
  ] as const) {
    it(`is ${isResent ? '' : 'not '}resent with the rules ${rules || 'of the default'}`, () => {
      assert.equal(retriesOnReset(parseReplyRules(rules)), isResent)
    })
  }

  it('is decided by its own code if a rule names it', () => {
    const rules = parseReplyRules('E#EPIPE=F')
    assert.equal(retriesOnReset(rules), true)
    assert.equal(retriesOnReset(rules, epipe), false)
  })
})

describe('any attempt', () => {
  const texts = fc.oneof(
    fc.constantFrom(
      '',
      'OK',
      'MSH',
      'BHS|^~\\&\r',
      'MSH|^~\\&|||||||ACK\rMSA|AE|M1\rERR|||207|E\r'
    ),
    fc
      .tuple(fc.constantFrom('AA', 'AE', 'AR', 'CA', '', 'ZZ'), fc.constantFrom('M1', 'M2', ''))
      .map(([code, id]) => `MSH|^~\\&|||||||ADT\rMSA|${code}|${id}\r`),
    fc.string()
  )
  const status = fc.integer({ min: 100, max: 599 })
  const sentMessages = fc.boolean().map((replyDue) => ({ ...sent, replyDue }))
  const errors = fc.record(
    {
      code: fc.constantFrom('ECONNRESET', 'x'),
      family: fc.constantFrom(...errorFamilies),
      text: fc.string()
    },
    { requiredKeys: ['code', 'text'] }
  )
  const attempts: fc.Arbitrary<Attempt> = fc.oneof(
    fc
      .tuple(sentMessages, status, texts)
      .map(([message, code, text]) => ({ ...answer(code, text), sent: message })),
    fc.record({ sent: sentMessages, status, error: errors }, { requiredKeys: ['sent', 'error'] })
  )
  // oxfmt-ignore
  const tests = fc.constantFrom(
    ':?A', ':?E', ':?R', ':AA', ':_', ':*', ':~', ':I?', ':T?', 'X', 'E', 'E#5xx', 'E#404', 'E#reset',
    'E#token', 'E#ECONNRESET', 'E*a', '@status:2xx', '@ERR-3:207', '@MSA-1*a', '@severity:E', '@*o', '@again'
  )
  const ruleTexts = fc.array(
    fc
      .tuple(
        fc.array(tests, { minLength: 1, maxLength: 3 }),
        fc.constantFrom('C', 'W', 'F', 'RS', 'D')
      )
      .map(([all, action]) => `${all.join('&')}=${action}`),
    { minLength: 1, maxLength: 5 }
  )

  it('is decided the same way twice, by a rule of the string or of the default', () => {
    fc.assert(
      fc.property(attempts, ruleTexts, (attempt, ruleText) => {
        const rules = parseReplyRules(ruleText.join())
        const first = decide(rules, attempt)
        assert.deepEqual(decide(parseReplyRules(ruleText.join()), attempt), first)
        assert.ok(first.rule === '' || [...ruleText, ...defaultRules].includes(first.rule))
        assert.ok(first.warnings.every((rule) => ruleText.includes(rule)))
      }),
      { numRuns: 500 }
    )
  })

  it('is exactly one of: acknowledged, error, body without MSA, nothing', () => {
    const kinds = ['(:?A,:?E,:?R,:_,:*)', 'E', ':~', 'X']
    fc.assert(
      fc.property(attempts, (any) => {
        const attempt = { ...any, sent }
        const held = kinds.filter((kind) => {
          const rules = parseReplyRules(`${kind}=D`)
          return decide(rules, attempt).outcome === 'disable'
        })
        assert.equal(held.length, 1, held.join(' and '))
      }),
      { numRuns: 500 }
    )
  })
  const defaultRules = parseReplyRules('').rules.map((rule) => rule.text)
})
