import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import type { Hint } from '../../src/oauth2/hint.ts'
import { testToken } from '../../src/oauth2/token-client.ts'
import { TokenSource } from '../../src/oauth2/token-source.ts'
import type { TokenError } from '../../src/oauth2/token-error.ts'
import type { ClientAuthMethod, TokenSettings } from '../../src/oauth2/token-settings.ts'
import {
  json,
  startTokenFaultServer,
  text,
  type Fault,
  type TokenFaultServer
} from '../support/token-fault-server.ts'
import { tokenHttpClient, tokenSettings } from '../support/token-settings.ts'

const privateKey = generateKeyPairSync('ed25519').privateKey.export({
  type: 'pkcs8',
  format: 'pem'
}) as string

type Key = Hint['key']

/** What a user is told when the token server refuses. */
describe('a refusal', () => {
  let server: TokenFaultServer
  let folder: string
  let methods: Record<ClientAuthMethod, Partial<TokenSettings>>
  const httpClient = tokenHttpClient()

  before(async () => {
    server = await startTokenFaultServer(json({}))
    folder = await mkdtemp(join(tmpdir(), 'refusals-'))
    const assertionFile = join(folder, 'token')
    await writeFile(assertionFile, `e30.${Buffer.from('{}').toString('base64url')}.e30`)
    const clientSecret = 'not-so-secret'
    methods = {
      client_secret_basic: { clientSecret },
      client_secret_basic_raw: { clientSecret },
      client_secret_post: { clientSecret },
      client_secret_jwt: { clientSecret },
      private_key_jwt: { privateKey },
      tls_client_auth: { hasClientCertificate: true },
      client_assertion_file: { assertionFile },
      none: {}
    }
  })
  after(async () => {
    httpClient.close()
    await server.close()
    await rm(folder, { recursive: true })
  })

  async function refuse(
    fault: Fault,
    clientAuth: ClientAuthMethod = 'client_secret_basic',
    given: Partial<TokenSettings> = {}
  ): Promise<TokenError> {
    server.answer = fault
    const settings = tokenSettings({
      tokenEndpoint: `${server.origin}/token`,
      clientAuth,
      ...methods[clientAuth],
      ...given
    })
    const source = new TokenSource(settings, { httpClient })
    const error: unknown = await source.token().catch((reason: unknown) => reason)
    source.close()
    return error as TokenError
  }
  const keysOf = ({ hints }: TokenError): Key[] => hints.map(({ key }) => key)

  it('names the server, status and reason', async () => {
    const answer = { error: 'invalid_scope', error_description: 'No such scope.' }
    const error = await refuse(json(answer, 400))
    const { host } = new URL(server.origin)
    assert.equal(error.message, `The token server ${host} refused (HTTP 400): invalid_scope.`)
    assert.deepEqual([error.code, error.status], ['invalid_scope', 400])
    assert.equal(error.description, 'No such scope.')
    const described = await refuse(json({ message: 'who?' }, 400))
    assert.match(described.message, /: see its description\.$/)
    assert.match((await refuse(text('', '', 400))).message, /: no reason given\.$/)
  })

  for (const [method, hint] of [
    ['client_secret_basic', 'clientBasic'],
    ['client_secret_basic_raw', 'clientBasicRaw'],
    ['client_secret_post', 'clientPost'],
    ['client_secret_jwt', 'clientSecretJwt'],
    ['private_key_jwt', 'clientKey'],
    ['tls_client_auth', 'clientTls'],
    ['client_assertion_file', 'clientAssertionFile'],
    ['none', 'clientNone']
  ] satisfies [ClientAuthMethod, Key][]) {
    it(`of a client with ${method} has the hint ${hint}`, async () => {
      assert.deepEqual(keysOf(await refuse(json({ error: 'invalid_client' }, 401), method)), [hint])
      for (const status of [401, 403]) {
        const bare = text('', 'text/plain', status)
        assert.deepEqual(keysOf(await refuse(bare, method)), [hint, 'scopeToo'])
        assert.deepEqual(keysOf(await refuse(bare, method, { scope: 'x' })), [hint])
      }
    })
  }

  for (const [code, given, ...hints] of [
    ['invalid_client', { keyId: 'k', privateKey, clientAuth: 'private_key_jwt' }, 'clientKeyId'],
    ['invalid_client', { keyId: 'k' }, 'clientBasic'],
    ['unauthorized_client', {}, 'unauthorizedClient'],
    ['invalid_scope', {}, 'scopeMissing'],
    ['invalid_scope', { scope: 'x' }, 'scopeUnknown'],
    ['invalid_target', {}, 'invalidTarget'],
    ['access_denied', {}, 'accessDenied'],
    ['unsupported_grant_type', {}, 'unsupportedGrant'],
    ['invalid_grant', {}, 'grantClient'],
    ['invalid_grant', { grantType: 'password', username: 'a', password: 'b' }, 'grantPassword'],
    ['invalid_grant', { grantType: 'jwt_bearer', privateKey }, 'grantJwtBearer'],
    ['invalid_request', {}, 'invalidRequest'],
    ['use_dpop_nonce', {}, 'noDpop'],
    ['invalid_dpop_proof', {}, 'noDpop'],
    ['use_dpop_nonce', { dpop: true }, 'dpopProof'],
    ['invalid_dpop_proof', { dpop: true }, 'dpopProof'],
    ['something_else', {}, 'badRequest']
  ] satisfies [string, Partial<TokenSettings>, ...Key[]][]) {
    it(`with ${code} has the hint ${hints.join()}`, async () => {
      const error = await refuse(json({ error: code }, 400), undefined, given)
      assert.equal(error.code, code)
      assert.deepEqual(keysOf(error), hints)
      assert.equal(error.permanent, !(code === 'use_dpop_nonce' && 'dpop' in given))
    })
  }

  for (const [status, permanent, ...hints] of [
    [400, true, 'badRequest'],
    [404, true, 'endpointGone'],
    [405, true, 'notPost'],
    [407, true, 'proxyLogin'],
    [408, false, 'endpointOrMethod'],
    [410, true, 'endpointGone'],
    [415, true, 'badRequest'],
    [418, true, 'endpointOrMethod'],
    [429, false, 'tooMany'],
    [499, true, 'endpointOrMethod'],
    [500, false, 'serverProblem'],
    [503, false, 'serverProblem'],
    [599, false, 'serverProblem']
  ] satisfies [number, boolean, ...Key[]][]) {
    it(`with status ${status} has the hint ${hints.join()}`, async () => {
      for (const body of ['', '{"error":"something_else"}']) {
        const error = await refuse(text(body, 'application/json', status))
        assert.deepEqual(keysOf(error), hints)
        assert.equal(error.permanent, permanent)
      }
    })
  }

  it('may pass if its code says so', async () => {
    for (const [code, status, ...hints] of [
      ['server_error', 500, 'serverProblem', 'unknownClientToo'],
      ['server_error', 503, 'serverProblem'],
      ['temporarily_unavailable', 500, 'serverProblem'],
      ['slow_down', 400, 'badRequest']
    ] satisfies [string, number, ...Key[]][]) {
      const error = await refuse(json({ error: code }, status))
      assert.deepEqual(keysOf(error), hints)
      assert.equal(error.permanent, false)
    }
  })

  it('names the methods that the server lists, where the method may be wrong', async () => {
    const listed = async (
      method: ClientAuthMethod,
      supported: unknown[],
      error = 'invalid_client'
    ): Promise<unknown> => {
      const found = await refuse(
        (request, response) => {
          const metadata = {
            issuer: server.origin,
            token_endpoint: `${server.origin}/token`,
            token_endpoint_auth_methods_supported: supported
          }
          const answer = request.method === 'GET' ? json(metadata) : json({ error }, 400)
          answer(request, response)
        },
        method,
        { tokenEndpoint: '', issuer: server.origin, scope: 'x' }
      )
      return found.hints.find(({ key }) => key === 'methodNotListed')?.values
    }
    const two = ['client_secret_post', 'private_key_jwt']
    for (const code of ['invalid_client', 'invalid_request', 'unauthorized_client', '']) {
      assert.deepEqual(await listed('client_secret_basic', two, code), {
        method: 'client_secret_basic',
        methods: 'client_secret_post, private_key_jwt'
      })
    }
    assert.equal(await listed('client_secret_basic', two, 'invalid_scope'), undefined)
    for (const [method, name] of [
      ['client_secret_basic_raw', 'client_secret_basic'],
      ['client_assertion_file', 'private_key_jwt'],
      ['tls_client_auth', 'tls_client_auth'],
      ['tls_client_auth', 'self_signed_tls_client_auth'],
      ['none', 'none']
    ] satisfies [ClientAuthMethod, string][]) {
      assert.equal(await listed(method, ['x', name]), undefined)
      assert.deepEqual(await listed(method, ['x']), { method, methods: 'x' })
      assert.equal(await listed(method, []), undefined)
    }
    const hostile = ['two words', 'x'.repeat(41), '', 'a\nb', '__clientId__'.repeat(9)]
    assert.equal(await listed('none', hostile), undefined)
    const many = Array.from({ length: 30 }, (_, index) => `method-${index}`)
    assert.deepEqual(await listed('none', [...hostile, ...many]), {
      method: 'none',
      methods: many.slice(0, 10).join(', ')
    })
  })

  it('of what carries the time compares the clocks', async () => {
    for (const [ahead, method, given, ...hints] of [
      [600, 'private_key_jwt', {}, 'clockAhead', 'clientKey'],
      [-600, 'client_secret_jwt', {}, 'clockBehind', 'clientSecretJwt'],
      [600, 'none', { grantType: 'jwt_bearer', privateKey }, 'clockAhead', 'clientNone'],
      [20, 'private_key_jwt', {}, 'clientKey'],
      [-20, 'private_key_jwt', {}, 'clientKey'],
      [Number.NaN, 'private_key_jwt', {}, 'clientKey'],
      [600, 'client_secret_basic', {}, 'clientBasic']
    ] satisfies [number, ClientAuthMethod, Partial<TokenSettings>, ...Key[]][]) {
      const date = new Date(Date.now() - ahead * 1000).toUTCString()
      const error = await refuse(json({ error: 'invalid_client' }, 401, { date }), method, given)
      assert.deepEqual(keysOf(error), hints)
      const { seconds = 600 } = error.hints[0]?.values ?? {}
      assert.ok(Math.abs(Number(seconds) - 600) < 10)
    }
    const date = new Date(Date.now() - 90_000).toUTCString()
    const proof = json({ error: 'invalid_dpop_proof' }, 400, { date })
    const error = await refuse(proof, 'client_secret_basic', { dpop: true })
    assert.deepEqual(keysOf(error), ['clockAhead', 'dpopProof'])
  })

  it('says when to retry', async () => {
    const date = new Date(Date.now() - 90_000).toUTCString()
    const until = new Date(Date.now() - 70_000).toUTCString()
    const wait = (headers: Record<string, string>): Promise<TokenError> =>
      refuse(text('', 'text/plain', 503, headers))
    assert.equal((await wait({ 'retry-after': '7' })).retryAfterMs, 7000)
    assert.equal((await wait({ date, 'retry-after': until })).retryAfterMs, 20_000)
  })

  it('of the endpoint that the issuer names says to check the issuer', async () => {
    const { origin } = server
    const metadata = json({ issuer: origin, token_endpoint: `${origin}/token` })
    const gone = text('', 'text/plain', 404)
    const error = await refuse(
      (request, response) => {
        const answer = request.method === 'GET' ? metadata : gone
        answer(request, response)
      },
      'client_secret_basic',
      { tokenEndpoint: '', issuer: origin }
    )
    assert.deepEqual(keysOf(error), ['discoveredEndpointGone'])
  })

  it('of an issuer that looks like a token URL says so', async () => {
    for (const [path, key] of [
      ['/oauth2/v2.0/token', 'issuerIsTokenUrl'],
      ['/o/token/', 'issuerIsTokenUrl'],
      ['/oauth/client_credential/accesstoken', 'issuerIsTokenUrl'],
      ['/tokens-of-hl7', 'noMetadata']
    ] satisfies [string, Key][]) {
      const issuer = `${server.origin}${path}`
      const given = { tokenEndpoint: '', issuer }
      const error = await refuse(text('', 'text/plain', 404), 'client_secret_basic', given)
      assert.deepEqual(keysOf(error), [key])
    }
  })

  it('is told in English by the Test button', async () => {
    server.answer = json({ error: 'invalid_request' }, 400)
    const tokenEndpoint = `${server.origin}/token`
    const result = await testToken(tokenSettings({ tokenEndpoint, privateKey }), httpClient)
    assert.ok(!result.ok)
    assert.match(result.hint, /check Authentication \(now "Private key: signed JWT"\), Scope/)
  })
})
