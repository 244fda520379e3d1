import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it, type TestContext } from 'node:test'
import { startHl7Receiver, type Hl7Receiver } from '../../demo/hl7-receiver.ts'
import type { EventPage } from '../../nodes/operations/answers.ts'
import { startTcpServer, type LocalServer } from '../http-client/local-server.ts'
import { createAuthority, type Authority } from '../support/certificates.ts'
import { startConnectProxy, type ConnectProxy } from '../support/connect-proxy.ts'
import { startNodeRed, type TestNodeRed } from '../support/node-red.ts'
import { adt, startWorld, type World } from '../support/world.ts'

describe("Node-RED's tls-config, in all its variants", () => {
  let authority: Authority
  let receiver: Hl7Receiver
  let nodeRed: TestNodeRed
  let own: { ca: string; cert: string; key: string }
  let files: { ca: string; cert: string; key: string; pfx: string }
  before(async () => {
    // With another name than the CA that Node-RED trusts.
    authority = await createAuthority('Another CA')
    own = { ca: authority.ca, ...(await authority.issueClient()) }
    receiver = await startHl7Receiver({
      tls: {
        ...(await authority.issueServer({ names: ['registry.example'] })),
        ca: authority.ca,
        requestCert: true,
        rejectUnauthorized: true
      }
    })
    nodeRed = await startNodeRed()
    const file = (name: string): string => join(nodeRed.userDir, name)
    files = {
      ca: file('ca.pem'),
      cert: file('cert.pem'),
      key: file('key.pem'),
      pfx: file('own.pfx')
    }
    for (const name of ['ca', 'cert', 'key'] as const) writeFileSync(files[name], own[name])
    execFileSync('openssl', [
      ...['pkcs12', '-export', '-in', files.cert, '-inkey', files.key, '-certfile', files.ca],
      ...['-out', files.pfx, '-passout', 'pass:open sesame']
    ])
  })
  after(async () => {
    await nodeRed.close()
    await receiver.close()
  })

  /** Sends a message. @returns its outcome, or the codes of the error and its cause */
  async function send(tls: Record<string, unknown>): Promise<string> {
    await nodeRed.deploy([
      { id: 'tab', type: 'tab', label: 'test' },
      {
        ...{ id: 'tls', type: 'tls-config', certType: 'files', cert: '', key: '', ca: '' },
        ...{ servername: 'registry.example', verifyservercert: true, ...tls }
      },
      { id: 'in', type: 'inject', z: 'tab', props: [{ p: 'payload' }], wires: [['out']] },
      {
        ...{ id: 'out', type: 'hl7-https-out', z: 'tab', url: receiver.url, tls: 'tls' },
        ...{ queue: 'memory', failureTimeout: 0, wires: [['left'], ['left']] }
      },
      { id: 'catch', type: 'catch', z: 'tab', scope: ['out'], wires: [['left']] },
      { id: 'left', type: 'probe', z: 'tab', wires: [] },
      {
        ...{ id: 'global', type: 'global-config', name: '', modules: {} },
        env: Object.entries({ TEST_CA: own.ca, TEST_CERT: own.cert, TEST_KEY: own.key }).map(
          ([name, value]) => ({ name, value, type: 'str' })
        )
      }
    ])
    const before = nodeRed.messages('left').length
    await nodeRed.inject('in', { payload: adt('KIND0001') })
    const msg = (await nodeRed.waitForMessages('left', before + 1)).at(-1)
    const { error, hl7 } = msg as {
      error?: { code: string; cause?: { code: string } }
      hl7: { outcome: string }
    }
    return error === undefined ? hl7.outcome : `${error.code} ${error.cause?.code ?? ''}`.trim()
  }

  it('uploaded data', async () => {
    assert.equal(
      await send({ credentials: { cadata: own.ca, certdata: own.cert, keydata: own.key } }),
      'ack'
    )
  })

  it('files on disk', async () => {
    const { ca, cert, key } = files
    assert.equal(await send({ ca, cert, key }), 'ack')
  })

  /** Skips a test of a PFX file on Node-RED 4.1. */
  async function skipsPfx(test: TestContext): Promise<boolean> {
    const { version } = (await nodeRed.get('/settings')).body as { version: string }
    if (!version.startsWith('4.')) return false
    // Its tls-config node has no field for a PFX file, so there is nothing to test.
    test.skip('the tls-config node of Node-RED 4.1 cannot hold a PFX; runs with Node-RED 5')
    return true
  }

  it('PFX, uploaded or on disk, with its passphrase', async (t) => {
    if (await skipsPfx(t)) return
    const credentials = { passphrase: 'open sesame' }
    assert.equal(await send({ certType: 'pfx', p12: files.pfx, credentials }), 'ack')
    const p12data = readFileSync(files.pfx).toString('base64')
    assert.equal(await send({ certType: 'pfx', credentials: { ...credentials, p12data } }), 'ack')
  })

  it('PFX with the wrong passphrase is an error that says so', async (t) => {
    if (await skipsPfx(t)) return
    const wrong = { certType: 'pfx', p12: files.pfx, credentials: { passphrase: 'wrong' } }
    assert.equal(await send(wrong), 'HL7_CONFIG')
    assert.match(
      (await nodeRed.printed()).join('\n'),
      /passphrase of the PFX file is missing or wrong/
    )
  })

  it('environment variables', async () => {
    const env = { certEnv: 'TEST_CERT', keyEnv: 'TEST_KEY', caEnv: 'TEST_CA' }
    assert.equal(await send({ certType: 'env', ...env }), 'ack')
  })

  it('a missing file is HL7_CONFIG', async () => {
    assert.equal(await send({ ca: '/not/there.pem' }), 'HL7_CONFIG')
  })

  it('the server name comes from the tls-config, or else from the URL', async () => {
    const credentials = { cadata: own.ca, certdata: own.cert, keydata: own.key }
    assert.equal(
      await send({ credentials, servername: '' }),
      'HL7_DELIVERY_FAILED ERR_TLS_CERT_ALTNAME_INVALID'
    )
  })

  it('no check of the certificate if the tls-config says so, and only then', async () => {
    const credentials = { cadata: '', certdata: own.cert, keydata: own.key }
    assert.equal(await send({ credentials, verifyservercert: false }), 'ack')
    assert.equal(await send({ credentials }), 'HL7_DELIVERY_FAILED SELF_SIGNED_CERT_IN_CHAIN')
  })
})

