import assert from 'node:assert/strict'
import { after, afterEach, before, describe, it } from 'node:test'
import type { ClientFetch } from '../../src/http-client/client-fetch.ts'
import type { HttpClient, HttpReply, HttpRequest } from '../../src/http-client/http-client.ts'
import { HttpError } from '../../src/http-client/http-error.ts'
import { bodyText, limitedFetch } from '../../src/oauth2/limited-fetch.ts'
import {
  startTokenFaultServer,
  text,
  type Fault,
  type TokenFaultServer
} from '../support/token-fault-server.ts'
import { tokenHttpClient } from '../support/token-settings.ts'

const post = { method: 'POST', headers: { 'x-own': 'kept' }, body: new URLSearchParams({ a: 'b' }) }
const cut: Fault = (_request, response) => response.destroy()

describe('limitedFetch', () => {
  let server: TokenFaultServer
  const good = text('good', 'text/plain')
  const httpClient = tokenHttpClient()
  const closing = new AbortController()
  const fetch: ClientFetch = limitedFetch(httpClient, closing.signal)
  const token = (): string => `${server.origin}/token`

  before(async () => {
    server = await startTokenFaultServer(good)
  })
  after(async () => {
    httpClient.close()
    await server.close()
  })
  afterEach(() => {
    server.seen = []
  })

  /** Leaves an open connection behind, then answers as told, one request after the other. */
  async function afterOne(...answers: Fault[]): Promise<void> {
    server.answer = good
    await (await fetch(token(), post)).text()
    server.seen = []
    server.answer = (request, response) => {
      const answer = answers.shift() ?? good
      answer(request, response)
    }
  }

  it('asks no host whose name is longer than a name can be, and does not repeat it', async () => {
    const name = 'a.'.repeat(200)
    await assert.rejects(fetch(`https://${name}example/token`, post), (error: Error) => {
      assert.equal((error as { code?: unknown }).code, 'CONFIG')
      assert.match(error.message, /host name .* longer than 253/)
      return !error.message.includes(name)
    })
  })

  it('repeats a request whose kept connection the server had closed, once', async () => {
    await afterOne(cut)
    assert.equal(await (await fetch(token(), post)).text(), 'good')
    assert.deepEqual(
      server.seen.map(({ method, headers, form }) => [method, headers['x-own'], form.get('a')]),
      [
        ['POST', 'kept', 'b'],
        ['POST', 'kept', 'b']
      ]
    )
    await afterOne(cut, cut)
    await assert.rejects(fetch(token(), post), { code: 'ECONNRESET', family: 'reset' })
    assert.equal(server.seen.length, 2)
  })

  it('repeats none with an assertion, which is good for one request', async () => {
    await afterOne(cut)
    const body = new URLSearchParams({ client_assertion: 'a.b.c' })
    await assert.rejects(fetch(token(), { ...post, body }), { code: 'ECONNRESET' })
    assert.equal(server.seen.length, 1)
  })

  it('repeats no request on a new connection, and none that had an answer', async () => {
    server.answer = cut
    await assert.rejects(fetch(token(), post), { code: 'ECONNRESET', reusedConnection: false })
    assert.equal(server.seen.length, 1)
    await afterOne((_request, response) => {
      response.writeHead(200, { 'content-length': '500' })
      response.write('half', () => response.destroy())
    })
    await assert.rejects(fetch(token(), post), { code: 'ECONNRESET', status: 200 })
    assert.equal(server.seen.length, 1)
  })

  it('repeats none that was ended from this side', async () => {
    const caller = new AbortController()
    await afterOne(() => {
      caller.abort()
    })
    await assert.rejects(limitedFetch(httpClient, caller.signal)(token(), post), {
      code: 'ERR_ABORTED'
    })
    assert.equal(server.seen.length, 1)
  })

  it('ends a request after 15 s in all, and nothing once the answer is there', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] })
    for (const connected of [true, false]) {
      const given: HttpRequest[] = []
      const hanging = limitedFetch(
        clientOf(given, ({ signal }) => hang(signal, connected)),
        closing.signal
      )
      const ended = assert.rejects(hanging(token(), post), {
        message: 'no complete answer within 15 s',
        code: 'ETIMEDOUT',
        family: connected ? 'timeout' : 'connect',
        connected,
        reusedConnection: true
      })
      t.mock.timers.tick(14_999)
      assert.equal(given[0]?.signal?.aborted, false)
      t.mock.timers.tick(1)
      await ended
      assert.equal(given.length, 1)
    }
    const given: HttpRequest[] = []
    const connection = { close: () => undefined }
    const reply: HttpReply = { status: 200, headers: {}, body: Buffer.from('good'), connection }
    const quick = limitedFetch(
      clientOf(given, () => Promise.resolve(reply)),
      closing.signal
    )
    await quick(token(), post)
    t.mock.timers.tick(15_000)
    assert.equal(given[0]?.signal?.aborted, false)
  })

  it('sends nothing to an address that is not safe', async () => {
    await assert.rejects(fetch('http://token.example:81/x?secret=1', post), {
      code: 'CONFIG',
      hint: /^The address http:\/\/token\.example:81, which the issuer names, must be https:/
    })
  })

  it('tells a status beyond those of HTTP', async () => {
    for (const status of [600, 999]) {
      server.answer = text('denied', 'text/plain', status)
      await assert.rejects(fetch(token(), post), { code: 'ERR_HTTP_STATUS', status })
    }
    server.answer = text('', 'text/plain', 599)
    assert.equal((await fetch(token(), post)).status, 599)
  })
})

