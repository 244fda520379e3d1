/** What flows and operators see of a backup receiver. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { EventPage, MessageContent, MessagePage } from '../../nodes/operations/answers.ts'
import type { TestAnswer } from '../../nodes/tests/test-result.ts'
import { as as asUser, type User, type UserAnswer } from '../support/admin-users.ts'
import { freePort } from '../support/free-port.ts'
import { adt, shareWorld } from '../support/world.ts'

describe('a backup receiver', () => {
  const world = shareWorld({ users: true })
  const as = (user: User, path = '', body?: unknown): Promise<UserAnswer> =>
    asUser(world.nodeRed, user, `/hl7-https-out/out${path}`, body)

  it('takes over by itself, is seen, and gets the same token', async () => {
    const url = `https://127.0.0.1:${await freePort()}/`
    const backup = otherUrl(new URL(world.receiver.url))
    await world.deploy({
      ...{ url, backupUrl: backup.href, backupAfter: 0.3, queue: 'disk' },
      ...{ retryInterval: 0.05, retryMaxInterval: 0.1 }
    })
    const { output, msg } = await world.send(adt('BACKUP1'))
    assert.equal(output, 'ack')
    assert.equal(msg.hl7['host'], backup.host)
    const state = await world.state()
    assert.deepEqual([state.backup?.host, state.backup?.by], [backup.host, ''])
    assert.ok(state.conditions.some(({ code, level }) => code === 'BACKUP' && level === 'watch'))
    assert.equal(state.advice?.kind, 'advice-backup')
    assert.equal(
      state.advice.text,
      `The first address ${new URL(url).host} does not answer. Messages go to the backup ${backup.host}, in order; nothing is lost, and they go back by themselves when it answers.`
    )
    assert.deepEqual(
      state.certificates.map(({ of }) => of).filter((of) => of !== 'token server'),
      ['backup']
    )
    const { events } = (await as('watch', '/events')).body as EventPage
    assert.ok(events.some(({ kind, by }) => kind === 'to-backup' && by === ''))
    // Its record says which attempts went where.
    const { messages } = (await as('watch', '/messages?controlId=BACKUP1')).body as MessagePage
    const { attemptList, story } = (await as('watch', `/messages/${messages[0]?.id}`))
      .body as MessageContent
    const went = attemptList.map(({ backup: to, result }) => `${result} ${to ?? 'first'}`)
    assert.equal(went.at(-1), `AA ${backup.host}`)
    assert.deepEqual([...new Set(went.slice(0, -1))], ['ECONNREFUSED first'])
    const attempts = story.map(({ text }) => text).filter((text) => text.startsWith('Attempt'))
    assert.match(attempts.at(-1) ?? '', new RegExp(` · backup ${backup.host}$`))
    assert.doesNotMatch(attempts[0] ?? '', /backup/)
  })

  it('is tried by a test message, too', async () => {
    const gone = `https://127.0.0.1:${await freePort()}/`
    await world.deploy({ url: world.receiver.url, backupUrl: gone, queue: 'memory' })
    const { body } = await as('night', '/test', { type: 'ADT^A01' })
    const { ack, backup } = body as TestAnswer
    assert.equal(ack?.code, 'AA')
    assert.deepEqual([backup?.host, backup?.error?.code], [new URL(gone).host, 'ECONNREFUSED'])
  })

  it('cannot be turned to where there is none, nor be the first address itself', async () => {
    await world.deploy({ url: world.receiver.url })
    assert.equal((await as('night', '/backup', { to: 'backup' })).status, 409)
    await world.deploy({ url: world.receiver.url, backupUrl: world.receiver.url })
    assert.match((await world.state()).reason, /Backup URL: This is the first address/)
  })
})

/** The same server under another name: another origin. */
function otherUrl(server: URL): URL {
  const url = new URL(server)
  url.hostname = url.hostname === 'localhost' ? '127.0.0.1' : 'localhost'
  return url
}
