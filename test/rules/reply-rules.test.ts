import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import {
  DEFAULT_REPLY_RULES,
  MAX_CONTENT_TESTS,
  MAX_REPLY_RULES_LENGTH,
  parseReplyRules
} from '../../src/rules/reply-rules.ts'
import { ReplyRulesError, type ReplyRulesMistake } from '../../src/rules/reply-rules-error.ts'
import type { ReplyTest } from '../../src/rules/reply-test.ts'
import { parsePath } from '../../src/hl7/path.ts'
import fc from '../support/properties.ts'

/** The test of a rule that has only one. */
function testOf(codes: string): ReplyTest | undefined {
  return parseReplyRules(`${codes}=F`).rules[0]?.conditions[0]?.[0]
}

function mistake(text: string): ReplyRulesError {
  try {
    parseReplyRules(text)
  } catch (error) {
    if (error instanceof ReplyRulesError) return error
    throw error
  }
  assert.fail(`no mistake found in ${text}`)
}

/** As many tests that search the reply, as alternatives. */
function searches(count: number): string {
  const kinds = ['@ERR-3:1', '@ERR-8*a', '@*b']
  return Array.from({ length: count }, (_, n) => kinds[n % 3]).join()
}

describe('each test of the language', () => {
  const cases: [string, ReplyTest][] = [
    [':AE', { kind: 'code', code: 'AE' }],
    [':ae', { kind: 'code', code: 'ae' }],
    [':I', { kind: 'code', code: 'I' }],
    [':AZaz09', { kind: 'code', code: 'AZaz09' }],
    [':"?A"', { kind: 'code', code: '?A' }],
    [':"A ""B"""', { kind: 'code', code: 'A "B"' }],
    [':?A', { kind: 'code-class', codes: ['AA', 'CA'] }],
    [':?E', { kind: 'code-class', codes: ['AE', 'CE'] }],
    [':?R', { kind: 'code-class', codes: ['AR', 'CR'] }],
    [':_', { kind: 'empty-code' }],
    [':*', { kind: 'other-code' }],
    [':~', { kind: 'no-acknowledgement' }],
    [':I?', { kind: 'foreign-id' }],
    [':T?', { kind: 'same-type' }],
    ['X', { kind: 'no-reply' }],
    ['E', { kind: 'error' }],
    ['E#503', { kind: 'error-status', from: 503, to: 503 }],
    ['E#5xx', { kind: 'error-status', from: 500, to: 599 }],
    ['E#ECONNREFUSED', { kind: 'error-code', code: 'ECONNREFUSED' }],
    [
      'E#ERR_TLS_CERT_ALTNAME_INVALID',
      { kind: 'error-code', code: 'ERR_TLS_CERT_ALTNAME_INVALID' }
    ],
    ['E#invalid_client', { kind: 'error-code', code: 'invalid_client' }],
    ['E#connect', { kind: 'error-family', family: 'connect' }],
    ['E#timeout', { kind: 'error-family', family: 'timeout' }],
    ['E#reset', { kind: 'error-family', family: 'reset' }],
    ['E#tls', { kind: 'error-family', family: 'tls' }],
    ['E#token', { kind: 'error-family', family: 'token' }],
    ['E#Timeout', { kind: 'error-family', family: 'timeout' }],
    ['E#RESET', { kind: 'error-family', family: 'reset' }],
    ['E*Socket Hang up', { kind: 'error-text', text: 'Socket Hang up' }],
    ['E*"a,b=c&d)"', { kind: 'error-text', text: 'a,b=c&d)' }],
    ['@status:201', { kind: 'status', from: 201, to: 201 }],
    ['@status:2xx', { kind: 'status', from: 200, to: 299 }],
    ['@ status : 100', { kind: 'status', from: 100, to: 100 }],
    ['@status\u00a0:\x0b999', { kind: 'status', from: 999, to: 999 }],
    ['@ERR-3:207', { kind: 'field-value', path: parsePath('ERR-3'), value: '207' }],
    ['@MSA-3 : "a, b"', { kind: 'field-value', path: parsePath('MSA-3'), value: 'a, b' }],
    ['@MSH-9.2:ACK', { kind: 'field-value', path: parsePath('MSH-9.2'), value: 'ACK' }],
    [
      '@ERR-8*Record Locked',
      { kind: 'field-text', path: parsePath('ERR-8'), text: 'Record Locked' }
    ],
    ['@ERR-1(2).4*101', { kind: 'field-text', path: parsePath('ERR-1(2).4'), text: '101' }],
    ['@severity:W', { kind: 'severity', severity: 'W' }],
    ['@severity : F', { kind: 'severity', severity: 'F' }],
    ['@again', { kind: 'again' }],
    ['@ again ', { kind: 'again' }],
    ['@*REJECTED', { kind: 'reply-text', text: 'REJECTED' }]
  ]
  for (const [codes, expected] of cases) {
    it(`reads ${codes}`, () => {
      assert.deepEqual(testOf(codes), expected)
      // White space between tokens and a group of one change nothing.
      assert.deepEqual(testOf(` ( ${codes} ) `), expected)
    })
  }
})

