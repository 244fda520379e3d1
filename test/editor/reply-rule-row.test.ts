import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Attempt } from '../../src/rules/attempt.ts'
import { hiddenRefusals } from '../../src/rules/hidden-refusals.ts'
import { decide } from '../../src/rules/decide.ts'
import { DEFAULT_REPLY_RULES, parseReplyRules } from '../../src/rules/reply-rules.ts'
import { readAcknowledgement } from '../../src/hl7/acknowledgement.ts'
import { readReplyMessage } from '../../src/hl7/reply-message.ts'
import { presetOf, replyRulePresets } from '../../nodes/editor/reply-rule-presets.ts'
import {
  keepsItsMeaning,
  readRow,
  type RowCondition,
  rowConditions,
  type RowSubject,
  type RuleRow,
  unfinishedRule,
  writeRow
} from '../../nodes/editor/reply-rule-row.ts'

const rowOf = (text: string): RuleRow => {
  const [rule] = parseReplyRules(text).rules
  assert.ok(rule)
  return readRow(rule)
}
const row = (parts: Partial<RuleRow>): RuleRow => ({
  condition: 'error',
  field: '',
  value: '',
  action: 'F',
  warn: false,
  ...parts
})

const subject = (condition: RowCondition, value = '', field = ''): RowSubject => ({
  condition,
  field,
  value
})

