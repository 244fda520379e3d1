import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { isCertificateCode } from '../../src/oauth2/network-error.ts'
import { urlProblem } from '../../src/oauth2/check-settings.ts'
import { clientAuthMethod } from '../../src/oauth2/client-authentication.ts'
import type { TokenSettings } from '../../src/oauth2/token-settings.ts'
import { isSafeAddress } from '../../src/http-client/loopback.ts'
import { tokenSettings } from '../support/token-settings.ts'

describe('clientAuthMethod', () => {
  const table: [Partial<TokenSettings>, string[] | undefined, string | undefined][] = [
    [{}, undefined, undefined],
    [{ clientAuth: 'none', clientSecret: 'x', privateKey: 'x' }, undefined, 'none'],
    [
      { privateKey: 'x', clientSecret: 'x', hasClientCertificate: true },
      undefined,
      'private_key_jwt'
    ],
    [{ clientSecret: 'x', hasClientCertificate: true }, undefined, 'client_secret_basic'],
    [{ clientSecret: 'x' }, [], 'client_secret_basic'],
    [{ clientSecret: 'x' }, ['client_secret_post', 'client_secret_basic'], 'client_secret_basic'],
    [{ clientSecret: 'x' }, ['client_secret_post'], 'client_secret_post'],
    [{ hasClientCertificate: true }, undefined, 'tls_client_auth'],
    [{ grantType: 'jwt_bearer', privateKey: 'x' }, undefined, 'none'],
    [
      { grantType: 'jwt_bearer', privateKey: 'x', clientSecret: 'x' },
      undefined,
      'client_secret_basic'
    ],
    [
      { grantType: 'jwt_bearer', privateKey: 'x', hasClientCertificate: true },
      undefined,
      'tls_client_auth'
    ]
  ]
  for (const [given, supported, method] of table) {
    it(`of ${JSON.stringify(given)}, ${supported?.join() ?? 'any'}: ${method ?? 'none found'}`, () => {
      assert.equal(clientAuthMethod(tokenSettings(given), supported), method)
    })
  }
})

describe('isCertificateCode', () => {
  it('recognizes the certificate errors of OpenSSL and Node.js', () => {
    for (const code of [
      ...['CERT_HAS_EXPIRED', 'UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'ERR_TLS_CERT_ALTNAME_INVALID'],
      ...['SELF_SIGNED_CERT_IN_CHAIN', 'DEPTH_ZERO_SELF_SIGNED_CERT', 'INVALID_CA'],
      'HOSTNAME_MISMATCH'
    ]) {
      assert.equal(isCertificateCode(code), true, code)
    }
  })

  it('accepts nothing else', () => {
    for (const code of ['', 'EPROTO', 'X_CERT_', 'ERR_TLS_HANDSHAKE_TIMEOUT', 'ECERT_X']) {
      assert.equal(isCertificateCode(code), false, code)
    }
  })
})

describe('urlProblem', () => {
  it('accepts https, and http to this machine', () => {
    for (const address of ['https://login.example/token', 'http://localhost:8080/x']) {
      assert.deepEqual(urlProblem('Token URL', address), [])
    }
  })

  it('names the field', () => {
    const table: [string, string][] = [
      ['login.example', 'Token URL: not a URL (https://…).'],
      ['https://me@login.example', 'Token URL: must not contain a user name or password.'],
      ['https://:pw@login.example', 'Token URL: must not contain a user name or password.'],
      ['http://login.example', 'Token URL: must start with https:// (http: only to localhost).'],
      ['ftp://localhost', 'Token URL: must start with https:// (http: only to localhost).']
    ]
    for (const [address, problem] of table) {
      assert.deepEqual(urlProblem('Token URL', address), [problem])
    }
    assert.equal(isSafeAddress(new URL('ftp://localhost')), false)
  })
})
