/** What whoever is called reads first: who refuses, that nothing is lost, what to do, and whom to call. */
import assert from 'node:assert/strict'
import { connect, type Socket } from 'node:net'
import { describe, it, type TestContext } from 'node:test'
import type { AllStates, NodeState } from '../../nodes/operations/answers.ts'
import { startServer, startTcpServer, type LocalServer } from '../http-client/local-server.ts'
import { createAuthority } from '../support/certificates.ts'
import { startConnectProxy } from '../support/connect-proxy.ts'
import { ackFor, adt, controlIdIn, shareWorld } from '../support/world.ts'

/** The type of a TLS record. */
const APPLICATION_DATA = Buffer.from([0x17, 0x03, 0x03])

describe('the advice for a node', () => {
  const world = shareWorld()

  const CONTACT = 'HL7 desk, +1 555 0100'
  let count = 0
  const send = async (messages = 1): Promise<void> => {
    for (let index = 0; index < messages; index++) {
      await world.nodeRed.inject('in', { payload: adt(`ADVICE${++count}`) })
    }
  }
  const host = (): string => new URL(world.receiver.url).host
  const server = (): string => new URL(world.tokens.issuer).host

  const serve = async (
    test: TestContext,
    onConnection: (socket: Socket) => void
  ): Promise<LocalServer> => {
    const server = await startTcpServer(onConnection, 'https:')
    test.after(server.close)
    return server
  }

  /** Deploys with an empty queue, since one on disk outlives the deploys. */
  async function deploy(
    out: Record<string, unknown> = {},
    auth: Record<string, unknown> = {}
  ): Promise<void> {
    const props = { queue: 'disk', contact: CONTACT, retryInterval: 30, retryMaxInterval: 30 }
    await world.deploy({ ...props, failureTimeout: 0, replyCodeActions: ':?R=F' })
    await world.nodeRed.post('/hl7-https-out/out/resume', {})
    await world.nodeRed.post('/hl7-https-out/out/messages/discard', { all: true })
    await world.eventually(async () => {
      const { inFlight, queued, suspended } = await world.state()
      return queued + inFlight + suspended === 0
    })
    // What an earlier test gave up is not this one's.
    await world.nodeRed.post('/hl7-https-out/out/note', { text: 'I have it' })
    await world.deploy({ ...props, ...out }, auth)
  }

  async function advised(kind: string): Promise<string> {
    let advice: NodeState['advice'] = null
    await world.eventually(async () => {
      const state = await world.state()
      advice = state.advice
      // What is not stored yet does not count as waiting.
      return advice?.kind === kind && state.unconfirmed === 0
    })
    return (advice as NodeState['advice'])?.text ?? ''
  }

  it('is none while all is well', async () => {
    await deploy()
    await send()
    await world.eventually(async () => (await world.state()).acked === 1)
    assert.equal((await world.state()).advice, null)
  })

  it('names who paused it, and what waits', async () => {
    await deploy()
    await world.nodeRed.post('/hl7-https-out/out/pause', { reason: 'ward moves' })
    await send(2)
    assert.equal(
      await advised('advice-paused'),
      `Paused: “ward moves”. Nothing is sent. 2 messages wait on disk; nothing is lost. Resume the node once the reason is gone.`
    )
  })

  it('says of a node that is held up what is suspended besides', async () => {
    world.receiver.respond = ({ body }) => ({ body: ackFor(controlIdIn(body), 'AE') })
    await deploy({ auth: '', replyCodeActions: ':?E=S,:?A=C' })
    await send()
    await world.eventually(async () => (await world.state()).suspended === 1)
    await world.nodeRed.post('/hl7-https-out/out/pause', {})
    assert.match(
      await advised('advice-paused'),
      /^Paused\. Nothing is sent\. Also, 1 message is suspended: resend or discard it\. Resume the node/
    )
  })

  it('names the token server that refuses, and the client', async () => {
    await deploy({}, { credentials: { clientId: 'node-red', clientSecret: 'wrong' } })
    await send()
    const text = await advised('advice-token-refused')
    assert.ok(
      text.startsWith(`The token server ${server()} refuses client node-red (invalid_client)`)
    )
    assert.match(
      text,
      /1 message waits on disk; nothing is lost\. It is sent automatically once this works again\. Check Client ID and secret in the OAuth 2\.0 node: has the secret expired, or been changed\?$/
    )
    assert.ok(!text.includes(host()), 'not the receiver, which has nothing to do with it')
  })

  it('names the token server that cannot be reached', async () => {
    await deploy({}, { issuer: '', tokenEndpoint: 'https://127.0.0.1:9/token' })
    await send()
    assert.equal(
      await advised('advice-token-unreachable'),
      `The token server 127.0.0.1:9 cannot be reached (ECONNREFUSED). 1 message waits on disk; nothing is lost. It is sent automatically once this works again. Check that it is running, and the network in between.`
    )
  })

  it('never says that what is in memory is on disk, and calls nobody who is not named', async () => {
    await deploy({ queue: 'memory', url: 'https://127.0.0.1:9/hl7', contact: '' })
    await send()
    assert.equal(
      await advised('advice-unreachable'),
      'The receiver 127.0.0.1:9 cannot be reached (ECONNREFUSED). 1 message waits in memory: if Node-RED stops, it is lost. It is sent automatically once this works again. Check that it is running, and the network in between.'
    )
  })

  it('names the proxy that fails', async () => {
    const nodes = world.flow({ proxy: 'proxy', auth: '', queue: 'memory', contact: CONTACT })
    const proxy = { id: 'proxy', type: 'http proxy', url: 'http://127.0.0.1:9', noproxy: [] }
    await world.nodeRed.deploy([...nodes, proxy])
    await send()
    const text = await advised('advice-proxy-away')
    const words = `The proxy 127.0.0.1:9 cannot be reached (ECONNREFUSED), and so neither can ${host()}.`
    assert.ok(text.startsWith(words), text)
  })

  it('says that there is no secure connection', async () => {
    const { port } = new URL(world.nodeRed.url)
    await deploy({ url: `https://127.0.0.1:${port}/`, auth: '' })
    await send()

    assert.match(
      await advised('advice-tls'),
      /^There is no secure connection to the receiver .* \((?:EPROTO|ERR_SSL)[A-Z_]*\)\. 1 message waits/
    )
  })

  it('names no certificate if the receiver hangs in the handshake, as a process does that was stopped', async (t) => {
    const { url } = await serve(t, (socket) => socket.resume())
    await deploy({ url: url.href, auth: '', connectTimeout: 1 })
    await send()
    assert.equal(
      await advised('advice-mute'),
      `The receiver ${url.host} does not answer at all (ETIMEDOUT): it is off or hangs, or the network in between, such as a firewall, lets nothing through. 1 message waits on disk; nothing is lost. It is sent automatically once this works again. Ask its operator, and your network team. Receiver's contact: ${CONTACT}`
    )
  })

  for (const [version, kind, words] of [
    ['TLSv1.2', 'advice-tls-cut', 'closes the connection in the TLS handshake (ECONNRESET).'],
    ['TLSv1.3', 'advice-cut', 'closes the connection without a reply (ECONNRESET, try 2 of ADVICE']
  ] as const) {
    it(`asks for a client certificate if the receiver only closes the connection: ${version}`, async (t) => {
      const { authority } = world
      const receiver = await startServer((_request, response) => response.end(), {
        ...(await authority.issueServer()),
        ...{ requestCert: true, ca: (await createAuthority('Nobody')).ca, maxVersion: version }
      })
      t.after(receiver.close)
      // Of the wrong authority: Node.js says nothing then.
      const { cert, key } = await authority.issueClient()
      await deploy()
      await world.nodeRed.deploy([
        ...world.flow({
          ...{ url: receiver.url.href, auth: '', tls: 'own', queue: 'memory', contact: CONTACT },
          ...{ replyCodeActions: 'E=R,:?A=C', retryInterval: 30 }
        }),
        {
          // Node-RED 4.1 wants all three.
          ...{ id: 'own', type: 'tls-config', cert: '', key: '', ca: '', verifyservercert: true },
          credentials: { cadata: authority.ca, certdata: cert, keydata: key }
        }
      ])
      await send()
      const text = await advised(kind)
      assert.ok(text.startsWith(`The receiver ${receiver.url.host} ${words}`), text)
      assert.ok(text.includes(' If that happens every time, does it want a client certificate?'))
      assert.equal(text.includes('may have ADVICE'), version === 'TLSv1.3', text)
    })
  }

  it('says that the receiver wants a client certificate, if it says so', async (t) => {
    const receiver = await startServer((_request, response) => response.end(), {
      ...(await world.authority.issueServer()),
      ...{ requestCert: true, ca: world.authority.ca }
    })
    t.after(receiver.close)
    await deploy({ url: receiver.url.href, auth: '' })
    await send()
    const text = await advised('advice-client-certificate')
    assert.match(
      text,
      /^The receiver \S+ does not accept .* or wants one \(ERR_SSL_\w+\)\. 1 message/
    )
    assert.match(text, /Choose a certificate that it knows/)
  })

  it('says that the receiver broke off while it replied, and names no certificate', async (t) => {
    const behind = await startServer(
      (request, response) => request.resume().once('end', () => response.end('ok')),
      await world.authority.issueServer()
    )
    t.after(behind.close)
    // As a server in Go does whose time limit for writing is over: what follows is no part of the record.
    const { url } = await serve(t, (socket) => {
      const onward = connect(behind.port, '127.0.0.1')
      onward.on('error', () => undefined)
      let isAsked = false
      socket.on('data', (bytes: Buffer) => {
        isAsked ||= bytes.includes(APPLICATION_DATA, 1) && bytes.length > 300
        onward.write(bytes)
      })
      onward.on('data', (bytes: Buffer) => {
        if (isAsked) bytes.fill(0xff, bytes.length - 4)
        socket.write(bytes)
      })
      socket.once('close', () => onward.destroy())
    })
    await deploy({ url: url.href, auth: '' })
    await send()
    const text = await advised('advice-cut-answer')
    assert.match(
      text,
      /^The receiver \S+ breaks the connection off while it replies \(ERR_SSL_\w+, try/
    )
    assert.match(text, /may have ADVICE\d+ already/)
    assert.doesNotMatch(text, /certificate/)
  })

  it('says that the proxy does not reach the receiver, not that it refuses', async (t) => {
    const proxy = await startConnectProxy()
    t.after(() => proxy.close())
    const nodes = world.flow({
      ...{ proxy: 'proxy', auth: '', queue: 'memory', contact: CONTACT },
      url: 'https://127.0.0.1:9/hl7'
    })
    const node = { id: 'proxy', type: 'http proxy', url: proxy.url, noproxy: [] }
    await deploy()
    await world.nodeRed.deploy([...nodes, node])
    await send()
    assert.equal(
      await advised('advice-behind-proxy'),
      `The proxy ${new URL(proxy.url).host} does not reach the receiver 127.0.0.1:9 (ERR_PROXY_TUNNEL). 1 message waits in memory: if Node-RED stops, it is lost. It is sent automatically once this works again. Check that it is running, the host and port of the URL, and that the proxy can reach them. Receiver's contact: ${CONTACT}`
    )
  })

  for (const [status, kind, words, todo] of [
    [401, 'advice-denied-without-token', 'denies access (HTTP 401)', 'Check the credentials'],
    [403, 'advice-denied-without-token', 'denies access (HTTP 403)', 'Check the credentials'],
    [404, 'advice-not-found', 'does not know the address (HTTP 404)', 'If it never worked, check'],
    [413, 'advice-too-large', '', 'Its operator has to raise the limit'],
    [415, 'advice-request', 'does not accept the request in this form', 'Check Body format'],
    [429, 'advice-too-many', 'gets too many messages at a time (HTTP 429)', 'set a Rate limit'],
    [500, 'advice-failed', 'fails (HTTP 500, try 2 of ADVICE', 'look into its log'],
    [502, 'advice-behind-gateway', '', 'There is nothing to do here'],
    [
      503,
      'advice-unavailable',
      'is not available (HTTP 503)',
      'If it never worked, check the path'
    ],
    [504, 'advice-behind-gateway', '', 'There is nothing to do here']
  ] as const) {
    it(`says what HTTP ${status} means, whether the message may be there, and whether its time is limited`, async () => {
      world.receiver.respond = () => ({ status })
      await deploy({ auth: '', replyCodeActions: 'E=R,:?A=C' })
      await send()
      const text = await advised(kind)
      assert.ok(text.includes(words === '' ? host() : `The receiver ${host()} ${words}`), text)
      assert.ok(text.includes(todo), text)
      assert.match(text, /1 message waits on disk; nothing is lost\. It is sent automatically/)
      const mayBeThere = status === 500 || status === 502 || status === 504
      assert.equal(/The receiver may have ADVICE\d+ already\./.test(text), mayBeThere, text)
      // What is not the message's fault skips nobody.
      const counts = status === 413 || status === 415 || status === 500
      assert.equal(text.includes('it is given up 15 min after its first try'), counts, text)
    })
  }

  it('says that one message holds up the others, and what to do then', async () => {
    world.receiver.respond = () => ({ status: 500 })
    await deploy({ auth: '', replyCodeActions: 'E=R,:?A=C' })
    await send(3)
    await world.eventually(async () => (await world.state()).queued === 3)
    assert.match(
      await advised('advice-failed'),
      /\. If only (ADVICE\d+) fails, suspend it: the others then go on\. Receiver's contact:/
    )
  })

  it('blames whoever has refused a message with a web page: a firewall, or a portal with its login', async () => {
    for (const [status, body, kind, words] of [
      [403, '<html><body>Blocked</body></html>', 'advice-firewall', 'A gateway or firewall'],
      [200, '<html><input type="password"></html>', 'advice-login-page', `At ${host()}, a web page`]
    ] as const) {
      world.receiver.respond = () => ({ status, body, headers: { 'content-type': 'text/html' } })
      await deploy()
      await send()
      const text = await advised(kind)
      assert.ok(text.startsWith(words), text)
      assert.match(text, /1 message waits on disk; nothing is lost/)
    }
  })

  it('names the login in the message, and the operation, that a SOAP fault is about', async () => {
    for (const [code, kind, words] of [
      ['wsse:FailedAuthentication', 'advice-login', 'refuses the login in the message (HTTP 500)'],
      [
        ...(['s:ProcedureNotPresent', 'advice-operation'] as const),
        'does not have the operation submitIt that the body template names (HTTP 500)'
      ]
    ] as const) {
      const uri = 'http://schemas.xmlsoap.org/soap/envelope/'
      const envelope = (content: string): string =>
        `<s:Envelope xmlns:s="${uri}"><s:Body>${content}</s:Body></s:Envelope>`
      const body = envelope(`<s:Fault><faultcode>${code}</faultcode></s:Fault>`)
      world.receiver.respond = () => ({
        ...{ status: 500, body },
        headers: { 'content-type': 'text/xml' }
      })
      const bodyTemplate = `"${envelope('<submitIt>').replaceAll('"', '\\"')}" & $xml($message)`
      const template = { format: 'text', bodyTemplate, contentType: 'text/xml' }
      await deploy({ auth: '', replyCodeActions: 'E=R,:?A=C', ...template })
      await send()
      const text = await advised(kind)
      assert.ok(text.startsWith(`The receiver ${host()} ${words}.`), text)
    }
  })

  it('says of what was given up why, and what to do about that', async () => {
    world.receiver.respond = () => ({ status: 415 })
    await deploy({ auth: '', failureTimeout: 0 })
    await send(2)
    await world.eventually(async () => (await world.state()).failed === 2)
    const text = await advised('advice-given-up')
    assert.match(
      text,
      /^2 messages were given up, the first \d+ s ago, and went to Catch nodes, if there are any\. The receiver \S+ does not accept the request in this form \(HTTP 415\)\. Check Body format, Content type and the body template\. Once the cause is gone, send them again: their contents are kept here for 7 days\. Receiver's contact: HL7 desk/
    )
    // Somebody has noted it; the last message still failed.
    await world.nodeRed.post('/hl7-https-out/out/note', { text: 'I have it' })
    assert.match(
      await advised('advice-error'),
      /^The last message got no acknowledgement \(HTTP 415\).* Check Body format, Content type/
    )
  })

  it('says beside what waits that another message is gone from here', async () => {
    let status = 415
    world.receiver.respond = () => ({ status })
    await deploy({ auth: '' })
    await send()
    await world.eventually(async () => (await world.state()).failed === 1)
    status = 503
    await send(2)
    assert.match(
      await advised('advice-unavailable'),
      /2 messages wait on disk; nothing is lost\. They are sent automatically once this works again\. Also, 1 message was given up, and went to Catch nodes, if there are any\./
    )
    const { conditions } = await world.state()
    assert.deepEqual(
      conditions.map(({ code, level }) => [code, level]),
      [
        ['ERROR', 'call'],
        ['GIVEN_UP', 'call'],
        ['RETRYING', 'watch']
      ]
    )
  })

  it('says of a token server that fails whose trouble that is, and of a secret that it has a blank', async (t) => {
    const server = await startServer(
      (_request, response) => {
        response.writeHead(400, { 'content-type': 'application/json' })
        response.end(JSON.stringify({ error: answer }))
      },
      await world.authority.issueServer()
    )
    t.after(server.close)
    const tokenEndpoint = new URL('/token', server.url).href
    const auth = { issuer: '', tokenEndpoint, clientAuth: 'client_secret_post' }
    let answer = 'server_error'
    await deploy({}, auth)
    await send()
    assert.match(
      await advised('advice-token-server-error'),
      /^The token server \S+ fails \(server_error\)\. .*Its operator has to get it working\. If it has never issued a token, check Client ID/
    )
    answer = 'invalid_grant'
    await deploy({}, { ...auth, credentials: { clientId: 'me', clientSecret: 'pasted ' } })
    await send()
    const text = await advised('advice-token-refused')
    assert.match(text, /refuses client me \(invalid_grant\)\. .*Check Client ID and secret/)
    assert.match(
      text,
      /The secret begins or ends with a blank, which nobody sees: enter it again\./
    )
    assert.ok(!text.includes('pasted'))
  })

  it('says what the settings make of the time that a message has', async () => {
    const unreachable = { auth: '', url: 'https://127.0.0.1:9/hl7' }
    await deploy({ ...unreachable, failureTimeout: 90, failWhileUnreachable: true })
    await send()
    assert.match(
      await advised('advice-unreachable'),
      /it is given up 1 min 30 s after its first try/
    )
    world.receiver.respond = () => ({ status: 404 })
    await deploy({ auth: '', replyCodeActions: 'E=R,:?A=C', failureTimeout: -1 })
    await send()
    assert.match(
      await advised('advice-not-found'),
      /once this works again\. If it never worked, check the path/
    )
  })

  it('says of suspended messages what the receiver said', async () => {
    world.receiver.respond = ({ body }) => {
      return { body: ackFor(controlIdIn(body), 'AE', 'ERR|||206^x^HL70357|E') }
    }
    await deploy({ replyCodeActions: ':?E=S,:?A=C' })
    await send(2)
    await world.eventually(async () => (await world.state()).suspended === 2)
    assert.equal(
      await advised('advice-suspended'),
      `2 messages are suspended by rule :?E=S: the receiver ${host()} answered AE 206 Application record locked. It is the receiver's own trouble: call its operator. Nothing is lost: what is suspended stays on disk, and the other messages go on. Have the cause fixed, then resend them, one first, or discard them. Receiver's contact: ${CONTACT}`
    )
  })

  it('says what is wrong with a node that is not set up, and what waits in its file', async () => {
    await deploy()
    await world.nodeRed.post('/hl7-https-out/out/pause', {})
    await send()
    await world.eventually(async () => (await world.state()).queued === 1)
    await world.deploy({ queue: 'disk', url: '', contact: CONTACT })
    const text = await advised('advice-config')
    assert.match(
      text,
      /^Not set up: .*URL.*\. 1 message waits on disk; nothing is lost\. Correct this, and deploy\.$/
    )
    await world.nodeRed.deploy(world.flow().filter(({ id }) => id !== 'out'))
    const { nodes } = (await world.nodeRed.get('/hl7-https-out')).body as AllStates
    assert.equal(
      nodes[0]?.advice?.text,
      'This node is disabled or deleted. 1 message waits on disk; nothing is lost. Enable or restore it, and deploy.'
    )
    await deploy()
  })
})
