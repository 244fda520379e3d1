/** What flows and operators see of a backup receiver. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type {
  EventPage,
  MessageContent,
  MessagePage,
  NodeState
} from '../../nodes/operations/answers.ts'
import type { TestAnswer } from '../../nodes/tests/test-result.ts'
import { as as asUser, type User, type UserAnswer } from '../support/admin-users.ts'
import { freePort } from '../support/free-port.ts'
import { adt, shareWorld } from '../support/world.ts'

describe('a backup receiver, where nobody has to log in', () => {
  const world = shareWorld()

  it('serves until somebody switches back, and says that it was switched by hand', async () => {
    const first = new URL(world.receiver.url)
    const backup = otherUrl(first)
    const turn = (to: string): Promise<unknown> =>
      world.nodeRed.post('/hl7-https-out/out/backup', { to })
    for (const backupAfter of [0, 0.2]) {
      await world.deploy({
        ...{ url: first.href, backupUrl: backup.href, backupAfter, queue: 'disk' },
        ...{ retryInterval: 0.1, retryMaxInterval: 0.1 }
      })
      await turn('backup')
      const until = performance.now() + 600
      for (let count = 0; performance.now() < until; count++) {
        const { msg } = await world.send(adt(`HAND${backupAfter}-${count}`))
        assert.equal(msg.hl7['host'], backup.host)
      }
      const { advice, backup: state } = await world.state()
      assert.equal(state?.by, '')
      assert.equal(
        advice?.text,
        `Switched by hand: messages go to the backup ${backup.host} until somebody switches back. Nothing is lost.`
      )
      await turn('first')
      assert.equal((await world.send(adt(`BACK${backupAfter}`))).msg.hl7['host'], first.host)
    }
  })
})

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

  it('is turned by operators, stays so over a deploy, and is turned back', async () => {
    const backup = otherUrl(new URL(world.receiver.url))
    const props = { url: world.receiver.url, backupUrl: backup.href, backupAfter: 0, queue: 'disk' }
    await world.deploy(props)
    assert.equal((await as('watch', '/backup', { to: 'backup' })).status, 401)
    assert.equal((await as('night', '/backup', { to: 'elsewhere' })).status, 400)
    const turned = await as('night', '/backup', { to: 'backup' })
    assert.deepEqual([turned.status, (turned.body as NodeState).backup?.by], [200, 'night'])
    assert.equal((await world.send(adt('TURNED1'))).msg.hl7['host'], backup.host)

    await world.deploy({ ...props, name: 'again' })
    await world.eventually(async () => (await world.state()).backup?.by === 'night')
    assert.equal((await world.send(adt('TURNED2'))).msg.hl7['host'], backup.host)
    const own = await world.send(adt('TURNED3'), { url: world.receiver.url })
    assert.equal(own.msg.hl7['host'], new URL(world.receiver.url).host)

    const back = await as('night', '/backup', { to: 'first' })
    assert.equal((back.body as NodeState).backup, null)
    const { msg } = await world.send(adt('TURNED4'))
    assert.equal(msg.hl7['host'], new URL(world.receiver.url).host)
    const { events } = (await as('watch', '/events')).body as EventPage
    const turns = events.filter(({ kind }) => kind.endsWith('-backup'))
    assert.deepEqual(
      turns.slice(0, 2).map(({ by, kind }) => `${kind} ${by}`),
      ['from-backup night', 'to-backup night']
    )
    const audited = (await world.nodeRed.printed()).filter((line) =>
      line.includes('"event":"hl7-https-out.backup"')
    )
    assert.deepEqual(
      audited.map((line) => /"to":"([^"]*)"/.exec(line)?.[1]),
      ['elsewhere', 'backup', 'first']
    )
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
