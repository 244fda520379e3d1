import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { DeliveryError } from '../../src/delivery/delivery-error.ts'
import type { DeliveryEvent, Moved } from '../../src/delivery/delivery-events.ts'
import { eventTold } from '../../src/delivery/event-told.ts'
import type { SettledMessage } from '../../src/delivery/settlement.ts'
import { Reporter, type Notice } from '../../src/delivery/reporter.ts'
import { NO_VERDICT } from '../../src/queue/message-row.ts'
import { QueueError } from '../../src/queue/queue-error.ts'
import type { QueueEvent } from '../../src/queue/queue-event.ts'
import { toldText } from '../../src/told.ts'
import { FakeClock, settled } from '../support/fake-clock.ts'
import { tabText } from '../support/tab-texts.ts'
import { NO_FIGURES } from '../support/sample-figures.ts'
import { FakeDisk } from './fake-disk.ts'
import { resultOf, type ReplyKind } from './replies.ts'
import { setUp as setUpDelivery, setUpOn } from './set-up.ts'

function message(seq: number, attempts = 1): SettledMessage {
  return { seq, controlId: `C${seq}`, type: 'ADT^A01', acceptedAt: 0, attempts }
}

function setUp(): { clock: FakeClock; reporter: Reporter; events: QueueEvent[]; log: Notice[] } {
  const clock = new FakeClock()
  const events: QueueEvent[] = []
  const log: Notice[] = []
  const reports = {
    log: (notice: Notice) => log.push(notice),
    event: (event: QueueEvent, hasGrown: boolean) => {
      if (hasGrown) {
        events.splice(
          events.findIndex((one) => one.at === event.at),
          1
        )
      }
      events.push(event)
    }
  }
  return { clock, events, log, reporter: new Reporter(reports, clock) }
}

function moved(about: SettledMessage, to: Moved['to'], kind: ReplyKind): DeliveryEvent {
  return { kind: 'moved', message: about, to, result: resultOf(kind) }
}

const LOST = {
  code: 'unauthorized_client',
  message: 'The token server login.example refused (HTTP 401).',
  description: 'Invalid client or Invalid client credentials.',
  hint: 'Check Client secret.',
  permanent: true
}

const told = (events: readonly QueueEvent[]): unknown[] =>
  events.map(({ kind, by, values }) => [kind, by, values])

