import assert from 'node:assert/strict'
import type { IncomingHttpHeaders } from 'node:http'
import { after, before, beforeEach, describe, it } from 'node:test'
import type { NodeState } from '../../nodes/operations/answers.ts'
import { formDefinition } from '../docs/form-definition.ts'
import { bodyOf, startServer, type LocalServer } from '../http-client/local-server.ts'
import { as, type User } from '../support/admin-users.ts'
import { freePort } from '../support/free-port.ts'
import { VARIABLES } from '../support/node-red.ts'
import { ackFor, controlIdIn, startWorld, type World } from '../support/world.ts'

type Properties = Record<string, unknown>

interface Shown {
  request: { line: string; headers: Record<string, string>; body: string }
  status: number
  reply: string
  ack: { code: string; controlId: string }
  rule: string
  action: string
  retriedUntil: string | null
  error: { code: string; reason: string; hint: string }
}

const { TEST_SECRET } = VARIABLES
const SECRET = 'a secret that stays here'
const TYPED = 'a typed secret'

const entry = (name: string, value: string, valueType = 'str') => ({ name, value, valueType })
/** Each kind of value, and what the test message shows of it. */
const VALUES: [value: string, valueType: string, shown: string | RegExp][] = [
  ['plain', 'str', 'plain'],
  ['${TEST_SECRET}', 'str', '•••'],
  ['k=${TEST_SECRET}', 'env', '•••'],
  ['TEST_SECRET', 'env', '•••'],
  ['${TEST_SECRET}', 'env', '•••'],
  ['secret1', 'cred', '•••'],
  ['payload.length', 'msg', /^\d+$/],
  ['MSH-9.1', 'hl7', 'ADT'],
  ['"sum " & (1 + 1)', 'jsonata', 'sum 2'],
  ['$substringAfter($env("TEST_SECRET"), "key-")', 'jsonata', '•••']
]
const headers = VALUES.map(([value, valueType], index) => entry(`X-${index}`, value, valueType))