/** What a proxy does, and the proxy variables, are in test/http-client/proxy.test.ts. */
describe("Node-RED's http proxy node", () => {
  let proxy: ConnectProxy
  let world: World
  before(async () => {
    proxy = await startConnectProxy('clinic:p%40ss:w')
    world = await startWorld()
  })
  after(async () => {
    await world.close()
    await proxy.close()
  })
  const credentials = { username: 'clinic', password: 'p%40ss:w' }

  /** The usual flow, with a proxy node for both nodes. */
  async function sendThrough(config: Record<string, unknown>): Promise<string> {
    proxy.tunnels.length = 0
    await world.nodeRed.deploy([
      ...world.flow({ proxy: 'proxy', failureTimeout: 0 }, { proxy: 'proxy' }),
      { id: 'proxy', type: 'http proxy', url: proxy.url, noproxy: [], ...config }
    ])
    const { msg, output } = await world.send(adt('PROX0001'))
    return output === 'ack' ? output : (msg.error.cause?.code ?? '')
  }

  it('is used for token requests and messages, with its credentials', async () => {
    assert.equal(await sendThrough({ credentials }), 'ack')
    const targets = [world.tokens.issuer, world.receiver.url].map((url) => new URL(url).host)
    assert.deepEqual([...new Set(proxy.tunnels)].sort(), targets.sort())
  })

  it('is bypassed for the hosts on its list', async () => {
    assert.equal(await sendThrough({ credentials, noproxy: ['127.0.0.1'] }), 'ack')
    assert.deepEqual(proxy.tunnels, [])
  })

  it('is named in the error if it refuses', async () => {
    const wrong = { username: 'clinic', password: 'wrong' }
    assert.equal(await sendThrough({ credentials: wrong }), 'ERR_PROXY_TUNNEL')
  })
})

/** When connections are kept: test/http-client/connections.test.ts. */
describe('a receiver that closes its connections without saying so', () => {
  let world: World
  let receiver: LocalServer
  before(async () => {
    world = await startWorld()
    receiver = await startTcpServer((socket) => {
      let text = ''
      socket.on('data', (data) => {
        text += data.toString()
        const id = /\|(CLOSE\d+)\|/.exec(text)?.[1]
        if (id === undefined || !text.endsWith('\r')) return
        const ack = `MSH|^~\\&|C|D|A|B|2026||ACK|R1|P|2.5\rMSA|AA|${id}\r`
        socket.end(`HTTP/1.1 200 OK\r\nContent-Length: ${ack.length}\r\n\r\n${ack}`)
      })
    })
  })
  after(async () => {
    await world.close()
    await receiver.close()
  })

  /** The events of the node, such as those of its connections. */
  const told = async (): Promise<string[]> => {
    const { body } = await world.nodeRed.get('/hl7-https-out/out/events')
    return (body as EventPage).events.flatMap(({ kind, text }) => (kind === 'not-kept' ? text : []))
  }

  it('is no longer kept connected to, and an event and the log say so', async () => {
    await world.deploy({ url: receiver.url.href, auth: '' })
    for (let sent = 1; (await told()).length === 0; sent++) {
      assert.ok(sent < 10)
      assert.equal((await world.send(adt(`CLOSE${sent}`))).output, 'ack')
    }
    const { host } = receiver.url
    const [text] = await told()
    assert.equal(
      text,
      `Connections to ${host} are no longer kept: it closes them right after its replies`
    )
    assert.ok((await world.nodeRed.printed()).some((line) => line.includes(`${text}.`)))
  })

  it('gets "Connection: close" if a header says so', async () => {
    const headers = [{ name: 'Connection', value: 'close', valueType: 'str' }]
    await world.deploy({ url: receiver.url.href, auth: '', headers })
    for (let sent = 20; sent < 25; sent++) {
      assert.equal((await world.send(adt(`CLOSE${sent}`))).output, 'ack')
    }
    assert.deepEqual(await told(), [])
    const others = [{ name: 'Connection', value: 'keep-alive', valueType: 'str' }]
    await world.deploy({ url: receiver.url.href, auth: '', headers: others })
    assert.equal((await world.caught(adt('CLOSE30'))).error.code, 'HL7_CONFIG')
  })
})
