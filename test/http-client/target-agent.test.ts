import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import { connect } from 'node:net'
import { afterEach, before, describe, it } from 'node:test'
import type { TLSSocket, TlsOptions } from 'node:tls'
import type { HttpClientSettings } from '../../src/http-client/http-client.ts'
import {
  type Authority,
  type Certificate,
  createAuthority,
  issueExpired,
  selfSignedCertificate
} from '../support/certificates.ts'
import { startConnectProxy } from '../support/connect-proxy.ts'
import { FakeClock } from '../support/fake-clock.ts'
import {
  createClient,
  errorOf,
  type LocalServer,
  post,
  start,
  startServer,
  startTcpServer,
  until
} from './local-server.ts'

const DAY = 24 * 3_600_000
// Certificates hold times in whole seconds.
const now = Math.floor(Date.now() / 1000) * 1000

describe('the certificate of a server', () => {
  let authority: Authority
  let clock: FakeClock
  const closing: (() => void | Promise<void>)[] = []
  before(async () => {
    authority = await createAuthority()
  })
  afterEach(async () => {
    for (const close of closing.splice(0).reverse()) await close()
  })

  /** Of 90 days, these of them left. */
  const validity = (days: number) => ({
    validFrom: now + (days - 90) * DAY,
    validTo: now + days * DAY
  })
  const issue = (days: number): Promise<Certificate> => {
    const { validFrom, validTo } = validity(days)
    return authority.issueServer({ notBefore: new Date(validFrom), notAfter: new Date(validTo) })
  }
  const client = (settings: Partial<HttpClientSettings> = {}) => {
    clock = new FakeClock()
    clock.setWall(Date.now() - clock.now())
    const made = createClient({ tls: { ca: authority.ca }, clock, ...settings })
    closing.push(() => {
      made.close()
    })
    return made
  }

  interface Server extends LocalServer {
    /** Every handshake: `full` or `resumed`. */
    handshakes: string[]
    renew: (tls: TlsOptions) => void
  }
  async function serve(
    tls: TlsOptions,
    handler = (_request: IncomingMessage, response: ServerResponse): void => {
      response.end('ok')
    }
  ): Promise<Server> {
    const server = createServer(tls, (request, response) => {
      request.resume().once('end', () => {
        handler(request, response)
      })
    })
    const handshakes: string[] = []
    server.on('secureConnection', (socket: TLSSocket) => {
      handshakes.push(socket.isSessionReused() ? 'resumed' : 'full')
    })
    server.on('tlsClientError', () => undefined)
    const started = await start(server, 'https:')
    closing.push(started.close)
    const renew = (renewed: TlsOptions): void => {
      server.setSecureContext(renewed)
    }
    return { ...started, handshakes, renew }
  }

  interface Gate extends LocalServer {
    hold: () => void
    /** Connections that get no further. */
    held: () => number
    /** @param count all, unless told otherwise */
    release: (count?: number) => void
  }
  /** Leads to another port, and can hold connections up. */
  async function startGate(port: number): Promise<Gate> {
    let isHolding = false
    const held: (() => void)[] = []
    const gate = await startTcpServer((socket) => {
      const onward = connect(port, '127.0.0.1')
      onward.on('error', () => undefined)
      onward.once('close', () => socket.destroy())
      socket.once('close', () => onward.destroy())
      const join = (): void => {
        socket.pipe(onward)
        onward.pipe(socket)
      }
      if (isHolding) held.push(join)
      else join()
    }, 'https:')
    closing.push(gate.close)
    return {
      ...gate,
      hold: () => {
        isHolding = true
      },
      held: () => held.length,
      release: (count) => {
        isHolding = count !== undefined
        for (const join of held.splice(0, count ?? held.length)) join()
      }
    }
  }

  for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
    for (const way of ['directly', 'through a proxy'] as const) {
      it(`is seen at full handshakes only, and after a renewal within a day: ${version}, ${way}`, async () => {
        const versions = {
          ...{ minVersion: version, maxVersion: version },
          // Sessions that began with the old certificate can be resumed after the renewal.
          ticketKeys: randomBytes(48)
        }
        const server = await serve({ ...(await issue(10)), ...versions })
        let settings: Partial<HttpClientSettings> = {}
        if (way === 'through a proxy') {
          const proxy = await startConnectProxy()
          closing.push(() => proxy.close())
          settings = { proxy: { url: proxy.url } }
        }
        const mine = client(settings)
        assert.equal(mine.certificate, undefined)
        await post(mine, server.url)
        assert.deepEqual(mine.certificate, validity(10))

        server.renew({ ...(await issue(80)), ...versions })
        await post(mine, server.url)
        assert.deepEqual(server.handshakes, ['full'], 'the connection was kept')
        server.cut()
        await until(() => server.open() === 0)
        await post(mine, server.url).catch(() => post(mine, server.url))
        assert.deepEqual(server.handshakes, ['full', 'resumed'])
        assert.deepEqual(mine.certificate, validity(10))

        clock.pass(DAY - 1)
        await post(mine, server.url)
        assert.deepEqual(server.handshakes, ['full', 'resumed'])
        clock.pass(1)
        assert.equal((await post(mine, server.url)).status, 200)
        assert.deepEqual(server.handshakes, ['full', 'resumed', 'full'])
        assert.deepEqual(mine.certificate, validity(80))
        await until(() => server.open() === 1)

        clock.pass(2 * DAY)
        await post(mine, server.url)
        assert.equal(server.handshakes.length, 3, 'there is no reason to look again')
      })
    }
  }

  it('is looked at again without breaking a request, whose connection then is not kept', async () => {
    const answers: ServerResponse[] = []
    const server = await serve(await issue(10), (_request, response) => {
      answers.push(response)
    })
    const mine = client()
    const slow = post(mine, server.url, { responseTimeoutMs: 10_000 })
    await until(() => answers.length === 1)
    server.renew(await issue(80))
    clock.pass(DAY)
    const others = [1, 2].map(() => post(mine, server.url, { responseTimeoutMs: 10_000 }))
    await until(() => answers.length === 3)
    // They begin at the same time: neither has a session.
    assert.deepEqual(server.handshakes, ['full', 'full', 'full'])
    assert.deepEqual(mine.certificate, validity(80))
    for (const answer of answers) answer.end('ok')
    for (const reply of await Promise.all([slow, ...others])) assert.equal(reply.status, 200)
    await until(() => server.open() === 2)

    // Nor does it leave its session to the next connection.
    server.cut()
    await until(() => server.open() === 0)
    const next = post(mine, server.url).catch(() => post(mine, server.url))
    await until(() => answers.length === 4)
    assert.equal(server.handshakes.at(-1), 'resumed')
    answers[3]?.end()
    await next
    assert.deepEqual(mine.certificate, validity(80))
  })

  it('is looked at again while a tunnel is being opened', async () => {
    const server = await serve(await issue(10))
    const proxy = await startConnectProxy()
    closing.push(() => proxy.close())
    const mine = client({ proxy: { url: proxy.url } })
    await post(mine, server.url)
    server.renew(await issue(80))
    clock.pass(DAY)
    const replies = await Promise.all([1, 2, 3].map(() => post(mine, server.url)))
    assert.deepEqual(
      replies.map(({ status }) => status),
      [200, 200, 200]
    )
    assert.deepEqual(server.handshakes, ['full', 'full', 'full', 'full'])
    assert.deepEqual(mine.certificate, validity(80))
  })

  it('is looked at again whatever session an older connection brings meanwhile', async () => {
    const server = await serve(await issue(10))
    const proxy = await startConnectProxy()
    closing.push(() => proxy.close())
    const toServer = await startGate(server.port)
    const toProxy = await startGate(Number(new URL(proxy.url).port))
    const mine = client({ proxy: { url: `http://127.0.0.1:${toProxy.port}` } })
    toServer.hold()
    const older = [1, 2].map(() => post(mine, toServer.url, { responseTimeoutMs: 10_000 }))
    await until(() => toServer.held() === 2)
    toServer.release(1)
    await Promise.race(older)
    clock.pass(DAY)
    toProxy.hold()
    const looking = post(mine, toServer.url)
    await until(() => toProxy.held() === 1)
    toServer.release()
    await Promise.all(older)
    toProxy.release()
    assert.equal((await looking).status, 200)
    assert.deepEqual(server.handshakes, ['full', 'full', 'full'])
    await until(() => server.open() === 1)
  })

  it('is shown again after a connection that failed while it resumed a session', async () => {
    const server = await serve(await issue(80))
    const gate = await startGate(server.port)
    const mine = client()
    await post(mine, gate.url)
    gate.cut()
    await until(() => gate.open() === 0)
    gate.hold()
    let isHeld = false
    // The client may not know yet that its connection was cut, and use it once more.
    const failing = errorOf(
      post(mine, gate.url).catch((error: unknown) => {
        if (isHeld) throw error
        return post(mine, gate.url)
      })
    )
    await until(() => gate.held() === 1)
    isHeld = true
    gate.cut()
    assert.equal((await failing).code, 'ECONNRESET')
    gate.release()
    assert.equal((await post(mine, gate.url)).status, 200)
    assert.deepEqual(server.handshakes, ['full', 'full'])
  })

  it('is not seen in a session that is resumed', async () => {
    const server = await serve(await issue(40))
    const mine = client()
    await post(mine, server.url)
    clock.pass(2 * DAY)
    server.cut()
    await until(() => server.open() === 0)
    await post(mine, server.url).catch(() => post(mine, server.url))
    assert.deepEqual(server.handshakes, ['full', 'resumed'])
    // Had it been seen just now, it would be compared with the next one, and end first.
    server.renew(await issue(80))
    server.cut()
    await until(() => server.open() === 0)
    await post(mine, server.url).catch(() => post(mine, server.url))
    assert.deepEqual(server.handshakes, ['full', 'resumed', 'full'])
    assert.deepEqual(mine.certificate, validity(80))
  })

  it('is seen even if nobody checks it', async () => {
    const { validFrom, validTo } = validity(5)
    const own = await selfSignedCertificate({
      notBefore: new Date(validFrom),
      notAfter: new Date(validTo)
    })
    const server = await serve(own)
    const mine = client({ tls: { rejectUnauthorized: false } })
    await post(mine, server.url)
    assert.deepEqual(mine.certificate, validity(5))

    const ended = await serve(await issueExpired(authority))
    const other = client({ tls: { rejectUnauthorized: false } })
    await post(other, ended.url)
    assert.ok((other.certificate?.validTo ?? Infinity) < Date.now())
  })

  it('does not count if it is not trusted, and there is none without TLS', async () => {
    const server = await serve(await selfSignedCertificate())
    const mine = client()
    const error = await errorOf(post(mine, server.url))
    assert.equal(error.family, 'tls')
    assert.equal(mine.certificate, undefined)

    const plain = await startServer((_request, response) => response.end('ok'))
    closing.push(plain.close)
    await post(mine, plain.url)
    clock.pass(DAY)
    await post(mine, plain.url)
    assert.equal(plain.connections(), 1)
    assert.equal(mine.certificate, undefined)
  })

  it('is the one that ends first, of the servers that are in use', async () => {
    const old = await serve(await issue(10))
    const present = await serve(await issue(80))
    const mine = client()
    await post(mine, present.url)
    await post(mine, old.url)
    assert.deepEqual(mine.certificate, validity(10))
    // As in two days without a message, and then a new address.
    clock.pass(2 * DAY)
    await post(mine, present.url)
    assert.deepEqual(mine.certificate, validity(10))
    clock.pass(2 * DAY)
    await post(mine, present.url)
    assert.deepEqual(mine.certificate, validity(80))
  })
})
