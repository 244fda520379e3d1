import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Attempt } from '../../src/rules/attempt.ts'
import { factsOf, holds, isAnswer } from '../../src/rules/holds.ts'
import { parseReplyRules } from '../../src/rules/reply-rules.ts'
import { readAcknowledgement } from '../../src/hl7/acknowledgement.ts'
import { readReplyMessage } from '../../src/hl7/reply-message.ts'

const sent = { controlIds: ['M1', 'M2'], type: 'ADT^A01', replyDue: true }

function answer(text: string, status = 200): Attempt {
  const message = readReplyMessage(text)
  const ack = message === null ? null : readAcknowledgement(message)
  return { sent, status, reply: { text, empty: text === '', message, ack } }
}

const noRules = parseReplyRules('')
const msh = 'MSH|^~\\&|LAB||||2025||ACK|R1|P|2.5.1\r'
const attempts = {
  accepted: answer(`${msh}MSA|AA|M2\r`),
  refused: answer(`${msh}MSA|AE|M3|Late\rERR||PID^1|207|W||||One\rERR||PID^2|208|W||||Two\r`, 500),
  'an AA of a failing server': answer(
    `${msh.replace('ACK', 'ADT')}MSA|AA|M3|Fine\rERR|||0|I\r`,
    502
  ),
  'of a sent type': answer(`${msh.replace('ACK', 'ADT^A02')}MSA|AA|\r`),
  'of no type': answer(`${msh.replace('ACK', '')}MSA|AA|\r`),
  'an MSA alone': answer('MSA|AA|M1\r'),
  words: answer('Stored'),
  nothing: answer(''),
  'no answer': { sent },
  'a status alone': { sent, status: 204 },
  reset: { sent, error: { code: 'ECONNRESET', family: 'reset', text: 'Socket hang up' } },
  'a failing server': answer('Sorry', 503),
  cut: { ...answer('Sto'), error: { code: 'ERR_BODY', text: 'Cut off' } }
} satisfies Record<string, Attempt>
type Name = keyof typeof attempts

/** The attempts for which each test holds. */
const table: Record<string, Name[]> = {
  ':AA': ['accepted', 'of a sent type', 'of no type', 'an MSA alone'],
  ':?A': ['accepted', 'of a sent type', 'of no type', 'an MSA alone'],
  ':?E': ['refused'],
  ':_': [],
  ':*': [],
  ':~': ['words'],
  X: ['nothing', 'a status alone'],
  ':I?': ['refused'],
  ':T?': ['of a sent type', 'of no type'],
  E: ['an AA of a failing server', 'no answer', 'reset', 'a failing server', 'cut'],
  'E#5xx': ['an AA of a failing server', 'a failing server'],
  'E#503': ['a failing server'],
  'E#502': ['an AA of a failing server'],
  'E#504': [],
  'E#ECONNRESET': ['reset'],
  'E#EPIPE': [],
  'E#reset': ['reset'],
  'E#timeout': [],
  'E*HANG': ['reset'],
  'E*status': ['an AA of a failing server', 'a failing server'],
  'E*"no answer"': ['no answer'],
  '@status:2xx': [
    ...(['accepted', 'of a sent type', 'of no type', 'an MSA alone'] as const),
    ...(['words', 'nothing', 'a status alone'] as const)
  ],
  '@status:500': ['refused'],
  '@MSA-2:M2': ['accepted'],
  '@ERR-3:208': ['refused'],
  '@ERR-3:209': [],
  '@ERR-8*two': ['refused'],
  '@ERR-8*three': [],
  '@severity:W': ['refused'],
  '@severity:E': [],
  '@severity:I': [],
  '@MSA-3*fine': ['an AA of a failing server'],
  '@ERR-4:I': ['an AA of a failing server'],
  '@*"|aa|m3"': ['an AA of a failing server'],
  '@*STORED': ['words'],
  '@*late': ['refused'],
  '@*nowhere': []
}

