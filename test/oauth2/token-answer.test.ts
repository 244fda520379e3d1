import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { testToken } from '../../src/oauth2/token-test.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { json, text, type Fault } from '../support/token-fault-server.ts'
import { RECEIVER } from '../support/token-settings.ts'
import { tokenTest } from '../support/token-test.ts'

const TOKEN = 'AQoDYXdzE-PTO!kenWithABang9'
/** Letters and digits. */
const OPAQUE = 'AQoDYXdzEPTOkenWithABang9'
const JWT = 'eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2ln'
const good = { access_token: TOKEN, token_type: 'Bearer', expires_in: 300, scope: 'hl7' }

/** An ordinary answer, but for these members. */
const but = (members: object): Fault => json({ ...good, ...members })
const plain = (body: string): Fault => text(body, 'text/plain')
const page = (body: string): Fault => text(body, 'text/html')

const noType = 'It sends no token_type; Bearer is assumed.'
const noSeconds =
  "Its expires_in is not a number of seconds; the token's own exp is used instead, or 300 seconds."
const noScope = 'Its scope is not a string and is ignored.'
const bareToken = 'It sends the bare token instead of a JSON object.'
const form = 'It sends a form-encoded answer instead of JSON.'
const bearerToken = 'Its token_type is "BearerToken"; the token is used as Bearer.'
const status200 = 'It sends an error with status 200.'

