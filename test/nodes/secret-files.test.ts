import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import type { IncomingMessage } from 'node:http'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import type { NodeState } from '../../nodes/operations/answers.ts'
import { createAuthority, type Authority, type Certificate } from '../support/certificates.ts'
import { startNodeRed, type FlowNode, type TestNodeRed } from '../support/node-red.ts'
import { adt } from '../support/world.ts'

/** What nothing may show. */
const SECRETS = [
  'first-client-secret-0815',
  'second-client-secret-0815',
  'first-header-secret-4711',
  'second-header-secret-4711'
] as const

/** A request as a server saw it. */
interface Seen {
  /** Of the client certificate. */
  subject: string
  secret: string | null
  key: string
}

describe('secrets and certificates in files, in a real Node-RED', () => {
  let nodeRed: TestNodeRed
  let authority: Authority
  let folder: string
  let certificates: [Certificate, Certificate]
  let tokenUrl = ''
  let receiverUrl = ''
  const servers: Server[] = []
  const asked: Seen[] = []
  const sent: Seen[] = []
  /** What the receiver answers, and what it says in a header. */
  let refuses = ''

  const file = (name: string): string => join(folder, name)

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'secret-files-'))
    authority = await createAuthority()
    certificates = [
      await authority.issueClient({ commonName: 'first client' }),
      await authority.issueClient({ commonName: 'second client' })
    ]
    const tls = { ...(await authority.issueServer()), ca: authority.ca, requestCert: true }
    const seenIn = (request: IncomingMessage, body: string): Seen => ({
      subject: String(
        (
          request.socket as unknown as { getPeerCertificate(): { subject?: { CN?: string } } }
        ).getPeerCertificate().subject?.CN
      ),
      secret: new URLSearchParams(body).get('client_secret'),
      key: String(request.headers['x-key'])
    })
    const serve = async (answer: (seen: Seen) => [number, object, string]): Promise<string> => {
      const server = createServer(tls, (request, response) => {
        let body = ''
        request.setEncoding('utf8').on('data', (text: string) => (body += text))
        request.on('end', () => {
          const [status, headers, text] = answer(seenIn(request, body))
          response.writeHead(status, headers as Record<string, string>).end(text)
        })
      })
      servers.push(server)
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
      return `https://127.0.0.1:${(server.address() as AddressInfo).port}/`
    }
    const json = { 'Content-Type': 'application/json' }
    tokenUrl = await serve((seen) => {
      asked.push(seen)
      if (refuses !== '') {
        const error_description = `${refuses} is wrong, and so is ${seen.secret}`
        return [401, json, JSON.stringify({ error: 'invalid_client', error_description })]
      }
      // It is used once.
      const token = { access_token: 'opaque-token', token_type: 'Bearer', expires_in: 0 }
      return [200, json, JSON.stringify(token)]
    })
    receiverUrl = await serve((seen) => {
      sent.push(seen)
      return [
        200,
        { 'Content-Type': 'application/hl7-v2', 'X-Echo': seen.key },
        `MSH|^~\\&|A|B|C|D|20260101||ACK|R1|P|2.5.1\rMSA|AA|FILE000${sent.length}`
      ]
    })
    nodeRed = await startNodeRed({ users: true })
  })
  after(async () => {
    await nodeRed.close()
    for (const server of servers) {
      server.close()
      server.closeAllConnections()
    }
    await rm(folder, { recursive: true })
  })

  const place = async (at: 0 | 1): Promise<void> => {
    await writeFile(file('client-secret'), `${SECRETS[at]}\n`)
    await writeFile(file('header-secret'), `${SECRETS[at + 2]}\n`)
    await writeFile(file('cert.pem'), certificates[at].cert)
    await writeFile(file('key.pem'), certificates[at].key)
  }

  /** The day after tomorrow, here. */
  const expires = (): string => {
    const day = new Date()
    day.setDate(day.getDate() + 2)
    const parts = [day.getFullYear(), day.getMonth() + 1, day.getDate()]
    return parts.map((part) => String(part).padStart(2, '0')).join('-')
  }

  const flow = (): FlowNode[] => [
    { id: 'tab', type: 'tab', label: 'test' },
    ...(['both', 'ca'] as const).map((id) => ({
      id,
      type: 'tls-config',
      certType: 'files',
      verifyservercert: true,
      cert: id === 'both' ? file('cert.pem') : '',
      key: id === 'both' ? file('key.pem') : '',
      ca: file('ca.pem')
    })),
    {
      id: 'auth',
      type: 'oauth2-client-credentials',
      tokenEndpoint: tokenUrl,
      clientAuth: 'client_secret_post',
      secretExpires: expires(),
      tls: 'both',
      credentials: { clientId: 'a', clientSecret: `\${file:${file('client-secret')}}` }
    },
    { id: 'in', type: 'inject', z: 'tab', props: [{ p: 'payload' }], wires: [['out']] },
    {
      id: 'out',
      type: 'hl7-https-out',
      z: 'tab',
      url: receiverUrl,
      auth: 'auth',
      tls: 'ca',
      queue: 'memory',
      // What is not the message's fault waits all the same.
      failureTimeout: 1,
      retryInterval: 1,
      retryMaxInterval: 1,
      headers: [{ name: 'X-Key', value: 'secret1', valueType: 'cred' }],
      credentials: { secret1: `\${file:${file('header-secret')}}` },
      wires: [['left'], ['left']]
    },
    { id: 'catch', type: 'catch', z: 'tab', scope: ['out'], wires: [['caught']] },
    { id: 'left', type: 'probe', z: 'tab', wires: [] },
    { id: 'caught', type: 'probe', z: 'tab', wires: [] },
    { id: 'in2', type: 'inject', z: 'tab', props: [], wires: [['look']] },
    { id: 'look', type: 'probe', z: 'tab', wires: [] }
  ]

  /** Everything that somebody could see. */
  const seenOf = async (): Promise<string> => {
    await nodeRed.inject('in2', { look: ['auth', 'out'] })
    const routes = ['/flows', '/hl7-https-out', '/hl7-https-out/out', '/hl7-https-out/out/messages']
    const answers = await Promise.all(routes.map((path) => nodeRed.get(path)))
    return JSON.stringify([
      await nodeRed.printed(),
      answers,
      ['left', 'caught', 'look'].map((id) => nodeRed.messages(id))
    ])
  }

  const state = async (): Promise<NodeState> =>
    (await nodeRed.get('/hl7-https-out/out')).body as NodeState

  it('are used as they are now, without a restart', async () => {
    await writeFile(file('ca.pem'), authority.ca)
    await place(0)
    await nodeRed.deploy(flow())
    // A deployed node tries its secret at once.
    await nodeRed.waitFor(() => asked.length === 1, 10_000)
    assert.deepEqual([asked[0]?.secret, asked[0]?.subject], [SECRETS[0], 'first client'])
    // Renewed after the deploy.
    await place(1)
    await nodeRed.inject('in', { payload: adt('FILE0001') })
    await nodeRed.waitForMessages('left', 1)
    const second = { subject: 'second client', secret: null, key: SECRETS[3] }
    assert.deepEqual(sent, [second])
    assert.equal(asked.at(-1)?.secret, SECRETS[1])
    await place(0)
    await nodeRed.inject('in', { payload: adt('FILE0002') })
    const [, msg] = await nodeRed.waitForMessages('left', 2)
    assert.equal(asked.at(-1)?.secret, SECRETS[0])
    assert.equal(sent.at(-1)?.key, SECRETS[2])
    assert.equal((msg as { headers?: Record<string, string> }).headers?.['x-echo'], '•••')
  })

  it('let messages wait that cannot be sent without them, and none goes to Catch', async () => {
    await rm(file('client-secret'))
    await nodeRed.inject('in', { payload: adt('FILE0003') })
    const holds = async (): Promise<string[]> => (await state()).conditions.map(({ code }) => code)
    await nodeRed.waitFor(async () => (await holds()).includes('TOKEN'), 15_000)
    await rm(file('header-secret'))
    await writeFile(file('client-secret'), SECRETS[1])
    await nodeRed.waitFor(
      async () => JSON.stringify(await state()).includes('cannot be used (ERR_SECRET_FILE)'),
      30_000,
      () => 'the header secret is not missed'
    )
    const tried = (answer: { body: unknown }): number =>
      (answer.body as { messages: { attempts: number }[] }).messages[0]?.attempts ?? 0
    const path = '/hl7-https-out/out/messages?controlId=FILE0003'
    await nodeRed.waitFor(async () => tried(await nodeRed.get(path)) >= 5, 30_000)
    assert.deepEqual(nodeRed.messages('caught'), [])
    await writeFile(file('header-secret'), SECRETS[3])
    await nodeRed.waitForMessages('left', 3)
    assert.deepEqual([asked.at(-1)?.secret, sent.at(-1)?.key], [SECRETS[1], SECRETS[3]])
    const seen = await seenOf()
    assert.ok(seen.includes(`${file('client-secret')} cannot be read (ENOENT)`))
  })

  it('call before the secret ends, and are in the state and the figures', async () => {
    const { certificates, conditions } = await state()
    const secret = certificates.find(({ of }) => of === 'secret')
    assert.equal(secret?.validTo, new Date(`${expires()}T00:00`).toISOString())
    const ending = conditions.find(({ code }) => code === 'CERTIFICATE')
    assert.ok(ending)
    assert.equal(ending.level, 'call')
    assert.match(ending.text, /^The client secret expires in [12] day/)
    const { body } = await nodeRed.get('/hl7-https-out/metrics')
    assert.match(JSON.stringify(body), /certificate_valid_seconds\{[^}]*of=\\?"secret/)
  })

  it('are used in tests of a form, and read for no request that is only shown', async () => {
    const test = async (body: object): Promise<string> =>
      JSON.stringify((await nodeRed.post('/hl7-https-out/out/test', body)).body)
    await rm(file('header-secret'))
    const before = asked.length
    assert.match(await test({ dryRun: true }), /"x-key":"•••"/)
    assert.equal(asked.length, before)
    assert.match(
      await test({}),
      /"code":"ERR_SECRET_FILE".*header-secret cannot be read \(ENOENT\)/
    )
    await place(0)
    const answer = await test({})
    assert.match(answer, /"status":200.*"x-key":"•••"|"x-key":"•••".*"status":200/)
    assert.equal(sent.at(-1)?.key, SECRETS[2])
    const [, , , auth] = flow()
    const form = { ...auth, tls: 'both' }
    const { body } = await nodeRed.post('/oauth2-client-credentials/auth/test', form)
    assert.equal((body as { ok: boolean }).ok, true, JSON.stringify(body))
    assert.equal(asked.at(-1)?.secret, SECRETS[0])
    const shown = answer + JSON.stringify(body)
    for (const word of SECRETS) assert.ok(!shown.includes(word), `${word} is shown`)
  })

  it('are shown nowhere, not even by a server that names the old one and the new one', async () => {
    refuses = SECRETS[1]
    await place(0)
    await nodeRed.inject('in', { payload: adt('FILE0004') })
    await nodeRed.waitFor(
      async () => (await seenOf()).includes('••• is wrong, and so is •••'),
      15_000
    )
    refuses = ''
    const seen = await seenOf()
    for (const word of [...SECRETS, 'PRIVATE KEY']) {
      assert.ok(!seen.includes(word), `${word} is shown`)
    }
  })
})
