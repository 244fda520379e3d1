import assert from 'node:assert/strict'
import dns, { type LookupAddress } from 'node:dns'
import { isIP, type Socket } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import { describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { createAuthority } from '../support/certificates.ts'
import { startConnectProxy } from '../support/connect-proxy.ts'
import {
  bodyOf,
  errorOf,
  type Handler,
  httpTest,
  type LocalServer,
  post,
  start,
  TOKEN,
  until
} from './local-server.ts'

type LookupArguments = [
  host: string,
  options: unknown,
  found: (error: null, addresses: LookupAddress[]) => void
]

const ok: Handler = (request, response) => {
  request.resume().once('end', () => response.end('ok'))
}

describe('a request', () => {
  const test = httpTest()

  it('is sent as it is, with HTTP/1.1 and without Expect', async () => {
    const body = Buffer.from([0x0b, 0x4d, 0xff, 0x00, 0x1c, 0x0d])
    let seen: unknown
    let raw: string[] = []
    const server = await test.serve((request, response) => {
      raw = request.rawHeaders
      void bodyOf(request).then((read) => {
        seen = [request.httpVersion, request.method, request.url, read]
        response.end(Buffer.from([1, 2, 255]))
      })
    })
    const url = new URL('/a%20b?x=1&flag&y=a+b%2Cc;=@', server.url)
    const headers = { authorization: `Bearer ${TOKEN}`, 'UPHN-INFOMAP': '{"a":1}', 'x-Token': 'x' }
    const reply = await post(test.undici(), url, { body, headers })
    assert.deepEqual(seen, ['1.1', 'POST', '/a%20b?x=1&flag&y=a+b%2Cc;=@', body])
    assert.deepEqual(reply.body, Buffer.from([1, 2, 255]))
    for (const [name, value] of Object.entries(headers)) {
      assert.equal(raw[raw.indexOf(name) + 1], value)
    }
    const names = raw.filter((_, index) => index % 2 === 0).map((name) => name.toLowerCase())
    assert.equal(new Set(names).size, names.length)
    assert.ok(!names.includes('expect'))
  })

  for (const library of ['undici', 'got'] as const) {
    it(`has what no URL may hold percent-encoded, which Tomcat and the JDK refuse: ${library}`, async () => {
      const seen: unknown[] = []
      const server = await test.serve((request, response) => {
        seen.push(request.url)
        ok(request, response)
      })
      for (const path of ['/a|b[c]^?q=a|b&r[]=`{c}\\^', '/%7C?q=%7c&r=%', '//a|b/?']) {
        await post(test[library](), new URL(`${server.url.origin}${path}`))
      }
      assert.deepEqual(seen, [
        '/a%7Cb%5Bc%5D%5E?q=a%7Cb&r%5B%5D=%60%7Bc%7D%5C%5E',
        '/%7C?q=%7c&r=%',
        '//a%7Cb/'
      ])
    })
  }

  it('is not repeated if undici refuses it', async () => {
    const { url } = await test.serve(ok)
    const mine = test.undici()
    await post(mine, url)
    const error = await errorOf(post(mine, url, { headers: { authorization: 'a\nb' } }))
    assert.deepEqual([error.code, error.family], ['UND_ERR_INVALID_ARG', undefined])
    assert.equal((await post(mine, url)).status, 200)
  })
})

describe('connections', () => {
  const test = httpTest()

  it('carry one request after the other', async () => {
    const server = await test.serve(ok)
    const mine = test.undici({ maxConnections: 1 })
    for (let sent = 0; sent < 30; sent++) await post(mine, server.url)
    assert.equal(server.connections(), 1)
  })

  it('carry a feed that is slower than a message in four seconds', async () => {
    const server = await test.serveTcp((socket) => {
      socket.on('data', () => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'))
    })
    const mine = test.undici()
    await post(mine, server.url)
    // That is undici's own limit, which no clock of a test can pass.
    await sleep(6000)
    await post(mine, server.url)
    assert.equal(server.connections(), 1)
  })

  it('are kept as long as the server says, but for the last second', async () => {
    let timeout = ''
    const server = await test.serveTcp((socket) => {
      const head = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive\r\nKeep-Alive: '
      socket.on('data', () => socket.write(`${head}${timeout}\r\n\r\nok`))
    })
    for (const [says, idleMs, isKept] of [
      ['timeout=2', 500, true],
      ['timeout=2, max=100', 1200, false],
      ['timeout=1', 0, false]
    ] as const) {
      timeout = says
      const mine = test.undici()
      const before = server.connections()
      await post(mine, server.url)
      await sleep(idleMs)
      await post(mine, server.url)
      assert.equal(server.connections() - before, isKept ? 1 : 2, says)
    }
  })

  it('that were idle for longer than a request allows are not used for it', async () => {
    const server = await test.serve(ok)
    const mine = test.undici()
    await post(mine, server.url)
    await sleep(60)
    await post(mine, server.url, { mostIdleMs: 10_000 })
    assert.equal(server.connections(), 1)
    await sleep(60)
    await post(mine, server.url, { mostIdleMs: 50 })
    assert.equal(server.connections(), 2)
    await until(() => server.open() === 1)
  })

  it('are not used after the machine slept: a firewall may have forgotten them, and tells nobody', async (t) => {
    const server = await test.serveTcp((socket) => {
      socket.once('data', () => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'))
    })
    const mine = test.undici({ maxConnections: 1 })
    await post(mine, server.url)
    const wakesAt = Date.now() + 3_600_000
    t.mock.method(Date, 'now', () => wakesAt)
    assert.equal((await post(mine, server.url)).status, 200)
    assert.equal(server.connections(), 2)
    await until(() => server.open() === 1)
  })

  it('can be opened in advance: those that were kept are given up', async () => {
    const server = await test.serve(ok)
    const mine = test.undici()
    const { signal } = new AbortController()
    await post(mine, server.url)
    await mine.connect(server.url, signal)
    assert.equal(server.connections(), 2)
    await until(() => server.open() === 1)
    await post(mine, server.url)
    assert.equal(server.connections(), 2)
  })

  it('that were opened in advance are not used for what comes later: a server ends those over which nothing comes', async () => {
    const server = await test.serveTcp((socket) => {
      // As HAProxy does, after `timeout http-request`.
      const timer = setTimeout(() => {
        socket.end('HTTP/1.0 408 Request Time-out\r\nConnection: close\r\n\r\n')
      }, 1000)
      socket.once('data', () => {
        clearTimeout(timer)
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')
      })
    })
    const mine = test.undici()
    await mine.connect(server.url, new AbortController().signal)
    await sleep(2100)
    assert.equal((await post(mine, server.url)).status, 200)
    assert.equal(server.connections(), 2)
  })

  it('that are opened in advance are closed if none is to be kept', async () => {
    const server = await test.serve(ok)
    await test.undici({ maxConnections: 0 }).connect(server.url, new AbortController().signal)
    assert.equal(server.connections(), 1)
    await until(() => server.open() === 0)
  })

  it('are as many as requests at a time, and maxConnections are kept', async () => {
    const server = await test.serve((request, response) => {
      request.resume().once('end', () => setTimeout(() => response.end('ok'), 50))
    })
    const mine = test.undici({ maxConnections: 2 })
    await Promise.all(Array.from({ length: 6 }, () => post(mine, server.url)))
    assert.equal(server.connections(), 6)
    await until(() => server.open() === 2)
    await Promise.all([post(mine, server.url), post(mine, server.url)])
    assert.equal(server.connections(), 6)
  })

  for (const library of ['undici', 'got'] as const) {
    for (const way of ['directly', 'through a proxy'] as const) {
      it(`lead to the first of two addresses, though the process is busy meanwhile: ${library}, ${way}`, async (t) => {
        const authority = await createAuthority()
        const names = ['two.example', '127.0.0.1']
        const server = await test.serve(ok, await authority.issueServer({ names }))
        const proxy = await startConnectProxy()
        test.closing(() => proxy.close())
        const isProxied = way === 'through a proxy'
        const named = (url: URL | string): URL =>
          new URL(String(url).replace('127.0.0.1', 'two.example'))
        const mine = test[library]({
          tls: { ca: authority.ca },
          ...(isProxied && { proxy: { url: named(proxy.url).origin } })
        })
        const addresses = ['127.0.0.1', '::1'].map((address) => ({
          address,
          family: isIP(address)
        }))
        const lookup = t.mock.method(dns, 'lookup', (...[, , found]: LookupArguments) => {
          setImmediate(() => {
            // Nothing listens at the second one.
            found(null, addresses)
            const end = performance.now() + 400
            while (performance.now() < end);
          })
        })
        const url = isProxied ? server.url : named(server.url)
        assert.equal((await post(mine, url)).status, 200)
        assert.equal(lookup.mock.callCount(), 1)
      })
    }
  }

  it('lead to [::1], whose certificate is checked', async () => {
    const authority = await createAuthority()
    for (const [names, code] of [
      [undefined, undefined],
      [['other.example'], 'ERR_TLS_CERT_ALTNAME_INVALID']
    ] as const) {
      const { url } = await test.serve(
        ok,
        await authority.issueServer(names && { names: [...names] }),
        '::1'
      )
      for (const library of ['undici', 'got'] as const) {
        const sending = post(test[library]({ tls: { ca: authority.ca } }), url)
        if (code === undefined) assert.equal((await sending).status, 200)
        else assert.match((await errorOf(sending)).message, /^\[::1\]:\d+: .*another host name/)
      }
    }
  })

  it('are closed if they still hold part of the request', async () => {
    const server = await test.serve((_request, response) => {
      // Does not read the body.
      response.writeHead(413).end('too large')
    })
    const mine = test.undici()
    for (let connections = 1; connections < 4; connections++) {
      const reply = await post(mine, server.url, { body: Buffer.alloc(16 << 20) })
      assert.equal(reply.status, 413)
      assert.equal(server.connections(), connections)
    }
    await until(() => server.open() === 0)
  })

  it('that the server closes with a request on its way are reported as reused', async () => {
    let requests = 0
    const server = await test.serveTcp((socket) => {
      socket.on('data', () => {
        if (++requests === 1) socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')
        else socket.resetAndDestroy()
      })
    })
    const mine = test.undici()
    await post(mine, server.url)
    for (const isReused of [true, false]) {
      const error = await errorOf(post(mine, server.url))
      assert.deepEqual([error.family, error.reusedConnection], ['reset', isReused])
      assert.deepEqual([error.status, error.isStale], [undefined, isReused])
      assert.equal(server.connections(), isReused ? 1 : 2)
    }
  })

  it('that break more than a second after the request were not dead', async () => {
    let requests = 0
    const server = await test.serveTcp((socket) => {
      socket.on('data', () => {
        if (++requests === 1) socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')
        else setTimeout(() => socket.resetAndDestroy(), 1100)
      })
    })
    const mine = test.undici()
    await post(mine, server.url)
    const error = await errorOf(post(mine, server.url))
    assert.deepEqual([error.family, error.reusedConnection], ['reset', true])
    assert.deepEqual([error.answered, error.isStale], [false, false])
  })

  it('over which a request was one too many are not used again', async () => {
    let tooMany = false
    const server = await test.serve((_request, response) => {
      setTimeout(() => response.writeHead(tooMany ? 429 : 200).end('ok'), 20)
    })
    const mine = test.undici()
    await Promise.all([post(mine, server.url), post(mine, server.url)])
    assert.deepEqual([server.connections(), server.open()], [2, 2])
    tooMany = true
    assert.equal((await post(mine, server.url)).status, 429)
    await until(() => server.open() === 0, 1000)
    tooMany = false
    await post(mine, server.url)
    await post(mine, server.url)
    assert.equal(server.connections(), 3)
  })

  for (const [began, bytes] of [
    ['nothing', ''],
    ['a byte', 'H']
  ] as const) {
    it(`that break know whether an answer had begun: ${began}`, async () => {
      const authority = await createAuthority()
      let asked = 0
      const server = await test.serve(
        (request, response) => {
          if (++asked === 1) response.end('ok')
          else request.socket.write(bytes, () => request.socket.destroy())
        },
        await authority.issueServer()
      )
      const mine = test.undici({ tls: { ca: authority.ca } })
      await post(mine, server.url)
      const error = await errorOf(post(mine, server.url))
      assert.deepEqual([error.family, error.reusedConnection], ['reset', true], error.code)
      assert.deepEqual([error.answered, error.isStale], [bytes !== '', bytes === ''])
    })
  }

  it('are all given up once one of them was stale', async () => {
    let isClosing = false
    const server = await test.serve((request, response) => {
      if (isClosing) request.socket.destroy()
      else request.resume().once('end', () => setTimeout(() => response.end('ok'), 20))
    })
    const mine = test.undici()
    await Promise.all([post(mine, server.url), post(mine, server.url)])
    assert.equal(server.open(), 2)
    isClosing = true
    assert.equal((await errorOf(post(mine, server.url))).isStale, true)
    // Sooner than undici itself closes it.
    await until(() => server.open() === 0, 1000)
  })

  it('that are closed before any of the request was written are replaced', async () => {
    const sockets: Socket[] = []
    const { url } = await test.serve((request, response) => {
      sockets.push(request.socket)
      ok(request, response)
    })
    const mine = test.undici()
    for (let tries = 1; tries < 20; tries++) {
      await post(mine, url)
      const free = sockets.at(-1)
      // In the same turn as the next request: the client cannot know of it yet.
      const closed = new Promise((resolve) => free?.once('close', resolve))
      free?.destroySoon()
      await closed
      assert.equal((await post(mine, url)).status, 200)
    }
  })

  it('that are closed while idle are replaced', async () => {
    const server = await test.serve(ok)
    const mine = test.undici()
    await post(mine, server.url)
    server.cut()
    await until(() => server.open() === 0)
    assert.equal((await post(mine, server.url)).status, 200)
    assert.equal(server.connections(), 2)
  })

  for (const way of ['http', 'TLS'] as const) {
    it(`on which more arrives than the answer are closed, and that is reported: ${way}`, async () => {
      const authority = await createAuthority()
      const sockets: Socket[] = []
      const onConnection = (socket: Socket): void => {
        sockets.push(socket)
        const here = sockets.length
        socket.on('data', () => {
          socket.write(`HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n${here}`)
        })
      }
      const overTls = async (): Promise<LocalServer> => {
        const tls = await authority.issueServer()
        const started = await start(createTlsServer(tls, onConnection), 'https:')
        test.closing(started.close)
        return started
      }
      const server = way === 'http' ? await test.serveTcp(onConnection) : await overTls()
      const notices: string[] = []
      const mine = test.undici({
        tls: { ca: authority.ca },
        onNotice: (text) => notices.push(text)
      })
      assert.equal((await post(mine, server.url)).body.toString(), '1')
      for (const answer of ['2', '3']) {
        sockets.at(-1)?.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nmore')
        await until(() => server.open() === 0)
        assert.equal((await post(mine, server.url)).body.toString(), answer)
      }
      assert.equal(notices.length, 1, 'reported once a minute')
      assert.ok(notices[0]?.startsWith(`${server.url.host}: the server sent more than one`))
    })
  }

  for (const header of ['Connection', 'connection']) {
    it(`are not kept where the request says so: ${header}`, async () => {
      let seen: unknown
      const server = await test.serve((request, response) => {
        seen = request.headers.connection
        // Would keep it.
        request.resume().once('end', () => response.setHeader('Connection', 'keep-alive').end('ok'))
      })
      const mine = test.undici()
      for (let connections = 1; connections < 4; connections++) {
        await post(mine, server.url, { headers: { [header]: 'Close' } })
        assert.equal(seen, 'close')
        assert.equal(server.connections(), connections)
        await until(() => server.open() === 0)
      }
    })
  }

  describe('to a server that closes them right after its answers, without having said so', () => {
    const answer = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'
    const ways: Record<string, (socket: Socket) => void> = {
      'with the answer': (socket) => socket.end(answer),
      'behind the answer': (socket) => {
        socket.write(answer, () => setTimeout(() => socket.end(), 5))
      },
      'with a reset': (socket) => {
        socket.write(answer, () => setTimeout(() => socket.resetAndDestroy(), 5))
      },
      late: (socket) => {
        socket.write(answer, () => setTimeout(() => socket.end(), 200))
      },
      'having said so': (socket) => {
        socket.end(answer.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n'))
      },
      'at the end of an answer without a length': (socket) => {
        socket.end('HTTP/1.1 200 OK\r\n\r\nok')
      },
      'at once': (socket) => socket.resetAndDestroy(),
      never: (socket) => socket.write(answer)
    }
    let way = 'never'
    const closing = (): Promise<LocalServer> => {
      return test.serveTcp((socket) => {
        socket.on('data', () => ways[way]?.(socket))
      })
    }

    for (const [name, isUnkept] of [
      ['with the answer', true],
      ['behind the answer', true],
      ['with a reset', true],
      ['having said so', false],
      ['at the end of an answer without a length', false],
      ['late', false]
    ] as const) {
      it(`are no longer kept after the second time: ${name}`, async () => {
        const server = await closing()
        const unkept: string[] = []
        const mine = test.undici({ onUnkept: (host) => unkept.push(host) })
        way = name
        for (let times = 1; times < 3; times++) {
          assert.deepEqual(unkept, [])
          await post(mine, server.url)
          await until(() => server.open() === 0)
        }
        assert.deepEqual(unkept, isUnkept ? [server.url.host] : [])
        way = 'never'
        for (let times = 0; times < 2; times++) await post(mine, server.url)
        assert.equal(server.connections(), isUnkept ? 4 : 3)
        if (isUnkept) await until(() => server.open() === 0)
        assert.equal(unkept.length, isUnkept ? 1 : 0)
        // Others are kept.
        const other = await test.serve(ok)
        for (let times = 0; times < 2; times++) await post(mine, other.url)
        assert.equal(other.connections(), 1)
      })
    }

    it('are kept if it closed all that it had at once, such as at a restart', async () => {
      const server = await closing()
      const unkept: string[] = []
      const mine = test.undici({ onUnkept: (host) => unkept.push(host) })
      way = 'behind the answer'
      await Promise.all([1, 2, 3].map(() => post(mine, server.url)))
      await until(() => server.open() === 0)
      way = 'never'
      for (let times = 0; times < 2; times++) await post(mine, server.url)
      assert.deepEqual([server.connections(), unkept], [4, []])
    })

    it('are no longer kept after the second time, though the next request was on its way', async () => {
      const server = await test.serveTcp((socket) => {
        socket.on('data', () => ways[way]?.(socket))
      })
      const unkept: string[] = []
      const mine = test.undici({ onUnkept: (host) => unkept.push(host) })
      for (let times = 1; times < 3; times++) {
        way = 'never'
        await post(mine, server.url)
        way = 'at once'
        assert.equal((await errorOf(post(mine, server.url))).isStale, true)
      }
      assert.deepEqual(unkept, [server.url.host])
      way = 'never'
      for (let times = 0; times < 2; times++) await post(mine, server.url)
      assert.equal(server.connections(), 4)
    })

    it('are kept if it closed them after a refusal, or after a later request, as in a reload', async () => {
      const refusal = 'HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno'
      for (const last of [1, 2]) {
        const server = await test.serveTcp((socket) => {
          let requests = 0
          socket.on('data', () => {
            if (++requests < last) socket.write(answer)
            else socket.end(last === 1 ? refusal : answer)
          })
        })
        const unkept: string[] = []
        const mine = test.undici({ onUnkept: (host) => unkept.push(host) })
        for (let times = 1; times < 4; times++) {
          for (let sent = 0; sent < last; sent++) await post(mine, server.url)
          await until(() => server.open() === 0)
          assert.equal(server.connections(), times)
        }
        assert.deepEqual(unkept, [])
      }
    })

    it('are kept again after an hour', async (t) => {
      const server = await closing()
      const mine = test.undici()
      way = 'with the answer'
      for (let times = 0; times < 2; times++) {
        await post(mine, server.url)
        await until(() => server.open() === 0)
      }
      way = 'never'
      await post(mine, server.url)
      await until(() => server.open() === 0)
      const now = performance.now.bind(performance)
      t.mock.method(performance, 'now', () => now() + 3_600_000)
      for (let times = 0; times < 2; times++) await post(mine, server.url)
      assert.equal(server.connections(), 4)
    })

    it('are kept if it cut a later request, which may be why', async () => {
      const unkept: string[] = []
      for (const cut of ['end', 'resetAndDestroy'] as const) {
        const server = await test.serveTcp((socket) => {
          let requests = 0
          socket.on('data', () => {
            if (++requests < 3) socket.write(answer)
            else socket[cut]()
          })
        })
        const mine = test.undici({ onUnkept: (host) => unkept.push(host) })
        for (let times = 0; times < 4; times++) {
          for (let sent = 0; sent < 2; sent++) await post(mine, server.url)
          assert.equal((await errorOf(post(mine, server.url))).isStale, true)
        }
      }
      assert.deepEqual(unkept, [])
    })
  })

  it('are known by the replies that came over them, and can be closed', async () => {
    const server = await test.serve(ok)
    const notices: string[] = []
    const mine = test.undici({ onNotice: (text) => notices.push(text) })
    const [first, second] = [await post(mine, server.url), await post(mine, server.url)]
    assert.equal(second.connection, first.connection)
    first.connection.close('a reason')
    first.connection.close('a reason')
    const third = await post(mine, server.url)
    assert.notEqual(third.connection, first.connection)
    assert.equal(server.connections(), 2)
    assert.deepEqual(notices, [`${server.url.host}: a reason.`])
  })
})
