import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { Attempt, AttemptError } from '../../src/rules/attempt.ts'
import { decide, retriesOnReset } from '../../src/rules/decide.ts'
import { DEFAULT_REPLY_RULES, parseReplyRules } from '../../src/rules/reply-rules.ts'
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

describe('the order of rules', () => {
  it('lets the first rule that applies decide, and skips those after it', () => {
    assert.deepEqual(decided(':AA=S,:?A=C,:AA=WD', acknowledged('AA')), {
      outcome: 'suspend',
      retry: false,
      rule: ':AA=S',
      action: 'S',
      warnings: []
    })
  })

  it('tests every rule with only W, before and after the rule that decides', () => {
    const { outcome, warnings } = decided(':AA=W,:AE=W,:?A=C,@status:200=W', acknowledged('AA'))
    assert.equal(outcome, 'accept')
    assert.deepEqual(warnings, [':AA=W', '@status:200=W'])
  })

  it('warns for a W with another letter only if that rule decides', () => {
    const rules = ':AE=WS,:?A=WC,:AA=WF'
    assert.deepEqual(decided(rules, acknowledged('AA')).warnings, [':?A=WC'])
    assert.deepEqual(decided(rules, acknowledged('AE')).warnings, [':AE=WS'])
  })

  it('accepts a reply to which only W rules apply, by the first of them', () => {
    assert.deepEqual(decided(':AE=F,:AA=W,:?A=W', acknowledged('AA')), {
      outcome: 'accept',
      retry: false,
      rule: ':AA=W',
      action: 'W',
      warnings: [':AA=W', ':?A=W']
    })
  })

  it('fails a reply to which no rule applies, and names no rule', () => {
    assert.deepEqual(decided(':AE=F', acknowledged('AA')), {
      outcome: 'fail',
      retry: false,
      rule: '',
      action: 'F',
      warnings: []
    })
  })

  it('applies the default E rules to an error that no rule covers', () => {
    for (let status = 300; status <= 599; status++) {
      const attempt = answer(status, 'x')
      const own = decided(':?A=C', attempt)
      assert.deepEqual(own, { ...decided('', attempt), warnings: [] }, `HTTP ${status}`)
      assert.ok(DEFAULT_REPLY_RULES.includes(own.rule) && own.rule !== '')
    }
  })

  it('never accepts an error because of a W', () => {
    const attempt = answer(500, 'x')
    const { outcome, retry, warnings } = decided('E=W,@*x=W,@status:500=W', attempt)
    assert.deepEqual({ outcome, retry }, { outcome: 'fail', retry: true })
    assert.equal(warnings.length, 3)
  })

  it('awaits the application acknowledgement, and says what follows without one', () => {
    for (const [action, late] of Object.entries({ A: 'suspend', AF: 'fail', AR: 'retry' })) {
      assert.deepEqual(decided(`:CA=${action}`, acknowledged('CA')), {
        outcome: 'await',
        retry: false,
        late,
        rule: `:CA=${action}`,
        action,
        warnings: []
      })
    }
  })

  it('retries, and then ends as the letter next to R says', () => {
    const endings = { R: 'fail', RF: 'fail', RS: 'suspend', RD: 'disable' }
    for (const [action, outcome] of Object.entries(endings)) {
      const decision = decided(`:AR=${action}`, acknowledged('AR'))
      assert.deepEqual([decision.retry, decision.outcome, decision.action], [true, outcome, action])
    }
  })
})

describe('a status without a usable answer', () => {
  it('is an error with the status as its text and code', () => {
    assert.equal(decided('E*"HTTP status 502"=S', answer(502, '')).outcome, 'suspend')
    assert.equal(decided('E#502=S', answer(502, '')).outcome, 'suspend')
  })

  it('counts as 2xx only from 200 to 299', () => {
    for (const status of [200, 201, 250, 299]) {
      assert.equal(decided('E=F,:~=C', answer(status, 'OK')).outcome, 'accept', String(status))
    }
    for (const status of [100, 101, 199, 300, 404, 599, 600, 999]) {
      assert.equal(decided('E=S,:~=C', answer(status, 'OK')).outcome, 'suspend', String(status))
    }
  })

  it('is an error if there is nothing at all', () => {
    assert.equal(decided('E=S,X=C', { sent }).outcome, 'suspend')
  })
})

describe('an error family', () => {
  for (const family of errorFamilies) {
    it(`${family} holds only for its own errors`, () => {
      for (const other of errorFamilies) {
        const attempt = { sent, error: { code: 'X', family: other, text: '' } }
        const expected = other === family ? 'suspend' : 'disable'
        assert.equal(decided(`E#${family}=S,E=D`, attempt).outcome, expected)
      }
    })
  }
})

describe('a connection that breaks', () => {
  const epipe: AttemptError = { code: 'EPIPE', family: 'reset', text: 'write EPIPE' }

  it('is resent if the rule that applies to a reset has an R', () => {
    for (const rules of [
      '',
      ':?A=C',
      'E#reset=R',
      'E=RS',
      'E#timeout=F',
      'E#reset=W',
      'E#ECONNRESET=RD'
    ]) {
      assert.equal(retriesOnReset(parseReplyRules(rules)), true, rules)
    }
  })

  it('is not resent if it has none', () => {
    for (const rules of [
      'E#reset=F',
      'E=S',
      'E#ECONNRESET=D',
      '(E#timeout,E#reset)=F',
      'E=F,E#reset=R',
      'E*"read econnreset"=F'
    ]) {
      assert.equal(retriesOnReset(parseReplyRules(rules)), false, rules)
    }
  })

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
  const tests = fc.constantFrom(
    ...[
      ':?A',
      ':?E',
      ':?R',
      ':AA',
      ':_',
      ':*',
      ':~',
      ':I?',
      ':T?',
      'X',
      'E',
      'E#5xx',
      'E#404',
      'E#reset'
    ],
    ...[
      'E#token',
      'E#ECONNRESET',
      'E*a',
      '@status:2xx',
      '@ERR-3:207',
      '@MSA-1*a',
      '@severity:E',
      '@*o'
    ]
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
      { numRuns: 5_000 }
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
      { numRuns: 5_000 }
    )
  })
  const defaultRules = parseReplyRules('').rules.map((rule) => rule.text)
})
