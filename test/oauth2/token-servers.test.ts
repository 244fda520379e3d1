import assert from 'node:assert/strict'
import { after, before, describe, it, type TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { OAuth2Server } from 'oauth2-mock-server'
import { testToken } from '../../src/oauth2/token-client.ts'
import { TokenSource } from '../../src/oauth2/token-source.ts'
import {
  createAuthority,
  issueExpired,
  issueWrongName,
  type Authority
} from '../support/certificates.ts'
import { startConnectProxy } from '../support/connect-proxy.ts'
import { startTokenProvider, type TokenProvider } from '../support/token-provider.ts'
import { tokenHttpClient, tokenSettings } from '../support/token-settings.ts'

const client = {
  client_id: 'integration-engine',
  client_secret: 'not-so-secret',
  token_endpoint_auth_method: 'client_secret_basic'
}

describe('a real token server', () => {
  let authority: Authority
  let provider: TokenProvider

  before(async () => {
    authority = await createAuthority('Test authority')
    provider = await startTokenProvider({
      tls: await authority.issueServer(),
      clientCa: authority.ca,
      lifetime: 2,
      clients: [
        client,
        {
          client_id: 'mtls-client',
          token_endpoint_auth_method: 'tls_client_auth',
          tls_client_auth_subject_dn: 'CN=integration-engine'
        }
      ]
    })
  })
  after(() => provider.close())

  const settings = (given: object = {}): ReturnType<typeof tokenSettings> =>
    tokenSettings({ issuer: provider.issuer, clientSecret: 'not-so-secret', ...given })

  it('is asked once for each token with a lifetime of 2 s', async (t) => {
    const httpClient = tokenHttpClient({ tls: { ca: authority.ca } })
    t.after(() => {
      httpClient.close()
    })
    const source = new TokenSource(settings(), { httpClient })
    t.after(() => {
      source.close()
    })
    const before = provider.tokenRequests
    const seen = new Set<string>()
    const started = performance.now()
    while (performance.now() - started < 5000) {
      seen.add(await source.token())
      await sleep(10)
    }
    const requests = provider.tokenRequests - before
    // A token is replaced 1 to 1.2 s after it was requested.
    assert.ok(requests >= 4 && requests <= 5, `${requests} requests`)
    // The last request may still be in progress.
    assert.ok(seen.size >= requests - 1 && seen.size <= requests, `${seen.size} tokens`)
  })

  it('issues opaque tokens', async (t) => {
    const tls = await authority.issueServer()
    const opaque = await startTokenProvider({ tls, clients: [client], format: 'opaque' })
    t.after(() => opaque.close())
    const httpClient = tokenHttpClient({ tls: { ca: authority.ca } })
    t.after(() => {
      httpClient.close()
    })
    const source = new TokenSource(settings({ issuer: opaque.issuer }), { httpClient })
    t.after(() => {
      source.close()
    })
    const first = await source.token()
    assert.match(first, /^[\w-]{43}$/)
    const second = await source.refused(first)
    assert.match(second, /^[\w-]{43}$/)
    assert.notEqual(first, second)
    assert.deepEqual([opaque.discoveries, opaque.tokenRequests], [1, 2])
  })

  it('is reached through a proxy, even with mutual TLS', async (t) => {
    const proxy = await startConnectProxy('user:p@ss')
    t.after(() => proxy.close())
    const { cert, key } = await authority.issueClient({ commonName: 'integration-engine' })
    const httpClient = tokenHttpClient({
      tls: { ca: authority.ca, cert, key },
      proxy: { url: proxy.url, username: 'user', password: 'p@ss' }
    })
    t.after(() => {
      httpClient.close()
    })
    const result = await testToken(
      settings({ clientId: 'mtls-client', clientSecret: '', hasClientCertificate: true }),
      httpClient
    )
    assert.ok(result.ok, JSON.stringify(result))
    assert.equal(result.clientAuth, 'tls_client_auth')
    assert.deepEqual(new Set(proxy.tunnels), new Set([new URL(provider.issuer).host]))
  })

  it('is reached directly if the proxy does not apply to it', async (t) => {
    const proxy = await startConnectProxy()
    t.after(() => proxy.close())
    const httpClient = tokenHttpClient({
      tls: { ca: authority.ca },
      proxy: { url: proxy.url, noProxy: ['127.0.0.1'] }
    })
    t.after(() => {
      httpClient.close()
    })
    assert.ok((await testToken(settings(), httpClient)).ok)
    assert.deepEqual(proxy.tunnels, [])
  })

  it('is not reached through a proxy that refuses', async (t) => {
    const proxy = await startConnectProxy('user:other')
    t.after(() => proxy.close())
    const httpClient = tokenHttpClient({ tls: { ca: authority.ca }, proxy: { url: proxy.url } })
    t.after(() => {
      httpClient.close()
    })
    const result = await testToken(settings(), httpClient)
    assert.ok(!result.ok)
    assert.equal(result.code, 'ERR_PROXY_TUNNEL')
    assert.match(result.hint, /^The proxy does not let this through: check Proxy/)
  })

  it('is not reached by the proxy', async (t) => {
    const proxy = await startConnectProxy()
    t.after(() => proxy.close())
    const httpClient = tokenHttpClient({ tls: { ca: authority.ca }, proxy: { url: proxy.url } })
    t.after(() => {
      httpClient.close()
    })
    const closed = await startConnectProxy()
    await closed.close()
    const tokenEndpoint = `${closed.url.replace('http:', 'https:')}/token`
    const result = await testToken(settings({ issuer: '', tokenEndpoint }), httpClient)
    assert.ok(!result.ok)
    assert.equal(result.code, 'ERR_PROXY_TUNNEL')
    assert.match(result.description, /: the proxy does not reach the host \(HTTP 502\)\.$/)
    assert.equal(
      result.hint,
      'Check host and port in Token URL, and that the proxy can reach them.'
    )
  })

  it('has a bad certificate', async (t) => {
    for (const [tls, hint] of [
      [await issueExpired(authority), /out of date/],
      [await issueWrongName(authority), /another host name/]
    ] as const) {
      const bad = await startTokenProvider({ tls, clients: [client] })
      t.after(() => bad.close())
      const httpClient = tokenHttpClient({ tls: { ca: authority.ca } })
      t.after(() => {
        httpClient.close()
      })
      const result = await testToken(settings({ issuer: bad.issuer }), httpClient)
      assert.ok(!result.ok)
      assert.match(result.hint, hint)
      const source = new TokenSource(settings({ issuer: bad.issuer }), { httpClient })
      t.after(() => {
        source.close()
      })
      await assert.rejects(source.token(), { permanent: true, family: 'tls' })
    }
  })

  it('has an unknown host name, or does not speak TLS', async (t) => {
    const httpClient = tokenHttpClient()
    t.after(() => {
      httpClient.close()
    })
    const unknown = await testToken(settings({ issuer: 'https://token.invalid' }), httpClient)
    assert.ok(!unknown.ok)
    assert.match(unknown.hint, /host name in Issuer URL/)
    const mock = new OAuth2Server()
    await mock.start(0, '127.0.0.1')
    t.after(() => mock.stop())
    const plain = `https://127.0.0.1:${mock.address().port}`
    const noTls = await testToken(settings({ issuer: plain }), httpClient)
    assert.ok(!noTls.ok)
    assert.match(noTls.hint, /TLS handshake failed/)
  })
})

describe('oauth2-mock-server', () => {
  const server = new OAuth2Server()
  const httpClient = tokenHttpClient()
  let issuer: string

  before(async () => {
    await server.issuer.keys.generate('RS256')
    await server.start(0, '127.0.0.1')
    issuer = `http://127.0.0.1:${server.address().port}`
    server.issuer.url = issuer
  })
  after(async () => {
    httpClient.close()
    await server.stop()
  })

  function source(t: TestContext): TokenSource {
    const settings = tokenSettings({ issuer, clientSecret: 'not-so-secret' })
    const tokens = new TokenSource(settings, { httpClient })
    t.after(() => {
      tokens.close()
    })
    return tokens
  }

  it('issues a token after discovery over http on the loopback interface', async (t) => {
    const tokens = source(t)
    assert.match(await tokens.token(), /^eyJ/)
  })

  it('may send a numeric string and a null', async (t) => {
    server.service.once('beforeResponse', (response: { body: object }) => {
      response.body = { ...response.body, expires_in: '3600', refresh_token: null }
    })
    const tokens = source(t)
    await tokens.token()
    assert.equal(tokens.status.state, 'ok')
  })

  it('fails once and is asked again after the back-off', async (t) => {
    server.service.once('beforeResponse', (response: { body: object; statusCode: number }) => {
      response.statusCode = 500
      response.body = {}
    })
    const tokens = source(t)
    await assert.rejects(tokens.token(), { status: 500, permanent: false })
    assert.deepEqual(tokens.status, { state: 'none', code: 'HTTP 500' })
    await sleep(1250)
    await tokens.token()
  })
})
