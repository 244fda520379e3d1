import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type {
  BulkAnswer,
  EventPage,
  MessageContent,
  MessagePage
} from '../../nodes/operations/answers.ts'
import { ackFor, adt, controlIdIn, controlIdOf, startWorld, type World } from '../support/world.ts'

const KEEPS = { queue: 'disk', keepContents: 'all', searchFields: 'PID-3.1, PID-5' }

describe('A message that has left', () => {
  let world: World
  before(async () => {
    world = await startWorld()
    world.receiver.respond = ({ body }) => {
      const id = controlIdIn(body)
      return { body: ackFor(id, id.startsWith('REFUSED') ? 'AE' : 'AA') }
    }
    await world.deploy(KEEPS)
  })
  after(() => world.close())

  const resend = (body: object): Promise<{ status: number; body: BulkAnswer }> =>
    world.nodeRed.post('/hl7-https-out/out/messages/resend', body) as never
  const search = (body: object): Promise<{ status: number; body: MessagePage }> =>
    world.nodeRed.post('/hl7-https-out/out/messages/search', body) as never
  const idsOf = async (query: string): Promise<string[]> =>
    (await world.messages(query)).map(({ id }) => id)

  async function sendAll(...ids: string[]): Promise<void> {
    for (const id of ids) await world.send(adt(id), { room: `room of ${id}` })
  }

  it('is sent again by its id, with the same text and properties, and leaves as any other', async () => {
    await sendAll('AGAIN')
    const [id = ''] = await idsOf('controlId=AGAIN')
    assert.deepEqual((await resend({ ids: [id] })).body, { found: 1, resent: 1, withoutContent: 0 })
    await world.eventually(() => world.left('ack', 'AGAIN').length === 2)
    const [first, second] = world.left('ack', 'AGAIN')
    assert.ok(first && second)
    assert.equal(first.hl7['resent'], undefined)
    const { at, by, acceptedAt } = second.hl7['resent'] as Record<string, string>
    assert.ok(Date.parse(at ?? '') >= Date.parse(acceptedAt ?? ''), at)
    assert.deepEqual([by, acceptedAt], ['', first.hl7['acceptedAt']])
    assert.equal(second.hl7.request, `${adt('AGAIN')}\r`)
    assert.equal(second['room'], 'room of AGAIN')
    assert.deepEqual(world.sent('AGAIN'), ['AGAIN', 'AGAIN'])
    const { body } = await world.nodeRed.get('/hl7-https-out/out/events')
    const { events } = body as EventPage
    assert.deepEqual(
      events.filter(({ kind }) => kind === 'sent-again').map(({ values }) => values),
      [{ count: 1 }]
    )
  })

  it('is sent again by a filter: only what left so, with new control IDs if that is asked', async () => {
    await sendAll('ORDER1', 'REFUSED1', 'ORDER2')
    const since = (await world.messages('controlId=ORDER1'))[0]?.acceptedAt
    const { body } = await resend({ state: 'acked', since })
    assert.deepEqual(body, { found: 2, resent: 2, withoutContent: 0 })
    await world.eventually(() => world.left('ack', 'ORDER').length === 4)
    assert.equal((await resend({ state: 'naked', since })).body.resent, 1)
    await world.eventually(() => world.left('nak', 'REFUSED').length === 2)
    // Of a copy and what it repeats, the newest. The receiver takes it under another control ID.
    const again = { state: 'naked', since, again: true, newIds: true }
    assert.equal((await resend(again)).body.resent, 1)
    const renamed = (): ReturnType<typeof world.left> =>
      world.left('ack').filter(({ hl7 }) => {
        return (hl7['resent'] as { controlId?: string } | undefined)?.controlId === 'REFUSED1'
      })
    await world.eventually(() => renamed().length === 1)
    assert.match(renamed()[0]?.hl7.controlId ?? '', /^[0-9A-F]{20}$/)
  })

  it('is sent again by a flow', async () => {
    await sendAll('FLOW1', 'FLOW2')
    const since = new Date((await world.messages('controlId=FLOW1'))[0]?.acceptedAt ?? '')
    await world.nodeRed.inject('in', { action: 'resend', state: 'acked', since: since.getTime() })
    await world.eventually(() => world.left('ack', 'FLOW').length === 4)
    const resent = world.left('ack', 'FLOW')[2]?.hl7['resent'] as { by: string }
    assert.equal(resent.by, 'flow')
    const wrong = await world.caught('', { action: 'resend', state: 'acked', since: 'yesterday' })
    assert.equal(wrong.error.code, 'HL7_INVALID_MESSAGE')
    assert.match(wrong.error.message, /msg\.since is a time/)
    const unknown = await world.caught('', { action: 'resend', state: 'constructor' })
    assert.equal(unknown.error.code, 'HL7_INVALID_MESSAGE')
    assert.match(unknown.error.message, /acked, naked, failed/)
  })

  it('is found by a field, in each repetition, with the case as sent', async () => {
    const pid = (text: string): string => `${adt(text).split('\r')[0] ?? ''}\rPID|1||`
    await world.send(`${pid('FIELD1')}4711^^^A~0815&x^^^B||M\\T\\M^Ann\r`)
    await world.send(`${pid('FIELD2')}0815||Other\r`)
    const found = async (body: object): Promise<string[]> =>
      (await search(body)).body.messages.map(({ controlId }) => controlId)
    assert.deepEqual(await found({ field: 'PID-3.1', value: '4711' }), ['FIELD1'])
    assert.deepEqual(await found({ field: 'PID-3.1', value: '0815&x' }), ['FIELD1'])
    assert.deepEqual(await found({ value: '0815' }), ['FIELD2'])
    assert.deepEqual(await found({ field: 'PID-5', value: 'M&M' }), ['FIELD1'])
    assert.deepEqual(await found({ field: 'PID-5', value: 'm&m' }), [])
    assert.deepEqual(await found({ value: '4711', state: 'naked' }), [])
    const { status } = await search({ field: 'PID-7', value: '4711' })
    assert.equal(status, 400)
  })

  it('cannot be sent again once its content is gone, and that is said', async () => {
    await sendAll('GONE')
    await world.deploy({ ...KEEPS, contentDays: 0 })
    const [id = ''] = await idsOf('controlId=GONE')
    await world.eventually(async () => {
      const { body } = await world.nodeRed.get(`/hl7-https-out/out/messages/${id}`)
      return (body as MessageContent).request === null
    })
    const { body, status } = await resend({ ids: [id] })
    assert.equal(status, 409)
    assert.match((body as unknown as { error: string }).error, /contents .* are not kept/)
    assert.equal((await resend({ ids: ['999999'] })).body.found, 0)
    assert.equal(world.left('ack').filter((msg) => controlIdOf(msg) === 'GONE').length, 1)
  })
})

