import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { HttpError } from '../../src/http-client/http-error.ts'
import { configError } from '../../src/oauth2/token-error.ts'
import { translateError } from '../../src/oauth2/network-error.ts'

const place = { host: 'login.example', field: 'issuer' } as const
const facts = { connected: false, reusedConnection: false }

describe('translateError', () => {
  it('finds an error of ours that openid-client has wrapped', () => {
    const known = configError('Fill in Scope.')
    assert.equal(translateError(known, place), known)
    assert.equal(
      translateError(new Error('x', { cause: new Error('y', { cause: known }) }), place),
      known
    )
  })

  it('does not follow causes endlessly', () => {
    let error: Error = configError('Fill in Scope.')
    for (let depth = 0; depth < 5; depth++) error = new Error('x', { cause: error })
    assert.equal(translateError(error, place).code, 'EUNKNOWN')
    const circle = new Error('x')
    circle.cause = circle
    assert.equal(translateError(circle, place).code, 'EUNKNOWN')
  })

  it('says what went wrong in the network, and names the server once', () => {
    for (const message of ['connect ECONNREFUSED', 'login.example: connect ECONNREFUSED']) {
      const cause = new HttpError(message, { ...facts, code: 'ECONNREFUSED', family: 'connect' })
      const error = translateError(new Error('x', { cause }), place)
      assert.equal(error.message, 'Token server login.example: connect ECONNREFUSED.')
      assert.equal(error.code, 'ECONNREFUSED')
      assert.equal(error.family, 'connect')
      assert.equal(error.permanent, false)
      assert.match(error.hint, /Issuer URL/)
    }
  })

  it('keeps the status of an answer and the issuer of a certificate', () => {
    const cause = new HttpError('cut', {
      ...facts,
      connected: true,
      code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
      status: 502,
      certificateIssuer: 'Test CA'
    })
    const { status, certificateIssuer, permanent } = translateError(cause, place)
    assert.deepEqual(
      { status, certificateIssuer, permanent },
      { status: 502, certificateIssuer: 'Test CA', permanent: true }
    )
    const tls = new HttpError('x', { ...facts, code: 'ERR_SSL_WRONG_VERSION_NUMBER' })
    assert.equal(translateError(tls, place).permanent, true)
  })

  it('explains the codes of openid-client', () => {
    const table: [string, RegExp][] = [
      ['OAUTH_INVALID_SERVER_METADATA', /not a URL/],
      ['OAUTH_REQUEST_PROTOCOL_FORBIDDEN', /a token endpoint that is not https:/],
      ['OAUTH_INVALID_RESPONSE', /not usable/]
    ]
    for (const [code, words] of table) {
      const error = translateError(Object.assign(new Error('secret'), { code }), place)
      assert.equal(error.code, code)
      assert.match(error.message, /^login\.example: its metadata/)
      assert.match(error.message, words)
      assert.equal(error.hint, 'Check Issuer URL, or fill in Token URL.')
      assert.equal(error.permanent, true)
    }
  })

  it('keeps nothing of other errors except a code that is a word', () => {
    const codes: [unknown, string][] = [
      ['ERR_OSSL_UNSUPPORTED', 'ERR_OSSL_UNSUPPORTED'],
      ['secret words', 'EUNKNOWN'],
      ['E', 'EUNKNOWN'],
      [`E${'X'.repeat(61)}`, 'EUNKNOWN'],
      [7, 'EUNKNOWN'],
      [undefined, 'EUNKNOWN']
    ]
    for (const [given, code] of codes) {
      const error = translateError(Object.assign(new Error('secret'), { code: given }), place)
      assert.equal(error.code, code)
      assert.equal(error.message, `login.example: the request could not be made (${code}).`)
      assert.match(error.hint, /Private key and Client secret/)
      assert.equal(error.cause, undefined)
    }
    assert.equal(translateError('secret', place).code, 'EUNKNOWN')
    assert.equal(translateError(null, place).code, 'EUNKNOWN')
  })
})
