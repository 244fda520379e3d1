import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { gzipSync } from 'node:zlib'
import { after, before, describe, it } from 'node:test'
import { TokenSource } from '../../src/oauth2/token-source.ts'
import type { TokenError } from '../../src/oauth2/token-error.ts'
import {
  json,
  startTokenFaultServer,
  text,
  type Fault,
  type TokenFaultServer
} from '../support/token-fault-server.ts'
import { tokenHttpClient, tokenSettings } from '../support/token-settings.ts'

const good = { access_token: 'a-token-in-good-order', token_type: 'Bearer', expires_in: 300 }

describe('a token server that fails', () => {
  let server: TokenFaultServer
  const httpClient = tokenHttpClient()

  before(async () => {
    server = await startTokenFaultServer(json(good))
  })
  after(async () => {
    httpClient.close()
    await server.close()
  })

  function source(): TokenSource {
    return new TokenSource(
      tokenSettings({ tokenEndpoint: `${server.origin}/token`, clientSecret: 'not-so-secret' }),
      { httpClient, random: () => 0.5 }
    )
  }

  async function failure(fault: Fault): Promise<TokenError> {
    server.answer = fault
    const tokens = source()
    try {
      await tokens.token()
    } catch (error) {
      return error as TokenError
    } finally {
      tokens.close()
    }
    return assert.fail('There should be no token.')
  }

  it('is not listening', async () => {
    const gone = await startTokenFaultServer(json(good))
    await gone.close()
    const tokens = new TokenSource(
      tokenSettings({ tokenEndpoint: `${gone.origin}/token`, clientSecret: 'not-so-secret' }),
      { httpClient }
    )
    await assert.rejects(tokens.token(), {
      code: 'ECONNREFUSED',
      family: 'connect'
    })
    tokens.close()
  })

  const started = (headers: Record<string, string>, status = 200): Fault => {
    return (_request, response) => {
      response.writeHead(status, headers)
      response.write('{"access_token":"half', () => response.destroy())
    }
  }
  const gzip = { 'content-encoding': 'gzip' }
  const wait = { 'retry-after': '300' }
  const brotli = { ...wait, 'content-encoding': 'br' }
  for (const [does, fault, code, status, retryAfterMs = 1000] of [
    ['resets the connection', (_request, response) => response.destroy(), 'ECONNRESET', undefined],
    ['hangs up in the middle of the answer', started({}), 'ECONNRESET', 200],
    ['announces more than it sends', started({ 'content-length': '500' }), 'ECONNRESET', 200],
    ['answers 500 with a page', text('<html>', 'text/html', 500), 'ERR_HTTP_STATUS', 500],
    ['answers 600', text('denied', 'text/plain', 600), 'ERR_HTTP_STATUS', 600],
    ['answers 999', text('denied', 'text/plain', 999), 'ERR_HTTP_STATUS', 999],
    ['answers with 2 MB', json({ ...good, x: 'x'.repeat(2 << 20) }), 'ERR_RESPONSE_TOO_LARGE', 200],
    [
      'says gzip and sends something else',
      text('not gzip', 'application/json', 200, gzip),
      'ERR_CONTENT_DECODING',
      200
    ],
    [
      'asks for a wait in a page that is too large',
      text('x'.repeat(2_000_000), 'text/html', 429, wait),
      'ERR_RESPONSE_TOO_LARGE',
      429,
      300_000
    ],
    [
      'asks for a wait in an unknown encoding',
      text('x', 'text/html', 503, { ...wait, 'content-encoding': 'x' }),
      'ERR_HTTP_STATUS',
      503,
      300_000
    ],
    [
      'asks for a wait in a broken encoding',
      text('x', 'text/html', 503, brotli),
      'ERR_CONTENT_DECODING',
      503,
      300_000
    ],
    [
      'asks for a wait in an answer that is cut',
      started({ ...wait, 'content-length': '500' }, 503),
      'ECONNRESET',
      503,
      300_000
    ]
  ] satisfies [string, Fault, string, number | undefined, number?][]) {
    it(`${does}: nothing is repeated at once`, async () => {
      const before = server.seen.length
      const error = await failure(fault)
      assert.deepEqual([error.code, error.status], [code, status])
      assert.deepEqual([error.permanent, error.retryAfterMs], [false, retryAfterMs])
      assert.equal(server.seen.length, before + 1)
    })
  }

  it('answers 503 with Retry-After, which is respected', async () => {
    const error = await failure(text('', 'text/plain', 503, { 'retry-after': '120' }))
    assert.equal(error.retryAfterMs, 120_000)
    const before = server.seen.length
    const tokens = source()
    await assert.rejects(tokens.token())
    await assert.rejects(tokens.token(), (again: TokenError) => {
      assert.ok((again.retryAfterMs ?? 0) > 110_000)
      return true
    })
    assert.equal(server.seen.length, before + 1)
    tokens.clearBackOff()
    await assert.rejects(tokens.token())
    assert.equal(server.seen.length, before + 2)
    tokens.close()
  })

  it('asks for a wait of a day, of which one hour is respected', async () => {
    const error = await failure(
      text('', 'text/plain', 429, {
        'retry-after': new Date(Date.now() + 86_400_000).toUTCString()
      })
    )
    assert.equal(error.retryAfterMs, 3_600_000)
  })

  it('does not know the client: the next attempt waits half a minute', async () => {
    const error = await failure(json({ error: 'invalid_client' }, 401))
    assert.equal(error.permanent, true)
    assert.equal(error.retryAfterMs, 30_000)
  })

  it('compresses its answer', async () => {
    server.answer = text(gzipSync(JSON.stringify(good)), 'application/json', 200, {
      'content-encoding': 'gzip'
    })
    const tokens = source()
    assert.equal(await tokens.token(), good.access_token)
    tokens.close()
  })

  const hangs: [string, Fault][] = [
    ['before the answer', () => undefined],
    [
      'in the middle of the answer',
      (_request, response) => {
        response.writeHead(200, { 'content-type': 'application/json' })
        response.write('{"access_token":')
      }
    ]
  ]

  it('hangs: the request times out after 15 s', { timeout: 20_000 }, async () => {
    const started = performance.now()
    await Promise.all(
      hangs.map(async ([when, fault]) => {
        const hanging = await startTokenFaultServer(fault)
        const tokens = new TokenSource(
          tokenSettings({
            tokenEndpoint: `${hanging.origin}/token`,
            clientSecret: 'not-so-secret'
          }),
          { httpClient }
        )
        await assert.rejects(
          tokens.token(),
          { code: 'ETIMEDOUT', family: 'timeout', permanent: false },
          when
        )
        tokens.close()
        await hanging.close()
      })
    )
    const elapsed = performance.now() - started
    assert.ok(elapsed > 14_900 && elapsed < 17_000, `${elapsed} ms`)
  })

  for (const [when, fault] of hangs) {
    it(`hangs ${when}: a caller can give up, and the node can close`, async () => {
      server.answer = fault
      const tokens = source()
      const before = server.seen.length
      const caller = new AbortController()
      const given = assert.rejects(tokens.token(caller.signal), { code: 'ERR_ABORTED' })
      const waiting = assert.rejects(tokens.token(), { code: 'ERR_ABORTED' })
      await until(() => server.seen.length > before)
      caller.abort()
      await given
      tokens.close()
      await waiting
      assert.equal(server.seen.length, before + 1)
      await assert.rejects(tokens.token(), { code: 'ERR_ABORTED' })
    })
  }
})

describe('a closed token source', () => {
  it('does not keep the process alive', { timeout: 20_000 }, async () => {
    const hanging = await startTokenFaultServer(() => undefined)
    const script = `
      import { GotClient } from './src/http-client/got-client.ts'
      import { TokenSource } from './src/oauth2/token-source.ts'
      const httpClient = new GotClient({ connectTimeoutMs: 5000, maxResponseBytes: 1000 })
      const source = new TokenSource(${JSON.stringify(
        tokenSettings({ issuer: hanging.origin, clientSecret: 'not-so-secret' })
      )}, { httpClient })
      const waiting = source.token().catch(({ code }) => console.log(code))
      setTimeout(() => { source.close(); httpClient.close() }, 300)
      await waiting`
    const started = performance.now()
    const { stdout } = await promisify(execFile)(process.execPath, [
      '--input-type=module',
      '--eval',
      script
    ])
    assert.equal(stdout, 'ERR_ABORTED\n')
    assert.ok(performance.now() - started < 8000)
    await hanging.close()
  })
})

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5))
}
