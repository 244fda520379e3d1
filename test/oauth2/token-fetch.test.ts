import assert from 'node:assert/strict'
import { after, afterEach, before, describe, it } from 'node:test'
import type { GotClient } from '../../src/http-client/got-client.ts'
import type { HttpReply, HttpRequest } from '../../src/http-client/http-message.ts'
import { bodyText, tokenFetch, type TokenFetch } from '../../src/oauth2/token-fetch.ts'
import {
  startTokenFaultServer,
  text,
  type Fault,
  type TokenFaultServer
} from '../support/token-fault-server.ts'
import { tokenHttpClient } from '../support/token-settings.ts'

const post = { method: 'POST', headers: { 'x-own': 'kept' }, body: new URLSearchParams({ a: 'b' }) }
const cut: Fault = (_request, response) => response.destroy()

describe('tokenFetch', () => {
  let server: TokenFaultServer
  const good = text('good', 'text/plain')
  const httpClient = tokenHttpClient()
  const closing = new AbortController()
  const fetch: TokenFetch = tokenFetch(httpClient, '', closing.signal)
  const token = (): string => `${server.origin}/token`

  before(async () => {
    server = await startTokenFaultServer(good)
  })
  after(async () => {
    httpClient.close()
    await server.close()
  })
  afterEach(() => {
    server.answer = good
    server.seen = []
  })

  it('sends nothing to a host name that is too long, and does not quote it', async () => {
    const name = 'a.'.repeat(200)
    await assert.rejects(fetch(`https://${name}example/token`, post), (error: Error) => {
      assert.equal((error as { code?: unknown }).code, 'CONFIG')
      assert.match(error.message, /host name .* longer than 253/)
      return !error.message.includes(name)
    })
  })

  it('sends each request once, over a connection of its own', async () => {
    server.answer = good
    for (let times = 1; times < 4; times++) {
      const reply = await fetch(token(), post)
      assert.equal(reply.body.toString(), 'good')
      const { method, headers, form } = server.seen.at(-1) ?? {}
      assert.deepEqual([method, headers?.['x-own'], form?.get('a')], ['POST', 'kept', 'b'])
      assert.deepEqual([server.seen.length, headers?.['connection']], [times, 'close'])
    }
    server.seen = []
    server.answer = cut
    await assert.rejects(fetch(token(), post), { code: 'ECONNRESET', family: 'reset' })
    server.answer = (_request, response) => {
      response.writeHead(200, { 'content-length': '500' })
      response.write('half', () => response.destroy())
    }
    await assert.rejects(fetch(token(), post), { code: 'ECONNRESET', status: 200 })
    assert.equal(server.seen.length, 2)
  })

  it('ends with the signal', async () => {
    const caller = new AbortController()
    server.answer = () => {
      caller.abort()
    }
    await assert.rejects(tokenFetch(httpClient, '', caller.signal)(token(), post), {
      code: 'ERR_ABORTED'
    })
    assert.equal(server.seen.length, 1)
  })

  it('leaves timing to the client, with 15 s for the answer', async () => {
    const given: HttpRequest[] = []
    const reply: HttpReply = { status: 200, headers: {}, body: Buffer.from('good') }
    const client = {
      request: (one: HttpRequest) => {
        given.push(one)
        return Promise.resolve(reply)
      }
    } as unknown as GotClient
    assert.equal(await tokenFetch(client, '', closing.signal)(token(), post), reply)
    assert.deepEqual(
      given.map(({ responseTimeoutMs, signal }) => [responseTimeoutMs, signal]),
      [[15_000, closing.signal]]
    )
  })

  it('sends nothing to an unsafe URL', async () => {
    await assert.rejects(fetch('http://token.example:81/x?secret=1', post), {
      code: 'CONFIG',
      hint: '',
      message: /^The address http:\/\/token\.example:81, which the issuer names, must be https:/
    })
  })

  it('sends nothing without TLS if the issuer uses TLS, not even to this machine', async () => {
    const strict = tokenFetch(httpClient, 'HTTPS://login.example', closing.signal)
    await assert.rejects(strict(token(), post), {
      code: 'CONFIG',
      hint: '',
      message: /^The address http:\/\/127\.0\.0\.1:\d+, which the issuer names, must be https: like/
    })
    const plain = tokenFetch(httpClient, server.origin, closing.signal)
    assert.equal((await plain(token(), post)).status, 200)
    assert.equal(server.seen.length, 1)
  })

  it('sends nothing to a URL with user info, and does not quote it', async () => {
    for (const user of ['own-user', ':own-word', 'own-user:own-word']) {
      await assert.rejects(
        fetch(server.origin.replace('://', `://${user}@`), post),
        (error: Error) => {
          assert.equal((error as { code?: unknown }).code, 'CONFIG')
          assert.match(error.message, /127\.0\.0\.1:\d+ that the issuer names contains a user name/)
          return !error.message.includes('own-')
        }
      )
    }
    assert.equal(server.seen.length, 0)
  })
})

describe('bodyText', () => {
  const read = (...bytes: number[]): ReturnType<typeof bodyText> => bodyText(new Uint8Array(bytes))

  it('is UTF-8, or UTF-16 with or without a byte order mark', () => {
    const utf8 = { text: '{é', encoding: 'utf-8' }
    assert.deepEqual(read(0x7b, 0xc3, 0xa9), utf8)
    assert.deepEqual(read(0xef, 0xbb, 0xbf, 0x7b, 0xc3, 0xa9), utf8)
    assert.deepEqual(read(), { text: '', encoding: 'utf-8' })
    assert.deepEqual(read(0x7b), { text: '{', encoding: 'utf-8' })
    for (const mark of [[], [0xff, 0xfe]]) {
      assert.deepEqual(read(...mark, 0x7b, 0, 0xe9, 0), { text: '{é', encoding: 'utf-16le' })
    }
    for (const mark of [[], [0xfe, 0xff]]) {
      assert.deepEqual(read(...mark, 0, 0x7b, 0, 0xe9), { text: '{é', encoding: 'utf-16be' })
    }
    for (const bytes of [
      ...[
        [0xff, 0x41],
        [0x41, 0xfe],
        [0xfe, 0x41],
        [0x41, 0xff]
      ],
      [0, 0, 0x7b, 0]
    ]) {
      assert.equal(read(...bytes).encoding, 'utf-8')
    }
  })
})
