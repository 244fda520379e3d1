import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { answerError, type AnswerFacts, redirectError } from '../../src/oauth2/answer-error.ts'
import type { TokenAnswerUnusable } from '../../src/oauth2/token-answer.ts'
import { Redactor } from '../../src/redactor.ts'
import type { TokenError } from '../../src/oauth2/token-error.ts'
import { tokenSettings } from '../support/token-settings.ts'

const url = 'https://login.example:8443/token?tenant=x'
const now = Date.UTC(2026, 0, 2, 3, 4, 5)

function refused(
  answer: { error?: string; description?: string },
  status = 400,
  headers: Record<string, string> = {},
  given: Partial<AnswerFacts> = {}
): TokenError {
  return answerError(
    { kind: 'refused', error: answer.error, description: answer.description },
    { status, headers },
    url,
    {
      settings: tokenSettings(),
      clientAuth: 'private_key_jwt',
      now,
      redactor: new Redactor([]),
      ...given
    }
  )
}

describe('answerError of a refusal', () => {
  it('names the server, status and reason', () => {
    const error = refused({ error: 'invalid_scope', description: 'No such scope.' })
    assert.equal(
      error.message,
      'The token server login.example:8443 refused (HTTP 400): invalid_scope.'
    )
    assert.equal(error.code, 'invalid_scope')
    assert.equal(error.status, 400)
    assert.equal(error.description, 'No such scope.')
    assert.match(error.hint, /scope/)
    assert.equal(error.permanent, true)
    assert.equal(error.retryAfterMs, undefined)
  })

  it('has no code if the server sends none', () => {
    const silent = refused({})
    assert.match(silent.message, /: no reason given\.$/)
    assert.equal(silent.description, undefined)
    const described = refused({ description: 'who?' })
    assert.match(described.message, /: see its description\.$/)
    for (const { code } of [silent, described]) assert.equal(code, 'ERR_HTTP_STATUS')
  })

  it('takes code and description from the challenge if the body has none', () => {
    const said = (challenge: string, answer = {}): [string, string | undefined] => {
      const headers = { 'www-authenticate': challenge }
      const { code, description } = refused(answer, 401, headers, {
        redactor: new Redactor(['my-secret-word'])
      })
      return [code, description]
    }
    const bearer = 'Bearer realm="o", error="invalid_client", error_description="Bad credentials"'
    assert.deepEqual(said(bearer), ['invalid_client', 'Bad credentials'])
    assert.deepEqual(said('Bearer error=invalid_client'), ['invalid_client', undefined])
    assert.deepEqual(said('error = "invalid_client"'), ['invalid_client', undefined])
    assert.deepEqual(said('Bearer a="b",Error="x_y"'), ['x_y', undefined])
    for (const challenge of ['Basic realm="error"', 'Bearer my_error="x"', 'Bearer error=""']) {
      assert.deepEqual(said(challenge), ['ERR_HTTP_STATUS', undefined], challenge)
    }
    const own = { error: 'invalid_scope', description: 'none' }
    assert.deepEqual(said(bearer, own), ['invalid_scope', 'none'])
    const echo = 'Bearer error="my-secret-word", error_description="no my-secret-word"'
    assert.deepEqual(said(echo), ['ERR_HTTP_STATUS', 'no •••'])
  })

  it('does not repeat a code that is not a word or is a secret', () => {
    for (const error of [
      ...['two words', '7up', 'x\r\ny', `a${'b'.repeat(60)}`, 'é', 'my-secret-word', '', ' x', 'x ']
    ]) {
      const { code, message } = refused(
        { error },
        400,
        {},
        { redactor: new Redactor(['my-secret-word']) }
      )
      assert.equal(code, 'ERR_HTTP_STATUS', error)
      assert.match(message, /no reason given/)
    }
    for (const error of ['own_code.7-b', `a${'b'.repeat(17)}`, 'X']) {
      assert.equal(refused({ error }).code, error)
    }
  })

  it('repeats a well-known code even if it is also a secret', () => {
    for (const error of [
      ...['access_denied', 'invalid_client', 'invalid_dpop_proof', 'invalid_grant'],
      ...['invalid_request', 'invalid_scope', 'invalid_target', 'server_error', 'slow_down'],
      ...['temporarily_unavailable', 'unauthorized_client', 'unsupported_grant_type'],
      'use_dpop_nonce'
    ]) {
      assert.equal(refused({ error }, 400, {}, { redactor: new Redactor([error]) }).code, error)
    }
  })

  it('is temporary if the status or code says so', () => {
    const passes = (status: number, error?: string): boolean =>
      !refused(error === undefined ? {} : { error }, status).permanent
    for (const status of [408, 429, 500, 503, 599]) assert.equal(passes(status), true)
    for (const status of [400, 401, 403, 404, 499]) assert.equal(passes(status), false)
    for (const error of ['temporarily_unavailable', 'server_error', 'slow_down']) {
      assert.equal(passes(400, error), true)
    }
    assert.equal(passes(400, 'invalid_client'), false)
  })

  it('is temporary if a server rejects the nonce of a proof, and only then', () => {
    const permanent = (error: string, dpop: boolean): boolean =>
      refused({ error }, 400, {}, { settings: tokenSettings({ dpop }) }).permanent
    assert.equal(permanent('use_dpop_nonce', true), false)
    assert.equal(permanent('use_dpop_nonce', false), true)
    assert.equal(permanent('invalid_client', true), true)
  })

  it('compares methods and asks for a scope only where that can be the reason', () => {
    const keys = (error: string | undefined, given: Partial<AnswerFacts>): string[] =>
      refused(error === undefined ? {} : { error }, 401, {}, given).hints.map(({ key }) => key)
    for (const listed of ['tls_client_auth', 'self_signed_tls_client_auth']) {
      assert.deepEqual(keys(undefined, { clientAuth: 'tls_client_auth', supported: [listed] }), [
        'clientTls',
        'scopeToo'
      ])
    }
    assert.deepEqual(keys('odd_error', { clientAuth: 'none' }), ['clientNone'])
    const settings = tokenSettings({ keyId: 'key-1' })
    assert.deepEqual(keys('invalid_client', { settings }), ['clientKeyId'])
    assert.deepEqual(keys('invalid_client', { settings, clientAuth: 'client_secret_post' }), [
      'clientPost'
    ])
  })

  it('reads when to retry, and how far the clocks are apart', () => {
    const date = new Date(now - 90_000).toUTCString()
    const error = refused({ error: 'invalid_client' }, 401, { date, 'retry-after': '7' })
    assert.equal(error.retryAfterMs, 7000)
    assert.match(error.hint, /clock is 90 s ahead/)
    const until = new Date(now - 70_000).toUTCString()
    assert.equal(refused({}, 503, { date, 'retry-after': until }).retryAfterMs, 20_000)
    for (const headers of [{}, { date: 'yesterday' }]) {
      assert.doesNotMatch(refused({ error: 'invalid_client' }, 401, headers).hint, /clock/)
    }
  })
})

