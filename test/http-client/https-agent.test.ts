import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { createServer } from 'node:https'
import { afterEach, before, describe, it } from 'node:test'
import type { TLSSocket, TlsOptions } from 'node:tls'
import type { HttpClientSettings } from '../../src/http-client/http-message.ts'
import {
  type Authority,
  type Certificate,
  createAuthority,
  issueExpired,
  selfSignedCertificate
} from '../support/certificates.ts'
import { startConnectProxy } from '../support/connect-proxy.ts'
import {
  createClient,
  createGotClient,
  errorOf,
  type LocalServer,
  post,
  start,
  startServer
} from './local-server.ts'

const HOUR = 3_600_000
const DAY = 24 * HOUR
// Certificates hold times in whole seconds.
const now = Math.floor(Date.now() / 1000) * 1000

describe('the certificate of a server', () => {
  let authority: Authority
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

  interface Server extends LocalServer {
    /** Every handshake: `full` or `resumed`. */
    handshakes: string[]
    renew: (tls: TlsOptions) => void
  }
  async function serve(tls: TlsOptions, onRequest: () => void = () => undefined): Promise<Server> {
    const server = createServer(tls, (request, response) => {
      onRequest()
      request.resume().once('end', () => response.end('ok'))
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

  for (const [library, create] of [
    ['undici', createClient],
    ['got', createGotClient]
  ] as const) {
    const client = (settings: Partial<HttpClientSettings> = {}) => {
      const made = create({ tls: { ca: authority.ca }, ...settings })
      closing.push(() => {
        made.close()
      })
      return made
    }

    for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
      for (const way of ['directly', 'through a proxy'] as const) {
        it(`is seen with each new connection of ${library}: ${version}, ${way}`, async () => {
          const versions = {
            minVersion: version,
            maxVersion: version,
            // A session that began with the old certificate could be resumed after the renewal.
            ticketKeys: randomBytes(48)
          }
          const server = await serve({ ...(await issue(80)), ...versions })
          let settings: Partial<HttpClientSettings> = {}
          if (way === 'through a proxy') {
            const proxy = await startConnectProxy()
            closing.push(() => proxy.close())
            settings = { proxy: { url: proxy.url } }
          }
          const mine = client(settings)
          assert.equal(mine.certificate, undefined)
          await post(mine, server.url)
          assert.deepEqual(mine.certificate, validity(80))

          server.renew({ ...(await issue(10)), ...versions })
          server.cut()
          await new Promise((resolve) => setTimeout(resolve, 50))
          await post(mine, server.url)
          assert.deepEqual(mine.certificate, validity(10))
          assert.deepEqual(server.handshakes, ['full', 'full'])
        })
      }
    }

    it(`is seen by ${library} even if nobody checks it`, async () => {
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

    it(`does not count for ${library} if it is not trusted, and there is none without TLS`, async () => {
      const server = await serve(await selfSignedCertificate())
      const mine = client()
      const error = await errorOf(post(mine, server.url))
      assert.equal(error.family, 'tls')
      const plain = await startServer((_request, response) => response.end('ok'))
      closing.push(plain.close)
      await post(mine, plain.url)
      assert.equal(mine.certificate, undefined)
    })
  }

  it('is seen again after an hour, although the connection was never idle', async (t) => {
    const clock = performance.now.bind(performance)
    let passed = 0
    t.mock.method(performance, 'now', () => clock() + passed)
    const server = await serve(await issue(10), () => {
      // While it is busy.
      passed = steps.shift() ?? passed
    })
    const mine = createClient({ tls: { ca: authority.ca } })
    closing.push(() => {
      mine.close()
    })
    const steps = [HOUR - 60_000, HOUR - 60_000, HOUR]
    for (let requests = 0; requests < 3; requests++) await post(mine, server.url)
    assert.deepEqual(server.handshakes, ['full'])
    server.renew(await issue(80))
    passed += HOUR
    for (let requests = 0; requests < 3; requests++) await post(mine, server.url)
    assert.deepEqual(server.handshakes, ['full', 'full'])
    assert.deepEqual(mine.certificate, validity(80))
  })
})