/** What real token servers answer, and openid-client alone would often refuse. */
describe('the answer', () => {
  const test = tokenTest()

  const byteOrderMark = text(`\uFEFF${JSON.stringify(good)}`, 'application/json')
  const bareJson = text(JSON.stringify(OPAQUE), 'application/json')
  const oldForm = plain(`expires_in=60&access_token=${TOKEN}&token_type=bearer`)

  for (const [sender, answer, seconds, quirk] of [
    ['RFC 6749', json(good), 300],
    ['token_type in capitals', but({ token_type: 'BEARER' }), 300],
    ['Entra ID v1: expires_in as a string', but({ expires_in: '3599' }), 3599],
    ['a lifetime of less than a second', but({ expires_in: '0.5' }), 0.5],
    ['Salesforce: no expires_in', but({ expires_in: undefined }), undefined],
    ['other tokens beside it, whatever they are', but({ refresh_token: null, id_token: 7 }), 300],
    ['Apigee: BearerToken', but({ token_type: 'BearerToken' }), 300, bearerToken],
    ['home-made: no token_type', but({ token_type: undefined }), 300, noType],
    ['home-made: token_type null', but({ token_type: null }), 300, noType],
    ['expires_in null', but({ expires_in: null }), undefined, noSeconds],
    ['expires_in empty', but({ expires_in: '' }), undefined, noSeconds],
    ['expires_in negative', but({ expires_in: -1 }), undefined, noSeconds],
    ['expires_in "3599s"', but({ expires_in: '3599s' }), undefined, noSeconds],
    ['expires_in a date', but({ expires_in: '2030-01-01T00:00:00Z' }), undefined, noSeconds],
    ['expires_in since 1970', but({ expires_in: 1_900_000_000 }), undefined, noSeconds],
    ['scope null', but({ scope: null }), 300, noScope],
    ['scope a list', but({ scope: ['a', 'b'] }), 300, noScope],
    ['gateways: 201', json(good, 201), 300, 'It sends the token with status 201 instead of 200.'],
    ['gateways: 203', json(good, 203), 300, 'It sends the token with status 203 instead of 200.'],
    ['old servers: a form', oldForm, 60, form],
    ['a CDC sandbox: the bare token', plain(`${OPAQUE}\r\n`), undefined, bareToken],
    ['a CDC sandbox: the shortest', plain(OPAQUE.slice(-20)), undefined, bareToken],
    ['a CDC sandbox: a bare JWT', page(JWT), undefined, bareToken],
    ['a CDC sandbox: a bare JWT, encrypted', plain(`${JWT}.x.y`), undefined, bareToken],
    ['ASP.NET Core: the bare token as a JSON string', bareJson, undefined, bareToken],
    ['a byte order mark', byteOrderMark, 300],
    ['the content type of a page', page(JSON.stringify(good)), 300]
  ] satisfies [string, Fault, number | undefined, string?][]) {
    it(`gives a token: ${sender}`, async () => {
      const { got, quirks } = await test.ask(answer)
      const bare = [`${JWT}.x.y`, JWT, OPAQUE, OPAQUE.slice(-20)]
      assert.ok(
        quirk === bareToken ? bare.includes(got?.accessToken ?? '') : got?.accessToken === TOKEN
      )
      assert.ok(got)
      assert.equal(got.expiresIn, seconds)
      assert.equal(got.scope, [noScope, form, bareToken].includes(quirk ?? '') ? '' : 'hl7')
      assert.deepEqual(quirks, quirk === undefined ? [] : [quirk])
    })
  }

  const refused = { error: 'invalid_client', error_description: 'who' }
  const challenged = json(refused, 401, { 'www-authenticate': 'Basic realm="x"' })
  const google = { code: 401, message: 'no key', status: 'UNAUTHENTICATED' }
  const okta = { errorCode: 'E0000004', errorSummary: 'Authentication failed' }
  const apigee = { ErrorCode: 'invalid_client', Error: 'ClientId is Invalid' }
  const oldRefusal = text('error=invalid_client&error_description=not+you', 'text/plain', 400)
  const glewlwyd = text(JSON.stringify(refused), 'text/plain', 401)

  for (const [sender, answer, status, code, words, quirk] of [
    ['RFC 6749', json(refused, 400), 400, 'invalid_client', 'who'],
    ['a challenge beside it', challenged, 401, 'invalid_client', 'who'],
    ['Glewlwyd: as text', glewlwyd, 401, 'invalid_client', 'who'],
    ['a token too', json({ ...good, ...refused }, 400), 400, 'invalid_client', 'who'],
    ['home-made: with status 200', json(refused), 200, 'invalid_client', 'who', status200],
    ['home-made: a number', json({ error: 401, message: 'locked' }), 200, '', 'locked', status200],
    ['home-made: a sentence', json({ error: 'Who are you?' }, 401), 401, '', 'Who are you?'],
    ['old servers: a form', oldRefusal, 400, 'invalid_client', 'not you', form],
    ['Okta', json(okta, 401), 401, 'E0000004', 'Authentication failed'],
    ['Okta, with status 200', json(okta), 200, 'E0000004', 'Authentication failed', status200],
    ['Apigee', json(apigee, 401), 401, 'invalid_client', 'ClientId is Invalid'],
    ['Google', json({ error: google }, 401), 401, 'UNAUTHENTICATED', 'no key'],
    ['Microsoft', json({ error: { ...google, code: 'NoKey' } }, 401), 401, 'NoKey', 'no key'],
    ['Amazon API Gateway', json({ Message: 'no key' }, 403), 403, '', 'no key'],
    ['Azure API Management', json({ statusCode: 401, message: 'no key' }, 401), 401, '', 'no key'],
    ['nothing', text('', 'text/plain', 403), 403, '', undefined],
    ['an empty error', json({ error: '', error_description: 'd' }, 400), 400, '', 'd']
  ] satisfies [string, Fault, number, string, string | undefined, string?][]) {
    it(`is a refusal: ${sender}`, async () => {
      const { error, quirks } = await test.ask(answer)
      assert.equal(error?.code, code === '' ? 'ERR_HTTP_STATUS' : code)
      assert.equal(error.status, status)
      assert.equal(error.description, words)
      assert.equal(error.permanent, true)
      assert.deepEqual(quirks, quirk === undefined ? [] : [quirk])
    })
  }

  const empty = ['sent an empty answer', 'notTokenServer', false] as const
  const aPage = ['answered with a web page instead of a token', 'notTokenServer', false] as const
  const notJson = ['answered with something that is not JSON', 'notTokenServer', false] as const
  const noToken = ['answered without an access_token', 'unusable.no-token', true] as const
  const badCharacters = 'sent a token with characters that a token must not have'
  const badToken = [badCharacters, 'askOperator', true] as const
  const otherType = [
    'sent a token that is not a Bearer token',
    'unusable.token-type',
    true
  ] as const
  const noDpop = 'sent a token that is not a DPoP token, although DPoP is on'
  const notDpop = [noDpop, 'unusable.not-dpop', true] as const

  for (const [what, answer, [words, hint, permanent], dpop = false] of [
    ['nothing', text(' \r\n', 'application/json'), empty],
    ['nothing, with status 204', text('', 'text/plain', 204), empty],
    ['a page', page('<!doctype html><title>Log in</title>'), aPage],
    ['a word', plain('OK'), notJson],
    ['a token of 19 characters', plain(OPAQUE.slice(-19)), notJson],
    ['a place and a date', plain('maintenance/2024-06-01'), notJson],
    ['a code of an error', plain('ERR_503_MAINTENANCE_MODE'), notJson],
    ['letters alone', plain('TheTokenServerIsAsleep'), notJson],
    ['a version', plain('eyJ.x'), notJson],
    ['a token with other characters', plain(TOKEN), notJson],
    ['an error in words', plain('invalid_client_credentials'), notJson],
    ['a sentence with digits', plain('error 500 at the gateway'), notJson],
    ['broken JSON', plain('{"access_token":"abcdefghijklmno1'), notJson],
    ['a number', plain('12345678901234567890'), notJson],
    ['a list', json([good]), notJson],
    ['a form without a token', plain('a=1&my_access_token=2 3'), notJson],
    ['a page with a form in a link', page('<a href="/login?a=1&error=x">Log in</a>'), aPage],
    ['no token', json({ message: 'welcome' }), noToken],
    ['no error', json({ error: false, message: 'welcome' }), noToken],
    ['an empty token', but({ access_token: '' }), noToken],
    ['a token of null', but({ access_token: null }), noToken],
    ['a token with a space', but({ access_token: 'a b' }), badToken],
    ['a header in a token', but({ access_token: 'a\r\nX-Header: 1' }), badToken],
    ['a token beyond ASCII', but({ access_token: 'é' }), badToken],
    ['a token that is a number', but({ access_token: 42 }), badToken],
    ['a DPoP token', but({ token_type: 'DPoP' }), otherType],
    ['another type', but({ token_type: 'MAC' }), otherType],
    ['a type that is a number', but({ token_type: 7 }), otherType],
    ['a Bearer token, with DPoP', json(good), notDpop, true],
    ['BearerToken, with DPoP', but({ token_type: 'BearerToken' }), notDpop, true],
    ['no type, with DPoP', but({ token_type: undefined }), notDpop, true]
  ] satisfies [string, Fault, readonly [string, string, boolean], boolean?][]) {
    it(`is no token: ${what}`, async () => {
      const error = await test.failure(answer, { dpop })
      const { host } = new URL(test.server.origin)
      assert.equal(error.code, 'ERR_TOKEN_ANSWER')
      assert.equal(error.message, `The token server ${host} ${words} (HTTP ${error.status}).`)
      assert.deepEqual(
        error.hints.map(({ key }) => key),
        [hint]
      )
      assert.equal(error.permanent, permanent)
    })
  }

  it('deviates: there is one warning, however often', async () => {
    test.server.answer = json({ access_token: TOKEN, expires_in: 0 })
    const warnings: string[] = []
    const source = test.source({}, { onWarning: (warning) => warnings.push(warning) })
    await source.forReceiver(RECEIVER).token()
    await source.forReceiver(RECEIVER).token()
    const { host } = new URL(test.server.origin)
    assert.deepEqual(warnings, [`Token server ${host}: ${noType}`])
    // Nobody has to listen.
    assert.equal(await test.source().forReceiver(RECEIVER).token(), TOKEN)
  })
})

