import assert from 'node:assert/strict'
import { getEventListeners, once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { before, describe, it } from 'node:test'
import type { TlsOptions } from 'node:tls'
import { inspect } from 'node:util'
import { Worker } from 'node:worker_threads'
import { Connector } from '../../src/http-client/connector.ts'
import type { HttpErrorFamily } from '../../src/http-client/http-error.ts'
import {
  type Authority,
  type Certificate,
  createAuthority,
  issueExpired,
  issueNotYetValid,
  issueWrongName,
  selfSignedCertificate
} from '../support/certificates.ts'
import { errorOf, httpTest, type Handler, MESSAGE, post, TOKEN, until } from './local-server.ts'

const LIBRARIES = ['undici', 'got'] as const

const CUT = 'the connection was cut'
const NO_TLS = 'the TLS handshake failed; the port may not speak TLS'
const HTTP2 = 'the server accepts HTTP/2 only, and not the HTTP/1.1 that this node speaks'
const OLD_TLS = 'the server does not support TLS 1.2 or newer'
const WANTS_CERTIFICATE = 'the server wants a client certificate, or a different one'
const REFUSED =
  'the server refused the TLS handshake: it may want a client certificate, or a different one'

describe('why there is no connection', () => {
  const test = httpTest()
  let authority: Authority
  let own: Certificate
  let client: Certificate
  before(async () => {
    authority = await createAuthority('Northside CA')
    own = await authority.issueServer()
    client = await authority.issueClient()
  })

  const ok: Handler = (_request, response) => response.end('ok')
  const tls = (options: () => TlsOptions | Promise<TlsOptions>) => async (): Promise<URL> =>
    (await test.serve(ok, await options())).url
  const answering = (bytes: string) => async (): Promise<URL> =>
    (await test.answering(bytes, 'end', 'https:')).url
  const withScheme = (url: URL, protocol: string): URL =>
    new URL(url.href.replace(/^\w+:/, protocol))

  const expired = tls(() => issueExpired(authority))
  const notYet = tls(() => issueNotYetValid(authority))
  const otherHost = tls(() => issueWrongName(authority))
  const untrusted = tls(async () => (await createAuthority('Nobody')).issueServer())
  const strict = (more: TlsOptions = {}) =>
    tls(() => ({ ...own, requestCert: true, ca: authority.ca, ...more }))
  const tls11 = { minVersion: 'TLSv1', maxVersion: 'TLSv1.1' } as const
  const old = tls(() => ({ ...own, ...tls11, ciphers: 'DEFAULT@SECLEVEL=0' }))
  // A ServerHello of TLS 1.1 (RFC 4346 §7.4.1.3), whatever versions the client offers.
  const hello = `\x02\0\0&\x03\x02${'\0'.repeat(33)}\xc0\x13\0`
  const oldHello = async (): Promise<URL> => {
    const bytes = Buffer.from(
      `\x16\x03\x02\0${String.fromCharCode(hello.length)}${hello}`,
      'latin1'
    )
    return (await test.serveTcp((s) => s.once('data', () => s.write(bytes)), 'https:')).url
  }
  const http2 = tls(() => ({ ...own, ALPNProtocols: ['h2'] }))
  const plain = async (): Promise<URL> => withScheme((await test.serve(ok)).url, 'https:')
  const gone = async (): Promise<URL> => {
    const server = await test.serve(ok)
    await server.close()
    return server.url
  }
  const silent = async (): Promise<URL> =>
    (await test.serveTcp((socket) => socket.resume(), 'https:')).url
  const selfSigned = tls(selfSignedCertificate)
  for (const [what, at, code, words, issuer] of [
    ['self-signed', selfSigned, 'DEPTH_ZERO_SELF_SIGNED_CERT', 'is self-signed', 'localhost'],
    ['expired', expired, 'CERT_HAS_EXPIRED', 'has expired', 'Northside CA'],
    ['not valid yet', notYet, 'CERT_NOT_YET_VALID', 'is not valid yet', 'Northside CA'],
    ['another host', otherHost, 'ERR_TLS_CERT_ALTNAME_INVALID', 'is for another', 'Northside CA'],
    ['untrusted', untrusted, 'UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'was issued by a CA', 'Nobody']
  ] as const) {
    for (const library of LIBRARIES) {
      it(`the certificate: ${what}, ${library}; its issuer is named`, async () => {
        const url = await at()
        const error = await errorOf(post(test[library]({ tls: { ca: authority.ca } }), url))
        assert.deepEqual([error.code, error.family, error.connected], [code, 'tls', false])
        const message = `${url.host}: the certificate ${words}`
        assert.ok(error.message.startsWith(message), error.message)
        assert.equal(error.certificateIssuer, issuer)
      })
    }
  }

  for (const [what, at, family, words] of [
    ['nothing is listening', gone, 'connect', 'nothing is listening there (connection refused)'],
    ['the handshake hangs', silent, 'tls', 'the TLS handshake was not finished within 0.3 s'],
    ['no client certificate, TLS 1.2', strict({ maxVersion: 'TLSv1.2' }), 'tls', REFUSED],
    ['no client certificate, TLS 1.3', strict(), 'tls', WANTS_CERTIFICATE],
    ['TLS 1.1, with an alert', old, 'tls', OLD_TLS],
    ['TLS 1.1, chosen', oldHello, 'tls', OLD_TLS],
    ['plain HTTP', plain, 'tls', NO_TLS],
    ['HTTP/2 only', http2, 'tls', HTTP2],
    ['SSH', answering('SSH-2.0-OpenSSH_9.9\r\n'), 'tls', NO_TLS],
    ['an alert', answering('\x15\x03\x03\x00\x02\x02\x28'), 'tls', REFUSED],
    ['a close', answering(''), 'tls', CUT]
  ] satisfies [string, () => Promise<URL>, HttpErrorFamily, string][]) {
    for (const library of LIBRARIES) {
      it(`the server: ${what}, ${library}`, async () => {
        const isLate = at === silent
        const sender = test[library]({
          tls: { ca: authority.ca },
          ...(isLate && { connectTimeoutMs: 300 })
        })
        const url = await at()
        const error = await errorOf(post(sender, url))
        assert.equal(error.family, family)
        assert.equal(error.message, `${url.host}: ${words}`)
        // With TLS 1.3, the server sees the certificate after the client's end of the handshake.
        assert.equal(error.connected, words === WANTS_CERTIFICATE)
      })
    }
  }

  for (const [what, cert, code] of [
    ['of two', () => client.cert, 'ERR_OSSL_X509_KEY_VALUES_MISMATCH'],
    ['no PEM', () => 'no PEM', 'ERR_OSSL_PEM_NO_START_LINE']
  ] as const) {
    for (const library of LIBRARIES) {
      it(`our own certificate and key: ${what}, ${library}`, async () => {
        const tls = { cert: cert(), key: own.key }
        const error = await errorOf(post(test[library]({ tls }), await selfSigned()))
        assert.deepEqual([error.code, error.family], [code, 'tls'])
        const words = 'certificate and key of the TLS configuration cannot be used'
        assert.ok(error.message.endsWith(`: ${words} (${code})`), error.message)
      })
    }
  }

  it('a client certificate of another authority is a cut: Node.js as a server sends no alert', async () => {
    const tls = { ca: authority.ca, ...(await (await createAuthority('Another')).issueClient()) }
    for (const [maxVersion, family] of [
      ['TLSv1.2', 'tls'],
      ['TLSv1.3', 'reset']
    ] as const) {
      const url = await strict({ maxVersion })()
      for (const library of LIBRARIES) {
        const error = await errorOf(post(test[library]({ tls }), url))
        assert.deepEqual([error.code, error.family], ['ECONNRESET', family])
      }
    }
  })

  it('the name is unknown', async () => {
    for (const library of LIBRARIES) {
      const request = post(test[library](), new URL('https://nowhere.invalid/'))
      const { code, family, connected } = await errorOf(request)
      assert.match(code, /^(ENOTFOUND|EAI_AGAIN|ETIMEDOUT)$/)
      assert.deepEqual([family, connected], ['connect', false])
    }
  })

  it('nothing answers', async () => {
    // Documentation addresses (RFC 5737) are routed nowhere; some networks report this at once.
    const url = new URL('https://192.0.2.1:9/hl7')
    for (const library of LIBRARIES) {
      const error = await errorOf(post(test[library]({ connectTimeoutMs: 300 }), url))
      assert.deepEqual([error.family, error.connected], ['connect', false])
      if (error.code === 'ETIMEDOUT') {
        assert.equal(error.message, '192.0.2.1:9: no connection within 0.3 s')
      } else assert.match(error.code, /UNREACH|ECONNREFUSED|EACCES|EPERM/)
    }
  })
})

describe('why there is no answer', () => {
  const test = httpTest()

  const half = 'HTTP/1.1 500 No\r\nContent-Length: 100\r\n\r\nMSH|'
  const chunk = 'HTTP/1.1 500 No\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nMSH|\r\n'
  const gzip = 'HTTP/1.1 500 No\r\nContent-Encoding: gzip\r\nContent-Length: 9\r\n\r\n\x1f'
  const blanks = 'HTTP/1.1 500 No\r\nContent-Length:  3  \r\n\r\nok'
  const upgrade = 'HTTP/1.1 101 X\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n'
  const folded = 'HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 2\r\n\r\nok'
  const garbage = `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nlskdu018973t09sylgasjkfg1][]'./`
  const twoLengths = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok'

  for (const [what, bytes, then, status] of [
    ['a close', '', 'end'],
    ['a reset', '', 'reset'],
    ['half of a head', 'HTTP/1.1 200 OK\r\nContent-', 'end'],
    ['less than announced', half, 'end', 500],
    ['less than announced, and a reset', half, 'reset', 500],
    ['a chunk', chunk, 'end', 500],
    ['a chunk, and a reset', chunk, 'reset', 500],
    ['less of a compressed one', gzip, 'end', 500],
    ['a length with blanks behind it', blanks, 'end', 500]
  ] satisfies [string, string, 'end' | 'reset', number?][]) {
    for (const library of LIBRARIES) {
      it(`${what} is a cut: ${library}`, async () => {
        const { url } = await test.answering(bytes, then)
        const error = await errorOf(post(test[library](), url))
        assert.deepEqual([error.code, error.family], ['ECONNRESET', 'reset'])
        assert.deepEqual([error.status, error.connected], [status, true])
        assert.deepEqual([error.reusedConnection, error.isStale], [false, false])
        assert.equal(error.message, `${url.host}: ${CUT}`)
      })
    }
  }

  it('a chunk that is none is a cut (WireMock)', async () => {
    for (const library of LIBRARIES) {
      const { url } = await test.answering(garbage)
      const { family, status } = await errorOf(post(test[library](), url))
      assert.deepEqual([family, status], ['reset', 200], library)
    }
  })

  it('whatever a server does while a long request is sent is a cut', async () => {
    for (const way of [
      (socket: Socket) => socket.end(),
      (socket: Socket) => setTimeout(() => socket.resetAndDestroy(), 20),
      (socket: Socket) => socket.once('data', () => socket.end()),
      (socket: Socket) => socket.once('data', () => socket.resetAndDestroy())
    ]) {
      const { url } = await test.serveTcp(way)
      const error = await errorOf(post(test.undici(), url, { body: Buffer.alloc(300_000) }))
      assert.deepEqual([error.family, error.status], ['reset', undefined], way.toString())
    }
  })

  for (const [what, bytes, words] of [
    ['another protocol', 'SSH-2.0-OpenSSH_9.9\r\n', 'the answer is not HTTP'],
    ['MLLP', '\x0bMSH|^~\\&|Lindqvist\x1c\r', 'the answer is not HTTP'],
    ['HL7', 'MSH|^~\\&|Lindqvist\rMSA|AA|HC0001\r', 'the answer is not HTTP'],
    ['line feeds alone', 'HTTP/1.1 200 OK\nContent-Length: 2\n\nok', 'the answer breaks the rules'],
    ['a folded line', folded, 'the answer breaks the rules'],
    ['a negative length', 'HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n', 'the answer breaks the'],
    ['two lengths', twoLengths, 'the answer breaks the rules of HTTP'],
    ['a head of 100 kB', `HTTP/1.1 200 OK\r\nX: ${'x'.repeat(100_000)}`, 'the headers of the'],
    ['endless headers', `HTTP/1.1 200 OK\r\n${'X: x\r\n'.repeat(20_000)}`, 'the headers of the']
  ] satisfies [string, string, string][]) {
    for (const library of LIBRARIES) {
      it(`${what} is no answer, and is not quoted: ${library}`, async () => {
        const server = await test.answering(bytes)
        const error = await errorOf(post(test[library](), server.url))
        assert.ok(error.message.startsWith(`${server.url.host}: ${words}`), error.message)
        assert.ok(!inspect(error).includes('Lindqvist'))
        // The request has arrived, so a message may have been accepted.
        assert.equal(error.family, 'reset')
        assert.deepEqual([error.connected, error.answered], [true, library === 'undici'])
        await until(() => server.open() === 0)
      })
    }
  }

  for (const [library, code] of [
    ['undici', 'UND_ERR_SOCKET'],
    ['got', 'ECONNRESET']
  ] as const) {
    it(`a switch of the protocol ends the request at once: ${library}`, async () => {
      const server = await test.answering(upgrade)
      const request = post(test[library](), server.url, { responseTimeoutMs: 30_000 })
      const error = await errorOf(request)
      assert.deepEqual([error.code, error.family], [code, 'reset'])
      await until(() => server.open() === 0)
    })
  }

  it('a damaged TLS record is a reset, not a failed handshake', async () => {
    const authority = await createAuthority()
    const behind = await test.serve(
      (request, response) => request.resume().once('end', () => response.end('ok')),
      await authority.issueServer()
    )
    let isDamaged = false
    const server = await test.serveTcp((socket) => {
      const onward = connect(behind.port, '127.0.0.1')
      onward.on('error', () => undefined)
      socket.pipe(onward)
      onward.on('data', (bytes: Buffer) => {
        if (isDamaged) bytes.fill(0xff, bytes.length - 4)
        socket.write(bytes)
      })
      socket.once('close', () => onward.destroy())
    }, 'https:')
    const sender = test.undici({ tls: { ca: authority.ca } })
    await post(sender, server.url)
    isDamaged = true
    const error = await errorOf(post(sender, server.url))
    assert.match(error.code, /^ERR_SSL_/)
    assert.deepEqual([error.family, error.connected], ['reset', true])
    assert.match(
      error.message,
      /the connection was cut while the answer came, in the middle of a TLS record/
    )
  })

  it('TLS where http: is asked for is no answer', async () => {
    const { url } = await test.serve(() => undefined, await selfSignedCertificate())
    for (const library of LIBRARIES) {
      const error = await errorOf(post(test[library](), new URL(`http:${url.href.slice(6)}`)))
      // Before it cuts the connection, the server of Node.js 22 sends an alert.
      assert.match(error.code, /^(?:ECONNRESET|HTTPParserError|HPE_INVALID_CONSTANT)$/)
      assert.equal(error.family, 'reset')
    }
  })
})

describe('a limit of time', () => {
  const test = httpTest()
  const LIMIT = 200

  /** Sends these bytes, and then one after the other without end. */
  const trickling = (head: string) => (socket: Socket) => {
    socket.once('data', () => {
      socket.write(head)
      const timer = setInterval(() => socket.write('x'), 30)
      socket.once('close', () => {
        clearInterval(timer)
      })
    })
  }
  for (const [what, onConnection, status] of [
    ['nothing', (socket) => socket.resume()],
    ['a head that trickles', trickling('HTTP/1.1 200 OK\r\nX-Slow: ')],
    ['a body that trickles', trickling('HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n'), 200]
  ] satisfies [string, (socket: Socket) => unknown, number?][]) {
    for (const library of LIBRARIES) {
      it(`ends the wait for the answer: ${what}, ${library}`, async () => {
        const server = await test.serveTcp(onConnection)
        // That of the connection is over.
        const sender = test[library]({ connectTimeoutMs: 100 })
        const start = performance.now()
        const error = await errorOf(post(sender, server.url, { responseTimeoutMs: LIMIT }))
        assert.ok(performance.now() - start >= LIMIT - 10)
        assert.deepEqual([error.code, error.family], ['ETIMEDOUT', 'timeout'])
        assert.deepEqual([error.connected, error.status], [true, status])
        assert.equal(error.message, `${server.url.host}: no complete answer within 0.2 s`)
        await until(() => server.open() === 0)
      })
    }
  }

  for (const interim of ['100 Continue', '103 Early Hints']) {
    it(`counts from the end of the request, and holds for interim answers: ${interim}`, async () => {
      const server = await test.serveTcp((socket) => {
        // As fast as it can.
        const more = (): void => {
          if (!socket.destroyed) socket.write(`HTTP/1.1 ${interim}\r\n\r\n`.repeat(100), more)
        }
        socket.once('data', more)
      })
      const request = post(test.undici(), server.url, { responseTimeoutMs: LIMIT })
      assert.equal((await errorOf(request)).family, 'timeout')
      await until(() => server.open() === 0)
    })
  }

  for (const bytes of [2, 3 << 20]) {
    it(`is believed only once what has arrived is read, after the event loop was blocked: ${bytes} bytes`, async () => {
      const authority = await createAuthority()
      const worker = new Worker(new URL('prompt-server.ts', import.meta.url), {
        workerData: { tls: await authority.issueServer(), bytes }
      })
      test.closing(() => worker.terminate())
      const [port] = (await once(worker, 'message')) as [number]
      const sender = test.undici({ tls: { ca: authority.ca }, maxResponseBytes: 4 << 20 })
      const url = new URL(`https://127.0.0.1:${port}/hl7`)
      for (let tries = 0; tries < 3; tries++) {
        const sending = post(sender, url, { responseTimeoutMs: 300 })
        await once(worker, 'message')
        // Nothing of this process runs, as if it were stopped.
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 600)
        assert.equal((await sending).body.length, bytes)
      }
    })
  }

  it('ends with the answer: that of one request does not close the next one', async () => {
    const server = await test.serve((request, response) => {
      const slow = request.headers['x-slow'] === 'yes'
      request.resume().once('end', () => setTimeout(() => response.end('ok'), slow ? 2 * LIMIT : 0))
    })
    const sender = test.undici()
    await post(sender, server.url, { responseTimeoutMs: LIMIT })
    await post(sender, server.url, { headers: { 'x-slow': 'yes' }, responseTimeoutMs: 5000 })
    assert.equal(server.connections(), 1)
  })

  it('is as long on a reused connection as on a new one', async () => {
    let asked = 0
    const server = await test.serve((request, response) => {
      request.resume().once('end', () => {
        if (asked++ === 0) response.end('ok')
      })
    })
    const sender = test.undici()
    await post(sender, server.url)
    const start = performance.now()
    const error = await errorOf(post(sender, server.url, { responseTimeoutMs: LIMIT }))
    assert.ok(performance.now() - start >= LIMIT - 10)
    assert.deepEqual([error.family, error.reusedConnection], ['timeout', true])
    assert.equal(server.connections(), 1)
  })

  it('ends an upload that stalls, but not one that is slow', async () => {
    const body = Buffer.alloc(16 << 20)
    const still = await test.serveTcp((socket) => socket.pause())
    const stalled = post(test.undici(), still.url, { body, responseTimeoutMs: LIMIT })
    const { family, message } = await errorOf(stalled)
    assert.equal(family, 'timeout')
    assert.match(message, /took no more of the request for 0\.2 s/)

    let size = 0
    const slow = await test.serve((request, response) => {
      request.on('data', (chunk: Buffer) => {
        size += chunk.length
        // What the system holds when all is sent is taken at once: the answer has its own limit.
        if (size > body.length - (6 << 20)) return
        request.pause()
        setTimeout(() => request.resume(), 12)
      })
      request.once('end', () => response.end('all of it'))
    })
    const start = performance.now()
    const sending = post(test.undici(), slow.url, { body, responseTimeoutMs: 1000 })
    assert.equal((await sending).body.toString(), 'all of it')
    assert.equal(size, body.length)
    assert.ok(performance.now() - start > 1200, 'too fast to prove anything')
  })
})

describe('a request that is cancelled', () => {
  const test = httpTest()

  it('ends on a signal: beforehand, while waiting, or in the middle of the answer', async () => {
    const server = await test.serve((request, response) => {
      if (request.url === '/half') response.writeHead(200).write('half')
    })
    const sender = test.undici()
    const before = await errorOf(post(sender, server.url, { signal: AbortSignal.abort() }))
    assert.deepEqual([before.code, before.connected], ['ERR_ABORTED', false])
    assert.equal(server.connections(), 0, 'nothing was sent')

    for (const [path, status] of [
      ['/wait', undefined],
      ['/half', 200]
    ] as const) {
      const caller = new AbortController()
      const sending = errorOf(post(sender, new URL(path, server.url), { signal: caller.signal }))
      await until(() => server.open() === 1)
      setTimeout(() => {
        caller.abort(new Error(TOKEN))
      }, 50)
      const error = await sending
      assert.deepEqual([error.code, error.family], ['ERR_ABORTED', undefined])
      assert.deepEqual([error.connected, error.status], [true, status])
      await until(() => server.open() === 0)
    }
  })

  for (const way of ['http', 'TLS'] as const) {
    it(`ends with the client, which leaves no connection or timer and makes no new one: ${way}`, async () => {
      const authority = await createAuthority()
      let waiting = 0
      const server = await test.serve(
        (request, response) => {
          if (request.url === '/done') response.end('ok')
          else waiting++
        },
        way === 'http' ? undefined : await authority.issueServer()
      )
      const sender = test.undici({ tls: { ca: authority.ca } })
      await post(sender, new URL('/done', server.url))
      const sending = [post(sender, server.url), post(sender, server.url)].map(errorOf)
      await until(() => waiting === 2)
      sender.close()
      sending.push(errorOf(post(sender, server.url)))
      for (const { code } of await Promise.all(sending)) assert.equal(code, 'ERR_ABORTED')
      await until(() => server.open() === 0)
      assert.equal(server.connections(), 2)
      await until(() => !/Timeout|TCPSocketWrap/.test(process.getActiveResourcesInfo().join()))
    })
  }

  it('is not listened for once it is answered', async () => {
    const server = await test.serve((_request, response) => response.end('ok'))
    const { signal } = new AbortController()
    const sender = test.undici()
    for (let sent = 0; sent < 5; sent++) await post(sender, server.url, { signal })
    assert.deepEqual(getEventListeners(signal, 'abort'), [])
  })

  it('is not listened for once a socket is open, or could not be opened', async () => {
    const server = await test.serve((_request, response) => response.end('ok'))
    const connector = new Connector({ connectTimeoutMs: 5000 })
    const { signal } = new AbortController()
    const socket = await connector.open(server.url, signal)
    await assert.rejects(connector.open(new URL('http://127.0.0.1:1/'), signal))
    assert.deepEqual(getEventListeners(signal, 'abort'), [])
    socket.destroy()
  })
})

describe('no error reveals token, body or header', () => {
  const test = httpTest()
  const compressed: Handler = (_request, response) =>
    response.writeHead(200, { 'content-encoding': 'gzip', 'x-secret': TOKEN }).end(TOKEN)
  for (const [what, start, code] of [
    ['a cut', () => test.serve((_request, response) => response.destroy()), 'ECONNRESET'],
    ['a wrong encoding', () => test.serve(compressed), 'ERR_CONTENT_DECODING'],
    ['a timeout', () => test.serve(() => undefined), 'ETIMEDOUT'],
    [
      'half of an answer',
      () => test.answering(`HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n${MESSAGE}`, 'end'),
      'ECONNRESET'
    ],
    ['garbage', () => test.answering(`${MESSAGE}\r\n\r\n`), 'HTTPParserError']
  ] as const) {
    it(`however it is printed: ${what}`, async () => {
      const { url } = await start()
      url.search = `?access_token=${TOKEN}`
      const error = await errorOf(post(test.undici(), url, { responseTimeoutMs: 200 }))
      assert.equal(error.code, code)
      const printed = [inspect(error, { depth: 20, showHidden: true }), JSON.stringify(error)]
      printed.push(String(error), error.stack ?? '')
      for (const secret of [TOKEN, 'Lindqvist', 'authorization', 'content-type', 'access_token']) {
        assert.ok(!printed.join().includes(secret), `${secret} is in ${printed.join()}`)
      }
      assert.equal(error.cause, undefined)
    })
  }
})
