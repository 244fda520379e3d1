import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Attempt } from '../../src/rules/attempt.ts'
import { decide } from '../../src/rules/decide.ts'
import { DEFAULT_REPLY_RULES, parseReplyRules } from '../../src/rules/reply-rules.ts'
import { readAcknowledgement } from '../../src/hl7/acknowledgement.ts'
import { readReplyMessage } from '../../src/hl7/reply-message.ts'
import { presetOf, replyRulePresets } from '../../nodes/editor/reply-rule-presets.ts'
import {
  keepsItsMeaning,
  readRow,
  type RuleRow,
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
    ['X=RC', { condition: 'noReply', action: 'RC' }],
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
    ['@*Locked=F', { condition: 'replyText', value: 'Locked' }]
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
    ':?E&@severity:W=WC',
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

  it('do what their names say', () => {
    const action = (name: keyof typeof replyRulePresets, condition: string): string | undefined =>
      parseReplyRules(replyRulePresets[name])
        .rules.map(readRow)
        .find((one) => one.condition === condition)?.action
    assert.equal(action('default', 'reject'), 'F')
    assert.equal(action('retryRejects', 'reject'), 'R')
    for (const condition of ['noAcknowledgement', 'noReply', 'accepted']) {
      assert.equal(action('accept2xx', condition), 'C', condition)
    }
    for (const condition of ['error', 'reject', 'emptyCode', 'otherCode']) {
      assert.equal(action('accept2xx', condition), 'F', condition)
    }
    for (const condition of ['timeout', 'reset', 'errorStatus']) {
      assert.equal(action('suspendTimeouts', condition), 'S', condition)
    }
  })

  it('ignore no NAK, and suspend nothing that was never sent', () => {
    const sent = { controlIds: ['M1'], type: 'ADT^A01', replyDue: true }
    const outcome = (rules: string, attempt: Omit<Attempt, 'sent'>): string => {
      const { outcome, retry } = decide(parseReplyRules(rules), { sent, ...attempt })
      return retry ? `retry, then ${outcome}` : outcome
    }
    const nak = `MSH|^~\\&|A|B|C|D|20260101||ACK|R1|P|2.5.1\rMSA|AE|M1\r`
    const message = readReplyMessage(nak)
    assert.ok(message)
    const reply = { text: nak, empty: false, message, ack: readAcknowledgement(message) }
    assert.equal(outcome(replyRulePresets.accept2xx, { status: 200, reply }), 'fail')
    const { suspendTimeouts } = replyRulePresets
    for (const family of ['connect', 'token', 'tls'] as const) {
      const error = { code: 'ECONNREFUSED', family, text: 'refused' }
      assert.equal(outcome(suspendTimeouts, { error }), 'retry, then fail', family)
    }
    assert.equal(outcome(suspendTimeouts, { status: 503 }), 'retry, then fail')
    assert.equal(outcome(suspendTimeouts, { status: 504 }), 'suspend')
  })
})