/** A client that only notes what it is given. */
function clientOf(
  given: HttpRequest[],
  answer: (request: HttpRequest) => Promise<HttpReply>
): HttpClient {
  const request = (one: HttpRequest): Promise<HttpReply> => {
    given.push(one)
    return answer(one)
  }
  return { request } as unknown as HttpClient
}

/** No answer before the signal ends the wait. */
function hang(signal: AbortSignal | undefined, connected: boolean): Promise<HttpReply> {
  return new Promise((_resolve, reject) => {
    signal?.addEventListener('abort', () => {
      const facts = { code: 'ERR_ABORTED', connected, reusedConnection: true }
      reject(new HttpError('ended', facts))
    })
  })
}

describe('bodyText', () => {
  const read = (...bytes: number[]): ReturnType<typeof bodyText> =>
    bodyText(new Response(new Uint8Array(bytes)))

  it('is UTF-8, or UTF-16 with a byte order mark or without', async () => {
    const utf8 = { text: '{é', encoding: 'utf-8' }
    assert.deepEqual(await read(0x7b, 0xc3, 0xa9), utf8)
    assert.deepEqual(await read(0xef, 0xbb, 0xbf, 0x7b, 0xc3, 0xa9), utf8)
    assert.deepEqual(await read(), { text: '', encoding: 'utf-8' })
    assert.deepEqual(await read(0x7b), { text: '{', encoding: 'utf-8' })
    for (const mark of [[], [0xff, 0xfe]]) {
      assert.deepEqual(await read(...mark, 0x7b, 0, 0xe9, 0), { text: '{é', encoding: 'utf-16le' })
    }
    for (const mark of [[], [0xfe, 0xff]]) {
      assert.deepEqual(await read(...mark, 0, 0x7b, 0, 0xe9), { text: '{é', encoding: 'utf-16be' })
    }
  })

  it('is at most 1 MiB', async () => {
    const { text: read } = await bodyText(new Response('x'.repeat(1024 * 1024)))
    assert.equal(read.length, 1024 * 1024)
    await assert.rejects(bodyText(new Response('x'.repeat(1024 * 1024 + 1), { status: 201 })), {
      code: 'ERR_RESPONSE_TOO_LARGE',
      status: 201,
      connected: true,
      reusedConnection: false
    })
  })
})
