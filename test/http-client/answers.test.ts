import assert from 'node:assert/strict'
import { once } from 'node:events'
import { describe, it } from 'node:test'
import { Worker } from 'node:worker_threads'
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib'
import type { ReceivedReply } from '../../src/http-client/connection.ts'
import { createAuthority } from '../support/certificates.ts'
import { errorOf, httpTest, type Handler, MESSAGE, post, until } from './local-server.ts'

describe('the body of an answer', () => {
  const test = httpTest()

  const unchanged = (body: string): Buffer => Buffer.from(body)
  for (const [name, header, encode] of [
    ['gzip', 'gzip', gzipSync],
    ['x-gzip in capitals', 'X-GZIP', gzipSync],
    ['deflate', 'deflate', deflateSync],
    ['deflate without a zlib header', 'deflate', deflateRawSync],
    ['br', 'br', brotliCompressSync],
    ['identity', 'identity', unchanged],
    ['a charset instead of a coding', 'UTF-8', unchanged],
    ['another charset instead of a coding', 'iso-8859-1', unchanged],
    ['words for no coding', 'binary, None', unchanged],
    ['gzip and a charset', 'utf-8, gzip', gzipSync],
    ['gzip inside br', 'gzip, br', (body) => brotliCompressSync(gzipSync(body))]
  ] satisfies [string, string, (body: string) => Buffer][]) {
    it(`is decoded, although nobody asked for that: ${name}`, async () => {
      let asked: unknown = ''
      const { url } = await test.serve((request, response) => {
        asked = request.headers['accept-encoding']
        response.writeHead(200, { 'content-encoding': header }).end(encode(MESSAGE))
      })
      assert.equal((await post(test.undici(), url)).body.toString(), MESSAGE)
      assert.equal(asked, undefined)
    })
  }

  for (const [name, header, body] of [
    ['no gzip', 'gzip', Buffer.from('plain Lindqvist')],
    ['incomplete gzip', 'gzip', gzipSync(MESSAGE).subarray(0, 40)],
    ['an unknown coding', 'zstd', Buffer.from('x')],
    ['the name of an object property', 'constructor', Buffer.from('x')],
    ['three codings', 'gzip, gzip, gzip', gzipSync(gzipSync(gzipSync('x')))]
  ] satisfies [string, string, Buffer][]) {
    it(`cannot be decoded: ${name}`, async () => {
      const { url } = await test.serve((_request, response) =>
        response.writeHead(502, { 'content-encoding': header }).end(body)
      )
      const error = await errorOf(post(test.undici(), url))
      assert.deepEqual([error.code, error.family], ['ERR_CONTENT_DECODING', undefined])
      assert.deepEqual([error.status, error.connected], [502, true])
      const words = 'the answer is not compressed as its content-encoding says'
      assert.equal(error.message, `${url.host}: ${words}`)
    })
  }

  it('may be empty with a content-encoding', async () => {
    const { url } = await test.serve((_request, response) =>
      response.writeHead(200, { 'content-encoding': 'gzip' }).end()
    )
    assert.equal((await post(test.undici(), url)).body.length, 0)
  })

  const LIMIT = 64 * 1024
  const bomb = Buffer.alloc(8 << 20)
  const coded =
    (coding: string, body: Buffer): Handler =>
    (_request, response) =>
      response.writeHead(200, { 'content-encoding': coding }).end(body)
  const announced: Handler = (_request, response) => {
    response.writeHead(200, { 'content-length': LIMIT + 1 })
    response.write('x')
  }
  const inPieces: Handler = (_request, response) => {
    const more = (): void => {
      response.write(Buffer.alloc(10_000), (error) => {
        if (!error) setTimeout(more, 1)
      })
    }
    more()
  }
  for (const [how, handler] of [
    ['announced', announced],
    ['sent in pieces', inPieces],
    ['in gzip', coded('gzip', gzipSync(bomb))],
    ['in br', coded('br', brotliCompressSync(bomb))],
    ['in gzip in gzip', coded('gzip, gzip', gzipSync(gzipSync(bomb)))]
  ] satisfies [string, Handler][]) {
    it(`has a limit of size: ${how}`, async () => {
      const server = await test.serve(handler)
      const error = await errorOf(post(test.undici({ maxResponseBytes: LIMIT }), server.url))
      assert.deepEqual([error.code, error.family], ['ERR_RESPONSE_TOO_LARGE', undefined])
      assert.deepEqual([error.status, error.connected], [200, true])
      const words = 'the answer is larger than 65536 bytes'
      assert.equal(error.message, `${server.url.host}: ${words}`)
      if (!how.startsWith('in ')) await until(() => server.open() === 0)
    })
  }

  it('has just the size of the limit', async () => {
    const { url } = await test.serve((_request, response) => response.end(Buffer.alloc(LIMIT)))
    assert.equal((await post(test.undici({ maxResponseBytes: LIMIT }), url)).body.length, LIMIT)
    const mine = test.got({ maxResponseBytes: LIMIT })
    assert.equal((await post(mine, url)).body.length, LIMIT)
    const error = await errorOf(post(test.got({ maxResponseBytes: LIMIT - 1 }), url))
    assert.deepEqual([error.code, error.family], ['ERR_RESPONSE_TOO_LARGE', undefined])
    assert.deepEqual([error.status, error.connected], [200, true])
  })

  it('is too large even if it ends the connection', async () => {
    const head = 'HTTP/1.1 200 OK\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n'
    const { url } = await test.answering(`${head}5\r\nhello\r\n0\r\n\r\n`)
    const error = await errorOf(post(test.undici({ maxResponseBytes: 3 }), url))
    assert.deepEqual([error.code, error.family], ['ERR_RESPONSE_TOO_LARGE', undefined])
  })

  for (const version of ['1.0', '1.1']) {
    it(`without a length ends with the connection, and is cut by a reset: HTTP/${version}`, async () => {
      const bytes = `HTTP/${version} 200 OK\r\n\r\nMSH|^~\\&|\rMSA|A`
      const error = await errorOf(post(test.undici(), (await test.answering(bytes, 'reset')).url))
      assert.deepEqual([error.code, error.family, error.status], ['ECONNRESET', 'reset', 200])
      const whole = await post(test.undici(), (await test.answering(bytes, 'end')).url)
      assert.equal(whole.body.toString(), 'MSH|^~\\&|\rMSA|A')
    })
  }

  it('is complete even if its length has blanks behind it', async () => {
    const { url } = await test.answering('HTTP/1.1 200 OK\r\nContent-Length:  2  \r\n\r\nok')
    assert.equal((await post(test.undici(), url)).body.toString(), 'ok')
  })
})

