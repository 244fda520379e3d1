import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import { inspect } from 'node:util'
import { Worker } from 'node:worker_threads'
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib'
import { afterEach, describe, it } from 'node:test'
import type { ReceivedReply } from '../../src/http-client/connection.ts'
import type { UndiciClient } from '../../src/http-client/undici-client.ts'
import { createAuthority } from '../support/certificates.ts'
import {
  bodyOf,
  createClient,
  errorOf,
  type Handler,
  type LocalServer,
  MESSAGE,
  post,
  start,
  startServer,
  startTcpServer,
  TOKEN,
  until
} from './local-server.ts'

describe('UndiciClient', () => {
  const closing: (() => void | Promise<void>)[] = []
  afterEach(async () => {
    for (const close of closing.splice(0)) await close()
  })
  const client = (settings: Parameters<typeof createClient>[0] = {}): UndiciClient => {
    const made = createClient(settings)
    closing.push(() => {
      made.close()
    })
    return made
  }
  const serve = async (handler: Handler): Promise<LocalServer> => {
    const server = await startServer(handler)
    closing.push(server.close)
    return server
  }
  const serveTcp = async (
    onConnection: Parameters<typeof startTcpServer>[0]
  ): Promise<LocalServer> => {
    const server = await startTcpServer(onConnection)
    closing.push(server.close)
    return server
  }
  /** Answers the first data on each connection with the same bytes. */
  const answering = (bytes: string, then: 'keep' | 'end' | 'reset' = 'keep') =>
    serveTcp((socket) => {
      socket.once('data', () => {
        socket.write(bytes, () => {
          if (then === 'end') socket.end()
          if (then === 'reset') setTimeout(() => socket.resetAndDestroy(), 20)
        })
      })
    })

  it('sends HTTP/1.1 without Expect, leaves the bytes unchanged, and reads the whole answer', async () => {
    const bytes = Buffer.from([0x0b, 0x4d, 0xff, 0x00, 0x1c, 0x0d])
    let seen: { version: string; headers: string[]; body: Buffer; url: string } | undefined
    const server = await serve((request, response) => {
      void bodyOf(request).then((body) => {
        seen = {
          version: request.httpVersion,
          headers: request.rawHeaders,
          body,
          url: request.url ?? ''
        }
        response.writeHead(418, { 'X-Answer': 'yes' }).end(Buffer.from([1, 2, 255]))
      })
    })
    const url = new URL('/a%20b?x=1&flag&y=a+b%2C{c}', server.url)
    const reply = await post(client(), url, { body: bytes })
    assert.equal(seen?.version, '1.1')
    assert.equal(seen.url, '/a%20b?x=1&flag&y=a+b%2C{c}')
    assert.deepEqual(seen.body, bytes)
    assert.ok(!seen.headers.some((name) => name.toLowerCase() === 'expect'))
    assert.ok(seen.headers.includes(`Bearer ${TOKEN}`))
    assert.equal(reply.status, 418)
    assert.equal(reply.headers['x-answer'], 'yes')
    assert.deepEqual(reply.body, Buffer.from([1, 2, 255]))
  })

  it('follows no redirect, and the other server sees nothing', async () => {
    let others = 0
    const other = await serve((_request, response) => {
      others += 1
      response.end()
    })
    let mine = 0
    for (const status of [301, 302, 303, 307, 308]) {
      for (const target of [other.url.href, '/elsewhere']) {
        const server = await serve((_request, response) => {
          mine += 1
          response.writeHead(status, { location: target }).end()
        })
        const reply = await post(client(), server.url)
        assert.equal(reply.status, status)
        assert.equal(reply.headers.location, target)
      }
    }
    assert.equal(mine, 10, 'each server was asked once')
    assert.equal(others, 0)
    assert.equal(other.connections(), 0)
  })

  it('keeps the case of header names, and sends each once', async () => {
    let raw: string[] = []
    const server = await serve((request, response) => {
      raw = request.rawHeaders
      response.end()
    })
    const headers = { 'UPHN-INFOMAP': '{"a":1,"b":2}', 'x-Token': 'x', 'ACCEPT-Encoding': 'br' }
    await post(client(), server.url, { headers })
    const names = raw.filter((_, index) => index % 2 === 0)
    for (const name of Object.keys(headers)) assert.ok(names.includes(name), raw.join())
    assert.equal(raw[raw.indexOf('UPHN-INFOMAP') + 1], '{"a":1,"b":2}')
    assert.equal(raw[raw.indexOf('ACCEPT-Encoding') + 1], 'br')
    const lower = names.map((name) => name.toLowerCase())
    assert.equal(new Set(lower).size, lower.length, names.join())
  })

  it('joins the values of a header that comes several times, but for cookies', async () => {
    const server = await serve((_request, response) =>
      response
        .writeHead(401, [
          ...['WWW-Authenticate', 'Basic realm="a"', 'WWW-Authenticate', 'Bearer error="b"'],
          ...['Set-Cookie', 'a=b', 'X-One', 'é']
        ])
        .end()
    )
    const { headers } = await post(client(), server.url)
    assert.equal(headers['www-authenticate'], 'Basic realm="a", Bearer error="b"')
    assert.deepEqual(headers['set-cookie'], ['a=b'])
    assert.equal(headers['x-one'], 'é')
  })

  it('keeps no cookies', async () => {
    const cookies: unknown[] = []
    const server = await serve((request, response) => {
      cookies.push(request.headers.cookie)
      response.writeHead(200, { 'set-cookie': 'a=b' }).end()
    })
    const mine = client()
    await post(mine, server.url)
    await post(mine, server.url)
    assert.deepEqual(cookies, [undefined, undefined])
  })

  describe('connections', () => {
    it('sends requests one after the other over one connection', async () => {
      const server = await serve((request, response) => {
        request.resume().once('end', () => response.end('ok'))
      })
      const mine = client({ maxConnections: 1 })
      for (let index = 0; index < 30; index++) await post(mine, server.url)
      assert.equal(server.connections(), 1)
    })

    it('never lets a request wait for a connection, and keeps at most maxConnections', async () => {
      const server = await serve((request, response) => {
        request.resume().once('end', () => setTimeout(() => response.end('ok'), 50))
      })
      const mine = client({ maxConnections: 2 })
      await Promise.all(Array.from({ length: 6 }, () => post(mine, server.url)))
      assert.equal(server.connections(), 6)
      await until(() => server.open() === 2)
      await Promise.all([post(mine, server.url), post(mine, server.url)])
      assert.equal(server.connections(), 6)
    })

    it('closes one that still holds part of the request', async () => {
      const server = await serve((_request, response) => {
        // Does not read the body.
        response.writeHead(413).end('too large')
      })
      const mine = client()
      for (let connections = 1; connections < 4; connections++) {
        const reply = await post(mine, server.url, { body: Buffer.alloc(16 << 20) })
        assert.equal(reply.status, 413)
        assert.equal(server.connections(), connections)
      }
      await until(() => server.open() === 0)
    })

    it('reports that a connection was reused if the server had closed it', async () => {
      let requests = 0
      const server = await serveTcp((socket) => {
        socket.on('data', () => {
          requests += 1
          if (requests === 1) socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')
          else socket.resetAndDestroy()
        })
      })
      const mine = client()
      await post(mine, server.url)
      const error = await errorOf(post(mine, server.url))
      assert.equal(error.reusedConnection, true)
      assert.equal(error.family, 'reset')
      assert.equal(error.status, undefined)
      assert.equal(server.connections(), 1)
      const fresh = await errorOf(post(mine, server.url))
      assert.equal(fresh.reusedConnection, false)
      assert.equal(fresh.family, 'reset')
    })

    it('sends over a new one if a kept one is closed before any of the request was written', async () => {
      const sockets: Socket[] = []
      const server = await serve((request, response) => {
        sockets.push(request.socket)
        request.resume().once('end', () => response.end('ok'))
      })
      const mine = client()
      for (let tries = 1; tries < 20; tries++) {
        await post(mine, server.url)
        const free = sockets.at(-1)
        // In the same turn as the next request: the client cannot know of it yet.
        const closed = new Promise((resolve) => free?.once('close', resolve))
        free?.destroySoon()
        await closed
        const reply = await post(mine, server.url)
        assert.equal(reply.status, 200)
      }
    })

    it('does not repeat a request that undici refuses', async () => {
      const server = await serve((_request, response) => response.end('ok'))
      const mine = client()
      await post(mine, server.url)
      const error = await errorOf(post(mine, server.url, { headers: { authorization: 'a\nb' } }))
      assert.deepEqual([error.code, error.family], ['UND_ERR_INVALID_ARG', undefined])
      assert.equal((await post(mine, server.url)).status, 200)
    })

    it('does not keep one for longer than the server says', async () => {
      const server = await serve((request, response) => {
        response.setHeader('Keep-Alive', 'timeout=1')
        request.resume().once('end', () => response.end('ok'))
      })
      const mine = client()
      await post(mine, server.url)
      await post(mine, server.url)
      assert.equal(server.connections(), 2)
    })

    it('knows whether a reused connection that breaks had begun to answer', async () => {
      const authority = await createAuthority()
      for (const bytes of ['', 'H']) {
        let asked = 0
        const server = await startServer(
          (request, response) => {
            if (++asked === 1) response.end('ok')
            else request.socket.write(bytes, () => request.socket.destroy())
          },
          await authority.issueServer()
        )
        closing.push(server.close)
        const mine = client({ tls: { ca: authority.ca } })
        await post(mine, server.url)
        const error = await errorOf(post(mine, server.url))
        assert.deepEqual([error.family, error.reusedConnection], ['reset', true], error.code)
        assert.deepEqual([error.answered, error.isStale], [bytes !== '', bytes === ''])
      }
    })

    it('uses a new connection after the server has closed an idle one', async () => {
      const server = await serve((request, response) => {
        request.resume().once('end', () => response.end('ok'))
      })
      const mine = client()
      await post(mine, server.url)
      server.cut()
      await until(() => server.open() === 0)
      await new Promise((resolve) => setTimeout(resolve, 50))
      assert.equal((await post(mine, server.url)).status, 200)
      assert.equal(server.connections(), 2)
    })

    for (const way of ['http', 'TLS'] as const) {
      it(`closes an idle one on which more arrives than the answer, ${way}, and reports it`, async () => {
        const authority = await createAuthority()
        const sockets: Socket[] = []
        const onConnection = (socket: Socket): void => {
          sockets.push(socket)
          const here = sockets.length
          socket.on('data', () => {
            socket.write(`HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n${here}`)
          })
        }
        const server =
          way === 'http'
            ? await serveTcp(onConnection)
            : await start(createTlsServer(await authority.issueServer(), onConnection), 'https:')
        closing.push(server.close)
        const notices: string[] = []
        const mine = client({
          tls: { ca: authority.ca },
          onNotice: (text) => notices.push(text)
        })
        assert.equal((await post(mine, server.url)).body.toString(), '1')
        for (const answer of ['2', '3']) {
          sockets.at(-1)?.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nmore')
          await until(() => server.open() === 0)
          assert.equal((await post(mine, server.url)).body.toString(), answer)
        }
        assert.equal(server.connections(), 3)
        assert.equal(notices.length, 1, 'reported once a minute')
        assert.match(
          notices[0] ?? '',
          new RegExp(`^${server.url.host}: .*more than one complete answer`)
        )
      })
    }

    it('exposes the connection of a reply, which can be closed', async () => {
      const server = await serve((request, response) => {
        request.resume().once('end', () => response.end('ok'))
      })
      const notices: string[] = []
      const mine = client({ onNotice: (text) => notices.push(text) })
      const [first, second] = [await post(mine, server.url), await post(mine, server.url)]
      assert.equal(second.connection, first.connection)
      first.connection.close('a reason')
      first.connection.close('a reason')
      const third = await post(mine, server.url)
      assert.notEqual(third.connection, first.connection)
      assert.equal(server.connections(), 2)
      assert.deepEqual(notices, [`${server.url.host}: a reason.`])
    })

    it('reaches an IPv6 address', async () => {
      const server = await startServer(
        (_request, response) => response.end('six'),
        undefined,
        '::1'
      )
      closing.push(server.close)
      assert.equal(server.url.hostname, '[::1]')
      assert.equal((await post(client(), server.url)).body.toString(), 'six')
    })
  })

  describe('the answer', () => {
    const encodings: [name: string, header: string, encode: (body: Buffer) => Buffer][] = [
      ['gzip', 'gzip', gzipSync],
      ['x-gzip in capitals', 'X-GZIP', gzipSync],
      ['deflate', 'deflate', deflateSync],
      ['deflate without a zlib header', 'deflate', deflateRawSync],
      ['br', 'br', brotliCompressSync],
      ['identity', 'identity', (body) => body],
      ['a charset instead of a coding', 'UTF-8', (body) => body],
      ['another charset instead of a coding', 'iso-8859-1', (body) => body],
      ['words for no coding', 'binary, None', (body) => body],
      ['gzip and a charset', 'utf-8, gzip', gzipSync],
      ['gzip inside br', 'gzip, br', (body) => brotliCompressSync(gzipSync(body))]
    ]
    for (const [name, header, encode] of encodings) {
      it(`is decoded from ${name}`, async () => {
        let accepted: unknown = ''
        const server = await serve((request, response) => {
          accepted = request.headers['accept-encoding']
          response.writeHead(200, { 'content-encoding': header }).end(encode(Buffer.from(MESSAGE)))
        })
        const { body, headers: kept } = await post(client(), server.url)
        assert.equal(body.toString(), MESSAGE)
        assert.ok(header.toLowerCase().includes(String(kept['content-encoding']).toLowerCase()))
        assert.equal(accepted, undefined, 'it was not asked for')
      })
    }

    it('may be empty with a content-encoding', async () => {
      const server = await serve((_request, response) =>
        response.writeHead(200, { 'content-encoding': 'gzip' }).end()
      )
      assert.equal((await post(client(), server.url)).body.length, 0)
    })

    const broken: [name: string, header: string, body: Buffer][] = [
      ['is not gzip', 'gzip', Buffer.from('plain Lindqvist')],
      ['is incomplete gzip', 'gzip', gzipSync(MESSAGE).subarray(0, 40)],
      ['has an unknown encoding', 'zstd', Buffer.from('x')],
      ['has the name of an object property as encoding', 'constructor', Buffer.from('x')],
      ['has too many encodings', 'gzip, gzip, gzip', gzipSync(gzipSync(gzipSync('x')))]
    ]
    for (const [name, header, body] of broken) {
      it(`that ${name} is ERR_CONTENT_DECODING with its status`, async () => {
        const server = await serve((_request, response) =>
          response.writeHead(502, { 'content-encoding': header }).end(body)
        )
        const error = await errorOf(post(client(), server.url))
        assert.equal(error.code, 'ERR_CONTENT_DECODING')
        assert.equal(error.family, undefined)
        assert.equal(error.status, 502)
        assert.equal(error.connected, true)
        assert.ok(error.message.startsWith(server.url.host))
      })
    }

    it('has a size limit, whether announced, sent in pieces or decompressed', async () => {
      const limit = 64 * 1024
      const handlers: Record<string, Handler> = {
        exact: (_request, response) => response.end(Buffer.alloc(limit)),
        announced: (_request, response) => {
          response.writeHead(200, { 'content-length': limit + 1 })
          response.write('x')
        },
        pieces: (_request, response) => {
          const more = () => {
            response.write(Buffer.alloc(10_000), (error) => {
              if (!error) setTimeout(more, 1)
            })
          }
          more()
        },
        gzip: (_request, response) =>
          response
            .writeHead(200, { 'content-encoding': 'gzip' })
            .end(gzipSync(Buffer.alloc(8 << 20))),
        br: (_request, response) =>
          response
            .writeHead(200, { 'content-encoding': 'br' })
            .end(brotliCompressSync(Buffer.alloc(8 << 20))),
        'gzip in gzip': (_request, response) =>
          response
            .writeHead(200, { 'content-encoding': 'gzip, gzip' })
            .end(gzipSync(gzipSync(Buffer.alloc(8 << 20))))
      }
      for (const [name, handler] of Object.entries(handlers)) {
        const server = await serve(handler)
        const sending = post(client({ maxResponseBytes: limit }), server.url)
        if (name === 'exact') {
          assert.equal((await sending).body.length, limit)
          continue
        }
        const error = await errorOf(sending)
        assert.equal(error.code, 'ERR_RESPONSE_TOO_LARGE', name)
        assert.equal(error.family, undefined, name)
        assert.equal(error.status, 200, name)
        await until(() => server.open() === 0 || name.includes('gzip') || name === 'br')
      }
    })

    it('of 200 kB in gzip that makes 200 MB needs little memory', async () => {
      const bomb = gzipSync(Buffer.alloc(200 << 20))
      const server = await serve((_request, response) =>
        response.writeHead(200, { 'content-encoding': 'gzip' }).end(bomb)
      )
      const before = process.memoryUsage.rss()
      const error = await errorOf(post(client({ maxResponseBytes: 2 << 20 }), server.url))
      assert.equal(error.code, 'ERR_RESPONSE_TOO_LARGE')
      assert.ok(process.memoryUsage.rss() - before < 40 << 20)
    })

    it('that is cut off is a reset with its status, with a length or chunks', async () => {
      for (const head of [
        'HTTP/1.1 500 No\r\nContent-Length: 100\r\n\r\nMSH|',
        'HTTP/1.1 500 No\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nMSH|\r\n',
        'HTTP/1.1 500 No\r\nContent-Encoding: gzip\r\nContent-Length: 100\r\n\r\n\x1f'
      ]) {
        for (const then of ['end', 'reset'] as const) {
          const server = await answering(head, then)
          const error = await errorOf(post(client(), server.url))
          assert.equal(error.family, 'reset', `${head} ${then}: ${error.code}`)
          assert.equal(error.code, 'ECONNRESET')
          assert.equal(error.status, 500)
          assert.equal(error.connected, true)
          assert.match(error.message, /cut/)
        }
      }
    })

    it('without a length is cut off if the connection is reset, and complete if it ends', async () => {
      for (const version of ['1.0', '1.1']) {
        const bytes = `HTTP/${version} 200 OK\r\n\r\nMSH|^~\\&|\rMSA|A`
        const error = await errorOf(post(client(), (await answering(bytes, 'reset')).url))
        assert.deepEqual([error.code, error.family, error.status], ['ECONNRESET', 'reset', 200])
        const whole = await post(client(), (await answering(bytes, 'end')).url)
        assert.equal(whole.body.toString(), 'MSH|^~\\&|\rMSA|A')
      }
    })

    const complete: [name: string, bytes: string, body: string][] = [
      ['a length', 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nMSA', 'MSA'],
      ['no body', 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n', ''],
      ['204', 'HTTP/1.1 204 No Content\r\nContent-Length: 12\r\n\r\n', ''],
      ['304', 'HTTP/1.1 304 Not Modified\r\n\r\n', ''],
      [
        'chunks',
        'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nMSA\r\n0\r\n\r\n',
        'MSA'
      ],
      [
        'a length and a close',
        'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 3\r\n\r\nMSA',
        'MSA'
      ]
    ]
    for (const [name, bytes, body] of complete) {
      it(`that is complete by ${name} counts, whatever follows, and the connection is closed`, async () => {
        for (const packets of [1, 2]) {
          const server = await serveTcp((socket) => {
            socket.setNoDelay(true).once('data', () => {
              for (const part of packets === 1 ? [`${bytes}|AA|M1`] : [bytes, '|AA|M1']) {
                socket.write(part)
              }
            })
          })
          const notices: string[] = []
          const mine = client({ onNotice: (text) => notices.push(text) })
          for (let requests = 1; requests < 3; requests++) {
            // With two packets, Node.js may already have kept the connection.
            const reply = await post(packets === 1 ? mine : client(), server.url)
            assert.equal(reply.body.toString(), body)
            assert.equal(reply.status, Number(bytes.slice(9, 12)))
            assert.equal(server.connections(), requests)
          }
          // A connection that is not kept may bring what it likes.
          const isKept = !/ 204 |Connection: close/.test(bytes)
          assert.equal(notices.length, packets === 1 && isKept ? 1 : 0)
        }
      })
    }

    it('that is complete and has surplus bytes may arrive before the whole request is sent', async () => {
      const server = await serveTcp((socket) => {
        socket.once('data', () => {
          socket.pause()
          socket.write('HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\ntoo large')
        })
      })
      const reply = await post(client(), server.url, { body: Buffer.alloc(8 << 20) })
      assert.deepEqual([reply.status, reply.body.toString()], [413, 'too'])
    })

    it('that switches the protocol ends the request at once', async () => {
      const server = await answering(
        'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n'
      )
      const started = performance.now()
      const error = await errorOf(post(client(), server.url, { responseTimeoutMs: 30_000 }))
      assert.deepEqual([error.code, error.family], ['UND_ERR_SOCKET', 'reset'])
      assert.ok(performance.now() - started < 10_000)
      await until(() => server.open() === 0)
    })

    it('that never arrives is a reset, whether closed or reset, before or after the request is read', async () => {
      const ways: Parameters<typeof startTcpServer>[0][] = [
        (socket) => socket.end(),
        (socket) => setTimeout(() => socket.resetAndDestroy(), 20),
        (socket) => socket.once('data', () => socket.end()),
        (socket) => socket.once('data', () => socket.resetAndDestroy()),
        (socket) => socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\nContent-'))
      ]
      for (const way of ways) {
        const server = await serveTcp(way)
        const error = await errorOf(post(client(), server.url, { body: Buffer.alloc(300_000) }))
        assert.equal(error.family, 'reset', `${way.toString()}: ${error.code}`)
        assert.equal(error.status, undefined)
        assert.equal(error.reusedConnection, false)
      }
    })

    const garbage: [name: string, bytes: string][] = [
      ['another protocol', 'SSH-2.0-OpenSSH_9.9\r\n'],
      ['bare MLLP', '\x0bMSH|^~\\&|Lindqvist\x1c\r'],
      ['bare HL7', 'MSH|^~\\&|Lindqvist\rMSA|AA|HC0001\r'],
      ['a head with line feeds alone', 'HTTP/1.1 200 OK\nContent-Length: 2\n\nok'],
      ['a head with a folded line', 'HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 2\r\n\r\nok'],
      ['a negative length', 'HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n'],
      ['two lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok'],
      ['a head of 100 kB', `HTTP/1.1 200 OK\r\nX: ${'x'.repeat(100_000)}`],
      ['endless headers', `HTTP/1.1 200 OK\r\n${'X-Header: x\r\n'.repeat(10_000)}`]
    ]
    for (const [name, bytes] of garbage) {
      it(`that is ${name} is a reset, for the request has arrived, and is not quoted`, async () => {
        const server = await answering(bytes)
        const error = await errorOf(post(client(), server.url))
        assert.match(error.code, /^(HTTPParserError|UND_ERR_.*)$/)
        assert.deepEqual([error.family, error.connected, error.answered], ['reset', true, true])
        const isHttp = bytes.startsWith('HTTP')
        assert.match(error.message, isHttp ? /breaks the rules of HTTP|too large/ : /is not HTTP/)
        assert.ok(!inspect(error).includes('Lindqvist'))
        await until(() => server.open() === 0)
      })
    }

    it('whose TLS record is damaged is a reset, not a failed handshake', async () => {
      const authority = await createAuthority()
      const behind = await startServer(
        (request, response) => {
          request.resume().once('end', () => response.end('ok'))
        },
        await authority.issueServer()
      )
      closing.push(behind.close)
      let isDamaged = false
      const server = await serveTcp((socket) => {
        const onward = connect(behind.port, '127.0.0.1')
        onward.on('error', () => undefined)
        socket.pipe(onward)
        onward.on('data', (bytes: Buffer) => {
          if (isDamaged) bytes.fill(0xff, bytes.length - 4)
          socket.write(bytes)
        })
        socket.once('close', () => onward.destroy())
      })
      server.url.protocol = 'https:'
      const mine = client({ tls: { ca: authority.ca } })
      await post(mine, server.url)
      isDamaged = true
      const error = await errorOf(post(mine, server.url))
      assert.match(error.code, /^ERR_SSL_/)
      assert.deepEqual([error.family, error.connected], ['reset', true])
      assert.match(error.message, /the TLS connection failed/)
    })

    it('may come after any number of interim answers, within the time limit', async () => {
      const hints = 'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n'
      const whole = await answering(
        `${hints.repeat(50)}HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok`
      )
      const { status, headers, body } = await post(client(), whole.url)
      assert.deepEqual([status, headers['link'], body.toString()], [200, undefined, 'ok'])

      const endless = await serveTcp((socket) => {
        const timer = setInterval(() => socket.write(hints), 5)
        socket.once('close', () => {
          clearInterval(timer)
        })
      })
      const started = performance.now()
      const error = await errorOf(post(client(), endless.url, { responseTimeoutMs: 400 }))
      const ms = performance.now() - started
      assert.deepEqual([error.code, error.family], ['ETIMEDOUT', 'timeout'])
      assert.ok(ms > 390 && ms < 600, `${ms} ms`)
    })

    it('counts even if the server closes the connection with it while the request is still being sent', async () => {
      const authority = await createAuthority()
      const worker = new Worker(new URL('refusing-server.ts', import.meta.url), {
        workerData: await authority.issueServer()
      })
      closing.push(async () => {
        await worker.terminate()
      })
      const [port] = (await once(worker, 'message')) as [number]
      const url = new URL(`https://127.0.0.1:${port}/hl7`)
      const mine = client({ tls: { ca: authority.ca } })
      const body = Buffer.alloc(4 << 20)
      const answers: string[] = []
      for (let tries = 0; tries < 60; tries++) {
        const answer = await post(mine, url, { body }).catch((error: unknown) => error)
        answers.push(
          answer instanceof Error ? answer.message : String((answer as ReceivedReply).body)
        )
      }
      assert.deepEqual([...new Set(answers)], ['too large'])
    })

    it('is complete even if its length has blanks behind it', async () => {
      const server = await answering('HTTP/1.1 200 OK\r\nContent-Length:  2  \r\n\r\nok')
      assert.equal((await post(client(), server.url)).body.toString(), 'ok')
      const short = await answering('HTTP/1.1 200 OK\r\nContent-Length:  3  \r\n\r\nok', 'end')
      assert.equal((await errorOf(post(client(), short.url))).code, 'ECONNRESET')
    })

    it('that is too large is that, even if it ends the connection', async () => {
      const server = await answering(
        'HTTP/1.1 200 OK\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n'
      )
      const error = await errorOf(post(client({ maxResponseBytes: 3 }), server.url))
      assert.deepEqual([error.code, error.family], ['ERR_RESPONSE_TOO_LARGE', undefined])
    })

    it('may arrive before the whole request is sent', async () => {
      const server = await serve((request, response) => {
        response.writeHead(413, { connection: 'close' }).end('too large')
        request.resume()
      })
      const reply = await post(client(), server.url, { body: Buffer.alloc(4 << 20) })
      assert.equal(reply.status, 413)
      assert.equal(reply.body.toString(), 'too large')
    })
  })

  describe('aborts a request', () => {
    it('on a signal: beforehand, while waiting, or in the middle of the answer', async () => {
      const server = await serve((request, response) => {
        if (request.url === '/half') response.writeHead(200).write('half')
      })
      const mine = client()
      const before = await errorOf(post(mine, server.url, { signal: AbortSignal.abort() }))
      assert.equal(before.code, 'ERR_ABORTED')
      assert.equal(before.connected, false)
      assert.equal(server.connections(), 0, 'nothing was sent')

      for (const path of ['/wait', '/half']) {
        const controller = new AbortController()
        const sending = errorOf(
          post(mine, new URL(path, server.url), { signal: controller.signal })
        )
        await until(() => server.open() === 1)
        setTimeout(() => {
          controller.abort(new Error(TOKEN))
        }, 50)
        const error = await sending
        assert.equal(error.code, 'ERR_ABORTED')
        assert.equal(error.family, undefined)
        assert.equal(error.connected, true)
        assert.equal(error.status, path === '/half' ? 200 : undefined)
        await until(() => server.open() === 0)
      }
    })

    for (const way of ['http', 'TLS'] as const) {
      it(`on close, which leaves no connection or timer, and prevents new ones: ${way}`, async () => {
        const authority = await createAuthority()
        const server = await startServer(
          (request, response) => {
            if (request.url === '/done') response.end('ok')
          },
          way === 'http' ? undefined : await authority.issueServer()
        )
        closing.push(server.close)
        const mine = client({ tls: { ca: authority.ca } })
        await post(mine, new URL('/done', server.url))
        const sending = [post(mine, server.url), post(mine, server.url)].map(errorOf)
        await new Promise((resolve) => setTimeout(resolve, 50))
        mine.close()
        const errors = await Promise.all(sending)
        assert.deepEqual(
          errors.map(({ code }) => code),
          ['ERR_ABORTED', 'ERR_ABORTED']
        )
        const late = await errorOf(post(mine, server.url))
        assert.equal(late.code, 'ERR_ABORTED')
        await until(() => server.open() === 0)
        assert.equal(server.connections(), 2)
        await new Promise((resolve) => setTimeout(resolve, 20))
        const left = process.getActiveResourcesInfo()
        assert.ok(!left.includes('Timeout'), left.join())
        assert.ok(!left.includes('TCPSocketWrap'), left.join())
      })
    }

    it('and stops listening to the signal once it is answered', async () => {
      const server = await serve((_request, response) => response.end('ok'))
      const controller = new AbortController()
      let listening = 0
      const { signal } = controller
      const add = signal.addEventListener.bind(signal)
      const remove = signal.removeEventListener.bind(signal)
      signal.addEventListener = (...args: Parameters<typeof add>) => {
        listening += 1
        add(...args)
      }
      signal.removeEventListener = (...args: Parameters<typeof remove>) => {
        listening -= 1
        remove(...args)
      }
      const mine = client()
      for (let index = 0; index < 5; index++) await post(mine, server.url, { signal })
      assert.equal(listening, 0)
    })
  })

  it('throws errors that reveal no token, body or header, however they are printed', async () => {
    const mine = client({ connectTimeoutMs: 200 })
    const closed = await serve(() => undefined)
    await closed.close()
    const servers = [
      await serve((_request, response) => response.destroy()),
      await serve((_request, response) =>
        response.writeHead(200, { 'content-encoding': 'gzip', 'x-secret': TOKEN }).end(TOKEN)
      ),
      await serve(() => undefined),
      await answering(`HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n${MESSAGE}`, 'end'),
      await answering(`${MESSAGE}\r\n\r\n`),
      closed
    ]
    const seen = new Set<string>()
    for (const { url } of servers) {
      url.search = `?access_token=${TOKEN}`
      const error = await errorOf(post(mine, url, { responseTimeoutMs: 200 }))
      seen.add(error.code)
      const printed = [
        inspect(error, { depth: 20, showHidden: true }),
        JSON.stringify(error),
        String(error),
        error.stack ?? ''
      ].join()
      for (const secret of [TOKEN, 'Lindqvist', 'authorization', 'content-type', 'access_token']) {
        assert.ok(!printed.includes(secret), `${secret} is in ${printed}`)
      }
      assert.equal(error.cause, undefined)
    }
    assert.equal(seen.size, 5, [...seen].join())
  })
})
