import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { attemptFailure } from '../../src/delivery/attempt-failure.ts'
import { HttpError, type HttpErrorFacts } from '../../src/http-client/http-error.ts'
import { TokenError } from '../../src/oauth2/token-error.ts'

describe('an attempt without an answer', () => {
  const found = (facts: Partial<HttpErrorFacts>): ReturnType<typeof attemptFailure> =>
    attemptFailure(new HttpError('cut', { code: 'ECONNRESET', host: 'a.example', ...facts }))
  const error = { code: 'ECONNRESET', text: 'a.example: cut' }
  const reset = { family: 'reset', connected: true } as const

  it('was cut early where the server accepted the connection, and answered nothing', () => {
    const text = { ...error, family: 'reset' } as const
    assert.deepEqual(found(reset), { error: text, isCutEarly: true })
    assert.deepEqual(found({ ...reset, answered: true }), { error: text })
    assert.deepEqual(found({ family: 'reset' }), { error: text })
    assert.deepEqual(found({ family: 'timeout', connected: true }), {
      error: { ...error, family: 'timeout' }
    })
  })

  it('has what is known of an answer that broke off', () => {
    const answered = { ...reset, answered: true, status: 503, requestId: 'r1', retryAfterMs: 7000 }
    const { status, requestId, retryAfterMs } = found(answered)
    assert.deepEqual([status, requestId, retryAfterMs], [503, 'r1', 7000])
    for (const other of [408, 425, 429]) {
      assert.equal(found({ ...answered, status: other }).retryAfterMs, 7000)
    }
    assert.equal(found({ ...answered, status: 500 }).retryAfterMs, undefined)
    assert.equal(found({ ...answered, status: undefined }).retryAfterMs, undefined)
  })

  it('says whose proxy or certificate it was', () => {
    assert.deepEqual(found({ atProxy: true, proxyStatus: 407, isOfOwnCertificate: true }).error, {
      ...error,
      atProxy: true,
      proxyStatus: 407,
      isOfOwnCertificate: true
    })
  })

  it('had no token', () => {
    const facts = { code: 'test', hints: [], host: 'login.example' }
    for (const [permanent, isPermanent] of [
      [false, undefined],
      [true, true]
    ] as const) {
      const failure = attemptFailure(new TokenError('none', { ...facts, permanent }))
      assert.equal(failure.isPermanent, isPermanent)
      assert.deepEqual(failure.error, { code: 'test', family: 'token', text: 'none' })
    }
    const refusal = { ...facts, permanent: true, status: 401, error: 'invalid_client' }
    const refused = attemptFailure(new TokenError('no', { ...refusal, description: 'words' }))
    assert.equal(refused.status, 401)
    assert.deepEqual(refused.quotes, { error: 'invalid_client', description: 'words' })
  })

  it('is none if something else is thrown', () => {
    assert.throws(() => attemptFailure(new TypeError('own fault')), TypeError)
  })
})
