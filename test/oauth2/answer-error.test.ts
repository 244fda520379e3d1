import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { answerError, type AnswerFacts, redirectError } from '../../src/oauth2/answer-error.ts'
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
    const word = `${'a'.repeat(55)}-my-secret-word`
    assert.deepEqual(said(`error=${word}, error_description=${word}`), [
      'ERR_HTTP_STATUS',
      `${'a'.repeat(55)}-•••`
    ])
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
