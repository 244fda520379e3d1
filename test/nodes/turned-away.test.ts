import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { TurnedAwayMessages } from '../../nodes/flow/turned-away.ts'
import type { EventPage, HistoryMinute, NodeState } from '../../nodes/operations/answers.ts'
import type { QueueEvent } from '../../src/queue/queue-event.ts'
import { NO_FIGURES } from '../support/sample-figures.ts'
import { adt, changed, shareWorld } from '../support/world.ts'

const HOUR = 3_600_000

describe('messages that were turned away', () => {
  /** On a clock of its own. */
  function turnedAway(): { it: TurnedAwayMessages; pass: (ms: number) => void } {
    let now = 1_764_600_000_000
    const pass = (ms: number): void => {
      now += ms
    }
    return { it: new TurnedAwayMessages(() => now), pass }
  }

  it('are told for a day after the last one, and until somebody notes it once it is over', () => {
    const { it: node, pass } = turnedAway()
    node.add('disk')
    pass(25 * HOUR)
    node.noted()
    assert.deepEqual([node.current?.count, node.current?.lasts], [1, true])
    node.add('disk')
    node.accepted()
    pass(24 * HOUR - 1)
    assert.deepEqual([node.current?.count, node.current?.lasts], [2, false])
    pass(1)
    assert.deepEqual([node.current], [undefined])
    node.add('limit')
    node.accepted()
    assert.equal(node.current?.lasts, true, 'until there is room')
    node.isFilled(0.79)
    node.noted()
    assert.deepEqual([node.current, node.lastHour], [undefined, 1])
  })

  it('go on from what is stored, once', () => {
    const earlier = turnedAway()
    earlier.it.acked()
    earlier.it.add('disk')
    const figures = { ...NO_FIGURES, lastAckAt: 1, ...earlier.it.stored }
    const { it: node, pass } = turnedAway()
    pass(HOUR / 2)
    node.add('SQLITE_IOERR')
    node.opened(figures)
    node.opened(figures)
    const { count, since, until, ...others } = node.current ?? assert.fail()
    assert.deepEqual(others, { why: 'SQLITE_IOERR', lasts: false })
    assert.deepEqual([count, until - since, node.lastHour], [2, HOUR / 2, 2])
  })

  it('are one event that grows, as soon as it can be stored', async () => {
    const { it: node, pass } = turnedAway()
    const events: QueueEvent[] = []
    let isFull = true
    const store = async (event: QueueEvent): Promise<void> => {
      if (isFull) return Promise.reject(new Error('full'))
      events.push(event)
      return Promise.resolve()
    }
    const second = async (): Promise<void> => {
      await node.storeEvent(store)
      pass(1000)
    }
    for (let at = 0; at < 30; at++) {
      node.add('disk')
      if (at === 15) isFull = false
      await second()
    }
    await node.storeEvent(store, true)
    await node.storeEvent(store, true)
    pass(HOUR)
    node.add('disk')
    await node.storeEvent(store)
    // Of the same time, it is the same event.
    const [first, grown, next] = events
    assert.deepEqual(
      events.map(({ values }) => values['count']),
      [21, 30, 1]
    )
    assert.equal(grown?.at, first?.at)
    assert.notEqual(next?.at, first?.at)
  })
})

