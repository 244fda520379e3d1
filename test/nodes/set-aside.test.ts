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
})
