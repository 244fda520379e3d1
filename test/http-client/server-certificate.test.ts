import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { createServer } from 'node:https'
import type { Socket } from 'node:net'
import { before, describe, it } from 'node:test'
import type { TLSSocket, TlsOptions } from 'node:tls'
import {
  type Authority,
  type Certificate,
  createAuthority,
  selfSignedCertificate
} from '../support/certificates.ts'
import { startConnectProxy } from '../support/connect-proxy.ts'
import { errorOf, httpTest, type LocalServer, post, start, until } from './local-server.ts'

const HOUR = 3_600_000
const DAY = 24 * HOUR
// Certificates hold times in whole seconds.
const now = Math.floor(Date.now() / 1000) * 1000

describe('the certificate of a server', () => {
  const test = httpTest()
  let authority: Authority
  before(async () => {
    authority = await createAuthority()
  })

  /** Of 90 days, these of them left. */
  const validity = (days: number) => ({
    validFrom: now + (days - 90) * DAY,
    validTo: now + days * DAY
  })
  const dates = (days: number) => ({
    notBefore: new Date(validity(days).validFrom),
    notAfter: new Date(validity(days).validTo)
  })
  const issue = (days: number): Promise<Certificate> => authority.issueServer(dates(days))

  interface Server extends LocalServer {
    /** Every handshake: `full` or `resumed`. */
    handshakes: string[]
    renew: (tls: TlsOptions) => void
    /** Whether it ends connections before the handshake. */
    refuse: (isRefusing: boolean) => void
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
    test.closing(started.close)
    const renew = (renewed: TlsOptions): void => {
      server.setSecureContext(renewed)
    }
    let isRefusing = false
    server.prependListener('connection', (socket: Socket) => {
      if (isRefusing) socket.destroy()
    })
    const refuse = (is: boolean): void => {
      isRefusing = is
    }
    return { ...started, handshakes, renew, refuse }
  }

  for (const [library, version, way] of [
    ['undici', 'TLSv1.2', 'directly'],
    ['undici', 'TLSv1.3', 'directly'],
    ['undici', 'TLSv1.3', 'through a proxy'],
    ['got', 'TLSv1.2', 'directly'],
    ['got', 'TLSv1.3', 'directly'],
    ['got', 'TLSv1.3', 'through a proxy']
  ] as const) {
    it(`is seen by ${library} once an hour: until then the session is resumed: ${version}, ${way}`, async (t) => {
      const clock = performance.now.bind(performance)
      let passed = 0
      t.mock.method(performance, 'now', () => clock() + passed)
      const versions = { minVersion: version, maxVersion: version, ticketKeys: randomBytes(48) }
      const server = await serve({ ...(await issue(80)), ...versions })
      const proxy = await startConnectProxy()
      test.closing(() => proxy.close())
      const settings = way === 'directly' ? {} : { proxy: { url: proxy.url } }
      const mine = test[library]({ tls: { ca: authority.ca }, ...settings })
      assert.equal(mine.certificate, undefined)
      const handshakes = ['full']
      await post(mine, server.url)
      assert.deepEqual(mine.certificate, validity(80))

      server.renew({ ...(await issue(10)), ...versions })
      for (const [at, handshake, days] of [
        [0, 'resumed', 80],
        [HOUR - 60_000, 'resumed', 80],
        [HOUR, 'full', 10],
        [2 * HOUR - 60_000, 'resumed', 10],
        [2 * HOUR, 'full', 10]
      ] as const) {
        server.cut()
        await until(() => server.open() === 0)
        passed = at
        await post(mine, server.url)
        handshakes.push(handshake)
        assert.deepEqual([server.handshakes, mine.certificate], [handshakes, validity(days)])
      }
    })

    it(`is seen by ${library} with a new session if the server no longer knows the old one: ${version}, ${way}`, async () => {
      const versions = { minVersion: version, maxVersion: version }
      const server = await serve({ ...(await issue(80)), ...versions })
      const proxy = await startConnectProxy()
      test.closing(() => proxy.close())
      const settings = way === 'directly' ? {} : { proxy: { url: proxy.url } }
      const mine = test[library]({ tls: { ca: authority.ca }, ...settings })
      await post(mine, server.url)
      server.renew({ ...(await issue(10)), ...versions, ticketKeys: randomBytes(48) })
      server.cut()
      await until(() => server.open() === 0)
      await post(mine, server.url)
      assert.deepEqual(server.handshakes, ['full', 'full'])
      assert.deepEqual(mine.certificate, validity(10))
    })
  }

  it('is known of each server', async () => {
    const one = await serve(await issue(80))
    const other = await serve(await issue(20))
    const mine = test.undici({ tls: { ca: authority.ca } })
    for (const server of [one, other]) await post(mine, server.url)
    assert.deepEqual(mine.certificateOf(one.url), validity(80))
    assert.deepEqual(mine.certificateOf(new URL('/elsewhere', other.url)), validity(20))
    assert.equal(mine.certificateOf(new URL('https://127.0.0.1/')), undefined)
    assert.deepEqual(mine.certificate, validity(20))
  })

  it('is shown again after a handshake that failed, and its host is checked for each server', async () => {
    const server = await serve(await issue(80))
    const mine = test.undici({ tls: { ca: authority.ca } })
    await post(mine, server.url)
    server.cut()
    await until(() => server.open() === 0)
    server.refuse(true)
    assert.equal((await errorOf(post(mine, server.url))).family, 'tls')
    server.refuse(false)
    await post(mine, server.url)
    assert.deepEqual(server.handshakes, ['full', 'full'])
    // Another name of the same server has a session of its own.
    server.cut()
    await until(() => server.open() === 0)
    const other = await authority.issueServer({ names: ['other.example'] })
    server.renew(other)
    const url = new URL(`https://localhost:${server.port}/`)
    const { code } = await errorOf(post(mine, url))
    assert.equal(code, 'ERR_TLS_CERT_ALTNAME_INVALID')
    // A session of a server that was not accepted is not resumed: its name would not be checked.
    assert.equal((await errorOf(post(mine, url))).code, code)
  })

  for (const library of ['undici', 'got'] as const) {
    for (const days of [5, -1]) {
      it(`is seen by ${library} even if nobody checks it: ${days} days left`, async () => {
        const { url } = await serve(await selfSignedCertificate(dates(days)))
        const mine = test[library]({ tls: { rejectUnauthorized: false } })
        await post(mine, url)
        assert.deepEqual(mine.certificate, validity(days))
      })
    }

    it(`does not count for ${library} if it is not trusted, and there is none without TLS`, async () => {
      const { url } = await serve(await selfSignedCertificate())
      const mine = test[library]()
      assert.equal((await errorOf(post(mine, url))).family, 'tls')
      await post(mine, (await test.serve((_request, response) => response.end('ok'))).url)
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
    const mine = test.undici({ tls: { ca: authority.ca } })
    const steps = [HOUR - 60_000, HOUR - 60_000, HOUR]
    for (let sent = 0; sent < 3; sent++) await post(mine, server.url)
    assert.deepEqual(server.handshakes, ['full'])
    server.renew(await issue(80))
    for (let sent = 0; sent < 3; sent++) await post(mine, server.url)
    assert.deepEqual(server.handshakes, ['full', 'full'])
    assert.deepEqual(mine.certificate, validity(80))
  })
})
