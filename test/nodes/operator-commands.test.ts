import assert from 'node:assert/strict'
import { execFile, spawnSync } from 'node:child_process'
import { after, before, describe, it } from 'node:test'
import { promisify } from 'node:util'
import { runInNewContext } from 'node:vm'
import type {
  AllMessagesPage,
  AllStates,
  BulkAnswer,
  CountAnswer,
  EventPage,
  HostAnswer,
  MessageContent,
  MessagePage,
  NodeState
} from '../../nodes/operations/answers.ts'
import { ackFor, adt, controlIdIn, startWorld, type World } from '../support/world.ts'
import { type Route, ROUTES } from '../../nodes/operations/route-table.ts'
import { page, rows, section } from '../docs/markdown.ts'
import { as as asUser, PASSWORD, USERS, type User } from '../support/admin-users.ts'

const skip = spawnSync('curl', ['--version']).status === 0 ? false : 'needs curl'

const operations = page('docs/operations.md')

/** The blocks of code in a section of the page. */
function blocks(heading: string, language: 'sh' | 'js'): string[] {
  const pattern = new RegExp(`^\`\`\`${language}\n([^]*?)^\`\`\``, 'gm')
  return [...section(operations, heading).matchAll(pattern)].map(([, block]) => block ?? '')
}

/** First the variables, then the login, then everything else. */
const [variables = '', login = '', ...others] = blocks('From the command line', 'sh')
const commands = others.flatMap((block) => block.split('\n')).filter((line) => line !== '')

/** The settings of the page. */
const { adminAuth } = settingsIn('Permissions') as {
  adminAuth: { users: { username: User; permissions: string | string[] }[] }
}

function settingsIn(heading: string): object {
  const [block = ''] = blocks(heading, 'js')
  // As objects of this context.
  return JSON.parse(JSON.stringify(runInNewContext(`({${block}})`))) as object
}

/**
 * Runs commands of the page with its placeholders filled in.
 *
 * @param token sent with each request
 * @returns the answer
 */
async function run(script: string, fillIn: Record<string, string>, token = ''): Promise<string> {
  const filledIn = Object.entries(fillIn).reduce(
    (text, [place, value]) => text.replaceAll(place, value),
    script
  )
  const login = token === '' ? '' : `-H 'Authorization: Bearer ${token}'`
  const { stdout } = await promisify(execFile)('bash', [
    '-c',
    `set -e
curl() { command curl -sS --fail-with-body --noproxy '*' ${login} "$@"; }
${filledIn}`
  ])
  return stdout
}

async function logIn(url: string, username: string, scope?: string): Promise<string> {
  const script =
    scope === undefined ? login : login.replace('hl7-https-out.read hl7-https-out.write', scope)
  const fillIn = { 'http://127.0.0.1:1880': url, USER: username, PASSWORD }
  return (JSON.parse(await run(script, fillIn)) as { access_token: string }).access_token
}

