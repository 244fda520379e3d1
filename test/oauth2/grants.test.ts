import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { after, afterEach, before, describe, it } from 'node:test'
import { decodeJwt, decodeProtectedHeader, jwtVerify } from 'jose'
import { testToken } from '../../src/oauth2/token-client.ts'
import type { TokenSettings } from '../../src/oauth2/token-settings.ts'
import {
  json,
  startTokenFaultServer,
  type SeenRequest,
  type TokenFaultServer
} from '../support/token-fault-server.ts'
import { claim, named, tokenHttpClient, tokenSettings } from '../support/token-settings.ts'

describe('token requests', () => {
  let server: TokenFaultServer
  const httpClient = tokenHttpClient()
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const privateKey = rsa.privateKey.export({ type: 'pkcs8', format: 'pem' }) as string

  before(async () => {
    server = await startTokenFaultServer(
      json({ access_token: 'a-token-in-good-order', token_type: 'Bearer', expires_in: 0 })
    )
  })
  after(async () => {
    httpClient.close()
    await server.close()
  })
  afterEach(() => {
    server.seen = []
  })

  async function request(given: Partial<TokenSettings>): Promise<SeenRequest> {
    const tokenEndpoint = `${server.origin}/token`
    const result = await testToken(tokenSettings({ tokenEndpoint, ...given }), httpClient)
    assert.ok(result.ok, JSON.stringify(result))
    const seen = server.seen.at(-1)
    assert.ok(seen)
    return seen
  }

  it('sends only what is filled in', async () => {
    const plain = await request({ clientSecret: 'not-so-secret' })
    assert.deepEqual([...plain.form], [['grant_type', 'client_credentials']])
    assert.equal(plain.headers['content-type'], 'application/x-www-form-urlencoded;charset=UTF-8')
    const full = await request({
      clientSecret: 'not-so-secret',
      scope: 'system/*.rs hl7',
      audience: 'https://api.example',
      resource: 'urn:one  urn:two'
    })
    assert.deepEqual([...full.form].sort(), [
      ['audience', 'https://api.example'],
      ['grant_type', 'client_credentials'],
      ['resource', 'urn:one'],
      ['resource', 'urn:two'],
      ['scope', 'system/*.rs hl7']
    ])
  })

  it('encodes for Basic only what a server that decodes would misread', async () => {
    const sent = async (given: Partial<TokenSettings>): Promise<string> => {
      const { authorization = '' } = (await request(given)).headers
      assert.match(authorization, /^Basic /)
      return Buffer.from(authorization.slice(6), 'base64').toString()
    }
    const ordinary = { clientId: 'lab-client_7.x', clientSecret: '9~not_so-secret.*' }
    assert.equal(await sent(ordinary), 'lab-client_7.x:9~not_so-secret.*')
    const special = { clientId: 'a:b c', clientSecret: "%+&=/!'()é€😀" }
    assert.equal(await sent(special), "a%3Ab%20c:%25%2B%26=/!'()%C3%A9%E2%82%AC%F0%9F%98%80")
    assert.equal(
      await sent({ ...ordinary, clientSecret: 'a:b\t\ud800' }),
      'lab-client_7.x:a:b%09%EF%BF%BD'
    )
    const raw = { ...ordinary, clientAuth: 'client_secret_basic_raw' } as const
    assert.equal(await sent(raw), 'lab-client_7.x:9~not_so-secret.*')
  })

  it('adds headers to the token request, but not to discovery', async () => {
    const granted = server.answer
    server.answer = (seen, response) => {
      const metadata = { issuer: server.origin, token_endpoint: `${server.origin}/token` }
      const answer = seen.url.includes('.well-known') ? json(metadata) : granted
      answer(seen, response)
    }
    const { headers } = await request({
      tokenEndpoint: '',
      issuer: server.origin,
      clientSecret: 'not-so-secret',
      headers: [
        { name: 'Ocp-Apim-Subscription-Key', value: 'a-key-of-the-gateway' },
        named('Accept', 'application/json, */*'),
        named('x-empty', '')
      ]
    })
    server.answer = granted
    assert.equal(headers['ocp-apim-subscription-key'], 'a-key-of-the-gateway')
    assert.equal(headers['x-empty'], '')
    assert.equal(headers.accept, 'application/json, */*')
    assert.match(headers.authorization ?? '', /^Basic /)
    const [discovery] = server.seen
    assert.match(discovery?.url ?? '', /well-known/)
    assert.equal(discovery?.headers['ocp-apim-subscription-key'], undefined)
  })

  it('replaces, adds and removes parameters by name, including those of the client', async () => {
    const { form } = await request({
      clientSecret: 'not-so-secret',
      clientAuth: 'client_secret_post',
      scope: 'one',
      resource: 'urn:one urn:two',
      extraParams: [
        named('scope', 'two'),
        named('client_id', 'another'),
        named('resource', ''),
        named('tenant', 'hospital'),
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
      ['tag', 'b'],
      ['tenant', 'hospital']
    ])
  })

  it('sends user name and password for the password grant, even without a client secret', async () => {
    const { form, headers } = await request({
      grantType: 'password',
      clientAuth: 'none',
      username: 'interface',
      password: 'p&=w'
    })
    assert.equal(headers.authorization, undefined)
    assert.deepEqual(Object.fromEntries(form), {
      client_id: 'integration-engine',
      grant_type: 'password',
      username: 'interface',
      password: 'p&=w'
    })
  })

  it('sends only the assertion for the jwt_bearer grant of a service account', async () => {
    const { form, headers } = await request({
      grantType: 'jwt_bearer',
      privateKey,
      keyId: 'key-7',
      assertionSubject: 'user@hospital.example',
      assertionClaims: [claim('scope', 'https://api.example/healthcare')]
    })
    assert.equal(headers.authorization, undefined)
    assert.deepEqual([...form.keys()].sort(), ['assertion', 'grant_type'])
    assert.equal(form.get('grant_type'), 'urn:ietf:params:oauth:grant-type:jwt-bearer')
    const { payload, protectedHeader } = await jwtVerify(
      form.get('assertion') ?? '',
      rsa.publicKey,
      {
        audience: `${server.origin}/token`,
        issuer: 'integration-engine',
        subject: 'user@hospital.example'
      }
    )
    assert.equal(payload['scope'], 'https://api.example/healthcare')
    assert.deepEqual(protectedHeader, { alg: 'RS256', typ: 'JWT', kid: 'key-7' })
  })

  it('can authenticate the client in addition to the assertion of the grant', async () => {
    const { form, headers } = await request({
      grantType: 'jwt_bearer',
      privateKey,
      clientSecret: 'not-so-secret'
    })
    assert.match(headers.authorization ?? '', /^Basic /)
    const { payload } = await jwtVerify(form.get('assertion') ?? '', rsa.publicKey)
    assert.equal(payload.sub, 'integration-engine')
  })

  it('signs as SMART Backend Services requires, with a new assertion for each request', async () => {
    const given = { privateKey, signingAlg: 'RS384', keyId: 'key-7' }
    const first = (await request(given)).form.get('client_assertion') ?? ''
    const second = (await request(given)).form.get('client_assertion') ?? ''
    assert.deepEqual(decodeProtectedHeader(first), { alg: 'RS384', typ: 'JWT', kid: 'key-7' })
    const read = async (assertion: string): Promise<Record<string, unknown>> => {
      const { payload } = await jwtVerify(assertion, rsa.publicKey, {
        audience: `${server.origin}/token`,
        issuer: 'integration-engine',
        subject: 'integration-engine'
      })
      assert.ok((payload.exp ?? 0) - Date.now() / 1000 <= 300)
      return payload
    }
    assert.notEqual((await read(first))['jti'], (await read(second))['jti'])
  })

  it('puts iat and exp into an assertion, but not nbf', async () => {
    const secret = { clientSecret: 'a secret of at least thirty-two characters' }
    for (const [given, name] of [
      [{ privateKey }, 'client_assertion'],
      [{ ...secret, clientAuth: 'client_secret_jwt' }, 'client_assertion'],
      [{ privateKey, grantType: 'jwt_bearer' }, 'assertion']
    ] as const) {
      const payload = decodeJwt((await request(given)).form.get(name) ?? '')
      assert.deepEqual(Object.keys(payload).sort(), ['aud', 'exp', 'iat', 'iss', 'jti', 'sub'])
      assert.equal((payload.exp ?? 0) - (payload.iat ?? 0), 240)
    }
    const assertionClaims = [claim('nbf', 'own')]
    const own = await request({ privateKey, grantType: 'jwt_bearer', assertionClaims })
    assert.equal(decodeJwt<{ nbf: unknown }>(own.form.get('assertion') ?? '').nbf, 'own')
  })

  it('puts claims, JSON values among them, into the assertion of the grant, else of the client', async () => {
    const secret = { clientSecret: 'a secret of at least thirty-two characters' }
    const assertionClaims = [
      claim('number', '7'),
      claim('count', '7', true),
      claim('extensions', '{"hl7-b2b": {"version": "1", "ids": [true]}}', true),
      claim('aud', '["one", "two"]', true)
    ]
    const expected = {
      number: '7',
      count: 7,
      extensions: { 'hl7-b2b': { version: '1', ids: [true] } },
      aud: ['one', 'two']
    }
    for (const [given, name] of [
      [{ privateKey }, 'client_assertion'],
      [{ ...secret, clientAuth: 'client_secret_jwt' }, 'client_assertion'],
      [{ privateKey, grantType: 'jwt_bearer', clientAuth: 'private_key_jwt' }, 'assertion']
    ] as const) {
      const { form } = await request({ ...given, assertionClaims })
      assert.partialDeepStrictEqual(decodeJwt(form.get(name) ?? ''), expected)
      const other = name === 'assertion' ? form.get('client_assertion') : null
      if (other !== null) assert.equal(decodeJwt(other)['count'], undefined)
    }
  })

  it('accepts a custom audience for assertions', async () => {
    const { form } = await request({ privateKey, assertionAudience: 'https://aud.example' })
    await jwtVerify(form.get('client_assertion') ?? '', rsa.publicKey, {
      audience: 'https://aud.example'
    })
  })

  it('uses the issuer as the audience of assertions, or by default the token endpoint', async () => {
    const audienceOf = async (given: Partial<TokenSettings>, name: string): Promise<unknown> => {
      const { form } = await request({ privateKey, issuer: 'https://issuer.example', ...given })
      const { payload, protectedHeader } = await jwtVerify(form.get(name) ?? '', rsa.publicKey)
      assert.ok(!('kid' in protectedHeader))
      return payload.aud
    }
    for (const [grantType, name] of [
      ['client_credentials', 'client_assertion'],
      ['jwt_bearer', 'assertion']
    ] as const) {
      assert.equal(
        await audienceOf({ grantType, assertionAudience: 'issuer' }, name),
        'https://issuer.example'
      )
      assert.equal(
        await audienceOf({ grantType, assertionAudience: '' }, name),
        `${server.origin}/token`
      )
    }
  })

  it('picks an algorithm that the server lists, and RS384 of those that SMART requires', async () => {
    let listed: string[] | undefined
    server.answer = (seen, response) => {
      const isToken = seen.url === '/token'
      json(
        isToken
          ? { access_token: 'a-token-in-good-order', token_type: 'Bearer' }
          : {
              token_endpoint: `${server.origin}/token`,
              token_endpoint_auth_signing_alg_values_supported: listed
            }
      )(seen, response)
    }
    const { privateKey: p256 } = generateKeyPairSync('ec', {
      namedCurve: 'P-256',
      privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
      publicKeyEncoding: { type: 'spki', format: 'pem' }
    })
    const table: [string, string, string[] | undefined, string, string][] = [
      ['smart', privateKey, undefined, '', 'RS384'],
      ['smart', privateKey, ['RS256', 'RS384'], '', 'RS384'],
      ['smart', privateKey, ['RS512', 'ES384'], '', 'RS512'],
      ['smart', privateKey, ['RS256', 'RS384'], 'RS256', 'RS256'],
      ['smart', p256, undefined, '', 'ES256'],
      ['openid', privateKey, undefined, '', 'RS256'],
      ['openid', privateKey, ['RS256', 'RS384'], '', 'RS256'],
      ['openid', privateKey, ['ES384', 'RS384'], '', 'RS384']
    ]
    for (const [kind, key, algorithms, signingAlg, expected] of table) {
      listed = algorithms
      const { form } = await request({
        tokenEndpoint: '',
        issuer: `${server.origin}/.well-known/${kind}-configuration`,
        privateKey: key,
        signingAlg
      })
      const { alg } = decodeProtectedHeader(form.get('client_assertion') ?? '')
      assert.equal(alg, expected, `${kind} ${String(algorithms)} ${signingAlg}`)
    }
  })

  it('sends a client certificate to the endpoint that the server has for it', async () => {
    server.answer = (seen, response) => {
      json(
        seen.url.includes('.well-known')
          ? {
              issuer: server.origin,
              token_endpoint: `${server.origin}/token`,
              mtls_endpoint_aliases: { token_endpoint: `${server.origin}/mtls/token` }
            }
          : { access_token: 'a-token-in-good-order', token_type: 'Bearer' }
      )(seen, response)
    }
    const issuer = { tokenEndpoint: '', issuer: server.origin }
    const bound = await request({ ...issuer, hasClientCertificate: true })
    assert.equal(bound.url, '/mtls/token')
    assert.deepEqual(Object.fromEntries(bound.form), {
      grant_type: 'client_credentials',
      client_id: 'integration-engine'
    })
    for (const other of [{ clientSecret: 'x' }, { privateKey }]) {
      const given = { ...issuer, ...other }
      assert.equal((await request({ ...given, hasClientCertificate: true })).url, '/mtls/token')
      assert.equal((await request(given)).url, '/token')
    }
  })
})
