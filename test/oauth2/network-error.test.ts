import assert from 'node:assert/strict'
import { createServer } from 'node:https'
import { describe, it } from 'node:test'
import { close, listen } from '../../demo/loopback.ts'
import {
  HttpError,
  type HttpErrorFacts,
  type HttpErrorFamily
} from '../../src/http-client/http-error.ts'
import type { Hint } from '../../src/oauth2/hint.ts'
import { translateError } from '../../src/oauth2/network-error.ts'
import { testToken } from '../../src/oauth2/token-client.ts'
import { configError, type TokenError } from '../../src/oauth2/token-error.ts'
import { createAuthority } from '../support/certificates.ts'
import { startConnectProxy } from '../support/connect-proxy.ts'
import { tokenHttpClient, tokenSettings } from '../support/token-settings.ts'

const place = { host: 'login.example', field: 'issuer' } as const
const failed = (
  code: string,
  family: HttpErrorFamily | undefined,
  more: Partial<HttpErrorFacts> = {}
): TokenError => {
  const facts = { code, family, connected: false, reusedConnection: false, ...more }
  return translateError(new HttpError('login.example: some words', facts), place)
}

describe('a network failure', () => {
  const table: [HttpErrorFamily | undefined, Hint['key'], boolean, string[]][] = [
    ['connect', 'hostName', false, ['ENOTFOUND', 'EAI_AGAIN']],
    ['connect', 'unreachable', false, ['ECONNREFUSED', 'ETIMEDOUT', 'EHOSTUNREACH']],
    ['connect', 'beyondProxy', false, ['ERR_PROXY_TUNNEL']],
    ['timeout', 'slow', false, ['ETIMEDOUT']],
    ['reset', 'broken', false, ['ECONNRESET']],
    [undefined, 'broken', false, ['EWEIRD', 'X_CERT_']],
    [undefined, 'notTokenServer', false, ['ERR_RESPONSE_TOO_LARGE', 'ERR_CONTENT_DECODING']],
    ['tls', 'tlsFailed', false, ['EWEIRD', 'EPROTO', 'ECERT_X', 'ERR_TLS_HANDSHAKE_TIMEOUT']],
    [undefined, 'tlsFailed', true, ['ERR_SSL_WRONG_VERSION_NUMBER', 'ERR_SSL_BAD_CERTIFICATE']],
    ['tls', 'otherHost', true, ['ERR_TLS_CERT_ALTNAME_INVALID']],
    ['tls', 'certificateDate', true, ['CERT_HAS_EXPIRED', 'CERT_NOT_YET_VALID']],
    [
      'tls',
      'untrusted',
      true,
      [
        'SELF_SIGNED_CERT_IN_CHAIN',
        'DEPTH_ZERO_SELF_SIGNED_CERT',
        'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
        'INVALID_CA',
        'HOSTNAME_MISMATCH'
      ]
    ],
    [undefined, 'clientCertificate', true, ['ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED']]
  ]
  for (const [family, key, permanent, codes] of table) {
    it(`of ${family ?? 'no family'} has the hint ${key}: ${codes.join()}`, () => {
      for (const code of codes) {
        const error = failed(code, family)
        assert.deepEqual([error.code, error.family], [code, family])
        assert.deepEqual([error.hints[0]?.key, error.permanent], [key, permanent], code)
      }
    })
  }

  it('at the proxy is told as such, whatever the error', () => {
    for (const code of ['ECONNREFUSED', 'ENOTFOUND', 'CERT_HAS_EXPIRED', 'ETIMEDOUT']) {
      assert.deepEqual(failed(code, 'connect', { atProxy: true }).hints, [{ key: 'proxyDown' }])
    }
    const refused = failed('ERR_PROXY_TUNNEL', 'connect', { atProxy: true })
    assert.deepEqual(refused.hints, [{ key: 'proxyRefused' }])
  })

  it('names the server once, the status of an answer and the issuer of a certificate', () => {
    const code = 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'
    const error = failed(code, 'tls', { status: 502, certificateIssuer: 'Test\u202e\r\nCA' })
    assert.equal(error.message, 'Token server login.example: some words.')
    assert.equal(error.status, 502)
    assert.match(error.hint, /not trusted here\. It was issued by "Test CA"\. Add the CA/)
  })
})

describe('an error of openid-client', () => {
  it('hides none of ours, wherever it is', () => {
    const known = configError('Fill in Scope.')
    const wrapped = new Error('x', { cause: new Error('y', { cause: known }) })
    for (const error of [known, wrapped]) assert.equal(translateError(error, place), known)
    const circle = new Error('x')
    circle.cause = circle
    assert.equal(translateError(circle, place).code, 'EUNKNOWN')
  })

  it('is told by its code, and by nothing else in it', () => {
    const metadata = 'Check Issuer URL, or fill in Token URL.'
    const other = 'Check Authentication, Private key and Client secret.'
    for (const [given, code, words, hint] of [
      ['OAUTH_INVALID_SERVER_METADATA', 'same', /its metadata .* not a URL/, metadata],
      ['OAUTH_REQUEST_PROTOCOL_FORBIDDEN', 'same', /its metadata .* that is not https:/, metadata],
      ['OAUTH_INVALID_RESPONSE', 'same', /its metadata is not usable/, metadata],
      ['ERR_OSSL_UNSUPPORTED', 'same', /could not be made \(ERR_OSSL_UNSUPPORTED\)/, other],
      ['secret words', 'EUNKNOWN', /could not be made \(EUNKNOWN\)/, other],
      [`E${'X'.repeat(61)}`, 'EUNKNOWN', /could not be made \(EUNKNOWN\)/, other],
      [7, 'EUNKNOWN', /could not be made \(EUNKNOWN\)/, other]
    ] as const) {
      const error = translateError(Object.assign(new Error('secret'), { code: given }), place)
      assert.equal(error.code, code === 'same' ? given : code)
      assert.match(error.message, words)
      assert.match(error.message, /^login\.example: /)
      assert.equal(error.hint, hint)
      assert.equal(error.permanent, true)
      assert.equal(error.cause, undefined)
    }
    for (const thrown of ['secret', null]) {
      assert.equal(translateError(thrown, place).code, 'EUNKNOWN')
    }
  })
})

describe('the Test button', () => {
  it('says that the proxy is down', async () => {
    const proxy = await startConnectProxy()
    await proxy.close()
    const client = tokenHttpClient({ proxy: { url: proxy.url } })
    const tokenEndpoint = 'https://login.example/token'
    const result = await testToken(tokenSettings({ tokenEndpoint, clientSecret: 'x' }), client)
    client.close()
    assert.ok(!result.ok)
    assert.equal(result.code, 'ECONNREFUSED')
    assert.deepEqual(result.hints, [{ key: 'proxyDown' }])
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
    assert.deepEqual(result.hints, [{ key: 'clientCertificate' }])
    client.close()
    await close(strict)
  })
})
