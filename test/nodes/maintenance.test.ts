import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { as as asUser, type User, type UserAnswer } from '../support/admin-users.ts'
import { shareWorld } from '../support/world.ts'

/** What becomes of pauses is in test/delivery/pausing.test.ts; here, what the routes make of it. */
describe('operators who pause a node for a while, or all that send to a host', () => {
  const world = shareWorld({ users: true })
  const as = (user: User, path = '', body?: unknown): Promise<UserAnswer> =>
    asUser(world.nodeRed, user, `/hl7-https-out${path}`, body)

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
