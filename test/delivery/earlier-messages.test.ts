import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { EarlierMessages } from '../../src/delivery/earlier-messages.ts'
import { readReplyMessage, type ReplyMessage } from '../../src/hl7/reply-message.ts'

function answerTo(...ids: string[]): ReplyMessage {
  const text = ['MSH|^~\\&|', ...ids.map((id) => `MSA|AA|${id}`), ''].join('\r')
  const message = readReplyMessage(text)
  assert.ok(message)
  return message
}

describe('EarlierMessages', () => {
  it('keeps connections apart', () => {
    const messages = new EarlierMessages()
    const [one, other] = [{}, {}]
    messages.addSent(one, ['M1'])
    messages.addSent(other, ['M2'])
    assert.equal(messages.isAnswered(one, ['M3'], answerTo('M1')), true)
    assert.equal(messages.isAnswered(one, ['M3'], answerTo('M2')), false)
    assert.equal(messages.isAnswered({}, ['M3'], answerTo('M1')), false)
  })

  it('recognizes an ID by its first component too', () => {
    const messages = new EarlierMessages()
    const connection = {}
    messages.addSent(connection, ['M1^SITE', 'M1'])
    assert.equal(messages.isAnswered(connection, ['M2'], answerTo('M1')), true)
    assert.equal(messages.isAnswered(connection, ['M2'], answerTo('M1^OTHER')), true)
    assert.equal(messages.isAnswered(connection, ['M2'], answerTo('M2^OTHER')), false)
  })

  it('keeps the last IDs, and those before a large batch while it is sent', () => {
    const messages = new EarlierMessages()
    const connection = {}
    const batch = Array.from({ length: 50_000 }, (_, index) => `B${index}`)
    const isKept = (id: string, own: readonly string[]): boolean =>
      messages.isAnswered(connection, own, answerTo(id))
    messages.addSent(connection, ['M1'])
    messages.addSent(connection, batch)
    assert.equal(isKept('M1', batch), true)
    assert.equal(isKept('B0', batch), false)
    messages.addSent(connection, ['M2'])
    assert.equal(isKept('B49999', ['M2']), true)
    assert.equal(isKept('B48999', ['M2']), false)
    for (let id = 0; id < 998; id++) messages.addSent(connection, [`C${id}`])
    assert.equal(isKept('M1', ['M3']), true)
    messages.addSent(connection, ['M3'])
    messages.addSent(connection, ['M4'])
    assert.equal(isKept('M1', ['M4']), false)
    assert.equal(isKept('B49999', ['M4']), false)
    assert.equal(isKept('C0', ['M4']), true)
  })

  it('compares a large answer with a large batch quickly', () => {
    const messages = new EarlierMessages()
    const connection = {}
    const batch = Array.from({ length: 20_000 }, (_, index) => `B${index}`)
    const many = answerTo(...Array.from({ length: 100_000 }, () => 'M1'))
    messages.addSent(connection, ['M1'])
    messages.addSent(connection, batch)
    const started = performance.now()
    assert.equal(messages.isAnswered(connection, batch, many), true)
    assert.ok(performance.now() - started < 5_000)
  })
})
