import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { isCertificateCode } from '../../src/oauth2/network-error.ts'
import { urlProblem } from '../../src/oauth2/check-settings.ts'
import { clientAuthMethod } from '../../src/oauth2/client-authentication.ts'
import { secretsOf } from '../../src/oauth2/secrets.ts'
import type { TokenSettings } from '../../src/oauth2/token-settings.ts'
import { isSafeAddress } from '../../src/http-client/loopback.ts'
import { claim, named, tokenSettings } from '../support/token-settings.ts'

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

describe('secretsOf', () => {
  const key = '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n'
  const settings = tokenSettings({
    clientSecret: 'a "b"',
    password: 'pass word',
    privateKeyPassphrase: 'phrase',
    privateKey: key,
    extraParams: [
      { name: 'one', value: 'four', secret: true },
      { name: 'two', value: 'abc', secret: true },
      named('three', 'in the flow file'),
      named('four', 'key-0123')
    ],
    headers: [
      named('Accept', 'application/json'),
      { name: 'X-Key', value: 'of the gateway', secret: true }
    ],
    assertionClaims: [
      { name: 'tenant', value: 'of a variable', secret: true, isJson: false },
      claim('org', 'north')
    ]
  })

  it('contains every secret, as it is and as a server may repeat it', () => {
    const secrets = secretsOf(settings, {}, undefined)
    for (const text of ['a "b"', 'a%20%22b%22', 'a+%22b%22', 'a \\"b\\"', 'pass word']) {
      assert.ok(secrets.includes(text), text)
    }
    for (const text of ['phrase', 'four', '\nAAAA\n\n']) assert.ok(secrets.includes(text), text)
    for (const text of ['of the gateway', 'of a variable', 'key-0123']) {
      assert.ok(secrets.includes(text), text)
    }
    for (const text of ['abc', 'in the flow file', 'application/json', 'north']) {
      assert.ok(!secrets.includes(text), text)
    }
  })

  it('contains what the form and the header carried', () => {
    const form = new URLSearchParams({
      client_secret: 'from-the-form',
      client_assertion: 'e1.e2.e3',
      assertion: 'f1.f2.f3',
      password: 'another',
      scope: 'no-secret'
    })
    const secrets = secretsOf(settings, { authorization: 'Basic QUJD' }, form)
    for (const text of ['from-the-form', 'e1.e2.e3', 'f1.f2.f3', 'another', 'QUJD']) {
      assert.ok(secrets.includes(text), text)
    }
    assert.ok(!secrets.includes('no-secret'))
    assert.ok(!secrets.includes('Basic'))
  })

  it('contains nothing empty', () => {
    assert.deepEqual(secretsOf(tokenSettings(), {}, undefined), [])
  })
})
