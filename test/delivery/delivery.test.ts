import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { AttemptResult } from '../../src/delivery/attempt-result.ts'
import type { LeftAtClose } from '../../src/delivery/delivery-options.ts'
import type { DeliveryState } from '../../src/delivery/delivery-state.ts'
import { QueueError } from '../../src/queue/queue-error.ts'
import { FakeClock, settled } from '../support/fake-clock.ts'
import { FakeDisk } from './fake-disk.ts'
import { abortedResult, resultOf, type ReplyKind } from './replies.ts'
import { acceptFirst, codec, sentBy, setUp, setUpOn, type SetUpOptions } from './set-up.ts'

const quickDisk = (): FakeDisk => new FakeDisk({ immediate: true })

describe('Delivery', () => {
  it('leaves at once if its time ends with the attempt', async () => {
    const moves: string[] = []
    const { add, clock, emitted, reply } = await setUp({
      failureTimeoutMs: 12_000,
      onEvent: (event) => {
        if (event.kind === 'moved') moves.push(event.to)
      }
    })
    await add('a1')
    await clock.advance(12_000)
    await reply('retry')
    assert.deepEqual([moves.includes('retrying'), emitted], [false, ['a1 HL7_DELIVERY_FAILED']])
  })

  for (const [kind, isStored] of [
    ['retry', ({ retrying }) => retrying === 1],
    ['suspend', ({ suspended }) => suspended === 1],
    ['await', ({ awaiting }) => awaiting === 1]
  ] as const satisfies [ReplyKind, (state: DeliveryState) => boolean][]) {
    it(`holds up its lane until ${kind} is stored, which it tries every 30 s`, async () => {
      const disk = quickDisk()
      const failures: string[] = []
      const setup = await setUpOn(disk, {
        retry: { intervalMs: 120_000, maxIntervalMs: 120_000 },
        onEvent: (event) => {
          if (event.kind === 'queue-failed') failures.push(event.code)
        }
      })
      const { add, clock, delivery, reply } = setup
      await add('a1', 'a2')
      disk.failWrites = true
      await reply(kind)
      await clock.advance(60_000)
      assert.deepEqual(failures, Array(3).fill('EIO'))
      assert.ok(!isStored(delivery.state()))
      assert.deepEqual(sentBy(setup), [], 'nobody overtakes it, and it is not sent meanwhile')
      disk.failWrites = false
      await clock.advance(29_999)
      assert.ok(!isStored(delivery.state()))
      await clock.advance(1)
      assert.ok(isStored(delivery.state()))
      assert.deepEqual(sentBy(setup), kind === 'retry' ? [] : ['a2'])
    })
  }

  for (const kind of ['retry', 'suspend', 'accept'] as const) {
    it(`sends nothing in place of a message while ${kind} cannot be stored: a crash would send both again`, async () => {
      const disk = quickDisk()
      const setup = await setUpOn(disk, { order: 'none', maxInFlight: 1 })
      await setup.add('a1', 'b2')
      disk.failWrites = true
      await setup.reply(kind)
      await setup.clock.advance(60_000)
      assert.deepEqual(sentBy(setup), [])
      disk.failWrites = false
      await setup.clock.advance(30_000)
      assert.deepEqual(sentBy(setup), ['b2'])
    })
  }

  it('sends nothing in place of several that cannot be stored, one after the other', async () => {
    const disk = quickDisk()
    const setup = await setUpOn(disk, { order: 'none', maxInFlight: 3 })
    for (let left = 2; left > 0; left--) await acceptFirst(setup)
    await setup.add('a1', 'a2', 'a3', 'b1', 'b2', 'b3')
    disk.immediate = false
    assert.equal(setup.flights.length, 3)
    for (const { end } of setup.flights.splice(0)) end(resultOf('accept'))
    await settled()
    disk.failWrites = true
    while (disk.pending > 0) {
      disk.step(1)
      await settled()
      assert.deepEqual(sentBy(setup), [])
    }
  })

  it('hands a settled message on though that cannot be stored; its lane waits until it is', async () => {
    const disk = quickDisk()
    const setup = await setUpOn(disk)
    const { add, clock, delivery, emitted, reply } = setup
    await add('a1', 'a2')
    disk.failWrites = true
    await reply('accept')
    assert.deepEqual(emitted, ['a1 ack'])
    await clock.advance(60_000)
    assert.deepEqual(sentBy(setup), [], 'a crash would send both twice')
    disk.failWrites = false
    await clock.advance(30_000)
    assert.deepEqual(sentBy(setup), ['a2'])
    assert.deepEqual(
      disk.rows.map(({ controlId }) => controlId),
      ['a2']
    )
    const { messages } = await (await delivery.reader()).find({ controlId: 'a1', limit: 1 })
    assert.deepEqual([messages[0]?.state, messages[0]?.verdict.outcome], ['left', 'ack'])
  })

  it('stores at the close what it still owes, so that nothing leaves twice', async () => {
    const disk = quickDisk()
    const first = await setUpOn(disk)
    await first.add('a1')
    disk.failWrites = true
    await first.reply('accept')
    disk.failWrites = false
    await first.delivery.close(0)
    const second = await setUpOn(disk)
    assert.deepEqual([second.emitted, second.flights], [[], []])
  })

  it('sends nothing before it could read what is to be handed on', async () => {
    const disk = quickDisk()
    const first = await setUpOn(disk)
    await first.add('a1', 'a2')
    const closing = first.delivery.close(1000)
    await first.reply('accept')
    await closing
    const second = await setUpOn(disk, {}, new FakeClock(), false)
    await second.delivery.open()
    disk.failReads = true
    await second.delivery.start()
    await settled()
    disk.failReads = false
    await second.add('a3')
    assert.deepEqual([second.emitted, second.flights], [[], []])
    await second.clock.advance(30_000)
    assert.deepEqual([second.emitted, sentBy(second)], [['a1 ack'], ['a2']])
  })

  it('keeps an outcome until the next node has had its turn to receive the message', async () => {
    const disk = quickDisk()
    const stored: unknown[] = []
    const { add, reply } = await setUpOn(disk, {
      // As Node-RED passes on what a node sends.
      emit: () => setImmediate(() => stored.push(disk.rows[0]?.state))
    })
    await add('a1')
    await reply('accept')
    assert.deepEqual(stored, ['leaving'])
    assert.deepEqual(disk.rows, [])
  })

  for (const [what, damage] of [
    ['cannot be decoded', 'damageContent'],
    ['is not in the file', 'loseContent']
  ] as const) {
    it(`reports a message as lost, once, if its content ${what}, and continues`, async () => {
      const disk = quickDisk()
      const first = await setUpOn(disk)
      await first.add('a1', 'a2')
      disk[damage](1)
      const second = await setUpOn(disk)
      assert.deepEqual(second.lost, [
        'ERR_MESSAGE_DAMAGED: Message 1 of the queue is damaged and cannot be read. What is left of it stays in the file. Message a1 (ADT^A01) is lost.'
      ])
      await second.reply('accept')
      assert.deepEqual(second.emitted, ['a2 ack'])
      const { failed, queued } = second.delivery.state()
      assert.deepEqual({ failed, queued }, { failed: 1, queued: 0 })
      const third = await setUpOn(disk)
      assert.deepEqual([third.lost, third.flights], [[], []], 'it is not sent at the next start')
    })
  }

  for (const end of ['paused', 'closed'] as const) {
    it(`reports a message as lost also if the node is ${end} when that is found`, async () => {
      const disk = quickDisk()
      const first = await setUpOn(disk, {}, undefined, false)
      await first.add('a1')
      await first.delivery.close(0)
      disk.loseContent(1)
      const { delivery, lost } = await setUpOn(disk, {}, first.clock, false)
      await delivery.open()
      disk.immediate = false
      void delivery.start()
      await settled()
      const ended = end === 'paused' ? delivery.pause('x') : delivery.close(0)
      await settled()
      disk.immediate = true
      disk.step()
      await ended
      await settled()
      assert.equal(lost.length, 1)
      assert.equal(disk.rows[0]?.state, 'damaged')
    })
  }

  it('after an unclean end, marks the message it is working on, one at a time, and then stops marking', async () => {
    const disk = quickDisk()
    const first = await setUpOn(disk, { order: 'none', maxInFlight: 2 })
    await first.add('a1', 'b2', 'c3', 'd4', 'e5')
    assert.deepEqual(disk.worked, [], 'nothing is marked in normal operation')

    let during = ''
    const work: (() => void)[] = []
    const second = await setUpOn(disk, {
      order: 'none',
      maxInFlight: 2,
      attempt: async (content, _signal, watchWork) => {
        await watchWork(async () => {
          during += `${content}:${disk.marked.join()} `
          await new Promise<void>((resolve) => work.push(resolve))
          during += `${content}:${disk.marked.join()} `
        })
        assert.ok(
          !disk.marked.includes(Number(content.slice(1))),
          'not while waiting for the network'
        )
        return resultOf('accept')
      }
    })
    for (let round = 0; round < 10; round++) {
      work.shift()?.()
      await settled()
    }
    assert.equal(second.emitted.length, 5)
    // The third is read before the attempt of the second has ended.
    assert.deepEqual(disk.worked, [1, 1, 2, 3, 2, 3])
    assert.match(during, /^a1:1 a1:1 b2:2 b2:2 c3:3 d4:3 c3:3 (.\d: ){3}$/)
    assert.deepEqual(disk.marked, [])
  })

  it('is retrying until a retry has left, also while it is in flight', async () => {
    const setup = await setUp({ order: 'none', maxInFlight: 2 })
    await acceptFirst(setup)
    const { add, reply, delivery, clock } = setup
    const seen = (): unknown[] => {
      const { state, queued, inFlight, retrying, retry } = delivery.state()
      return [state, { queued, inFlight, retrying }, retry]
    }
    await add('a1')
    assert.deepEqual(seen(), ['sending', { queued: 0, inFlight: 1, retrying: 0 }, null])
    await reply('retry')
    const known = { about: 'failed', mayHaveArrived: true, rule: 'rule retry' }
    const once = { controlId: 'a1', attempts: 1, cause: '500', ...known }
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
    assert.deepEqual(delivery.state().retry, { ...once, attempts: 2, waitMs: 10_000 })
    await delivery.resume()
    await settled()
    assert.equal(delivery.state().state, 'sending', 'as if it had not failed')
    await reply('accept')
    await reply('accept')
    assert.deepEqual(seen(), ['idle', { queued: 0, inFlight: 0, retrying: 0 }, null])
  })

  it('counts each message once in its figures, also a retry that is in flight', async () => {
    const setup = await setUp({ order: 'none', maxInFlight: 2 })
    await acceptFirst(setup)
    const { add, reply, delivery, clock } = setup
    const counted = (): unknown => {
      const { awaiting: _, suspended: __, ...messages } = delivery.figures().queue?.messages ?? {}
      return messages
    }
    await add('a1')
    await reply('retry')
    assert.deepEqual(counted(), { waiting: 0, in_flight: 0, retrying: 1 })
    await clock.advance(5000)
    assert.deepEqual(counted(), { waiting: 0, in_flight: 1, retrying: 0 })
    await add('a2')
    await reply('retry')
    await reply('retry')
    await add('a3', 'a4', 'a5')
    assert.deepEqual(counted(), { waiting: 1, in_flight: 2, retrying: 2 })
    await clock.advance(5000)
    await reply('accept')
    await reply('accept')
    assert.deepEqual(sentBy(setup), ['a5', 'a2'])
    assert.deepEqual(counted(), { waiting: 0, in_flight: 2, retrying: 1 })
    await delivery.resume()
    await settled()
    assert.deepEqual(counted(), { waiting: 1, in_flight: 2, retrying: 0 })
  })

  it('counts as attempts the requests that were repeated because a connection was dead', async () => {
    const attempts: number[] = []
    const { add, flights, clock } = await setUp({
      emit: (message) => attempts.push(message.attempts)
    })
    await add('a1')
    flights[0]?.end({ ...resultOf('retry'), requests: 2, repeats: 1 })
    await settled()
    await clock.advance(5000)
    // One of the two was refused with its token: it is no attempt.
    flights[1]?.end({ ...resultOf('accept'), requests: 2 })
    await settled()
    assert.deepEqual(attempts, [3])
  })

  it('says that a message may have been delivered, if it may have been in an earlier attempt', async () => {
    const error = (code: string, family: 'connect' | 'timeout', retry = true): AttemptResult => ({
      ...resultOf('unreachable'),
      decision: { ...resultOf('unreachable').decision, retry },
      error: { code, family, text: 'It broke.' }
    })
    const refused = error('ECONNREFUSED', 'connect')
    const timedOut = error('ETIMEDOUT', 'timeout')
    const repeated = { ...refused, requests: 2, repeats: 1 }
    const { reply, ...retry } = resultOf('retry')
    assert.ok(reply)
    const withStatus = (status: number): AttemptResult => ({
      ...retry,
      reply: { ...reply, status }
    })
    for (const [earlier, said, again] of [
      [refused, /Message a1 .* was not delivered/, false],
      [withStatus(404), /Message a1 .* was not delivered/, false],
      [withStatus(503), /said that it does not take message a1/, true],
      [withStatus(408), /said that it does not take message a1/, true],
      [
        { ...withStatus(503), decision: resultOf('suspend').decision },
        /said that it does not take message a1/,
        true
      ],
      [timedOut, /not known whether message a1/, true],
      [repeated, /not known whether message a1/, true],
      [resultOf('await-retry'), /not known whether message a1/, true],
      [
        { ...timedOut, decision: resultOf('suspend').decision },
        /not known whether message a1/,
        true
      ]
    ] as const) {
      const disk = quickDisk()
      const first = await setUpOn(disk)
      await first.add('a1')
      first.flights.shift()?.end(earlier)
      await settled()
      await first.clock.advance(600_000)
      await (await first.delivery.operator()).resend({})
      first.flights.shift()?.end(refused)
      await settled()
      let message = ''
      let isAgain: boolean | undefined
      await setUpOn(disk, {
        attempt: (_content, _signal, _watchWork, known) => {
          isAgain = known.again
          return Promise.resolve(error('ECONNREFUSED', 'connect', false))
        },
        emit: (_message, _content, { error }) => (message = error?.message ?? '')
      })
      await settled()
      assert.match(message, said)
      assert.equal(isAgain, again, 'for @again')
    }
  })

  it('names the retry that is due next, and in an outage what closed the gate', async () => {
    const { add, reply, delivery, clock } = await setUp({ order: 'none' })
    await add('a1', 'a2')
    await reply('retry')
    await clock.advance(1000)
    await reply('unreachable')
    assert.equal(delivery.state().isOutage, true)
    assert.deepEqual(delivery.state().retry, {
      ...{ controlId: 'a1', attempts: 1, mayHaveArrived: true, rule: 'rule retry' },
      // Not the 500 that it got itself.
      ...{ cause: 'ECONNREFUSED', about: 'unreachable' },
      // Its own turn would come in 4 s, but until the outage has lasted its first wait, nothing goes.
      waitMs: 5000
    })
    assert.equal(delivery.state().retrying, 2)
    await clock.advance(5000)
    await reply('accept')
    assert.deepEqual(delivery.state().retry, {
      controlId: 'a2',
      attempts: 1,
      cause: 'ECONNREFUSED',
      about: 'unreachable',
      rule: 'rule unreachable',
      waitMs: 0
    })
    assert.equal(delivery.state().isOutage, false)
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

  for (const failureTimeoutMs of [3_600_000, Number.POSITIVE_INFINITY]) {
    it(`keeps the reply that refused the token of a message, for that message alone (${failureTimeoutMs} ms)`, async () => {
      const replies: unknown[] = []
      const setup = await setUp({
        ...{ order: 'none', failureTimeoutMs },
        emit: (_message, content, { reply }) => replies.push([content, reply?.status, reply?.text])
      })
      await acceptFirst(setup)
      const { add, clock, flights } = setup
      await add('a1', 'a2')
      const { decision, ...retry } = resultOf('retry')
      for (const { content, end } of flights.splice(0)) {
        const reply = { status: 401, headers: {}, text: `no ${content}`, hl7: '', ack: null }
        end({ ...retry, decision, reply })
      }
      await settled()
      await add('a3')
      const error = { code: 'ERR_TOKEN_REFUSED', family: 'token', text: 'refused' } as const
      // Each is tried twice without a token, and then fails.
      for (const isLast of [false, true]) {
        for (let message = 0; message < 3; message++) {
          await clock.advance(300_000)
          const result = { error, status: 401, answered: false, elapsedMs: 1 }
          flights.shift()?.end({ ...result, decision: { ...decision, retry: !isLast } })
          await settled()
        }
      }
      assert.deepEqual(replies.slice(1).toSorted(), [
        ['a1', 401, 'no a1'],
        ['a2', 401, 'no a2'],
        ['a3', undefined, undefined]
      ])
    })
  }

  describe('a message whose time is over before its next attempt', () => {
    const failureTimeoutMs = 20_000
    const failWhileUnreachable = true
    const refused = (): AttemptResult => ({
      decision: resultOf('retry').decision,
      error: { code: 'invalid_client', family: 'token', text: 'refused' },
      answered: false,

      isPermanent: true,
      retryAfterMs: 30_000,
      elapsedMs: 1
    })

    it('fails then, not before and without another request, as its last attempt said', async () => {
      const { add, clock, delivery, emitted, flights, reply } = await setUp({
        failureTimeoutMs,
        failWhileUnreachable
      })
      await add('a1', 'a2')
      flights.shift()?.end(refused())
      await settled()
      assert.equal(delivery.state().retry?.waitMs, failureTimeoutMs, 'what operators see')
      await clock.advance(19_999)
      assert.deepEqual([emitted, flights], [[], []])
      await clock.advance(1)
      assert.deepEqual([emitted, flights], [['a1 HL7_DELIVERY_FAILED'], []])
      assert.match(
        delivery.state().lastError?.text ?? '',
        /^invalid_client: refused\. .*\(one attempt\)/
      )
      await clock.advance(9999)
      assert.equal(flights.length, 0, 'the next one waits for the end of the outage')
      await clock.advance(1)
      await reply('accept')
      assert.deepEqual(emitted, ['a1 HL7_DELIVERY_FAILED', 'a2 ack'])
    })

    it('is sent if there is a token again before', async () => {
      const { add, clock, delivery, emitted, flights, reply } = await setUp({
        failureTimeoutMs,
        failWhileUnreachable
      })
      await add('a1')
      flights.shift()?.end(refused())
      await settled()
      await clock.advance(19_000)
      delivery.tokenIsBack()
      await settled()
      await clock.advance(5000)
      assert.deepEqual([emitted, flights.length], [[], 1], 'an attempt is not cut')
      await reply('accept')
      assert.deepEqual(emitted, ['a1 ack'])
    })
  })

  it('forgets that a message which is lost was retried', async () => {
    const disk = quickDisk()
    // Only the newest stays in memory.
    const setup = await setUpOn(disk, {
      order: 'none',
      failureTimeoutMs: 60_000,
      sizeOf: () => 9 * 2 ** 20
    })
    const { add, reply, clock, lost } = setup
    await acceptFirst(setup)
    await add('a1', 'a2')
    await reply('retry')
    await reply('retry')
    disk.damageContent(2)
    await clock.advance(5000)
    assert.equal(lost.length, 1)
    await reply('accept')
    const ended: unknown[] = []
    disk.onCall = (method, [seq]) => {
      if (method === 'claimEarly') ended.push(seq)
    }
    await clock.advance(60_000)
    await add('a3')
    await reply('accept')
    assert.deepEqual(ended, [])
    assert.equal(clock.timers, 0)
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
    const setup = await setUp({ order: 'none' })
    await acceptFirst(setup)
    const { add, clock, delivery, flights, reply } = setup
    await add('a1', 'a2')
    const { decision } = resultOf('retry')
    const error = { code: 'invalid_client', family: 'token', text: 'refused' } as const
    flights.shift()?.end({ decision, error, answered: false, elapsedMs: 1 })
    await settled()
    await reply('retry')
    await clock.advance(1)
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

  it('leaves the next opening to its time if somebody only asks', async () => {
    const clock = new FakeClock()
    const queue = quickDisk().queue(codec, { order: 'fifo', clock })
    let attempts = 0
    queue.open = () => {
      attempts++
      return Promise.reject(new QueueError('It is locked.', 'SQLITE_BUSY'))
    }
    const { delivery } = await setUp({ queue }, clock, false)
    await assert.rejects(delivery.openToRead(), /locked/)
    for (const ask of [
      () => delivery.openToRead(),
      () => delivery.reader().then((operator) => operator.find({ limit: 1 })),
      () => delivery.reader().then((operator) => operator.events({ since: 0, limit: 1 })),
      () => delivery.reader().then((operator) => operator.read(1))
    ]) {
      await assert.rejects(ask(), /locked/)
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
    const disk = quickDisk()
    disk.failReads = true
    const { add, delivery } = await setUpOn(disk, {}, new FakeClock(), false)
    await assert.rejects(delivery.openToRead(), { code: 'EIO' })
    disk.failReads = false
    await add('a1')
    await delivery.openToRead()
    assert.equal((await (await delivery.reader()).find({ limit: 1 })).messages.length, 1)
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
    await (await delivery.operator()).discard({})
    assert.deepEqual(emitted, ['a1 ack', 'a2 HL7_DISCARDED'])
  })

  it('knows at the next start that a message may have arrived whose attempt the close aborted', async () => {
    const disk = quickDisk()
    const texts: string[] = []
    const emit: SetUpOptions['emit'] = (_message, _content, { error }) => {
      texts.push(error?.message ?? '')
    }
    const first = await setUpOn(disk, { emit })
    await first.add('a1', 'a2')
    const closing = first.delivery.close(10_000)
    first.flights.shift()?.end(abortedResult())
    await closing
    const next = await setUpOn(disk, { emit, failureTimeoutMs: 0 })
    await next.reply('unreachable')
    await next.reply('unreachable')
    assert.deepEqual(
      texts.map((text) => text.includes('It is not known whether message')),
      [true, false],
      texts.join()
    )
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
    await (await delivery.operator()).discard({})
    await add('a3')
  })

  it('does not let a fault of its own end the process', async (context) => {
    const queue = quickDisk().queue(codec, { order: 'fifo', clock: new FakeClock() })
    const events: string[] = []
    const { add, reply } = await setUp({ queue, onEvent: ({ kind }) => events.push(kind) })
    await add('a1')
    // An error here would otherwise be an unhandled rejection, which ends Node-RED.
    context.mock.getter(queue, 'summary', () => {
      throw new TypeError('a fault')
    })
    await reply('retry')
    assert.ok(events.includes('fault'))
  })

  it('tries again to open a queue that cannot be opened', async () => {
    const disk = quickDisk()
    disk.failReads = true
    const clock = new FakeClock()
    const starting = setUpOn(disk, {}, clock)
    await assert.rejects(starting, { code: 'EIO' })
    // However often that fails.
    for (let failed = 1; failed <= 3; failed++) {
      assert.equal(clock.timers, 1)
      await clock.advance(30_000)
    }
    disk.failReads = false
    await clock.advance(30_000)
    assert.equal(disk.opened, 1)
    assert.equal(clock.timers, 0)
  })
})
