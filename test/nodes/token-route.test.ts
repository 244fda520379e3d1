import assert from 'node:assert/strict'
import { createServer } from 'node:net'
import { after, before, describe, it } from 'node:test'
import { decodeJwt } from 'jose'
import { selfSignedCertificate } from '../support/certificates.ts'
import { startHl7Receiver } from '../../demo/hl7-receiver.ts'
import { json, startTokenFaultServer, text } from '../support/token-fault-server.ts'
import { adt, CLIENT_ID, CLIENT_SECRET, startWorld, type World } from '../support/world.ts'

type Answer = Record<string, unknown> & { ok: boolean; hint: string; code: string }

describe('the Test button of the config node, behind its route', () => {
  let world: World
  before(async () => {
    world = await startWorld()
    await world.deploy()
  })
  after(() => world.close())

  /** Sends what the form would: the properties of the deployed node, some of them changed. */
  async function test(changed: Record<string, unknown> = {}, id = 'auth'): Promise<Answer> {
    const form = world.flow().find((node) => node.id === 'auth')
    const { status, body } = await world.nodeRed.post(`/oauth2-client-credentials/${id}/test`, {
      ...form,
      ...changed
    })
    assert.equal(status, 200)
    const text = JSON.stringify(body)
    assert.ok(!text.includes(CLIENT_SECRET) && !text.includes('eyJ'), text)
    return body as Answer
  }

  it('gets a token and shows everything about it except the token itself', async () => {
    const answer = await test()
    assert.deepEqual(Object.keys(answer).sort(), [
      'clientAuth',
      'elapsedMs',
      'expiresIn',
      'ok',
      'scope',
      'tokenEndpoint',
      'tokenType'
    ])
    assert.equal(answer.ok, true)
    assert.equal(answer['tokenEndpoint'], `${world.tokens.issuer}/token`)
    assert.equal(answer['clientAuth'], 'client_secret_basic')
    assert.equal(answer['expiresIn'], 300)
    assert.equal(answer['scope'], 'hl7:write')
  })

  it('uses the stored secret if the form does not send one', async () => {
    const kept = { clientId: CLIENT_ID, clientSecret: '__PWRD__' }
    assert.equal((await test({ credentials: kept })).ok, true)
    assert.equal((await test()).ok, true, 'or the one that was typed')
    const other = await test({ credentials: kept }, 'not-deployed')
    assert.equal(other.ok, false, 'nothing is stored for another ID')
    const foreign = await test({ credentials: kept }, 'out')
    assert.equal(foreign.ok, false, 'credentials of another node type are not used')
  })

  it('shows what a server says about a header, parameter or claim that is in the flow file', async () => {
    const said = 'Application north expects application/json from hospital-seven.'
    const server = await startTokenFaultServer(json({ error_description: said }, 400))
    const answer = await test({
      tokenEndpoint: `${server.origin}/token`,
      clientAuth: 'client_secret_jwt',
      headers: [{ name: 'Accept', value: 'application/json', valueType: 'str' }],
      extraParams: [{ name: 'org', value: 'hospital-seven' }],
      assertionClaims: [{ name: 'site', value: 'Application north' }]
    })
    await server.close()
    assert.equal(answer['description'], said)
  })

  it('sends the headers of the form to the token server, secrets among them', async () => {
    const gateway = await startTokenFaultServer(({ headers }, response) => {
      response.writeHead(403, { 'content-type': 'application/json' })
      response.end(JSON.stringify({ error_description: `${String(headers['x-api-key'])}!` }))
    })
    const answer = await test({
      tokenEndpoint: `${gateway.origin}/token`,
      headers: [
        { name: 'X-Api-Key', value: 'secret1', valueType: 'cred' },
        { name: 'x-site', value: 'north' }
      ],
      credentials: {
        clientId: CLIENT_ID,
        clientSecret: CLIENT_SECRET,
        secret1: 'key-of-the-gateway'
      }
    })
    await gateway.close()
    const { headers = {} } = gateway.seen[0] ?? {}
    assert.deepEqual([headers['x-api-key'], headers['x-site']], ['key-of-the-gateway', 'north'])
    assert.equal(answer['description'], '•••!')
  })

  it('signs with the claims of the form, JSON values among them', async () => {
    const server = await startTokenFaultServer(json({ access_token: 'a-token-in-good-order' }))
    const claims = (value: string): Record<string, unknown> => ({
      tokenEndpoint: `${server.origin}/token`,
      clientAuth: 'client_secret_jwt',
      assertionClaims: [
        { name: 'plain', value: '7' },
        { name: 'extensions', value, valueType: 'json' }
      ],
      credentials: { clientId: CLIENT_ID, clientSecret: CLIENT_SECRET }
    })
    assert.equal((await test(claims('{"a": [7]}'))).ok, true)
    await server.close()
    const { plain, extensions } = decodeJwt(server.seen[0]?.form.get('client_assertion') ?? '')
    assert.deepEqual([plain, extensions], ['7', { a: [7] }])
    const wrong = await test(claims('{a: 7}'))
    assert.equal(wrong['description'], 'Claim extensions: the value is not JSON.')
  })

  it('names a header that the node itself sets, and never its value', async () => {
    for (const [name, words] of [
      ['Authorization', 'headers, Authorization: the node itself sets this header'],
      ['content-type', 'headers, content-type: the node itself sets this header'],
      ['Host', 'headers, Host: the node itself sets this header'],
      ['a b', 'headers, a b: it is not a header name']
    ] as const) {
      const answer = await test({ headers: [{ name, value: 'key-of-the-gateway\n' }] })
      assert.equal(answer.code, 'CONFIG')
      assert.ok(String(answer['description']).startsWith(words), JSON.stringify(answer))
      assert.match(String(answer['description']), /contains a line break/)
      assert.ok(!JSON.stringify(answer).includes('key-of-the-gateway'))
    }
  })

  const mistakes: [name: string, changed: () => Record<string, unknown>, words: RegExp][] = [
    [
      'a wrong secret',
      () => ({ credentials: { clientId: CLIENT_ID, clientSecret: 'wrong' } }),
      /secret/i
    ],
    [
      'an issuer that is not one',
      () => ({ issuer: `${world.tokens.issuer}/nowhere` }),
      /issuer|well-known|token/i
    ],
    ['a TLS configuration that is not deployed', () => ({ tls: 'new-one' }), /deploy/i],
    ['a host that does not exist', () => ({ issuer: 'https://nowhere.invalid' }), /name|DNS|host/i],
    ['an unset variable', () => ({ issuer: '${NO_SUCH_VARIABLE}' }), /NO_SUCH_VARIABLE/],
    ['no secret at all', () => ({ credentials: { clientId: CLIENT_ID } }), /secret/i]
  ]
  for (const [name, changed, words] of mistakes) {
    it(`says what to do about ${name}`, async () => {
      const answer = await test(changed())
      assert.equal(answer.ok, false)
      assert.ok(answer.code.length > 0)
      assert.notEqual(answer.hint, '')
      assert.match(`${String(answer['description'])} ${answer.hint}`, words)
    })
  }

  it('answers garbage and an empty body without crashing', async () => {
    for (const body of [{}, [], { credentials: 7, extraParams: 'x', defaultLifetime: {} }]) {
      const { status } = await world.nodeRed.post('/oauth2-client-credentials/auth/test', body)
      assert.equal(status, 200)
    }
    assert.ok(world.nodeRed.alive)
  })

  it('sends a harmless test message, bypassing the queue, and shows the answer', async () => {
    const acks = world.nodeRed.messages('ack').length
    const { body } = await world.nodeRed.post('/hl7-https-out/out/test', { type: 'ADT^A08' })
    const answer = body as {
      request: { line: string; headers: Record<string, string> }
      status: number
      reply: string
      ack: { code: string }
      rule: string
      action: string
    }
    assert.equal(answer.request.line, 'POST /hl7 HTTP/1.1')
    assert.equal(answer.request.headers['authorization'], 'Bearer •••')
    assert.equal(answer.status, 200)
    assert.equal(answer.ack.code, 'AA')
    assert.equal(answer.rule, ':?A=C')
    assert.equal(answer.action, 'C')
    const sent = world.receiver.requests.at(-1)?.body.toString() ?? ''
    assert.match(sent, /^MSH\|[^\r]*\|ADT\^A08\|TEST[0-9A-F]{16}\|T\|/)
    assert.equal(world.nodeRed.messages('ack').length, acks)
    const state = (await world.nodeRed.get('/hl7-https-out/out')).body as { acked: number }
    assert.equal(state.acked, 0)
  })

  it('does not let the type inject another segment', async () => {
    await world.nodeRed.post('/hl7-https-out/out/test', { type: 'ADT|X\rZZZ|1^A01&\r' })
    const sent = world.receiver.requests.at(-1)?.body.toString() ?? ''
    assert.deepEqual(
      sent.split('\r').map((segment) => segment.slice(0, 3)),
      ['MSH', 'EVN', 'PID', 'PV1', '']
    )
  })

  it('answers 404 for a node that does not exist', async () => {
    assert.equal((await world.nodeRed.get('/hl7-https-out/nowhere')).status, 404)
    assert.equal((await world.nodeRed.get('/hl7-https-out/auth')).status, 404)
  })
})