describe('the list of events', () => {
  it('has what an operator or a rule did, and by whom', () => {
    const { clock, events, reporter } = setUp()
    reporter.readEvent({ kind: 'paused', pause: { at: 0, by: 'anna', reason: 'ward moves' } })
    reporter.readEvent({ kind: 'resumed', by: 'bert' })
    reporter.readEvent({ kind: 'resent', count: 3, by: 'flow' })
    reporter.readEvent({ kind: 'discarded', count: 1, by: '' })
    assert.deepEqual(told(events), [
      ['paused', 'anna', { reason: 'ward moves' }],
      ['resumed', 'bert', {}],
      ['resent', 'flow', { count: 3 }],
      ['discarded', '', { count: 1 }]
    ])
    assert.equal(events[0]?.at, clock.now())
  })

  it('tells once that somebody looks at a message, however often within ten minutes', async () => {
    const { clock, events, reporter } = setUp()
    const look = (user: string, seq: number): void => {
      reporter.contentShown(user, seq, `M${seq}`)
    }
    for (const user of ['anna', 'anna', 'bert', 'anna']) look(user, 1)
    look('anna', 2)
    await clock.advance(600_000)
    look('anna', 1)
    assert.deepEqual(told(events), [
      ['content-shown', 'anna', { controlId: 'M1' }],
      ['content-shown', 'bert', { controlId: 'M1' }],
      ['content-shown', 'anna', { controlId: 'M2' }],
      ['content-shown', 'anna', { controlId: 'M1' }]
    ])
  })

  it('says once that no more messages are given up', () => {
    const { events, log, reporter } = setUp()
    for (const isInVain of [true, false]) reporter.readEvent({ kind: 'in-vain', isInVain })
    assert.deepEqual(told(events), [['in-vain', '', {}]])
    assert.deepEqual(
      log.map(({ level, text }) => [level, text]),
      [
        [
          'warn',
          'Three messages in a row were given up: the next ones wait until the receiver answers one.'
        ]
      ]
    )
  })

  it('has one event of many suspensions by one rule', async () => {
    const { clock, events, reporter } = setUp()
    const at = clock.now()
    for (let seq = 1; seq <= 5000; seq++) {
      reporter.readEvent(moved(message(seq), 'suspended', 'suspend'))
    }
    assert.deepEqual(told(events), [['suspended', 'rule', { count: 1, rule: 'rule suspend' }]])
    await clock.advance(10_000)
    assert.deepEqual(told(events), [['suspended', 'rule', { count: 5000, rule: 'rule suspend' }]])
    assert.equal(events[0]?.at, at, 'the time at which it happened')
    assert.equal(clock.timers, 0)
  })

  it('gets at a close what is still being counted', () => {
    const { clock, events, reporter } = setUp()
    reporter.readEvent(moved(message(1), 'suspended', 'suspend'))
    reporter.readEvent(moved(message(2), 'suspended', 'suspend'))
    reporter.readEvent({ kind: 'closing' })
    assert.deepEqual(told(events), [
      ['suspended', 'rule', { count: 2, rule: 'rule suspend' }],
      ['stopped', '', {}]
    ])
    assert.equal(clock.timers, 0)
  })

  it('counts few rules apart: they are written when there are too many', () => {
    const { events, reporter } = setUp()
    for (let rule = 0; rule < 100; rule++) {
      const result = resultOf('suspend')
      reporter.readEvent({
        kind: 'moved',
        message: message(rule + 1),
        to: 'suspended',
        result: { ...result, decision: { ...result.decision, rule: `rule ${rule}` } }
      })
    }
    assert.ok(events.length >= 80)
  })

  it('says that it retries from the first failure on, each cause once, and how long that lasted', () => {
    const { clock, events, log, reporter } = setUp()
    reporter.readEvent(moved(message(1), 'retrying', 'unreachable'))
    assert.deepEqual([events.length, log.length], [1, 0], 'to the log, it is none yet')
    reporter.readEvent(moved(message(1, 2), 'retrying', 'unreachable'))
    reporter.readEvent(moved(message(1, 3), 'retrying', 'retry'))
    reporter.readEvent(moved(message(1, 4), 'retrying', 'unreachable'))
    assert.equal(log.length, 1)
    reporter.readEvent(moved(message(2, 2), 'retrying', 'unreachable'))
    clock.pass(90_000)
    reporter.readEvent(moved(message(1), 'leaving', 'accept'))
    reporter.readEvent(moved(message(2), 'leaving', 'accept'))
    assert.deepEqual(told(events), [
      ['retrying', '', { cause: 'ECONNREFUSED', controlId: 'C1' }],
      ['retrying', '', { cause: '500', controlId: 'C1' }],
      ['recovered', '', { seconds: 90 }]
    ])
  })

  it('has the words of a receiver that refuses the login; those of a token server stand with the token', () => {
    const { events, reporter } = setUp()
    const quotes = { description: 'The client is locked.' }
    const { decision, reply = assert.fail() } = resultOf('retry')
    const refused = {
      decision,
      reply: { ...reply, status: 401 },
      answered: false,
      elapsedMs: 1,
      quotes
    }
    const error = { code: 'invalid_client', family: 'token', text: '' } as const
    const withoutToken = { decision, error, answered: false, elapsedMs: 1, quotes }
    for (const [seq, result] of [refused, withoutToken].entries()) {
      reporter.readEvent({ kind: 'moved', message: message(seq), to: 'retrying', result })
    }
    assert.deepEqual(told(events), [
      ['retrying', '', { cause: '401', controlId: 'C0', reason: 'The client is locked.' }],
      ['retrying', '', { cause: 'invalid_client', controlId: 'C1' }]
    ])
  })

  it('has one event of what goes on, and another of what comes ten minutes later', async () => {
    const { clock, events, reporter } = setUp()
    for (let minute = 0; minute < 30; minute += 5) {
      reporter.readEvent(moved(message(minute), 'suspended', 'suspend'))
      await clock.advance(300_000)
    }
    await clock.advance(300_000)
    reporter.readEvent(moved(message(99), 'suspended', 'suspend'))
    assert.deepEqual(
      told(events).map((event) => (event as [string, string, { count: number }])[2].count),
      [6, 1]
    )
    assert.equal(clock.timers, 0)
  })

  it('says in the past what kept the queue from being written, as soon as it can', () => {
    const { clock, events, log, reporter } = setUp()
    const from = new Date(clock.now()).toISOString()
    for (let fault = 0; fault < 2; fault++) {
      reporter.readEvent({ kind: 'queue-failed', code: 'SQLITE_FULL' })
      clock.pass(30_000)
    }
    for (const seq of [1, 2]) reporter.readEvent({ kind: 'accepted', message: message(seq) })
    assert.deepEqual(told(events), [
      ['queue-fault', '', { cause: 'SQLITE_FULL' }],
      ['queue-works', '', { cause: 'SQLITE_FULL', from }]
    ])
    assert.deepEqual(log, [
      {
        level: 'info',
        text: `At ${from} the queue could not be written (disk full); since then it can.`
      }
    ])
  })

  it('says at once, and once, what does not pass by itself', () => {
    const { events, reporter } = setUp()
    const result = { ...resultOf('unreachable'), isPermanent: true }
    reporter.readEvent({ kind: 'moved', message: message(1), to: 'retrying', result })
    reporter.readEvent({ kind: 'moved', message: message(1, 2), to: 'retrying', result })
    assert.deepEqual(
      events.map(({ kind }) => kind),
      ['retrying']
    )
  })

  it('does not call it recovered when a message was given up', () => {
    const { events, log, reporter } = setUp()
    reporter.readEvent(moved(message(1, 2), 'retrying', 'unreachable'))
    const settlement = {
      outcome: 'error' as const,
      rule: '',
      action: '',
      warnings: [],
      settledAt: 0
    }
    reporter.readEvent({ kind: 'moved', message: message(1), to: 'leaving', settlement })
    reporter.readEvent(moved(message(2, 2), 'retrying', 'unreachable'))
    assert.deepEqual(
      events.map(({ kind }) => kind),
      ['retrying', 'retrying']
    )
    assert.deepEqual(log[1], { level: 'info', text: 'No message is being retried.' })
  })

  it('nor when somebody has set it aside, or it has paused the node', async () => {
    const events: QueueEvent[] = []
    const clock = new FakeClock()
    const reporter = new Reporter(
      { log: () => undefined, event: (event) => events.push(event) },
      clock
    )
    const onEvent = (event: DeliveryEvent): void => {
      reporter.readEvent(event)
    }
    const { add, delivery, reply } = await setUpDelivery({ onEvent }, clock)
    const failTwice = async (id: string): Promise<void> => {
      await add(id)
      // An outage may hold it up.
      await clock.advance(60_000)
      await reply('unreachable')
      await clock.advance(60_000)
      await reply('unreachable')
    }
    await failTwice('a1')
    await (await delivery.operator()).suspend({}, 'ann')
    await failTwice('a2')
    await clock.advance(60_000)
    await reply('disable')
    assert.deepEqual(
      events.map(({ kind }) => kind),
      ['retrying', 'set-aside', 'retrying', 'paused']
    )
    await delivery.close(0)
  })

  it('retries a message no longer that is lost, and tells of the next trouble', () => {
    const { events, log, reporter } = setUp()
    const error = new DeliveryError('HL7_QUEUE_FAILED', 'It is damaged.')
    reporter.readEvent(moved(message(1, 2), 'retrying', 'unreachable'))
    reporter.readEvent({ kind: 'lost', seq: 1, error, about: message(1) })
    reporter.readEvent(moved(message(2, 2), 'retrying', 'unreachable'))
    assert.deepEqual(
      events.map(({ kind }) => kind),
      ['retrying', 'queue-fault', 'retrying']
    )
    assert.deepEqual(log[1], { level: 'info', text: 'No message is being retried.' })
  })

  it('has a token that is lost once, and its return', () => {
    const { events, log, reporter } = setUp()
    reporter.reportToken(undefined)
    reporter.reportToken(LOST)
    reporter.reportToken(LOST)
    reporter.reportToken(undefined)
    assert.deepEqual(told(events), [
      [
        'token-lost',
        '',
        { cause: 'unauthorized_client', reason: 'Invalid client or Invalid client credentials' }
      ],
      ['token-back', '', {}]
    ])
    assert.deepEqual(log, [
      {
        level: 'warn',
        text: 'No token: unauthorized_client: “Invalid client or Invalid client credentials”. The token server login.example refused (HTTP 401). Check Client secret. Messages that need one are retried; nothing is lost.'
      },
      { level: 'info', text: 'There is a token again.' }
    ])
  })

  it('repeats a fault of the queue once a minute at most', () => {
    const { clock, events, reporter } = setUp()
    for (let second = 0; second < 119; second++) {
      reporter.readEvent({ kind: 'queue-failed', code: 'SQLITE_FULL' })
      clock.pass(1000)
    }
    assert.deepEqual(told(events), [
      ['queue-fault', '', { cause: 'SQLITE_FULL' }],
      ['queue-fault', '', { cause: 'SQLITE_FULL' }]
    ])
  })
})

