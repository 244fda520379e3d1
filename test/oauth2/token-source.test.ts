import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, it } from 'node:test'
import { TokenSource } from '../../src/oauth2/token-source.ts'
import type { TokenError } from '../../src/oauth2/token-error.ts'
import {
  json,
  startTokenFaultServer,
  type TokenFaultServer
} from '../support/token-fault-server.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { tokenHttpClient, tokenSettings } from '../support/token-settings.ts'

describe('TokenSource', () => {
  let server: TokenFaultServer
  const httpClient = tokenHttpClient()
  const granted = json({ access_token: 'a-first-token', token_type: 'Bearer', expires_in: 300 })

  before(async () => {
    server = await startTokenFaultServer(granted)
  })
  after(async () => {
    httpClient.close()
    await server.close()
  })
  beforeEach(() => {
    server.seen = []
    server.answer = granted
  })

  function source(): TokenSource {
    return new TokenSource(
      tokenSettings({ tokenEndpoint: `${server.origin}/token`, clientSecret: 'not-so-secret' }),
      { httpClient }
    )
  }

  it('asks once for any number of callers', async () => {
    const tokens = source()
    assert.deepEqual(tokens.status, { state: 'idle' })
    const all = await Promise.all(Array.from({ length: 50 }, () => tokens.token()))
    assert.deepEqual(new Set(all), new Set(['a-first-token']))
    assert.equal(await tokens.token(), 'a-first-token')
    assert.equal(server.seen.length, 1)
    assert.equal(tokens.status.state, 'ok')
    tokens.close()
  })

  it('fetches another token if the HL7 server refused the current one', async () => {
    const tokens = source()
    const first = await tokens.token()
    server.answer = json({ access_token: 'a-second-token', token_type: 'Bearer', expires_in: 300 })
    const [one, two] = await Promise.all([tokens.refused(first), tokens.refused(first)])
    assert.deepEqual([one, two], ['a-second-token', 'a-second-token'])
    assert.equal(await tokens.refused(first), 'a-second-token')
    assert.equal(server.seen.length, 2)
    tokens.close()
  })

  it('uses the default lifetime if the server sends none, and needs no onWarning', async () => {
    for (const [expires_in, lifetime] of [
      [undefined, 77],
      [null, 77],
      [600, 600]
    ] as const) {
      server.answer = json({ access_token: 'a-first-token', expires_in })
      const clock = new FakeClock()
      const tokens = new TokenSource(
        tokenSettings({
          tokenEndpoint: `${server.origin}/token`,
          clientSecret: 'not-so-secret',
          defaultLifetime: 77
        }),
        { httpClient, clock }
      )
      await tokens.token()
      const validUntil = clock.now() + lifetime * 1000 - Math.min(10_000, lifetime * 100)
      assert.deepEqual(tokens.status, { state: 'ok', validUntil })
      tokens.close()
    }
  })

  it('says what is missing without asking a server', async () => {
    const tokens = new TokenSource(tokenSettings(), { httpClient })
    await assert.rejects(tokens.token(), (error: TokenError) => {
      assert.equal(error.code, 'CONFIG')
      assert.match(error.message, /Issuer URL or Token URL/)
      assert.match(error.message, /Client secret/)
      return true
    })
    assert.deepEqual(tokens.status, { state: 'none', code: 'CONFIG' })
  })
})
