import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { createServer as createHttpServer, type Server } from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import { connect, type Socket } from 'node:net'
import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import { afterEach, before, beforeEach, describe, it } from 'node:test'
import { inspect } from 'node:util'
import type { HttpClientSettings } from '../../src/http-client/http-message.ts'
import { HttpsAgent } from '../../src/http-client/https-agent.ts'
import type { ProxySettings } from '../../src/http-client/proxy.ts'
import {
  type Authority,
  type Certificate,
  createAuthority,
  selfSignedCertificate
} from '../support/certificates.ts'
import {
  createClient,
  createGotClient,
  errorOf,
  type LocalServer,
  MESSAGE,
  post,
  start,
  startServer,
  startTcpServer,
  TOKEN,
  until
} from './local-server.ts'

for (const [library, create] of [
  ['undici', createClient],
  ['got', createGotClient]
] as const) {
  describe(`a request of ${library} through a proxy`, () => {
    let authority: Authority
    let certificate: Certificate
    const closing: (() => void | Promise<void>)[] = []
    before(async () => {
      authority = await createAuthority()
      certificate = await authority.issueServer()
    })
    afterEach(async () => {
      for (const close of closing.splice(0)) await close()
    })

    const client = (settings: Partial<HttpClientSettings> = {}) => {
      const made = create({ tls: { ca: authority.ca }, ...settings })
      closing.push(() => {
        made.close()
      })
      return made
    }
    const receiver = async (host?: string): Promise<LocalServer> => {
      const server = await startServer(
        (request, response) => {
          request.resume().once('end', () => response.end(request.headers['proxy-authorization']))
        },
        certificate,
        host
      )
      closing.push(server.close)
      return server
    }

    interface Proxy extends LocalServer {
      connects: { target: string; authorization: string | undefined; host: string | undefined }[]
      /** Requests other than CONNECT. */
      others: number
    }
    /** A proxy that connects to any target, unless `status` is not 200. */
    async function startProxy({
      status = 200,
      tls,
      host
    }: { status?: number; tls?: Certificate; host?: string } = {}): Promise<Proxy> {
      const server: Server = tls === undefined ? createHttpServer() : createHttpsServer(tls)
      const connects: Proxy['connects'] = []
      const proxy = { connects, others: 0 }
      server.on('tlsClientError', () => undefined)
      server.on('request', (_request, response) => {
        proxy.others += 1
        response.end()
      })
      server.on('connect', (request, socket: Socket, head: Buffer) => {
        const target = request.url ?? ''
        const { host, 'proxy-authorization': authorization } = request.headers
        connects.push({ target, authorization, host })
        socket.on('error', () => undefined)
        if (status !== 200) {
          socket.end(`HTTP/1.1 ${status} No\r\nContent-Length: 6\r\n\r\nsecret`)
          return
        }
        const { hostname, port } = new URL(`http://${target}`)
        const onward = connect(Number(port), hostname.replace(/^\[|\]$/g, ''), () => {
          socket.write('HTTP/1.1 200 Connection established\r\nX-Proxy: yes\r\n\r\n')
          onward.write(head)
          socket.pipe(onward).pipe(socket)
        })
        onward.on('error', () => socket.destroy())
        socket.once('close', () => onward.destroy())
      })
      const running = await start(server, tls === undefined ? 'http:' : 'https:', host)
      closing.push(running.close)
      return Object.assign(proxy, running)
    }
    const settings = ({ url }: LocalServer, more: Partial<ProxySettings> = {}): ProxySettings => ({
      url: url.origin,
      ...more
    })

    it(`sends through ${library === 'undici' ? 'one tunnel' : 'a tunnel for each request'}`, async () => {
      const server = await receiver()
      const proxy = await startProxy()
      const mine = client({ proxy: settings(proxy) })
      for (let index = 0; index < 3; index++) {
        assert.equal((await post(mine, server.url)).status, 200)
      }
      const target = `127.0.0.1:${server.port}`
      const tunnels = library === 'undici' ? 1 : 3
      const tunnel = { target, authorization: undefined, host: target }
      assert.deepEqual(
        proxy.connects,
        Array.from({ length: tunnels }, () => tunnel)
      )
      assert.equal(proxy.others, 0)
      assert.equal(server.connections(), tunnels)
    })

    it('is not cut after connectTimeout', async () => {
      const server = await startServer((_request, response) => {
        setTimeout(() => response.end('late'), 1300)
      }, certificate)
      closing.push(server.close)
      const proxy = await startProxy()
      const mine = client({ proxy: settings(proxy), connectTimeoutMs: 1000 })
      assert.equal((await post(mine, server.url)).body.toString(), 'late')
    })

    it('sends the credentials only to the proxy, whatever characters they have', async () => {
      const server = await receiver()
      const proxy = await startProxy()
      const username = 'ward 12:é'.replace(':', '')
      const mine = client({
        proxy: settings(proxy, { username, password: '50%off:%41@/?#' })
      })
      const reply = await post(mine, server.url)
      const credentials = Buffer.from(`${username}:50%off:%41@/?#`).toString('base64')
      assert.equal(proxy.connects[0]?.authorization, `Basic ${credentials}`)
      assert.equal(reply.body.toString(), '', 'the receiver did not see them')
      const inUrl = client({ proxy: { url: `http://us%65r:p%40ss%@127.0.0.1:${proxy.port}` } })
      await post(inUrl, server.url)
      assert.equal(
        proxy.connects[1]?.authorization,
        `Basic ${Buffer.from('user:p%40ss%').toString('base64')}`,
        'a password that is not percent-encoded is used unchanged'
      )
    })

    it('reaches an IPv6 receiver through an IPv6 proxy', async () => {
      const server = await receiver('::1')
      const proxy = await startProxy({ host: '::1' })
      const reply = await post(client({ proxy: settings(proxy) }), server.url)
      assert.equal(reply.status, 200)
      assert.equal(proxy.connects[0]?.target, `[::1]:${server.port}`)
    })

    it('presents the client certificate to the receiver, inside the tunnel', async () => {
      const own = await authority.issueClient()
      const server = await startServer((_request, response) => response.end('ok'), {
        ...certificate,
        requestCert: true,
        ca: authority.ca
      })
      closing.push(server.close)
      const proxy = await startProxy()
      const tls = { ca: authority.ca, ...own }
      assert.equal((await post(client({ tls, proxy: settings(proxy) }), server.url)).status, 200)
      const bare = await errorOf(post(client({ proxy: settings(proxy) }), server.url))
      assert.equal(bare.family, 'tls')
    })

    it('checks the certificate of the receiver inside the tunnel', async () => {
      const server = await startServer(
        (_request, response) => response.end('ok'),
        await selfSignedCertificate()
      )
      closing.push(server.close)
      const proxy = await startProxy()
      const error = await errorOf(post(client({ proxy: settings(proxy) }), server.url))
      assert.equal(error.family, 'tls')
      assert.equal(error.code, 'DEPTH_ZERO_SELF_SIGNED_CERT')
    })

    describe('over HTTPS', () => {
      // As NODE_EXTRA_CA_CERTS does. The authority in the settings is the receiver's.
      const authorities = getCACertificates('default')
      beforeEach(() => {
        setDefaultCACertificates([...authorities, authority.ca])
      })
      afterEach(() => {
        setDefaultCACertificates(authorities)
      })

      it('sends the proxy no request but CONNECT, and no client certificate', async () => {
        const server = await receiver()
        const proxy = await startProxy({ tls: certificate })
        const mine = client({ proxy: settings(proxy, { username: 'u', password: 'p' }) })
        assert.equal((await post(mine, server.url)).status, 200)
        assert.deepEqual([proxy.connects.length, proxy.others], [1, 0])
      })

      it("knows the receiver's certificate, not the proxy's", async () => {
        const server = await receiver()
        const notAfter = new Date(Date.now() + 86_400_000)
        const proxy = await startProxy({ tls: await authority.issueServer({ notAfter }) })
        const mine = client({ proxy: settings(proxy) })
        await post(mine, server.url)
        const { validTo } = new X509Certificate(certificate.cert)
        assert.equal(mine.certificate?.validTo, Date.parse(validTo))
      })

      it('refuses an untrusted proxy before sending it the credentials', async () => {
        const server = await receiver()
        const proxy = await startProxy({ tls: await selfSignedCertificate() })
        const mine = client({ proxy: settings(proxy, { username: 'u', password: 'p' }) })
        const error = await errorOf(post(mine, server.url))
        assert.equal(error.family, 'connect')
        assert.equal(error.code, 'DEPTH_ZERO_SELF_SIGNED_CERT')
        assert.match(error.message, /the proxy: the certificate is self-signed/)
        assert.equal(proxy.connects.length, 0)
      })
    })

    describe('says what is wrong when the proxy', () => {
      for (const status of [407, 403, 500, 501, 502, 503, 504, 505, 302]) {
        it(`answers ${status}`, async () => {
          const isGateway = [502, 503, 504].includes(status)
          const said = isGateway ? 'does not reach the host' : 'refused the connection'
          const server = await receiver()
          const proxy = await startProxy({ status })
          const mine = client({ proxy: settings(proxy, { username: 'user', password: TOKEN }) })
          const error = await errorOf(post(mine, server.url))
          assert.equal(error.code, 'ERR_PROXY_TUNNEL')
          assert.equal(error.family, 'connect')
          assert.equal(error.atProxy, !isGateway)
          assert.equal(error.status, undefined, 'not an answer of the receiver')
          assert.equal(error.connected, false)
          assert.match(error.message, new RegExp(`: the proxy ${said} \\(HTTP ${status}\\)$`))
          assert.equal(server.connections(), 0)
          const printed = inspect(error, { depth: 20, showHidden: true })
          for (const secret of [TOKEN, 'secret', MESSAGE, 'Basic']) {
            assert.ok(!printed.includes(secret))
          }
          await until(() => proxy.open() === 0)
        })
      }

      it('is not listening', async () => {
        const proxy = await startProxy()
        await proxy.close()
        const error = await errorOf(
          post(client({ proxy: settings(proxy) }), new URL('https://127.0.0.1:9/'))
        )
        assert.equal(error.code, 'ECONNREFUSED')
        assert.equal(error.family, 'connect')
        assert.match(error.message, /the proxy: nothing is listening there/)
      })

      it('hangs or trickles: the request and the connection end after connectTimeout', async () => {
        const server = await receiver()
        const ways = [
          (socket: Socket) => socket.resume(),
          (socket: Socket) => {
            socket.write('HTTP/1.1 200 OK\r\nX-Slow: ')
            const timer = setInterval(() => socket.write('x'), 30)
            socket.once('close', () => {
              clearInterval(timer)
            })
          }
        ]
        for (const way of ways) {
          const proxy = await startTcpServer(way)
          closing.push(proxy.close)
          const mine = client({ proxy: settings(proxy), connectTimeoutMs: 300 })
          const before = performance.now()
          const error = await errorOf(post(mine, server.url))
          assert.ok(performance.now() - before < 1500)
          assert.equal(error.code, 'ETIMEDOUT')
          assert.equal(error.family, 'connect')
          assert.match(error.message, /no connection through the proxy within 0.3 s/)
          // One that has answered may wait for the server itself.
          assert.deepEqual([error.connected, error.atProxy], [false, way === ways[0]])
          await until(() => proxy.open() === 0)
        }
      })

      it('answers byte by byte, for each of which Node.js does more', async () => {
        const proxy = await startTcpServer((socket) => {
          socket.setNoDelay(true).write('HTTP/1.1 200 OK\r\nX-Slow: ')
          const timer = setInterval(() => socket.write('x'), 1)
          socket.once('close', () => {
            clearInterval(timer)
          })
        })
        closing.push(proxy.close)
        const mine = client({ proxy: settings(proxy), connectTimeoutMs: 60_000 })
        const error = await errorOf(post(mine, new URL('https://127.0.0.1:9/')))
        assert.deepEqual([error.code, error.family], ['ERR_PROXY_TUNNEL', 'connect'])
        // Node.js 26 itself ends an answer that has no end.
        assert.match(
          error.message,
          /the answer of the proxy comes in too many pieces|closed the connection/
        )
        await until(() => proxy.open() === 0)
      })

      it('resets the connection', async () => {
        const proxy = await startTcpServer((socket) => {
          socket.once('data', () => socket.resetAndDestroy())
        })
        closing.push(proxy.close)
        const error = await errorOf(
          post(client({ proxy: settings(proxy) }), new URL('https://127.0.0.1:9/'))
        )
        assert.deepEqual([error.code, error.family, error.atProxy], ['ECONNRESET', 'connect', true])
      })

      it('hangs while the client is closed', async () => {
        const proxy = await startTcpServer((socket) => socket.resume())
        closing.push(proxy.close)
        const mine = client({ proxy: settings(proxy), connectTimeoutMs: 60_000 })
        const sending = errorOf(post(mine, new URL('https://127.0.0.1:9/')))
        await until(() => proxy.open() === 1)
        mine.close()
        assert.equal((await sending).code, 'ERR_ABORTED')
        await until(() => proxy.open() === 0)
        await until(() => !process.getActiveResourcesInfo().includes('Timeout'))
      })

      it('closes the connection, or is not a proxy', async () => {
        for (const answer of ['', 'SSH-2.0-OpenSSH_9.9\r\n']) {
          const proxy = await startTcpServer((socket) => {
            socket.once('data', () => socket.end(answer))
          })
          closing.push(proxy.close)
          const error = await errorOf(
            post(client({ proxy: settings(proxy) }), new URL('https://127.0.0.1:9/'))
          )
          assert.equal(error.family, 'connect')
          assert.match(error.message, /the proxy closed the connection, or is not a proxy$/)
        }
      })

      it('opens the tunnel and then closes it', async () => {
        const proxy = await startTcpServer((socket) => {
          socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\n\r\n'))
        })
        closing.push(proxy.close)
        const error = await errorOf(
          post(client({ proxy: settings(proxy) }), new URL('https://127.0.0.1:9/'))
        )
        assert.equal(error.family, 'tls')
        assert.equal(error.connected, false)
      })

      it('has an invalid address', async () => {
        for (const url of ['', 'proxy:3128', 'socks5://127.0.0.1:1080']) {
          const mine = client({ proxy: { url } })
          const error = await errorOf(post(mine, new URL('https://127.0.0.1:9/')))
          assert.equal(error.code, 'ERR_PROXY_ADDRESS')
          assert.equal(error.family, 'connect')
        }
      })
    })

    describe('from the environment', () => {
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

      it('uses HTTPS_PROXY with its credentials, unless NO_PROXY names the host', async () => {
        const server = await receiver()
        const proxy = await startProxy()
        set({ HTTPS_PROXY: `http://user:word@127.0.0.1:${proxy.port}` })
        await post(client(), server.url)
        assert.equal(
          proxy.connects[0]?.authorization,
          `Basic ${Buffer.from('user:word').toString('base64')}`
        )
        set({ https_proxy: proxy.url.origin, no_proxy: 'example.org,127.0.0.1' })
        await post(client(), server.url)
        assert.equal(proxy.connects.length, 1)
      })

      it('is ignored if a proxy node is chosen', async () => {
        const server = await receiver()
        const proxy = await startProxy()
        set({ HTTPS_PROXY: 'http://127.0.0.1:9' })
        await post(client({ proxy: settings(proxy) }), server.url)
        await post(client({ proxy: settings(proxy, { noProxy: ['127.0.0.1'] }) }), server.url)
        assert.equal(proxy.connects.length, 1)
      })

      it('is never used for plain HTTP, which only goes to this machine', async () => {
        const proxy = await startProxy()
        const server = await startServer((_request, response) => response.end('near'))
        closing.push(server.close)
        set({ HTTP_PROXY: proxy.url.origin, HTTPS_PROXY: proxy.url.origin })
        assert.equal((await post(client(), server.url)).body.toString(), 'near')
        assert.equal((await post(client({ proxy: settings(proxy) }), server.url)).status, 200)
        assert.equal(proxy.connects.length + proxy.others, 0)
      })
    })

    describe('is bypassed:', () => {
      const exempt: [entry: string, url: string, direct: boolean][] = [
        ['hl7.example.org', 'https://hl7.example.org/x', true],
        ['HL7.Example.org ', 'https://hl7.example.ORG/x', true],
        ['example.org', 'https://hl7.example.org/', true],
        ['.example.org', 'https://hl7.example.org/', true],
        ['*.example.org', 'https://hl7.example.org/', true],
        ['example.org', 'https://notexample.org/', false],
        ['org.evil', 'https://example.org/', false],
        ['hl7.example.org:443', 'https://hl7.example.org/', true],
        ['hl7.example.org:8443', 'https://hl7.example.org/', false],
        ['hl7.example.org:8443', 'https://hl7.example.org:8443/', true],
        ['.example.org:8443', 'https://hl7.example.org/', false],
        ['.example.org:8443', 'https://example.com:8443/', false],
        ['10.1.2.3', 'https://10.1.2.3:9/', true],
        ['10.1.0.0-10.1.255.255', 'https://10.1.2.3/', true],
        ['10.1.0.0-10.1.255.255', 'https://10.2.2.3/', false],
        ['::1', 'https://[::1]:9/', true],
        ['[::1]', 'https://[::1]:9/', true],
        ['[::1]:9', 'https://[::1]:9/', true],
        ['*', 'https://anything.example/', true],
        ['', 'https://anything.example/', false]
      ]
      for (const [entry, url, direct] of exempt) {
        it(`${url} with "${entry}": ${direct ? 'yes' : 'no'}`, () => {
          const proxy = { url: 'http://127.0.0.1:9', noProxy: [entry] }
          const agent = new HttpsAgent({ proxy, connectTimeoutMs: 2000 })
          const { hostname, port } = new URL(url)
          const host = hostname.replaceAll(/[[\]]/g, '')
          const socket = agent.createConnection({ host, port: port || 443 })
          socket.on('error', () => undefined)
          assert.equal(agent.leadsToProxy(socket), !direct)
          socket.destroy()
        })
      }
    })
  })
}
