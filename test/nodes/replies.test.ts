import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { adt, shareWorld, type World } from '../support/world.ts'
import type { MessageContent } from '../../nodes/operations/answers.ts'
import { replyRulePresets } from '../../nodes/editor/reply-rule-presets.ts'
import type { ReceiverAnswer } from '../../demo/received-request.ts'

const ackFor = (id: string, code = 'AA') =>
  `MSH|^~\\&|A|B|C|D|20260101||ACK|R1|P|2.5.1\rMSA|${code}|${id}\r`

describe('what a flow sees of a reply, in a real Node-RED', () => {
  const world = shareWorld()

  /** Sends a message to a receiver that gives this answer. */
  function send(payload: unknown, answer: ReceiverAnswer): ReturnType<World['send']> {
    world.receiver.respond = () => answer
    return world.send(payload)
  }

  const batch = (fileId: string, batchId: string) =>
    [
      `FHS|^~\\&|A|B|C|D|20260101||||${fileId}`,
      `BHS|^~\\&|A|B|C|D|20260101||||${batchId}`,
      adt('IN000001'),
      'BTS|1',
      'FTS|1'
    ].join('\r')

  it('of several acknowledgements, the worst is msg.hl7.ack and all are msg.hl7.acks', async () => {
    await world.deploy({ queue: 'disk' })
    const acks = [ackFor('IN000001'), `${ackFor('IN000002', 'AE')}ERR|||101|E\r`]
    const { output, msg } = await send(batch('F1', 'B1'), { body: JSON.stringify({ acks }) })
    assert.equal(output, 'nak')
    const all = msg.hl7['acks'] as { code: string; controlId: string }[]
    assert.deepEqual(
      all.map(({ code, controlId }) => [code, controlId]),
      [
        ['AA', 'IN000001'],
        ['AE', 'IN000002']
      ]
    )
    assert.deepEqual(all[1], msg.hl7['ack'])
  })

  it('@again takes a duplicate for delivered where an earlier attempt may have arrived, also after a restart', async () => {
    const rules = '@again&@ERR-3:205=WC,:?A=C,:?E=F,E=R'
    const duplicate = (id: string) => ({ body: `${ackFor(id, 'AE')}ERR|||205|E\r` })
    const settings = { replyCodeActions: rules, retryInterval: 0.1, retryMaxInterval: 0.1 }
    await world.deploy(settings)
    // Somebody else's: it is refused.
    assert.equal((await send(adt('AGAIN001'), duplicate('AGAIN001'))).output, 'nak')
    // Refused before it arrived: still somebody else's.
    world.receiver.respond = (_, index) =>
      index === first ? { status: 404 } : duplicate('AGAIN002')
    let first = world.receiver.requests.length
    assert.equal((await world.send(adt('AGAIN002'))).output, 'nak')
    // Cut after it was read, or a gateway knows no better: our own.
    for (const [id, failure] of [
      ['AGAIN003', { cut: 'before' }],
      ['AGAIN005', { status: 503 }]
    ] as const) {
      first = world.receiver.requests.length
      world.receiver.respond = (_, index) => (index === first ? failure : duplicate(id))
      const { output, msg } = await world.send(adt(id))
      assert.deepEqual([output, msg.hl7.rule, msg.hl7.attempts], ['ack', '@again&@ERR-3:205=WC', 2])
    }
    await world.deploy({ ...settings, queue: 'disk', retryInterval: 1, retryMaxInterval: 1 })
    world.receiver.respond = () => ({ cut: 'before' })
    await world.nodeRed.inject('in', { payload: adt('AGAIN004') })
    await world.eventually(async () => {
      const [{ state } = {}] = await world.messages('controlId=AGAIN004')
      return state === 'retrying'
    })
    await world.nodeRed.kill()
    world.receiver.respond = () => duplicate('AGAIN004')
    await world.nodeRed.start()
    await world.acked('AGAIN004', ['AGAIN004'])
  })

  it('$uuid() is the same in all attempts of a message, also after a restart', async () => {
    const value = '$uuid()'
    const headers = ['X-A', 'X-B'].map((name) => ({ name, value, valueType: 'jsonata' }))
    const bodyTemplate = '{"id": $uuid(), "message": $message}'
    const settings = { queue: 'disk', headers, format: 'json', bodyTemplate }
    await world.deploy({ ...settings, retryInterval: 0.1, retryMaxInterval: 0.1 })
    let answer: ReceiverAnswer = { status: 500 }
    const seen: string[][] = []
    world.receiver.respond = ({ headers: sent, body }) => {
      const { id, message } = JSON.parse(body.toString()) as { id: string; message: string }
      seen.push([String(sent['x-a']), String(sent['x-b']), id])
      return answer.status === 500 ? answer : { body: ackFor(message.split('|')[9] ?? '') }
    }
    await world.nodeRed.inject('in', { payload: adt('UUID0001') })
    await world.eventually(() => seen.length >= 2)
    await world.nodeRed.restart()
    const before = seen.length
    await world.eventually(() => seen.length > before)
    answer = {}
    await world.acked('UUID0001', ['UUID0001'])
    const [first = []] = seen
    for (const one of seen) assert.deepEqual(one, first)
    assert.equal((await world.send(adt('UUID0002'))).output, 'ack')
    assert.equal(new Set([...first, ...(seen.at(-1) ?? [])]).size, 6)
  })

  it('with HTTP status decides, what the receiver refuses without HL7 leaves on NAK, is counted and kept', async () => {
    const replyCodeActions = replyRulePresets.statusDecides
    // Where nobody has answered with HL7 yet.
    const url = new URL('/in-json', world.receiver.url).href
    await world.deploy({ url, replyCodeActions, queue: 'disk', failureTimeout: 0 })
    const before = (await world.state()).naked
    const body = '{"error":"PID-3 is missing"}'
    for (const number of [1, 2, 3, 4, 5]) {
      const { output, msg } = await send(adt(`STAD000${number}`), { status: 422, body })
      assert.deepEqual(
        [output, msg['payload'], msg['statusCode'], msg.hl7['ack'], msg.hl7['action']],
        ['nak', body, 422, null, 'N']
      )
      assert.equal(msg.hl7['outcome'], 'nak')
    }
    const state = await world.state()
    assert.equal(state.naked, before + 5)
    const told = state.conditions.find(({ code }) => code === 'REFUSING')
    assert.match(told?.text ?? '', /The last 5 messages of type ADT\^A01 were refused: HTTP 422/)
    const [row] = await world.messages('controlId=STAD0001')
    assert.equal(row?.outcome, 'nak')
    const story = await world.nodeRed.get(`/hl7-https-out/out/messages/${row.id}`)
    const { reply, request, story: lines } = story.body as MessageContent
    assert.deepEqual([reply, request?.slice(0, 4)], [body, 'MSH|'])
    assert.match(lines.at(-1)?.text ?? '', /Left on NAK: HTTP 422/)
    assert.equal((await send(adt('STAD0006'), { status: 202, body: '{"id":7}' })).output, 'ack')
    assert.equal((await send(adt('STAD0007'), { status: 200 })).output, 'ack')
    const page = { status: 200, body: '<html><title>Maintenance</title></html>' }
    assert.equal((await send(adt('STAD0008'), page)).output, 'caught')
  })

  it('the reply is found by path, and in base64', async () => {
    const base64 = Buffer.from(ackFor('PATH0001')).toString('base64')
    await world.deploy({ replyPath: 'deep[1].there', failureTimeout: 0 })
    const body = JSON.stringify({ ack: ackFor('X', 'AE'), deep: [1, { there: base64 }] })
    assert.equal((await send(adt('PATH0001'), { body })).output, 'ack')
    await world.deploy({ failureTimeout: 0 })
    assert.equal((await send(adt('PATH0001'), { body: base64 })).output, 'ack')
  })

  it('the log contains none of this', async () => {
    const log = (await world.nodeRed.printed()).join('\n')
    for (const word of ['eyJ', 'Lindqvist', 'Warning:', 'Unhandled', 'Uncaught']) {
      assert.ok(!log.includes(word), word)
    }
  })
})
