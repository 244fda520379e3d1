import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { createServer, type Server } from 'node:https'
import { beforeEach, describe, it } from 'node:test'
import { close, listen } from '../../demo/loopback.ts'
import type { Hint } from '../../src/oauth2/hint.ts'
import { tokenFetch } from '../../src/oauth2/token-fetch.ts'
import type { TokenSettings } from '../../src/oauth2/token-settings.ts'
import { createAuthority, issueExpired } from '../support/certificates.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { json, startTokenFaultServer, text, type Fault } from '../support/token-fault-server.ts'
import { RECEIVER, tokenHttpClient } from '../support/token-settings.ts'
import { granted, tokenTest, type Asked } from '../support/token-test.ts'

type Given = Partial<TokenSettings>

const privateKey = generateKeyPairSync('ed25519').privateKey.export({
  type: 'pkcs8',
  format: 'pem'
}) as string

const OPEN_ID = '/.well-known/openid-configuration'
const RFC_8414 = '/.well-known/oauth-authorization-server'
const SMART = '/.well-known/smart-configuration'

const status = (code: number, headers: Record<string, string> = {}): Fault =>
  text('', 'text/plain', code, headers)
const missing = status(404)
const forbidden = status(403)
const busy = status(503)
const redirect = status(302, { location: '/login' })
const page = text('<html>', 'text/html')
const portal = text('<html><title>Welcome</title></html>', 'text/html')
const cut: Fault = (_request, response) => response.destroy()
const another = json({ issuer: 'https://sts.example/adfs', token_endpoint: 'https://x.example' })

