import assert from 'node:assert/strict'
import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { decodeJwt, decodeProtectedHeader, jwtVerify, type JWTPayload } from 'jose'
import type { ClientAuthMethod, TokenSettings } from '../../src/oauth2/token-settings.ts'
import type { SeenRequest } from '../support/token-fault-server.ts'
import { claim, named } from '../support/token-settings.ts'
import { tokenTest, withMetadata } from '../support/token-test.ts'

type Given = Partial<TokenSettings>

const pem = (key: KeyObject): string => key.export({ type: 'pkcs8', format: 'pem' }) as string
const rsa = pem(generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey)
const ed25519 = pem(generateKeyPairSync('ed25519').privateKey)
const ec = (namedCurve: string): string => pem(generateKeyPairSync('ec', { namedCurve }).privateKey)

const ID = 'integration-engine'
const SECRET = 'a secret of at least thirty-two characters'
const JWT_BEARER = 'urn:ietf:params:oauth:grant-type:jwt-bearer'

/** The assertion in a request, whatever it is for. */
function assertionIn({ form }: SeenRequest): string {
  return form.get('assertion') ?? form.get('client_assertion') ?? ''
}
const claimsIn = (request: SeenRequest): JWTPayload => decodeJwt(assertionIn(request))

describe('a token request', () => {
  const test = tokenTest()
  let folder: string
  let assertionFile: string
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'token-request-'))
    assertionFile = join(folder, 'token')
    await writeFile(assertionFile, 'e30.e30.e30')
  })
  after(() => rm(folder, { recursive: true }))

  /** The credentials in the header. */
  const basicOf = ({ headers }: SeenRequest): string | undefined =>
    headers.authorization?.startsWith('Basic ') === true
      ? Buffer.from(headers.authorization.slice(6), 'base64').toString()
      : headers.authorization

  const none: Given = { clientSecret: '', clientAuth: 'none' }
  const password: Given = { grantType: 'password', username: 'interface', password: 'p&=w' }
  const user = { username: 'interface', password: 'p&=w' }
  const grant: Given = { grantType: 'jwt_bearer', privateKey: rsa, clientSecret: '' }
  const signed = { client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer' }
  const file: Given = { clientAuth: 'client_assertion_file' }
  for (const [what, given, form, basic] of [
    ['Basic', {}, {}, `${ID}:not-so-secret`],
    ['Basic, raw', { clientAuth: 'client_secret_basic_raw' }, {}, `${ID}:not-so-secret`],
    [
      'Post',
      { clientAuth: 'client_secret_post' },
      { client_id: ID, client_secret: 'not-so-secret' }
    ],
    ['no client authentication', none, { client_id: ID }],
    ['a certificate', { clientSecret: '', hasClientCertificate: true }, { client_id: ID }],
    ['a file', file, { ...signed, client_id: ID, client_assertion: 'e30.e30.e30' }],
    ['a user', { ...password, ...none }, { grant_type: 'password', client_id: ID, ...user }],
    ['a user and Basic', password, { grant_type: 'password', ...user }, `${ID}:not-so-secret`],
    ['a service account', grant, { grant_type: JWT_BEARER, assertion: 'JWT' }],
    [
      'a service account and Basic',
      { ...grant, clientSecret: 'x' },
      { grant_type: JWT_BEARER, assertion: 'JWT' },
      `${ID}:x`
    ],
    ['a signed JWT', { privateKey: rsa }, { ...signed, client_id: ID, client_assertion: 'JWT' }],
    [
      'a JWT signed with the secret',
      { clientSecret: SECRET, clientAuth: 'client_secret_jwt' },
      { ...signed, client_id: ID, client_assertion: 'JWT' }
    ],
    ['a scope', { scope: 'system/*.rs hl7' }, { scope: 'system/*.rs hl7' }, `${ID}:not-so-secret`],
    [
      'an audience',
      { audience: 'https://a.example' },
      { audience: 'https://a.example' },
      `${ID}:not-so-secret`
    ]
  ] satisfies [string, Given, Record<string, string>, string?][]) {
    it(`carries what is filled in, and no more: ${what}`, async () => {
      const sent = await test.sent({ assertionFile, ...given })
      assert.equal(sent.method, 'POST')
      assert.equal(sent.headers['content-type'], 'application/x-www-form-urlencoded;charset=UTF-8')
      assert.equal(sent.headers.accept, 'application/json')
      assert.equal(sent.headers['user-agent'], 'node-red-hl7-https-out')
      assert.equal(basicOf(sent), basic)
      const seen = [...sent.form].map(([name, value]) => [
        name,
        value.startsWith('eyJ') ? 'JWT' : value
      ])
      const expected = { grant_type: 'client_credentials', ...form }
      assert.deepEqual(seen.sort(), Object.entries(expected).sort())
    })
  }

  it('carries scopes with one blank between them, as a variable over several lines may not have it', async () => {
    // RFC 6749 §3.3
    const { form } = await test.sent({ scope: 'system/*.rs\n  hl7' })
    assert.equal(form.get('scope'), 'system/*.rs hl7')
  })

  it('carries each resource', async () => {
    const { form } = await test.sent({ resource: 'urn:one  urn:two' })
    assert.deepEqual(form.getAll('resource'), ['urn:one', 'urn:two'])
  })

  for (const [clientId, clientSecret, sent] of [
    ['lab-client_7.x', '9~not_so-secret.*', 'lab-client_7.x:9~not_so-secret.*'],
    ['a:b c', "%+&=/!'()é€😀", "a%3Ab%20c:%25%2B%26=/!'()%C3%A9%E2%82%AC%F0%9F%98%80"],
    ['x', 'a:b\t\ud800', 'x:a:b%09%EF%BF%BD']
  ] as const) {
    it(`encodes for Basic only what a server that decodes would misread: ${sent}`, async () => {
      assert.equal(basicOf(await test.sent({ clientId, clientSecret })), sent)
    })
  }

  it('encodes nothing for raw Basic', async () => {
    const given: Given = { clientSecret: '%+&é', clientAuth: 'client_secret_basic_raw' }
    assert.equal(basicOf(await test.sent(given)), `${ID}:%+&é`)
  })

  it('carries the headers of the settings, which replace ours', async () => {
    const { headers } = await test.sent({
      headers: [
        named('Ocp-Apim-Subscription-Key', 'a-key-of-the-gateway'),
        named('Accept', 'application/json, */*'),
        named('x-empty', '')
      ]
    })
    assert.equal(headers['ocp-apim-subscription-key'], 'a-key-of-the-gateway')
    assert.equal(headers['x-empty'], '')
    assert.equal(headers.accept, 'application/json, */*')
    assert.match(headers.authorization ?? '', /^Basic /)
  })

  it('has parameters replaced, added and removed by name, including those of the client', async () => {
    const { form } = await test.sent({
      clientAuth: 'client_secret_post',
      scope: 'one',
      resource: 'urn:one urn:two',
      extraParams: [
        named('scope', 'two'),
        named('client_id', 'another'),
        named('resource', ''),
        named('tag', 'a'),
        named('tag', 'b')
      ]
    })
    assert.deepEqual([...form].sort(), [
      ['client_id', 'another'],
      ['client_secret', 'not-so-secret'],
      ['grant_type', 'client_credentials'],
      ['scope', 'two'],
      ['tag', 'a'],
      ['tag', 'b']
    ])
  })

  const everything: Given = { privateKey: rsa, hasClientCertificate: true }
  for (const [what, given, method, supported] of [
    ['all', everything, 'private_key_jwt'],
    ['all, but another choice', { ...everything, clientAuth: 'none' }, 'none'],
    ['a secret and a certificate', { hasClientCertificate: true }, 'client_secret_basic'],
    ['a secret', {}, 'client_secret_basic', []],
    ['a secret', {}, 'client_secret_basic', ['client_secret_post', 'client_secret_basic']],
    ['a secret', {}, 'client_secret_post', ['client_secret_post']],
    ['a certificate', { clientSecret: '', hasClientCertificate: true }, 'tls_client_auth'],
    ['a service account', grant, 'none'],
    ['a service account with a secret', { ...grant, clientSecret: 'x' }, 'client_secret_basic'],
    ['a service account with all', { ...grant, hasClientCertificate: true }, 'tls_client_auth']
  ] satisfies [string, Given, ClientAuthMethod, string[]?][]) {
    const listed = supported === undefined ? '' : `, and the server lists ${supported.join()}`
    it(`is authenticated with what is given: ${what}${listed}: ${method}`, async () => {
      const answer = withMetadata({ token_endpoint_auth_methods_supported: supported })
      const at = supported === undefined ? {} : { tokenEndpoint: '', issuer: test.server.origin }
      const { got } = await test.ask(answer, { ...at, ...given })
      assert.equal(got?.clientAuth, method)
    })
  }

  it('goes to the address for certificates if the client has one, however it authenticates', async () => {
    const alias = { mtls_endpoint_aliases: { token_endpoint: `${test.server.origin}/mtls/token` } }
    const at = { tokenEndpoint: '', issuer: test.server.origin }
    for (const other of [{ clientSecret: 'x' }, { privateKey: rsa }]) {
      const given = { ...at, ...other }
      assert.equal((await test.sent(given, withMetadata(alias))).url, '/token')
      const withCertificate = { ...given, hasClientCertificate: true }
      assert.equal((await test.sent(withCertificate, withMetadata(alias))).url, '/mtls/token')
    }
  })

  /** What is signed, and how. */
  const key: Given = { privateKey: rsa, clientSecret: '' }
  const ofSecret: Given = { clientSecret: SECRET, clientAuth: 'client_secret_jwt' }
  const both: Given = { ...grant, clientAuth: 'private_key_jwt' }
  const ways: [string, Given][] = [
    ['the client, with its key', key],
    ['the client, with its secret', ofSecret],
    ['the grant', grant]
  ]

  for (const [whose, given] of ways) {
    it(`carries another assertion each time, without nbf, issued 20 s ago and valid for 4 minutes: of ${whose}`, async () => {
      const [first, second] = [await test.sent(given), await test.sent(given)].map(claimsIn)
      assert.deepEqual(Object.keys(first ?? {}).sort(), ['aud', 'exp', 'iat', 'iss', 'jti', 'sub'])
      const now = Date.now() / 1000
      assert.ok(Math.abs((first?.iat ?? 0) - (now - 20)) < 5)
      assert.equal((first?.exp ?? 0) - (first?.iat ?? 0), 260)
      assert.deepEqual([first?.iss, first?.sub], [ID, ID])
      assert.notEqual(first?.jti, second?.jti)
    })

    for (const [assertionAudience, expected] of [
      ['', 'the token endpoint'],
      ['token_endpoint', 'the token endpoint'],
      ['issuer', 'https://issuer.example'],
      ['https://aud.example', 'https://aud.example']
    ] as const) {
      it(`carries an assertion of ${whose} for ${expected}: "${assertionAudience}"`, async () => {
        const issuer = 'https://issuer.example'
        const { aud } = claimsIn(await test.sent({ ...given, issuer, assertionAudience }))
        assert.equal(aud, expected.startsWith('https:') ? expected : `${test.server.origin}/token`)
      })
    }

    it(`carries an assertion of ${whose} with additional claims, JSON values among them`, async () => {
      const assertionClaims = [
        claim('number', '7'),
        claim('count', '7', true),
        claim('extensions', '{"hl7-b2b": {"version": "1", "ids": [true]}}', true),
        claim('aud', '["one", "two"]', true),
        claim('nbf', 'own')
      ]
      assert.partialDeepStrictEqual(claimsIn(await test.sent({ ...given, assertionClaims })), {
        number: '7',
        count: 7,
        extensions: { 'hl7-b2b': { version: '1', ids: [true] } },
        aud: ['one', 'two'],
        nbf: 'own'
      })
    })
  }

  it("has those claims in the grant's assertion alone, if it carries both", async () => {
    const { form } = await test.sent({ ...both, assertionClaims: [claim('own', 'x')] })
    assert.equal(decodeJwt(form.get('assertion') ?? '')['own'], 'x')
    assert.equal(decodeJwt(form.get('client_assertion') ?? '')['own'], undefined)
  })

  it('names the subject of a service account', async () => {
    const sent = await test.sent({ ...grant, assertionSubject: 'user@hospital.example' })
    assert.deepEqual([claimsIn(sent).iss, claimsIn(sent).sub], [ID, 'user@hospital.example'])
  })

  it('names the key if it has a name', async () => {
    for (const given of [key, grant]) {
      const headerOf = async (more: Given): Promise<unknown> =>
        decodeProtectedHeader(assertionIn(await test.sent({ ...given, ...more })))
      assert.deepEqual(await headerOf({ keyId: 'k7' }), { alg: 'RS256', typ: 'JWT', kid: 'k7' })
      assert.deepEqual(await headerOf({}), { alg: 'RS256', typ: 'JWT' })
    }
  })

  for (const [kind, privateKey, signingAlg, alg] of [
    ['RSA', rsa, '', 'RS256'],
    ...['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'].map(
      (one): [string, string, string, string] => ['RSA', rsa, one, one]
    ),
    ['P-256', ec('P-256'), '', 'ES256'],
    ['P-384', ec('P-384'), '', 'ES384'],
    ['P-521', ec('P-521'), '', 'ES512'],
    ['Ed25519', ed25519, '', 'EdDSA'],
    ['Ed25519', ed25519, 'Ed25519', 'Ed25519']
  ] satisfies [string, string, string, string][]) {
    it(`is signed with ${alg}: a key of ${kind}, Algorithm "${signingAlg}"`, async () => {
      const assertion = assertionIn(await test.sent({ clientSecret: '', privateKey, signingAlg }))
      const publicKey = createPublicKey(createPrivateKey(privateKey))
      const { protectedHeader } = await jwtVerify(assertion, publicKey)
      assert.equal(protectedHeader.alg, alg)
    })
  }

  for (const [document, kind, privateKey, algorithms, signingAlg, alg] of [
    ['smart', 'RSA', rsa, undefined, '', 'RS384'],
    ['smart', 'RSA', rsa, ['RS256', 'RS384'], '', 'RS384'],
    ['smart', 'RSA', rsa, ['RS512', 'ES384'], '', 'RS512'],
    ['smart', 'RSA', rsa, ['RS256', 'RS384'], 'RS256', 'RS256'],
    ['smart', 'P-256', ec('P-256'), undefined, '', 'ES256'],
    ['openid', 'RSA', rsa, ['RS256', 'RS384'], '', 'RS256'],
    ['openid', 'RSA', rsa, ['ES384', 'RS384'], '', 'RS384'],
    ['openid', 'RSA', rsa, ['ES384'], '', 'RS256'],
    ['openid', 'RSA', rsa, ['RS384'], 'PS512', 'PS512']
  ] satisfies [string, string, string, string[] | undefined, string, string][]) {
    it(`is signed with ${alg}: ${document}, ${kind}, listed ${algorithms?.join() ?? 'nothing'}, "${signingAlg}"`, async () => {
      const issuer = `${test.server.origin}/.well-known/${document}-configuration`
      const metadata = { token_endpoint_auth_signing_alg_values_supported: algorithms }
      const given = { tokenEndpoint: '', issuer, clientSecret: '', privateKey, signingAlg }
      const sent = await test.sent(given, withMetadata(metadata))
      assert.equal(decodeProtectedHeader(assertionIn(sent)).alg, alg)
    })
  }

  it('is signed as usual with a Token URL, whatever stands in Issuer URL', async () => {
    const { origin } = test.server
    const issuer = `${origin}/.well-known/smart-configuration`
    const sent = await test.sent({ issuer, clientSecret: '', privateKey: rsa })
    assert.equal(decodeProtectedHeader(assertionIn(sent)).alg, 'RS256')
  })

  for (const [signingAlg, algorithms, alg] of [
    ['', undefined, 'HS256'],
    ['HS384', undefined, 'HS384'],
    ['HS512', ['HS256'], 'HS512'],
    ['', ['RS256', 'HS512'], 'HS512']
  ] as const) {
    it(`is signed with ${alg} and the secret: listed ${algorithms?.join() ?? 'nothing'}, "${signingAlg}"`, async () => {
      const metadata = { token_endpoint_auth_signing_alg_values_supported: algorithms }
      const given = { ...ofSecret, tokenEndpoint: '', issuer: test.server.origin, signingAlg }
      const sent = await test.sent(given, withMetadata(metadata))
      const { protectedHeader } = await jwtVerify(assertionIn(sent), Buffer.from(SECRET))
      assert.deepEqual(protectedHeader, { alg, typ: 'JWT' })
    })
  }

  it('has the location of a SMART document as issuer, which that does not name', async () => {
    const issuer = `${test.server.origin}/x/.well-known/smart-configuration#part`
    const given: Given = { tokenEndpoint: '', issuer, ...key, assertionAudience: 'issuer' }
    const sent = await test.sent(given, withMetadata({ issuer: undefined }))
    assert.equal(claimsIn(sent).aud, `${test.server.origin}/x`)
  })
})
