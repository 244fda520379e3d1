import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { createServer as createHttpServer } from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import { connect, type Socket } from 'node:net'
import { afterEach, before, beforeEach, describe, it } from 'node:test'
import { getCACertificates, setDefaultCACertificates, TLSSocket } from 'node:tls'
import { inspect } from 'node:util'
import type { HttpErrorFamily } from '../../src/http-client/http-error.ts'
import type { HttpReply } from '../../src/http-client/http-message.ts'
import {
  type Authority,
  type Certificate,
  createAuthority,
  selfSignedCertificate
} from '../support/certificates.ts'
import {
  errorOf,
  type Handler,
  httpTest,
  type LocalServer,
  MESSAGE,
  post,
  start,
  TOKEN,
  until
} from './local-server.ts'

const LIBRARIES = ['undici', 'got'] as const
const NOWHERE = new URL('https://127.0.0.1:9/')
const basic = (credentials: string): string =>
  `Basic ${Buffer.from(credentials).toString('base64')}`

describe('a request through a proxy', () => {
  const test = httpTest()
  let authority: Authority
  let certificate: Certificate
  let trusting: { tls: { ca: string } }
  before(async () => {
    authority = await createAuthority()
    certificate = await authority.issueServer()
    trusting = { tls: { ca: authority.ca } }
  })

  const echo: Handler = (request, response) => {
    request.resume().once('end', () => response.end(request.headers['proxy-authorization']))
  }

  interface Proxy extends LocalServer {
    connects: { target: string; authorization: string | undefined }[]
    /** Requests other than CONNECT. */
    others: number
  }
  /** A proxy that connects to any target, or to this port here for all of them, unless `status` is not 200. */
  async function startProxy({
    status = 200,
    tls,
    onwardPort
  }: { status?: number; tls?: Certificate; onwardPort?: number } = {}) {
    const server = tls === undefined ? createHttpServer() : createHttpsServer(tls)
    const seen = { connects: [] as Proxy['connects'], others: 0 }
    server.on('tlsClientError', () => undefined)
    server.on('request', (_request, response) => {
      seen.others += 1
      response.end()
    })
    server.on('connect', (request, socket: Socket, head: Buffer) => {
      const target = request.url ?? ''
      seen.connects.push({ target, authorization: request.headers['proxy-authorization'] })
      socket.on('error', () => undefined)
      if (status !== 200) {
        socket.end(`HTTP/1.1 ${status} No\r\nContent-Length: 6\r\n\r\nsecret`)
        return
      }
      const { hostname, port } = new URL(`http://${target}`)
      const host = onwardPort === undefined ? hostname : '127.0.0.1'
      const onward = connect(onwardPort ?? Number(port), host, () => {
        socket.write('HTTP/1.1 200 Connection established\r\nX-Proxy: yes\r\n\r\n')
        onward.write(head)
        socket.pipe(onward).pipe(socket)
      })
      onward.on('error', () => socket.destroy())
      socket.once('close', () => onward.destroy())
    })
    const running = await start(server, tls === undefined ? 'http:' : 'https:')
    test.closing(running.close)
    return Object.assign(seen, running)
  }

  for (const [library, tunnels] of [
    ['undici', 1],
    ['got', 3]
  ] as const) {
    it(`goes through one tunnel for each connection: ${library}`, async () => {
      const server = await test.serve(echo, certificate)
      const proxy = await startProxy()
      const mine = test[library]({ ...trusting, proxy: { url: proxy.url.origin } })
      for (let sent = 0; sent < 3; sent++) {
        assert.equal((await post(mine, server.url)).status, 200)
      }
      const tunnel = { target: server.url.host, authorization: undefined }
      const all = Array.from({ length: tunnels }, () => tunnel)
      assert.deepEqual([proxy.connects, proxy.others], [all, 0])
      assert.equal(server.connections(), tunnels)
    })

    it(`names the host as the URL does, without the usual port: ${library}`, async () => {
      const host: Handler = (request, response) => response.end(request.headers.host)
      const { port, url } = await test.serve(host, certificate)
      const proxy = { url: (await startProxy({ onwardPort: port })).url.origin }
      const mine = test[library]({ ...trusting, proxy })
      for (const asked of [url, new URL('https://127.0.0.1/hl7')]) {
        assert.equal((await post(mine, asked)).body.toString(), asked.host)
      }
    })

    it(`asks for an IPv6 address in brackets: ${library}`, async () => {
      const { port } = await test.serve(echo, certificate)
      const proxy = await startProxy({ onwardPort: port })
      const mine = test[library]({ ...trusting, proxy: { url: proxy.url.origin } })
      assert.equal((await post(mine, new URL('https://[::1]:8443/hl7'))).status, 200)
      assert.equal(proxy.connects[0]?.target, '[::1]:8443')
    })

    it(`asks for the receiver by its name, or by that of the TLS configuration, and checks it: ${library}`, async () => {
      const names: unknown[] = []
      const seen: Handler = (request, response) => {
        names.push(request.socket instanceof TLSSocket && request.socket.servername)
        response.end()
      }
      const served = await authority.issueServer({ names: ['hl7.example.org'] })
      const { port } = await test.serve(seen, served)
      const proxy = { url: (await startProxy({ onwardPort: port })).url.origin }
      const send = (name: string, servername?: string): Promise<HttpReply> =>
        post(
          test[library]({ tls: { ...trusting.tls, ...(servername && { servername }) }, proxy }),
          new URL(`https://${name}/hl7`)
        )
      await send('hl7.example.org')
      await send('other.example.org', 'hl7.example.org')
      await send('127.0.0.1', 'hl7.example.org')
      assert.deepEqual(names, Array(3).fill('hl7.example.org'))
      const code = 'ERR_TLS_CERT_ALTNAME_INVALID'
      assert.equal((await errorOf(send('other.example.org'))).code, code)
      assert.equal((await errorOf(send('hl7.example.org', 'other.example.org'))).code, code)
      assert.equal((await errorOf(send('127.0.0.1'))).code, code)
    })

    it(`is not cut after connectTimeout: ${library}`, async () => {
      const slow: Handler = (_request, response) => setTimeout(() => response.end('late'), 600)
      const { url } = await test.serve(slow, certificate)
      const proxy = { url: (await startProxy()).url.origin }
      const mine = test[library]({ ...trusting, proxy, connectTimeoutMs: 400 })
      assert.equal((await post(mine, url)).body.toString(), 'late')
    })

    it(`has its certificates inside the tunnel: ${library}`, async () => {
      const proxy = { url: (await startProxy()).url.origin }
      const strict = { ...certificate, requestCert: true, ca: authority.ca }
      const { url } = await test.serve(echo, strict)
      const tls = { ca: authority.ca, ...(await authority.issueClient()) }
      assert.equal((await post(test[library]({ tls, proxy }), url)).status, 200)
      const bare = await errorOf(post(test[library]({ ...trusting, proxy }), url))
      assert.equal(bare.family, 'tls')
      const other = await test.serve(echo, await selfSignedCertificate())
      const error = await errorOf(post(test[library]({ ...trusting, proxy }), other.url))
      assert.deepEqual([error.code, error.family], ['DEPTH_ZERO_SELF_SIGNED_CERT', 'tls'])
    })
  }

  const special = { username: 'ward 12é', password: '50%off:%41@/?#' }
  for (const [what, userInfo, given, credentials] of [
    ['of the node', '', special, 'ward 12é:50%off:%41@/?#'],
    ['in the URL, percent-encoded', 'us%65r:p%40ss@', {}, 'user:p@ss'],
    ['in the URL, with a percent sign', 'us%65r:p%40ss%@', {}, 'user:p%40ss%']
  ] as const) {
    it(`sends the credentials to the proxy alone, whatever characters they have: ${what}`, async () => {
      const { url } = await test.serve(echo, certificate)
      const proxy = await startProxy()
      const address = `http://${userInfo}127.0.0.1:${proxy.port}`
      const mine = test.undici({ ...trusting, proxy: { url: address, ...given } })
      assert.equal((await post(mine, url)).body.toString(), '')
      assert.equal(proxy.connects[0]?.authorization, basic(credentials))
    })
  }

  describe('over HTTPS', () => {
    // As NODE_EXTRA_CA_CERTS does. The authority in the settings is the receiver's.
    const authorities = getCACertificates('default')
    beforeEach(() => {
      setDefaultCACertificates([...authorities, authority.ca])
    })
    afterEach(() => {
      setDefaultCACertificates(authorities)
    })
    const credentials = { username: 'u', password: 'p' }

    for (const library of LIBRARIES) {
      it(`sends the proxy nothing but CONNECT, and knows the receiver's certificate: ${library}`, async () => {
        const { url } = await test.serve(echo, certificate)
        const notAfter = new Date(Date.now() + 86_400_000)
        const proxy = await startProxy({ tls: await authority.issueServer({ notAfter }) })
        const mine = test[library]({
          ...trusting,
          proxy: { url: proxy.url.origin, ...credentials }
        })
        assert.equal((await post(mine, url)).status, 200)
        assert.deepEqual([proxy.connects.length, proxy.others], [1, 0])
        const { validTo } = new X509Certificate(certificate.cert)
        assert.equal(mine.certificate?.validTo, Date.parse(validTo))
      })

      it(`refuses an untrusted proxy before sending it the credentials: ${library}`, async () => {
        const proxy = await startProxy({ tls: await selfSignedCertificate() })
        const mine = test[library]({
          ...trusting,
          proxy: { url: proxy.url.origin, ...credentials }
        })
        const error = await errorOf(post(mine, NOWHERE))
        assert.deepEqual([error.code, error.family], ['DEPTH_ZERO_SELF_SIGNED_CERT', 'connect'])
        assert.match(error.message, /the proxy: the certificate is self-signed/)
        assert.equal(proxy.connects.length, 0)
      })
    }
  })

  for (const [status, atProxy] of [
    [302, true],
    [403, true],
    [404, false],
    [407, true],
    [500, false],
    [501, false],
    [502, false],
    [503, false],
    [504, false],
    [511, false]
  ] as const) {
    for (const library of LIBRARIES) {
      it(`says what is wrong if the proxy answers ${status}: ${library}`, async () => {
        const proxy = await startProxy({ status })
        const given = { url: proxy.url.origin, username: 'user', password: TOKEN }
        const error = await errorOf(post(test[library]({ ...trusting, proxy: given }), NOWHERE))
        assert.deepEqual([error.code, error.family], ['ERR_PROXY_TUNNEL', 'connect'])
        // It is no answer of the receiver.
        assert.deepEqual(
          [error.atProxy, error.proxyStatus, error.status, error.connected],
          [atProxy, status, undefined, false]
        )
        const said = atProxy ? 'refused the connection' : 'does not reach the host'
        assert.equal(error.message, `127.0.0.1:9: the proxy ${said} (HTTP ${status})`)
        const printed = inspect(error, { depth: 20, showHidden: true })
        for (const secret of [TOKEN, 'secret', MESSAGE, 'Basic']) {
          assert.ok(!printed.includes(secret))
        }
        await until(() => proxy.open() === 0)
      })
    }
  }

  const trickles = (everyMs: number) => (socket: Socket) => {
    socket.setNoDelay(true).write('HTTP/1.1 200 OK\r\nX-Slow: ')
    const timer = setInterval(() => socket.write('x'), everyMs)
    socket.once('close', () => {
      clearInterval(timer)
    })
  }
  const hangs = (socket: Socket): unknown => socket.resume()
  const resets = (socket: Socket): unknown => socket.once('data', () => socket.resetAndDestroy())
  const says = (answer: string) => (socket: Socket) => socket.once('data', () => socket.end(answer))
  const late = 'no connection through the proxy within 0.3 s'
  const cut = 'the proxy: the connection was cut'
  const ended = 'the proxy closed the connection, or is not a proxy'
  const long = says(`HTTP/1.1 200 OK\r\nX: ${'x'.repeat(100_000)}`)
  const tooLong = 'the proxy: the headers of the answer are too large'
  const ssh = says('SSH-2.0-OpenSSH_9.9\r\n')
  const mute = (socket: Socket): unknown =>
    socket.once('data', () => socket.write('HTTP/1.1 200 OK\r\n\r\n'))
  const handshake = 'the TLS handshake was not finished within 2 s'
  const opens = says('HTTP/1.1 200 OK\r\n\r\n')
  for (const [what, way, code, family, atProxy, words, connectTimeoutMs = 10_000] of [
    ['hangs', hangs, 'ETIMEDOUT', 'connect', true, late, 300],
    // It may wait for the server itself.
    ['answers slowly', trickles(30), 'ETIMEDOUT', 'connect', false, late, 300],
    ['answers without end', long, 'HPE_HEADER_OVERFLOW', 'connect', true, tooLong],
    ['says nothing in the tunnel', mute, 'ETIMEDOUT', 'tls', false, handshake, 2000],
    ['resets the connection', resets, 'ECONNRESET', 'connect', true, cut],
    ['closes it', says(''), 'ERR_PROXY_TUNNEL', 'connect', true, ended],
    ['is no proxy', ssh, /./, 'connect', true, ended],
    ['opens the tunnel and ends it', opens, 'ECONNRESET', 'tls', false, 'the connection was cut']
  ] satisfies [
    string,
    (socket: Socket) => unknown,
    string | RegExp,
    HttpErrorFamily,
    boolean,
    string,
    number?
  ][]) {
    for (const library of LIBRARIES) {
      it(`says what is wrong if the proxy ${what}: ${library}`, async () => {
        const server = await test.serveTcp(way)
        const proxy = { url: server.url.origin }
        const mine = test[library]({
          ...trusting,
          proxy,
          connectTimeoutMs
        })
        const error = await errorOf(post(mine, NOWHERE))
        if (typeof code === 'string') assert.equal(error.code, code)
        assert.deepEqual([error.family, error.atProxy, error.connected], [family, atProxy, false])
        assert.equal(error.message, `127.0.0.1:9: ${words}`)
        await until(() => server.open() === 0)
      })
    }
  }

  for (const library of LIBRARIES) {
    it(`says that no proxy is there, or that its address is none: ${library}`, async () => {
      const proxy = await startProxy()
      await proxy.close()
      const gone = 'the proxy: nothing is listening there (connection refused)'
      const noUrl = 'the address of the proxy is not an http: or https: URL'
      for (const [url, code, words] of [
        [proxy.url.origin, 'ECONNREFUSED', gone],
        ['', 'ERR_PROXY_ADDRESS', noUrl],
        ['proxy:3128', 'ERR_PROXY_ADDRESS', noUrl],
        ['socks5://127.0.0.1:1080', 'ERR_PROXY_ADDRESS', noUrl]
      ] as const) {
        const error = await errorOf(post(test[library]({ proxy: { url } }), NOWHERE))
        assert.deepEqual([error.code, error.family, error.atProxy], [code, 'connect', true])
        assert.equal(error.message, `127.0.0.1:9: ${words}`)
      }
    })

    it(`ends if the client is closed while the proxy hangs: ${library}`, async () => {
      const server = await test.serveTcp(hangs)
      const proxy = { url: server.url.origin }
      const mine = test[library]({ ...trusting, proxy, connectTimeoutMs: 60_000 })
      const sending = errorOf(post(mine, NOWHERE))
      await until(() => server.open() === 1)
      mine.close()
      assert.equal((await sending).code, 'ERR_ABORTED')
      await until(() => server.open() === 0)
      await until(() => !process.getActiveResourcesInfo().includes('Timeout'))
    })
  }

  describe('of the environment', () => {
    const variables = ['HTTPS_PROXY', 'https_proxy', 'HTTP_PROXY', 'NO_PROXY', 'no_proxy']
    const saved = variables.map((name) => [name, process.env[name]] as const)
    const set = (values: Record<string, string>) => {
      for (const name of variables) Reflect.deleteProperty(process.env, name)
      Object.assign(process.env, values)
    }
    afterEach(() => {
      set({})
      for (const [name, value] of saved) if (value !== undefined) process.env[name] = value
    })

    it('is used with its credentials, unless NO_PROXY names the host', async () => {
      const { url } = await test.serve(echo, certificate)
      const proxy = await startProxy()
      const login = `http://user:word@127.0.0.1:${proxy.port}`
      for (const [variable, exempt, connects] of [
        ['HTTPS_PROXY', {}, 1],
        ['https_proxy', {}, 2],
        ['HTTPS_PROXY', { NO_PROXY: 'example.org,127.0.0.1' }, 2],
        ['https_proxy', { no_proxy: '127.0.0.1' }, 2]
      ] as const) {
        set({ [variable]: login, ...exempt })
        await post(test.undici(trusting), url)
        assert.equal(proxy.connects.length, connects)
      }
      assert.equal(proxy.connects[0]?.authorization, basic('user:word'))
    })

    for (const [entries, url, isDirect] of [
      ['out.invalid', 'https://hl7.out.invalid/', false],
      ['.out.invalid', 'https://hl7.out.invalid/', true],
      ['.out.invalid', 'https://out.invalid/', true],
      ['*.out.invalid', 'https://hl7.out.invalid/', true],
      ['*.out.invalid', 'https://hl7.invalid/', false],
      ['other.invalid, HL7.invalid ', 'https://hl7.invalid/', true],
      ['*', 'https://hl7.invalid/', true],
      ['127.0.0.1-127.0.0.9', 'https://127.0.0.5:9/', true],
      ['127.0.0.1 - 127.0.0.9', 'https://127.0.0.9:9/', true],
      ['127.0.0.1-127.0.0.9', 'https://127.0.0.10:9/', false],
      ['127.0.0.9-127.0.0.1', 'https://127.0.0.5:9/', false],
      ['127.0.0.1-', 'https://127.0.0.1:9/', false],
      ['-127.0.0.1', 'https://127.0.0.1:9/', false],
      ['127.0.0.1-127.0.0.9', 'https://hl7.invalid/', false],
      ['hl7-west.invalid', 'https://hl7-west.invalid/', true]
    ] as const) {
      it(`${isDirect ? 'does not apply to' : 'applies to'} ${url} with NO_PROXY "${entries}"`, async () => {
        set({ HTTPS_PROXY: 'http://127.0.0.1:9', NO_PROXY: entries })
        const { atProxy, connected } = await errorOf(post(test.undici(), new URL(url)))
        assert.deepEqual([atProxy, connected], [!isDirect, false])
      })
    }

    it('is ignored if a proxy node is chosen', async () => {
      const { url } = await test.serve(echo, certificate)
      const proxy = await startProxy()
      set({ HTTPS_PROXY: 'http://127.0.0.1:9' })
      const chosen = { url: proxy.url.origin }
      await post(test.undici({ ...trusting, proxy: chosen }), url)
      await post(test.undici({ ...trusting, proxy: { ...chosen, noProxy: ['127.0.0.1'] } }), url)
      assert.equal(proxy.connects.length, 1)
    })

    it('is never used for plain HTTP, which only goes to this machine', async () => {
      const proxy = await startProxy()
      const { url } = await test.serve(echo)
      set({ HTTP_PROXY: proxy.url.origin, HTTPS_PROXY: proxy.url.origin })
      for (const library of LIBRARIES) {
        assert.equal((await post(test[library](), url)).status, 200)
        const chosen = { url: proxy.url.origin }
        assert.equal((await post(test[library]({ proxy: chosen }), url)).status, 200)
      }
      assert.equal(proxy.connects.length + proxy.others, 0)
    })
  })

  for (const [entry, url, isDirect] of [
    ['hl7.invalid', 'https://hl7.invalid/x', true],
    ['HL7.Invalid ', 'https://hl7.INVALID/x', true],
    ['out.invalid', 'https://hl7.out.invalid/', true],
    ['.out.invalid', 'https://hl7.out.invalid/', true],
    ['*.out.invalid', 'https://hl7.out.invalid/', true],
    ['out.invalid', 'https://notout.invalid/', false],
    ['hl7.invalid:8443', 'https://hl7.invalid/', false],
    ['hl7.invalid:8443', 'https://hl7.invalid:8443/', true],
    ['[::1]:9', 'https://[::1]:9/', true],
    ['*', 'https://anything.invalid/', true],
    ['', 'https://anything.invalid/', false],
    ['', 'https://anything.invalid./', false]
  ] as const) {
    it(`${isDirect ? 'does not apply to' : 'applies to'} ${url} with the exception "${entry}"`, async () => {
      const gone = { url: 'http://127.0.0.1:9', noProxy: [entry] }
      const { atProxy, connected } = await errorOf(post(test.undici({ proxy: gone }), new URL(url)))
      assert.deepEqual([atProxy, connected], [!isDirect, false])
    })
  }
})