describe('a test of a rule', () => {
  for (const [codes, expected] of Object.entries(table)) {
    it(`${codes} holds for ${expected.join(', ') || 'none of the attempts'}`, () => {
      const rules = parseReplyRules(`${codes}=F`)
      const test = rules.rules[0]?.conditions[0]?.[0]
      assert.ok(test)
      const held = Object.entries(attempts)
        .filter(([, attempt]) => holds(test, factsOf(attempt, rules)))
        .map(([name]) => name)
      assert.deepEqual(held, expected)
    })
  }

  it(':I? holds if neither the whole MSA-2 nor its first component was sent', () => {
    const foreign = (controlId: string, ids: string[]): boolean => {
      const attempt = answer(`${msh}MSA|AA|${controlId}\rMSA|AA|M9\r`)
      const facts = factsOf({ ...attempt, sent: { ...sent, controlIds: ids } }, noRules)
      return holds({ kind: 'foreign-id' }, facts)
    }
    assert.equal(foreign('A^B', ['A^B', 'A']), false)
    assert.equal(foreign('A', ['A^B', 'A']), false)
    assert.equal(foreign('A\\S\\B', ['A^B', 'A']), false)
    assert.equal(foreign('A^X', ['A']), false)
    assert.equal(foreign('A~X', ['A']), false)
    assert.equal(foreign('B^A', ['A']), true)
    assert.equal(foreign('A\\S\\X', ['A']), true)
  })

  it(':* holds for every code but the empty and the six standard ones', () => {
    for (const code of ['AA', 'CA', 'AE', 'CE', 'AR', 'CR', '', 'AAX', 'aa', 'ZZ']) {
      const facts = factsOf(answer(`${msh}MSA|${code}|M1\r`), noRules)
      assert.equal(holds({ kind: 'other-code' }, facts), ['AAX', 'aa', 'ZZ'].includes(code), code)
      assert.equal(holds({ kind: 'empty-code' }, facts), code === '', code)
    }
  })

  it('has an error if there is neither an answer nor a status', () => {
    assert.deepEqual(factsOf({ sent }, noRules).error, { code: '', text: 'no answer' })
    assert.deepEqual(factsOf(answer('x', 503), noRules).error, {
      code: '503',
      text: 'HTTP status 503'
    })
  })
})

describe('isAnswer, without an acknowledgement that counts', () => {
  const name = { controlId: 'M1', type: 'ADT^A01' }
  const isNak = (hl7: string, sentName = name, status = 200): boolean =>
    isAnswer(answer(hl7, status), sentName)
  const header = (id: string, type = 'ADT^A01^ADT_A01') =>
    `MSH|^~\\&|A|B|C|D|2025||${type}|${id}|P|2.5\r`

  it('is true if the receiver answered with HL7, whatever the status', () => {
    for (const hl7 of [
      `${header('R1', 'ACK')}ERR|||207^x|E\r`,
      `${header('M1', 'ACK^A01')}ERR|||207^x|E\r`,
      `${header('M1', 'ACK')}QAK|1|AR\r`,
      `${header('R1')}PID|1\r`,
      'BHS|^~\\&|A\rERR|||207\r'
    ]) {
      assert.equal(isNak(hl7), true, hl7)
      assert.equal(isNak(hl7, name, 500), true, hl7)
    }
  })

  it('is false without HL7', () => {
    assert.equal(isNak(''), false)
    assert.equal(isAnswer({ sent, error: { code: 'X', text: '' } }, name), false)
  })

  it('is false if the sent message came back', () => {
    assert.equal(isNak(`${header('M1')}PID|1\r`), false)
    assert.equal(isNak(`${header('M1', 'ADT;A01').replace('^', ';')}PID|1\r`), false)
    assert.equal(isNak(header('M^1'), { ...name, controlId: 'M^1' }), false)
    const batch = `FHS|^~\\&|A\rBHS|^~\\&|||||||||B1\r${header('M1')}`
    assert.equal(isNak(batch, { ...name, controlId: 'B1' }), false)
    for (const rest of ['FTS|0', 'ERR|||207']) {
      const file = `FHS|^~\\&|||||||||F1\r${rest}\r`
      assert.equal(isNak(file, { controlId: 'F1', type: '' }, 500), false)
    }
    assert.equal(isNak(header('M1', 'ADT'), { controlId: 'M1', type: 'ADT' }), false)
    const two = `${header('M1')}PID|1\r${header('M2', 'ORU^R01')}`
    assert.equal(isNak(two), false)
  })

  it('is false for an AA that does not count, and true for any other code', () => {
    for (const code of ['AA', 'CA', 'AE', 'CR', '', 'AAX']) {
      const hl7 = `${header('R1', 'ACK')}MSA|${code}|M1\rERR|||207^x|E\r`
      const accepts = code === 'AA' || code === 'CA'
      assert.equal(isNak(hl7), true, code)
      for (const status of [302, 401, 500]) assert.equal(isNak(hl7, name, status), !accepts, code)
      const cut = { ...answer(hl7), error: { code: 'ECONNRESET', text: 'cut' } }
      assert.equal(isAnswer(cut, name), !accepts, code)
    }
    assert.equal(isNak('BHS|^~\\&|A\r', name, 500), false)
  })
})
