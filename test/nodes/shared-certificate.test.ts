import assert from 'node:assert/strict'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { after, before, describe, it } from 'node:test'
import { createAuthority, type Authority } from '../support/certificates.ts'
import { startNodeRed, type FlowNode, type TestNodeRed } from '../support/node-red.ts'
import { adt } from '../support/world.ts'

/** The part of a server's TLS socket that we use. */
interface Presenting {
  getPeerCertificate(): { subject?: { CN?: string } }
}

const ACK = 'MSH|^~\\&|A|B|C|D|20260101||ACK|R1|P|2.5.1\rMSA|AA|MTLS0001\r'

describe('the client certificate of the token request and of the HL7 request, in a real Node-RED', () => {
  let nodeRed: TestNodeRed
  let authority: Authority
  const servers: Server[] = []
  /** The subjects of the certificates presented to the receiver. */
  const seen: unknown[] = []
  let client: { cert: string; key: string }
  let other: { cert: string; key: string }
  let tokenUrl = ''
  let receiverUrl = ''

  before(async () => {
    authority = await createAuthority()
    client = await authority.issueClient({ commonName: 'auth client' })
    other = await authority.issueClient({ commonName: 'own client' })
    const tls = { ...(await authority.issueServer()), ca: authority.ca, requestCert: true }
    const serve = async (answer: (subject: unknown) => string, type: string): Promise<string> => {
      const server = createServer({ ...tls, rejectUnauthorized: false }, (request, response) => {
        const { subject } = (request.socket as unknown as Presenting).getPeerCertificate()
        request.resume().on('end', () => {
          response.writeHead(200, { 'Content-Type': type }).end(answer(subject?.CN))
        })
      })
      servers.push(server)
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
      return `https://127.0.0.1:${(server.address() as AddressInfo).port}/`
    }
    tokenUrl = await serve(
      () => JSON.stringify({ access_token: 'opaque-token', token_type: 'Bearer', expires_in: 60 }),
      'application/json'
    )
    receiverUrl = await serve((subject) => {
      seen.push(subject)
      return ACK
    }, 'application/hl7-v2')
    nodeRed = await startNodeRed()
  })
  after(async () => {
    await nodeRed.close()
    for (const server of servers) {
      server.close()
      server.closeAllConnections()
    }
  })

  const tlsConfig = (id: string, credentials: Record<string, string>): FlowNode => ({
    id,
    type: 'tls-config',
    certType: 'files',
    verifyservercert: true,
    // As the editor saves it; Node-RED 4.1 needs the empty values.
    ...{ cert: '', key: '', ca: '' },
    credentials
  })

  async function send(
    out: Record<string, unknown>,
    clientAuth = 'tls_client_auth'
  ): Promise<string> {
    await nodeRed.deploy([
      { id: 'tab', type: 'tab', label: 'test' },
      tlsConfig('both', { cadata: authority.ca, certdata: client.cert, keydata: client.key }),
      tlsConfig('ca', { cadata: authority.ca }),
      tlsConfig('own', { cadata: authority.ca, certdata: other.cert, keydata: other.key }),
      {
        id: 'auth',
        type: 'oauth2-client-credentials',
        tokenEndpoint: tokenUrl,
        clientAuth,
        tls: 'both',
        credentials: { clientId: 'a', clientSecret: 'b' }
      },
      { id: 'in', type: 'inject', z: 'tab', props: [{ p: 'payload' }], wires: [['out']] },
      {
        id: 'out',
        type: 'hl7-https-out',
        z: 'tab',
        url: receiverUrl,
        queue: 'memory',
        failureTimeout: 0,
        auth: 'auth',
        wires: [['left'], ['left']],
        ...out
      },
      { id: 'catch', type: 'catch', z: 'tab', scope: ['out'], wires: [['left']] },
      { id: 'left', type: 'probe', z: 'tab', wires: [] }
    ])
    const before = nodeRed.messages('left').length
    seen.length = 0
    await nodeRed.inject('in', { payload: adt('MTLS0001') })
    const msg = (await nodeRed.waitForMessages('left', before + 1)).at(-1)
    const { error } = msg as { error?: { cause?: { code: string } } }
    return error?.cause?.code ?? 'sent'
  }

  it('presents the certificate of the auth node if this node has none', async () => {
    assert.equal(await send({ tls: 'ca' }), 'sent')
    assert.deepEqual(seen, ['auth client'])
  })

  it('presents its own certificate if it has one', async () => {
    assert.equal(await send({ tls: 'own' }), 'sent')
    assert.deepEqual(seen, ['own client'])
  })

  it('never trusts the CA certificate of the auth node', async () => {
    assert.notEqual(await send({ tls: '' }), 'sent')
    assert.deepEqual(seen, [])
  })

  it('presents it with another method too: the token may be bound to it', async () => {
    assert.equal(await send({ tls: 'ca' }, 'client_secret_post'), 'sent')
    assert.deepEqual(seen, ['auth client'])
  })
})
