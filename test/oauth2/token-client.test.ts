import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, it } from 'node:test'
import { testToken } from '../../src/oauth2/token-client.ts'
import type { TokenTestResult } from '../../src/oauth2/token-test-result.ts'
import type { TokenSettings } from '../../src/oauth2/token-settings.ts'
import { TokenSource } from '../../src/oauth2/token-source.ts'
import {
  json,
  startTokenFaultServer,
  text,
  type TokenFaultServer
} from '../support/token-fault-server.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { tokenHttpClient, tokenSettings } from '../support/token-settings.ts'

describe('one token request', () => {
  let server: TokenFaultServer
  const httpClient = tokenHttpClient()
  const granted = json({ access_token: 'a-token-in-good-order', token_type: 'Bearer' })

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

  const test = (given: Partial<TokenSettings> = {}): Promise<TokenTestResult> =>
    testToken(
      tokenSettings({
        tokenEndpoint: `${server.origin}/token`,
        clientSecret: 'not-so-secret',
        ...given
      }),
      httpClient
    )

  it('reports how long it took, and the lifetime if there is one', async () => {
    const clock = new FakeClock()
    clock.pass(5000)
    server.answer = (request, response) => {
      clock.pass(1234)
      json({ access_token: 'a-token-in-good-order', expires_in: 60 })(request, response)
    }
    const settings = tokenSettings({ tokenEndpoint: `${server.origin}/token`, clientSecret: 'x' })
    const result = await testToken(settings, httpClient, clock)
    assert.ok(result.ok)
    assert.deepEqual([result.elapsedMs, result.expiresIn], [1234, 60])
  })

  it('goes to the Token URL that somebody entered, even if only the issuer uses TLS', async () => {
    const result = await test({ issuer: 'https://login.example' })
    assert.ok(result.ok)
    assert.equal(server.seen.length, 1)
  })

  it('reports a scope on one line, shortened', async () => {
    server.answer = json({
      access_token: 'a-token-in-good-order',
      scope: `a\u202eb\n${'x'.repeat(5000)}`
    })
    const result = await test()
    assert.ok(result.ok)
    assert.match(result.scope, /^a b x{990,1000}…$/)
  })

  it('reports the granted scope, or else the requested one', async () => {
    for (const [granted, scope] of [
      ['one', 'one'],
      ['', ''],
      [undefined, 'one two']
    ]) {
      server.answer = json({ access_token: 'a-token-in-good-order', scope: granted })
      const result = await test({ scope: 'one two' })
      assert.ok(result.ok)
      assert.equal(result.scope, scope)
    }
  })

  it('lists everything that is missing, and sends nothing', async () => {
    const result = await test({ clientId: '', clientSecret: '' })
    assert.ok(!result.ok)
    assert.equal(result.code, 'CONFIG')
    assert.match(result.description, /^Fill in Client ID\. Fill in Client secret or/)
    assert.deepEqual([result.hint, result.hints, result.status], ['', [], null])
    assert.equal(server.seen.length, 0)
  })

  it('names the server that cannot be reached, and the field to check', async () => {
    const gone = await startTokenFaultServer(granted)
    await gone.close()
    const host = new URL(gone.origin).host
    for (const [given, field] of [
      [{ tokenEndpoint: `${gone.origin}/token` }, 'Token URL'],
      [{ tokenEndpoint: `${gone.origin}/token`, issuer: server.origin }, 'Token URL'],
      [{ tokenEndpoint: '', issuer: gone.origin }, 'Issuer URL']
    ] as const) {
      const result = await test(given)
      assert.ok(!result.ok)
      assert.equal(result.code, 'ECONNREFUSED')
      assert.ok(result.description.startsWith(`Token server ${host}: `), result.description)
      assert.match(result.hint, new RegExp(`Check host and port in ${field},`))
    }
  })

  it('names an unreachable token endpoint from the metadata', async () => {
    const gone = await startTokenFaultServer(granted)
    await gone.close()
    server.answer = json({ issuer: server.origin, token_endpoint: `${gone.origin}/token` })
    const result = await test({ tokenEndpoint: '', issuer: server.origin })
    assert.ok(!result.ok)
    assert.ok(result.description.startsWith(`Token server ${new URL(gone.origin).host}: `))
    assert.match(result.hint, /Issuer URL/)
  })

  it('leads to another discovery only after 404 and 410, and with an issuer', async () => {
    for (const status of [400, 401, 403, 405, 500, 503]) {
      assert.deepEqual(await askedAfter(status, { issuer: server.origin }), ['/token'])
    }
    const { origin } = server
    assert.deepEqual(await askedAfter(404, { tokenEndpoint: `${origin}/token` }), ['/token'])
    for (const status of [404, 410]) {
      const asked = await askedAfter(status, { issuer: origin })
      assert.deepEqual(asked, ['/.well-known/openid-configuration', '/token'])
    }
  })

  /** What is asked for after a token request that was answered with this status. */
  async function askedAfter(status: number, given: Partial<TokenSettings>): Promise<string[]> {
    const metadata = json({ issuer: server.origin, token_endpoint: `${server.origin}/token` })
    let answer = text('', 'text/plain', status)
    server.answer = (request, response) => {
      const page = request.url.includes('/.well-known/') ? metadata : answer
      page(request, response)
    }
    const settings = tokenSettings({ clientSecret: 'not-so-secret', ...given })
    const source = new TokenSource(settings, { httpClient })
    await assert.rejects(source.token(), { code: 'ERR_HTTP_STATUS', status })
    source.clearBackOff()
    server.seen = []
    answer = granted
    await source.token()
    source.close()
    return server.seen.map(({ url }) => url)
  }
})
