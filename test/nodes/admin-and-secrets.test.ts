import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { startNodeRed } from '../support/node-red.ts'
import { adt, CLIENT_ID, CLIENT_SECRET, startWorld, type World } from '../support/world.ts'

type Message = Record<string, unknown> & { hl7: Record<string, unknown> }
type Answer = Record<string, unknown>

const SECRET_HEADER = 'the key of a header 0815'

describe('admin routes and log', () => {
  let world: World
  before(async () => {
    world = await startWorld({
      settings: { logging: { console: { level: 'trace', metrics: true, audit: true } } }
    })
  })
  after(() => world.close())

  const ask = async (path: string, body?: unknown): Promise<Answer> =>
    (
      await (body === undefined
        ? world.nodeRed.get(`/hl7-https-out/out${path}`)
        : world.nodeRed.post(`/hl7-https-out/out${path}`, body))
    ).body as Answer

  const counted = async (): Promise<unknown> => {
    const { acked, naked, failed, queued, lastError, latencyMs } = await ask('')
    return { acked, naked, failed, queued, lastError, latencyMs }
  }

  const secretHeader = {
    headers: [{ name: 'X-Key', value: 'secret1', valueType: 'cred' }],
    credentials: { secret1: SECRET_HEADER }
  }

  it('the state has exactly these members, and lastError a code, a text and a time', async () => {
    await world.deploy({ failureTimeout: 0 })
    const { nodeRed, receiver } = world
    const idle = await ask('')
    assert.deepEqual(Object.keys(idle).sort(), [
      ...['acked', 'awaiting', 'certificates', 'failed', 'flow', 'host', 'id', 'inFlight', 'kind'],
      ...['lastAckAt', 'lastError', 'latencyMs', 'naked', 'name', 'oldestAgeMs', 'paused'],
      ...['perMinute', 'queued', 'reason', 'retry', 'retrying', 'since', 'state', 'suspended'],
      ...['token', 'values']
    ])
    assert.deepEqual([idle['state'], idle['lastError']], ['idle', null])
    assert.deepEqual(Object.keys(idle['latencyMs'] as object), ['p50', 'p95', 'p99'])
    receiver.respond = () => ({ status: 404, body: 'x' })
    await nodeRed.inject('in', { payload: adt('STATE001') })
    await nodeRed.waitForMessages('caught')
    receiver.respond = undefined
    const { state, failed, lastError } = await ask('')
    assert.deepEqual([state, failed], ['error', 1])
    assert.deepEqual(Object.keys(lastError as object).sort(), ['at', 'code', 'text'])
    assert.equal((lastError as Answer)['code'], '404')
    const paused = await ask('/pause', {})
    assert.deepEqual(Object.keys(paused).sort(), Object.keys(idle).sort())
    assert.equal(paused['state'], 'paused')
    assert.equal((await ask('/resume', {}))['state'], 'error')
    assert.deepEqual((await ask('/messages?state=suspended'))['messages'], [])
  })

  it('a node that is not set up says so, and since when', async () => {
    await world.deploy({ url: '' })
    const [first, second] = [await ask(''), await ask('')]
    assert.equal(first['state'], 'config')
    assert.equal((first['lastError'] as Answer)['code'], 'HL7_CONFIG')
    assert.deepEqual(first, second)
    assert.deepEqual(await ask('/messages'), { messages: [], more: false })
    assert.deepEqual(await ask('/events'), { events: [] })
    const { code, reason } = (await ask('/test', {}))['error'] as Answer
    assert.equal(code, 'HL7_CONFIG')
    assert.match(String(reason), /^This node is not set up: .*URL/)
  })

  it('an unknown node is answered with 404', async () => {
    for (const id of ['nowhere', 'auth', 'in', '__proto__']) {
      assert.equal((await world.nodeRed.get(`/hl7-https-out/${id}`)).status, 404, id)
      assert.equal((await world.nodeRed.post(`/hl7-https-out/${id}/pause`)).status, 404, id)
    }
  })

  it('the test message is shown with the token masked, wherever that is sent', async () => {
    for (const [out, seen] of [
      [{}, 'Bearer •••'],
      [{ authHeader: 'X-Token', authScheme: '' }, '•••'],
      [{ tokenPlacement: 'query' }, undefined],
      [{ tokenPlacement: 'body', format: 'form' }, undefined]
    ] as const) {
      await world.deploy({ ...secretHeader, ...out })
      const before = world.receiver.requests.length
      const counters = await counted()
      const answer = await ask('/test', { type: 'ORU^R01' })
      const { line, headers } = answer['request'] as {
        line: string
        headers: Record<string, string>
      }
      const sent = world.receiver.requests.at(-1)
      assert.ok(world.receiver.requests.length > before)
      const text = JSON.stringify(answer)
      for (const secret of ['eyJ', SECRET_HEADER, CLIENT_SECRET, '%E2%80']) {
        assert.ok(!text.includes(secret), `${secret} is in ${text}`)
      }
      assert.equal(headers['x-key'], '•••')
      assert.equal(headers['authorization'] ?? headers['x-token'], seen)
      assert.match(line, /^POST \/hl7\S* HTTP\/1\.1$/)
      assert.equal(line.includes('access_token=•••'), 'tokenPlacement' in out && !('format' in out))
      if (!('format' in out)) {
        assert.match(sent?.body.toString() ?? '', /\|ORU\^R01\|TEST[^|]+\|T\|/)
      }
      assert.deepEqual(await counted(), counters, 'it does not count')
    }
    assert.equal(world.nodeRed.messages('ack').length, 0, 'it does not leave on an output')
  })

  it('the test message shows no token if none is sent', async () => {
    await world.deploy({ auth: '', headers: [{ name: 'Authorization', value: 'Basic eA==' }] })
    const { request } = await ask('/test', {})
    const { headers } = request as { headers: Record<string, string> }
    assert.equal(headers['authorization'], 'Basic eA==')
    await world.deploy({ auth: '' })
    const without = (await ask('/test', {}))['request'] as { headers: Record<string, string> }
    assert.equal(without.headers['authorization'], undefined)
  })

  it('a test message that cannot be built says why', async () => {
    await world.deploy({ format: 'json', bodyTemplate: '$error("Lindqvist")' })
    const answer = await ask('/test', { type: 'ADT^A01' })
    assert.deepEqual((answer['error'] as Answer)['code'], 'HL7_CONFIG')
    assert.match(String((answer['error'] as Answer)['reason']), /body template/)
    for (const type of [5, null, '', '^', 'A'.repeat(10_000), '|\r\nPID|x', { a: 1 }]) {
      await world.deploy()
      const odd = await ask('/test', { type })
      assert.ok('ack' in odd, JSON.stringify(odd))
      assert.doesNotMatch(world.receiver.requests.at(-1)?.body.toString() ?? '', /PID\|x/)
    }
  })

  it('the token test uses stored secrets, and rejects what is not deployed', async () => {
    await world.deploy()
    const { nodeRed, tokens } = world
    const form = { issuer: tokens.issuer, scope: 'hl7:write', tls: 'tls' }
    const test = async (id: string, body: unknown): Promise<Answer> =>
      (await nodeRed.post(`/oauth2-client-credentials/${id}/test`, body)).body as Answer
    const stored = { clientId: CLIENT_ID, clientSecret: '__PWRD__' }
    const good = await test('auth', { ...form, credentials: stored })
    assert.deepEqual(Object.keys(good).sort(), [
      ...['clientAuth', 'elapsedMs', 'expiresIn', 'ok', 'scope', 'tokenEndpoint', 'tokenType']
    ])
    assert.equal(good['ok'], true)
    assert.ok(!JSON.stringify(good).includes('eyJ'))
    const typed = { clientId: CLIENT_ID, clientSecret: CLIENT_SECRET }
    assert.equal((await test('new', { ...form, credentials: typed }))['ok'], true)
    for (const id of ['new', 'out', '__proto__']) {
      assert.equal((await test(id, { ...form, credentials: stored }))['ok'], false, id)
    }
    for (const reference of [{ tls: 'undeployed' }, { proxy: 'undeployed' }]) {
      const bad = await test('auth', { ...form, ...reference, credentials: stored })
      assert.equal(bad['ok'], false)
      assert.match(String(bad['hint']), /deploy it, then test again/)
    }
    for (const body of [{}, [], { credentials: 5 }, { tls: {} }, { extraParams: 'x' }]) {
      const bad = await test('auth', body)
      assert.deepEqual(Object.keys(bad).sort(), [
        'code',
        'description',
        'hint',
        'hints',
        'ok',
        'status'
      ])
      assert.equal(bad['ok'], false)
    }
    const wrong = await test('auth', {
      ...form,
      credentials: { ...typed, clientSecret: 'wrong-1-2-3' }
    })
    assert.equal(wrong['code'], 'invalid_client')
    assert.ok(!JSON.stringify(wrong).includes('wrong-1-2-3'))
  })

  it('a Catch node gets at most 64 KiB of a reply, in whole characters', async () => {
    await world.deploy({ failureTimeout: 0 })
    const { nodeRed, receiver } = world
    for (const [character, length] of [
      ['a', 65_536],
      ['é', 65_536],
      ['€', 65_535],
      ['😀', 65_536]
    ] as const) {
      receiver.respond = () => ({
        status: 400,
        headers: { 'Content-Type': 'text/plain; charset=utf-8' },
        body: character.repeat(100_000)
      })
      const before = nodeRed.messages('caught').length
      await nodeRed.inject('in', { payload: adt('LONG0001') })
      const msg = (await nodeRed.waitForMessages('caught', before + 1)).at(-1) as Message
      const reply = String(msg.hl7['reply'])
      assert.equal(Buffer.byteLength(reply), length, JSON.stringify(msg['error']))
      assert.ok(!reply.includes('\ufffd'))
      assert.equal(msg['statusCode'], 400)
    }
    receiver.respond = undefined
  })

  it('an unknown MSH-18 counts as empty, with a warning that names the first message', async () => {
    await world.deploy()
    const { nodeRed, receiver } = world
    const odd = (id: string) =>
      adt(id).replace('|P|2.5.1', '|P|2.5.1||||||8859/99').replace('Lindqvist', 'Sjögren')
    const before = nodeRed.messages('ack').length
    await nodeRed.inject('in', { payload: odd('CHAR0001') })
    await nodeRed.inject('in', { payload: odd('CHAR0002') })
    await nodeRed.waitForMessages('ack', before + 2)
    assert.match(receiver.requests.at(-1)?.headers['content-type'] ?? '', /charset=utf-8$/)
    const warnings = (await nodeRed.printed()).filter((line) => line.includes('MSH-18'))
    assert.equal(warnings.length, 1)
    assert.match(warnings[0] ?? '', /warn.*CHAR0001 \(ADT\^A01\)/)
  })

  it('the payload of an error is the original one, whatever the flow has put there since', async () => {
    const { nodeRed, receiver } = world
    const flow = world
      .flow({ failureTimeout: 0 })
      .map((node) => (node.id === 'in' ? { ...node, wires: [['change']] } : node))
    const func =
      'node.send([msg, null], false); setTimeout(() => { msg.payload = "changed"; msg.hl7 = 5 }, 100)'
    await nodeRed.deploy([
      ...flow,
      { id: 'change', type: 'function', z: 'tab', outputs: 1, func, wires: [['out']] }
    ])
    receiver.respond = () => ({ status: 500, delayMs: 400 })
    const before = nodeRed.messages('caught').length
    await nodeRed.inject('in', { payload: adt('CHANGE01') })
    const msg = (await nodeRed.waitForMessages('caught', before + 1)).at(-1) as Message
    receiver.respond = undefined
    assert.equal(msg['payload'], adt('CHANGE01'))
    assert.equal(msg.hl7['controlId'], 'CHANGE01')
  })

  it('a message that is sent to the node twice leaves twice', async () => {
    const { nodeRed } = world
    const flow = world
      .flow()
      .map((node) => (node.id === 'in' ? { ...node, wires: [['twice']] } : node))
    await nodeRed.deploy([
      ...flow,
      {
        id: 'twice',
        type: 'function',
        z: 'tab',
        outputs: 2,
        func: 'node.send([msg, null], false); node.send([null, msg], false)',
        wires: [['out'], ['out']]
      }
    ])
    const before = nodeRed.messages('ack').length
    await nodeRed.inject('in', { payload: adt('TWICE001') })
    const acks = (await nodeRed.waitForMessages('ack', before + 2)).slice(before) as Message[]
    for (const { hl7, payload } of acks) {
      assert.equal(hl7['request'], `${adt('TWICE001')}\r`)
      assert.match(String(payload), /MSA\|AA\|TWICE001/)
    }
  })

  it('other nodes find no tokens, secrets or keys on the node objects', async () => {
    const before = world.nodeRed.messages('ack').length
    await world.nodeRed.deploy([
      ...world.flow(secretHeader),
      { id: 'in2', type: 'inject', z: 'tab', props: [], wires: [['look']] },
      { id: 'look', type: 'probe', z: 'tab', wires: [] }
    ])
    await world.nodeRed.inject('in', { payload: adt('LOOK0001') })
    await world.nodeRed.waitForMessages('ack', before + 1)
    await world.nodeRed.inject('in2', { look: ['auth', 'out'] })
    const [{ looked } = {}] = await world.nodeRed.waitForMessages('look')
    const seen = (looked as string[]).join('\n')
    for (const secret of [CLIENT_SECRET, CLIENT_ID, SECRET_HEADER, 'eyJ', 'BEGIN CERT', 'tokens']) {
      assert.ok(!seen.includes(secret), `${secret} is in ${seen.slice(0, 2000)}`)
    }
    assert.match(seen, /hl7-https-out/)
  })

  it('the log has none of this, even at its finest level, and no warnings of Node.js', async () => {
    const log = (await world.nodeRed.printed()).join('\n')
    assert.match(log, /\[trace\]|\[debug\]|\[metric\]/i)
    const words = [
      ...[CLIENT_SECRET, SECRET_HEADER, 'wrong-1-2-3', 'eyJ', 'Lindqvist', 'Sjögren', 'NS471100'],
      ...['Warning:', 'Unhandled', 'Deprecat']
    ]
    for (const word of words) {
      assert.ok(!log.includes(word), `${word} is in the log`)
    }
    assert.ok(world.nodeRed.alive)
  })
})

describe('with users, every admin route', () => {
  it('answers 401 to users who have not logged in', async () => {
    const nodeRed = await startNodeRed({
      settings: {
        adminAuth: {
          type: 'credentials',
          users: [{ username: 'x', password: '$2b$08$wrongwrongwrongwrongwu', permissions: '*' }]
        }
      }
    })
    try {
      for (const path of ['', '/messages', '/messages/1', '/events', '/history']) {
        assert.equal((await nodeRed.get(`/hl7-https-out/out${path}`)).status, 401, path)
      }
      for (const path of [
        ...['pause', 'resume', 'test', 'messages/1/resend', 'messages/discard'].map(
          (one) => `/hl7-https-out/out/${one}`
        ),
        '/oauth2-client-credentials/auth/test'
      ]) {
        assert.equal((await nodeRed.post(path)).status, 401, path)
      }
    } finally {
      await nodeRed.close()
    }
  })
})
