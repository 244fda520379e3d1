/**
 * The application acknowledgement that comes later (HL7 v2.5.1 §2.9.3, enhanced mode): the receiver
 * answers CA, and the flow brings the rest as `msg.action: acknowledge`. What may be brought is in
 * flow-commands.test.ts, and what becomes of it in test/delivery/awaiting.test.ts.
 */
import assert from 'node:assert/strict'
import { beforeEach, describe, it } from 'node:test'
import {
  ackFor,
  adt,
  controlIdIn,
  functionNode,
  type LeftMessage,
  type Output,
  shareWorld
} from '../support/world.ts'

const REFUSED = 'ERR||PID^1^3|204^Unknown key identifier^HL70357|E\r'

describe('an application acknowledgement that comes later', () => {
  const world = shareWorld()
  beforeEach(() => {
    // The receiver has the message; its application will see.
    world.receiver.respond = ({ body }) => ({
      headers: { 'Content-Type': 'application/hl7-v2; charset=utf-8', 'X-Receipt': 'r-1' },
      body: ackFor(controlIdIn(body), 'CA')
    })
  })

  /** With `late`, which brings an acknowledgement as a Buffer. */
  async function deploy(out: Record<string, unknown> = {}): Promise<void> {
    const rules = ':CA=A,:?A=C,:?E=F,:?R=F'
    await world.nodeRed.deploy([
      ...world.flow({ queue: 'disk', replyCodeActions: rules, order: 'none', ...out }),
      { id: 'late', type: 'inject', z: 'tab', props: [{ p: 'payload' }], wires: [['make']] },
      functionNode(
        'make',
        `msg.action = 'acknowledge'
         msg.acknowledgement = Buffer.from(msg.acknowledgement)
         return msg`,
        'out'
      )
    ])
  }

  const send = (id: string): Promise<void> =>
    world.nodeRed.inject('in', { payload: adt(id), topic: id })
  const bring = (acknowledgement: string, topic = 'brought'): Promise<void> =>
    world.nodeRed.inject('late', { acknowledgement, topic, payload: adt('BESIDE01') })
  const awaiting = (count: number): Promise<void> =>
    world.eventually(async () => (await world.state()).awaiting === count)
  const outcome = (id: string, output: Output = 'ack'): Promise<LeftMessage> =>
    world.nodeRed.waitFor(() => world.left(output, id)[0])
  const done = (topic: string): Promise<unknown> =>
    world.nodeRed.waitFor(() =>
      world.nodeRed.messages('done').find((msg) => msg['topic'] === topic)
    )

  for (const queue of ['memory', 'disk']) {
    it(`leaves with both acknowledgements, and holds up nobody meanwhile (${queue})`, async () => {
      await deploy({ queue, order: 'fifo' })
      const [first, second, third] = ['1', '2', '3'].map((n) => `LANE${queue}${n}`) as [
        ...[string, string, string]
      ]
      for (const id of [first, second, third]) await send(id)
      await awaiting(3)
      await bring(
        `BHS|^~\\&|R|C\r ${ackFor(third)}\t${ackFor(first, 'AE', REFUSED)} BTS|2\r`,
        queue
      )
      const accepted = await outcome(third)
      assert.equal(accepted['payload'], ackFor(third))
      assert.deepEqual([accepted.hl7.ack?.code, accepted.hl7.acceptAck?.code], ['AA', 'CA'])
      assert.deepEqual([accepted.hl7.rule, accepted.hl7.attempts], [':?A=C', 1])
      const { 'x-receipt': receipt } = accepted['headers'] as Record<string, string>
      assert.deepEqual([accepted['statusCode'], receipt, accepted['topic']], [200, 'r-1', third])
      const { ack, acceptAck } = (await outcome(first, 'nak')).hl7
      assert.deepEqual([ack?.code, ack?.errors[0]?.code, acceptAck?.code], ['AE', '204', 'CA'])
      await done(queue)
      assert.equal((await world.state()).awaiting, 1)
      assert.deepEqual(world.left('ack', second), [])
      assert.deepEqual(world.sent('BESIDE'), [], 'a payload beside it is not sent')
      await bring(ackFor(second))
      await outcome(second)
    })
  }

  it('shows those that await one to an operator and to Prometheus', async () => {
    await deploy()
    await send('SHOWN001')
    await awaiting(1)
    const [row] = await world.messages('state=awaiting')
    const { controlId, state, ackCode, rule, outcome: known, kind, reason, settledAt } = row ?? {}
    assert.deepEqual(
      [controlId, state, ackCode, rule, known, kind, settledAt],
      ['SHOWN001', 'awaiting', 'CA', ':CA=A', null, 'awaiting', null]
    )
    assert.equal(reason, 'Waiting for the application acknowledgement · rule :CA=A')
    const { oldestAgeMs, ...now } = await world.state()
    assert.deepEqual([now.queued, now.suspended, now.reason], [0, 0, ''])
    assert.ok(oldestAgeMs > 0)
    const metrics = String((await world.nodeRed.get('/hl7-https-out/metrics')).body)
    assert.match(metrics, /queue_messages\{node="out",name="[^"]*",state="awaiting"\} 1\n/)
    await bring(ackFor('SHOWN001'))
    await outcome('SHOWN001')
    const [gone] = await world.messages('controlId=SHOWN001')
    assert.deepEqual([gone?.state, gone?.ackCode], ['acked', 'AA'])
  })

  it('goes to Catch, and not to Complete, if no message awaits it', async () => {
    await deploy()
    await bring(ackFor('STRANGER'), 'stranger')
    const { error } = await world.nodeRed.waitFor(() =>
      world.left('caught').find(({ topic }) => topic === 'stranger')
    )
    assert.equal(error.code, 'HL7_UNMATCHED_ACK')
    await world.nodeRed.waitForStatus('out', ({ code, fill, text }) => {
      return code === 'INVALID' && fill === 'yellow' && text === 'HL7_UNMATCHED_ACK'
    })
    assert.ok(!world.nodeRed.messages('done').some(({ topic }) => topic === 'stranger'))
  })

  it('settles a message that was suspended because none came in time', async () => {
    await deploy({ applicationAckTimeout: 0.2 })
    await send('TIMEOUT1')
    await world.nodeRed.waitForStatus('out', ({ code }) => code === 'SUSPENDED')
    const [row] = await world.messages('state=suspended')
    assert.deepEqual(
      [row?.kind, row?.reason, row?.errorCode],
      ['ack-timeout', 'No application acknowledgement in time · rule :CA=A', 'HL7_DELIVERY_FAILED']
    )
    await world.nodeRed.waitForLog(/ERR_ACK_TIMEOUT.*within 0\.2 s/)
    await bring(ackFor('TIMEOUT1'))
    const { ack, acceptAck } = (await outcome('TIMEOUT1')).hl7
    assert.deepEqual([ack?.code, acceptAck?.code], ['AA', 'CA'])
  })

  it('goes to Catch with the accept acknowledgement if none came in time and the rule says so', async () => {
    await deploy({ applicationAckTimeout: 0.2, replyCodeActions: ':CA=AF,:?A=C' })
    const { error, hl7 } = await world.caught(adt('LATEFAIL'))
    assert.deepEqual([error.code, error.cause?.code], ['HL7_DELIVERY_FAILED', 'ERR_ACK_TIMEOUT'])
    assert.deepEqual([hl7.ack, hl7.acceptAck?.code], [null, 'CA'])
    assert.match(hl7.reply, /\rMSA\|CA\|LATEFAIL/)
  })

  it('is awaited over a kill, and settles what was awaited before', async () => {
    const { nodeRed } = world
    await deploy()
    const ids = ['KILL0001', 'KILL0002', 'KILL0003']
    for (const id of ids) await send(id)
    await awaiting(3)
    await nodeRed.kill()
    await nodeRed.start()
    await awaiting(3)
    await bring(ackFor('KILL0001'), 'one')
    await done('one')
    // Its outcome is stored: it leaves now or at the next start.
    await nodeRed.kill()
    await nodeRed.start()
    const first = await outcome('KILL0001')
    assert.deepEqual([first['topic'], first.hl7.acceptAck?.code], ['KILL0001', 'CA'])
    await bring(ackFor('KILL0002') + ackFor('KILL0003'))
    for (const id of ids) await outcome(id)
    assert.deepEqual(world.sent('KILL').sort(), ids, 'each was sent once')
  })
})