describe('A message that has left a node with the defaults', () => {
  let world: World
  before(async () => {
    world = await startWorld()
    world.receiver.respond = ({ body }) => {
      const id = controlIdIn(body)
      if (id.startsWith('BROKEN')) return { status: 422, body: 'no' }
      return { body: ackFor(id, id.startsWith('REFUSED') ? 'AR' : 'AA') }
    }
    await world.deploy({ queue: 'disk' })
  })
  after(() => world.close())

  const contentOf = async (controlId: string): Promise<MessageContent['request']> => {
    const [{ id } = { id: '' }] = await world.messages(`controlId=${controlId}`)
    const { body } = await world.nodeRed.get(`/hl7-https-out/out/messages/${id}`)
    return (body as MessageContent).request
  }

  it('can be shown, corrected and sent again if it was refused or given up, not if it was accepted', async () => {
    for (const id of ['ACCEPTED', 'REFUSED', 'BROKEN']) {
      await world.nodeRed.inject('in', { payload: adt(id) })
    }
    await world.eventually(async () => (await world.messages('state=failed')).length === 1)
    assert.equal(await contentOf('ACCEPTED'), null)
    assert.equal(await contentOf('REFUSED'), `${adt('REFUSED')}\r`)
    assert.equal(await contentOf('BROKEN'), `${adt('BROKEN')}\r`)
    const [{ id } = { id: '' }] = await world.messages('controlId=REFUSED')
    const corrected = adt('CORRECTED')
    const path = `/hl7-https-out/out/messages/${id}/resend`
    assert.equal((await world.nodeRed.post(path, { payload: corrected })).status, 200)
    await world.eventually(() => world.sent('CORRECTED').length === 1)
  })

  it('is forgotten if an operator discards it', async () => {
    await world.deploy({ queue: 'disk', replyCodeActions: ':?R=S,:?A=C' })
    await world.nodeRed.inject('in', { payload: adt('REFUSED-D') })
    await world.eventually(async () => (await world.state()).suspended === 1)
    await world.nodeRed.post('/hl7-https-out/out/messages/discard', { all: true })
    await world.eventually(async () => (await world.state()).suspended === 0)
    await world.eventually(async () => (await contentOf('REFUSED-D')) === null)
  })
})
