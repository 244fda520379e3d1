import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { describe, it } from 'node:test'
import type { TokenSettings } from '../../src/oauth2/token-settings.ts'
import { TokenSource } from '../../src/oauth2/token-source.ts'
import { claim, named, tokenHttpClient, tokenSettings } from '../support/token-settings.ts'

type Given = Partial<TokenSettings>

const privateKey = generateKeyPairSync('ed25519').privateKey.export({
  type: 'pkcs8',
  format: 'pem'
}) as string

/** Why these settings, beside complete ones, can never get a token; an empty text if they can. */
function problem(given: Given): string {
  const complete = { issuer: 'https://login.example', clientSecret: 'not-so-secret' }
  const settings = tokenSettings({ ...complete, ...given })
  const { configError } = new TokenSource(settings, { httpClient: tokenHttpClient() })
  return configError?.message ?? ''
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
    { clientAuth: 'client_secret_jwt', assertionAudience: 'issuer' },
    { clientAuth: 'private_key_jwt', privateKey, assertionAudience: 'issuer' },
    { clientAuth: 'tls_client_auth', hasClientCertificate: true },
    { clientAuth: 'client_assertion_file', assertionFile: '/run/token' },
    // Algorithm and audience do not matter if nothing is signed.
    { signingAlg: 'HS512' },
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
  const secretNeeded = /^Fill in Client secret: Authentication needs it\.$/
  const issuerNeeded = /^Fill in Issuer URL: Assertion for "the issuer" needs it\.$/
  for (const [given, words] of [
    [{ issuer: '' }, /^Fill in Issuer URL or Token URL\.$/],
    [{ issuer: 'login.example' }, /^Issuer URL is not valid/],
    [{ issuer: 'http://login.example' }, /^Issuer URL must begin with https/],
    [{ issuer: 'https://:pw@login.example' }, /^Issuer URL contains a user name/],
    [{ tokenEndpoint: 'http://10.0.0.1/token' }, /^Token URL must begin with https/],
    [{ tokenEndpoint: 'https://a:b@login.example/token' }, /^Token URL contains a user name/],
    [{ clientId: '' }, /^Fill in Client ID\.$/],
    [{ clientSecret: '' }, /^Fill in Client secret or Private key, or .* certificate: .*with\.$/],
    [{ clientSecret: '', clientAuth: 'client_secret_basic' }, secretNeeded],
    [{ clientSecret: '', clientAuth: 'client_secret_basic_raw' }, secretNeeded],
    [{ clientSecret: '', clientAuth: 'client_secret_post' }, secretNeeded],
    [{ clientSecret: '', clientAuth: 'client_secret_jwt' }, secretNeeded],
    [{ clientAuth: 'private_key_jwt' }, /^Fill in Private key: Authentication needs it to sign\.$/],
    [{ clientAuth: 'tls_client_auth' }, /^TLS: choose/],
    [{ clientAuth: 'client_assertion_file' }, /^Fill in Assertion file: Authentication needs it/],
    [{ clientAuth: 'client_secret_basic_raw', clientId: 'a:b' }, /^Client ID: .* colon\.$/],
    [{ grantType: 'jwt_bearer' }, /^Fill in Private key: Grant needs it to sign\.$/],
    [{ grantType: 'password', password: 'x' }, /^Fill in User name: Grant needs it\.$/],
    [{ grantType: 'password', username: 'x' }, /^Fill in Password: Grant needs it\.$/],
    [{ clientAuth: 'client_secret_jwt', signingAlg: 'HS512' }, /^Algorithm: a JWT signed/],
    [{ privateKey, signingAlg: 'RS384' }, /^Algorithm: it does not fit/],
    [{ ...byIssuer, privateKey }, issuerNeeded],
    [{ ...byIssuer, clientAuth: 'client_secret_jwt' }, issuerNeeded],
    [{ ...byIssuer, grantType: 'jwt_bearer', privateKey }, issuerNeeded],
    [{ assertionClaims: [claim('x', '{hunter2}', true)] }, /^Claim x: the value is not JSON\.$/],
    [{ dpop: true, headers: [named('dPoP', 'x')] }, /^Headers: the node itself sets .*DPoP\.$/]
  ] satisfies [Given, RegExp][]) {
    it(words.source, () => {
      assert.match(problem(given), words)
    })
  }

  it('each of them', () => {
    assert.match(
      problem({ issuer: 'x', clientId: '', clientSecret: '' }),
      /^Issuer URL is not valid.* Fill in Client ID\. Fill in Client secret or/
    )
  })
})