describe('answerError of an answer without a usable token', () => {
  const table: Record<
    TokenAnswerUnusable['what'],
    [says: RegExp, hint: RegExp, permanent: boolean]
  > = {
    html: [/a web page instead of a token/, /looks like a web page/, false],
    empty: [/sent an empty answer/, /should contain a token/, false],
    'not-json': [/not JSON/, /does not look like a token server/, false],
    'no-token': [/without an access_token/, /Grant and Scope/, true],
    'bad-token': [/characters that a token must not have/, /header cannot carry this token/, true],
    'token-type': [/not a Bearer token/, /issue Bearer tokens/, true],
    'not-dpop': [/not a DPoP token, although DPoP is on/, /untick "DPoP/, true]
  }
  for (const [what, [says, hint, permanent]] of Object.entries(table)) {
    it(what, () => {
      const error = answerError(
        { kind: 'unusable', what: what as TokenAnswerUnusable['what'] },
        { status: 203, headers: {} },
        url,
        { settings: tokenSettings(), clientAuth: 'none', now, redactor: new Redactor([]) }
      )
      assert.match(error.message, /^The token server login\.example:8443 .* \(HTTP 203\)\.$/)
      assert.match(error.message, says)
      assert.match(error.hint, hint)
      assert.equal(error.code, 'ERR_TOKEN_ANSWER')
      assert.equal(error.status, 203)
      assert.equal(error.permanent, permanent)
    })
  }
})

describe('redirectError', () => {
  const redirect = (status: number, location?: string): TokenError | undefined =>
    redirectError(
      { status, headers: location === undefined ? {} : { location } },
      url,
      'tokenEndpoint',
      new Redactor(['my-secret-word'])
    )

  it('names the target, without query and secrets', () => {
    const table: [string | undefined, string][] = [
      ['https://other.example/x?secret=1#secret', 'https://other.example/x'],
      ['https://me:secret@other.example', 'https://other.example/'],
      ['/token/', 'https://login.example:8443/token/'],
      ['https://my-secret-word.example/x', 'https://•••.example/x'],
      ['/my-secret-word/token', 'https://login.example:8443/•••/token'],
      [
        '/oauth2/aus1a2b3c4D5e6F7g8/v1/token',
        'https://login.example:8443/oauth2/aus1a2b3c4D5e6F7g8/v1/token'
      ],
      ['http://other.example/x', 'http://other.example/x'],
      ['javascript:alert(1)', 'nowhere'],
      ['httpss://other.example', 'nowhere'],
      ['xhttps://other.example', 'nowhere'],
      [undefined, 'nowhere'],
      ['https://', 'nowhere']
    ]
    for (const [location, target] of table) {
      const error = redirect(307, location)
      assert.ok(error)
      assert.equal(
        error.message,
        `login.example:8443 redirects to ${target} (HTTP 307), which is not followed.`
      )
      assert.ok(error.hint.includes(`into Token URL, if it is the right one: ${target}`))
      assert.equal(error.code, 'ERR_REDIRECT')
      assert.equal(error.status, 307)
      assert.equal(error.permanent, true)
    }
  })

  it('shortens a long target', () => {
    const error = redirect(307, `/${'long/'.repeat(3000)}`)
    assert.ok(error)
    assert.ok(error.message.length < 1200 && error.hint.length < 1200, error.message)
  })

  it('applies only to 3xx, except 304', () => {
    for (const status of [300, 302, 399]) assert.ok(redirect(status, '/'))
    for (const status of [200, 299, 304, 400]) assert.equal(redirect(status, '/'), undefined)
  })
})