describe('a rule as a row', () => {
  const simple: [string, Partial<RuleRow>][] = [
    [':?A=C', { condition: 'accepted', action: 'C' }],
    [':?E=WC', { condition: 'error', action: 'C', warn: true }],
    [':?R=RS', { condition: 'reject', action: 'RS' }],
    [':AE=D', { condition: 'code', value: 'AE', action: 'D' }],
    [':"?A"=F', { condition: 'code', value: '?A' }],
    [':_=F', { condition: 'emptyCode' }],
    [':*=S', { condition: 'otherCode', action: 'S' }],
    [':~=F', { condition: 'noAcknowledgement' }],
    ['X=RS', { condition: 'noReply', action: 'RS' }],
    [':I?=W', { condition: 'foreignId', action: '' }],
    [':T?=C', { condition: 'sameType', action: 'C' }],
    ['E=R', { condition: 'noAnswer', action: 'R' }],
    ['E#503=RD', { condition: 'errorStatus', value: '503', action: 'RD' }],
    ['E#5xx=F', { condition: 'errorStatus', value: '5xx' }],
    ['(E#408,E#425)=R', { condition: 'errorStatus', value: '408, 425', action: 'R' }],
    ['E#timeout=S', { condition: 'timeout', action: 'S' }],
    ['E#connect=F', { condition: 'connect' }],
    ['E#reset=F', { condition: 'reset' }],
    ['E#tls=F', { condition: 'tls' }],
    ['E#token=F', { condition: 'token' }],
    ['E#ECONNREFUSED=F', { condition: 'errorCode', value: 'ECONNREFUSED' }],
    ['E*"Not, now"=F', { condition: 'errorText', value: 'Not, now' }],
    ['@status:2xx=C', { condition: 'status', value: '2xx', action: 'C' }],
    ['(@ERR-3:206,@ERR-3:207)=R', { condition: 'errorNumber', value: '206, 207', action: 'R' }],
    ['@severity:W=C', { condition: 'severity', value: 'W', action: 'C' }],
    ['@ERR-4.2:E=F', { condition: 'fieldValue', field: 'ERR-4.2', value: 'E' }],
    ['@ERR-8*"say ""no"""=F', { condition: 'fieldText', field: 'ERR-8', value: 'say "no"' }],
    ['@*Locked=F', { condition: 'replyText', value: 'Locked' }],
    [
      ':?E&@severity:W=WC',
      { condition: 'error', and: subject('severity', 'W'), action: 'C', warn: true }
    ],
    [
      '@status:201&@ERR-8*"In, Use"=R',
      {
        ...{ condition: 'status', value: '201', action: 'R' },
        and: subject('fieldText', 'In, Use', 'ERR-8')
      }
    ],
    [':*&@*Held=S', { condition: 'otherCode', and: subject('replyText', 'Held'), action: 'S' }],
    [
      '(:AE&@ERR-3:206,:AE&@ERR-3:207,:AR&@ERR-3:206,:AR&@ERR-3:207)=R',
      { condition: 'code', value: 'AE, AR', and: subject('errorNumber', '206, 207'), action: 'R' }
    ]
  ]
  for (const [text, parts] of simple) {
    it(`shows ${text} as a row, and writes it back unchanged`, () => {
      const read = rowOf(text)
      assert.deepEqual(read, row(parts))
      assert.equal(writeRow(read), text)
      assert.ok(keepsItsMeaning(read))
    })
  }

  for (const text of [
    ':?E&@severity:W&@*held=WC',
    '(:?E&@severity:W,:?E&@severity:I)=WC',
    '(:AE&@ERR-3:206,:AR&@ERR-3:207)=R',
    '(:AE&@ERR-3:206,:AR)=R',
    '(:?E,:?R,:_,:*,:~,X)=F',
    '(E#timeout,E#reset)=S',
    '(:AE,:"A,B")=F',
    ':"A,B"=F',
    '(E#408&E*busy,E#425)=R'
  ]) {
    it(`keeps ${text} as text, since no row can express it`, () => {
      const read = rowOf(text)
      assert.equal(read.condition, 'own')
      assert.equal(writeRow(read), text)
    })
  }

  it('writes typed values so that the parser reads them back', () => {
    for (const value of ['plain', ' blanks ', 'a,b', 'x=y&z', '"quoted"', 'a)b']) {
      for (const condition of ['replyText', 'errorText', 'fieldText', 'fieldValue'] as const) {
        const typed = row({ condition, field: condition.startsWith('field') ? 'ERR-8' : '', value })
        assert.deepEqual(rowOf(writeRow(typed)), typed)
      }
    }
  })

  it('notices a value that changes the meaning of its condition', () => {
    assert.equal(keepsItsMeaning(row({ condition: 'errorStatus', value: 'timeout' })), false)
    assert.equal(keepsItsMeaning(row({ condition: 'own', value: ':?A=C,:?E' })), false)
    assert.throws(() => keepsItsMeaning(row({ condition: 'errorNumber', value: '' })))
    const and = subject('errorStatus', 'timeout')
    assert.equal(keepsItsMeaning(row({ condition: 'noAnswer', and })), false)
  })

  it('knows what a rule looks at before its values are typed', () => {
    const kinds = (parts: Partial<RuleRow>): string[] | undefined =>
      unfinishedRule(row(parts))
        ?.conditions.flat()
        .map(({ kind }) => kind)
    for (const condition of rowConditions) {
      const value = condition === 'severity' ? 'W' : ''
      assert.ok(kinds({ condition, value }), condition)
    }
    const and = subject('fieldText')
    assert.deepEqual(kinds({ condition: 'status', and }), ['status', 'field-text'])
    assert.equal(unfinishedRule(row({ condition: 'own', value: ':' })), undefined)
  })
})

