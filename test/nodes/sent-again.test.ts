import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type {
  BulkAnswer,
  EventPage,
  MessageContent,
  MessagePage
} from '../../nodes/operations/answers.ts'
import { ackFor, adt, controlIdIn, controlIdOf, startWorld, type World } from '../support/world.ts'

const KEEPS = { queue: 'disk', contentDays: 7, searchFields: 'PID-3.1, PID-5' }

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

  it('is shown with its content and its reply', async () => {
    await sendAll('SHOWN')
    const [id = ''] = await idsOf('controlId=SHOWN')
    const { body } = await world.nodeRed.get(`/hl7-https-out/out/messages/${id}`)
    const { request, reply, state } = body as MessageContent
    assert.equal(state, 'acked')
    assert.equal(request, `${adt('SHOWN')}\r`)
    assert.equal(reply, ackFor('SHOWN'))
  })

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

  it('is sent again in the order of acceptance, by a filter', async () => {
    await sendAll('ORDER1', 'REFUSED1', 'ORDER2', 'ORDER3')
    const since = (await world.messages('controlId=ORDER1'))[0]?.acceptedAt
    const { body } = await resend({ state: 'acked', since })
    assert.deepEqual(body, { found: 3, resent: 3, withoutContent: 0 })
    await world.eventually(() => world.left('ack', 'ORDER').length === 6)
    assert.deepEqual(world.sent('ORDER').slice(3), ['ORDER1', 'ORDER2', 'ORDER3'])
    assert.deepEqual((await resend({ state: 'naked', since })).body.resent, 1)
    await world.eventually(() => world.left('nak', 'REFUSED').length === 2)
  })

  it('goes first and alone if asked: the others follow on ACK only', async () => {
    await sendAll('ALONE1', 'ALONE2')
    const ids = [...(await idsOf('controlId=ALONE1')), ...(await idsOf('controlId=ALONE2'))]
    const { first, ...counts } = (await resend({ ids, firstAlone: true })).body
    assert.deepEqual(counts, { found: 2, resent: 2, withoutContent: 0 })
    assert.deepEqual([first?.controlId, first?.outcome, first?.ackCode], ['ALONE1', 'ack', 'AA'])
    await world.eventually(() => world.left('ack', 'ALONE').length === 4)
    await sendAll('REFUSED2', 'REFUSED3')
    const refused = [...(await idsOf('controlId=REFUSED2')), ...(await idsOf('controlId=REFUSED3'))]
    const { body } = await resend({ ids: refused, firstAlone: true })
    assert.deepEqual([body.first?.outcome, body.resent], ['nak', 1])
    await world.eventually(() => world.left('nak', 'REFUSED2').length === 2)
    await sendAll('BEHIND')
    assert.equal(world.left('nak', 'REFUSED3').length, 1)
  })

  it('is counted before it is sent again, is sent once, and what is left out is named', async () => {
    await world.deploy({ ...KEEPS, order: 'key', orderKey: 'PID-3.1', maxInFlight: 1 })
    const admission = adt('MORNING1')
    const patient = (id: string, number: string): string =>
      `${admission.split('\r')[0]?.replace('MORNING1', id) ?? ''}\rPID|1||${number}\r`
    await world.send(patient('MORNING1', '1'))
    await world.send(patient('MORNING2', '2'))
    const [discharge] = await Promise.all([world.send(patient('EVENING1', '1'))])
    assert.equal(discharge.output, 'ack')
    const [first] = await world.messages('controlId=MORNING1')
    const [evening] = await world.messages('controlId=EVENING1')
    const choice = {
      state: 'acked',
      since: first?.settledAt,
      before: evening?.settledAt
    }
    const count = async (more = {}): Promise<Record<string, unknown>> =>
      (await resend({ ...choice, dryRun: true, ...more })).body as never
    const counted = await count()
    const { first: one, last, ...counts } = counted
    assert.deepEqual(counts, { found: 2, withContent: 2, overtaken: 1, orderKey: 'PID-3.1' })
    assert.deepEqual(
      [one, last].map((named) => (named as { controlId: string }).controlId),
      ['MORNING1', 'MORNING2']
    )
    assert.equal((one as { settledAt: string }).settledAt, first?.settledAt)
    assert.equal(world.sent('MORNING').length, 2)

    // The same command, three times.
    const sent: unknown[] = []
    for (let time = 0; time < 3; time++) {
      const { body } = await resend(choice)
      sent.push([body.found, body.resent, body.leftOut, body.notSent])
      await world.eventually(() => world.left('ack', 'MORNING').length === 4)
    }
    const before = ['MORNING1', 'MORNING2'].map((controlId) => ({ controlId, why: 'sentBefore' }))
    assert.deepEqual(sent, [
      [2, 2, undefined, undefined],
      [0, 0, 2, before],
      [0, 0, 2, before]
    ])
    // The copies are in the time now, too.
    const { before: _, ...open } = choice
    const { body } = await resend({ ...open, type: 'ADT^A01', controlId: 'MORNING1' })
    assert.deepEqual(
      body.notSent?.map(({ why }) => why),
      ['sentBefore', 'isCopy']
    )
    assert.equal((await count({ again: true }))['found'], 2)

    const { body: renewed } = await resend({ ...choice, again: true, newIds: true })
    assert.equal(renewed.resent, 2)
    const renamed = (): ReturnType<typeof world.left> =>
      world.left('ack').filter(({ hl7 }) => {
        const { controlId = '' } = (hl7['resent'] ?? {}) as { controlId?: string }
        return controlId.startsWith('MORNING')
      })
    await world.eventually(() => renamed().length === 2)
    const copies = renamed()
    assert.deepEqual(
      copies.map(({ hl7 }) => (hl7['resent'] as { controlId: string }).controlId),
      ['MORNING1', 'MORNING2']
    )
    for (const { hl7 } of copies) {
      assert.match(hl7.controlId, /^[0-9A-F]{20}$/)
      assert.equal(hl7.ack?.controlId, hl7.controlId)
    }
    for (const wrong of [{ again: 1 }, { dryRun: 'yes' }, { newIds: null }]) {
      assert.equal((await resend({ ...choice, ...wrong })).status, 400, JSON.stringify(wrong))
    }
    assert.equal((await resend({ all: true, dryRun: true })).status, 400)
    // The first two are words that every object in JavaScript knows.
    for (const state of ['constructor', '__proto__', 'lost']) {
      for (const dryRun of [true, false]) {
        const { body, status } = await resend({ state, dryRun })
        assert.equal(status, 400, state)
        assert.match(JSON.stringify(body), /state.*acked, naked, failed/)
      }
    }
    await world.deploy(KEEPS)
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

  it('is sent again after a restart, with another order and key', async () => {
    await sendAll('LATER1', 'LATER2')
    await world.nodeRed.restart()
    await world.deploy({ ...KEEPS, order: 'key', orderKey: 'PID-5.1' })
    const ids = [...(await idsOf('controlId=LATER1')), ...(await idsOf('controlId=LATER2'))]
    assert.equal((await resend({ ids })).body.resent, 2)
    await world.eventually(() => world.left('ack', 'LATER').length === 4)
    assert.deepEqual(world.sent('LATER').slice(2), ['LATER1', 'LATER2'])
    await world.deploy(KEEPS)
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

  it('can be followed by its id, also behind a first one, and if it was suspended', async () => {
    await world.deploy(KEEPS)
    await sendAll('FOLLOW1', 'FOLLOW2', 'REFUSED-F3')
    const before = await idsOf('limit=1000')
    const ids = [...(await idsOf('controlId=FOLLOW1')), ...(await idsOf('controlId=FOLLOW2'))]
    const refused = await idsOf('controlId=REFUSED-F3')
    const { body } = await resend({ ids, firstAlone: true, follow: true })
    const { body: last } = await resend({ ids: refused, follow: true })
    const sent = [...(body.ids ?? []), ...(last.ids ?? [])]
    assert.equal(sent.length, 3)
    assert.ok(!sent.some((id) => before.includes(id)))
    const states = async (): Promise<string[]> =>
      (await world.messages(`ids=${sent.join(',')}`)).map((row) => `${row.controlId} ${row.state}`)
    await world.eventually(async () => (await states()).every((one) => /(acked|naked)$/.test(one)))
    assert.deepEqual(await states(), ['FOLLOW1 acked', 'FOLLOW2 acked', 'REFUSED-F3 naked'])
    for (const wrong of ['1,x', '1,', '-1', Array(501).fill('1').join(',')]) {
      const { status } = await world.nodeRed.get(`/hl7-https-out/out/messages?ids=${wrong}`)
      assert.equal(status, 400, wrong.slice(0, 20))
    }
    await world.deploy({ ...KEEPS, replyCodeActions: ':?E=S,:?A=C' })
    await world.nodeRed.inject('in', { payload: adt('REFUSED-F4') })
    await world.eventually(async () => (await world.state()).suspended === 1)
    const [id] = await idsOf('controlId=REFUSED-F4')
    for (const how of [{ all: true }, { controlId: 'REFUSED-F4', firstAlone: true }]) {
      const { body: back } = await resend({ ...how, follow: true })
      assert.deepEqual(back.ids, [id])
      await world.eventually(async () => (await world.state()).suspended === 1)
    }
    await world.nodeRed.post('/hl7-https-out/out/messages/discard', { all: true })
    await world.deploy(KEEPS)
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
