import assert from 'node:assert/strict'
import { execFile, spawnSync } from 'node:child_process'
import { after, before, describe, it } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { promisify } from 'node:util'
import { startNodeRed } from '../support/node-red.ts'
import { adt, startWorld, type World } from '../support/world.ts'
import { page, section } from './markdown.ts'

const skip = spawnSync('curl', ['--version']).status === 0 ? false : 'needs curl'

/** The blocks of commands below "At 3 a.m.": for the queue, and for logging in. */
const [commands = '', login = ''] = [
  ...section(page('docs/what-happens-to-a-message.md'), 'At 3 a.m.').matchAll(
    /^```sh\n([^]*?)^```/gm
  )
].map(([, block]) => block ?? '')

/** Runs commands of the page with its placeholders filled in. @returns the answers */
async function run(block: string, fillIn: Record<string, string>): Promise<unknown[]> {
  const filledIn = Object.entries(fillIn).reduce(
    (text, [place, value]) => text.replaceAll(place, value),
    block
  )
  // Each answer is on its own line; the first failure ends the script.
  const script = `set -e
curl() { command curl -sS --fail-with-body --noproxy '*' "$@" | tr -d '\\n'; echo; }
${filledIn}`
  const { stdout } = await promisify(execFile)('bash', ['-o', 'pipefail', '-c', script])
  return stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as unknown)
}

describe('the commands for an operator in docs/what-happens-to-a-message.md', { skip }, () => {
  let world: World
  before(async () => {
    world = await startWorld()
  })
  after(() => world.close())

  it('tell the state, pause, resume, list, resend and discard', async () => {
    await world.deploy({ queue: 'disk', replyCodeActions: ':?A=S' })
    await world.nodeRed.inject('in', { payload: adt('NIGHT1') })
    const base = `${world.nodeRed.url}/hl7-https-out/out`
    const suspended = async (): Promise<{ id: string; controlId: string }[]> =>
      ((await (await fetch(`${base}/messages?state=suspended`)).json()) as Suspended).messages
    const aside = async (): Promise<string> => {
      for (let tries = 0; tries < 200; tries++) {
        const [first] = await suspended()
        if (first !== undefined) return first.id
        await wait(50)
      }
      throw new Error('No message was suspended.')
    }
    const id = await aside()
    const all = commands.split('\n').filter((line) => line !== '')
    const fillIn = {
      'http://127.0.0.1:1880': world.nodeRed.url,
      NODE: 'out',
      '/17/': `/${id}/`,
      MSG00001: 'NIGHT1'
    }

    const [state, paused, resumed, list, known] = (await run(
      all.filter((line) => !line.includes('/17/')).join('\n'),
      fillIn
    )) as [State, State, State, Suspended, Suspended]
    assert.equal(state.suspended, 1)
    assert.equal(paused.state, 'paused')
    assert.notEqual(resumed.state, 'paused')
    assert.deepEqual(
      list.messages.map(({ controlId }) => controlId),
      ['NIGHT1']
    )
    assert.equal(known.messages[0]?.controlId, 'NIGHT1')

    const alone = (word: string): string =>
      all.filter((line) => line.startsWith('BASE=') || line.includes(`/17/${word}`)).join('\n')
    const before = world.receiver.requests.length
    await run(alone('resend'), fillIn)
    await world.nodeRed.waitFor(() => (world.receiver.requests.length > before ? true : undefined))
    await aside()
    await run(alone('discard'), fillIn)
    const [caught] = await world.nodeRed.waitForMessages('caught')
    assert.equal((caught?.['error'] as { code: string }).code, 'HL7_DISCARDED')
  })
})

describe('the login in docs/what-happens-to-a-message.md', { skip }, () => {
  it('gives a token that the admin routes accept', async (t) => {
    // A user with just these permissions; bcrypt of "watch & 50 %+", which a form has to encode.
    const password = '$2b$04$XrX1uavBxfF.6xiCEaBc3u3DQnq4q1lONEbZ0vXZ8a0WynJxBprMG'
    const permissions = ['hl7-https-out.read', 'hl7-https-out.write']
    const user = { username: 'night', password, permissions }
    const nodeRed = await startNodeRed({
      settings: {
        httpAdminRoot: '/admin',
        adminAuth: { type: 'credentials', users: [user] }
      }
    })
    t.after(() => nodeRed.stop())
    const fillIn = {
      'http://127.0.0.1:1880': `${nodeRed.url}/admin`,
      USER: 'night',
      PASSWORD: 'watch & 50 %+'
    }
    const [answer] = (await run(login, fillIn)) as [{ access_token: string }]
    const url = `${nodeRed.url}/admin/hl7-https-out/out`
    const headers = { Authorization: `Bearer ${answer.access_token}` }
    assert.equal((await fetch(url)).status, 401)
    // The user is let in, but there is no such node.
    assert.equal((await fetch(url, { headers })).status, 404)
  })
})

interface Suspended {
  messages: { id: string; controlId: string }[]
}

interface State {
  state: string
  suspended: number
}
