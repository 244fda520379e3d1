import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { after, afterEach, before, beforeEach, describe, it } from 'node:test'
import { decodeJwt } from 'jose'
import { testToken } from '../../src/oauth2/token-client.ts'
import type { TokenTestResult } from '../../src/oauth2/token-test-result.ts'
import type { TokenSettings } from '../../src/oauth2/token-settings.ts'
import { tokenFetch } from '../../src/oauth2/token-fetch.ts'
import { TokenSource } from '../../src/oauth2/token-source.ts'
import {
  json,
  startTokenFaultServer,
  text,
  type Fault,
  type TokenFaultServer
} from '../support/token-fault-server.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { tokenHttpClient, tokenSettings } from '../support/token-settings.ts'

describe('discovery', () => {
  let server: TokenFaultServer
  let pages: Record<string, Fault>
  const httpClient = tokenHttpClient()
  const granted = json({
    access_token: 'a-token-in-good-order',
    token_type: 'Bearer',
    expires_in: 0
  })

  before(async () => {
    server = await startTokenFaultServer((request, response) => {
      const page = pages[request.url] ?? text('nothing here', 'text/plain', 404)
      page(request, response)
    })
  })
  after(async () => {
    httpClient.close()
    await server.close()
  })
  beforeEach(() => {
    pages = { '/token': granted }
  })
  afterEach(() => {
    server.seen = []
  })

  const openId = '/.well-known/openid-configuration'
  const asked = (): string[] => server.seen.map(({ url }) => url)
  const given = (more: Partial<TokenSettings>): TokenSettings =>
    tokenSettings({ clientSecret: 'not-so-secret', ...more })
  const test = (more: Partial<TokenSettings>): Promise<TokenTestResult> =>
    testToken(given(more), httpClient)
  const metadata = (issuer: string, more: object = {}): Fault =>
    json({ issuer, token_endpoint: `${server.origin}/token`, ...more })

  it('finds the OpenID document below an issuer with a path', async () => {
    pages['/realms/hl7/.well-known/openid-configuration'] = metadata(`${server.origin}/realms/hl7`)
    const result = await test({ issuer: `${server.origin}/realms/hl7` })
    assert.ok(result.ok)
    assert.equal(result.tokenEndpoint, `${server.origin}/token`)
    assert.deepEqual(asked(), ['/realms/hl7/.well-known/openid-configuration', '/token'])
  })

  it('finds the RFC 8414 document where the OpenID one is missing: 404; Spring answers 403', async () => {
    for (const status of [404, 403, 400]) {
      const at = '/.well-known/oauth-authorization-server/tenant'
      const first = '/tenant/.well-known/openid-configuration'
      pages[first] = text('', 'text/plain', status)
      pages[at] = metadata(`${server.origin}/tenant`)
      server.seen = []
      assert.ok((await test({ issuer: `${server.origin}/tenant` })).ok)
      assert.deepEqual(asked(), [first, at, '/token'])
    }
  })

  it('reports the error of the last address that it asked, and asks no other after any other', async () => {
    const rfc8414 = '/.well-known/oauth-authorization-server'
    const redirect = text('', 'text/plain', 302, { location: '/login' })
    const busy = text('', 'text/plain', 503)
    const forbidden = text('', 'text/plain', 403)
    const differs = metadata('https://another.example')
    for (const [first, second, code, status] of [
      [busy, undefined, 'ERR_HTTP_STATUS', 503],
      [redirect, undefined, 'ERR_REDIRECT', 302],
      [text('<html>', 'text/html'), undefined, 'ERR_DISCOVERY', 200],
      [differs, undefined, 'ERR_ISSUER_MISMATCH', null],
      [json({}), undefined, 'OAUTH_INVALID_RESPONSE', null],
      [forbidden, text('', 'text/plain', 404), 'ERR_DISCOVERY', 404],
      [forbidden, busy, 'ERR_HTTP_STATUS', 503],
      [forbidden, redirect, 'ERR_REDIRECT', 302],
      [forbidden, differs, 'ERR_ISSUER_MISMATCH', null]
    ] satisfies [Fault, Fault | undefined, string, number | null][]) {
      pages = { [openId]: first, [rfc8414]: second ?? granted }
      server.seen = []
      const result = await test({ issuer: server.origin })
      assert.ok(!result.ok)
      assert.deepEqual([result.code, result.status], [code, status])
      assert.deepEqual(asked(), second === undefined ? [openId] : [openId, rfc8414])
    }
  })

  it('asks only once if the server says that it is asked too often', async () => {
    for (const status of [408, 429]) {
      pages[openId] = text('', 'text/plain', status, { 'retry-after': '7' })
      server.seen = []
      const source = new TokenSource(given({ issuer: server.origin }), { httpClient })
      await assert.rejects(source.token(), { status, permanent: false, retryAfterMs: 7000 })
      assert.deepEqual(asked(), [openId])
      source.close()
    }
    pages[openId] = text('', 'text/plain', 429, {
      date: 'Fri, 02 Jan 2015 03:04:05 GMT',
      'retry-after': 'Fri, 02 Jan 2015 03:04:25 GMT'
    })
    const source = new TokenSource(given({ issuer: server.origin }), { httpClient })
    await assert.rejects(source.token(), { status: 429, retryAfterMs: 20_000 })
    source.close()
  })

  it('reads a full well-known URL without comparing the issuer', async () => {
    pages['/x/.well-known/openid-configuration'] = metadata('https://another.example/')
    assert.ok((await test({ issuer: `${server.origin}/x/.well-known/openid-configuration` })).ok)
  })

  it('asks only at a full well-known URL, and drops the fragment of an issuer', async () => {
    pages['/.well-known/oauth-authorization-server/x'] = metadata(server.origin)
    for (const answer of [text('', 'text/plain', 404), text('', 'text/plain', 500)]) {
      pages['/x/.well-known/openid-configuration'] = answer
      server.seen = []
      assert.ok(!(await test({ issuer: `${server.origin}/x/.well-known/openid-configuration` })).ok)
      assert.deepEqual(asked(), ['/x/.well-known/openid-configuration'])
    }
    pages[openId] = metadata(server.origin)
    assert.ok((await test({ issuer: `${server.origin}#part` })).ok)
  })

  it('reads a SMART document, which has no issuer', async () => {
    pages['/fhir/.well-known/smart-configuration'] = json({
      token_endpoint: `${server.origin}/token`,
      token_endpoint_auth_methods_supported: ['client_secret_post', 'private_key_jwt']
    })
    const result = await test({ issuer: `${server.origin}/fhir/.well-known/smart-configuration` })
    assert.ok(result.ok)
    assert.equal(result.clientAuth, 'client_secret_post')
  })

  it('uses the location of a SMART document as the issuer, which it does not name', async () => {
    const at = '/x/.well-known/smart-configuration'
    const privateKey = generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey
    for (const issuer of [undefined, null]) {
      pages[at] = json({ issuer, token_endpoint: `${server.origin}/token` })
      const result = await test({
        issuer: `${server.origin}${at}#part`,
        privateKey: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
        assertionAudience: 'issuer'
      })
      assert.ok(result.ok, JSON.stringify(result))
      const assertion = server.seen.at(-1)?.form.get('client_assertion') ?? ''
      assert.equal(decodeJwt(assertion).aud, `${server.origin}/x`)
    }
    pages[openId] = json({ token_endpoint: `${server.origin}/token` })
    assert.ok(!(await test({ issuer: server.origin })).ok)
  })

  it('ignores members that are null or of another kind', async () => {
    for (const unusable of [null, 7, 'client_secret_post', {}, [7], [[]]]) {
      pages[openId] = metadata(server.origin, {
        token_endpoint_auth_methods_supported: unusable,
        token_endpoint_auth_signing_alg_values_supported: unusable,
        mtls_endpoint_aliases: unusable,
        jwks_uri: unusable
      })
      const result = await test({ issuer: server.origin, hasClientCertificate: true })
      assert.ok(result.ok, JSON.stringify(result))
      assert.equal(result.clientAuth, 'client_secret_basic')
    }
    pages[openId] = metadata(server.origin, { mtls_endpoint_aliases: { token_endpoint: null } })
    assert.ok((await test({ issuer: server.origin, hasClientCertificate: true })).ok)
  })

  it('says that an address for certificates is not a URL', async () => {
    for (const token_endpoint of ['/token', 7]) {
      pages[openId] = metadata(server.origin, { mtls_endpoint_aliases: { token_endpoint } })
      const result = await test({ issuer: server.origin, hasClientCertificate: true })
      assert.ok(!result.ok)
      assert.match(result.description, /its metadata contains a token endpoint that is not a URL/)
    }
  })

  it('uses Basic if the server lists it or lists nothing', async () => {
    for (const methods of [undefined, [], ['client_secret_post', 'client_secret_basic']]) {
      pages['/.well-known/openid-configuration'] = metadata(server.origin, {
        token_endpoint_auth_methods_supported: methods
      })
      const result = await test({ issuer: server.origin })
      assert.ok(result.ok)
      assert.equal(result.clientAuth, 'client_secret_basic')
    }
  })

  it('does not ask the issuer if the token endpoint is set', async () => {
    pages['/token?grant_type=client_credentials'] = granted
    const tokenEndpoint = `${server.origin}/token?grant_type=client_credentials`
    assert.ok((await test({ issuer: 'https://nowhere.invalid', tokenEndpoint })).ok)
    assert.deepEqual(asked(), ['/token?grant_type=client_credentials'])
  })

  it('says what to do when the issuer differs', async () => {
    pages['/.well-known/openid-configuration'] = metadata('https://sts.example/adfs')
    const result = await test({ issuer: server.origin })
    assert.ok(!result.ok)
    assert.equal(result.code, 'ERR_ISSUER_MISMATCH')
    assert.match(result.description, /^127\.0\.0\.1:\d+: the issuer in .* differs from Issuer URL/)
    assert.match(result.hint, /full well-known URL.*Token URL.*https:\/\/sts\.example\/adfs/)
  })

  it('names the issuer that it found as it is, on one short line', async () => {
    for (const issuer of [
      'https://dev-3k8qbz5lq1hqxk2v.us.auth0.com/',
      'https://trial-1234567.okta.com/oauth2/aus1a2b3c4d5E6f7G8h9',
      'https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_AbC123XyZ',
      'https://idcs-9dc693e80d9b469480d7afe00e743931.identity.oraclecloud.com'
    ]) {
      pages[openId] = metadata(issuer)
      const result = await test({ issuer: server.origin })
      assert.ok(!result.ok && result.hint.endsWith(` ${issuer}`), JSON.stringify(result))
    }
    pages[openId] = metadata(`https://x.example/\n${'y'.repeat(2000)}`)
    const long = await test({ issuer: server.origin })
    assert.ok(!long.ok)
    assert.match(long.hint, / https:\/\/x\.example\/ y{280}…$/)
  })

  it('says what is wrong with a token endpoint of another scheme', async () => {
    for (const token_endpoint of ['ftp://files.example/token', 'data:text/plain,x']) {
      pages[openId] = json({ issuer: server.origin, token_endpoint })
      const result = await test({ issuer: server.origin })
      assert.ok(!result.ok)
      assert.equal(result.code, 'OAUTH_REQUEST_PROTOCOL_FORBIDDEN')
      assert.match(result.description, /^127\.0\.0\.1:\d+: its metadata .* that is not https:\.$/)
      assert.equal(result.hint, 'Check Issuer URL, or fill in Token URL.')
    }
  })

  it('does not ask for an issuer that is not a URL', async () => {
    pages[openId] = metadata('MyCompany')
    const result = await test({ issuer: server.origin })
    assert.ok(!result.ok)
    assert.equal(result.code, 'ERR_ISSUER_MISMATCH')
    assert.match(result.description, /the issuer in .* differs from Issuer URL/)
    assert.match(result.hint, /^Check Issuer URL; or enter the full well-known URL/)
    assert.doesNotMatch(result.hint, /MyCompany/)
  })

  it('sends no secrets or headers of the settings', async () => {
    pages[openId] = metadata(server.origin)
    const secret = { name: 'X-Key', value: 'key-of-the-gateway-1' }
    await test({ issuer: server.origin, headers: [secret], extraParams: [secret] })
    const [discovery] = server.seen
    assert.equal(discovery?.url, openId)
    assert.doesNotMatch(JSON.stringify(discovery.headers), /not-so-secret|key-of|authorization/i)
    assert.equal(discovery.form.size, 0)
  })

  it('says what to do when there is no document', async () => {
    const result = await test({ issuer: server.origin })
    assert.ok(!result.ok)
    assert.deepEqual([result.code, result.status], ['ERR_DISCOVERY', 404])
    assert.match(result.hint, /Issuer URL/)
  })

  it('says what to do with a web page, a document without a token endpoint, and a redirect', async () => {
    const at = '/.well-known/openid-configuration'
    pages[at] = text('<html>', 'text/html')
    assert.match(JSON.stringify(await test({ issuer: server.origin })), /Issuer URL/)
    pages[at] = json({ issuer: server.origin })
    assert.match(JSON.stringify(await test({ issuer: server.origin })), /Token URL/)
    pages[at] = text('', 'text/plain', 302, { location: 'https://www.example/' })
    const redirected = await test({ issuer: server.origin })
    assert.ok(!redirected.ok)
    assert.equal(redirected.code, 'ERR_REDIRECT')
    assert.match(redirected.hint, /Issuer URL.*https:\/\/www\.example\/$/)
  })

  it('sends nothing without TLS if the issuer uses TLS, not even to this machine', async () => {
    const fetch = tokenFetch(httpClient, 'https://login.example', new AbortController().signal)
    await assert.rejects(
      fetch(`${server.origin}/token`, { method: 'POST', headers: {}, body: null }),
      {
        code: 'CONFIG',
        message: `The address ${server.origin} that the issuer names must begin with https://, like the issuer.`
      }
    )
  })

  it('sends nothing to a token endpoint that is not safe, and quotes no login of it', async () => {
    for (const [token_endpoint, message] of [
      [
        'http://token.example:81/x?secret=1',
        /http:\/\/token\.example:81 that .* must begin with https/
      ],
      ['https://own-user@token.example/', /https:\/\/token\.example that .* user name or password/],
      ['https://:own-word@token.example/', /https:\/\/token\.example that .* user name or password/]
    ] as const) {
      pages[openId] = json({ issuer: server.origin, token_endpoint })
      const result = await test({ issuer: server.origin })
      assert.ok(!result.ok)
      assert.equal(result.code, 'CONFIG')
      assert.match(result.description, message)
      assert.doesNotMatch(result.description, /own-|secret/)
    }
  })

  it('rereads the document after 24 hours, and uses the old one while that fails', async () => {
    const clock = new FakeClock()
    const at = '/.well-known/openid-configuration'
    pages[at] = metadata(server.origin)
    const source = new TokenSource(given({ issuer: server.origin }), { httpClient, clock })
    await source.token()
    clock.pass(86_399_000)
    await source.token()
    assert.equal(asked().filter((url) => url === at).length, 1)
    clock.pass(1000)
    await source.token()
    assert.equal(asked().filter((url) => url === at).length, 2)
    clock.pass(86_400_000)
    pages[at] = text('', 'text/plain', 503)
    await source.token()
    assert.equal(asked().filter((url) => url === at).length, 3)
    source.close()
  })

  it('keeps the old document after a 404 in place of a new one', async () => {
    const clock = new FakeClock()
    pages[openId] = metadata(server.origin)
    const source = new TokenSource(given({ issuer: server.origin }), { httpClient, clock })
    await source.token()
    clock.pass(86_400_000)
    // As a gateway answers during a rollout, first without a route, then without a server.
    pages[openId] = text('', 'text/plain', 404)
    await assert.rejects(source.token(), { code: 'ERR_DISCOVERY', status: 404 })
    clock.pass(60_000)
    pages[openId] = text('', 'text/plain', 503)
    await source.token()
    source.close()
  })

  it('does not use the old document if the new one is wrong', async () => {
    const clock = new FakeClock()
    pages[openId] = metadata(server.origin)
    const source = new TokenSource(given({ issuer: server.origin }), { httpClient, clock })
    await source.token()
    clock.pass(86_400_000)
    pages[openId] = metadata('https://another.example')
    await assert.rejects(source.token(), { code: 'ERR_ISSUER_MISMATCH', permanent: true })
    source.close()
  })

  it('fails while the first document cannot be read', async () => {
    for (const status of [500, 503]) {
      pages[openId] = text('', 'text/plain', status)
      const source = new TokenSource(given({ issuer: server.origin }), { httpClient })
      await assert.rejects(source.token(), {
        code: 'ERR_HTTP_STATUS',
        status,
        permanent: false,
        message: new RegExp(`metadata cannot be read now .HTTP ${status}`),
        hint: /has a problem; the request will be retried/
      })
      source.close()
    }
  })

  it('accepts nothing else as a document', async () => {
    const token_endpoint = `${server.origin}/token`
    for (const [document, message] of [
      ...['[]', 'null', '"text"', '{'].map((one): [Fault, RegExp] => [
        text(one, 'application/json'),
        /HTTP 200, not JSON/
      ]),
      [json({ issuer: server.origin, token_endpoint }, 201), /HTTP 201\)/],
      [json({ issuer: server.origin, token_endpoint }, 404), /HTTP 404\)/],
      [json({ issuer: server.origin, token_endpoint: '/token' }), /names no token endpoint/],
      [json({ issuer: server.origin, token_endpoint: 7 }), /names no token endpoint/]
    ] satisfies [Fault, RegExp][]) {
      pages[openId] = document
      const source = new TokenSource(given({ issuer: server.origin }), { httpClient })
      await assert.rejects(source.token(), { code: 'ERR_DISCOVERY', permanent: true, message })
      source.close()
    }
  })

  for (const status of [404, 410]) {
    it(`reads the document anew after the token endpoint has answered ${status}`, async () => {
      pages[openId] = metadata(server.origin)
      const source = new TokenSource(given({ issuer: server.origin }), { httpClient })
      await source.token()
      pages['/token'] = text('', 'text/plain', status)
      pages['/moved'] = granted
      pages[openId] = json({ issuer: server.origin, token_endpoint: `${server.origin}/moved` })
      await assert.rejects(source.token(), { code: 'ERR_HTTP_STATUS', status })
      source.clearBackOff()
      assert.equal(await source.token(), 'a-token-in-good-order')
      assert.deepEqual(asked().slice(-3), ['/token', openId, '/moved'])
      source.close()
    })
  }

  it('performs one discovery for any number of callers', async () => {
    pages['/.well-known/openid-configuration'] = metadata(server.origin)
    const source = new TokenSource(given({ issuer: server.origin }), { httpClient })
    await Promise.all(Array.from({ length: 20 }, () => source.token()))
    assert.deepEqual(asked(), ['/.well-known/openid-configuration', '/token'])
    source.close()
  })
})
