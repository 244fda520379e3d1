import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Attempt } from '../../src/rules/attempt.ts'
import { decide } from '../../src/rules/decide.ts'
import { DEFAULT_REPLY_RULES, parseReplyRules } from '../../src/rules/reply-rules.ts'
import { readAcknowledgement } from '../../src/hl7/acknowledgement.ts'
import { readReplyMessage } from '../../src/hl7/reply-message.ts'
import { page, rows } from './markdown.ts'

const recipes = page('docs/reply-rules.md')

/** The rules below a heading of the page. */
function recipe(heading: string): string {
  const section = recipes.split(/^#+ /m).find((text) => text.startsWith(heading))
  const rules = section?.split('```rules\n')[1]?.split('\n```')[0]
  assert.ok(rules, `the page has rules below "${heading}"`)
  return rules
}

/** What the rules of a recipe decide. */
function outcome(heading: string, attempt: Omit<Attempt, 'sent'>): string {
  return decided(recipe(heading), attempt)
}

function decided(rules: string, attempt: Omit<Attempt, 'sent'>): string {
  const sent = { controlIds: ['M1'], type: 'ADT^A01', replyDue: true }
  const decision = decide(parseReplyRules(rules), { sent, ...attempt })
  const warned = decision.warnings.length > 0 ? ' with a warning' : ''
  return `${decision.retry ? 'retry, then ' : ''}${decision.outcome}${warned}`
}

function reply(text: string, status = 200): Omit<Attempt, 'sent'> {
  const message = readReplyMessage(text)
  const ack = message === null ? null : readAcknowledgement(message)
  return { status, reply: { text, empty: text === '', message, ack } }
}

function acknowledged(
  code: string,
  { id = 'M1', text = '', err = '', status = 200 } = {}
): Omit<Attempt, 'sent'> {
  const msa = `MSA|${code}|${id}|${text}\r${err}`
  return reply(`MSH|^~\\&|A|B|C|D|20260101||ACK|R1|P|2.5.1\r${msa}`, status)
}

const timeout = { error: { code: 'ETIMEDOUT', family: 'timeout', text: 'no answer' } } as const
const reset = { error: { code: 'ECONNRESET', family: 'reset', text: 'cut' } } as const
const refused = { error: { code: 'ECONNREFUSED', family: 'connect', text: 'refused' } } as const

/** An acknowledgement decides, whatever a rule says about the status. */
function assertNoNakLost(rules: string, status: number): void {
  assert.equal(decided(rules, acknowledged('AA', { status })), 'accept', rules)
  for (const code of ['AE', 'AR', 'CE', 'CR', '', 'ZZ']) {
    assert.equal(decided(rules, acknowledged(code, { status })), 'fail', `${rules} ${code}`)
    const foreign = acknowledged(code, { status, id: 'M2' })
    assert.match(decided(rules, foreign), /^fail/, `${rules} ${code} of another message`)
  }
}

describe('the recipes of docs/reply-rules.md', () => {
  it('show the default correctly', () => {
    assert.equal(recipe('The default'), DEFAULT_REPLY_RULES)
  })

  it('accept an AE that only warns or informs, and no other', () => {
    const title = 'An AE that only warns'
    const warning = acknowledged('AE', { err: 'ERR||PID^1^8|103|W\r' })
    const error = acknowledged('AE', { err: 'ERR||PID^1^8|103|W\rERR||PID^1^3|101|E\r' })
    assert.equal(outcome(title, warning), 'accept with a warning')
    const information = acknowledged('AE', { err: 'ERR||PID^1^8|103|I\r' })
    assert.equal(outcome(title, information), 'accept with a warning')
    assert.equal(outcome(title, acknowledged('AR', { err: 'ERR|||103|W\r' })), 'fail')
    assert.equal(outcome(title, error), 'fail')
    assert.equal(outcome(title, acknowledged('AE')), 'fail')
    assert.equal(outcome(title, acknowledged('AA')), 'accept')
  })

  it('await the application acknowledgement after a CA, and are decided by it', () => {
    const title = 'Await the application'
    assert.equal(outcome(title, acknowledged('CA')), 'await')
    assert.equal(outcome(title, acknowledged('CA', { id: 'M2' })), 'await with a warning')
    assert.equal(outcome(title, acknowledged('AA')), 'accept')
    for (const code of ['AE', 'AR', 'CE', 'CR']) {
      assert.equal(outcome(title, acknowledged(code)), 'fail', code)
    }
    assert.equal(outcome(title, timeout), 'retry, then fail')
    assert.equal(decided('(:?E,:?R)=F,(@status:202,:CA)=A,:?A=C', reply('stored', 202)), 'await')
  })

  it('retry while a record is locked', () => {
    const title = 'Retry while a record'
    assert.equal(outcome(title, acknowledged('AE', { err: 'ERR|||206|E\r' })), 'retry, then fail')
    assert.equal(outcome(title, acknowledged('AR', { err: 'ERR|||207^x|E\r' })), 'retry, then fail')
    assert.equal(outcome(title, acknowledged('AE', { err: 'ERR|||101|E\r' })), 'fail')
    assert.equal(outcome(title, acknowledged('AA')), 'accept')
  })

  it('accept 201 with JSON or without a body, but not 200', () => {
    const title = 'Accept 201'
    assert.equal(outcome(title, reply('{"id":"7"}', 201)), 'accept')
    assert.equal(outcome(title, reply('', 201)), 'accept')
    assert.equal(outcome(title, reply('{"id":"7"}', 200)), 'fail')
    assert.equal(outcome(title, reply('', 200)), 'fail')
    assertNoNakLost(recipe(title), 201)
  })

  it('accept any 2xx without an acknowledgement', () => {
    const title = 'Accept any 2xx'
    assert.equal(outcome(title, reply('{"id":"7"}', 202)), 'accept')
    assert.equal(outcome(title, reply('', 204)), 'accept')
    assert.equal(outcome(title, reply('', 500)), 'retry, then fail')
    assertNoNakLost(recipe(title), 200)
  })

  it('treat a text that says rejected as a refusal', () => {
    const title = 'A text that says'
    assert.equal(outcome(title, acknowledged('AA', { text: 'Record REJECTED' })), 'fail')
    assert.equal(outcome(title, acknowledged('AA', { text: 'stored' })), 'accept')
  })

  it('never send twice after a timeout, but retry if there was no connection', () => {
    const title = 'Never send twice'
    assert.equal(outcome(title, timeout), 'suspend')
    assert.equal(outcome(title, reset), 'suspend')
    assert.equal(outcome(title, reply('', 504)), 'suspend')
    assert.equal(outcome(title, refused), 'retry, then fail')
    assert.equal(outcome(title, reply('', 503)), 'retry, then fail')
  })

  it('decide as InterSystems does', () => {
    const title = 'As InterSystems'
    assert.equal(outcome(title, acknowledged('AR')), 'retry, then fail')
    assert.equal(outcome(title, acknowledged('AE')), 'suspend')
    assert.equal(outcome(title, acknowledged('CA')), 'accept')
    assert.equal(outcome(title, acknowledged('ZZ')), 'suspend')
    assert.equal(outcome(title, reply('OK')), 'suspend')
    assert.equal(outcome(title, refused), 'retry, then fail')
  })

  it('suspend an answer to another message', () => {
    const title = 'An answer to another'
    assert.equal(outcome(title, acknowledged('AA', { id: 'M2' })), 'suspend')
    assert.equal(outcome(title, acknowledged('AA')), 'accept')
  })
})

describe('the rules of docs/receivers.md', () => {
  const all = rows(page('docs/receivers.md'))
    .map(([receiver = '', , , rules = '']) => ({ receiver, rules: /^`(.+)`$/.exec(rules)?.[1] }))
    .filter(({ rules }) => rules !== undefined)

  it('accept what the receiver answers, and lose no NAK', () => {
    assert.ok(all.length > 3)
    for (const { receiver, rules = '' } of all) {
      const status = rules.includes('201') ? 201 : 200
      assert.equal(decided(rules, reply('{"id":"7"}', status)), 'accept', receiver)
      assertNoNakLost(rules, status)
    }
  })
})

describe('the rules in the examples', () => {
  it('are those of a recipe', () => {
    const { info } = example('7 Form post to an immunization registry', 'comment')
    assert.ok(String(info).includes(`\`${recipe('An AE that only warns')}\``))
    const awaiting = example('12 Await the application acknowledgement', 'hl7-https-out')
    assert.equal(awaiting['replyCodeActions'], recipe('Await the application'))
  })

  it('fail no answer without HL7 whose sender has an acknowledgement already', () => {
    const { replyCodeActions } = example('2 Take MLLP and send over HTTPS', 'hl7-https-out')
    const rules = String(replyCodeActions)
    assert.ok(page('docs/mllp-to-https.md').includes(`\`\`\`rules\n${rules}\n`))
    assertNoNakLost(rules, 200)
    assert.equal(decided(rules, reply('')), 'suspend')
    for (const status of [200, 201, 400, 405, 413, 422]) {
      assert.equal(decided(rules, reply('no HL7', status)), 'suspend', String(status))
    }
    for (const status of [302, 401, 403, 404, 407, 408, 425, 429, 500, 503]) {
      assert.match(decided(rules, reply('no HL7', status)), /^retry/, String(status))
    }
    for (const failed of [timeout, reset, refused]) assert.match(decided(rules, failed), /^retry/)
  })

  it('lose no NAK', () => {
    const { replyCodeActions } = example('5 Send as multipart to New York', 'hl7-https-out')
    assertNoNakLost(String(replyCodeActions), 200)
  })
})

function example(name: string, type: string): Record<string, unknown> {
  const flow = JSON.parse(page(`examples/${name}.json`)) as Record<string, unknown>[]
  return flow.find((node) => node['type'] === type) ?? {}
}
