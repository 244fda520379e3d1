import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { hiddenRefusals } from '../../nodes/rules/hidden-refusals.ts'
import { DEFAULT_REPLY_RULES, parseReplyRules } from '../../src/rules/reply-rules.ts'
import { presetOf, replyRulePresets } from '../../nodes/editor/reply-rule-presets.ts'
import {
  keepsItsMeaning,
  readRow,
  type RowCondition,
  rowConditions,
  type RowSubject,
  type RuleRow,
  UNCHOSEN,
  unfinishedRule,
  writeRow
} from '../../nodes/rules/reply-rule-row.ts'
import { settlementOf } from '../../src/delivery/settlement.ts'
import { ack, type Answer, Exchange, leaving } from '../support/exchange.ts'

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
    [':?R=R5', { condition: 'reject', action: 'R', count: '5' }],
    [':?R=WR10S', { condition: 'reject', action: 'RS', count: '10', warn: true }],
    [':AE=D', { condition: 'code', value: 'AE', action: 'D' }],
    [':"?A"=F', { condition: 'code', value: '?A' }],
    [':_=F', { condition: 'emptyCode' }],
    [':*=S', { condition: 'otherCode', action: 'S' }],
    [':~=F', { condition: 'noAcknowledgement' }],
    ['X=RS', { condition: 'noReply', action: 'RS' }],
    [':I?=W', { condition: 'foreignId', action: '' }],
    ['@again=S', { condition: 'again', action: 'S' }],
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
        // Trailing blanks are no part of a field.
        const read = condition === 'fieldValue' ? value.trimEnd() : value
        assert.deepEqual(rowOf(writeRow(typed)), { ...typed, value: read })
      }
    }
  })

  it('notices a value that changes the meaning of its condition', () => {
    assert.equal(keepsItsMeaning(row({ condition: 'errorStatus', value: 'timeout' })), false)
    assert.equal(keepsItsMeaning(row({ condition: 'own', value: ':?A=C,:?E' })), false)
    const ofField = (field: string): RuleRow =>
      row({ condition: 'fieldValue', field, value: '200' })
    assert.equal(keepsItsMeaning(ofField('status')), false)
    // Which the list has by its name too.
    assert.equal(keepsItsMeaning(ofField('ERR-3')), true)
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

  it('takes what has been typed so far as it is', () => {
    const written = (parts: Partial<RuleRow>): string | undefined =>
      unfinishedRule(row(parts))?.text
    const field = { condition: 'fieldValue', field: 'MSA-3', value: 'x' } as const
    assert.equal(written({ ...field, action: 'S' }), '@MSA-3:x=S')
    assert.equal(written({ ...field, field: '  ', action: 'S' }), '@ERR-3:x=S')
    assert.equal(written({ ...field, value: '  ', action: UNCHOSEN }), '@MSA-3:200=F')
    assert.equal(written({ condition: 'own', value: ' ', action: 'D' }), ':?E=D')
  })
})

describe('the presets', () => {
  let exchange: Exchange
  before(async () => {
    exchange = await Exchange.start()
  })
  after(() => exchange.close())

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

  const unreadable = { body: 'x', headers: { 'content-encoding': 'gzip' } }
  const W = 'ERR|||0|W'
  const I = 'ERR|||0|I'
  const E = 'ERR|||207|E'
  /** What `reply-lines.test.ts` does not have: it has each kind of reply. */
  const table: [keyof typeof replyRulePresets, Answer, leaves: string][] = [
    ['statusDecides', { status: 201, body: ack('AE') }, 'NAK'],
    ['statusDecides', { status: 201, body: '{"stored":true}' }, 'ACK'],
    ['statusDecides', { status: 422, ...unreadable }, 'NAK'],
    ['acceptWarnings', { body: ack('AE', I, W) }, 'ACK, warned'],
    ['acceptWarnings', { body: ack('AE', W, E) }, 'NAK'],
    ['acceptWarnings', { body: ack('AR', W) }, 'NAK'],
    ['suspendTimeouts', { silent: true }, 'suspended'],
    ['suspendTimeouts', { cut: 'before' }, 'suspended'],
    ['suspendTimeouts', unreadable, 'suspended'],
    ['suspendTimeouts', { status: 520 }, 'suspended'],
    ['suspendTimeouts', { status: 500, body: ack('AE') }, 'NAK'],
    ['suspendTimeouts', { status: 501 }, 'retried, then error']
  ]
  for (const [preset, answer, leaves] of table) {
    it(`${preset}: ${leaves} after ${JSON.stringify(answer)}`, async () => {
      const rules = replyRulePresets[preset]
      assert.equal(leaving(await exchange.attempt(answer, { rules })), leaves)
    })
  }

  it('leave an answer that cannot be read, and that a rule refuses by its status, on NAK', async () => {
    const answer = { status: 500, body: 'x', headers: { 'content-encoding': 'gzip' } }
    const result = await exchange.attempt(answer, { rules: 'E#500=N' })
    assert.equal(leaving(result), 'NAK')
    const { reply } = settlementOf({ controlId: 'M1', type: '' }, 1, result, 0)
    assert.deepEqual([reply?.status, reply?.text, reply?.ack], [500, '', null])
  })

  it('suspendTimeouts: retried if there was no connection', async () => {
    const receiver = { url: new URL('http://127.0.0.1:1/') }
    const rules = replyRulePresets.suspendTimeouts
    const result = await exchange.attempt({}, { rules, receiver })
    assert.deepEqual([leaving(result), result.error?.family], ['retried, then error', 'connect'])
  })
})