describe('actions', () => {
  const cases: [string, object][] = [
    ['C', { retry: false, outcome: 'accept', warn: false }],
    ['WC', { retry: false, outcome: 'accept', warn: true }],
    ['CW', { retry: false, outcome: 'accept', warn: true }],
    ['F', { retry: false, outcome: 'fail', warn: false }],
    ['N', { retry: false, outcome: 'refuse', warn: false }],
    ['S', { retry: false, outcome: 'suspend', warn: false }],
    ['D', { retry: false, outcome: 'disable', warn: false }],
    ['R', { retry: true, outcome: 'fail', warn: false }],
    ['RF', { retry: true, outcome: 'fail', warn: false }],
    ['RS', { retry: true, outcome: 'suspend', warn: false }],
    ['RN', { retry: true, outcome: 'refuse', warn: false }],
    ['R3WN', { retry: true, outcome: 'refuse', mostRetries: 3, warn: true }],
    ['RD', { retry: true, outcome: 'disable', warn: false }],
    ['RW', { retry: true, outcome: 'fail', warn: true }],
    ['WRS', { retry: true, outcome: 'suspend', warn: true }],
    ['R5', { retry: true, outcome: 'fail', mostRetries: 5, warn: false }],
    ['R1F', { retry: true, outcome: 'fail', mostRetries: 1, warn: false }],
    ['R10S', { retry: true, outcome: 'suspend', mostRetries: 10, warn: false }],
    ['R999D', { retry: true, outcome: 'disable', mostRetries: 999, warn: false }],
    ['WR5S', { retry: true, outcome: 'suspend', mostRetries: 5, warn: true }],
    ['R5WS', { retry: true, outcome: 'suspend', mostRetries: 5, warn: true }],
    ['R5SW', { retry: true, outcome: 'suspend', mostRetries: 5, warn: true }],
    ['RWS', { retry: true, outcome: 'suspend', warn: true }],
    ['RSW', { retry: true, outcome: 'suspend', warn: true }],
    ['W', { retry: false, outcome: null, warn: true }],
    ['A', { retry: false, outcome: 'await', late: 'suspend', warn: false }],
    ['AS', { retry: false, outcome: 'await', late: 'suspend', warn: false }],
    ['AF', { retry: false, outcome: 'await', late: 'fail', warn: false }],
    ['AR', { retry: false, outcome: 'await', late: 'retry', warn: false }],
    ['WA', { retry: false, outcome: 'await', late: 'suspend', warn: true }],
    ['AWF', { retry: false, outcome: 'await', late: 'fail', warn: true }],
    ['ARW', { retry: false, outcome: 'await', late: 'retry', warn: true }]
  ]
  for (const [action, expected] of cases) {
    it(`reads ${action}`, () => {
      const [rule] = parseReplyRules(`${/[AN]/.test(action) ? ':?A' : 'E'}=${action}`).rules
      assert.ok(rule)
      const { text, conditions, action: letters, ...rest } = rule
      assert.ok(text.endsWith(letters) && conditions.length === 1)
      assert.deepEqual(rest, expected)
      assert.equal(rule.action, action)
    })
  }
})

