import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { bodyOf, startServer, type LocalServer } from '../http-client/local-server.ts'
import { startNodeRed, type FlowNode, type TestNodeRed } from '../support/node-red.ts'
import { adt } from '../support/world.ts'

const SECRET = 'key-that-nobody-may-see'
const OF_SUBFLOW = 'key-of-one-instance'

describe('values from the environment', () => {
  let nodeRed: TestNodeRed
  let server: LocalServer
  const requests: { url: string; headers: Record<string, unknown>; body: string }[] = []

  before(async () => {
    server = await startServer((request, response) => {
      void bodyOf(request).then((body) => {
        const { url = '', headers } = request
        requests.push({ url, headers, body: body.toString() })
        if (url === '/token') {
          response.setHeader('content-type', 'application/json')
          response.end('{"access_token":"a-token","token_type":"Bearer","expires_in":300}')
          return
        }
        const id = /ENV\d+|TEST\w+/.exec(decodeURIComponent(body.toString()))?.[0] ?? ''
        response.end(`MSH|^~\\&|C|D|A|B|20260102||ACK^A01|R1|P|2.5.1\rMSA|AA|${id}\r`)
      })
    })
    const MY_URL = `${server.url.href}?code=${SECRET}`
    nodeRed = await startNodeRed({ env: { MY_KEY: SECRET, MY_URL } })
  })
  after(async () => {
    await nodeRed.close()
    await server.close()
  })

  const flow = (out: Record<string, unknown>, more: FlowNode[] = []): FlowNode[] => [
    { id: 'tab', type: 'tab', label: 'test' },
    { id: 'in', type: 'inject', z: 'tab', props: [{ p: 'payload' }], wires: [['out']] },
    {
      ...{ id: 'out', type: 'hl7-https-out', z: 'tab', url: server.url.href, queue: 'memory' },
      ...{ failureTimeout: 0, wires: [['ack'], ['ack']] },
      ...out
    },
    { id: 'ack', type: 'probe', z: 'tab', wires: [] },
    { id: 'catch', type: 'catch', z: 'tab', scope: ['out'], wires: [['caught']] },
    { id: 'caught', type: 'probe', z: 'tab', wires: [] },
    ...more
  ]
  const entry = (name: string, value: string, valueType = 'env') => ({ name, value, valueType })
  let sent = 0

  /** Sends a message. @returns the request that the server received */
  async function delivered(): Promise<(typeof requests)[number]> {
    const before = nodeRed.messages('ack').length
    requests.length = 0
    await nodeRed.inject('in', { payload: adt(`ENV${sent++}`) })
    await nodeRed.waitForMessages('ack', before + 1)
    const [last] = requests.slice(-1)
    assert.ok(last)
    return last
  }

  it('are found by name and as ${NAME}, in headers and form fields', async () => {
    const headers = [
      entry('X-A', 'MY_KEY'),
      entry('X-B', '${MY_KEY}'),
      entry('X-C', 'k=${MY_KEY};')
    ]
    await nodeRed.deploy(flow({ headers }))
    const first = await delivered()
    assert.equal(first.headers['x-a'], SECRET)
    assert.equal(first.headers['x-b'], SECRET)
    assert.equal(first.headers['x-c'], `k=${SECRET};`)
    const formFields = [entry('a', 'x', 'str'), entry('b', '${MY_KEY}')]
    await nodeRed.deploy(flow({ format: 'form', formFields }), 'nodes')
    assert.match((await delivered()).body, new RegExp(`a=x&b=${SECRET}`))
  })

  it('are found in the parameters of a config node, also by its Test button', async () => {
    const auth = {
      ...{ id: 'auth', type: 'oauth2-client-credentials' },
      ...{ tokenEndpoint: new URL('/token', server.url).href },
      extraParams: [entry('a', 'MY_KEY'), entry('b', '${MY_KEY}')],
      credentials: { clientId: 'me', clientSecret: 'not-so-secret' }
    }
    const wanted = new RegExp(`a=${SECRET}&b=${SECRET}`)
    await nodeRed.deploy(flow({ auth: 'auth' }, [auth]))
    await delivered()
    assert.match(requests[0]?.body ?? '', wanted)
    requests.length = 0
    const { body } = await nodeRed.post('/oauth2-client-credentials/auth/test', auth)
    assert.equal((body as { ok: boolean }).ok, true, JSON.stringify(body))
    assert.match(requests[0]?.body ?? '', wanted)
  })

  it('come from the instance in a subflow', async () => {
    const { id, wires, ...node } = flow({ headers: [entry('X-A', '${OWN_KEY}')] })[2] as FlowNode
    const nodes = flow({}).filter((one) => one.id !== 'out')
    await nodeRed.deploy([
      ...nodes,
      {
        ...{ id: 'sub', type: 'subflow', name: 'sub', env: [] },
        in: [{ wires: [{ id: 'inner' }] }],
        out: [{ wires: [{ id: 'inner', port: 0 }] }]
      },
      { ...node, id: 'inner', z: 'sub', wires: [[], []] },
      {
        ...{ id, type: 'subflow:sub', z: 'tab', wires },
        env: [{ name: 'OWN_KEY', type: 'str', value: OF_SUBFLOW }]
      }
    ])
    assert.equal((await delivered()).headers['x-a'], OF_SUBFLOW)
  })

  it('are named if they are missing', async () => {
    for (const value of ['NO_SUCH_KEY', '${NO_SUCH_KEY}']) {
      await nodeRed.deploy(flow({ headers: [entry('X-A', value)] }))
      const before = nodeRed.messages('caught').length
      await nodeRed.inject('in', { payload: adt(`ENV${sent++}`) })
      const [msg] = (await nodeRed.waitForMessages('caught', before + 1)).slice(-1)
      const { message } = (msg as { error: { message: string } }).error
      assert.match(message, /headers, X-A: the environment variable NO_SUCH_KEY is not set/)
    }
  })

  it('are hidden in the result of a test message, like secrets', async () => {
    const headers = [
      ...[entry('X-A', 'MY_KEY'), entry('X-B', '${MY_KEY}'), entry('X-C', '${MY_KEY}', 'str')],
      ...[entry('X-D', 'plain', 'str'), entry('X-E', 'k=${MY_KEY}')]
    ]
    await nodeRed.deploy(flow({ headers }))
    const { body } = await nodeRed.post('/hl7-https-out/out/test', {})
    const { request } = body as { request: { headers: Record<string, string> } }
    const shown = ['a', 'b', 'c', 'd', 'e'].map((name) => request.headers[`x-${name}`])
    assert.deepEqual(shown, ['•••', '•••', '•••', 'plain', '•••'])
    assert.equal(requests.at(-1)?.headers['x-c'], SECRET)
  })

  it('hide the whole URL, including its path, if it comes from one', async () => {
    await nodeRed.deploy(flow({ url: '${MY_URL}' }))
    const { body } = await nodeRed.post('/hl7-https-out/out/test', {})
    const { request } = body as { request: { line: string } }
    assert.equal(request.line, 'POST ••• HTTP/1.1')
    assert.equal(requests.at(-1)?.url, `/hl7?code=${SECRET}`)
    await nodeRed.deploy(flow({ url: `${server.url.href}?a=b` }))
    const plain = await nodeRed.post('/hl7-https-out/out/test', {})
    const shown = (plain.body as { request: { line: string } }).request
    assert.equal(shown.line, 'POST /hl7?a=b HTTP/1.1')
  })

  it('do not appear in the log', async () => {
    const log = (await nodeRed.printed()).join('\n')
    for (const secret of [SECRET, OF_SUBFLOW]) assert.ok(!log.includes(secret), log)
  })
})