describe('Send test message', () => {
  let world: World
  let server: LocalServer
  const seen: { url: string; headers: IncomingHttpHeaders; body: string }[] = []
  before(async () => {
    world = await startWorld({ users: true })
    server = await startServer((request, response) => {
      void bodyOf(request).then((body) => {
        const { url = '', headers } = request
        seen.push({ url, headers, body: body.toString() })
        if (url === '/refusing') {
          response.statusCode = 401
          response.end(headers.authorization)
        } else {
          // Repeats what it was sent.
          const told = JSON.stringify(headers).replaceAll('|', ' ')
          response.end(ackFor(controlIdIn(body), 'AA', `ERR|||0|I||||${told}\r`))
        }
      })
    })
  })
  after(async () => {
    await world.close()
    await server.close()
  })
  beforeEach(() => {
    seen.length = 0
    world.receiver.respond = undefined
  })
  const own = (path: string): string => new URL(path, server.url).href

  /** Deploys a node that sends to the server of this file; the flow has a variable with its URL. */
  const deploy = (out: Properties = {}): Promise<void> =>
    world.nodeRed.deploy(
      world
        .flow({ url: own('/hl7'), headers, credentials: { secret1: SECRET }, ...out })
        .map((node) => {
          const env = [{ name: 'URL_WITH_KEY', value: own('/hl7/hook-0815'), type: 'str' }]
          return node.id === 'tab' ? { ...node, env } : node
        })
    )

  /** Sends a test message. What is shown has no secret, token or variable in it. */
  async function test(body: object = {}, user: User = 'night', id = 'out'): Promise<Shown> {
    const answer = await as(world.nodeRed, user, `/hl7-https-out/${id}/test`, body)
    assert.equal(answer.status, 200, answer.text)
    assert.equal(answer.headers.get('cache-control'), 'no-store')
    for (const secret of [
      SECRET,
      TYPED,
      TEST_SECRET,
      'that-nobody',
      'eyJ',
      '%E2%80',
      'hook-0815'
    ]) {
      assert.ok(!answer.text.includes(secret), `${secret} is in ${answer.text}`)
    }
    return answer.body as Shown
  }

  it('sends a harmless message, which is in no queue, figure or output, and shows the answer', async () => {
    await world.deploy()
    const figures = async (): Promise<unknown> => {
      const { acked, naked, failed, queued, lastError, latencyMs } = await world.state()
      return { acked, naked, failed, queued, lastError, latencyMs }
    }
    const before = await figures()
    const { request, status, ack, rule, action } = await test({ type: 'ADT^A08' })
    assert.equal(request.line, 'POST /hl7 HTTP/1.1')
    assert.equal(request.headers['authorization'], 'Bearer •••')
    assert.deepEqual([status, ack.code, rule, action], [200, 'AA', ':?A=C', 'C'])
    const { body } = world.receiver.requests.at(-1) ?? {}
    assert.match(String(body), /^MSH\|[^\r]*\|ADT\^A08\|TEST[0-9A-F]{16}\|T\|/)
    assert.deepEqual(await figures(), before)
    assert.deepEqual(world.left('ack'), [])
    assert.deepEqual(await world.messages(''), [])
    assert.notEqual((await test()).ack.controlId, ack.controlId, 'a new one each time')
  })

  /** Where the token is sent → the line and the header that are shown. */
  const places: [out: Properties, line: RegExp, header: string, value: string | undefined][] = [
    [{ authHeader: 'X-Token', authScheme: '' }, /^POST \/hl7 HTTP/, 'x-token', '•••'],
    [{ tokenPlacement: 'query' }, /^POST \/hl7\?access_token=••• /, 'authorization', undefined]
  ]
  for (const [out, line, header, value] of places) {
    it(`masks the token wherever it is sent: ${JSON.stringify(out)}`, async () => {
      await deploy(out)
      const { request } = await test()
      assert.match(request.line, line)
      assert.equal(request.headers[header], value)
    })
  }

  it('shows what a header is made of, but no secret or variable, not even in an expression', async () => {
    await deploy({ contentType: '${TEST_SECRET}' })
    const { request, reply } = await test()
    for (const [index, [value, valueType, shown]] of VALUES.entries()) {
      const found = request.headers[`x-${index}`] ?? ''
      const what = `${valueType} ${value}`
      if (typeof shown === 'string') assert.equal(found, shown, what)
      else assert.match(found, shown, what)
    }
    assert.match(request.headers['content-type'] ?? '', /^•••/)
    assert.equal(seen[0]?.headers['x-1'], TEST_SECRET)
    assert.equal(seen[0].headers['x-9'], 'of-a-variable-that-nobody-may-see')
    // The receiver has repeated them, and the token.
    assert.match(seen[0].headers.authorization ?? '', /^Bearer eyJ/)
    assert.match(reply, /"x-5":"•••"/)
  })

  const fields = VALUES.map(([value, valueType], at) => entry(`F${at}`, value, valueType))
  const shown = VALUES.map(([, , value], at) => [`F${at}`, value] as const)

  it('shows the body as it is sent, without secrets', async () => {
    await deploy()
    assert.equal((await test()).request.body, seen[0]?.body)
    assert.match(seen[0]?.body ?? '', /^MSH\|/)
    const fixed = { formFields: fields.slice(0, -1), format: 'form', tokenPlacement: 'body' }
    await deploy(fixed)
    const form = new URLSearchParams((await test()).request.body)
    assert.match(form.get('message') ?? '', /^MSH\|/)
    assert.equal(form.get('access_token'), '•••')
    for (const [name, value] of shown.slice(0, -1)) {
      const found = form.get(name) ?? ''
      if (typeof value === 'string') assert.equal(found, value, name)
      else assert.match(found, value, name)
    }
  })

  it('shows no body for which an expression reads a variable', async () => {
    const bodyTemplate = '{"a": $env("TEST_SECRET"), "b": $message}'
    for (const out of [
      { format: 'json', bodyTemplate },
      { format: 'form', formFields: fields }
    ]) {
      await deploy(out)
      assert.equal((await test()).request.body, '•••')
    }
  })

  it('shows nothing that a template makes of a secret, and the rest of the body', async () => {
    const secret2 = '4711815'
    const template = {
      format: 'json',
      credentials: { secret1: SECRET, secret2 },
      formFields: [
        entry('user', 'north'),
        entry('password', 'secret1', 'cred'),
        entry('key', 'TEST_SECRET', 'env'),
        entry('pin', 'secret2', 'cred')
      ]
    }
    const made = [
      '$base64encode($fields.user & ":" & $fields.password)',
      '$uppercase($fields.key)',
      '$substring($fields.password, 2)',
      '$join($split($fields.key, ""), " ")'
    ]
    await deploy({
      ...template,
      bodyTemplate: `{"made": [${made.join(', ')}], "plain": $fields.password, "type": $fields.user}`
    })
    const { request } = await test()
    const { made: shown, ...others } = JSON.parse(request.body) as { made: string[] }
    assert.deepEqual(others, { plain: '•••', type: 'north' })
    const { made: sent } = JSON.parse(seen[0]?.body ?? '') as { made: string[] }
    assert.equal(sent[0], Buffer.from(`north:${SECRET}`).toString('base64'))
    for (const [index, text] of sent.entries()) assert.notEqual(shown[index], text)
    // One that fails without the secret shows nothing, and is sent.
    await deploy({ ...template, bodyTemplate: '{"pin": $number($fields.pin)}' })
    const failing = await test()
    assert.deepEqual([failing.request.body, seen.at(-1)?.body], ['•••', `{"pin":${secret2}}`])
    // XML, with a secret as it is.
    await deploy({
      ...template,
      format: 'text',
      bodyTemplate: '"<p>" & $xml($fields.password) & "</p><m>" & $xml($message) & "</m>"'
    })
    assert.match((await test()).request.body, /^<p>•••<\/p><m>MSH\|/)
  })

  it('hides the token that the receiver refuses and repeats', async () => {
    await deploy({ url: own('/refusing') })
    const { status, reply } = await test()
    assert.deepEqual([status, reply], [401, 'Bearer •••'])
  })

  it('hides a URL that comes from a variable', async () => {
    await deploy({ url: '${URL_WITH_KEY}' })
    assert.equal((await test()).request.line, 'POST ••• HTTP/1.1')
    assert.equal(seen[0]?.url, '/hl7/hook-0815')
    await deploy({ url: own('/hl7?a=b') })
    assert.equal((await test()).request.line, 'POST /hl7?a=b HTTP/1.1')
  })

  it('shows the request of a dry run, which sends nothing and fetches no token', async () => {
    await deploy({ tokenPlacement: 'query' })
    const { request, status, ...more } = await test({ dryRun: true, type: 'VXU^V04' })
    assert.match(request.line, /^POST \/hl7\?access_token=••• /)
    assert.equal(request.headers['x-0'], 'plain')
    assert.match(request.body, /^MSH\|[^\r]*\|VXU\^V04\^VXU_V04\|TEST[^]*\rRXA\|/)
    assert.deepEqual([status, Object.keys(more)], [undefined, ['message']])
    assert.deepEqual(seen, [])
    const { events } = (await as(world.nodeRed, 'night', '/hl7-https-out/out/events')).body as {
      events: { kind: string }[]
    }
    assert.ok(!events.some(({ kind }) => kind === 'tested'))
  })

  it('sends a sample of its own: training, and with a control ID of its own', async () => {
    await world.deploy()
    const sample =
      'BHS|^~\\&|A||||||||B1\n MSH|^~\\&|A|||||||M1|P^A|2.3\rMSH|^~\\&|A\nPID|1||4711\nBTS|2'
    await test({ sample }, 'admin')
    assert.match(
      world.receiver.requests.at(-1)?.body.toString() ?? '',
      /^BHS\|\^~\\&\|A\|{8}(TEST\w+)\r MSH\|\^~\\&\|A\|{7}\1\|T\|2\.3\rMSH\|\^~\\&\|A\|{7}\1-2\|T\rPID\|1\|\|4711\rBTS\|2\r$/
    )
    const { error } = await test({ sample: 'Lindqvist' }, 'admin')
    assert.equal(error.code, 'HL7_INVALID_MESSAGE')
    assert.match(error.reason, /^The text does not start with MSH, FHS or BHS\./)
    assert.doesNotMatch(error.reason, /Lindqvist/)
  })

  it('has other control IDs at the backup, also as a batch: it may be the same system', async () => {
    const bodies: string[] = []
    const backup = await startServer((request, response) => {
      void bodyOf(request).then((body) => {
        bodies.push(body.toString())
        response.end(ackFor('x'))
      })
    })
    try {
      await deploy({ backupUrl: new URL('/hl7', backup.url).href })
      const sample =
        'BHS|^~\\&|A|||||n|comment||B1\rMSH|^~\\&|A|||||||M1|P|2.3\rMSH|^~\\&|A|||||||M2|P|2.3'
      for (const one of [{ type: 'ADT^A08' }, { sample }]) {
        await test(one, 'admin')
        const idsOf = (body = ''): string[] => body.match(/\bTEST[0-9A-F]+/g) ?? []
        const [first, second] = [idsOf(seen.at(-1)?.body), idsOf(bodies.at(-1))]
        assert.ok(first.length > 0 && first.length === second.length, bodies.at(-1))
        assert.ok(!first.some((id) => second.includes(id)), bodies.at(-1))
      }
      assert.match(bodies.at(-1) ?? '', /^BHS\|[^\r]*\|comment\|/)
    } finally {
      await backup.close()
    }
  })

  it('is an event that names who sent what where, the backup included, and no text', async () => {
    const { host } = new URL(own('/'))
    const backup = await startServer((_request, response) => response.end(ackFor('x')))
    try {
      await deploy({ backupUrl: new URL('/hl7', backup.url).href })
      const sample = 'MSH|^~\\&|A||||||ORU^R01|M1|P|2.3\rPID|1||4711||LINDQVIST'
      await test({ type: 'ADT^A08' })
      await test({ sample }, 'admin')
      await test({ sample: 'LINDQVIST' }, 'admin')
    } finally {
      await backup.close()
    }
    const { body, text } = await as(world.nodeRed, 'night', '/hl7-https-out/out/events')
    const { events } = body as { events: { kind: string; by: string; text: string }[] }
    const told = events.filter(({ kind }) => kind === 'tested').reverse()
    const hosts = `${host}, ${backup.url.host}`
    assert.deepEqual(
      told.map(({ by, text: words }) => [by, words]),
      [
        ['night', `Test message sent to ${hosts} (ADT^A08)`],
        ['admin', `Test message sent to ${hosts} (ORU^R01)`],
        ['admin', `Test message sent to ${hosts} (?)`]
      ]
    )
    assert.doesNotMatch(text, /LINDQVIST|4711/)
  })

  it('takes a sample for a deployed node only from those who may see messages', async () => {
    await world.deploy()
    const statusOf = async (body: object, user: User): Promise<number> =>
      (await as(world.nodeRed, user, '/hl7-https-out/out/test', body)).status
    assert.equal(await statusOf({ sample: 'MSH|' }, 'night'), 403)
    assert.equal(await statusOf({ sample: 5 }, 'admin'), 400)
    assert.equal(await statusOf({ sample: 'M'.repeat(1_048_577) }, 'admin'), 400)
    assert.equal(await statusOf({ dryRun: 'yes' }, 'night'), 400)
  })

  it('takes any type, and no other segment in it', async () => {
    await world.deploy()
    for (const type of ['', '^', 'A'.repeat(10_000), 'ADT|X\rZZZ|1^A01&\r']) {
      assert.match((await test({ type })).ack.code, /^A[AR]$/)
      const segments = world.receiver.requests.at(-1)?.body.toString().split('\r')
      assert.deepEqual(
        segments?.map((segment) => segment.slice(0, 3)),
        ['MSH', 'EVN', 'PID', 'PV1', '']
      )
    }
  })

  /** A node that cannot be tested → why. No reason has a variable in it. */
  const mistakes: [out: Properties, reason: RegExp][] = [
    [{ url: '' }, /^Not set up: .*URL/],
    [{ orderKey: '${TEST_SECRET}', order: 'key' }, /^Not set up: /],
    [{ format: 'json', bodyTemplate: '$error("Lindqvist")' }, /^The body template /]
  ]
  for (const [out, reason] of mistakes) {
    it(`says why it cannot be sent: ${JSON.stringify(out)}`, async () => {
      await deploy(out)
      const { error } = await test()
      assert.equal(error.code, 'HL7_CONFIG')
      assert.match(error.reason, reason)
      assert.doesNotMatch(error.reason, /Lindqvist/)
      assert.deepEqual(seen, [])
    })
  }

  describe('with the settings in a form', () => {
    before(() => deploy())

    /** As the form has them: every property. */
    const inForm = (changed: Properties = {}): Properties => {
      const { defaults } = formDefinition('hl7-https-out')
      const all = Object.entries(defaults).map(([name, { value }]) => [name, value])
      const credentials = { secret1: '__PWRD__' }
      const given = { url: own('/hl7'), queue: 'memory', auth: 'auth', tls: 'tls', headers }
      return { ...(Object.fromEntries(all) as Properties), ...given, credentials, ...changed }
    }

    for (const [id, secret1, sent] of [
      ['out', '__PWRD__', SECRET],
      ['not-deployed', 'typed too', 'typed too']
    ] as const) {
      it(`sends what is in the form, with stored or typed secrets and variables: ${id}`, async () => {
        const { request, action, rule } = await test(
          {
            node: inForm({
              ...{ url: own('/other'), format: 'form', replyCodeActions: ':?A=S', order: 'key' },
              headers: [...headers, entry('X-Typed', 'secret2', 'cred')],
              credentials: { secret1, secret2: TYPED }
            })
          },
          'author',
          id
        )
        assert.deepEqual([request.line, action, rule], ['POST /other HTTP/1.1', 'S', ':?A=S'])
        assert.equal(request.headers['content-type'], 'application/x-www-form-urlencoded')
        const { headers: got = {} } = seen[0] ?? {}
        assert.deepEqual([got['x-3'], got['x-1']], [TEST_SECRET, TEST_SECRET])
        assert.deepEqual([got['x-5'], got['x-typed']], [sent, TYPED])
        assert.deepEqual(await world.messages(''), [])
      })
    }

    it('takes the config nodes as they stand in the editor, deployed or not', async () => {
      const { receiver } = world
      const flow = world.flow()
      const [tls, auth] = ['tls', 'auth'].map((id) => flow.find((node) => node.id === id))
      assert.ok(tls && auth)
      const nodes = [
        { ...tls, id: 'new-tls' },
        { ...auth, id: 'new-auth', tls: 'new-tls' }
      ]
      const named = { url: receiver.url, auth: 'new-auth', tls: 'new-tls', headers: [] }
      const sent = await test({ node: { ...inForm(named), nodes } }, 'author', 'not-deployed')
      assert.deepEqual([sent.status, sent.ack.code], [200, 'AA'])
      assert.equal(sent.request.headers['authorization'], 'Bearer •••')
      // In place of a deployed one, whose stored secret counts unless another is typed.
      const { credentials, ...deployed } = auth
      assert.ok(credentials)
      for (const [typed, code] of [
        [{}, undefined],
        [{ clientSecret: TYPED }, 'invalid_client']
      ] as const) {
        const node = { ...deployed, tls: 'new-tls', credentials: typed }
        const form = { ...inForm({ ...named, auth: 'auth' }), nodes: [...nodes, node] }
        const { error } = await test({ node: form }, 'author')
        assert.equal((error as Shown['error'] | null)?.code, code)
      }
      const other = { ...tls, id: 'new-tls', servername: 'other.example' }
      const failed = await test(
        { node: { ...inForm({ ...named, auth: '' }), nodes: [other] } },
        'author'
      )
      assert.equal(failed.error.code, 'ERR_TLS_CERT_ALTNAME_INVALID')
    })

    it('says to try https:// where a server expects TLS, and what is wrong where it expects none', async () => {
      const { host } = new URL(world.receiver.url)
      const bare = { auth: '', headers: [] }
      const plain = await test({ node: inForm({ ...bare, url: `http://${host}/` }) }, 'author')
      assert.match(plain.error.hint, /try https:\/\/ in the URL/, plain.error.code)
      const secure = { ...bare, url: own('/').replace('http:', 'https:') }
      const { error } = await test({ node: inForm(secure) }, 'author')
      assert.match(error.hint, /that the server uses HTTPS on it/, error.code)
    })

    it('says when retrying would end', async () => {
      const port = await freePort()
      for (const [changed, until] of [
        [{}, 'receiver'],
        [{ failWhileUnreachable: true }, 'timeout'],
        [{ failureTimeout: -1 }, 'answered'],
        [{ failureTimeout: 0 }, null],
        [{ replyCodeActions: 'E=F' }, null]
      ] as const) {
        const node = inForm({ url: `http://127.0.0.1:${port}/`, auth: '', headers: [], ...changed })
        const { error, retriedUntil } = await test({ node }, 'author')
        assert.deepEqual(
          [error.code, retriedUntil],
          ['ECONNREFUSED', until],
          JSON.stringify(changed)
        )
      }
    })

    /** A mistake in the form → why it cannot be sent. */
    const inFormMistakes: [changed: Properties, reason: RegExp][] = [
      [{ url: '' }, /^Not set up: .*URL/],
      [{ tls: 'nowhere' }, /TLS: The node is missing/],
      [{ auth: 'nowhere' }, /OAuth 2\.0: The node is missing/],
      [
        { auth: 'off', nodes: [{ id: 'off', type: 'oauth2-client-credentials', d: true }] },
        /OAuth 2\.0: The node is missing/
      ],
      [
        { auth: 'bare', nodes: [{ id: 'bare', type: 'oauth2-client-credentials' }] },
        /OAuth 2\.0, .*Client ID/
      ],
      [
        { auth: 'own', nodes: [{ id: 'own', type: 'oauth2-client-credentials', tls: 'own' }] },
        /OAuth 2\.0, TLS: This is a node of another type/
      ],
      [
        { tls: 'odd', nodes: [{ id: 'odd', type: 'inject' }] },
        /TLS: This is a node of another type/
      ],
      [
        { tls: 'tls', nodes: [{ id: 'tls', type: 'tls-config', cert: '/nowhere' }] },
        /TLS: The TLS configuration cannot be used/
      ],
      [
        { proxy: 'p', nodes: [{ id: 'p', type: 'http proxy', url: 'x' }, null, 7] },
        /Proxy: The URL of the proxy/
      ],
      [{ replyCodeActions: ':?A=' }, /Reply rules: At position 5/],
      [{ headers: { name: 'x' } }, /Headers: This must be a list/]
    ]
    it('says what is wrong with them, and with the config nodes', async () => {
      for (const [changed, reason] of inFormMistakes) {
        const { error } = await test({ node: inForm(changed) }, 'author')
        assert.equal(error.code, 'HL7_CONFIG')
        assert.match(error.reason, reason)
      }
      assert.deepEqual(seen, [])
    })

    it('is for those who may deploy; with what is deployed, for operators', async () => {
      const form = { node: inForm() }
      for (const [user, ofForm, ofNode] of [
        ['watch', 401, 401],
        ['night', 401, 200],
        ['author', 200, 401],
        ['admin', 200, 200]
      ] as const) {
        const statusOf = async (id: string, body: object): Promise<number> =>
          (await as(world.nodeRed, user, `/hl7-https-out/${id}/test`, body)).status
        assert.equal(await statusOf('out', form), ofForm, user)
        assert.equal(await statusOf('not-deployed', form), ofForm, user)
        assert.equal(await statusOf('out', {}), ofNode, user)
      }
    })
  })

  it('leaves no secret in the log', async () => {
    const log = (await world.nodeRed.printed()).join('\n')
    assert.match(log, /hl7-https-out\.test/)
    for (const secret of [SECRET, TYPED, TEST_SECRET, 'eyJ', 'hook-0815']) {
      assert.ok(!log.includes(secret), secret)
    }
  })

  it('answers 404 for a node that is not there', async () => {
    const { status, body } = await world.nodeRed.post('/hl7-https-out/nowhere/test')
    assert.equal(status, 404)
    assert.ok((body as Partial<NodeState>).id === undefined)
  })
})
