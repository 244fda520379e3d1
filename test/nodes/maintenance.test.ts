import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { EventPage, HostAnswer, NodeState } from '../../nodes/operations/answers.ts'
import { as as asUser, type User, type UserAnswer } from '../support/admin-users.ts'
import { adt, shareWorld } from '../support/world.ts'

/** What becomes of pauses is in test/delivery/pausing.test.ts; here, what the routes make of it. */
describe('operators who pause a node for a while, or all that send to a host', () => {
  const world = shareWorld({ users: true })
  const as = (user: User, path = '', body?: unknown): Promise<UserAnswer> =>
    asUser(world.nodeRed, user, `/hl7-https-out${path}`, body)
  const paused = async (id: string): Promise<NodeState['paused']> =>
    ((await as('watch', `/${id}`)).body as NodeState).paused
  const inMs = (ms: number): string => new Date(Date.now() + ms).toISOString()

  async function deployTwo(): Promise<string> {
    const nodes = world.flow({ queue: 'disk' })
    const out = nodes.find(({ id }) => id === 'out')
    assert.ok(out)
    await world.nodeRed.deploy([...nodes, { ...out, id: 'out2', name: 'Second', wires: [[], []] }])
    for (const id of ['out', 'out2']) await as('night', `/${id}/resume`, {})
    return ((await as('watch', '/out')).body as NodeState).host
  }

  it('see until when, and it goes on by itself', async () => {
    await deployTwo()
    const until = inMs(1500)
    assert.equal((await as('watch', '/out/pause', { until })).status, 401)
    const { body } = await as('night', '/out/pause', { until, reason: 'upgrade' })
    const { advice, conditions, paused: pause } = body as NodeState
    assert.deepEqual([pause?.by, pause?.reason, pause?.until], ['night', 'upgrade', until])
    assert.equal(conditions[0]?.level, 'watch')
    assert.match(advice?.text ?? '', /^Paused by night until .*: “upgrade”.*resumes by itself/)
    await world.nodeRed.inject('in', { payload: adt('UNTIL1') })
    await world.eventually(() => world.left('ack', 'UNTIL1').length === 1)
    assert.ok(Date.now() >= Date.parse(until))
    assert.equal(await paused('out'), null)
    const { events } = (await as('watch', '/out/events?limit=10')).body as EventPage
    const said = events.map(({ text, by }) => `${text} ${by}`)
    assert.equal(said[0], 'Resumed: the pause has come to its end ')
    assert.match(said[1] ?? '', /^Paused by night, until 20.*: “upgrade” night$/)
    for (const wrong of ['never', inMs(-1000), inMs(400 * 24 * 3_600_000), 5]) {
      assert.equal((await as('night', '/out/pause', { until: wrong })).status, 400, String(wrong))
    }
  })

  it('pause all of a host, and end that alone', async () => {
    const host = await deployTwo()
    const { status } = await as('watch', '/pause', { host })
    assert.equal(status, 401)
    assert.equal((await as('night', '/pause', {})).status, 400)
    assert.equal((await as('night', '/pause', { host: 'elsewhere.example.org' })).status, 404)
    await as('night', '/out2/pause', { reason: 'its own' })
    const until = inMs(3_600_000)
    const answer = (await as('night', '/pause', { host, reason: 'upgrade', until }))
      .body as HostAnswer
    assert.deepEqual(
      answer.nodes.map(({ id }) => id),
      ['out', 'out2']
    )
    assert.deepEqual(
      [(await paused('out'))?.host, (await paused('out2'))?.reason],
      [host, 'upgrade']
    )
    const { nodes } = (await as('night', '/resume', { host })).body as HostAnswer
    assert.deepEqual(
      nodes.map(({ id }) => id),
      ['out', 'out2']
    )
    assert.deepEqual([await paused('out'), (await paused('out2'))?.reason], [null, 'its own'])
    assert.deepEqual(((await as('night', '/resume', { host })).body as HostAnswer).nodes, [])
    assert.equal((await paused('out2'))?.reason, 'its own')
    const lines = (await world.nodeRed.printed()).filter((line) =>
      /out\.(pause|resume)"/.test(line)
    )
    assert.ok(lines.length >= 2 && lines.every((line) => line.includes('night')), lines.join('\n'))
    for (const act of ['pause', 'resume']) {
      const says = (line: string): boolean =>
        line.includes(`out.${act}"`) && line.includes(`"host":"${host}"`)
      assert.ok(lines.some(says), act)
    }
  })

  it('name the usual port or leave it out', async () => {
    await world.deploy({ url: 'https://registry.example.org/hl7' })
    for (const host of ['Registry.example.org', 'registry.example.org:443']) {
      for (const path of ['/pause', '/resume']) {
        const { body } = await as('night', path, { host })
        assert.deepEqual(body, { nodes: [{ id: 'out', name: '' }] }, `${path} ${host}`)
      }
    }
    assert.equal((await as('night', '/pause', { host: 'registry.example.org:8443' })).status, 404)
  })
})