describe('the presets', () => {
  it('can be read by the runtime, and are recognized', () => {
    for (const [name, text] of Object.entries(replyRulePresets)) {
      assert.ok(parseReplyRules(text).rules.length > 0)
      assert.equal(presetOf(text), name)
    }
    assert.equal(presetOf(` ${DEFAULT_REPLY_RULES.replaceAll(',', ', ')}`), 'default')
    assert.equal(presetOf(':?A=C'), undefined)
  })

  it('hide no refusal', () => {
    for (const [name, text] of Object.entries(replyRulePresets)) {
      const { rules } = parseReplyRules(text)
      const hiding = rules.filter((_, at) => hiddenRefusals(rules, at) !== undefined)
      assert.deepEqual(hiding, [], name)
    }
  })

  const sent = { controlIds: ['M1'], type: 'ADT^A01', replyDue: true }
  const outcome = (rules: string, attempt: Omit<Attempt, 'sent'>): string => {
    const { outcome, retry } = decide(parseReplyRules(rules), { sent, ...attempt })
    return retry ? `retry, then ${outcome}` : outcome
  }
  /** An answer with that code and, for each error, ERR-3 and ERR-4. */
  const ack = (
    code: string,
    ...errors: (readonly [number: string, severity: string])[]
  ): Omit<Attempt, 'sent'> => {
    const text = [
      'MSH|^~\\&|A|B|C|D|20260101||ACK|R1|P|2.5.1',
      `MSA|${code}|M1`,
      ...errors.map(([number, severity]) => `ERR|||${number}|${severity}`)
    ].join('\r')
    const message = readReplyMessage(text)
    assert.ok(message)
    const reply = { text, empty: false, message, ack: readAcknowledgement(message) }
    return { status: 201, reply }
  }

  const stored = { text: '{"stored":true}', empty: false, message: null, ack: null }
  const failed = (
    family: 'connect' | 'token' | 'tls' | 'timeout' | 'reset'
  ): Omit<Attempt, 'sent'> => ({
    error: { code: 'ERR_OF_FAMILY', family, text: 'failed' }
  })
  const unreadable = { status: 200, error: { code: 'ERR_CONTENT_DECODING', text: 'not gzip' } }
  const W = ['0', 'W'] as const
  const I = ['0', 'I'] as const
  const E = ['0', 'E'] as const
  for (const [preset, came, attempt, expected] of [
    ['default', 'AA', ack('AA'), 'accept'],
    ['default', 'AR', ack('AR'), 'fail'],
    ['retryRejects', 'AR', ack('AR'), 'retry, then fail'],
    ['retryRejects', 'AE', ack('AE'), 'fail'],
    ['accept2xx', 'AA', ack('AA'), 'accept'],
    ['accept2xx', 'AE', ack('AE'), 'fail'],
    ['accept2xx', 'AR', ack('AR'), 'fail'],
    ['accept2xx', 'CE', ack('CE'), 'fail'],
    ['accept2xx', 'CR', ack('CR'), 'fail'],
    ['accept2xx', 'no code', ack(''), 'fail'],
    ['accept2xx', 'another code', ack('XX'), 'fail'],
    ['accept2xx', 'JSON', { status: 200, reply: stored }, 'accept'],
    ['accept2xx', 'nothing', { status: 200 }, 'accept'],
    ['accept201', 'AE', ack('AE'), 'fail'],
    ['accept201', 'AR', ack('AR'), 'fail'],
    ['accept201', 'CE', ack('CE'), 'fail'],
    ['accept201', 'CR', ack('CR'), 'fail'],
    ['accept201', 'JSON with 201', { status: 201, reply: stored }, 'accept'],
    ['accept201', 'nothing with 201', { status: 201 }, 'accept'],
    ['accept201', 'JSON with 200', { status: 200, reply: stored }, 'fail'],
    ['acceptWarnings', 'AE, a warning', ack('AE', W), 'accept'],
    ['acceptWarnings', 'AE, a note, a warning', ack('AE', I, W), 'accept'],
    ['acceptWarnings', 'AE, an error too', ack('AE', W, E), 'fail'],
    ['acceptWarnings', 'AE alone', ack('AE'), 'fail'],
    ['acceptWarnings', 'AR, a warning', ack('AR', W), 'fail'],
    ['retryLocked', '206', ack('AE', ['206', 'E']), 'retry, then fail'],
    ['retryLocked', '207', ack('AE', ['207', 'E']), 'fail'],
    // What was never sent need not be looked at by somebody.
    ['suspendTimeouts', 'no connection', failed('connect'), 'retry, then fail'],
    ['suspendTimeouts', 'no token', failed('token'), 'retry, then fail'],
    ['suspendTimeouts', 'no TLS', failed('tls'), 'retry, then fail'],
    ['suspendTimeouts', '503', { status: 503 }, 'retry, then fail'],
    ['suspendTimeouts', '504', { status: 504 }, 'suspend'],
    ['suspendTimeouts', 'no answer in time', failed('timeout'), 'suspend'],
    ['suspendTimeouts', 'a connection that was cut', failed('reset'), 'suspend'],
    ['suspendTimeouts', 'an unreadable answer', unreadable, 'suspend']
  ] as [keyof typeof replyRulePresets, string, Omit<Attempt, 'sent'>, string][]) {
    it(`${preset}: ${came}: ${expected}`, () => {
      assert.equal(outcome(replyRulePresets[preset], attempt), expected)
    })
  }
})