describe('a list of rules', () => {
  it('means the default if it is empty or blank', () => {
    for (const text of ['', ' \t\r\n ']) {
      assert.equal(parseReplyRules(text).text, DEFAULT_REPLY_RULES)
    }
    assert.equal(
      DEFAULT_REPLY_RULES,
      ':I?=W,:?A=C,:?E=F,:?R=F,:_=F,:*=F,:~=F,(E#408,E#425,E#429)=RF,' +
        '(E#401,E#403,E#404,E#405,E#407,E#410,E#431)=RF,E#4xx=F,E=RF,X=F'
    )
    assert.equal(parseReplyRules('').rules.length, 12)
  })

  it('keeps each rule as written, without the blanks around it', () => {
    const { rules } = parseReplyRules('\n :?A = C ,\r\n( E#408 , E#5xx )= RF\t, @*"a, b" & X=WS ')
    assert.deepEqual(
      rules.map((rule) => rule.text),
      [':?A = C', '( E#408 , E#5xx )= RF', '@*"a, b" & X=WS']
    )
  })

  it('skips blanks wherever a test could go on without them', () => {
    const blanks = '@ status : 500=R,@ severity : W=C,@ ERR-3 : 207=F,@ * ok=C,E # 503=R,E * busy=R'
    const none = parseReplyRules(blanks.replaceAll(' ', ''))
    assert.deepEqual(
      parseReplyRules(blanks).rules.map(({ conditions }) => conditions),
      none.rules.map(({ conditions }) => conditions)
    )
  })

  it('reads "all of" inside "any of"', () => {
    const [rule] = parseReplyRules('(:?E&@severity:W,:AA&@*late&@status:2xx)=C').rules
    assert.deepEqual(
      rule?.conditions.map((tests) => tests.map((test) => test.kind)),
      [
        ['code-class', 'severity'],
        ['code', 'reply-text', 'status']
      ]
    )
  })

  it('refuses where the receiver has answered', () => {
    for (const rule of ['E#4xx=RN', '(:~,X)=N', 'E#tls&@status:400=N', '@again&:?E=N', '@*no=WN']) {
      assert.equal(parseReplyRules(rule).rules[0]?.outcome, 'refuse', rule)
    }
  })

  it('reads the string that InterSystems documents as its HL7 default', () => {
    const { rules } = parseReplyRules(':?R=RF,:?E=S,:~=S,:?A=C,:*=S,:I?=W,:T?=C')
    assert.equal(rules.map((rule) => rule.action).join(), 'RF,S,S,C,S,W,C')
  })
})