describe('the Test button', () => {
  const test = tokenTest()

  it('shows the result of one request, and how long it took', async () => {
    const clock = new FakeClock()
    test.server.answer = (request, response) => {
      clock.pass(1234)
      json(good)(request, response)
    }
    assert.deepEqual(await testToken(test.settings(), test.httpClient, { clock }), {
      ok: true,
      tokenEndpoint: `${test.server.origin}/token`,
      clientAuth: 'client_secret_basic',
      tokenType: 'Bearer',
      expiresIn: 300,
      scope: 'hl7',
      elapsedMs: 1234
    })
  })

  for (const [what, scope, shown] of [
    ['the granted scope', 'one', 'one'],
    ['an empty one too', '', ''],
    ['or else the requested one', undefined, 'one two'],
    ['on one line, shortened', `a\u202eb\n${'x'.repeat(5000)}`, `a b ${'x'.repeat(995)}…`]
  ] as const) {
    it(`shows ${what}`, async () => {
      test.server.answer = but({ scope, expires_in: undefined })
      const result = await testToken(test.settings({ scope: 'one two' }), test.httpClient)
      assert.ok(result.ok)
      assert.deepEqual([result.scope, result.expiresIn], [shown, null])
    })
  }

  it('shows a refusal in the words of the server, with hints in any language and in English', async () => {
    test.server.answer = json({ error: 'invalid_request', error_description: 'What?' }, 400)
    assert.deepEqual(await testToken(test.settings(), test.httpClient), {
      ok: false,
      code: 'invalid_request',
      status: 400,
      description: 'What?',
      hint: 'A parameter is missing or wrong: check Authentication, Scope, Audience, Resource and Extra parameters. In use: Authentication "Client secret: Basic", Grant "Client credentials".',
      hints: [
        { key: 'invalidRequest', values: { field: 'tokenEndpoint' } },
        { key: 'inUse', values: { method: 'client_secret_basic', grant: 'client_credentials' } }
      ]
    })
  })
})
