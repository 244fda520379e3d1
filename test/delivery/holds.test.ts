import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Attempt } from '../../src/delivery/attempt.ts'
import { factsOf, holds } from '../../src/delivery/holds.ts'
import { parseReplyRules } from '../../src/delivery/reply-rules.ts'
import { readAcknowledgement } from '../../src/hl7/acknowledgement.ts'
import { parsePath } from '../../src/hl7/path.ts'
import { readReplyMessage, type ReplyMessage } from '../../src/hl7/reply-message.ts'

const sent = { controlIds: ['M1', 'M2'], type: 'ADT^A01', replyDue: true }

function answer(text: string, status = 200): Attempt {
  const message = readReplyMessage(text)
  const ack = message === null ? null : readAcknowledgement(message)
  return { sent, status, reply: { text, empty: text === '', message, ack } }
}

const msh = 'MSH|^~\\&|LAB||||2025||ACK|R1|P|2.5.1\r'
const attempts = {
  accepted: answer(`${msh}MSA|AA|M2\r`),
  refused: answer(`${msh}MSA|AE|M3|Late\rERR||PID^1|207|W||||One\rERR||PID^2|208|W||||Two\r`, 500),
  'of a sent type': answer(`${msh.replace('ACK', 'ADT^A02')}MSA|AA|\r`),
  'of no type': answer(`${msh.replace('ACK', '')}MSA|AA|\r`),
  words: answer('Stored'),
  nothing: answer(''),
  'no answer': { sent },
  'a status alone': { sent, status: 204 },
  reset: { sent, error: { code: 'ECONNRESET', family: 'reset', text: 'Socket hang up' } },
  'a failing server': answer('Sorry', 503)
} satisfies Record<string, Attempt>
type Name = keyof typeof attempts

/** For which of the attempts the test holds; for no other. */
const table: Record<string, Name[]> = {
  ':AA': ['accepted', 'of a sent type', 'of no type'],
  ':?A': ['accepted', 'of a sent type', 'of no type'],
  ':?E': ['refused'],
  ':_': [],
  ':*': [],
  ':~': ['words'],
  X: ['nothing', 'a status alone'],
  ':I?': ['refused'],
  ':T?': ['of a sent type', 'of no type'],
  E: ['no answer', 'reset', 'a failing server'],
  'E#5xx': ['a failing server'],
  'E#503': ['a failing server'],
  'E#502': [],
  'E#504': [],
  'E#ECONNRESET': ['reset'],
  'E#EPIPE': [],
  'E#reset': ['reset'],
  'E#timeout': [],
  'E*HANG': ['reset'],
  'E*status': ['a failing server'],
  'E*"no answer"': ['no answer'],
  '@status:2xx': [
    ...(['accepted', 'of a sent type', 'of no type', 'words', 'nothing'] as const),
    'a status alone'
  ],
  '@status:500': ['refused'],
  '@MSA-2:M2': ['accepted'],
  '@ERR-3:208': ['refused'],
  '@ERR-3:209': [],
  '@ERR-8*two': ['refused'],
  '@ERR-8*three': [],
  '@severity:W': ['refused'],
  '@severity:E': [],
  '@*STORED': ['words'],
  '@*late': ['refused'],
  '@*nowhere': []
}

describe('a test of a rule', () => {
  for (const [codes, expected] of Object.entries(table)) {
    it(`${codes} holds for ${expected.join(', ') || 'none of the attempts'}`, () => {
      const test = parseReplyRules(`${codes}=F`).rules[0]?.conditions[0]?.[0]
      assert.ok(test)
      const held = Object.entries(attempts)
        .filter(([, attempt]) => holds(test, factsOf(attempt)))
        .map(([name]) => name)
      assert.deepEqual(held, expected)
    })
  }

  it(':I? holds where neither the whole MSA-2 nor its first component was sent', () => {
    const foreign = (controlId: string, ids: string[]): boolean => {
      const attempt = answer(`${msh}MSA|AA|${controlId}\rMSA|AA|M9\r`)
      const facts = factsOf({ ...attempt, sent: { ...sent, controlIds: ids } })
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
      const facts = factsOf(answer(`${msh}MSA|${code}|M1\r`))
      assert.equal(holds({ kind: 'other-code' }, facts), ['AAX', 'aa', 'ZZ'].includes(code), code)
      assert.equal(holds({ kind: 'empty-code' }, facts), code === '', code)
    }
  })

  it('takes the values of a field out of a reply once, however many rules ask', () => {
    const attempt = answer(`${msh}MSA|AE|M1\rERR|||207^x|E||||One\rERR|||208|E||||Two\r`)
    const { message } = attempt.reply ?? {}
    assert.ok(attempt.reply && message)
    const asked: string[] = []
    const counting: ReplyMessage = {
      text: message.text,
      segments: (name) => message.segments(name),
      values: (path) => {
        asked.push(`${path.segment}-${path.field}.${path.component ?? ''}`)
        return message.values(path)
      }
    }
    const facts = factsOf({ ...attempt, reply: { ...attempt.reply, message: counting } })
    asked.length = 0
    const held = (codes: string): boolean => {
      const test = parseReplyRules(`${codes}=F`).rules[0]?.conditions[0]?.[0]
      assert.ok(test)
      return holds(test, facts)
    }
    assert.equal(held('@ERR-8*TWO'), true)
    assert.equal(held('@ERR-8:Two'), true)
    assert.equal(held('@ERR-8:two'), false)
    assert.equal(held('@ERR-8*"e\rt"'), false)
    assert.equal(held('@ERR-3:207'), true)
    assert.equal(held('@ERR-3.2:x'), true)
    assert.deepEqual(asked, ['ERR-8.', 'ERR-3.', 'ERR-3.2'])
  })

  it('of a hundred rules for a field is quick in a reply of a million segments', () => {
    const attempt = answer(`${msh}MSA|AE|M1\r${'ERR||||||||x\r'.repeat(1e6)}`)
    const begin = process.cpuUsage()
    const facts = factsOf(attempt)
    const path = parsePath('ERR-8')
    for (let n = 0; n < 100; n++) {
      assert.equal(holds({ kind: 'field-text', path, text: `y${n}` }, facts), false)
    }
    // Of its own time, in microseconds: the machine may have other work.
    assert.ok(process.cpuUsage(begin).user < 2_000_000)
  })

  it('@* looks into the HL7 text too, which may have been base64', () => {
    const attempt = answer(`${msh}MSA|AA|M1|Late\r`)
    assert.ok(attempt.reply)
    const reply = { ...attempt.reply, text: 'TVNI' }
    assert.equal(holds({ kind: 'reply-text', text: 'late' }, factsOf({ ...attempt, reply })), true)
  })

  it('finds as error what has neither answer nor status', () => {
    assert.deepEqual(factsOf({ sent }).error, { code: '', text: 'no answer' })
    assert.deepEqual(factsOf(answer('x', 503)).error, { code: '503', text: 'HTTP status 503' })
  })
})
