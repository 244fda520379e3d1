import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import { afterEach, describe, it } from 'node:test'
import { createAuthority } from '../support/certificates.ts'
import {
  bodyOf,
  createClient,
  errorOf,
  type LocalServer,
  post,
  startServer,
  startTcpServer,
  until
} from './local-server.ts'

describe('HttpClient gives up', () => {
  const closing: (() => void | Promise<void>)[] = []
  afterEach(async () => {
    for (const close of closing.splice(0)) await close()
  })
  const client = (settings: Parameters<typeof createClient>[0] = {}) => {
    const made = createClient(settings)
    closing.push(() => {
      made.close()
    })
    return made
  }
  const kept = async (starting: Promise<LocalServer>): Promise<LocalServer> => {
    const server = await starting
    closing.push(server.close)
    return server
  }

  /** Awaits an action. @returns its result, and how long it took, in milliseconds */
  async function timed<Result>(action: Promise<Result>): Promise<[Result, number]> {
    const start = performance.now()
    return [await action, performance.now() - start]
  }

  it('connecting, after connectTimeout: nothing answers', async () => {
    // Documentation addresses (RFC 5737) are routed nowhere; some networks report this at once.
    const url = new URL('https://192.0.2.1:9/hl7')
    const [error, ms] = await timed(errorOf(post(client({ connectTimeoutMs: 300 }), url)))
    assert.equal(error.family, 'connect')
    assert.equal(error.connected, false)
    if (error.code === 'ETIMEDOUT') {
      assert.ok(ms >= 290 && ms < 1500, `${ms} ms`)
      assert.equal(error.message, '192.0.2.1:9: no connection within 0.3 s')
    } else assert.match(error.code, /UNREACH|ECONNREFUSED|EACCES|EPERM/)
  })

  it('looking up a name that does not exist', async () => {
    const error = await errorOf(post(client(), new URL('https://nowhere.invalid/hl7')))
    assert.match(error.code, /^(ENOTFOUND|EAI_AGAIN|ETIMEDOUT)$/)
    assert.equal(error.family, 'connect')
    assert.equal(error.connected, false)
  })

  it('the TLS handshake, after connectTimeout: the server accepts the connection and is silent', async () => {
    const server = await kept(startTcpServer((socket) => socket.resume(), 'https:'))
    const mine = client({ connectTimeoutMs: 300, maxConnections: 1 })
    const [error, ms] = await timed(errorOf(post(mine, server.url)))
    assert.equal(error.code, 'ETIMEDOUT')
    assert.equal(error.family, 'tls')
    assert.equal(error.connected, false)
    assert.ok(ms >= 290 && ms < 1500, `${ms} ms`)
    assert.match(error.message, /TLS handshake was not finished within 0.3 s/)
    await until(() => server.open() === 0)
  })

  it('waiting, after responseTimeout, even if connectTimeout is shorter', async () => {
    const authority = await createAuthority()
    const server = await kept(startServer(() => undefined, await authority.issueServer()))
    const mine = client({ connectTimeoutMs: 200, tls: { ca: authority.ca } })
    const [error, ms] = await timed(errorOf(post(mine, server.url, { responseTimeoutMs: 500 })))
    assert.equal(error.code, 'ETIMEDOUT')
    assert.equal(error.family, 'timeout')
    assert.equal(error.connected, true)
    assert.equal(error.status, undefined)
    assert.ok(ms >= 490 && ms < 2500, `${ms} ms`)
    assert.match(error.message, /no complete answer within 0.5 s/)
    await until(() => server.open() === 0)
  })

  it('an answer that trickles, in the headers or the body', async () => {
    const trickling = (head: string, rest: string) => (socket: Socket) => {
      socket.once('data', () => {
        socket.write(head)
        let at = 0
        const timer = setInterval(() => socket.write(rest.charAt(at++ % rest.length)), 100)
        socket.once('close', () => {
          clearInterval(timer)
        })
      })
    }
    for (const [head, rest, status] of [
      ['HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n', 'x', 200],
      ['HTTP/1.1 200 OK\r\nX-Slow: ', 'x', undefined]
    ] as const) {
      const server = await kept(startTcpServer(trickling(head, rest)))
      const sending = errorOf(post(client(), server.url, { responseTimeoutMs: 500 }))
      const [error, ms] = await timed(sending)
      assert.equal(error.family, 'timeout')
      assert.equal(error.code, 'ETIMEDOUT')
      assert.equal(error.status, status)
      assert.ok(ms >= 490 && ms < 1500, `${ms} ms`)
      await until(() => server.open() === 0)
    }
  })

  it('an upload that stalls, but not one that is slow', async () => {
    const body = Buffer.alloc(24 << 20)
    const still = await kept(startTcpServer((socket) => socket.pause()))
    const sending = errorOf(post(client(), still.url, { body, responseTimeoutMs: 1000 }))
    const [error, ms] = await timed(sending)
    assert.equal(error.family, 'timeout')
    assert.match(error.message, /took no more of the request for 1 s/)
    assert.ok(ms < 6000, `${ms} ms`)

    let size = 0
    const slow = await kept(
      startServer((request, response) => {
        request.on('data', (chunk: Buffer) => {
          size += chunk.length
          request.pause()
          setTimeout(() => request.resume(), 6)
        })
        request.once('end', () => response.end('all of it'))
      })
    )
    const slowly = post(client(), slow.url, { body, responseTimeoutMs: 1000 })
    const [reply, slowMs] = await timed(slowly)
    assert.equal(reply.body.toString(), 'all of it')
    assert.equal(size, body.length)
    assert.ok(slowMs > 1500, `too fast to prove anything: ${slowMs} ms`)
  })

  it('on a reused connection as on a new one', async () => {
    let index = 0
    const server = await kept(
      startServer((request, response) => {
        void bodyOf(request).then(() => {
          if (index++ === 0) response.end('ok')
        })
      })
    )
    const mine = client()
    await post(mine, server.url)
    const [error, ms] = await timed(errorOf(post(mine, server.url, { responseTimeoutMs: 300 })))
    assert.equal(error.family, 'timeout')
    assert.equal(error.reusedConnection, true)
    assert.ok(ms >= 290 && ms < 1500, `${ms} ms`)
    assert.equal(server.connections(), 1)
  })
})