describe('the log', () => {
  it('has the sentence that the tab shows for the same event, so that a search finds both', async () => {
    const { clock, events, log, reporter } = setUp()
    reporter.readEvent(moved(message(1, 2), 'retrying', 'retry'))
    clock.pass(90_000)
    reporter.readEvent(moved(message(1, 2), 'leaving', 'accept'))
    reporter.readEvent(moved(message(2), 'suspended', 'suspend'))
    await clock.advance(10_000)
    reporter.readEvent({
      kind: 'paused',
      pause: { at: 0, by: 'rule', reason: resultOf('disable').decision.rule }
    })
    reporter.readEvent(moved(message(3), 'waiting', 'disable'))
    reporter.readEvent({ kind: 'unreadable', error: new TypeError('PID'), againMs: 30_000 })
    reporter.reportToken(LOST)
    reporter.reportToken(undefined)
    reporter.reportCertificate('token server', 1)
    reporter.reportCertificate('client', -1)
    // As the tab has it, without the look-up that the log uses.
    const shown = events.map((event) => toldText(eventTold(event), tabText()))
    assert.deepEqual(shown, [
      'HTTP 500: retrying C1',
      'Sending again after 1 min 30 s',
      '1 message suspended by rule rule suspend',
      'Paused by a rule: “rule disable”',
      'The queue has a fault: HL7_QUEUE_FAILED',
      'No token: unauthorized_client: “Invalid client or Invalid client credentials”',
      'There is a token again',
      'The certificate of the token server expires in 1 day',
      'The client certificate has expired'
    ])
    for (const [index, { text }] of log.entries()) {
      assert.ok(text.startsWith(`${shown[index]}.`), text)
    }
    assert.equal(log.length, shown.length)
  })

  it('names messages on which Node-RED ended twice; the list of events counts them', async () => {
    const { clock, events, log, reporter } = setUp()
    const endedOn = [1, 2].map((seq) => ({
      ...message(seq),
      state: 'suspended' as const,
      lane: null,
      isSending: false,
      isRetrying: false,
      changedAt: 0,
      retries: 0,
      spentMs: 0,
      countsFrom: undefined,
      ruleRetries: undefined,
      hasOwnAddress: false,
      renewals: 0,
      verdict: { ...NO_VERDICT, errorCode: 'ERR_ENDED_TWICE' },
      story: [],
      resent: undefined,
      isEdited: false,
      keptBytes: 0
    }))
    reporter.readEvent({ kind: 'opened', endedOn, figures: NO_FIGURES })
    assert.deepEqual(
      log.map(({ text }) => text),
      ['C1', 'C2'].map(
        (id) =>
          `1 message suspended: Node-RED ended twice while processing it. The queue is moving on: once the cause is known, resend or discard ${id} (ADT^A01).`
      )
    )
    await clock.advance(10_000)
    assert.deepEqual(told(events), [['suspended', 'rule', { count: 2, rule: '' }]])
  })

  it('says that the queue cannot be read, why, and when it will be read again', () => {
    const { events, log, reporter } = setUp()
    const error = new QueueError('The disk is away.', 'SQLITE_IOERR')
    reporter.readEvent({ kind: 'unreadable', error, againMs: 30_000 })
    reporter.readEvent({ kind: 'unreadable', error: new TypeError('PID'), againMs: 30_000 })
    const again = 'Nothing is sent; the queue will be read again in 30 s.'
    assert.deepEqual(log, [
      { level: 'warn', text: `The queue has a fault: SQLITE_IOERR. The disk is away. ${again}` },
      {
        level: 'warn',
        text: `The queue has a fault: HL7_QUEUE_FAILED. The queue cannot be read. ${again}`
      }
    ])
    assert.deepEqual(told(events), [
      ['queue-fault', '', { cause: 'SQLITE_IOERR' }],
      ['queue-fault', '', { cause: 'HL7_QUEUE_FAILED' }]
    ])
  })
})

