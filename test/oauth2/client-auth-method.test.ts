import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { clientAuthMethod } from '../../src/oauth2/client-authentication.ts'
import { secretsOf } from '../../src/oauth2/secrets.ts'
import type { TokenSettings } from '../../src/oauth2/token-settings.ts'
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