describe('messages that were turned away, in a real Node-RED', () => {
  const world = shareWorld({})
  const disk = { queue: 'disk', queueLimit: 1 }
  const conditions = async (id = 'out'): Promise<string[]> =>
    (await world.state(id)).conditions.map(({ code, level }) => `${code} ${level}`)
  const told = async (id = 'out'): Promise<string | undefined> =>
    (await world.state(id)).conditions.find(({ code }) => code === 'TURNED_AWAY')?.text

  it('leave a trace in status, state, figures and events, over deploy and restart, until noted', async () => {
    const { nodeRed } = world
    await world.deploy(disk)
    assert.equal((await world.send(adt('TRACE0'))).output, 'ack')
    await nodeRed.post('/hl7-https-out/out/pause')
    await nodeRed.inject('in', { payload: adt('TRACE1') })
    await world.eventually(async () => (await world.state()).queued === 1)
    const kinds = async (): Promise<string[]> => {
      const { body } = await nodeRed.get('/hl7-https-out/out/events?limit=50')
      return (body as EventPage).events.map(({ kind }) => kind)
    }
    for (const id of ['TRACE2', 'TRACE3', 'TRACE4']) {
      assert.equal((await world.caught(adt(id))).error.code, 'HL7_QUEUE_FULL')
      // The event is there when the others come.
      await world.eventually(async () => (await kinds()).includes('turned-away'))
    }
    // What a message brings itself is none of it, nor a command.
    await world.caught('no HL7')
    await world.caught(adt('TRACE5'), { url: 'https://elsewhere.example.org/' })
    assert.match(
      (await told()) ?? '',
      /^Messages are being turned away \(queue full\): 3 since 20\S+Z$/
    )
    await nodeRed.waitForStatus('out', ({ calls }) => calls?.includes('TURNED_AWAY') === true)
    await nodeRed.post('/hl7-https-out/out/resume')
    await world.acked('TRACE1', ['TRACE1'])

    const over = /^3 messages were turned away here between 20\S+Z and 20\S+Z \(queue full\)$/
    const check = async (): Promise<void> => {
      await world.eventually(async () => over.test((await told()) ?? ''))
      const { advice, lastHour, turnedAway } = await world.state()
      assert.deepEqual([turnedAway?.count, turnedAway?.why, lastHour.turnedAway], [3, 'limit', 3])
      assert.match(advice?.text ?? '', /Have the sender repeat them, then press I have it\./)
    }
    await check()
    const { body } = await nodeRed.get('/hl7-https-out/out/history?minutes=60')
    const { minutes } = body as { minutes: HistoryMinute[] }
    assert.equal(
      minutes.reduce((sum, one) => sum + one.turnedAway, 0),
      3
    )
    await world.deploy({ ...disk, name: 'again' })
    await check()
    await nodeRed.stop()
    await nodeRed.start()
    await check()
    const status = await nodeRed.waitForStatus('out', ({ level }) => level === 'call')
    assert.deepEqual(status.calls, ['TURNED_AWAY'])

    const noted = await nodeRed.post('/hl7-https-out/out/note', { text: 'they repeat them' })
    assert.equal((noted.body as NodeState).turnedAway, null)
    assert.equal((await world.state()).lastHour.turnedAway, 3)
    const { events } = (await nodeRed.get('/hl7-https-out/out/events?limit=50')).body as EventPage
    assert.equal(events[0]?.kind, 'noted')
    const [one, ...others] = events.filter(({ kind }) => kind === 'turned-away')
    assert.match(one?.text ?? '', over)
    assert.equal(others.length, 0)
  })

  it('are of a node that is not set up, and that of one that has never worked calls nobody', async () => {
    const { nodeRed } = world
    const flow = world.flow().map((node) => (node.id === 'out' ? { ...node, id: 'fresh' } : node))
    const fresh = changed(flow, {
      in: { wires: [['fresh']] },
      catch: { scope: ['fresh'] },
      fresh: { url: '' }
    })
    await nodeRed.deploy(fresh)
    const first = await nodeRed.waitForStatus('fresh', ({ code }) => code === 'CONFIG')
    assert.deepEqual([first.level, first.calls, first.codes], ['watch', [], ['CONFIG']])
    assert.deepEqual(await conditions('fresh'), ['CONFIG watch'])
    assert.equal((await world.caught(adt('FRESH1'))).error.code, 'HL7_CONFIG')
    await world.caught('no HL7')
    const then = await nodeRed.waitForStatus('fresh', ({ level }) => level === 'call')
    assert.deepEqual([then.calls, then.codes], [['CONFIG'], ['CONFIG', 'TURNED_AWAY']])
    assert.deepEqual(await conditions('fresh'), ['CONFIG call', 'TURNED_AWAY watch'])
    assert.equal((await world.state('fresh')).lastHour.turnedAway, 1)
    const metrics = String((await nodeRed.get('/hl7-https-out/metrics')).body)
    assert.match(metrics, /condition\{node="fresh",.*code="TURNED_AWAY",level="watch"\} 1/)

    await nodeRed.deploy(changed(fresh, { fresh: { url: world.receiver.url } }))
    assert.equal((await world.send(adt('FRESH2'))).output, 'ack')
    assert.match(
      (await told('fresh')) ?? '',
      /^1 message was turned away here at .* \(not set up\)$/
    )
    assert.deepEqual(await conditions('fresh'), ['TURNED_AWAY watch', 'ACK fine'])
  })
})