describe('an answer', () => {
  const test = httpTest()

  it('has its headers by name in lower case, values that came several times joined, but for cookies', async () => {
    const { url } = await test.serve((_request, response) =>
      response
        .writeHead(401, [
          ...['WWW-Authenticate', 'Basic realm="a"', 'WWW-Authenticate', 'Bearer error="b"'],
          ...['Set-Cookie', 'a=b', 'X-One', 'é']
        ])
        .end()
    )
    const { status, headers } = await post(test.undici(), url)
    assert.equal(status, 401)
    assert.equal(headers['www-authenticate'], 'Basic realm="a", Bearer error="b"')
    assert.deepEqual(headers['set-cookie'], ['a=b'])
    assert.equal(headers['x-one'], 'é')
  })

  for (const library of ['undici', 'got'] as const) {
    it(`may be a redirect, which is not followed: ${library}`, async () => {
      const other = await test.serve((_request, response) => response.end())
      const location = other.url.href
      const server = await test.serve((_request, response) =>
        response.writeHead(307, { location }).end()
      )
      const reply = await post(test[library](), server.url)
      assert.deepEqual([reply.status, reply.headers.location], [307, location])
      assert.deepEqual([server.connections(), other.connections()], [1, 0])
    })
  }

  it('may come after any number of interim answers', async () => {
    const hints = 'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n'
    const { url } = await test.answering(
      `${hints.repeat(50)}HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok`
    )
    const { status, headers, body } = await post(test.undici(), url)
    assert.deepEqual([status, headers['link'], body.toString()], [200, undefined, 'ok'])
  })

  it('may come after 100 Continue, for which nobody has asked, on each connection more than once', async () => {
    const early = 'HTTP/1.1 100 Continue\r\n\r\n'
    const hints = 'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n'
    const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'
    const server = await test.serveTcp((socket) => {
      socket.setNoDelay(true).on('data', () => {
        socket.write(early + hints + early.slice(0, 5))
        setTimeout(() => socket.write(early.slice(5) + ok), 20)
      })
    })
    const mine = test.undici()
    for (let sent = 0; sent < 3; sent++) {
      const { status, body } = await post(mine, server.url)
      assert.deepEqual([status, body.toString()], [200, 'ok'])
    }
    assert.equal(server.connections(), 1)
  })

  const chunks = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nMSA\r\n0\r\n\r\n'
  const close = 'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 3\r\n\r\nMSA'
  for (const [name, bytes, status, body, isKept] of [
    ['a length', 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nMSA', 200, 'MSA', true],
    ['no body', 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n', 200, '', true],
    ['204', 'HTTP/1.1 204 No Content\r\nContent-Length: 12\r\n\r\n', 204, '', false],
    ['304', 'HTTP/1.1 304 Not Modified\r\n\r\n', 304, '', true],
    ['chunks', chunks, 200, 'MSA', true],
    ['a length and a close', close, 200, 'MSA', false]
  ] satisfies [string, string, number, string, boolean][]) {
    it(`that is complete counts, whatever follows, and the connection is closed: ${name}`, async () => {
      for (const packets of [[`${bytes}|AA|M1`], [bytes, '|AA|M1']]) {
        const server = await test.serveTcp((socket) => {
          socket.setNoDelay(true).once('data', () => {
            for (const packet of packets) socket.write(packet)
          })
        })
        const notices: string[] = []
        const mine = test.undici({ onNotice: (text) => notices.push(text) })
        for (let requests = 1; requests < 3; requests++) {
          // With two packets, the connection may already have been kept.
          const reply = await post(packets.length === 1 ? mine : test.undici(), server.url)
          assert.deepEqual([reply.status, reply.body.toString()], [status, body])
          assert.equal(server.connections(), requests)
        }
        // A connection that is not kept may bring what it likes.
        assert.equal(notices.length, packets.length === 1 && isKept ? 1 : 0)
      }
    })
  }
})

describe('an answer before the whole request is sent', () => {
  const test = httpTest()

  it('counts', async () => {
    const { url } = await test.serve((request, response) => {
      response.writeHead(413, { connection: 'close' }).end('too large')
      request.resume()
    })
    const reply = await post(test.undici(), url, { body: Buffer.alloc(4 << 20) })
    assert.deepEqual([reply.status, reply.body.toString()], [413, 'too large'])
  })

  it('counts, with surplus bytes too', async () => {
    const { url } = await test.serveTcp((socket) => {
      socket.once('data', () => {
        socket.pause().write('HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\ntoo large')
      })
    })
    const reply = await post(test.undici(), url, { body: Buffer.alloc(8 << 20) })
    assert.deepEqual([reply.status, reply.body.toString()], [413, 'too'])
  })

  it('counts even if the server closes the connection with it', async () => {
    const authority = await createAuthority()
    const worker = new Worker(new URL('refusing-server.ts', import.meta.url), {
      workerData: await authority.issueServer()
    })
    test.closing(() => worker.terminate())
    const [port] = (await once(worker, 'message')) as [number]
    const url = new URL(`https://127.0.0.1:${port}/hl7`)
    const mine = test.undici({ tls: { ca: authority.ca } })
    const body = Buffer.alloc(4 << 20)
    const answers = new Set<string>()
    // It depends on which comes first: the answer or the failed write.
    for (let tries = 0; tries < 30; tries++) {
      const answer = await post(mine, url, { body }).catch((error: unknown) => error)
      answers.add(answer instanceof Error ? answer.message : String((answer as ReceivedReply).body))
    }
    assert.deepEqual([...answers], ['too large'])
  })

  it('leaves no error behind that nobody handles, if got is closed then', async () => {
    const { url } = await test.serveTcp((socket) => {
      socket.once('data', () => {
        socket.pause().write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')
      })
    })
    const mine = test.got()
    const reply = await post(mine, url, { body: Buffer.alloc(8 << 20) })
    assert.equal(reply.body.toString(), 'ok')
    mine.close()
    // Meanwhile, it would end the test.
    await new Promise((resolve) => setTimeout(resolve, 50))
  })
})
