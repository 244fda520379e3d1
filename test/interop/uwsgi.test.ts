/** The real node against uWSGI, which ends each connection after the answer and does not say so. */
import assert from 'node:assert/strict'
import type { ChildProcess } from 'node:child_process'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { replyRulePresets } from '../../nodes/editor/reply-rule-presets.ts'
import type { EventPage } from '../../nodes/operations/answers.ts'
import { missing } from '../support/debian-packages.ts'
import { freePort } from '../support/free-port.ts'
import { adt, startWorld, type World } from '../support/world.ts'
import { answering, run, stop } from './servers.ts'

const MANY = 100

describe('against uWSGI', { skip: missing('uWSGI', 'Python for uWSGI') }, () => {
  let world: World
  let uwsgi: ChildProcess
  let url = ''
  before(async () => {
    world = await startWorld()
    const port = await freePort()
    const { child } = run('uwsgi', [
      ...['--plugin', 'python3', '--http-socket', `127.0.0.1:${port}`, '--die-on-term'],
      ...['--wsgi-file', join(import.meta.dirname, 'uwsgi.py'), '--disable-logging']
    ])
    uwsgi = child
    url = `http://127.0.0.1:${port}/hl7`
    await answering(port, child)
  })
  after(async () => {
    await stop(uwsgi)
    await world.close()
  })

  /** Sends many messages at once. @returns how many were suspended because nobody knows whether they arrived */
  async function suspendedOf(prefix: string, out: Record<string, unknown>): Promise<number> {
    const rules = replyRulePresets.suspendTimeouts
    await world.deploy({ url, auth: '', replyCodeActions: rules, ...out })
    for (let sent = 0; sent < MANY; sent++) {
      await world.nodeRed.inject('in', { payload: adt(`${prefix}${sent}`) })
    }
    let suspended = 0
    await world.eventually(async () => {
      suspended = (await world.state()).suspended
      return world.left('ack', prefix).length + suspended === MANY
    })
    return suspended
  }

  it('suspends two messages at most: then it is known, and an event says so', async () => {
    const suspended = await suspendedOf('ENDS', {})
    assert.ok(suspended <= 2, `${suspended} suspended`)
    const { events } = (await world.nodeRed.get('/hl7-https-out/out/events')).body as EventPage
    assert.equal(events.filter(({ kind }) => kind === 'not-kept').length, 1)
  })

  it('suspends none with the header "Connection: close"', async () => {
    const headers = [{ name: 'Connection', value: 'close', valueType: 'str' }]
    assert.equal(await suspendedOf('CLOSES', { headers }), 0)
  })
})
