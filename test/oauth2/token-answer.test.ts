import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { TokenSource } from '../../src/oauth2/token-source.ts'
import type { TokenError } from '../../src/oauth2/token-error.ts'
import { testToken } from '../../src/oauth2/token-client.ts'
import {
  json,
  startTokenFaultServer,
  text,
  type Fault,
  type TokenFaultServer
} from '../support/token-fault-server.ts'
import { tokenHttpClient, tokenSettings } from '../support/token-settings.ts'

const TOKEN = 'AQoDYXdzE-PTO!kenWithABang'
const good = { access_token: TOKEN, token_type: 'Bearer', expires_in: 300 }

/** What real token servers answer, and openid-client alone would refuse. */
describe('answers of real token servers', () => {
  let server: TokenFaultServer
  const httpClient = tokenHttpClient()

  before(async () => {
    server = await startTokenFaultServer(json(good))
  })
  after(async () => {
    httpClient.close()
    await server.close()
  })

  function settings(): ReturnType<typeof tokenSettings> {
    return tokenSettings({ tokenEndpoint: `${server.origin}/token`, clientSecret: 'not-so-secret' })
  }

  /** Gets a token. @returns it, and the warnings */
  async function answered(fault: Fault): Promise<{ token: string; warnings: string[] }> {
    server.answer = fault
    const warnings: string[] = []
    const source = new TokenSource(settings(), {
      httpClient,
      onWarning: (warning) => warnings.push(warning)
    })
    const token = await source.token()
    source.close()
    return { token, warnings }
  }

  async function refusal(fault: Fault): Promise<TokenError> {
    server.answer = fault
    const source = new TokenSource(settings(), { httpClient })
    try {
      await source.token()
    } catch (error) {
      return error as TokenError
    } finally {
      source.close()
    }
    return assert.fail('There should be no token.')
  }

  for (const [what, fault, warning] of [
    ['token_type BearerToken', json({ ...good, token_type: 'BearerToken' }), /BearerToken/],
    ['no token_type', json({ access_token: TOKEN, expires_in: 300 }), /no token_type/],
    ['token_type null', json({ ...good, token_type: null }), /no token_type/],
    ['expires_in null', json({ ...good, expires_in: null }), /expires_in/],
    ['expires_in empty', json({ ...good, expires_in: '' }), /expires_in/],
    ['expires_in negative', json({ ...good, expires_in: -1 }), /expires_in/],
    ['expires_in "3599s"', json({ ...good, expires_in: '3599s' }), /expires_in/],
    ['expires_in a date', json({ ...good, expires_in: '2030-01-01T00:00:00Z' }), /expires_in/],
    ['expires_in seconds since 1970', json({ ...good, expires_in: 1_900_000_000 }), /expires_in/],
    ['scope null', json({ ...good, scope: null }), /scope/],
    ['scope a list', json({ ...good, scope: ['a', 'b'] }), /scope/],
    ['refresh_token null', json({ ...good, refresh_token: null }), /refresh_token/],
    ['id_token a number', json({ ...good, id_token: 7 }), /id_token/],
    ['status 201', json(good, 201), /201/],
    ['status 203', json(good, 203), /203/],
    [
      'a form-encoded answer',
      text(
        `access_token=${encodeURIComponent(TOKEN)}&token_type=bearer&expires_in=300`,
        'text/plain'
      ),
      /form-encoded/
    ],
    [
      'an answer in UTF-16',
      text(Buffer.from(`\uFEFF${JSON.stringify(good)}`, 'utf16le'), 'application/json'),
      /UTF-16/
    ],
    ['a bare token', text(`${TOKEN}\n`, 'text/plain'), /bare token/],
    ['a bare token as a JSON string', text(`"${TOKEN}"`, 'application/json'), /bare token/]
  ] as const) {
    it(`accepts ${what} and warns once`, async () => {
      const { token, warnings } = await answered(fault)
      assert.equal(token, TOKEN)
      assert.equal(warnings.length, 1, warnings.join('\n'))
      assert.match(warnings[0] ?? '', warning)
      assert.ok(!warnings.join().includes(TOKEN))
    })
  }

  for (const [what, fault] of [
    ['token_type in capitals', json({ ...good, token_type: 'BEARER' })],
    ['expires_in as a string', json({ ...good, expires_in: '3600' })],
    ['no expires_in', json({ access_token: TOKEN, token_type: 'bearer' })],
    [
      'an unsigned id_token and a refresh_token',
      json({ ...good, id_token: 'x', refresh_token: 'y' })
    ],
    ['a byte order mark', text(`\uFEFF${JSON.stringify(good)}`, 'application/json')],
    ['JSON under text/html', text(JSON.stringify(good), 'text/html')]
  ] as const) {
    it(`accepts ${what} without a warning`, async () => {
      assert.deepEqual(await answered(fault), { token: TOKEN, warnings: [] })
    })
  }

  it('warns of a deviation once, however often it occurs', async () => {
    server.answer = json({ access_token: TOKEN, expires_in: 0 })
    const warnings: string[] = []
    const source = new TokenSource(settings(), {
      httpClient,
      onWarning: (warning) => warnings.push(warning)
    })
    await source.token()
    await source.token()
    source.close()
    assert.equal(warnings.length, 1)
  })

  it('warns of a deviation in a refusal too', async () => {
    server.answer = json({ error: 'invalid_scope' })
    const warnings: string[] = []
    const source = new TokenSource(settings(), {
      httpClient,
      onWarning: (warning) => warnings.push(warning)
    })
    await assert.rejects(source.token(), { code: 'invalid_scope' })
    source.close()
    assert.match(
      warnings.join(),
      /^Token server 127\.0\.0\.1:\d+: It sends an error with status 200\.$/
    )
  })

  for (const [what, fault, code, status] of [
    [
      '200 with an error',
      json({ error: 'invalid_scope', error_description: 'no such scope' }),
      'invalid_scope',
      200
    ],
    [
      'an error under another content type',
      text('{"error":"invalid_client"}', 'text/plain', 401),
      'invalid_client',
      401
    ],
    [
      'an error in a form',
      text('error=invalid_client&error_description=who', 'text/plain', 400),
      'invalid_client',
      400
    ],
    [
      'a 401 with a challenge and the error in the body',
      json({ error: 'invalid_client' }, 401, { 'www-authenticate': 'Basic realm="x"' }),
      'invalid_client',
      401
    ],
    [
      "Okta's errorCode",
      json({ errorCode: 'invalid_client', errorSummary: 'no' }, 401),
      'invalid_client',
      401
    ],
    ['a DPoP token', json({ ...good, token_type: 'DPoP' }), 'ERR_TOKEN_ANSWER', 200],
    [
      'a token with a line break',
      json({ ...good, access_token: 'evil\r\nX-Header: 1' }),
      'ERR_TOKEN_ANSWER',
      200
    ],
    [
      'a token with a space',
      json({ ...good, access_token: 'two words and more' }),
      'ERR_TOKEN_ANSWER',
      200
    ],
    ['a token that is a number', json({ ...good, access_token: 42 }), 'ERR_TOKEN_ANSWER', 200],
    ['JSON without a token', json({ hello: 'world' }), 'ERR_TOKEN_ANSWER', 200],
    ['a list', json([good]), 'ERR_TOKEN_ANSWER', 200],
    ['nothing', text('', 'application/json'), 'ERR_TOKEN_ANSWER', 200],
    ['status 204', text('', 'application/json', 204), 'ERR_TOKEN_ANSWER', 204],
    ['a short word', text('OK', 'text/plain'), 'ERR_TOKEN_ANSWER', 200]
  ] as const) {
    it(`refuses ${what}`, async () => {
      const error = await refusal(fault)
      assert.equal(error.code, code)
      assert.equal(error.status, status)
      assert.equal(
        error.permanent,
        !['nothing', 'status 204', 'a list', 'a short word'].includes(what)
      )
    })
  }

  it('treats an invalid HTTP status as a problem of the server', async () => {
    const error = await refusal(text('denied', 'text/plain', 999))
    assert.equal(error.code, 'ERR_HTTP_STATUS')
    assert.equal(error.status, 999)
    assert.equal(error.permanent, false)
    assert.match(error.hint, /has a problem; the request will be retried/)
  })

  it('says that an empty 403 gives no reason', async () => {
    const error = await refusal(text('', 'text/plain', 403))
    assert.match(error.message, /refused \(HTTP 403\): no reason given/)
    assert.equal(error.code, 'ERR_HTTP_STATUS')
    assert.equal(error.permanent, true)
  })

  it('names the target of a redirect, and does not follow it', async () => {
    const before = server.seen.length
    const error = await refusal(
      text('', 'text/plain', 307, { location: 'https://login.example/token?secret=x' })
    )
    assert.equal(error.code, 'ERR_REDIRECT')
    assert.match(error.message, /redirects to https:\/\/login\.example\/token \(HTTP 307\)/)
    assert.match(error.hint, /Token URL/)
    assert.equal(server.seen.length, before + 1)
  })

  it('says what to do with a web page', async () => {
    server.answer = text('<!doctype html><title>Log in</title>', 'text/html')
    const result = await testToken(settings(), httpClient)
    assert.ok(!result.ok)
    assert.match(result.description, /web page/)
    assert.match(result.hint, /Check Token URL/)
  })

  it('keeps the description, cleaned', async () => {
    const error = await refusal(
      json(
        {
          error: 'invalid_client',
          error_description: `AADSTS7000215: Invalid secret 'not-so-secret'\r\nprovided. ${'x '.repeat(500)}`
        },
        401
      )
    )
    assert.match(error.description ?? '', /^AADSTS7000215: Invalid/)
    assert.ok(!(error.description ?? '').includes('not-so'))
    assert.ok((error.description ?? '').length <= 300)
    assert.ok(!/[\r\n]/.test(error.description ?? ''))
  })
})