describe('discovery', () => {
  const test = tokenTest()
  let pages: Record<string, Fault>
  beforeEach(() => {
    pages = { '/token': granted }
  })

  /** Answers with the page of each address; `ORIGIN` in JSON is this server. */
  const answer: Fault = (request, response) => {
    const found = pages[request.url] ?? missing
    found(request, response)
  }
  const asked = (): string[] => test.server.seen.map(({ url }) => url)
  const discover = (path = '', given: Given = {}): Promise<Asked> =>
    test.ask(answer, { tokenEndpoint: '', issuer: `${test.server.origin}${path}`, ...given })
  /** Metadata of this server, of the issuer with this path, but for these members. */
  const metadata = (path = '', more: object = {}): Fault => {
    const { origin } = test.server
    return json({ issuer: `${origin}${path}`, token_endpoint: `${origin}/token`, ...more })
  }

  /** At each address, the issuer in the metadata, or a status. They are asked for in this order. */
  type Documents = Record<string, string | number>
  for (const [what, issuer, documents] of [
    ['the root', '', { [OPEN_ID]: '' }],
    ['an issuer with a path', '/realms/hl7', { [`/realms/hl7${OPEN_ID}`]: '/realms/hl7' }],
    ['without its fragment', '#part', { [OPEN_ID]: '' }],
    ['RFC 8414: 404 first', '/t', { [`/t${OPEN_ID}`]: 404, [`${RFC_8414}/t`]: '/t' }],
    ['RFC 8414: 400 first', '/t', { [`/t${OPEN_ID}`]: 400, [`${RFC_8414}/t`]: '/t' }],
    ['Spring: 403 first', '/t', { [`/t${OPEN_ID}`]: 403, [`${RFC_8414}/t`]: '/t' }],
    ['a full well-known URL: any issuer', `/x${OPEN_ID}`, { [`/x${OPEN_ID}`]: '/another' }]
  ] satisfies [string, string, Documents][]) {
    it(`finds the token endpoint: ${what}`, async () => {
      for (const [path, found] of Object.entries(documents)) {
        pages[path] = typeof found === 'number' ? status(found) : metadata(found)
      }
      const { got } = await discover(issuer)
      assert.equal(got?.tokenEndpoint, `${test.server.origin}/token`)
      assert.deepEqual(asked(), [...Object.keys(documents), '/token'])
    })
  }

  it('finds it where the metadata write the host of the issuer in capitals (AD FS)', async () => {
    const origin = test.server.origin.replace('127.0.0.1', 'localhost')
    pages[`/adfs${OPEN_ID}`] = metadata('', { issuer: `${origin.replace('local', 'LOCAL')}/adfs` })
    const { got } = await test.ask(answer, { tokenEndpoint: '', issuer: `${origin}/adfs` })
    assert.equal(got?.tokenEndpoint, `${test.server.origin}/token`)
  })

  for (const [what, first, second, code, hint, found] of [
    ['nothing', missing, missing, 'ERR_DISCOVERY', 'noMetadata', 404],
    ['the first busy', busy, undefined, 'ERR_HTTP_STATUS', 'serverProblem', 503],
    ['the first with an error', status(500), undefined, 'ERR_HTTP_STATUS', 'serverProblem', 500],
    ['the first asked too often', status(429), undefined, 'ERR_HTTP_STATUS', 'serverProblem', 429],
    ['the first timed out', status(408), undefined, 'ERR_HTTP_STATUS', 'serverProblem', 408],
    ['the first redirects', redirect, undefined, 'ERR_REDIRECT', 'redirect', 302],
    ['the first a page', page, undefined, 'ERR_DISCOVERY', 'noMetadata', 200],
    ['the first of another', another, undefined, 'ERR_ISSUER_MISMATCH', 'issuerMismatch'],
    ['the first empty', json({}), undefined, 'OAUTH_INVALID_RESPONSE', 'metadata'],
    ['the second missing', forbidden, missing, 'ERR_DISCOVERY', 'noMetadata', 404],
    ['the second busy', forbidden, busy, 'ERR_HTTP_STATUS', 'serverProblem', 503],
    ['the second redirects', forbidden, redirect, 'ERR_REDIRECT', 'redirect', 302],
    ['the second of another', forbidden, another, 'ERR_ISSUER_MISMATCH', 'issuerMismatch']
  ] satisfies [string, Fault, Fault | undefined, string, Hint['key'], number?][]) {
    it(`reports the error of the address that it asked last: ${what}`, async () => {
      pages = { [OPEN_ID]: first, [RFC_8414]: second ?? granted }
      const { error } = await discover()
      assert.deepEqual([error?.code, error?.status], [code, found])
      assert.equal(error?.hints[0]?.key, hint)
      assert.equal(error.permanent, code !== 'ERR_HTTP_STATUS')
      if (!error.permanent) {
        const { host } = new URL(test.server.origin)
        const words = `${host}: the metadata cannot be read now (HTTP ${found}).`
        assert.equal(error.message, words)
      }
      assert.deepEqual(asked(), second === undefined ? [OPEN_ID] : [OPEN_ID, RFC_8414])
    })
  }

  it('asks only at a full well-known URL', async () => {
    pages[`${RFC_8414}/x`] = metadata()
    for (const found of [missing, status(500)]) {
      pages[`/x${OPEN_ID}`] = found
      assert.ok((await discover(`/x${OPEN_ID}`)).error)
      assert.deepEqual(asked(), [`/x${OPEN_ID}`])
    }
  })

  const found = (body: string): Fault => text(body, 'application/json')
  for (const [document, words] of [
    [found('[]'), /HTTP 200, not JSON/],
    [found('null'), /HTTP 200, not JSON/],
    [found('"text"'), /HTTP 200, not JSON/],
    [found('{'), /HTTP 200, not JSON/],
    [json({ token_endpoint: 'https://x.example' }, 201), /HTTP 201\)/],
    [json({ token_endpoint: 'https://x.example' }, 404), /HTTP 404\)/]
  ] satisfies [Fault, RegExp][]) {
    it(`accepts nothing else as a document: ${words.source}`, async () => {
      pages[OPEN_ID] = document
      const { error } = await discover()
      assert.deepEqual([error?.code, error?.permanent], ['ERR_DISCOVERY', true])
      assert.match(error?.message ?? '', words)
    })
  }

  it('says when to ask again: seconds, or a date, which is compared with that of the answer', async () => {
    const date = 'Fri, 02 Jan 2015 03:04:05 GMT'
    for (const [headers, retryAfterMs] of [
      [{ 'retry-after': '7' }, 7000],
      [{ date, 'retry-after': 'Fri, 02 Jan 2015 03:04:25 GMT' }, 20_000]
    ] satisfies [Record<string, string>, number][]) {
      pages[OPEN_ID] = status(429, headers)
      assert.equal((await discover()).error?.retryAfterMs, retryAfterMs)
    }
  })

  for (const [path, key] of [
    ['/oauth2/v2.0/token', 'issuerIsTokenUrl'],
    ['/o/token/', 'issuerIsTokenUrl'],
    ['/oauth/client_credential/accesstoken', 'issuerIsTokenUrl'],
    ['/as/token.oauth2', 'issuerIsTokenUrl'],
    ['/oauth_token.do', 'issuerIsTokenUrl'],
    ['/tokens-of-hl7', 'noMetadata']
  ] satisfies [string, Hint['key']][]) {
    it(`of an issuer that looks like a token URL says so: ${path}: ${key}`, async () => {
      assert.deepEqual((await discover(path)).error?.hints, [{ key }])
    })
  }

  for (const issuer of [
    'https://dev-3k8qbz5lq1hqxk2v.us.auth0.com/',
    'https://trial-1234567.okta.com/oauth2/aus1a2b3c4d5E6f7G8h9',
    'https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_AbC123XyZ',
    `https://x.example/\n${'y'.repeat(2000)}`
  ]) {
    it(`names the issuer that it found, on one short line: ${issuer.slice(0, 50)}`, async () => {
      pages[OPEN_ID] = metadata('', { issuer })
      const { error } = await discover()
      const { host } = new URL(test.server.origin)
      const words = "the issuer in the server's metadata differs from Issuer URL"
      assert.equal(error?.message, `${host}: ${words}.`)
      const shown = issuer.replace('\n', ' ')
      const values = { found: shown.length > 300 ? `${shown.slice(0, 299)}…` : shown }
      assert.deepEqual(error.hints, [{ key: 'issuerMismatch', values }])
    })
  }

  it('does not ask for an issuer that is not a URL', async () => {
    pages[OPEN_ID] = metadata('', { issuer: 'MyCompany' })
    const { error } = await discover()
    assert.equal(error?.code, 'ERR_ISSUER_MISMATCH')
    assert.deepEqual(error.hints, [{ key: 'noMetadata' }])
  })

  it('names the target of a redirect, for Issuer URL', async () => {
    pages[OPEN_ID] = status(302, { location: 'https://www.example/' })
    const { error } = await discover()
    assert.match(error?.message ?? '', /redirects to https:\/\/www\.example\/ \(HTTP 302\)/)
    assert.deepEqual(error?.hints, [{ key: 'redirect', values: { field: 'issuer' } }])
  })

  for (const [token_endpoint, code, words, hint] of [
    [undefined, 'ERR_DISCOVERY', /names no token endpoint/, 'noTokenEndpoint'],
    ['/token', 'ERR_DISCOVERY', /names no token endpoint/, 'noTokenEndpoint'],
    [7, 'ERR_DISCOVERY', /names no token endpoint/, 'noTokenEndpoint'],
    ['ftp://a.example/', 'OAUTH_REQUEST_PROTOCOL_FORBIDDEN', /is not https:\.$/, 'metadata'],
    [
      `https://${'a'.repeat(60_000)}.example/`,
      'OAUTH_INVALID_SERVER_METADATA',
      /^.{1,100} that is not a URL\.$/,
      'metadata'
    ],
    ['data:text/plain,x', 'OAUTH_REQUEST_PROTOCOL_FORBIDDEN', /is not https:\.$/, 'metadata'],
    [
      'http://a.example:81/x?own-secret',
      'CONFIG',
      /http:\/\/a\.example:81, .* Plain http:\/\/ is accepted/
    ],
    ['https://own-user@a.example/', 'CONFIG', /https:\/\/a\.example, .* user name or password/],
    ['https://:own-word@a.example/', 'CONFIG', /https:\/\/a\.example, .* user name or password/]
  ] satisfies [unknown, string, RegExp, Hint['key']?][]) {
    it(`sends nothing to a token endpoint that is not safe: ${String(token_endpoint).slice(0, 50)}`, async () => {
      pages[OPEN_ID] = metadata('', { token_endpoint })
      const { error } = await discover()
      assert.equal(error?.code, code)
      assert.match(error.message, words)
      assert.doesNotMatch(error.message, /own-/)
      assert.equal(error.hints[0]?.key, hint)
      assert.equal(error.permanent, true)
      assert.deepEqual(asked(), [OPEN_ID])
    })
  }

  it('sends nothing without TLS if the issuer uses TLS, not even to this machine', async () => {
    const { origin } = test.server
    const fetch = tokenFetch(test.httpClient, 'https://login.example', new AbortController().signal)
    await assert.rejects(fetch(`${origin}/token`, { method: 'POST', headers: {} }), {
      code: 'CONFIG',
      message: `The issuer names the address ${origin}, which cannot be used: The URL must start with https:// If the token server is behind a proxy, its operator has to set the public address.`
    })
    // Somebody entered the Token URL.
    assert.ok((await test.ask(granted, { issuer: 'https://login.example' })).got)
  })

  it('is not needed with a Token URL, which is used as it is', async () => {
    pages['/token?tenant=1'] = granted
    const tokenEndpoint = `${test.server.origin}/token?tenant=1`
    const { got } = await test.ask(answer, { tokenEndpoint, issuer: 'https://nowhere.invalid' })
    assert.equal(got?.tokenEndpoint, tokenEndpoint)
    assert.deepEqual(asked(), ['/token?tenant=1'])
  })

  it('sends no secrets or headers of the settings', async () => {
    pages[OPEN_ID] = metadata()
    const secret = { name: 'X-Key', value: 'key-of-the-gateway-1' }
    const { requests } = await discover('', { headers: [secret], extraParams: [secret] })
    const [discovery, request] = requests
    assert.equal(discovery?.url, OPEN_ID)
    assert.doesNotMatch(JSON.stringify(discovery.headers), /not-so-secret|key-of|authorization/i)
    assert.equal(discovery.form.size, 0)
    assert.equal(request?.headers['x-key'], secret.value)
  })

  for (const unusable of [null, 7, 'client_secret_post', {}, [7], [[]]]) {
    it(`ignores members of another kind: ${JSON.stringify(unusable)}`, async () => {
      pages[OPEN_ID] = metadata('', {
        token_endpoint_auth_methods_supported: unusable,
        token_endpoint_auth_signing_alg_values_supported: unusable,
        mtls_endpoint_aliases: unusable,
        jwks_uri: unusable
      })
      const { got } = await discover('', { hasClientCertificate: true })
      assert.equal(got?.clientAuth, 'client_secret_basic')
      assert.equal(got.tokenEndpoint, `${test.server.origin}/token`)
      assert.ok((await discover('', { privateKey })).got)
    })
  }

  for (const [alias, words] of [
    [null, undefined],
    ['/token', /a token endpoint that is not a URL/],
    [7, /a token endpoint that is not a URL/]
  ] satisfies [unknown, RegExp | undefined][]) {
    it(`reads the address for certificates: ${String(alias)}`, async () => {
      pages[OPEN_ID] = metadata('', { mtls_endpoint_aliases: { token_endpoint: alias } })
      const { error } = await discover('', { hasClientCertificate: true })
      if (words === undefined) assert.equal(error, undefined)
      else assert.match(error?.message ?? '', words)
    })
  }

  it('takes the location of a SMART document as its issuer, and names no other so', async () => {
    for (const issuer of [undefined, null]) {
      pages[`/x${SMART}`] = metadata('', { issuer })
      assert.ok((await discover(`/x${SMART}#part`)).got)
    }
    pages[OPEN_ID] = metadata('', { issuer: undefined })
    assert.ok((await discover()).error)
  })
})

