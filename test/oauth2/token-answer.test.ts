import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { systemClock } from '../../src/clock.ts'
import { TokenClient } from '../../src/oauth2/token-client.ts'
import { TokenSource } from '../../src/oauth2/token-source.ts'
import { TokenError } from '../../src/oauth2/token-error.ts'
import {
  json,
  startTokenFaultServer,
  text,
  type Fault,
  type TokenFaultServer
} from '../support/token-fault-server.ts'
import { tokenHttpClient, tokenSettings } from '../support/token-settings.ts'

const TOKEN = 'AQoDYXdzE-PTO!kenWithABang9'
const good = { access_token: TOKEN, token_type: 'Bearer', expires_in: 300, scope: 'hl7' }

/** What real token servers answer, and openid-client alone would often refuse. */
describe('the answer', () => {
  let server: TokenFaultServer
  const httpClient = tokenHttpClient()

  before(async () => {
    server = await startTokenFaultServer(json(good))
  })
  after(async () => {
    httpClient.close()
    await server.close()
  })

  interface Outcome {
    token?: string
    lifetime?: number | undefined
    scope?: string
    error?: TokenError
    quirks: string[]
  }

  async function outcome(fault: Fault, dpop = false): Promise<Outcome> {
    server.answer = fault
    const settings = tokenSettings({
      tokenEndpoint: `${server.origin}/token`,
      clientSecret: 'not-so-secret',
      dpop
    })
    const quirks: string[] = []
    const client = new TokenClient(settings, httpClient, systemClock, (_host, quirk) => {
      quirks.push(quirk)
    })
    try {
      const { accessToken, expiresIn, scope } = await client.obtain(new AbortController().signal)
      return { token: accessToken, lifetime: expiresIn, scope, quirks }
    } catch (error) {
      assert.ok(error instanceof TokenError)
      return { error, quirks }
    }
  }

  const noSeconds = 'Its expires_in is not a number of seconds; the default lifetime is used.'
  const noType = 'It sends no token_type; Bearer is assumed.'
  const noScope = 'Its scope is not a string and is ignored.'
  const bare = 'It sends the bare token instead of a JSON object.'
  const form = 'It sends a form-encoded answer instead of JSON.'
  const withStatus = (status: number): string =>
    `It sends the token with status ${status} instead of 200.`

  for (const [sender, fault, quirk, lifetime] of [
    ['as in RFC 6749', json(good), '', 300],
    ['with token_type in capitals', json({ ...good, token_type: 'BEARER' }), '', 300],
    ['of Entra ID v1: expires_in as a string', json({ ...good, expires_in: '3599' }), '', 3599],
    ['of Salesforce: no expires_in', json({ ...good, expires_in: undefined }), ''],
    [
      'with refresh_token and id_token, whatever they are',
      json({ ...good, refresh_token: null, id_token: 7 }),
      '',
      300
    ],
    ['of Apigee: BearerToken', json({ ...good, token_type: 'BearerToken' }), /"BearerToken"/, 300],
    ['of home-made servers: no token_type', json({ ...good, token_type: undefined }), noType, 300],
    ['of home-made servers: token_type null', json({ ...good, token_type: null }), noType, 300],
    ['with expires_in null', json({ ...good, expires_in: null }), noSeconds],
    ['with expires_in empty', json({ ...good, expires_in: '' }), noSeconds],
    ['with expires_in negative', json({ ...good, expires_in: -1 }), noSeconds],
    ['with expires_in "3599s"', json({ ...good, expires_in: '3599s' }), noSeconds],
    ['with expires_in a date', json({ ...good, expires_in: '2030-01-01T00:00:00Z' }), noSeconds],
    ['with expires_in since 1970', json({ ...good, expires_in: 1_900_000_000 }), noSeconds],
    ['with scope null', json({ ...good, scope: null }), noScope, 300],
    ['with scope a list', json({ ...good, scope: ['a', 'b'] }), noScope, 300],
    ['of gateways: 201', json(good, 201), withStatus(201), 300],
    ['of gateways: 203', json(good, 203), withStatus(203), 300],
    [
      'of old servers: a form',
      text(`expires_in=60&access_token=${TOKEN}&token_type=bearer`, 'text/plain'),
      form,
      60
    ],
    ['of a CDC sandbox: the bare token', text(`${TOKEN}\r\n`, 'text/plain'), bare],
    [
      'of a CDC sandbox: a bare JWT',
      text('eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2ln', 'text/html'),
      bare
    ],
    [
      'of ASP.NET Core: the bare token as a JSON string',
      text(JSON.stringify(TOKEN), 'application/json'),
      bare
    ],
    ['with a byte order mark', text(`\uFEFF${JSON.stringify(good)}`, 'application/json'), '', 300],
    ['under the type of a page', text(JSON.stringify(good), 'text/html'), '', 300]
  ] satisfies [string, Fault, string | RegExp, number?][]) {
    it(`${sender}: gives a token`, async () => {
      const { token, lifetime: seconds, scope, quirks } = await outcome(fault)
      assert.ok(token === TOKEN || token?.startsWith('eyJ'), token)
      assert.equal(seconds, lifetime)
      assert.equal(scope, [noScope, form, bare].includes(String(quirk)) ? '' : 'hl7')
      assert.equal(quirks.length, quirk === '' ? 0 : 1, quirks.join('\n'))
      if (quirk !== '') assert.match(quirks.join(), new RegExp(quirk))
      assert.doesNotMatch(quirks.join(), /kenWith/)
    })
  }

  const refused = { error: 'invalid_client', error_description: 'who' }
  const status200 = 'It sends an error with status 200.'
  for (const [sender, fault, code, status, words, quirk = ''] of [
    ['as in RFC 6749', json(refused, 400), 'invalid_client', 400, 'who'],
    [
      'with a challenge beside it',
      json(refused, 401, { 'www-authenticate': 'Basic realm="x"' }),
      'invalid_client',
      401,
      'who'
    ],
    [
      'of Glewlwyd: as text',
      text(JSON.stringify(refused), 'text/plain', 401),
      'invalid_client',
      401,
      'who'
    ],
    ['with a token too', json({ ...good, ...refused }, 400), 'invalid_client', 400, 'who'],
    [
      'of home-made servers: with status 200',
      json(refused),
      'invalid_client',
      200,
      'who',
      status200
    ],
    [
      'of home-made servers: a number, with status 200',
      json({ error: 401, message: 'client is locked' }),
      'ERR_HTTP_STATUS',
      200,
      'client is locked',
      status200
    ],
    [
      'of home-made servers: a sentence',
      json({ error: 'Invalid client credentials' }, 401),
      'ERR_HTTP_STATUS',
      401,
      'Invalid client credentials'
    ],
    [
      'of old servers: a form',
      text('error=invalid_client&error_description=not+you', 'text/plain', 400),
      'invalid_client',
      400,
      'not you',
      form
    ],
    [
      'of Okta',
      json({ errorCode: 'E0000004', errorSummary: 'Authentication failed' }, 401),
      'E0000004',
      401,
      'Authentication failed'
    ],
    [
      'of Okta, with status 200',
      json({ errorCode: 'E0000004', errorSummary: 'Authentication failed' }),
      'E0000004',
      200,
      'Authentication failed',
      status200
    ],
    [
      'of Apigee',
      json({ ErrorCode: 'invalid_client', Error: 'ClientId is Invalid' }, 401),
      'invalid_client',
      401,
      'ClientId is Invalid'
    ],
    [
      'of Google',
      json({ error: { code: 401, message: 'no key', status: 'UNAUTHENTICATED' } }, 401),
      'UNAUTHENTICATED',
      401,
      'no key'
    ],
    [
      'of Microsoft',
      json({ error: { code: 'Unauthorized', message: 'no key' } }, 401),
      'Unauthorized',
      401,
      'no key'
    ],
    [
      'of Amazon API Gateway',
      json({ Message: 'User is not authorized' }, 403),
      'ERR_HTTP_STATUS',
      403,
      'User is not authorized'
    ],
    [
      'of Azure API Management',
      json({ statusCode: 401, message: 'no key' }, 401),
      'ERR_HTTP_STATUS',
      401,
      'no key'
    ],
    ['empty', text('', 'text/plain', 403), 'ERR_HTTP_STATUS', 403, undefined],
    [
      'with an empty error',
      json({ error: '', error_description: 'd' }, 400),
      'ERR_HTTP_STATUS',
      400,
      'd'
    ]
  ] satisfies [string, Fault, string, number, string | undefined, string?][]) {
    it(`${sender}: is a refusal`, async () => {
      const { error, quirks } = await outcome(fault)
      assert.deepEqual([error?.code, error?.status], [code, status])
      assert.equal(error?.description, words)
      assert.equal(error?.permanent, true)
      assert.deepEqual(quirks, quirk === '' ? [] : [quirk])
    })
  }

  const page = /answered with a web page/
  const notJson = /something that is not JSON/
  const noToken = /without an access_token/
  const badToken = /characters that a token must not have/
  const otherType = /not a Bearer token/
  const notDpop = /not a DPoP token, although DPoP is on/
  for (const [what, fault, message, permanent] of [
    ['nothing', text(' \r\n', 'application/json'), /sent an empty answer/, false],
    ['nothing with status 204', text('', 'text/plain', 204), /sent an empty answer/, false],
    ['a page', text('<!doctype html><title>Log in</title>', 'text/html'), page, false],
    ['a word', text('OK', 'text/plain'), notJson, false],
    ['a token of 15 characters', text('abcdefghijklm15', 'text/plain'), notJson, false],
    ['an error in words', text('invalid_client_credentials', 'text/plain'), notJson, false],
    ['a sentence with digits', text('error 500 at the gateway', 'text/plain'), notJson, false],
    ['broken JSON', text('{"access_token":"abcdefghijklmno1', 'text/plain'), notJson, false],
    ['a number', text('12345678901234567890', 'text/plain'), notJson, false],
    ['a list', json([good]), notJson, false],
    ['a form without a token', text('a=1&my_access_token=2 3', 'text/plain'), notJson, false],
    ['no token', json({ message: 'welcome' }), noToken, true],
    ['no error', json({ error: false, message: 'welcome' }), noToken, true],
    ['an empty token', json({ ...good, access_token: '' }), noToken, true],
    ['a token of null', json({ ...good, access_token: null }), noToken, true],
    ['a token with a space', json({ ...good, access_token: 'a b' }), badToken, true],
    ['a header in a token', json({ ...good, access_token: 'a\r\nX-Header: 1' }), badToken, true],
    ['a token beyond ASCII', json({ ...good, access_token: 'é' }), badToken, true],
    ['a token that is a number', json({ ...good, access_token: 42 }), badToken, true],
    ['a DPoP token', json({ ...good, token_type: 'DPoP' }), otherType, true],
    ['another type', json({ ...good, token_type: 'MAC' }), otherType, true],
    ['a type that is a number', json({ ...good, token_type: 7 }), otherType, true]
  ] satisfies [string, Fault, RegExp, boolean][]) {
    it(`${what}: is no token`, async () => {
      const { error } = await outcome(fault)
      assert.equal(error?.code, 'ERR_TOKEN_ANSWER')
      assert.match(error.message, message)
      assert.equal(error.permanent, permanent)
      assert.match(error.hint, permanent ? /Token URL|Bearer tokens/ : /^Check Token URL/)
    })
  }

  it('of Bearer or no type is no token with DPoP', async () => {
    for (const token_type of ['Bearer', 'BearerToken', undefined]) {
      const { error } = await outcome(json({ ...good, token_type }), true)
      assert.match(error?.message ?? '', notDpop)
      assert.match(error?.hint ?? '', /untick "DPoP/)
      assert.equal(error?.permanent, true)
    }
    assert.equal((await outcome(json({ ...good, token_type: 'dpop' }), true)).token, TOKEN)
  })

  it('may be a redirect, which is not followed', async () => {
    const before = server.seen.length
    const location = 'https://login.example/token?secret=x'
    const { error } = await outcome(text('', 'text/plain', 307, { location }))
    assert.equal(error?.code, 'ERR_REDIRECT')
    assert.match(error.message, /redirects to https:\/\/login\.example\/token \(HTTP 307\)/)
    assert.match(error.hint, /Token URL/)
    assert.equal(server.seen.length, before + 1)
  })

  it('deviates: there is one warning, however often', async () => {
    server.answer = json({ access_token: TOKEN, expires_in: 0 })
    const warnings: string[] = []
    const settings = { tokenEndpoint: `${server.origin}/token`, clientSecret: 'not-so-secret' }
    const source = new TokenSource(tokenSettings(settings), {
      httpClient,
      onWarning: (warning) => warnings.push(warning)
    })
    await source.token()
    await source.token()
    source.close()
    assert.equal(warnings.length, 1)
    assert.match(warnings.join(), /^Token server 127\.0\.0\.1:\d+: It sends no token_type; Bearer/)
  })

  it('has a description, which is kept, cleaned', async () => {
    const said = `AADSTS7000215: Invalid secret 'not-so-secret'\r\nprovided. ${'x '.repeat(500)}`
    const { error } = await outcome(json({ ...refused, error_description: said }, 401))
    const description = error?.description ?? ''
    assert.match(description, /^AADSTS7000215: Invalid/)
    assert.doesNotMatch(description, /not-so|[\r\n]/)
    assert.ok(description.length <= 300)
  })
})