describe('the log of a delivery', () => {
  it('says once what it is waiting for, and once that it continues', async () => {
    const notices: string[] = []
    const { add, reply, clock } = await setUpDelivery({
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
      'warn: ECONNREFUSED: retrying a1. After 2 attempts: ECONNREFUSED: connection refused. Check the host and port of the URL, and that the receiver is running. Nothing is lost; other messages may be waiting behind a1 (ADT^A01).'
    ])
    await clock.advance(60_000)
    await reply('accept')
    assert.equal(notices[1], 'info: Sending again after 4 min. No message is being retried.')
    await reply('accept')
    assert.equal(notices.length, 2)
  })

  it('says at once what does not pass by itself', async () => {
    const notices: string[] = []
    const { add, flights } = await setUpDelivery({ onNotice: ({ text }) => notices.push(text) })
    await add('a1')
    flights.shift()?.end({
      ...resultOf('unreachable'),
      error: { code: 'invalid_client', family: 'token', text: 'The token server refused.' },
      hint: 'Check Client ID.',
      isPermanent: true
    })
    await settled()
    assert.deepEqual(notices, [
      'invalid_client: retrying a1. After one attempt: invalid_client: The token server refused. Check Client ID. Nothing is lost; other messages may be waiting behind a1 (ADT^A01).'
    ])
  })

  it('does not repeat this whenever other messages are accepted meanwhile', async () => {
    const notices: string[] = []
    const { add, reply, clock } = await setUpDelivery({
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
    const { add, reply, clock } = await setUpDelivery({
      onNotice: ({ text }) => notices.push(text)
    })
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
    const { add, reply, delivery } = await setUpDelivery({
      onNotice: ({ text }) => notices.push(text)
    })
    await add('a1', 'a2')
    await reply('suspend')
    await reply('disable')
    assert.match(
      notices[0] ?? '',
      /^1 message suspended by rule rule suspend\. HTTP 500 .* discard a1 \(ADT\^A01\)\.$/
    )
    assert.match(
      notices[1] ?? '',
      /^Paused by a rule: “rule disable”\. HTTP 500 .* then a2 \(ADT\^A01\) goes first\.$/
    )
    assert.equal(delivery.state().lastError?.code, '500')
  })

  it('says once that the queue cannot be read, however many messages wait', async () => {
    const disk = new FakeDisk({ immediate: true })
    const notices: string[] = []
    const { add, clock, reply } = await setUpOn(disk, {
      order: 'none',
      onNotice: ({ text }) => notices.push(text)
    })
    await add('a1', 'a2', 'a3')
    for (let i = 0; i < 3; i++) await reply('retry')
    disk.failReads = true
    await clock.advance(5000)
    assert.deepEqual(notices, [
      'The queue has a fault: EIO. The disk is out of order. Nothing is sent; the queue will be read again in 30 s.'
    ])
  })
})