describe('the metadata', () => {
  const test = tokenTest()
  const once = json({ access_token: 'a-token-in-good-order', expires_in: 0 })

  /** A node that knows the metadata, and the pages that its server shows from now on. */
  async function known(changed: Record<string, Fault> = {}) {
    const { origin } = test.server
    const document = (path: string): Fault =>
      json({ issuer: origin, token_endpoint: `${origin}${path}` })
    const pages: Record<string, Fault> = { [OPEN_ID]: document('/token'), '/token': once }
    test.server.answer = (request, response) => {
      const page = pages[request.url] ?? missing
      page(request, response)
    }
    const clock = new FakeClock()
    const source = test.source({ tokenEndpoint: '', issuer: origin }, { clock })
    await source.forReceiver(RECEIVER).token()
    test.server.seen = []
    Object.assign(pages, { [OPEN_ID]: document('/moved'), '/moved': once, ...changed })
    const asked = (): string[] => test.server.seen.map(({ url }) => url)
    return { clock, source, asked, pages }
  }

  it('are read again after 24 hours', async () => {
    const { clock, source, asked } = await known()
    clock.pass(86_399_999)
    await source.forReceiver(RECEIVER).token()
    assert.deepEqual(asked(), ['/token'])
    clock.pass(1)
    await source.forReceiver(RECEIVER).token()
    assert.deepEqual(asked().slice(1), [OPEN_ID, '/moved'])
  })

  for (const [what, answer] of [
    ['is busy', busy],
    ['answers 404, as a gateway during a rollout', missing],
    ['redirects', redirect],
    ['is a portal', portal],
    ['cuts the connection', cut]
  ] satisfies [string, Fault][]) {
    it(`are used further while new ones cannot be read: their address ${what}`, async () => {
      const { clock, source, asked } = await known({ [OPEN_ID]: answer })
      clock.pass(86_400_000)
      await source.forReceiver(RECEIVER).token()
      assert.equal(asked().at(-1), '/token')
    })
  }

  it('are used further while the certificate at their address is not trusted', async (t) => {
    const authority = await createAuthority()
    const tls = await authority.issueServer()
    const answer = (body: () => object): Server =>
      createServer(tls, (request, response) => {
        request.resume().on('end', () => response.end(JSON.stringify(body())))
      })
    const addressOf = async (server: Server): Promise<string> => {
      t.after(() => close(server))
      return `https://127.0.0.1:${await listen(server)}`
    }
    const tokens = await addressOf(answer(() => ({ access_token: 'a-token', expires_in: 0 })))
    let issuer = ''
    const server = answer(() => ({ issuer, token_endpoint: tokens }))
    issuer = await addressOf(server)
    const httpClient = tokenHttpClient({ tls: { ca: authority.ca } })
    const clock = new FakeClock()
    const source = test.source({ tokenEndpoint: '', issuer }, { clock, httpClient })
    await source.forReceiver(RECEIVER).token()
    clock.pass(86_400_000)
    server.setSecureContext(await issueExpired(authority))
    await source.forReceiver(RECEIVER).token()
    httpClient.close()
  })

  it('are not used if the new ones are wrong', async () => {
    const { clock, source } = await known({ [OPEN_ID]: another })
    clock.pass(86_400_000)
    await assert.rejects(source.forReceiver(RECEIVER).token(), {
      code: 'ERR_ISSUER_MISMATCH',
      permanent: true
    })
  })

  for (const code of [400, 401, 403, 429, 500, 404, 405, 410, 501, 502, 503, 504]) {
    const isGone = [404, 405, 410, 501, 502, 503, 504].includes(code)
    it(`are ${isGone ? 'read again at once' : 'kept'} if the token endpoint answers ${code}`, async () => {
      const { clock, source, asked } = await known({ '/token': status(code) })
      clock.pass(60_000)
      const token = source.forReceiver(RECEIVER).token()
      if (isGone) await token
      else await assert.rejects(token, { code: 'ERR_HTTP_STATUS', status: code })
      assert.deepEqual(asked(), isGone ? ['/token', OPEN_ID, '/moved'] : ['/token'])
    })
  }

  for (const [what, answer] of [
    ['redirects', redirect],
    ['is a portal now', portal],
    ['is empty', status(200)],
    ['cuts the connection', cut]
  ] satisfies [string, Fault][]) {
    it(`are read again at once if the token endpoint ${what}`, async () => {
      const { clock, source, asked } = await known({ '/token': answer })
      clock.pass(60_000)
      await source.forReceiver(RECEIVER).token()
      assert.deepEqual(asked(), ['/token', OPEN_ID, '/moved'])
    })
  }

  it('are read again at once if nothing listens at the token endpoint', async (t) => {
    const first = await startTokenFaultServer(once)
    t.after(() => first.close())
    const { origin } = test.server
    let isDown = false
    test.server.answer = (request, response) => {
      const isMetadata = request.url === OPEN_ID
      const document = { issuer: origin, token_endpoint: `${isDown ? origin : first.origin}/token` }
      const page = isMetadata ? json(document) : once
      page(request, response)
    }
    const clock = new FakeClock()
    const tokens = test
      .source({ tokenEndpoint: '', issuer: origin }, { clock })
      .forReceiver(RECEIVER)
    await tokens.token()
    isDown = true
    await first.close()
    clock.pass(60_000)
    await tokens.token()
    assert.deepEqual(
      test.server.seen.map(({ url }) => url),
      [OPEN_ID, OPEN_ID, '/token']
    )
  })

  for (const [what, changed] of [
    ['tell nothing new', undefined],
    ['cannot be read', busy],
    ['are wrong', another]
  ] satisfies [string, Fault | undefined][]) {
    it(`are asked for at most once a minute if they ${what}`, async () => {
      const { origin } = test.server
      const page = changed ?? json({ issuer: origin, token_endpoint: `${origin}/token` })
      const { clock, source, asked } = await known({ [OPEN_ID]: page, '/token': missing })
      const ask = async (): Promise<void> => {
        const token = source.forReceiver(RECEIVER).token()
        await assert.rejects(token, { code: 'ERR_HTTP_STATUS', status: 404 })
        source.clearBackOff()
      }
      await ask()
      assert.deepEqual(asked(), ['/token'], 'they have just been read')
      clock.pass(60_000)
      for (let times = 0; times < 3; times++) await ask()
      assert.deepEqual(asked().slice(1), ['/token', OPEN_ID, '/token', '/token'])
      clock.pass(60_000)
      await ask()
      assert.deepEqual(asked().slice(5), ['/token', OPEN_ID])
    })
  }
})
