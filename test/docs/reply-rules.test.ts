/** The rules that the documents and examples show, with the answers that they are for. */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { DEFAULT_REPLY_RULES } from '../../src/rules/reply-rules.ts'
import {
  ack,
  ackOf,
  ADT,
  type Answer,
  Exchange,
  leaving,
  type Settings
} from '../support/exchange.ts'
import { page, rows } from './markdown.ts'

const recipes = page('docs/reply-rules.md')

/** The rules below a heading of the page. */
function recipe(heading: string): string {
  const section = recipes.split(/^#+ /m).find((text) => text.startsWith(heading))
  const rules = section?.split('```rules\n')[1]?.split('\n```')[0]
  assert.ok(rules, `the page has rules below "${heading}"`)
  return rules
}

let exchange: Exchange
before(async () => {
  exchange = await Exchange.start()
})
after(() => exchange.close())

/** A message that needs no answer to be known when it comes back. */
async function leaves(rules: string, answer: Answer, settings: Settings = {}): Promise<string> {
  return leaving(await exchange.attempt(answer, { ...settings, rules }, ADT))
}

const nobody: Settings = { receiver: { url: new URL('http://127.0.0.1:1/') } }
const [stored, none] = [{ body: '{"id":"7"}' }, {}]
const timeout: Answer = { silent: true }
const reset: Answer = { cut: 'before' }
const retried = 'retried, then error'

/** An acknowledgement decides, whatever a rule says about the status. */
async function assertNoNakLost(rules: string, status: number, way = 'NAK'): Promise<void> {
  assert.equal(await leaves(rules, { status, body: ack('AA') }), 'ACK', rules)
  for (const code of ['AE', 'AR', 'CE', 'CR', '', 'ZZ']) {
    assert.equal(await leaves(rules, { status, body: ack(code) }), way, `${rules} ${code}`)
    const foreign = { status, body: ackOf('M2', code) }
    const seen = await leaves(rules, foreign)
    assert.ok(seen.startsWith(way), `${rules} ${code} of another message`)
  }
}

describe('the recipes of docs/reply-rules.md', () => {
  it('show the default correctly', () => {
    assert.equal(recipe('The default'), DEFAULT_REPLY_RULES)
  })

  const table: Record<string, [answer: Answer, leaves: string, settings?: Settings][]> = {
    'An AE that only warns': [
      [{ body: ack('AE', 'ERR||PID^1^8|103|W') }, 'ACK, warned'],
      [{ body: ack('AE', 'ERR||PID^1^8|103|I') }, 'ACK, warned'],
      [{ body: ack('AE', 'ERR||PID^1^8|103|W', 'ERR||PID^1^3|101|E') }, 'NAK'],
      [{ body: ack('AE') }, 'NAK'],
      [{ body: ack('AR', 'ERR|||103|W') }, 'NAK'],
      [{ body: ack('AA') }, 'ACK']
    ],
    'Await the application': [
      [{ body: ack('CA') }, 'awaited, then suspended'],
      [{ body: ackOf('M2', 'CA') }, 'awaited, then suspended, warned'],
      [{ body: ack('AA') }, 'ACK'],
      ...['AE', 'AR', 'CE', 'CR'].map((code): [Answer, string] => [{ body: ack(code) }, 'NAK']),
      [timeout, retried]
    ],
    'Retry while a record': [
      [{ body: ack('AE', 'ERR|||206|E') }, 'retried, then NAK'],
      [{ body: ack('AR', 'ERR|||207^x|E') }, 'retried, then NAK'],
      [{ body: ack('AE', 'ERR|||101|E') }, 'NAK'],
      [{ body: ack('AA') }, 'ACK']
    ],
    'Accept 201': [
      [{ status: 201, ...stored }, 'ACK'],
      [{ status: 201 }, 'ACK'],
      [stored, 'error'],
      [none, 'error']
    ],
    'Accept any 2xx': [
      [{ status: 202, ...stored }, 'ACK'],
      [{ status: 204 }, 'ACK'],
      [{ status: 500 }, retried]
    ],
    'A text that says': [
      [{ body: ackOf('M1|Record REJECTED', 'AA') }, 'NAK'],
      [{ body: ackOf('M1|stored', 'AA') }, 'ACK']
    ],
    'Never send twice': [
      [timeout, 'suspended'],
      [reset, 'suspended'],
      [{ status: 504 }, 'suspended'],
      [{ body: ack('AA'), cut: 'within' }, 'suspended'],
      [{ status: 503 }, retried],
      [none, retried, nobody]
    ],
    'A duplicate after': [[{ body: ack('AE', 'ERR|||205|E') }, 'NAK']],
    'As InterSystems': [
      [{ body: ack('AR') }, 'retried, then NAK'],
      [{ body: ack('AE') }, 'suspended'],
      [{ body: ack('CA') }, 'ACK'],
      [{ body: ack('ZZ') }, 'suspended'],
      [{ body: 'OK' }, 'suspended'],
      [none, retried, nobody]
    ],
    'A reply to another': [
      [{ body: ackOf('M2', 'AA') }, 'suspended'],
      [{ body: ack('AA') }, 'ACK']
    ]
  }
  for (const [heading, answers] of Object.entries(table)) {
    it(heading, async () => {
      for (const [answer, seen, settings] of answers) {
        assert.equal(await leaves(recipe(heading), answer, settings), seen, JSON.stringify(answer))
      }
    })
  }

  it('that accept an answer without an acknowledgement lose no NAK', async () => {
    await assertNoNakLost(recipe('Accept 201'), 201)
    await assertNoNakLost(recipe('Accept any 2xx'), 200)
  })

  it('await an acknowledgement after a 202 without one', async () => {
    const { [1]: shown = '' } = /no acknowledgement at all: `(.+?)`/.exec(recipes) ?? []
    const rules = `(:?E,:?R)=F,${shown},:?A=C`
    assert.equal(await leaves(rules, { status: 202, ...stored }), 'awaited, then suspended')
  })
})

describe('the rules of docs/receivers.md', () => {
  const all = rows(page('docs/receivers.md'))
    .map(([receiver = '', , , , rules = '']) => ({ receiver, rules: /^`(.+)`$/.exec(rules)?.[1] }))
    .filter(({ rules }) => rules !== undefined)

  it('accept what the receiver answers, and lose no NAK', async () => {
    assert.ok(all.length > 3)
    for (const { receiver, rules = '' } of all) {
      const status = rules.includes('201') ? 201 : 200
      // Medplum answers with HL7, and with 400 to what its bot throws.
      const accepted = rules.includes('X)=F') ? 'error' : 'ACK'
      assert.equal(await leaves(rules, { status, ...stored }), accepted, receiver)
      await assertNoNakLost(rules, status)
    }
    const { rules = '' } = all.find(({ receiver }) => receiver.startsWith('Medplum')) ?? {}
    assert.equal(await leaves(rules, { status: 400, body: '{}' }), 'retried, then suspended')
  })
})

describe('the rules in the examples', () => {
  it('are those of a recipe', () => {
    const { info } = example('07 Form post to an immunization registry', 'comment')
    assert.ok(String(info).includes(`\`${recipe('An AE that only warns')}\``))
    const awaiting = example('12 Await the application acknowledgement', 'hl7-https-out')
    assert.equal(awaiting['replyCodeActions'], recipe('Await the application'))
  })

  it('fail no answer whose sender has an acknowledgement already', async () => {
    const { replyCodeActions } = example('02 Take MLLP and send over HTTPS', 'hl7-https-out')
    const rules = String(replyCodeActions)
    assert.ok(page('docs/mllp-to-https.md').includes(`\`\`\`rules\n${rules}\n`))
    await assertNoNakLost(rules, 200, 'suspended')
    assert.equal(await leaves(rules, none), 'suspended')
    for (const status of [200, 201, 400, 413, 422]) {
      assert.equal(await leaves(rules, { status, body: 'no HL7' }), 'suspended', String(status))
    }
    for (const status of [302, 401, 403, 404, 405, 407, 408, 410, 425, 429, 500, 503]) {
      assert.match(await leaves(rules, { status, body: 'no HL7' }), /^retried/, String(status))
    }
    for (const answer of [timeout, reset]) assert.match(await leaves(rules, answer), /^retried/)
    assert.match(await leaves(rules, none, nobody), /^retried/)
  })

  it('lose no NAK', async () => {
    const { replyCodeActions } = example('05 Send as multipart to New York', 'hl7-https-out')
    await assertNoNakLost(String(replyCodeActions), 200)
  })
})

function example(name: string, type: string): Record<string, unknown> {
  const flow = JSON.parse(page(`examples/${name}.json`)) as Record<string, unknown>[]
  return flow.find((node) => node['type'] === type) ?? {}
}