describe('a mistake', () => {
  const cases: [text: string, position: number, length: number, kind: ReplyRulesMistake][] = [
    [':?A=CF', 5, 1, 'action'],
    [':?A=FR', 5, 1, 'action'],
    [':?R=RC', 5, 1, 'action'],
    ['E=RWC', 4, 1, 'action'],
    [':?A=RR', 5, 1, 'action'],
    // A count is from 1 to 999, directly behind an R.
    ['E=R0', 3, 1, 'action'],
    ['E=R05S', 3, 1, 'action'],
    ['E=R1000', 6, 1, 'action'],
    ['E=RW5S', 4, 1, 'action'],
    ['E=R5C', 4, 1, 'action'],
    ['E=R5R', 4, 1, 'action'],
    ['E=R5S5', 5, 1, 'action'],
    ['E=WR5W', 5, 1, 'action'],
    ['E=R 5S', 4, 1, 'next'],
    ['E=5', 2, 1, 'action'],
    [':?A=C5', 5, 1, 'action'],
    [':?A=A5', 5, 1, 'action'],
    [':?A=AR5', 6, 1, 'action'],
    [':?A=WW', 5, 1, 'action'],
    [':?A=c', 4, 1, 'action'],
    ['E=A', 2, 1, 'action'],
    ['X=A', 2, 1, 'action'],
    ['E=WA', 3, 1, 'action'],
    ['(:?A,:AE&E#503)=A', 16, 1, 'action'],
    // Nobody has refused anything where nobody has answered.
    ['E=N', 2, 1, 'refusal'],
    ['E=WRN', 4, 1, 'refusal'],
    ['E#timeout=N', 10, 1, 'refusal'],
    ['E#ECONNRESET=R5N', 15, 1, 'refusal'],
    ['E*cut&@again=N', 13, 1, 'refusal'],
    ['(E#422,E#token)=N', 16, 1, 'refusal'],
    ['@again=N', 7, 1, 'refusal'],
    [':?A=NN', 5, 1, 'action'],
    [':?A=AN', 5, 1, 'action'],
    [':?A=RA', 5, 1, 'action'],
    [':?A=AC', 5, 1, 'action'],
    [':?A=AD', 5, 1, 'action'],
    [':?A=AA', 5, 1, 'action'],
    [':?A=AFS', 6, 1, 'action'],
    [':?A=CA', 5, 1, 'action'],
    ...['B', 'Q', 'Z'].map((letter): [string, number, number, ReplyRulesMistake] => [
      `:?A=${letter}`,
      ...([4, 1, 'action'] as const)
    ]),
    ...['a', 'z'].map((letter): [string, number, number, ReplyRulesMistake] => [
      `:?A=${letter}`,
      ...([4, 1, 'action'] as const)
    ]),
    ...['@', '[', '`', '{'].map((sign): [string, number, number, ReplyRulesMistake] => [
      `:?A=${sign}`,
      ...([4, 1, 'action'] as const)
    ]),
    [':?A=', 4, 0, 'noAction'],
    [':?A= ,:?E=F', 5, 1, 'noAction'],
    [':?A', 3, 0, 'equals'],
    [':?A=C,', 6, 0, 'test'],
    [',:?A=C', 0, 1, 'test'],
    [':?A=C :?E=F', 6, 1, 'next'],
    [':?A=C,:?E=WF x', 13, 1, 'next'],
    [':?A=C F', 6, 1, 'next'],
    [':?B=C', 1, 2, 'code'],
    [':A[=C', 1, 2, 'code'],
    [':a{=C', 1, 2, 'code'],
    [':?A\u0001=C', 1, 3, 'code'],
    [':A?=C', 1, 2, 'code'],
    [':=C', 1, 0, 'value'],
    [':""=C', 1, 2, 'value'],
    [':A B=C', 1, 3, 'code'],
    ['Q=C', 0, 1, 'test'],
    ['e=C', 0, 1, 'test'],
    ['EX=C', 1, 1, 'error'],
    ['XX=C', 1, 1, 'equals'],
    ['E503=F', 1, 1, 'error'],
    ['E#=F', 2, 0, 'value'],
    ['E#6301=R', 2, 4, 'status'],
    ['E#5XX=R', 2, 3, 'status'],
    ['E#0xx=R', 2, 3, 'status'],
    ['E#50=R', 2, 2, 'status'],
    ['E#not a code=F', 2, 10, 'errorCode'],
    ['E*=F', 2, 0, 'value'],
    ['@=F', 1, 1, 'comparison'],
    ['@status=F', 7, 1, 'comparison'],
    ['@Again=F', 6, 1, 'comparison'],
    ['@again:yes=F', 1, 5, 'field'],
    ['@again*yes=F', 1, 5, 'field'],
    ['@status:20=F', 8, 2, 'status'],
    ['@status:axx=F', 8, 3, 'status'],
    ['@status:=F', 8, 0, 'value'],
    ['@status*20=F', 1, 6, 'field'],
    ['@severity:=F', 10, 0, 'value'],
    ['@severity:w=F', 10, 1, 'severity'],
    ['@severity:X=F', 10, 1, 'severity'],
    ['@PID-3:1=F', 1, 5, 'field'],
    ['@ PID-3 :1=F', 2, 5, 'field'],
    ['@ERR-x:1=F', 1, 5, 'field'],
    ['@ERR:1=F', 1, 3, 'field'],
    ['@ERR-3:=F', 7, 0, 'value'],
    ['@ERR-3*=F', 7, 0, 'value'],
    ['@*=F', 2, 0, 'value'],
    ['@* =F', 3, 0, 'value'],
    ['@*"abc=F', 2, 6, 'quote'],
    ['@*"a"b=F', 5, 1, 'equals'],
    ['@*a"b"=F', 3, 1, 'equals'],
    ['(:?A=C', 4, 1, 'bracket'],
    ['(:?A,)=C', 5, 1, 'test'],
    ['()=C', 1, 1, 'test'],
    ['((:?A))=C', 1, 1, 'test'],
    [':?A,:?E=C', 3, 1, 'equals'],
    [':?A&=C', 4, 1, 'test'],
    [':?A)=C', 3, 1, 'equals'],
    [':?A==C', 4, 1, 'action']
  ]
  for (const [text, position, length, kind] of cases) {
    it(`in ${text} is found at ${position}`, () => {
      const error = mistake(text)
      assert.deepEqual({ position: error.position, length: error.length }, { position, length })
      assert.equal(error.mistake, kind)
    })
  }

  it('is not a string of the maximum length', () => {
    const text = ':?A=C'.padEnd(MAX_REPLY_RULES_LENGTH)
    assert.deepEqual(parseReplyRules(text).rules, parseReplyRules(':?A=C').rules)
  })

  it('is the first rule with more tests that search the reply than are allowed', () => {
    const most = `(${searches(MAX_CONTENT_TESTS)})=F`
    const others = '(@severity:E,@status:2xx,:T?,E*a)=S'
    assert.equal(parseReplyRules(`${most},${others}`).rules.length, 2)
    const error = mistake(`${most},${others}, :AE&@MSA-3:1=C ,@*c=F`)
    assert.equal(error.mistake, 'tooMany')
    assert.equal(error.position, most.length + others.length + 3)
    assert.equal(error.length, ':AE&@MSA-3:1=C'.length)
  })

  it('is a string that is too long, which is not parsed at all', () => {
    const error = mistake('('.repeat(MAX_REPLY_RULES_LENGTH + 5))
    assert.equal(error.position, MAX_REPLY_RULES_LENGTH)
    assert.equal(error.length, 5)
    assert.equal(error.mistake, 'tooLong')
  })
})

