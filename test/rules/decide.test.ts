import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { Attempt, AttemptError } from '../../src/rules/attempt.ts'
import { decide, retriesOnReset } from '../../src/rules/decide.ts'
import { parseReplyRules } from '../../src/rules/reply-rules.ts'
import { errorFamilies } from '../../src/rules/reply-test.ts'
import { readAcknowledgement } from '../../src/hl7/acknowledgement.ts'
import { readReplyMessage } from '../../src/hl7/reply-message.ts'

const sent = { controlIds: ['M1'], type: 'ADT^A01', replyDue: true }

function answer(status: number, text: string): Attempt {
  const message = readReplyMessage(text)
  const ack = message === null ? null : readAcknowledgement(message)
  return { sent, status, reply: { text, empty: text === '', message, ack } }
}

function acknowledged(code: string, id = 'M1'): Attempt {
  return answer(200, `MSH|^~\\&|LAB||||2025||ACK|R1|P|2.5.1\rMSA|${code}|${id}\r`)
}

function decided(rules: string, attempt: Attempt) {
  return decide(parseReplyRules(rules), attempt)
}

/** What no attempt of the courier is, but the language has an answer to. */
describe('an attempt', () => {
  it('that says nothing is an error', () => {
    assert.equal(decided('E*"no answer"=S,X=C', { sent }).outcome, 'suspend')
  })

  it('with an AA and an error accepts nothing, with an AE it refuses', () => {
    const error = { code: 'ECONNRESET', text: 'cut' }
    assert.equal(decided(':?A=C,E=S', { ...acknowledged('AA'), error }).outcome, 'suspend')
    assert.equal(decided(':?E=F,E=S', { ...acknowledged('AE'), error }).outcome, 'fail')
  })
})

it('the status of a token server is not one of the receiver', () => {
  const error = { code: 'invalid_client', family: 'token', text: 'refused' } as const
  const attempt = { ...answer(401, 'no'), error }
  assert.equal(decided('(E#401,@status:401)=D,E#token=S', attempt).outcome, 'suspend')
})

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
  const attempts = fc.record(
    {
      status: fc.integer({ min: 100, max: 599 }),
      text: texts,
      replyDue: fc.boolean(),
      error: fc.record(
        {
          code: fc.constantFrom('ECONNRESET', 'x'),
          family: fc.constantFrom(...errorFamilies),
          text: fc.string()
        },
        { requiredKeys: ['code', 'text'] }
      )
    },
    { requiredKeys: ['text', 'replyDue'] }
  )
  // prettier-ignore
  const tests = fc.constantFrom(
    ':?A', ':?E', ':?R', ':AA', ':_', ':*', ':~', ':I?', ':T?', 'X', 'E', 'E#5xx', 'E#404', 'E#reset',
    'E#token', 'E#ECONNRESET', 'E*a', '@status:2xx', '@ERR-3:207', '@MSA-1*a', '@severity:E', '@*o'
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

  function attemptOf({ text, status, replyDue, error }: AttemptFacts): Attempt {
    const read = answer(status ?? 0, text)
    return {
      sent: { ...sent, replyDue },
      ...(status !== undefined && { status, reply: read.reply ?? assert.fail() }),
      ...(error !== undefined && { error })
    }
  }
  interface AttemptFacts {
    text: string
    replyDue: boolean
    status?: number
    error?: AttemptError
  }

  it('is decided the same way twice, by a rule of the string or of the default', () => {
    fc.assert(
      fc.property(attempts, ruleTexts, (facts, ruleText) => {
        const rules = parseReplyRules(ruleText.join())
        const first = decide(rules, attemptOf(facts))
        assert.deepEqual(decide(parseReplyRules(ruleText.join()), attemptOf(facts)), first)
        assert.ok(first.rule === '' || [...ruleText, ...defaultRules].includes(first.rule))
        assert.ok(first.warnings.every((rule) => ruleText.includes(rule)))
      }),
      { numRuns: 500 }
    )
  })

  it('is exactly one of: acknowledged, error, body without MSA, nothing', () => {
    const kinds = ['(:?A,:?E,:?R,:_,:*)', 'E', ':~', 'X']
    fc.assert(
      fc.property(attempts, (facts) => {
        const attempt = attemptOf({ ...facts, replyDue: true })
        const held = kinds.filter((kind) => decided(`${kind}=D`, attempt).outcome === 'disable')
        assert.equal(held.length, 1, held.join(' and '))
      }),
      { numRuns: 500 }
    )
  })
  const defaultRules = parseReplyRules('').rules.map((rule) => rule.text)
})
