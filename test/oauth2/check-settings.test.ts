import assert from 'node:assert/strict'
import { createPrivateKey, generateKeyPairSync } from 'node:crypto'
import { describe, it } from 'node:test'
import { checkSettings } from '../../src/oauth2/check-settings.ts'
import type { TokenSettings } from '../../src/oauth2/token-settings.ts'
import { claim, named, tokenSettings } from '../support/token-settings.ts'

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
      { clientAuth: 'client_secret_basic' },
      { clientAuth: 'client_secret_basic_raw' },
      { clientAuth: 'client_secret_post' },
      { clientAuth: 'client_secret_jwt', signingAlg: 'HS256' },
      { clientAuth: 'client_secret_jwt', assertionAudience: 'issuer' },
      { clientAuth: 'client_secret_basic', clientId: 'a:b' },
      { clientAuth: 'private_key_jwt', privateKey, assertionAudience: 'issuer' },
      { clientAuth: 'tls_client_auth', hasClientCertificate: true },
      // Algorithm and audience do not matter if nothing is signed.
      { signingAlg: 'HS512' },
      { issuer: '', tokenEndpoint: 'https://login.example/token', assertionAudience: 'issuer' },
      { grantType: 'jwt_bearer', clientAuth: 'client_secret_jwt', privateKey, signingAlg: 'EdDSA' },
      { defaultLifetime: 0.5 },
      { extraParams: [named('a', 'x${Y}')], assertionClaims: [claim('b', '')] },
      { grantType: 'password', username: 'interface', password: 'x' }
    ] satisfies Partial<TokenSettings>[]) {
      assert.deepEqual(checkSettings(tokenSettings({ ...complete, ...given })), [])
    }
  })

  for (const [given, problem] of [
    [{ issuer: '' }, /Fill in Issuer URL or Token URL/],
    [{ issuer: 'login.example' }, /Issuer URL is not valid/],
    [{ issuer: 'http://login.example' }, /Issuer URL must begin with https/],
    [{ issuer: 'http://127.0.0.1.example' }, /https/],
    [{ issuer: 'file:///etc/passwd' }, /https/],
    [{ issuer: 'ftp://localhost' }, /Issuer URL must begin with https/],
    [{ issuer: 'https://:pw@login.example' }, /Issuer URL contains a user name/],
    [{ tokenEndpoint: 'http://10.0.0.1/token' }, /Token URL must begin with https/],
    [{ tokenEndpoint: 'https://a:b@login.example/token' }, /Token URL contains a user name/],
    [{ clientId: '' }, /Fill in Client ID/],
    [{ clientSecret: '' }, /Client secret or Private key.*certificate/],
    ...(
      [
        'client_secret_basic',
        'client_secret_basic_raw',
        'client_secret_post',
        'client_secret_jwt'
      ] as const
    ).map((clientAuth): [Partial<TokenSettings>, RegExp] => [
      { clientSecret: '', clientAuth },
      /Fill in Client secret: Auth/
    ]),
    [{ clientAuth: 'private_key_jwt' }, /Fill in Private key: Authentication/],
    [{ clientAuth: 'tls_client_auth' }, /TLS: choose/],
    [{ grantType: 'jwt_bearer' }, /Fill in Private key: Grant/],
    [{ grantType: 'password', password: 'x' }, /Fill in User name/],
    [{ grantType: 'password', username: 'x' }, /Fill in Password/],
    [{ privateKey: 'x' }, /Private key: not PEM/],
    [{ privateKey, signingAlg: 'RS384' }, /Algorithm: it does not fit/],
    [{ clientAuth: 'client_secret_jwt', signingAlg: 'HS512' }, /Algorithm: a JWT signed/],
    [
      { issuer: '', tokenEndpoint: 'https://x.example', privateKey, assertionAudience: 'issuer' },
      /Fill in Issuer URL: Assertion for/
    ],
    [
      {
        issuer: '',
        tokenEndpoint: 'https://x.example',
        clientAuth: 'client_secret_jwt',
        assertionAudience: 'issuer'
      },
      /Fill in Issuer URL: Assertion for/
    ],
    [
      {
        issuer: '',
        tokenEndpoint: 'https://x.example',
        grantType: 'jwt_bearer',
        privateKey,
        assertionAudience: 'issuer'
      },
      /Fill in Issuer URL: Assertion for/
    ],
    [{ clientAuth: 'client_secret_basic_raw', clientId: 'a:b' }, /colon/],
    [
      { assertionClaims: [claim('extensions', '{hunter2}', true)] },
      /^Claim extensions: the value is not JSON\.$/
    ]
  ] satisfies [Partial<TokenSettings>, RegExp][]) {
    it(`names the field: ${problem.source}`, () => {
      const problems = checkSettings(tokenSettings({ ...complete, ...given }))
      assert.equal(problems.length, 1, problems.join('\n'))
      assert.match(problems[0] ?? '', problem)
    })
  }

  it('lists every problem', () => {
    const given = { issuer: 'x', clientId: '', clientSecret: '' }
    assert.equal(checkSettings(tokenSettings(given)).length, 3)
  })

  it('reads the key with its passphrase', () => {
    const encrypted = createPrivateKey(privateKey).export({
      type: 'pkcs8',
      format: 'pem',
      cipher: 'aes-256-cbc',
      passphrase: 'open sesame'
    }) as string
    const problems = (privateKeyPassphrase: string): string[] =>
      checkSettings(tokenSettings({ ...complete, privateKey: encrypted, privateKeyPassphrase }))
    assert.deepEqual(problems('open sesame'), [])
    assert.match(problems('').join(), /Fill in Passphrase/)
  })
})