describe('any string', () => {
  // oxfmt-ignore
  const alphabet = fc.constantFrom(
    ':', '?', 'A', 'E', 'R', '#', '*', '~', '_', '@', '=', '&', ',', '(', ')', '"', ' ', '5', 'x',
    'status', 'ERR-3', 'severity', 'C', 'W', 'X', 'I?', 'T?', 'connect', '\n', 'é', '😀', '\ud800'
  )
  const anything = fc.oneof(
    fc.string({ maxLength: 60 }),
    fc.array(alphabet, { maxLength: 40 }).map((parts) => parts.join(''))
  )

  it('is either rules or a ReplyRulesError within it', () => {
    fc.assert(
      fc.property(anything, (text) => {
        try {
          assert.ok(parseReplyRules(text).rules.length > 0)
        } catch (error) {
          assert.ok(error instanceof ReplyRulesError, String(error))
          assert.ok(error.position >= 0 && error.length >= 0)
          assert.ok(error.position + error.length <= text.length)
        }
      }),
      { numRuns: 2_000 }
    )
  })

  it('takes time that is linear in its length', () => {
    const repeated = [':?A=C,', '(', 'E*a ', '"', '""', ' ', ':?A&', '@ERR-3 ', '\t\n', 'W', 'E#']
    for (const part of repeated) {
      for (const start of ['', ':?A=C,', '@*"', 'E*', '(X,', '@']) {
        const text = (start + part.repeat(MAX_REPLY_RULES_LENGTH)).slice(0, MAX_REPLY_RULES_LENGTH)
        const begin = process.cpuUsage()
        try {
          parseReplyRules(text)
        } catch (error) {
          assert.ok(error instanceof ReplyRulesError)
        }
        // A quadratic scanner would take 100 million steps; a linear one takes far less than a millisecond.
        assert.ok(process.cpuUsage(begin).user < 200_000, `${start}${part}… is slow`)
      }
    }
  })
})

