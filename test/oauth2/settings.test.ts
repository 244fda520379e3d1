import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { describe, it } from 'node:test'
import { checkSettings } from '../../src/oauth2/check-settings.ts'
import type { TokenSettings } from '../../src/oauth2/token-settings.ts'
import { claim, named, tokenSettings } from '../support/token-settings.ts'

type Given = Partial<TokenSettings>

const privateKey = generateKeyPairSync('ed25519').privateKey.export({
  type: 'pkcs8',
  format: 'pem'
}) as string

/** Why these settings, beside complete ones, can never get a token; an empty text if they can. */
function problem(given: Given): string {
  const complete = { issuer: 'https://login.example', clientSecret: 'not-so-secret' }
  const settings = tokenSettings({ ...complete, ...given })
  return checkSettings(settings).join(' ')
}

describe('settings that can work', () => {
  const endpoint: Given = { issuer: '', tokenEndpoint: 'https://login.example/token' }
  const jwtBearer: Given = { grantType: 'jwt_bearer', privateKey }
  for (const given of [
    {},
    endpoint,
    { issuer: 'http://localhost:8080/realms/x' },
    { clientSecret: '', privateKey },
    { clientSecret: '', hasClientCertificate: true },
    { clientSecret: '', ...jwtBearer },
    { clientSecret: '', clientAuth: 'none' },
    { clientAuth: 'client_secret_basic', clientId: 'a:b' },
    { clientAuth: 'client_secret_basic_raw' },
    { clientAuth: 'client_secret_post' },
    { clientAuth: 'client_secret_jwt', signingAlg: 'HS256' },
    { clientAuth: 'client_secret_jwt', signingAlg: 'HS512' },
    { clientAuth: 'client_secret_jwt', assertionAudience: 'issuer' },
    { clientAuth: 'private_key_jwt', privateKey, assertionAudience: 'issuer' },
    { clientAuth: 'tls_client_auth', hasClientCertificate: true },
    { clientAuth: 'client_assertion_file', assertionFile: '/run/token' },
    // Algorithm and audience do not matter if nothing is signed.
    { signingAlg: 'HS512' },
    { signingAlg: 'PS256' },
    { ...endpoint, assertionAudience: 'issuer' },
    // The algorithm is that of the key.
    { ...jwtBearer, clientAuth: 'client_secret_jwt', signingAlg: 'EdDSA' },
    { extraParams: [named('a', 'x${Y}')], assertionClaims: [claim('b', '')] },
    { grantType: 'password', username: 'interface', password: 'x' },
    { headers: [named('dpop', 'x')] }
  ] satisfies Given[]) {
    it(JSON.stringify({ ...given, privateKey: 'privateKey' in given }), () => {
      assert.equal(problem(given), '')
    })
  }
})

describe('settings that cannot work: the field is named', () => {
  const byIssuer: Given = {
    issuer: '',
    tokenEndpoint: 'https://x.example',
    assertionAudience: 'issuer'
  }
  const secretNeeded = /^Client secret: Enter the client secret\.$/
  const keyNeeded = /^Private key: Paste the private key, or load it from a file\.$/
  const issuerNeeded = /^Assertion for: There is no issuer URL: choose “Other…”/
  for (const [given, words] of [
    [{ issuer: '' }, /^Issuer URL: Enter the issuer URL or the token URL\.$/],
    [
      { issuer: 'login.example' },
      /^Issuer URL: This is not a URL\. It must start with https:\/\/$/
    ],
    [
      { issuer: 'http://login.example' },
      /^Issuer URL: Plain http:\/\/ is accepted for this machine only/
    ],
    [{ issuer: 'https://:pw@login.example' }, /^Issuer URL: Do not put a user name/],
    [{ tokenEndpoint: 'http://10.0.0.1/token' }, /^Token URL: Plain http:\/\/ is accepted/],
    [{ tokenEndpoint: 'https://a:b@login.example/token' }, /^Token URL: Do not put a user name/],
    [{ clientId: '' }, /^Client ID: Enter the client ID\.$/],
    [{ clientSecret: '' }, secretNeeded],
    [{ clientSecret: '', clientAuth: 'client_secret_basic' }, secretNeeded],
    [{ clientSecret: '', clientAuth: 'client_secret_basic_raw' }, secretNeeded],
    [{ clientSecret: '', clientAuth: 'client_secret_post' }, secretNeeded],
    [{ clientSecret: '', clientAuth: 'client_secret_jwt' }, secretNeeded],
    [{ clientAuth: 'private_key_jwt' }, keyNeeded],
    [
      { clientAuth: 'tls_client_auth' },
      /^TLS: Choose a configuration with a client certificate and its key\.$/
    ],
    [{ clientAuth: 'client_assertion_file' }, /^Assertion file: Enter the path of the file\.$/],
    [{ clientAuth: 'client_secret_basic_raw', clientId: 'a:b' }, /^Client ID: .* colon\.$/],
    [{ grantType: 'jwt_bearer' }, keyNeeded],
    [{ grantType: 'password', password: 'x' }, /^User name: Enter the user name\.$/],
    [{ grantType: 'password', username: 'x' }, /^Password: Enter the password\.$/],
    [
      { clientAuth: 'client_secret_jwt', signingAlg: 'RS256' },
      /^Algorithm: A JWT signed with the client secret uses HS256, HS384 or HS512\.$/
    ],
    [
      { privateKey, signingAlg: 'RS384' },
      /^Algorithm: It does not fit the private key, which can sign with EdDSA, Ed25519\.$/
    ],
    [{ ...byIssuer, privateKey }, issuerNeeded],
    [{ ...byIssuer, clientAuth: 'client_secret_jwt' }, issuerNeeded],
    [{ ...byIssuer, grantType: 'jwt_bearer', privateKey }, issuerNeeded],
    [
      { assertionClaims: [claim('x', '{hunter2}', true)] },
      /^Assertion claims, x: This is not JSON/
    ],
    [
      { dpop: true, headers: [named('dPoP', 'x')] },
      /^Headers, DPoP: The node itself sets this header\.$/
    ]
  ] satisfies [Given, RegExp][]) {
    it(words.source, () => {
      assert.match(problem(given), words)
    })
  }

  it('each of them', () => {
    assert.match(
      problem({ issuer: 'x', clientId: '', clientSecret: '' }),
      /^Issuer URL: This is not a URL.* Client ID: Enter the client ID\. Client secret: Enter/
    )
  })
})
