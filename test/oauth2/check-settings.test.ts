import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { describe, it } from 'node:test'
import { checkSettings } from '../../src/oauth2/check-settings.ts'
import type { TokenSettings } from '../../src/oauth2/token-settings.ts'
import { tokenSettings } from '../support/token-settings.ts'

const complete = { issuer: 'https://login.example', clientSecret: 'not-so-secret' }
const privateKey = generateKeyPairSync('ed25519').privateKey.export({
  type: 'pkcs8',
  format: 'pem'
}) as string

describe('checkSettings', () => {
  it('finds nothing in complete settings', () => {
    for (const given of [
      {},
      { issuer: '', tokenEndpoint: 'https://login.example/token' },
      { issuer: 'http://localhost:8080/realms/x' },
      { issuer: 'http://127.0.0.1' },
      { issuer: 'http://[::1]:9000' },
      { clientSecret: '', privateKey },
      { clientSecret: '', hasClientCertificate: true },
      { clientSecret: '', grantType: 'jwt_bearer', privateKey },
      { clientSecret: '', clientAuth: 'none' },
      { grantType: 'password', username: 'interface', password: 'x' }
    ] satisfies Partial<TokenSettings>[]) {
      assert.deepEqual(checkSettings(tokenSettings({ ...complete, ...given })), [])
    }
  })

  for (const [given, problem] of [
    [{ issuer: '' }, /Fill in Issuer URL or Token URL/],
    [{ issuer: 'login.example' }, /Issuer URL: not a URL/],
    [{ issuer: 'http://login.example' }, /Issuer URL: must start with https/],
    [{ issuer: 'http://127.0.0.1.example' }, /https/],
    [{ issuer: 'file:///etc/passwd' }, /https/],
    [{ tokenEndpoint: 'http://10.0.0.1/token' }, /Token URL: must start with https/],
    [{ tokenEndpoint: 'https://a:b@login.example/token' }, /Token URL: must not hold a user name/],
    [{ clientId: '' }, /Client ID/],
    [{ clientSecret: '' }, /Client secret or Private key.*certificate/],
    [{ clientSecret: '', clientAuth: 'client_secret_post' }, /Fill in Client secret/],
    [{ clientAuth: 'private_key_jwt' }, /Fill in Private key/],
    [{ clientAuth: 'tls_client_auth' }, /TLS: choose/],
    [{ clientAuth: 'other' as never }, /Authentication: "other"/],
    [{ grantType: 'other' as never }, /Grant: "other"/],
    [{ grantType: 'jwt_bearer' }, /Fill in Private key: Grant/],
    [{ grantType: 'password', password: 'x' }, /User name/],
    [{ grantType: 'password', username: 'x' }, /Password/],
    [{ privateKey: 'x' }, /Private key: not PEM/],
    [{ privateKey, signingAlg: 'RS384' }, /Algorithm: RS384 does not fit/],
    [{ clientAuth: 'client_secret_jwt', signingAlg: 'HS512' }, /Algorithm/],
    [
      { issuer: '', tokenEndpoint: 'https://x.example', privateKey, assertionAudience: 'issuer' },
      /Fill in Issuer URL/
    ],
    [{ clientAuth: 'client_secret_basic_raw', clientId: 'a:b' }, /colon/],
    [{ defaultLifetime: 0 }, /Default lifetime/],
    [{ defaultLifetime: Number.NaN }, /Default lifetime/],
    [{ extraParams: [{ name: '', value: 'x' }] }, /parameter has no name/],
    [
      { clientSecret: '${HL7_SECRET}' },
      /^Client secret: the environment variable HL7_SECRET is not set/
    ],
    [{ extraParams: [{ name: 'tenant', value: '${TENANT}' }] }, /tenant.*TENANT is not set/]
  ] satisfies [Partial<TokenSettings>, RegExp][]) {
    it(`names the field: ${problem.source}`, () => {
      const problems = checkSettings(tokenSettings({ ...complete, ...given }))
      assert.equal(problems.length, 1, problems.join('\n'))
      assert.match(problems[0] ?? '', problem)
    })
  }
})