describe('docs/operations.md', { skip }, () => {
  let world: World
  const tokens = new Map<string, string>()
  before(async () => {
    world = await startWorld({ users: true })
    for (const username of Object.keys(USERS)) {
      // All that the user may do.
      tokens.set(username, await logIn(world.nodeRed.url, username, ''))
    }
    world.receiver.respond = ({ body }) => answerTo(controlIdIn(body))
    await world.deploy({
      queue: 'disk',
      keepContents: 'all',
      searchFields: 'PID-3.1',
      replyCodeActions: '@ERR-3:206=S,:?A=C'
    })
  })
  after(() => world.close())

  /** Only some records are locked. */
  function answerTo(id: string): { status?: number; body: string } {
    if (id.startsWith('BUSY')) return { status: 500, body: '' }
    const isLocked = id.startsWith('LOCKED')
    return { body: isLocked ? ackFor(id, 'AE', 'ERR||PID^1|206|E\r') : ackFor(id) }
  }

  const suspended = (): Promise<MessagePage['messages']> => world.messages('state=suspended')
  /** Nothing is on its way, and so many are suspended. */
  const isQuiet = async (count: number): Promise<boolean> => {
    const { inFlight, queued, suspended } = await world.state()
    return suspended === count && queued === 0 && inFlight === 0
  }
  const sent = (): number => world.receiver.requests.length

  /** Leaves so many suspended messages in the queue. @returns their numbers, oldest first */
  async function setAside(count: number): Promise<string[]> {
    await world.nodeRed.post('/hl7-https-out/out/messages/discard', { all: true })
    await world.nodeRed.post('/hl7-https-out/out/messages/discard', { state: 'retrying' })
    await world.eventually(() => isQuiet(0))
    for (let index = 1; index <= count; index++) {
      await world.nodeRed.inject('in', { payload: adt(`LOCKED${index}`) })
    }
    await world.eventually(() => isQuiet(count))
    return (await suspended()).map(({ id }) => id).reverse()
  }

  /** Leaves one message in the queue that is tried again later. @returns its number */
  async function keepWaiting(type: string): Promise<string[]> {
    await setAside(0)
    await world.nodeRed.inject('in', { payload: adt('BUSY1').replace('ADT^A01', type) })
    await world.eventually(async () => {
      const { inFlight, retrying } = await world.state()
      return retrying === 1 && inFlight === 0
    })
    return (await world.messages('state=retrying')).map(({ id }) => id)
  }

  /** Runs a command of the page as a user who may do just that. */
  async function as(username: string, command: string, ids: string[] = []): Promise<unknown> {
    const [first = '17', second = '18'] = ids
    const text = await run(
      `${variables}\n${command}`,
      {
        'http://127.0.0.1:1880': world.nodeRed.url,
        '0123456789abcdef': 'out',
        '/messages/17': `/messages/${first}`,
        '"17"': `"${first}"`,
        '"18"': `"${second}"`,
        '2026-11-25T02:00:00Z': new Date(Date.now() - 600_000).toISOString(),
        '2026-11-26T06:00:00Z': new Date(Date.now() + 600_000).toISOString(),
        'registry.example.org:8443': new URL(world.receiver.url).host,
        MSG00001: 'LOCKED1',
        '> support.hl7': ''
      },
      tokens.get(username)
    )
    return text.startsWith('{') ? JSON.parse(text) : text
  }

  const controlIds = (answer: unknown): string[] =>
    (answer as MessagePage).messages.map(({ controlId }) => controlId)

  /** What each command of the page does, in the order of the page. */
  const checks: readonly [pattern: RegExp, check: (command: string) => Promise<void>][] = [
    [
      /^curl \$BASE +#/,
      async (command) => {
        const { nodes } = (await as('watch', command)) as AllStates
        assert.deepEqual(
          nodes.map(({ id }) => id),
          ['out']
        )
      }
    ],
    [
      /^curl \$NODE +#/,
      async (command) => {
        await setAside(1)
        assert.equal(((await as('watch', command)) as NodeState).suspended, 1)
      }
    ],
    [
      /events\?since/,
      async (command) => {
        await setAside(1)
        await setAside(0)
        const { events } = (await as('watch', command)) as EventPage
        assert.ok(events.some(({ kind }) => kind === 'discarded'))
      }
    ],
    [
      /messages\?controlId=/,
      async (command) => {
        await world.nodeRed.inject('in', { payload: adt('FREE1') })
        const [, ...others] = await setAside(1)
        assert.deepEqual(others, [])
        const found = controlIds(await as('watch', command))
        assert.ok(found.length > 0 && found.every((id) => id === 'LOCKED1'))
      }
    ],
    [
      /messages\?state=failed/,
      async (command) => {
        await setAside(1)
        await setAside(0)
        await world.eventually(async () =>
          controlIds(await as('watch', command)).includes('LOCKED1')
        )
        assert.ok(!controlIds(await as('watch', command)).includes('FREE1'))
      }
    ],
    [
      /^curl \$NODE\/messages\/17 +#/,
      async (command) => {
        const shown = (await as('analyst', command, await setAside(1))) as MessageContent
        assert.match(shown.request ?? '', /^MSH.*PID/s)
        assert.match(shown.reply ?? '', /MSA\|AE/)
      }
    ],
    [
      /messages\/search/,
      async (command) => {
        const found = controlIds(await as('analyst', command))
        assert.ok(found.includes('LOCKED1') && found.includes('FREE1'))
      }
    ],
    [
      /\$BASE\/messages\/search/,
      async (command) => {
        const answer = (await as('watch', command)) as AllMessagesPage
        assert.deepEqual(answer, { messages: [], more: false, unknown: ['OB-1072', 'OB-1073'] })
      }
    ],
    [
      /messages\/export/,
      async (command) => {
        await setAside(2)
        const file = (await as('clerk', command)) as string
        assert.match(file, /^FHS\|[^]*\|LOCKED1\|[^]*\|LOCKED2\|[^]*\rBTS\|2\|/)
        assert.doesNotMatch(file, /Lindqvist/)
      }
    ],
    [
      /pause.*until/,
      async (command) => {
        const { paused, state } = (await as('night', command)) as NodeState
        assert.equal(state, 'paused')
        assert.deepEqual([paused?.by, paused?.reason], ['night', 'new release'])
        assert.ok(Date.parse(paused?.until ?? '') > Date.now())
      }
    ],
    [
      /resume$/,
      async (command) => {
        assert.equal(((await as('night', command)) as NodeState).paused, null)
      }
    ],
    [
      /pause.*host/,
      async (command) => {
        const { nodes } = (await as('night', command)) as HostAnswer
        assert.deepEqual(
          nodes.map(({ id }) => id),
          ['out']
        )
      }
    ],
    [
      /resume.*host/,
      async (command) => {
        assert.equal(((await as('night', command)) as HostAnswer).nodes.length, 1)
        assert.equal((await world.state()).paused, null)
      }
    ],
    [
      /17\/resend.*payload/,
      async (command) => {
        const ids = await setAside(1)
        const before = sent()
        // The command fails: it takes `hl7-https-out.content` as well.
        await assert.rejects(as('night', command, ids), /403/)
        assert.equal(sent(), before)
        await as('admin', command, ids)
        await world.eventually(async () => sent() === before + 1 && (await isQuiet(1)))
        assert.match(
          world.receiver.requests.at(-1)?.body.toString() ?? '',
          /^MSH.*\rPID\|1\|\|4711/
        )
      }
    ],
    [
      /suspend.*"retrying"/,
      async (command) => {
        await keepWaiting('ORU^R01')
        assert.deepEqual(await as('night', command), { found: 1, inFlight: 0 })
        await world.eventually(() => isQuiet(1))
      }
    ],
    [
      /discard.*"waiting"/,
      async (command) => {
        const [id = ''] = await keepWaiting('ADT^A01')
        const { found } = (await as('night', command, ['0', id])) as BulkAnswer
        assert.equal(found, 1)
        await world.eventually(() => isQuiet(0))
      }
    ],
    [
      /resend.*firstAlone/,
      async (command) => {
        await setAside(3)
        const before = sent()
        const { found, first, resent } = (await as('night', command)) as BulkAnswer
        assert.deepEqual([found, resent], [3, 1])
        assert.deepEqual([first?.controlId, first?.outcome], ['LOCKED1', 'suspended'])
        await world.eventually(async () => sent() === before + 1 && (await isQuiet(3)))
      }
    ],
    [
      /"state".*"dryRun"/,
      async (command) => {
        const before = sent()
        const { found, withContent, first } = (await as('night', command)) as CountAnswer
        assert.ok(found > 0 && withContent === found && first !== null)
        assert.equal(sent(), before)
      }
    ],
    [
      /test/,
      async (command) => {
        const answer = await as('night', command)
        assert.equal((answer as { ack: { code: string } }).ack.code, 'AA')
      }
    ]
  ]

  it('has no command that is not tried below', () => {
    assert.equal(commands.length, checks.length)
    for (const [index, [pattern]] of checks.entries()) {
      assert.match(commands[index] ?? '', pattern)
    }
  })

  for (const [index, [, check]] of checks.entries()) {
    const command = commands[index] ?? ''
    it(`${command.replace(/ +#.*/, '')} does what the page says`, () => check(command))
  }

  it('has the users of the tests, and the audit log that they are in', () => {
    for (const { username, permissions } of adminAuth.users) {
      assert.deepEqual(permissions, USERS[username])
    }
    assert.deepEqual(settingsIn('The audit log'), {
      logging: { console: { level: 'info', audit: true } }
    })
  })

  it('names what is in the audit log', async () => {
    // There are no commands for these, and no backup.
    await world.nodeRed.post('/hl7-https-out/out/backup', { to: 'first' })
    await world.nodeRed.post('/hl7-https-out/out/messages/export', { all: true, dryRun: true })
    await world.nodeRed.post('/hl7-https-out/out/messages/999999/resend', {})
    await world.nodeRed.post('/hl7-https-out/out/messages/delete-content', { ids: ['999999'] })
    await world.nodeRed.post('/hl7-https-out/out/note', { text: 'seen' })
    await world.nodeRed.post('/hl7-https-out/out/try', {})
    const text = section(operations, 'The audit log')
    const named = new Set(Array.from(text.matchAll(/`([\w.-]+)`/g), ([, name]) => name ?? ''))
    const log = (await world.nodeRed.printed()).filter((line) => line.includes('[audit]'))
    const ours = log.flatMap((line) => /"event":"(hl7-https-out\.[\w-]+)"/.exec(line)?.[1] ?? [])
    assert.deepEqual(
      [...named].filter((name) => name.startsWith('hl7-https-out.')).sort(),
      [...new Set(ours)].sort()
    )
    const pause = log.find((line) => line.includes('hl7-https-out.pause')) ?? ''
    for (const part of ['"node":"out"', '"username":"night"', '"ip":"', '"path":"']) {
      assert.ok(pause.includes(part), part)
    }
    const shown = log.find((line) => line.includes('"event":"hl7-https-out.content"')) ?? ''
    assert.match(shown, /"message":"\d+"/)
  })

  it('says who may do what', async () => {
    const requests: Record<string, readonly [path: string, body?: unknown]> = {
      'hl7-https-out.read': ['/hl7-https-out/out'],
      'hl7-https-out.write': ['/hl7-https-out/out/resume', {}],
      'hl7-https-out.content': ['/hl7-https-out/out/messages/search', { value: '471100' }],
      'hl7-https-out.export': ['/hl7-https-out/out/messages/export', {}],
      'flows.write': ['/oauth2-client-credentials/auth/test', {}]
    }
    const may = async (user: User, permission: string): Promise<boolean> => {
      const [path, body] = requests[permission] ?? ['']
      const { status } = await asUser(world.nodeRed, user, path, body)
      // Nothing can be searched for.
      assert.ok([200, 400, 401].includes(status), `${path} ${status}`)
      return status !== 401
    }
    const nameIn = (cell: string): string => /`([\w.-]+)`/.exec(cell)?.[1] ?? ''
    const table = rows(section(operations, 'Permissions'))
    assert.deepEqual(
      table.map(([permission = '']) => nameIn(permission)),
      Object.keys(requests)
    )
    for (const [name = '', , ...columns] of table) {
      const permission = nameIn(name)
      for (const [index, general] of (['read', 'write', '*'] as const).entries()) {
        const isSaid = columns[index] === 'yes'
        assert.equal(await may(general, permission), isSaid, `${general}: ${permission}`)
      }
      for (const { username, permissions } of adminAuth.users) {
        const isSaid =
          permissions === '*' ||
          permissions.includes(permission) ||
          (permissions.includes('read') && permission.endsWith('.read'))
        assert.equal(await may(username, permission), isSaid, `${username}: ${permission}`)
      }
    }
  })

  it('lets a user ask a route who has its permission, and nobody else', async () => {
    const body = { type: 'ADT^A01', all: true, value: 'x' }
    for (const route of Object.values<Route>(ROUTES)) {
      const { method, path, permission: usual, permissionWith = {} } = route
      const [, permission = usual] =
        Object.entries(permissionWith).find(([one]) => one in body) ?? []
      // The page itself.
      if (permission === null) continue
      const filled = path.replace(':id', 'out').replace(':messageId', '999999')
      for (const user of ['watch', 'night', 'analyst', 'clerk'] as const) {
        const { status } = await asUser(
          world.nodeRed,
          user,
          filled,
          method === 'GET' ? undefined : body
        )
        const permissions: readonly string[] = USERS[user]
        assert.equal(
          status !== 401,
          permission.endsWith('.read') || permissions.includes(permission),
          `${user}: ${method} ${path} ${status}`
        )
      }
    }
  })
})