describe('a printed list of rules', () => {
  interface Printed {
    text: string
    test: ReplyTest
  }
  const needsQuotes = /[,=&)"]|^\s|\s$|^$/
  const quote = (text: string) => `"${text.replaceAll('"', '""')}"`
  const print = (text: string) => (needsQuotes.test(text) ? quote(text) : text)
  const blank = fc.constantFrom('', ' ', '\t', '\n ')
  const text = fc
    .string({ minLength: 1, maxLength: 12, unit: 'grapheme' })
    .filter((value) => value.toLowerCase() !== '')
  const literal = (value: string, test: ReplyTest): Printed => ({ text: value, test })
  const status = fc.oneof(
    fc.integer({ min: 100, max: 999 }).map((n) => ({ text: String(n), from: n, to: n })),
    fc.integer({ min: 1, max: 9 }).map((n) => ({ text: `${n}xx`, from: n * 100, to: n * 100 + 99 }))
  )
  const path = fc.constantFrom('MSA-3', 'ERR-3', 'ERR-3.2', 'ERR-8', 'MSH-9.2')
  const printedTest: fc.Arbitrary<Printed> = fc.oneof(
    fc.constantFrom(
      literal(':_', { kind: 'empty-code' }),
      literal(':*', { kind: 'other-code' }),
      literal(':~', { kind: 'no-acknowledgement' }),
      literal(':I?', { kind: 'foreign-id' }),
      literal(':T?', { kind: 'same-type' }),
      literal(':?R', { kind: 'code-class', codes: ['AR', 'CR'] }),
      literal('X', { kind: 'no-reply' }),
      literal('E', { kind: 'error' }),
      literal('E#token', { kind: 'error-family', family: 'token' }),
      literal('E#ECONNRESET', { kind: 'error-code', code: 'ECONNRESET' }),
      literal('@severity:F', { kind: 'severity', severity: 'F' }),
      literal('@again', { kind: 'again' })
    ),
    text.map((code) => literal(`:${quote(code)}`, { kind: 'code', code })),
    text.map((value) => literal(`E*${print(value)}`, { kind: 'error-text', text: value })),
    text.map((value) => literal(`@*${print(value)}`, { kind: 'reply-text', text: value })),
    status.map(({ text: written, from, to }) =>
      literal(`E#${written}`, { kind: 'error-status', from, to })
    ),
    status.map(({ text: written, from, to }) =>
      literal(`@status:${written}`, { kind: 'status', from, to })
    ),
    fc
      .tuple(path, text)
      .map(([at, value]) =>
        literal(`@${at}:${print(value)}`, { kind: 'field-value', path: parsePath(at), value })
      ),
    fc.tuple(path, text).map(([at, value]) =>
      literal(`@${at}*${print(value)}`, {
        kind: 'field-text',
        path: parsePath(at),
        text: value
      })
    )
  )
  const printedRule = fc
    .record({
      conditions: fc.array(fc.array(printedTest, { minLength: 1, maxLength: 3 }), {
        minLength: 1,
        maxLength: 3
      }),
      group: fc.boolean(),
      action: fc.constantFrom('C', 'W', 'R', 'RF', 'RS', 'RD', 'WC', 'F', 'S', 'D', 'FW'),
      blank
    })
    .map(({ conditions, group, action, blank: gap }) => {
      const all = conditions.map((tests) => tests.map((test) => test.text).join(`${gap}&${gap}`))
      const codes =
        group || all.length > 1 ? `(${gap}${all.join(`${gap},${gap}`)}${gap})` : (all[0] ?? '')
      return {
        text: `${codes}${gap}=${gap}${action}`,
        conditions: conditions.map((tests) => tests.map((test) => test.test)),
        action
      }
    })

  it('is read as what was printed, and each of its rules is read as itself', () => {
    fc.assert(
      fc.property(fc.array(printedRule, { minLength: 1, maxLength: 6 }), blank, (printed, gap) => {
        const { rules } = parseReplyRules(printed.map((rule) => rule.text).join(`${gap},${gap}`))
        assert.deepEqual(
          rules.map(({ text: written, conditions, action }) => ({
            text: written,
            conditions,
            action
          })),
          printed
        )
        assert.deepEqual(parseReplyRules(rules.map((rule) => rule.text).join()).rules, rules)
      }),
      { numRuns: 300 }
    )
  })
})

describe('the parser', () => {
  it('needs nothing of Node.js, so that the editor can use it in the browser', () => {
    const seen = new Set<string>()
    const visit = (file: URL): void => {
      if (seen.has(file.href)) return
      seen.add(file.href)
      const source = readFileSync(file, 'utf8')
      assert.doesNotMatch(source, /\b(?:Buffer|process|require|global)\b[.(]/, file.pathname)
      for (const [, from = ''] of source.matchAll(/^(?:import|export)\b[^;'"]*?from '([^']+)'/gm)) {
        assert.match(from, /^\.\.?\//, `${file.pathname} imports ${from}`)
        visit(new URL(from, file))
      }
    }
    visit(new URL('../../src/rules/reply-rules.ts', import.meta.url))
    assert.ok(seen.size >= 4)
  })
})
