import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { TLSSocket } from 'node:tls'
import { after, afterEach, before, describe, it } from 'node:test'
import { UndiciClient } from '../../src/http-client/undici-client.ts'
import { createAuthority, type Authority, type Certificate } from '../support/certificates.ts'
import { FakeClock } from '../support/fake-clock.ts'

const MINUTE = 60_000

/** A request as the server saw it: whose certificate, over which connection, and whether it resumed a session. */
interface Seen {
  subject: string
  connection: number
  isResumed: boolean
}

describe('certificates in files that another program renews', () => {
  let folder: string
  let authority: Authority
  let first: Certificate
  let second: Certificate
  let server: Server
  let url: URL
  let client: UndiciClient
  let clock: FakeClock
  const seen: Seen[] = []
  const connections: TLSSocket[] = []
  let hold: Promise<void> | undefined

  const file = (name: string): string => join(folder, name)
  const place = (name: 'cert' | 'key', { cert, key }: Certificate): Promise<void> =>
    writeFile(file(name), name === 'cert' ? cert : key)

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'renewed-'))
    authority = await createAuthority()
    first = await authority.issueClient({ commonName: 'first' })
    second = await authority.issueClient({ commonName: 'second' })
    const tls = { ...(await authority.issueServer()), ca: authority.ca, requestCert: true }
    server = createServer(tls, (request, response) => {
      const { socket } = request
      assert.ok(socket instanceof TLSSocket)
      if (!connections.includes(socket)) connections.push(socket)
      const { subject } = socket.getPeerCertificate() as { subject?: { CN?: string } }
      seen.push({
        subject: subject?.CN ?? '',
        connection: connections.indexOf(socket),
        isResumed: socket.isSessionReused()
      })
      request.resume()
      void Promise.resolve(hold).then(() => response.end('done'))
    })
    server.keepAliveTimeout = 60_000
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    url = new URL(`https://127.0.0.1:${(server.address() as AddressInfo).port}/`)
  })
  after(async () => {
    server.close()
    server.closeAllConnections()
    await rm(folder, { recursive: true })
  })

  async function start(): Promise<void> {
    seen.length = 0
    connections.length = 0
    hold = undefined
    clock = new FakeClock()
    await place('cert', first)
    await place('key', first)
    const settings = {
      tls: { ca: authority.ca, cert: Buffer.from(first.cert), key: Buffer.from(first.key) },
      tlsFiles: { cert: file('cert'), key: file('key') },
      ...{ connectTimeoutMs: 5000, maxResponseBytes: 1000, maxConnections: 2 }
    }
    client = new UndiciClient(settings, clock)
  }
  afterEach(() => {
    client.close()
  })

  const send = async (): Promise<Seen | undefined> => {
    const request = { method: 'POST', url, headers: {}, body: Buffer.from('x') } as const
    await client.request({ ...request, responseTimeoutMs: 5000 })
    return seen.at(-1)
  }

  it('are used for the next connection, without the session of the earlier one', async () => {
    await start()
    assert.deepEqual(await send(), { subject: 'first', connection: 0, isResumed: false })
    assert.deepEqual(await send(), { subject: 'first', connection: 0, isResumed: false })
    await place('cert', second)
    await place('key', second)
    const before = client.clientCertificate
    await clock.advance(MINUTE - 1)
    await client.look()
    assert.equal((await send())?.connection, 0)
    await clock.advance(1)
    // The idle connection ends.
    await client.look()
    assert.deepEqual(await send(), { subject: 'second', connection: 1, isResumed: false })
    assert.notEqual(client.clientCertificate, before)
  })

  it('serve as before until certificate and key match, and while one is missing', async () => {
    await start()
    await send()
    await place('cert', second)
    await clock.advance(MINUTE)
    await client.look()
    assert.equal((await send())?.connection, 0)
    await rm(file('key'))
    await clock.advance(MINUTE)
    await client.look()
    assert.equal((await send())?.connection, 0)
    await writeFile(file('key'), '-----BEGIN hunter2')
    await clock.advance(MINUTE)
    await client.look()
    assert.equal((await send())?.connection, 0)
    await place('key', second)
    await clock.advance(MINUTE)
    await client.look()
    assert.equal((await send())?.subject, 'second')
  })

  it('end a connection that is busy once its reply is there', async () => {
    await start()
    await send()
    let release = (): void => undefined
    hold = new Promise((resolve) => {
      release = resolve
    })
    const busy = send()
    while (seen.length < 2) await new Promise(setImmediate)
    await place('cert', second)
    await place('key', second)
    await clock.advance(MINUTE)
    await client.look()
    release()
    assert.deepEqual(await busy, { subject: 'first', connection: 0, isResumed: false })
    assert.deepEqual(await send(), { subject: 'second', connection: 1, isResumed: false })
  })

  it('are looked at before a connection is opened, at most once a minute', async () => {
    await start()
    await place('cert', second)
    await place('key', second)
    // They were read at the deploy.
    assert.equal((await send())?.subject, 'second')
    await place('cert', first)
    await place('key', first)
    for (const socket of connections) socket.destroy()
    await new Promise((resolve) => setTimeout(resolve, 50))
    assert.equal((await send())?.subject, 'second')
    for (const socket of connections) socket.destroy()
    await new Promise((resolve) => setTimeout(resolve, 50))
    await clock.advance(MINUTE)
    assert.equal((await send())?.subject, 'first')
  })
})
