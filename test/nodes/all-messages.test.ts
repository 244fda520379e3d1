import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'
import type { AllMessagesPage } from '../../nodes/operations/answers.ts'
import { as as asUser, type User, type UserAnswer } from '../support/admin-users.ts'
import { adt, shareWorld } from '../support/world.ts'

/** A node that sends, one that is paused, and one that is not set up. */
describe('messages are found in all nodes', () => {
  const world = shareWorld({ users: true })

  before(async () => {
    const out = { queue: 'disk', replyCodeActions: ':?E=S,:?A=C', order: 'none', name: 'Registry' }
    const other = { type: 'hl7-https-out', z: 'tab', tls: 'tls', wires: [[], []], queue: 'disk' }
    await world.nodeRed.deploy([
      ...world.flow({ ...out, searchFields: 'PID-3.1' }),
      {
        ...other,
        id: 'lab',
        name: 'Lab',
        url: world.receiver.url,
        searchFields: 'PID-5.1, PID-3.1'
      },
      { ...other, id: 'unset', url: '' },
      { id: 'to-lab', type: 'inject', z: 'tab', props: [{ p: 'payload' }], wires: [['lab']] }
    ])
    await as('admin', '/lab/pause', { reason: 'test' })
    await send('in', 'F-1', 'F-2', 'F-BAD')
    await send('to-lab', 'F-2', 'F-3', ODD)
    await world.eventually(async () => (await world.messages('state=acked')).length === 2)
    await world.eventually(async () => (await world.state()).suspended === 1)
    await world.eventually(async () => (await world.state('lab')).queued === 3)
  })

  /** No character of it may mean anything on the way. */
  const ODD = `F'"%_<b>& Ω😀`
  const as = (user: User, path = '', body?: unknown): Promise<UserAnswer> =>
    asUser(world.nodeRed, user, `/hl7-https-out${path}`, body)
  const send = async (to: string, ...ids: string[]): Promise<void> => {
    for (const id of ids) {
      const birth = id.includes('BAD') ? '20990101' : '19840217'
      await world.nodeRed.inject(to, { payload: adt(id.replace('&', '\\T\\'), { birth }) })
    }
  }
  const search = async (question: object, user: User = 'admin'): Promise<AllMessagesPage> => {
    const { body, status, text } = await as(user, '/messages/search', question)
    assert.equal(status, 200, text)
    return body as AllMessagesPage
  }
  const told = ({ messages }: AllMessagesPage): string[] =>
    messages.map(({ controlId, node, state }) => `${controlId} ${node} ${state}`)

  it('newest first, with the filters of one node, and before a time', async () => {
    const page = await search({ limit: 4 }, 'watch')
    assert.deepEqual(told(page), [
      ...[`${ODD} lab waiting`, 'F-3 lab waiting', 'F-2 lab waiting', 'F-BAD out suspended']
    ])
    assert.equal(page.more, true)
    assert.equal(page.silent, undefined)
    const last = page.messages.at(-1)?.acceptedAt ?? ''
    assert.deepEqual(told(await search({ before: last })), ['F-2 out acked', 'F-1 out acked'])
    const suspended = await as('watch', '/messages/search', { state: 'suspended' })
    assert.deepEqual(told(suspended.body as AllMessagesPage), ['F-BAD out suspended'])
    assert.doesNotMatch(suspended.text, /Lindqvist|471100|20990101/)
    for (const wrong of [{ before: '17' }, { state: 'lost' }, { limit: 0 }, { cursor: '17' }]) {
      assert.equal((await as('watch', '/messages/search', wrong)).status, 400)
    }
    const { status, text } = await as('watch', '/messages/search', { limit: 4, stat: 'acked' })
    assert.deepEqual([status, /stat is not known here/.test(text)], [400, true], text)
    assert.equal((await as('stranger', '/messages/search', {})).status, 401)
  })

  it('by a list of control IDs: which left, which wait where, and which nobody knows', async () => {
    const controlIds = ['F-2', 'GONE', 'F-BAD', ODD, 'F-3', '__proto__', 'F-2', 'f-1', 'F-1 ']
    const page = await search({ controlIds }, 'watch')
    assert.deepEqual(told(page).toSorted(), [
      ...[`${ODD} lab waiting`, 'F-2 lab waiting', 'F-2 out acked', 'F-3 lab waiting'].toSorted(),
      'F-BAD out suspended'
    ])
    assert.deepEqual(page.unknown, ['GONE', '__proto__', 'f-1', 'F-1 '])
    assert.equal(page.more, false)
    assert.deepEqual(await search({ controlIds: [] }), { messages: [], more: false, unknown: [] })
  })

  it('the newest three of each, though many have the same control ID', async () => {
    await send('to-lab', ...Array<string>(5).fill('F-SAME'))
    await world.eventually(async () => (await world.state('lab')).queued === 8)
    const { messages } = await search({ controlIds: ['F-SAME', 'F-3'] })
    const ids = messages.filter(({ controlId }) => controlId === 'F-SAME').map(({ id }) => id)
    assert.equal(ids.length, 3)
    const { messages: all } = await search({ controlId: 'F-SAME', limit: 50 })
    assert.deepEqual(ids, all.map(({ id }) => id).slice(0, 3))
    assert.equal(all.length, 5)
  })

  it('by 10,000 control IDs, and by no more', async () => {
    const controlIds = Array.from({ length: 9_999 }, (_, index) => `NONE-${index}`)
    const page = await search({ controlIds: [...controlIds, 'F-1'] })
    assert.deepEqual(told(page), ['F-1 out acked'])
    assert.deepEqual(page.unknown, controlIds)
    assert.equal(page.silent, undefined, 'all nodes answered in time')
    for (const wrong of [
      { controlIds: [...controlIds, 'F-1', 'F-2'] },
      { controlIds: 'F-1' },
      { controlIds: [1] },
      { controlIds: ['x'.repeat(200)] },
      { controlIds: ['F-1'], state: 'acked' }
    ]) {
      const { status, text } = await as('watch', '/messages/search', wrong)
      assert.equal(status, 400, text)
      assert.match(text, /controlIds (?:is a list of at most 10000|stands alone)/)
    }
  })

  it('by a patient number, in the nodes that can be searched by it; no value is in a log', async () => {
    const question = { field: 'PID-3.1', value: 'NS471100', limit: 50 }
    const page = await search(question, 'analyst')
    assert.equal(page.messages.length, 11)
    assert.deepEqual(new Set(page.messages.map(({ node }) => node)), new Set(['out', 'lab']))
    const names = await search({ field: 'PID-5.1', value: 'Lindqvist' }, 'analyst')
    assert.deepEqual(new Set(names.messages.map(({ node }) => node)), new Set(['lab']))
    assert.deepEqual((await search({ value: 'Lindqvist', state: 'acked' })).messages, [])
    assert.equal(
      (await as('analyst', '/messages/search', { ...question, field: 'PID-7' })).status,
      400
    )
    // The value is asked for with the permission to see content; a control ID without.
    for (const user of ['watch', 'night', 'clerk'] as const) {
      assert.equal((await as(user, '/messages/search', question)).status, 401, user)
    }
    assert.equal((await as('watch', '/messages/search', { controlId: 'F-1' })).status, 200)
    const log = (await world.nodeRed.printed()).join('\n')
    assert.ok(log.includes('"event":"hl7-https-out.search"'))
    assert.doesNotMatch(log, /NS471100|Lindqvist/)
  })
})