describe('the status of the sending node', () => {
  let world: World
  before(async () => {
    world = await startWorld({ tokenLifetime: 300 })
  })
  after(() => world.close())

  it('says that there is no token, and why', async () => {
    await world.deploy(
      { retryInterval: 1 },
      { credentials: { clientId: CLIENT_ID, clientSecret: 'wrong' } }
    )
    await world.nodeRed.inject('in', { payload: adt('NOTOKEN1') })
    // The token is known to be missing a moment before the message waits for its retry.
    const status = await world.nodeRed.waitForStatus(
      'out',
      ({ text = '', codes }) => text.includes('invalid_client') && codes?.[1] === 'RETRYING'
    )
    assert.deepEqual(status, {
      ...{ fill: 'yellow', shape: 'ring', text: 'invalid_client · no token' },
      ...{ code: 'TOKEN', codes: ['TOKEN', 'RETRYING'] }
    })
  })

  it('shows the HTTP status of a refusal without a code', async () => {
    const server = await startTokenFaultServer(text('', 'text/plain', 403))
    try {
      await world.deploy({ retryInterval: 1 }, { tokenEndpoint: `${server.origin}/token` })
      await world.nodeRed.inject('in', { payload: adt('NOTOKEN2') })
      await world.nodeRed.waitForStatus('out', ({ text }) => text === 'HTTP 403 · no token')
    } finally {
      await server.close()
    }
  })

  it('says once in the log that a secret is missing, however many nodes use it', async () => {
    const before = (await world.nodeRed.printed()).length
    const second = { id: 'out2', type: 'hl7-https-out', z: 'tab', auth: 'auth', tls: 'tls' }
    const flow = world.flow({}, { credentials: { clientId: CLIENT_ID, clientSecret: '' } })
    await world.nodeRed.deploy([...flow, { ...second, url: world.receiver.url, wires: [[], []] }])
    const problem = /Fill in Client secret or Private key/
    await world.nodeRed.waitForStatus('out2', ({ fill }) => fill === 'red')
    const lines = (await world.nodeRed.printed()).slice(before)
    assert.equal(lines.filter((line) => problem.test(line)).length, 1, lines.join('\n'))
    // The messages still say why.
    const caught = world.nodeRed.messages('caught').length
    await world.nodeRed.inject('in', { payload: adt('NOTOKEN3') })
    const msg = (await world.nodeRed.waitForMessages('caught', caught + 1)).at(-1)
    const { message } = (msg as { error: { message: string } }).error
    assert.match(message, /not set up: auth: Fill in Client secret/)
  })

  it('says what to do about an untrusted certificate', async () => {
    const untrusted = await startHl7Receiver({ tls: await selfSignedCertificate() })
    try {
      await world.deploy({ failureTimeout: 0, url: untrusted.url })
      const caught = world.nodeRed.messages('caught').length
      await world.nodeRed.inject('in', { payload: adt('TRUST001') })
      const msg = (await world.nodeRed.waitForMessages('caught', caught + 1)).at(-1)
      const { message } = (msg as { error: { message: string } }).error
      assert.match(message, /TLS configuration/)
    } finally {
      await untrusted.close()
    }
  })

  it('shows that the receiver is down', async () => {
    const closed = createServer()
    await new Promise<void>((resolve) => closed.listen(0, '127.0.0.1', resolve))
    const { port } = closed.address() as { port: number }
    await new Promise((resolve) => closed.close(resolve))
    await world.deploy({ url: `https://127.0.0.1:${port}/`, retryInterval: 30 })
    await world.nodeRed.inject('in', { payload: adt('AWAY0001') })
    const status = await world.nodeRed.waitForStatus('out', ({ text = '' }) => /try 2/.test(text))
    assert.deepEqual([status.fill, status.shape], ['yellow', 'ring'])
    assert.match(status.text ?? '', / · try 2$/)
  })
})
