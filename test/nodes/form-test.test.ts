import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { after, before, beforeEach, describe, it } from 'node:test'
import { formDefinition } from '../docs/form-definition.ts'
import { bodyOf, startServer, type LocalServer } from '../http-client/local-server.ts'
import { adminAuth, logIn } from '../support/admin-users.ts'
import { startNodeRed, type FlowNode, type TestNodeRed } from '../support/node-red.ts'

const SECRET = 'a secret that stays here'
const VARIABLE = 'ES256-of-a-variable-0815'
const TOKEN_ANSWER = '{"access_token":"a-token","token_type":"Bearer","expires_in":300}'
const QUEUE_KEY = 'the key of all queue files'
const users = {
  reader: ['oauth2-client-credentials.write', 'hl7-https-out.read'],
  operator: ['hl7-https-out.read', 'hl7-https-out.write'],
  author: ['flows.write'],
  admin: '*'
} as const
type User = keyof typeof users

type Answer = Record<string, unknown>
interface Response {
  status: number
  body: Answer
  text: string
}

const privateKey = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({
  type: 'pkcs8',
  format: 'pem'
}) as string

describe('a test of a form, or of a deployed node', () => {
  let nodeRed: TestNodeRed
  let server: LocalServer
  const seen: {
    url: string
    text: string
    length: number
    headers: NodeJS.Dict<string | string[]>
  }[] = []
  const sessions = new Map<User, string>()
  /** What the token endpoint answers; undefined: that it does not know the client. */
  let tokenAnswer: () => string | undefined

  before(async () => {
    server = await startServer((request, response) => {
      void bodyOf(request).then((body) => {
        const { url = '', headers } = request
        seen.push({
          url,
          headers,
          length: body.length,
          text: `${JSON.stringify(headers)} ${body.toString()}`
        })
        response.setHeader('content-type', 'application/json')
        if (url.startsWith('/token')) {
          const answer = tokenAnswer()
          if (answer === undefined) response.statusCode = 401
          response.end(answer ?? '{"error":"invalid_client"}')
        } else if (url.startsWith('/refusing-tokens')) {
          response.statusCode = 401
          response.end(headers.authorization)
        } else if (url.startsWith('/refusing')) {
          response.statusCode = 400
          const said = `not for the-client at ${url}`
          response.end(JSON.stringify({ error: 'invalid_request', error_description: said }))
        } else if (url.startsWith('/silent')) {
          response.end()
        } else if (url.includes('/.well-known')) {
          response.end(`{"issuer":"${own('/realm/')}","token_endpoint":"${own('/token')}"}`)
        } else {
          response.setHeader('content-type', 'application/hl7-v2')
          response.end(echo(body.toString(), headers))
        }
      })
    })
    nodeRed = await startNodeRed({
      env: {
        QUEUE_KEY,
        ALGORITHM: VARIABLE,
        TOKEN_URL: own('/token'),
        TOKEN_URL_WITH_KEY: own('/refusing?key=0815'),
        SILENT_URL: own('/silent'),
        ISSUER: own('/realm'),
        RECEIVER_URL: own('/hl7/hook-0815'),
        CLIENT: 'the-client'
      },
      settings: {
        logging: { console: { level: 'info', audit: true } },
        adminAuth: adminAuth(users)
      }
    })
    for (const user of Object.keys(users) as User[]) sessions.set(user, await logIn(nodeRed, user))
  })
  after(async () => {
    await nodeRed.close()
    await server.close()
  })
  beforeEach(() => {
    seen.length = 0
    tokenAnswer = () => TOKEN_ANSWER
  })

  const own = (path: string): string => new URL(path, server.url).href

  /** An acknowledgement that repeats the request headers. */
  function echo(body: string, headers: NodeJS.Dict<string | string[]>): string {
    const id = body.split('|')[9] ?? ''
    const told = JSON.stringify(headers).replaceAll('|', ' ')
    return `MSH|^~\\&|C|D|A|B|20260102||ACK^A01|R1|P|2.5.1\rMSA|AA|${id}|${told}\r`
  }

  async function as(user: User, path: string, body: unknown): Promise<Response> {
    const response = await fetch(nodeRed.url + path, {
      method: 'POST',
      headers: {
        'Content-Type': 'application/json',
        Authorization: `Bearer ${sessions.get(user)}`
      },
      body: JSON.stringify(body)
    })
    const text = await response.text()
    for (const secret of [SECRET, QUEUE_KEY, VARIABLE]) {
      assert.ok(!text.includes(secret), `${user} sees ${secret}: ${text}`)
    }
    return { status: response.status, body: text === '' ? {} : (JSON.parse(text) as Answer), text }
  }

  const test = (user: User, body: unknown, id = 'auth'): Promise<Response> =>
    as(user, `/oauth2-client-credentials/${id}/test`, body)

  /** The properties of the deployed config node. */
  const auth = (): Answer => ({
    ...{ tokenEndpoint: own('/token'), scope: 'hl7:write', clientAuth: 'client_secret_post' },
    ...{ keyId: 'k', defaultLifetime: 300, extraParams: [{ name: 'a', value: 'b' }] }
  })
  const stored = { clientId: 'the-client', clientSecret: '__PWRD__' }

  const flow = (authNode: Answer, out: Answer = {}): FlowNode[] => [
    { id: 'tab', type: 'tab', label: 'test' },
    { id: 'auth', type: 'oauth2-client-credentials', ...authNode },
    {
      ...{ id: 'out', type: 'hl7-https-out', z: 'tab', url: own('/hl7'), queue: 'memory' },
      ...{ auth: 'auth', wires: [[], []] },
      ...out
    }
  ]
  const credentials = { clientId: 'the-client', clientSecret: SECRET }
  const deploy = (changed: Answer = {}, out: Answer = {}): Promise<void> =>
    nodeRed.deploy(flow({ ...auth(), credentials, ...changed }, out))

  it('of a form needs flows.write, and that of a deployed node its .write', async () => {
    await deploy()
    const form = { ...auth(), tokenEndpoint: '${TOKEN_URL}', credentials: stored }
    const out = { url: own('/hl7'), auth: 'auth' }
    const statuses = async (user: User): Promise<number[]> => {
      const answers = [
        await test(user, form),
        await test(user, form, 'not-deployed'),
        await as(user, '/hl7-https-out/out/test', { node: out }),
        await as(user, '/hl7-https-out/not-deployed/test', { node: out }),
        await as(user, '/hl7-https-out/out/test', {})
      ]
      return answers.map(({ status }) => status)
    }
    assert.deepEqual(await statuses('reader'), [401, 401, 401, 401, 401])
    assert.deepEqual(await statuses('operator'), [401, 401, 401, 401, 200])
    assert.deepEqual(await statuses('author'), [200, 200, 200, 200, 401])
    assert.deepEqual(await statuses('admin'), [200, 200, 200, 200, 200])
  })

  it('of the config node uses the stored secret, and nothing of another node', async () => {
    await deploy()
    const { body } = await test('author', { ...auth(), credentials: stored })
    assert.equal(body['ok'], true)
    assert.match(seen.at(-1)?.text ?? '', /client_secret=a\+secret\+that\+stays\+here/)
    for (const id of ['not-deployed', 'out', '__proto__']) {
      const { body } = await test('author', { ...auth(), credentials: stored }, id)
      assert.equal(body['code'], 'CONFIG', id)
    }
  })

  it('clears the back-off of the deployed node if it succeeds with the same settings', async () => {
    let works = false
    tokenAnswer = () => (works ? TOKEN_ANSWER : undefined)
    const deployed = { ...auth(), credentials }
    const requests = (): number => seen.filter(({ url }) => url === '/token').length
    const send = (): Promise<unknown> => as('operator', '/hl7-https-out/out/test', {})
    await deploy()
    await send()
    await send()
    assert.equal(requests(), 1, 'it backs off')
    works = true
    for (const [form, asked] of [
      [{ ...deployed, scope: 'another' }, 2],
      [deployed, 4]
    ] as const) {
      assert.equal((await test('author', form)).body['ok'], true)
      await send()
      assert.equal(requests(), asked)
    }
  })

  it('never shows the value of a variable, in any text of the answer', async () => {
    const tests: [Answer, shown: RegExp][] = [
      [{ tokenEndpoint: '${TOKEN_URL}' }, /"tokenEndpoint":"•••"/],
      [
        { signingAlg: '${ALGORITHM}', clientAuth: 'private_key_jwt' },
        /Algorithm: it does not fit this private key/
      ],
      [{ grantType: '${ALGORITHM}' }, /grantType must be one of/],
      [
        { extraParams: [{ name: '${ALGORITHM}', value: 'NONE', valueType: 'env' }] },
        /extraParams, \$\{ALGORITHM\}: the environment variable NONE/
      ],
      [{ scope: '${QUEUE_KEY}' }, /"scope":"•••"/],
      [
        { tokenEndpoint: own('/refusing'), audience: '${CLIENT}' },
        /"description":"not for ••• at \/refusing"/
      ],
      [
        { tokenEndpoint: '${TOKEN_URL_WITH_KEY}' },
        /"description":"not for the-client at \/refusing•••"/
      ]
    ]
    for (const [changed, shown] of tests) {
      const form = { ...auth(), ...changed, credentials: { ...credentials, privateKey } }
      const { status, text } = await test('author', form)
      assert.equal(status, 200, text)
      assert.match(text, shown)
    }
  })

  describe('of the sending node', () => {
    const entry = (name: string, value: string, valueType: string): Answer => ({
      ...{ name, value, valueType }
    })
    const headers = [
      entry('X-Str', 'plain', 'str'),
      entry('X-Variable', '${QUEUE_KEY}', 'str'),
      entry('X-Env', 'QUEUE_KEY', 'env'),
      entry('X-Cred', 'secret1', 'cred'),
      entry('X-Msg', 'payload.length', 'msg'),
      entry('X-Hl7', 'MSH-9.1', 'hl7'),
      entry('X-Sum', '"sum " & (1 + 1)', 'jsonata'),
      entry('X-Reads', '$substringAfter($env("QUEUE_KEY"), "the ")', 'jsonata')
    ]
    const out = { headers, credentials: { secret1: SECRET }, contentType: '${ALGORITHM}' }

    async function shown(user: User): Promise<{ request: Answer; text: string }> {
      const { status, body, text } = await as(user, '/hl7-https-out/out/test', {})
      assert.equal(status, 200, text)
      const { request } = body as { request: { headers: Answer } }
      return { request: request.headers, text }
    }
    it('shows what a header was made of, but no variable, not even in an expression', async () => {
      await deploy({}, out)
      const { request, text } = await shown('operator')
      const length = String(seen.at(-1)?.length ?? 0)
      assert.deepEqual(
        headers.map(({ name }) => request[String(name).toLowerCase()]),
        ['plain', '•••', '•••', '•••', length, 'ADT', 'sum 2', '•••']
      )
      assert.match(String(request['content-type']), /^•••/)
      assert.ok(!text.includes('key of all'), text)
      assert.equal(seen.at(-1)?.headers['x-reads'], 'key of all queue files')
    })

    it('hides secrets and the token if the receiver repeats them', async () => {
      await deploy({}, out)
      const { text } = await shown('operator')
      assert.match(text, /MSA\|AA\|/)
      assert.match(seen.at(-1)?.text ?? '', /Bearer a-token/)
      assert.ok(!text.includes('a-token'), text)
      assert.match(text, /x-cred\W+•••/)
    })

    it('hides a token that the receiver refuses and repeats', async () => {
      await deploy({}, { url: own('/refusing-tokens') })
      const { text } = await shown('operator')
      assert.equal(seen.filter(({ text }) => text.includes('Bearer a-token')).length, 1)
      assert.match(text, /"status":401,"reply":"Bearer •••"/)
    })

    it('shows no variable in the error for a node that is not set up', async () => {
      const fields: Answer[] = [
        { replyCodeActions: '${ALGORITHM}' },
        { headers: [entry('${ALGORITHM}', 'a\nb', 'str')] },
        { orderKey: '${ALGORITHM}', order: 'key' }
      ]
      for (const changed of fields) {
        await deploy({}, changed)
        const { text } = await as('operator', '/hl7-https-out/out/test', {})
        assert.match(text, /This node is not set up/)
      }
    })

    describe('with the settings in a form', () => {
      /** As the form has them: every property. */
      const inForm = (): Answer => {
        const { defaults } = formDefinition('hl7-https-out')
        const all = Object.entries(defaults).map(([name, { value }]) => [name, value])
        const { credentials: _, ...properties } = out
        const given = { url: own('/hl7'), queue: 'memory', auth: 'auth' }
        return { ...(Object.fromEntries(all) as Answer), ...given, ...properties }
      }
      const stored = { secret1: '__PWRD__' }
      const testOf = (user: User, node: Answer, id = 'out'): Promise<Response> =>
        as(user, `/hl7-https-out/${id}/test`, { type: 'ADT^A08', node })
      before(() => deploy({}, out))

      it('sends what is in the form, with the stored secrets and the variables, and hides them', async () => {
        const changed = {
          ...{ url: own('/other'), format: 'form', replyCodeActions: ':?A=S', order: 'key' },
          headers: [...headers, entry('X-Typed', 'secret2', 'cred')],
          contentType: ''
        }
        const credentials = { ...stored, secret2: 'a typed secret' }
        for (const id of ['out', 'not-deployed']) {
          const node = { ...inForm(), ...changed, credentials }
          if (id !== 'out') Object.assign(node, { credentials: { ...credentials, secret1: 's1' } })
          const { status, body, text } = await testOf('author', node, id)
          assert.equal(status, 200, text)
          const { request, action, rule } = body as {
            request: { line: string; headers: Answer }
            action: string
            rule: string
          }
          assert.deepEqual([request.line, action, rule], ['POST /other HTTP/1.1', 'S', ':?A=S'])
          assert.equal(request.headers['content-type'], 'application/x-www-form-urlencoded')
          assert.equal(request.headers['x-env'], '•••')
          assert.ok(!text.includes('a typed secret'), text)
          const sent = seen.at(-1)
          assert.equal(sent?.headers['x-env'], QUEUE_KEY)
          assert.equal(sent.headers['x-variable'], QUEUE_KEY)
          assert.equal(sent.headers['x-cred'], id === 'out' ? SECRET : 's1')
          assert.equal(sent.headers['x-typed'], 'a typed secret')
        }
        const found = await nodeRed.get('/hl7-https-out/out/messages')
        assert.deepEqual((found.body as Answer)['messages'], [])
      })

      it('says what is wrong with them, and to deploy a config node first', async () => {
        for (const [node, reason, hint] of [
          [{ url: '' }, /not set up: .*URL/, /^$/],
          [{ tls: 'new' }, /TLS configuration is missing/, /^Deploy first: .*OAuth 2\.0, TLS/],
          [{ auth: 'new' }, /OAuth 2\.0 node is missing/, /^Deploy first/],
          [{ replyCodeActions: ':?A=' }, /replyCodeActions/, /^$/],
          [{ headers: { name: 'x' } }, /headers must be a list/, /^$/]
        ] as const) {
          const { status, body } = await testOf('author', { ...inForm(), ...node })
          assert.equal(status, 200)
          const { error } = body as { error: { code: string; reason: string; hint: string } }
          assert.equal(error.code, 'HL7_CONFIG')
          assert.match(error.reason, reason)
          assert.match(error.hint, hint)
        }
        assert.deepEqual(seen, [])
      })

      it('is a new test each time', async () => {
        const path = `${nodeRed.url}/hl7-https-out/out/test`
        const headers = { 'Content-Type': 'application/json' }
        const answers = []
        for (let count = 0; count < 2; count++) {
          const answer = await fetch(path, { method: 'POST', headers, body: '{}' })
          assert.equal(answer.headers.get('cache-control'), 'no-store')
          const { ack } = (await answer.json()) as { ack: { controlId: string } }
          answers.push(ack.controlId)
        }
        assert.equal(seen.filter(({ url }) => url === '/hl7').length, 2)
        assert.notEqual(answers[0], answers[1])
      })
    })

    it('hides a URL that comes from a variable', async () => {
      await deploy({}, { url: '${RECEIVER_URL}' })
      const { body, text } = await as('operator', '/hl7-https-out/out/test', {})
      assert.equal((body['request'] as Answer)['line'], 'POST ••• HTTP/1.1')
      assert.equal(seen.at(-1)?.url, '/hl7/hook-0815')
      assert.ok(!text.includes('hook-0815'), text)
    })
  })

  it('leaves no secret in the log', async () => {
    await deploy()
    await test('author', auth())
    const log = (await nodeRed.printed()).join('\n')
    assert.match(log, /oauth2-client-credentials\.test/)
    for (const secret of [SECRET, QUEUE_KEY, VARIABLE, 'a-token']) assert.ok(!log.includes(secret))
  })
})

describe('what anyone may test without adminAuth', () => {
  let nodeRed: TestNodeRed
  before(async () => {
    nodeRed = await startNodeRed()
  })
  after(() => nodeRed.close())

  it('is everything', async () => {
    const { status, body } = await nodeRed.post('/oauth2-client-credentials/new/test', {
      ...{
        tokenEndpoint: 'https://127.0.0.1:1/',
        credentials: { clientId: 'a', clientSecret: 'b' }
      }
    })
    assert.equal(status, 200)
    assert.equal((body as Answer)['code'], 'ECONNREFUSED')
  })
})
