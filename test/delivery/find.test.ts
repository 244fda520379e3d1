import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Delivery } from '../../src/delivery/delivery.ts'
import type { MessageQuery } from '../../src/delivery/find.ts'
import { settled } from '../support/fake-clock.ts'
import { FakeDisk } from './fake-disk.ts'
import { codec, setUp } from './set-up.ts'

type Row = [controlId: string, state: string]

async function found(delivery: Delivery<string>, query: Partial<MessageQuery>): Promise<Row[]> {
  const { messages } = await delivery.operator.find({ limit: 100, ...query })
  return messages.map(({ controlId, state }) => [controlId, state])
}

for (const durable of [false, true]) {
  describe(`find (${durable ? 'disk' : 'memory'})`, () => {
    const outbox = (): object =>
      durable ? { outbox: new FakeDisk({ immediate: true }).outbox(codec) } : {}

    it('knows waiting, sent, retried, suspended and settled messages, newest first', async () => {
      const { add, delivery, reply } = await setUp({ ...outbox(), order: 'none', maxInFlight: 1 })
      await add('a1', 'b2', 'c3', 'd4', 'e5', 'f6')
      await reply('accept')
      await reply('nak')
      await reply('suspend')
      await reply('retry')
      assert.deepEqual(await found(delivery, {}), [
        ['f6', 'waiting'],
        ['e5', 'sending'],
        ['d4', 'retrying'],
        ['c3', 'suspended'],
        ['b2', 'naked'],
        ['a1', 'acked']
      ])
      for (const [state, controlId] of [
        ['waiting', 'f6'],
        ['sending', 'e5'],
        ['retrying', 'd4'],
        ['suspended', 'c3'],
        ['naked', 'b2'],
        ['acked', 'a1']
      ] as const) {
        assert.deepEqual(await found(delivery, { state }), [[controlId, state]])
        assert.deepEqual(await found(delivery, { controlId }), [[controlId, state]])
      }
      assert.deepEqual(await found(delivery, { state: 'failed' }), [])
      assert.deepEqual(await found(delivery, { rule: 'rule suspend' }), [['c3', 'suspended']])
      assert.deepEqual(await found(delivery, { rule: 'rule accept' }), [['a1', 'acked']])
    })

    it('pages without gap or repetition while messages move', async () => {
      const { add, delivery, reply } = await setUp(outbox())
      const ids = Array.from({ length: 40 }, (_, index) => `a${index + 1}`)
      await add(...ids)
      const seen: string[] = []
      let before: number | undefined
      for (let more = true; more;) {
        const page = await delivery.operator.find({ limit: 3, ...(before && { before }) })
        seen.push(...page.messages.map(({ controlId }) => controlId))
        before = page.messages.at(-1)?.seq
        more = page.more
        await reply('accept')
      }
      assert.deepEqual(seen, ids.reverse())
    })

    it('notes what the receiver answered, in codes', async () => {
      const { add, delivery, reply } = await setUp(outbox())
      await add('a1', 'b2')
      await reply('nak')
      await reply('unreachable')
      const { messages } = await delivery.operator.find({ limit: 10 })
      const verdict = messages.find(({ controlId }) => controlId === 'a1')?.verdict
      assert.deepEqual([verdict?.ackCode, verdict?.status, verdict?.rule], ['AR', 200, 'rule nak'])
    })
  })
}

describe('a trial of a resend', () => {
  it('sends the rest only after the first has left on ACK', async () => {
    const { add, delivery, emitted, flights, reply } = await setUp()
    await add('a1', 'a2', 'a3')
    for (let count = 0; count < 3; count++) await reply('suspend')
    assert.equal(await delivery.operator.resend(() => true, 'x', true), 3)
    await settled()
    await reply('suspend')
    assert.equal(delivery.state().suspended, 3)
    assert.equal(flights.length, 0)
    await delivery.operator.resend(() => true, 'x', true)
    await settled()
    await reply('accept')
    await reply('accept')
    await reply('accept')
    assert.deepEqual(emitted, ['a1 ack', 'a2 ack', 'a3 ack'])
  })

  for (const end of ['nak', 'fail', 'suspend', 'disable'] as const) {
    it(`leaves the rest alone if the first ends with ${end}`, async () => {
      const { add, delivery, flights, reply } = await setUp()
      await add('a1', 'a2')
      for (let count = 0; count < 2; count++) await reply('suspend')
      await delivery.operator.resend(() => true, 'x', true)
      await settled()
      await reply(end)
      assert.deepEqual([delivery.state().suspended, flights.length], [end === 'suspend' ? 2 : 1, 0])
    })
  }

  it('leaves the rest alone if the trial is replaced', async () => {
    const { add, delivery, flights, reply } = await setUp({ failureTimeoutMs: 0 })
    await add('a1', 'a2', 'a3', 'a4')
    for (let count = 0; count < 4; count++) await reply('suspend')
    await delivery.operator.resend(() => true, 'x', true)
    await settled()
    await reply('fail')
    assert.deepEqual([delivery.state().suspended, flights.length], [3, 0])
    await delivery.operator.resend(({ controlId }) => controlId !== 'a3', 'x', true)
    await settled()
    await delivery.operator.resend(({ controlId }) => controlId === 'a3', 'x', true)
    await settled()
    await reply('accept')
    await reply('accept')
    assert.deepEqual([delivery.state().suspended, flights.length], [1, 0])
  })

  it('finds nothing in an empty queue', async () => {
    const { delivery } = await setUp()
    assert.equal(await delivery.operator.resend(() => true, 'x', true), 0)
  })
})
