import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { HostAnswer, NodeState } from '../../nodes/operations/answers.ts'
import { as as asUser, type User, type UserAnswer } from '../support/admin-users.ts'
import { shareWorld } from '../support/world.ts'

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
