import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { BulkAnswer, EventPage, ResendOneAnswer } from '../../nodes/operations/answers.ts'
import { as as asUser, type User, type UserAnswer } from '../support/admin-users.ts'
import { ackFor, adt, controlIdIn, shareWorld } from '../support/world.ts'

/** What becomes of messages in each case is in test/delivery/set-aside.test.ts; here, what the routes make of it. */
describe('operators and messages that wait', () => {
  const world = shareWorld({ users: true })
  const props = { queue: 'disk', retryInterval: 600, retryMaxInterval: 600, failureTimeout: -1 }
  const as = (user: User, path = '', body?: unknown): Promise<UserAnswer> =>
    asUser(world.nodeRed, user, `/hl7-https-out/out${path}`, body)
  const kinds = async (): Promise<string[]> =>
    ((await as('watch', '/events?limit=20')).body as EventPage).events.map(({ kind }) => kind)

  /** The first of these messages gets 500 again and again, and the others wait behind it. */
  async function block(...ids: string[]): Promise<string[]> {
    await world.deploy({ ...props, replyCodeActions: ':?E=S,:?A=C,E#500=RF' })
    await as('night', '/messages/discard', { state: 'waiting', all: true })
    await as('night', '/messages/discard', { all: true })
    await world.eventually(async () => (await world.state()).queued === 0)
    world.receiver.respond = ({ body }) => {
      const controlId = controlIdIn(body)
      return controlId === ids[0] ? { status: 500 } : { body: ackFor(controlId) }
    }
    for (const id of ids) await world.nodeRed.inject('in', { payload: adt(id) })
    await world.eventually(async () => {
      const { retrying, queued } = await world.state()
      return retrying === 1 && queued === ids.length
    })
    const rows = await world.messages('limit=10')
    return ids.map((id) => rows.find(({ controlId }) => controlId === id)?.id ?? '')
  }

  it('suspend the one that holds up the others, which go on; its story says who did', async () => {
    const [first = ''] = await block('BLOCK1', 'NEXT1', 'NEXT2')
    const ids = [first]
    assert.equal((await as('watch', '/messages/suspend', { ids })).status, 401)
    assert.equal(((await as('night', '/messages/suspend', { ids })).body as BulkAnswer).found, 1)
    await world.eventually(async () => (await world.state()).suspended === 1)
    await world.acked('NEXT', ['NEXT1', 'NEXT2'])
    const { body: content } = await as('watch', `/messages/${first}`)
    const { state, errorCode, reason, story } = content as {
      state: string
      errorCode: string
      reason: string
      story: { text: string; by: string }[]
    }
    assert.deepEqual(
      [state, errorCode, reason],
      ['suspended', 'ERR_SET_ASIDE', 'Suspended by an operator']
    )
    assert.deepEqual(story.map(({ text, by }) => [text.split(':')[0], by]).slice(-1), [
      ['Suspended', 'night']
    ])
    assert.match((await world.state()).advice?.text ?? '', /1 message is suspended: an operator/)
    assert.equal((await kinds()).includes('set-aside'), true)
    // It no longer waits.
    assert.equal(((await as('night', '/messages/suspend', { ids })).body as BulkAnswer).found, 0)
    const lines = (await world.nodeRed.printed()).filter((line) => line.includes('out.suspend'))
    assert.ok(
      lines.some((line) => line.includes('night')),
      lines.join('\n')
    )
    world.receiver.respond = undefined
    const again = (await as('night', `/messages/${first}/resend`, { wait: true }))
      .body as ResendOneAnswer
    assert.deepEqual([again.first?.outcome, again.first?.ackCode, again.id], ['ack', 'AA', 'out'])
  })

  it('suspend and discard what they choose, and refuse what is not clear', async () => {
    const ids = await block('BLOCK2', 'REST1', 'REST2', 'REST3')
    for (const unclear of [
      ...[{}, { state: 'sending' }, { ids: [1] }, { all: false }, { controlId: '' }],
      { ids, all: true, state: 'waiting' }
    ]) {
      const { status } = await as('night', '/messages/suspend', unclear)
      assert.equal(status, 400, JSON.stringify(unclear))
    }
    // Without a state, only suspended ones are meant.
    assert.deepEqual((await as('night', '/messages/discard', { ids })).body, { found: 0 })
    const bulk = async (action: string, body: unknown): Promise<BulkAnswer> =>
      (await as('night', `/messages/${action}`, body)).body as BulkAnswer
    const one = { controlId: 'REST3', state: 'waiting' }
    assert.deepEqual(await bulk('discard', one), { found: 1, inFlight: 0 })
    await world.eventually(() => world.left('caught', 'REST3').length === 1)
    assert.equal(world.left('caught', 'REST3')[0]?.error.code, 'HL7_DISCARDED')
    assert.deepEqual(await bulk('suspend', { controlId: 'REST2' }), { found: 1, inFlight: 0 })
    assert.deepEqual(await bulk('suspend', { state: 'retrying' }), { found: 1, inFlight: 0 })
    await world.acked('REST', ['REST1'])
    assert.equal((await world.state()).suspended, 2)
    assert.deepEqual(await bulk('discard', { all: true }), { found: 2 })
  })

  it('try now: one message goes, and its answer decides', async () => {
    await block('BLOCK3', 'WAIT1', 'WAIT2')
    const sent = world.sent('BLOCK3').length
    assert.equal((await as('watch', '/try', {})).status, 401)
    assert.equal((await as('night', '/try', {})).status, 200)
    await world.eventually(() => world.sent('BLOCK3').length === sent + 1)
    assert.equal((await as('night', '/try', {})).status, 429)
    assert.deepEqual(world.sent('WAIT'), [])
    assert.ok((await kinds()).includes('tried'))
    await as('night', '/pause', {})
    const { status, text } = await as('night', '/try', {})
    assert.deepEqual([status, text.includes('resume it first')], [409, true])
    await as('night', '/resume', {})
  })

  it('wait for what becomes of one that is resent or edited', async () => {
    const [first = ''] = await block('BLOCK4')
    await as('night', '/messages/suspend', { ids: [first] })
    await world.eventually(async () => (await world.state()).suspended === 1)
    world.receiver.respond = ({ body }) => ({ body: ackFor(controlIdIn(body), 'AE') })
    const resend = async (user: User, body: unknown): Promise<ResendOneAnswer> =>
      (await as(user, `/messages/${first}/resend`, body)).body as ResendOneAnswer
    const refused = await resend('night', { wait: true })
    assert.deepEqual(
      [refused.first?.outcome, refused.first?.ackCode, refused.suspended],
      ['suspended', 'AE', 1]
    )
    assert.equal((await as('night', `/messages/${first}/resend`, { wait: 1 })).status, 400)
    world.receiver.respond = ({ body }) => ({ body: ackFor(controlIdIn(body)) })
    const edited = await resend('admin', { wait: true, payload: adt('BLOCK4', { version: '2.4' }) })
    assert.deepEqual([edited.first?.outcome, edited.first?.reason], ['ack', 'AA · rule :?A=C'])
    assert.equal('first' in (await world.state()), false)
  })
})
