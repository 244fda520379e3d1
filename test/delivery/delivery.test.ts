import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { LeftAtClose } from '../../src/delivery/delivery-options.ts'
import type { Settlement } from '../../src/delivery/settlement.ts'
import { OutboxError } from '../../src/outbox/outbox.ts'
import { MemoryOutbox } from '../../src/outbox/memory-outbox.ts'
import { FakeClock, settled } from '../support/fake-clock.ts'
import { FakeDisk } from './fake-disk.ts'
import { abortedResult, resultOf } from './replies.ts'
import { codec, setUp, type Setup, type SetUpOptions } from './set-up.ts'

const quickDisk = (): FakeDisk => new FakeDisk({ immediate: true })

describe('Delivery', () => {
  it('restarts the clock on resume, for messages of an earlier run too', async () => {
    const disk = quickDisk()
    const first = await setUp({ outbox: disk.outbox(codec), failureTimeoutMs: 10_000 })
    await first.add('a1')
    await first.clock.advance(4000)
    await first.reply('retry')
    assert.equal(disk.rows.get(1)?.facts.spentMs, 4000)
    await first.delivery.pause()

    // After 4 s, the wait of 5 s still fits; after 8 s it would not.
    const second = await setUp({ outbox: disk.outbox(codec), failureTimeoutMs: 10_000 })
    assert.equal(second.delivery.state().state, 'paused')
    await second.delivery.resume()
    await settled()
    await second.clock.advance(4000)
    await second.reply('retry')
    assert.deepEqual(second.emitted, [])
    assert.equal(second.delivery.state().state, 'retrying')
  })

  it('restarts the clock and the waits of a message that is being retried', async () => {
    for (const resumes of [false, true]) {
      const { add, clock, delivery, emitted, reply } = await setUp({ failureTimeoutMs: 12_000 })
      await add('a1')
      await reply('retry')
      await clock.advance(4000)
      if (resumes) await delivery.resume()
      else await clock.advance(1000)
      // Else it would be the second wait, of 10 s, after 4 s.
      await reply('retry')
      assert.equal(emitted.length, resumes ? 0 : 1)
      await clock.advance(5000)
      if (resumes) await reply('accept')
      assert.deepEqual(emitted, [resumes ? 'a1 ack' : 'a1 HL7_DELIVERY_FAILED'])
    }
  })

  it('continues the clock of an earlier run if there was no resume', async () => {
    const disk = quickDisk()
    const first = await setUp({ outbox: disk.outbox(codec), failureTimeoutMs: 10_000 })
    await first.add('a1')
    await first.clock.advance(4000)
    await first.reply('retry')
    const clock = new FakeClock()
    const second = await setUp({ outbox: disk.outbox(codec), failureTimeoutMs: 10_000 }, clock)
    await clock.advance(4000)
    await second.reply('retry')
    assert.deepEqual(second.emitted, ['a1 HL7_DELIVERY_FAILED'])
  })

  it('resends or discards a suspended message only once, even with two operators', async () => {
    const disk = quickDisk()
    const { delivery, add, reply, emitted, flights } = await setUp({ outbox: disk.outbox(codec) })
    await add('a1', 'a2')
    await reply('suspend')
    await reply('suspend')
    disk.immediate = false
    const all = (): boolean => true
    const calls = [
      delivery.operator.discard(all),
      delivery.operator.resend(all),
      delivery.operator.discard(all)
    ]
    for (let round = 0; round < 10; round++) {
      disk.step()
      await settled()
    }
    await Promise.all(calls)
    disk.immediate = true
    while (flights.length > 0) await reply('accept')
    assert.equal(new Set(emitted.map((line) => line.slice(0, 2))).size, 2)
    assert.equal(emitted.length, 2, emitted.join())
    assert.equal(delivery.held, 0)
  })

  it('hands on stored outcomes in order before it sends', async () => {
    const disk = quickDisk()
    const first = await setUp({ outbox: disk.outbox(codec) })
    await first.add('a1', 'a2', 'a3')
    const closing = first.delivery.close(1000)
    first.flights.shift()?.end(resultOf('accept'))
    await closing
    assert.deepEqual(first.emitted, [], 'a closing node emits nothing')
    const second = await setUp({ outbox: disk.outbox(codec) })
    assert.deepEqual(second.emitted, ['a1 ack'])
    assert.deepEqual(
      second.flights.map(({ content }) => content),
      ['a2']
    )
    assert.equal(second.delivery.state().acked, 1)
  })

  it('keeps an outcome until the next node has had its turn to receive the message', async () => {
    const disk = quickDisk()
    const stored: boolean[] = []
    const { add, reply } = await setUp({
      outbox: disk.outbox(codec),
      // As Node-RED passes on what a node sends.
      emit: () => setImmediate(() => stored.push(disk.rows.has(1)))
    })
    await add('a1')
    await reply('accept')
    assert.deepEqual(stored, [true])
    assert.equal(disk.rows.size, 0)
  })

  it('reports a damaged message once, and continues', async () => {
    const disk = quickDisk()
    const first = await setUp({ outbox: disk.outbox(codec) })
    await first.add('a1', 'a2')
    const outbox = disk.outbox(codec)
    const read = outbox.read.bind(outbox)
    const about = { controlId: 'a1', type: 'ADT^A01' }
    const damaged = new OutboxError('Number 1 is damaged.', 'ERR_MESSAGE_DAMAGED', about)
    outbox.read = (seq) => (seq === 1 ? Promise.reject(damaged) : read(seq))
    const second = await setUp({ outbox })
    assert.deepEqual(second.lost, [
      'ERR_MESSAGE_DAMAGED: Number 1 is damaged. Message a1 (ADT^A01) is lost.'
    ])
    await second.reply('accept')
    assert.deepEqual(second.emitted, ['a2 ack'])
    const { failed, queued } = second.delivery.state()
    assert.deepEqual({ failed, queued }, { failed: 1, queued: 0 })
  })

  it('continues after a message that it cannot decode', async () => {
    const disk = quickDisk()
    const first = await setUp({ outbox: disk.outbox(codec) })
    await first.add('a1', 'a2')
    const second = await setUp({
      outbox: disk.outbox({
        ...codec,
        decode: (bytes) => {
          if (bytes.toString() === 'a1') throw new TypeError('what is this?')
          return bytes.toString()
        }
      })
    })
    assert.match(
      second.lost.join(),
      /^\w+: Number 1 cannot be understood.* Message a1 \(ADT\^A01\) is lost\.$/
    )
    await second.reply('accept')
    assert.deepEqual(second.emitted, ['a2 ack'])
    assert.equal(disk.rows.size, 0, 'it is not sent at the next start')
  })

  it('after an unclean end, notes the message it is working on, one at a time, and then stops noting', async () => {
    const disk = quickDisk()
    const first = await setUp({ outbox: disk.outbox(codec), order: 'none', maxInFlight: 2 })
    await first.add('a1', 'b2', 'c3', 'd4', 'e5')
    assert.deepEqual(disk.allNoted, [], 'nothing is noted in normal operation')

    disk.unclean = true
    let during = ''
    const work: (() => Promise<void>)[] = []
    const second = await setUp({
      ...{ outbox: disk.outbox(codec), order: 'none', maxInFlight: 2 },
      attempt: async (content, _signal, watch) => {
        await watch(async () => {
          during += `${content}:${disk.noted} `
          await new Promise<void>((resolve) =>
            work.push(() => {
              resolve()
              return Promise.resolve()
            })
          )
          during += `${content}:${disk.noted} `
        })
        assert.notEqual(disk.noted, Number(content.slice(1)), 'not while waiting for the network')
        return resultOf('accept')
      }
    })
    for (let round = 0; round < 10; round++) {
      await work.shift()?.()
      await settled()
    }
    assert.deepEqual(second.emitted.length, 5)
    // The third is read before the attempt of the second has ended.
    assert.deepEqual(disk.allNoted, [1, 2, 1, 2, 3])
    assert.match(during, /^a1:1 a1:1 b2:2 b2:2 (.\d:0 ){6}$/)
    assert.equal(disk.noted, 0)
  })

  it('does not report a message as lost if it could not be read for another reason', async () => {
    const disk = quickDisk()
    const first = await setUp({ outbox: disk.outbox(codec) })
    await first.add('a1', 'a2')
    const outbox = disk.outbox(codec)
    const read = outbox.read.bind(outbox)
    let broken = true
    outbox.read = (seq) => (broken ? Promise.reject(new TypeError('a fault')) : read(seq))
    const second = await setUp({ outbox })
    assert.deepEqual(second.lost, [])
    broken = false
    await second.clock.advance(31_000)
    await second.reply('accept')
    await second.reply('accept')
    assert.deepEqual(second.emitted, ['a1 ack', 'a2 ack'])
  })

  it('sends a message again if its stored outcome is damaged', async () => {
    const disk = quickDisk()
    const first = await setUp({ outbox: disk.outbox(codec) })
    await first.add('a1', 'a2')
    const closing = first.delivery.close(10_000)
    await first.reply('accept')
    await closing
    const row = disk.rows.get(1)
    assert.equal(row?.facts.state, 'settled')
    delete row.outcome
    const second = await setUp({ outbox: disk.outbox(codec) })
    await second.reply('accept')
    await second.reply('accept')
    assert.deepEqual(second.emitted, ['a1 ack', 'a2 ack'])
  })

  it('waits longer before each retry, up to the maximum', async () => {
    const { add, reply, delivery, clock } = await setUp({
      failureTimeoutMs: Number.POSITIVE_INFINITY
    })
    await add('a1')
    for (const seconds of [5, 10, 20, 40, 60, 60]) {
      await reply('retry')
      assert.equal(delivery.state().retry?.waitMs, seconds * 1000)
      await clock.advance(seconds * 1000)
    }
  })

  it('is retrying until a retry has left, also while it is in flight', async () => {
    const { add, reply, delivery, clock } = await setUp({ order: 'none', maxInFlight: 2 })
    const seen = (): unknown[] => {
      const { state, queued, inFlight, retrying, retry } = delivery.state()
      return [state, { queued, inFlight, retrying }, retry]
    }
    await add('a1')
    assert.deepEqual(seen(), ['sending', { queued: 0, inFlight: 1, retrying: 0 }, null])
    await reply('retry')
    const once = { attempts: 1, cause: '500' }
    assert.deepEqual(seen(), [
      ...['retrying', { queued: 1, inFlight: 0, retrying: 1 }],
      { ...once, waitMs: 5000 }
    ])
    await clock.advance(5000)
    await add('a2')
    assert.deepEqual(seen(), [
      ...['retrying', { queued: 0, inFlight: 2, retrying: 1 }],
      { ...once, waitMs: 0 }
    ])
    await reply('retry')
    assert.deepEqual(delivery.state().retry, { attempts: 2, cause: '500', waitMs: 10_000 })
    await delivery.resume()
    await settled()
    assert.equal(delivery.state().state, 'retrying', 'also after a resume')
    await reply('accept')
    await reply('accept')
    assert.deepEqual(seen(), ['idle', { queued: 0, inFlight: 0, retrying: 0 }, null])
  })

  it('names the retry with the most attempts', async () => {
    const { add, reply, delivery, clock } = await setUp({ order: 'none' })
    await add('a1')
    await reply('retry')
    await clock.advance(5000)
    await reply('unreachable')
    await add('a2')
    await reply('retry')
    const { retry, retrying } = delivery.state()
    assert.deepEqual([retry?.attempts, retry?.cause, retrying], [2, 'ECONNREFUSED', 2])
  })

  it('fails from a message that failed until one is answered, and not with a retry', async () => {
    const { add, reply, delivery, clock } = await setUp()
    const seen = (): unknown[] => [delivery.state().state, delivery.state().failing]
    await add('a1', 'a2', 'a3', 'a4')
    await reply('fail')
    assert.deepEqual(seen(), ['error', '500'], 'though the next one is in flight')
    await reply('unreachable')
    assert.deepEqual(seen(), ['retrying', '500'])
    await clock.advance(5000)
    await reply('nak')
    assert.deepEqual(seen(), ['sending', null])
    await reply('suspend')
    assert.deepEqual(seen(), ['sending', null])
    await reply('disable')
    assert.deepEqual(seen(), ['paused', null])
  })

  it('does not count time without a receiver, unless configured to', async () => {
    for (const failWhileUnreachable of [false, true]) {
      const { add, reply, clock, emitted, flights } = await setUp({ failWhileUnreachable })
      await add('a1')
      for (let minute = 0; minute < 30; minute++) {
        if (flights.length > 0) await reply('unreachable')
        await clock.advance(60_000)
      }
      assert.deepEqual(emitted, failWhileUnreachable ? ['a1 HL7_DELIVERY_FAILED'] : [])
    }
  })

  it('tries once if the failure timeout is 0, whether or not there is a receiver', async () => {
    const { add, reply, emitted } = await setUp({ failureTimeoutMs: 0 })
    await add('a1', 'a2')
    await reply('unreachable')
    await reply('retry')
    assert.deepEqual(emitted, ['a1 HL7_DELIVERY_FAILED', 'a2 HL7_DELIVERY_FAILED'])
  })

  it('fails at once if the receiver asks for a wait beyond the failure timeout', async () => {
    const { add, reply, emitted } = await setUp({ failureTimeoutMs: 59_000 })
    await add('a1')
    await reply('retry-after')
    assert.deepEqual(emitted, ['a1 HL7_DELIVERY_FAILED'])
  })

  it('first sends messages with another kind of key, one by one', async () => {
    const disk = quickDisk()
    const ids = (setup: Setup): string[] => setup.flights.map(({ content }) => content).sort()
    const first = await setUp({ outbox: disk.outbox(codec), order: 'key' })
    await first.delivery.pause()
    await first.add('a1', 'b2', 'c3')
    await first.delivery.resume()

    const second = await setUp({ outbox: disk.outbox(codec), order: 'key', orderKey: 'PV1-3' })
    await second.add('a4', 'b5')
    assert.deepEqual(ids(second), ['a1'])
    await second.reply('unreachable')
    await second.clock.advance(5000)
    await second.reply('accept')
    assert.deepEqual(ids(second), ['b2'])

    const third = await setUp({ outbox: disk.outbox(codec), order: 'key', orderKey: 'PV1-3' })
    await third.add('c6')
    assert.deepEqual(ids(third), ['b2'], 'after a restart as well')
    await third.reply('suspend')
    await third.reply('accept')
    assert.deepEqual(ids(third), ['a4', 'b5', 'c6'], 'then in parallel')

    const same = await setUp({ outbox: disk.outbox(codec), order: 'key', orderKey: 'PV1-3' })
    assert.deepEqual(ids(same), ['a4', 'b5', 'c6'])
  })

  it('keeps 16 MiB in memory, and rereads the rest for each attempt', async () => {
    const disk = quickDisk()
    let decoded = 0
    const { add, reply, clock, flights, emitted } = await setUp({
      outbox: disk.outbox(
        {
          ...codec,
          decode: (bytes) => {
            decoded++
            return bytes.toString()
          }
        },
        () => 5 * 2 ** 20
      ),
      order: 'none'
    })
    await add('a1', 'a2', 'a3', 'a4', 'a5')
    for (let i = 0; i < 5; i++) await reply('retry')
    await clock.advance(5000)
    assert.equal(flights.length, 5)
    assert.equal(decoded, 2 * 2)
    for (let i = 0; i < 5; i++) await reply('accept')
    assert.equal(emitted.length, 5)
  })

  it('waits if a retried message cannot be read for now, and reports it as lost if it is damaged', async () => {
    const disk = quickDisk()
    const outbox = disk.outbox(codec, () => 9 * 2 ** 20)
    const notices: string[] = []
    const { add, reply, clock, flights, emitted, lost } = await setUp({
      outbox,
      order: 'none',
      onNotice: ({ text }) => notices.push(text)
    })
    await add('a1', 'a2', 'a3')
    for (let i = 0; i < 3; i++) await reply('retry')
    const read = outbox.read.bind(outbox)
    const away = new OutboxError('The disk is away.', 'SQLITE_IOERR')
    outbox.read = (seq) => (seq === 1 ? read(seq) : Promise.reject(away))
    await clock.advance(5000)
    assert.deepEqual(
      flights.map(({ content }) => content),
      ['a1']
    )
    assert.equal(notices.length, 1)
    assert.match(
      notices[0] ?? '',
      /^SQLITE_IOERR: The disk is away\. Nothing is sent; the queue will be read again in /
    )
    const damaged = new OutboxError('Number 2 is damaged.', 'ERR_MESSAGE_DAMAGED')
    outbox.read = (seq) => (seq === 2 ? Promise.reject(damaged) : read(seq))
    await clock.advance(30_000)
    assert.deepEqual(lost, [
      'ERR_MESSAGE_DAMAGED: Number 2 is damaged. Message a2 (ADT^A01) is lost.'
    ])
    await reply('accept')
    await reply('accept')
    assert.deepEqual(emitted, ['a1 ack', 'a3 ack'])
  })

  it('says once what it is waiting for, and once that it continues', async () => {
    const notices: string[] = []
    const { add, reply, clock } = await setUp({
      onNotice: ({ level, text }) => notices.push(`${level}: ${text}`)
    })
    await add('a1', 'a2')
    await reply('unreachable')
    assert.deepEqual(notices, [], 'not for a short wait')
    for (let i = 0; i < 3; i++) {
      await clock.advance(60_000)
      await reply('unreachable')
    }
    assert.deepEqual(notices, [
      'warn: ECONNREFUSED: connection refused. Check the host and port of the URL, and that the receiver is running. Retrying after 2 attempts; other messages may be waiting behind message a1 (ADT^A01).'
    ])
    await clock.advance(60_000)
    await reply('accept')
    assert.equal(notices[1], 'info: No message is being retried; the queue is moving again.')
    await reply('accept')
    assert.equal(notices.length, 2)
  })

  it('says at once what does not pass by itself', async () => {
    const notices: string[] = []
    const { add, flights } = await setUp({ onNotice: ({ text }) => notices.push(text) })
    await add('a1')
    flights.shift()?.end({
      ...resultOf('unreachable'),
      error: { code: 'invalid_client', family: 'token', text: 'The token server refused.' },
      hint: 'Check Client ID.',
      isPermanent: true
    })
    await settled()
    assert.deepEqual(notices, [
      'invalid_client: The token server refused. Check Client ID. Retrying after one attempt; other messages may be waiting behind message a1 (ADT^A01).'
    ])
  })

  it('does not repeat this whenever other messages are accepted meanwhile', async () => {
    const notices: string[] = []
    const { add, reply, clock } = await setUp({
      order: 'key',
      onNotice: ({ level }) => notices.push(level)
    })
    await add('b1')
    for (let i = 0; i < 5; i++) {
      await reply('retry')
      await add('a1')
      await reply('accept')
      await clock.advance(60_000)
    }
    assert.deepEqual(notices, ['warn'])
    await reply('nak')
    assert.deepEqual(notices, ['warn', 'info'])
  })

  it('reports suspended messages at most once a minute', async () => {
    const notices: string[] = []
    const { add, reply, clock } = await setUp({ onNotice: ({ text }) => notices.push(text) })
    await add('a1', 'a2', 'a3')
    await reply('suspend')
    await reply('suspend')
    await clock.advance(60_000)
    await reply('suspend')
    assert.deepEqual(
      notices.map((text) => /resend or discard (\w+)/.exec(text)?.[1]),
      ['a1', 'a3']
    )
  })

  it('says why a message was suspended and why the node was paused', async () => {
    const notices: string[] = []
    const { add, reply, delivery } = await setUp({ onNotice: ({ text }) => notices.push(text) })
    await add('a1', 'a2')
    await reply('suspend')
    await reply('disable')
    assert.match(
      notices[0] ?? '',
      /^HTTP 500 .* The rule rule suspend suspended the message.* discard a1 \(ADT\^A01\)\.$/
    )
    assert.match(
      notices[1] ?? '',
      /^HTTP 500 .* the rule rule disable paused it at message a2 \(ADT\^A01\)\.$/
    )
    assert.equal(delivery.state().lastError?.code, '500')
  })

  it('shortens external text to what a status and a log can hold', async () => {
    const code = `A\u202e\r\n${'x'.repeat(2_200_000)}`
    for (const kind of ['retry', 'nak', 'accept', 'unreachable'] as const) {
      const { add, delivery, flights } = await setUp()
      await add('a1')
      const result = resultOf(kind)
      const reply = result.reply && {
        ...result.reply,
        ack: { code, controlId: '', text: '', severity: '', errors: [] }
      }
      const error = result.error && { ...result.error, code }
      flights.shift()?.end({ ...result, ...(reply && { reply }), ...(error && { error }) })
      await settled()
      const { lastError, lastOutcome } = delivery.state()
      for (const shown of [lastError?.code, lastOutcome?.code]) {
        if (shown === undefined) continue
        assert.match(shown, /^(?:A\?\?\?x{1,80}…|)$/)
        assert.ok(shown.length <= 80)
      }
    }
  })

  it('sends the messages that wait for a token as soon as there is one', async () => {
    const { add, delivery, flights, reply } = await setUp({ order: 'none' })
    await add('a1', 'a2')
    const { decision } = resultOf('retry')
    const error = { code: 'invalid_client', family: 'token', text: 'refused' } as const
    flights.shift()?.end({ decision, error, answered: false, reachable: true, elapsedMs: 1 })
    await settled()
    await reply('retry')
    delivery.tokenIsBack()
    await settled()
    assert.deepEqual(
      flights.map(({ content }) => content),
      ['a1']
    )
  })

  it('survives a message that cannot be handed on, and reports it', async () => {
    const { add, reply, lost, delivery } = await setUp({
      emit: () => {
        throw new RangeError('Invalid time value')
      }
    })
    await add('a1', 'a2')
    await reply('accept')
    await reply('accept')
    assert.equal(lost.length, 2)
    assert.match(
      lost[0] ?? '',
      /^EUNKNOWN: .* Message a1 \(ADT\^A01\) was settled, but could not be handed on\.$/
    )
    assert.equal(delivery.held, 0)
  })

  it('reports a change when a message comes in while sending is paused', async () => {
    let changes = 0
    const { add, delivery } = await setUp({ onEvent: () => changes++ })
    await delivery.pause()
    const before = changes
    await add('a1')
    assert.equal(changes, before + 1)
  })

  it('leaves the next opening to its time if somebody only looks', async () => {
    const outbox = quickDisk().outbox(codec)
    let attempts = 0
    outbox.open = () => {
      attempts++
      return Promise.reject(new OutboxError('It is locked.', 'SQLITE_BUSY'))
    }
    const { clock, delivery } = await setUp({ outbox }, new FakeClock(), false)
    await assert.rejects(delivery.look(), /locked/)
    for (const look of [
      () => delivery.look(),
      () => delivery.operator.find({ limit: 1 }),
      () => delivery.operator.events({ since: 0, limit: 1 }),
      () => delivery.operator.read(1)
    ]) {
      await assert.rejects(look(), /locked/)
    }
    assert.equal(attempts, 1)
    await assert.rejects(delivery.pause(), /locked/)
    assert.equal(attempts, 2, 'an action does not wait')
    await clock.advance(29_000)
    assert.equal(attempts, 2)
    await clock.advance(1000)
    assert.equal(attempts, 3)
  })

  it('shows a queue that a message has opened, before the next opening is due', async () => {
    const outbox = quickDisk().outbox(codec)
    const open = outbox.open.bind(outbox)
    outbox.open = () => Promise.reject(new OutboxError('It is locked.', 'SQLITE_BUSY'))
    const { add, delivery } = await setUp({ outbox }, new FakeClock(), false)
    await assert.rejects(delivery.look(), /locked/)
    outbox.open = open
    await add('a1')
    await delivery.look()
    assert.equal((await delivery.operator.find({ limit: 1 })).messages.length, 1)
  })

  it('continues if a reader of its events throws', async () => {
    const { add, reply, emitted, delivery } = await setUp({
      onEvent: () => {
        throw new TypeError('a fault of a reader')
      }
    })
    await add('a1', 'a2')
    await reply('accept')
    await reply('suspend')
    await delivery.operator.discard(() => true)
    assert.deepEqual(emitted, ['a1 ack', 'a2 HL7_DISCARDED'])
  })

  it('sends what was resent while the queue could not be read', async () => {
    const disk = new FakeDisk({ immediate: true })
    const { add, clock, delivery, emitted, reply } = await setUp({ outbox: disk.outbox(codec) })
    await add('a1', 'a2')
    await reply('suspend')
    await reply('suspend')
    disk.immediate = false
    const resent = ['a2', 'a1'].map((id) =>
      delivery.operator.resend(({ controlId }) => controlId === id)
    )
    await settled()
    // a2 waits again, and the queue is being listed, when a1 waits again.
    disk.step(1)
    await settled()
    disk.step(1)
    disk.failReads = true
    await settled()
    disk.immediate = true
    disk.step()
    await Promise.all(resent)
    await settled()
    disk.failReads = false
    await clock.advance(31_000)
    await reply('accept')
    await reply('accept')
    assert.deepEqual(emitted, ['a1 ack', 'a2 ack'])
  })

  it('resends suspended messages in the order in which they were accepted', async () => {
    for (const outbox of [new MemoryOutbox<string>(), quickDisk().outbox(codec)]) {
      const { add, reply, delivery, flights, emitted } = await setUp({ outbox })
      await add('a1', 'a2', 'a3')
      for (let i = 0; i < 3; i++) await reply('suspend')
      await delivery.operator.resend(({ controlId }) => controlId === 'a1')
      await settled()
      await reply('suspend')
      await delivery.operator.resend(() => true)
      await settled()
      while (flights.length > 0) await reply('accept')
      assert.deepEqual(emitted, ['a1 ack', 'a2 ack', 'a3 ack'])
    }
  })

  it('does so for any number of messages, whatever happens meanwhile', async () => {
    const { add, reply, delivery, flights, emitted } = await setUp()
    const ids = Array.from({ length: 350 }, (_, index) => `a${index}`)
    await add(...ids)
    for (let i = 0; i < ids.length; i++) await reply('suspend')
    // The first is suspended last.
    await delivery.operator.resend(({ controlId }) => controlId === 'a0')
    await settled()
    await reply('suspend')
    const all = delivery.operator.resend(() => true)
    // A resume starts whatever may start, even halfway through the resend.
    for (let turn = 0; turn < 5; turn++) {
      await new Promise(setImmediate)
      await delivery.resume()
    }
    await all
    while (flights.length > 0) await reply('accept')
    assert.deepEqual(
      emitted,
      ids.map((id) => `${id} ack`)
    )
  })

  it('forgets the rest of a resend whose first message could not be stored', async () => {
    const disk = quickDisk()
    const { add, delivery, flights, reply } = await setUp({ outbox: disk.outbox(codec) })
    await add('a1', 'a2', 'a3')
    for (let i = 0; i < 3; i++) await reply('suspend')
    disk.failWrites = true
    await assert.rejects(
      delivery.operator.resend(() => true, 'anna', true),
      /1 of 1 messages are still suspended/
    )
    disk.failWrites = false
    await delivery.operator.resend(({ controlId }) => controlId === 'a1', 'bert')
    await settled()
    await reply('accept')
    assert.deepEqual([flights.length, delivery.state().suspended], [0, 2])
  })

  it('says how many were discarded, or are sent again, if it fails with others', async () => {
    const disk = quickDisk()
    const told: string[] = []
    const { add, delivery, emitted, reply } = await setUp({
      outbox: disk.outbox(codec),
      onEvent: (event) => {
        if (event.kind === 'discarded' || event.kind === 'resent') {
          told.push(`${event.kind} ${event.count} ${event.by}`)
        }
      }
    })
    await add('a1', 'a2', 'a3', 'a4')
    for (let i = 0; i < 4; i++) await reply('suspend')
    const all = (): boolean => true
    disk.immediate = false
    const discarded = assert.rejects(delivery.operator.discard(all, 'anna'), { code: 'EIO' })
    await settled()
    disk.step(1)
    disk.failReads = true
    disk.step(3)
    disk.failReads = false
    disk.immediate = true
    await settled()
    disk.step()
    await discarded
    await settled()
    assert.deepEqual(emitted, ['a1 HL7_DISCARDED'])
    disk.immediate = false
    const resent = assert.rejects(
      delivery.operator.resend(all, 'bert'),
      /1 of 3 messages are still suspended/
    )
    await settled()
    disk.step(2)
    disk.failWrites = true
    disk.step(1)
    disk.failWrites = false
    disk.immediate = true
    disk.step()
    await resent
    assert.deepEqual(told, ['discarded 1 anna', 'resent 2 bert'])
  })

  it('is discarded or given up, not both, by a close with a queue in memory', async () => {
    for (let turns = 0; turns < 4; turns++) {
      const { add, delivery, emitted, reply } = await setUp({ order: 'none' })
      await add('a1', 'a2')
      for (let i = 0; i < 2; i++) await reply('suspend')
      const closed = delivery.close(0)
      for (let turn = 0; turn < turns; turn++) await new Promise(setImmediate)
      const discarded = await delivery.operator.discard(() => true).catch(() => 0)
      const { unsettled } = await closed
      assert.deepEqual(emitted.map((left) => left.slice(0, 2)).toSorted(), ['a1', 'a2'])
      assert.equal(unsettled.length + discarded, 2)
    }
  })

  it('resends each message only once if two operators resend very many', async () => {
    const { add, delivery, flights, reply } = await setUp({ maxInFlight: 300, order: 'none' })
    await add(...Array.from({ length: 250 }, (_, index) => `a${index}`))
    while (flights.length > 0) await reply('suspend')
    const all = (): boolean => true
    const counts = await Promise.all([delivery.operator.resend(all), delivery.operator.resend(all)])
    await settled()
    assert.equal(counts[0] + counts[1], 250)
    assert.equal(flights.length, 250)
    assert.deepEqual([delivery.state().queued, delivery.state().suspended], [0, 0])
  })

  it('passes on the last answer with a discarded message, after a restart too', async () => {
    for (const restart of [false, true]) {
      const disk = quickDisk()
      const left: Settlement[] = []
      const options: SetUpOptions = {
        emit: (_facts, _content, settlement) => left.push(settlement)
      }
      let setup = await setUp({ ...options, outbox: disk.outbox(codec) })
      await setup.add('a1')
      await setup.reply('suspend')
      if (restart) setup = await setUp({ ...options, outbox: disk.outbox(codec) })
      await setup.delivery.operator.discard(() => true)
      const [settlement] = left
      assert.equal(settlement?.error?.code, 'HL7_DISCARDED')
      assert.equal(settlement.reply?.status, 500)
      assert.equal(settlement.rule, 'rule suspend')
    }
    const left: Settlement[] = []
    const { add, reply, delivery } = await setUp({
      emit: (_facts, _content, settlement) => left.push(settlement)
    })
    await add('a1', 'a2')
    await reply('suspend')
    await delivery.operator.discard(() => true)
    await reply('suspend')
    await delivery.close(0)
    assert.deepEqual(
      left.map(({ error, reply: answer }) => [error?.code, answer?.status]),
      [
        ['HL7_DISCARDED', 500],
        ['HL7_DELIVERY_FAILED', 500]
      ]
    )
  })

  it('blocks only the key that is being retried', async () => {
    const { add, flights, reply } = await setUp({ order: 'key' })
    await add('a1', 'a2', 'b1')
    await reply('retry')
    assert.deepEqual(
      flights.map(({ content }) => content),
      ['b1']
    )
  })

  it('retries at most a thousand messages at a time, however many wait', async () => {
    const { add, delivery, flights } = await setUp({ order: 'none' })
    await add(...Array.from({ length: 1500 }, (_, index) => `a${index}`))
    for (let attempts = 0; flights.length > 0; attempts++) {
      assert.ok(attempts < 1100, 'it tries the whole backlog')
      flights.shift()?.end(resultOf('unreachable'))
      await settled(1)
    }
    assert.equal(delivery.state().queued, 1500)
  })

  it('leaves a message for the next start if the close aborts its attempt', async () => {
    const disk = quickDisk()
    const { add, flights, delivery } = await setUp({
      outbox: disk.outbox(codec),
      failureTimeoutMs: 0
    })
    await add('a1')
    const closing = delivery.close(10_000)
    flights.shift()?.end(abortedResult())
    await closing
    assert.equal(disk.rows.get(1)?.facts.state, 'waiting')
  })

  it('hands on and reports in order, at the close, what a queue in memory still holds', async () => {
    const { add, delivery, reply, clock, flights, emitted } = await setUp()
    await add('a1', 'a2', 'a3')
    await reply('suspend')
    const closing = delivery.close(10_000)
    await clock.advance(9999)
    assert.equal(flights.length, 1)
    await clock.advance(1)
    flights.shift()?.end(abortedResult())
    const left = await closing
    assert.deepEqual(
      left.unsettled.map(({ controlId }) => controlId),
      ['a1', 'a2', 'a3']
    )
    assert.deepEqual(
      emitted,
      ['a1', 'a2', 'a3'].map((id) => `${id} HL7_DELIVERY_FAILED`)
    )
    await assert.rejects(add('a4'), { code: 'HL7_QUEUE_FAILED' })
  })

  it('reports what was settled while a queue in memory closed: the next node may not have received it', async () => {
    const { add, delivery, reply, emitted } = await setUp()
    await add('a1')
    const closing = delivery.close(10_000)
    await reply('accept')
    const { settled: late, unsettled } = await closing
    assert.deepEqual(emitted, ['a1 ack'])
    assert.deepEqual(
      late.map(({ controlId }) => controlId),
      ['a1']
    )
    assert.deepEqual(unsettled, [])
  })

  it('reports what a queue in memory handed on in the turn in which it is closed', async () => {
    let closing: Promise<LeftAtClose> | undefined
    const { add, delivery, reply } = await setUp({
      // The next node would receive it in the next turn, but is closed by then as well.
      emit: () => {
        queueMicrotask(() => {
          closing ??= delivery.close(10_000)
        })
      }
    })
    await add('a1')
    await reply('accept')
    const left = await closing
    assert.deepEqual(
      left?.settled.map(({ controlId }) => controlId),
      ['a1']
    )
    assert.deepEqual(left.unsettled, [])
  })

  it('refuses messages beyond the limit, which counts suspended messages too', async () => {
    const { add, reply, delivery } = await setUp({ queueLimit: 2 })
    await add('a1', 'a2')
    await reply('suspend')
    await assert.rejects(add('a3'), { code: 'HL7_QUEUE_FULL' })
    await delivery.operator.discard(() => true)
    await add('a3')
  })

  it('tries again to open a queue that cannot be opened', async () => {
    const disk = quickDisk()
    disk.failReads = true
    const clock = new FakeClock()
    const starting = setUp({ outbox: disk.outbox(codec) }, clock)
    await assert.rejects(starting, { code: 'EIO' })
    assert.equal(clock.timers, 1)
    disk.failReads = false
    await clock.advance(30_000)
    assert.equal(disk.opened, 1)
    assert.equal(clock.timers, 0)
  })
})
