import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type {
  EventPage,
  MessageContent,
  NodeState,
  ResendOneAnswer
} from '../../nodes/operations/answers.ts'
import { ackFor, adt, controlIdIn, startWorld, type World } from '../support/world.ts'

const SETTINGS = {
  queue: 'disk',
  searchFields: 'PID-3.1',
  keepContents: 'all',
  replyCodeActions: ':?E=S,:?A=C'
}
const pid = (controlId: string, patient: string): string =>
  `${adt(controlId).split('\r')[0] ?? ''}\rPID|1||${patient}||M\u00fcller^Ann\r`

describe('A suspended message, edited and resent', () => {
  let world: World
  before(async () => {
    world = await startWorld()
    world.receiver.respond = ({ body }) => {
      const isWrong = body.includes('WRONG')
      return { body: ackFor(controlIdIn(body), isWrong ? 'AE' : 'AA') }
    }
    await world.deploy(SETTINGS)
  })
  after(() => world.close())

  const ask = (id: string, body: object): Promise<{ status: number; body: { error?: string } }> =>
    world.nodeRed.post(`/hl7-https-out/out/messages/${id}/resend`, body) as never
  const idOf = async (controlId: string): Promise<string> =>
    (await world.messages(`controlId=${controlId}`))[0]?.id ?? ''
  const messageOf = async (id: string): Promise<MessageContent> =>
    (await world.nodeRed.get(`/hl7-https-out/out/messages/${id}`)).body as MessageContent

  /** Sends a message that the receiver refuses. */
  async function suspend(payload: unknown, controlId: string): Promise<string> {
    await world.nodeRed.inject('in', { payload, room: `room of ${controlId}` })
    await world.eventually(
      async () => (await world.messages(`controlId=${controlId}`))[0]?.state === 'suspended'
    )
    return idOf(controlId)
  }

  it('leaves with the new text, its properties and the time of its acceptance', async () => {
    const id = await suspend(pid('E1', 'WRONG1'), 'E1')
    const before = await messageOf(id)
    // As a browser sends what stands in a text field.
    const payload = pid('E1', 'RIGHT1').replaceAll('\r', '\n')
    const { status, body } = await ask(id, { payload })
    assert.equal(status, 200)
    assert.equal((body as NodeState).id, 'out')
    await world.eventually(() => world.left('ack', 'E1').length === 1)
    const [left] = world.left('ack', 'E1')
    assert.equal(left?.hl7.request, pid('E1', 'RIGHT1'))
    assert.equal(left['room'], 'room of E1')
    assert.equal(left.hl7['acceptedAt'], before.acceptedAt)
    const { edited, story, attempts, request } = await messageOf(id)
    assert.deepEqual([edited, attempts, request], [true, 2, pid('E1', 'RIGHT1')])
    assert.deepEqual(
      story.map(({ kind }) => kind).filter((kind) => kind !== 'message-attempt'),
      ['message-accepted', 'message-suspended', 'message-edited', 'message-acked']
    )
    assert.equal(before.edited, undefined)
    const { events } = (await world.nodeRed.get('/hl7-https-out/out/events')).body as EventPage
    assert.deepEqual(
      events.filter(({ kind }) => kind === 'edited').map(({ values }) => values),
      [{ controlId: 'E1' }]
    )
    assert.ok(!JSON.stringify(events).includes('RIGHT1'))
  })

  it('is found by what stands in it now, and no longer by what stood there', async () => {
    const id = await suspend(pid('E2', 'WRONG2'), 'E2')
    const found = async (value: string): Promise<number> => {
      const { body } = await world.nodeRed.post('/hl7-https-out/out/messages/search', { value })
      return (body as { messages: unknown[] }).messages.length
    }
    assert.equal(await found('WRONG2'), 1)
    await ask(id, { payload: pid('E2', 'RIGHT2') })
    await world.eventually(() => world.left('ack', 'E2').length === 1)
    assert.deepEqual([await found('WRONG2'), await found('RIGHT2')], [0, 1])
  })

  it('is deleted for a person, with the text before the edit and what it is found by; its row stays', async () => {
    const id = await suspend(pid('E8', 'WRONG8'), 'E8')
    const remove = async (): Promise<unknown> =>
      (await world.nodeRed.post('/hl7-https-out/out/messages/delete-content', { ids: [id] })).body
    // What is not over is kept.
    assert.deepEqual(await remove(), { found: 0 })
    await ask(id, { payload: pid('E8', 'RIGHT8') })
    await world.eventually(() => world.left('ack', 'E8').length === 1)
    assert.equal((await messageOf(id)).original, pid('E8', 'WRONG8'))
    assert.deepEqual(await remove(), { found: 1 })
    const { controlId, original, reply, request, state } = await messageOf(id)
    assert.deepEqual([original, reply, request], [null, null, null])
    assert.deepEqual([controlId, state], ['E8', 'acked'])
    const search = '/hl7-https-out/out/messages/search'
    const { body } = await world.nodeRed.post(search, { value: 'RIGHT8' })
    assert.deepEqual((body as { messages: unknown[] }).messages, [])
    const { events } = (await world.nodeRed.get('/hl7-https-out/out/events')).body as EventPage
    assert.equal(events[0]?.text, 'Content of 1 message deleted')
    assert.deepEqual(await remove(), { found: 0 })
  })

  it('stays in the character set that its bytes came in', async () => {
    const id = await suspend(Buffer.from(pid('E3', 'WRONG3'), 'latin1'), 'E3')
    const { request } = await messageOf(id)
    await ask(id, { payload: request?.replace('WRONG3', 'RIGHT3') })
    await world.eventually(() => world.left('ack', 'E3').length === 1)
    const sent = world.receiver.requests.at(-1)?.body
    assert.ok(sent?.equals(Buffer.from(pid('E3', 'RIGHT3'), 'latin1')))
  })

  it('keeps its place, ahead of what was accepted after it', async () => {
    const first = await suspend(pid('E4', 'WRONG4'), 'E4')
    await world.nodeRed.post('/hl7-https-out/out/pause', {})
    await world.nodeRed.inject('in', { payload: pid('E5', 'RIGHT5') })
    await ask(first, { payload: pid('E4', 'RIGHT4') })
    await world.nodeRed.post('/hl7-https-out/out/resume', {})
    await world.eventually(() => world.left('ack', 'E5').length === 1)
    assert.deepEqual(world.sent('E').slice(-2), ['E4', 'E5'])
  })

  it('is not changed by a text that could not have been accepted, and that is said', async () => {
    const id = await suspend(pid('E6', 'WRONG6'), 'E6')
    const refusals: [unknown, number, RegExp][] = [
      ['no HL7', 400, /^The text does not start with MSH, FHS or BHS\. The first line/],
      ['', 400, /^The text is empty/],
      [pid('', 'RIGHT6'), 400, /control ID/],
      [7, 400, /payload is a text/],
      [`${adt('E6').split('\r')[0] ?? ''}||||||8859/1\rPID|1||\u20ac\r`, 400, /iso-8859-1/]
    ]
    for (const [payload, expected, words] of refusals) {
      const { status, body } = await ask(id, { payload })
      assert.equal(status, expected, `${status} ${body.error}`)
      assert.match(body.error ?? '', words)
      assert.doesNotMatch(body.error ?? '', /RIGHT6|\u20ac/)
    }
    const { state, request } = await messageOf(id)
    assert.deepEqual([state, request], ['suspended', pid('E6', 'WRONG6')])
    assert.equal((await ask(id, {})).status, 200)
    await world.eventually(() => world.sent('E6').length === 2)
  })

  it('must be suspended, or refused or given up', async () => {
    await world.send(pid('E7', 'RIGHT7'))
    const id = await idOf('E7')
    const { status, body } = await ask(id, { payload: pid('E7', 'RIGHT8') })
    assert.equal(status, 409)
    assert.match(body.error ?? '', /Only a message that is suspended, or was refused or given up/)
    await world.deploy({ ...SETTINGS, contentDays: 0 })
    await world.send(pid('E0', 'RIGHT0'))
    assert.equal((await ask(await idOf('E0'), { payload: pid('E0', 'RIGHT8') })).status, 409)
    await world.deploy(SETTINGS)
    assert.equal((await ask('999999', { payload: pid('E7', 'RIGHT8') })).status, 404)
    assert.equal(world.sent('E7').length, 1)
  })

  it('keeps what the sender sent, with who edited it, when and why, however often that is', async () => {
    const id = await suspend(pid('E10', 'WRONG10'), 'E10')
    assert.equal('original' in (await messageOf(id)), false)
    for (const [number, patient] of ['WRONG11', 'RIGHT12'].entries()) {
      const reason = `the ward called, ${number + 1}`
      await ask(id, { payload: pid('E10', patient), reason, wait: true })
    }
    await world.eventually(() => world.left('ack', 'E10').length === 1)
    await world.nodeRed.restart()
    const { original, request, story } = await messageOf(id)
    assert.deepEqual([original, request], [pid('E10', 'WRONG10'), pid('E10', 'RIGHT12')])
    const edits = story.filter(({ kind }) => kind === 'message-edited')
    assert.deepEqual(
      edits.map(({ text, at }) => [text, at !== null]),
      [
        ['Edited and resent: “the ward called, 1”', true],
        ['Edited and resent: “the ward called, 2”', true]
      ]
    )
    const { events } = (await world.nodeRed.get('/hl7-https-out/out/events')).body as EventPage
    const [newest] = events.filter(({ kind }) => kind === 'edited')
    assert.equal(newest?.text, 'E10 edited and resent: “the ward called, 2”')
    // Without its content, nothing of the earlier one is shown either.
    const { body } = await world.nodeRed.get(`/hl7-https-out/out/messages/${id}?content=false`)
    assert.equal('original' in (body as MessageContent), false)
  })

  it('that was refused goes as a new message, which is linked to the old', async () => {
    await world.deploy({ ...SETTINGS, replyCodeActions: ':?E=F,:?A=C' })
    const { output } = await world.send(pid('E20', 'WRONG20'))
    assert.equal(output, 'nak')
    const id = await idOf('E20')
    const answer = (await ask(id, {
      payload: pid('E20', 'RIGHT20'),
      reason: 'typing error',
      wait: true
    })) as unknown as { status: number; body: ResendOneAnswer }
    assert.deepEqual(
      [answer.status, answer.body.first?.outcome, answer.body.first?.ackCode],
      [200, 'ack', 'AA']
    )
    await world.eventually(() => world.left('ack', 'E20').length === 1)
    const [left] = world.left('ack', 'E20')
    assert.equal(left?.hl7.request, pid('E20', 'RIGHT20'))
    const copy = await messageOf(await idOf('E20'))
    assert.notEqual(copy.id, id)
    assert.deepEqual(
      [copy.edited, copy.request, copy.original],
      [true, pid('E20', 'RIGHT20'), pid('E20', 'WRONG20')]
    )
    assert.deepEqual(
      copy.story.slice(0, 2).map(({ kind, values }) => [kind, values['reason']]),
      [
        ['message-repeats', undefined],
        ['message-edited', 'typing error']
      ]
    )
    // The old one stays as it was, and counts as sent again.
    const old = await messageOf(id)
    assert.deepEqual([old.state, old.request], ['naked', pid('E20', 'WRONG20')])
    const { body } = await world.nodeRed.post('/hl7-https-out/out/messages/resend', {
      state: 'naked',
      controlId: 'E20',
      dryRun: true
    })
    assert.deepEqual([(body as { found: number }).found], [0])
    await world.deploy(SETTINGS)
  })
})
