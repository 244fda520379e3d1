import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { createServer } from 'node:https'
import { after, before, describe, it } from 'node:test'
import { close, listen } from '../../demo/loopback.ts'
import { testToken } from '../../src/oauth2/token-client.ts'
import type { TokenSettings } from '../../src/oauth2/token-settings.ts'
import { createAuthority } from '../support/certificates.ts'
import { startConnectProxy } from '../support/connect-proxy.ts'
import {
  json,
  startTokenFaultServer,
  text,
  type TokenFaultServer
} from '../support/token-fault-server.ts'
import { tokenHttpClient, tokenSettings } from '../support/token-settings.ts'

describe('hints', () => {
  let server: TokenFaultServer
  const httpClient = tokenHttpClient()
  const privateKey = generateKeyPairSync('ed25519').privateKey.export({
    type: 'pkcs8',
    format: 'pem'
  }) as string

  before(async () => {
    server = await startTokenFaultServer(json({}))
  })
  after(async () => {
    httpClient.close()
    await server.close()
  })

  async function hint(
    error: string,
    given: Partial<TokenSettings>,
    clockAheadSeconds = 0
  ): Promise<string> {
    const date = new Date(Date.now() - clockAheadSeconds * 1000).toUTCString()
    server.answer = json({ error }, 400, { date })
    const tokenEndpoint = `${server.origin}/token`
    const result = await testToken(tokenSettings({ tokenEndpoint, ...given }), httpClient)
    assert.ok(!result.ok)
    assert.equal(result.code, error)
    return result.hint
  }

  it('compares the clocks if an assertion was signed', async () => {
    for (const error of ['invalid_client', 'invalid_grant']) {
      assert.match(
        await hint(error, { privateKey }, 600),
        /(59\d|6\d\d) s ahead of the token server/
      )
      assert.match(
        await hint(error, { privateKey }, -600),
        /(59\d|6\d\d) s behind the token server/
      )
      assert.doesNotMatch(await hint(error, { privateKey }, 5), /clock/)
      assert.doesNotMatch(await hint(error, { clientSecret: 'x' }, 600), /clock/)
    }
  })

  for (const [error, given, words] of [
    ['invalid_client', { clientSecret: 'x' }, /Client secret.*in the form \(Post\)/],
    ['invalid_client', { privateKey }, /public key is registered.*Key ID/],
    ['invalid_client', { clientAuth: 'none' }, /prove who it is/],
    ['invalid_scope', { clientSecret: 'x' }, /wants a scope: fill in Scope/],
    ['invalid_scope', { clientSecret: 'x', scope: 'y' }, /Check Scope/],
    ['invalid_target', { clientSecret: 'x' }, /Resource and Audience/],
    ['unauthorized_client', { clientSecret: 'x' }, /allow it at the token server/],
    ['unsupported_grant_type', { clientSecret: 'x' }, /check Grant/],
    [
      'invalid_grant',
      { clientSecret: 'x', grantType: 'password', username: 'a', password: 'b' },
      /User name and Password/
    ],
    ['use_dpop_nonce', { clientSecret: 'x' }, /DPoP/]
  ] satisfies [string, Partial<TokenSettings>, RegExp][]) {
    it(`says for ${error}: ${words.source}`, async () => {
      assert.match(await hint(error, given), words)
    })
  }

  it('says what a bare refusal may mean, and which methods the server lists', async () => {
    const { origin } = server
    server.answer = (request, response) => {
      const metadata = {
        issuer: origin,
        token_endpoint: `${origin}/token`,
        token_endpoint_auth_methods_supported: ['private_key_jwt']
      }
      const answer = request.method === 'GET' ? json(metadata) : text('', 'text/plain', 403)
      answer(request, response)
    }
    const given = tokenSettings({
      issuer: origin,
      clientSecret: 'x',
      clientAuth: 'client_secret_post'
    })
    const result = await testToken(given, httpClient)
    assert.ok(!result.ok)
    assert.deepEqual(
      result.hints.map(({ key }) => key),
      ['clientPost', 'methodNotListed', 'scopeToo']
    )
    assert.match(
      result.hint,
      /^Check Client ID.* "Client secret: in the form \(Post\)"\. It lists: private_key_jwt\. .*fill in Scope/
    )
  })

  it('says that the issuer is a token URL', async () => {
    server.answer = text('', 'text/plain', 404)
    for (const [path, key] of [
      ['/oauth2/v2.0/token', 'issuerIsTokenUrl'],
      ['/o/token/', 'issuerIsTokenUrl'],
      ['/oauth/client_credential/accesstoken', 'issuerIsTokenUrl'],
      ['/tokens-of-hl7', 'noMetadata']
    ] as const) {
      const issuer = `${server.origin}${path}`
      const result = await testToken(tokenSettings({ issuer, clientSecret: 'x' }), httpClient)
      assert.ok(!result.ok)
      assert.deepEqual(result.hints, [{ key }])
    }
  })

  it('says that the proxy is down', async () => {
    const proxy = await startConnectProxy()
    await proxy.close()
    const client = tokenHttpClient({ proxy: { url: proxy.url } })
    const tokenEndpoint = 'https://login.example/token'
    const result = await testToken(tokenSettings({ tokenEndpoint, clientSecret: 'x' }), client)
    client.close()
    assert.ok(!result.ok)
    assert.equal(result.code, 'ECONNREFUSED')
    assert.match(result.hint, /^The proxy failed, not the token server: check Proxy/)
  })

  it('says that a client certificate is required', async () => {
    const authority = await createAuthority('Test authority')
    const strict = createServer({
      ...(await authority.issueServer()),
      ca: authority.ca,
      requestCert: true
    })
    const tokenEndpoint = `https://127.0.0.1:${await listen(strict)}/token`
    const client = tokenHttpClient({ tls: { ca: authority.ca } })
    const result = await testToken(tokenSettings({ tokenEndpoint, clientSecret: 'x' }), client)
    assert.ok(!result.ok)
    assert.match(result.hint, /wants a client certificate/)
    client.close()
    await close(strict)
  })
})
