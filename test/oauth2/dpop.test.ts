import assert from 'node:assert/strict'
import { createHash, generateKeyPairSync } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { decodeJwt, decodeProtectedHeader } from 'jose'
import { DpopProofs, refusesProof } from '../../src/oauth2/dpop-proofs.ts'
import { testToken } from '../../src/oauth2/token-client.ts'
import type { TokenError } from '../../src/oauth2/token-error.ts'
import type { TokenSettings } from '../../src/oauth2/token-settings.ts'
import { TokenSource } from '../../src/oauth2/token-source.ts'
import { createAuthority, type Authority } from '../support/certificates.ts'
import { json, startTokenFaultServer, type Fault } from '../support/token-fault-server.ts'
import { startTokenProvider, type TokenProvider } from '../support/token-provider.ts'
import { named, tokenHttpClient, tokenSettings } from '../support/token-settings.ts'

const client = {
  client_id: 'integration-engine',
  client_secret: 'not-so-secret',
  token_endpoint_auth_method: 'client_secret_basic',
  dpop_bound_access_tokens: true
}

describe('DPoP tokens of a real token server', () => {
  let authority: Authority
  let plain: TokenProvider
  let strict: TokenProvider

  before(async () => {
    authority = await createAuthority('Test authority')
    const tls = await authority.issueServer()
    plain = await startTokenProvider({ tls, clients: [client] })
    strict = await startTokenProvider({ tls, clients: [client], wantsNonce: true })
  })
  after(() => Promise.all([plain.close(), strict.close()]))

  async function withSource(
    given: Partial<TokenSettings>,
    use: (source: TokenSource) => Promise<void>
  ): Promise<void> {
    const httpClient = tokenHttpClient({ tls: { ca: authority.ca } })
    const settings = tokenSettings({ clientSecret: 'not-so-secret', dpop: true, ...given })
    const source = new TokenSource(settings, { httpClient })
    try {
      await use(source)
    } finally {
      source.close()
      httpClient.close()
    }
  }

  it('are bound to the key of the node', async () => {
    const keys = new Set<unknown>()
    for (let node = 0; node < 2; node++) {
      await withSource({ issuer: plain.issuer }, async (source) => {
        for (let request = 0; request < 2; request++) {
          const token = await source.token()
          keys.add(decodeJwt<{ cnf: { jkt: string } }>(token).cnf.jkt)
          source.drop(token)
          source.clearBackOff()
        }
      })
    }
    assert.equal(keys.size, 2)
    assert.equal(keys.has(undefined), false)
  })

  it('come after one challenge, and the nonce is kept', async () => {
    await withSource({ issuer: strict.issuer }, async (source) => {
      const before = strict.tokenRequests
      const token = await source.token()
      assert.equal(strict.tokenRequests - before, 2)
      assert.deepEqual(source.requests, { ok: 1, error: 0 })
      source.drop(token)
      source.clearBackOff()
      assert.notEqual(await source.token(), token)
      assert.equal(strict.tokenRequests - before, 3)
    })
  })

  it('are shown by the Test button as such', async () => {
    const httpClient = tokenHttpClient({ tls: { ca: authority.ca } })
    const settings = tokenSettings({ issuer: strict.issuer, clientSecret: 'not-so-secret' })
    const tested = await testToken({ ...settings, dpop: true }, httpClient)
    assert.ok(tested.ok)
    assert.equal(tested.tokenType, 'DPoP')
    httpClient.close()
  })
})

describe('a token server with DPoP', () => {
  const TOKEN = { access_token: 'at-1', token_type: 'dpop', expires_in: 300 }

  /** What a source gets from it, and the requests' proofs. */
  async function ask(
    answer: Fault,
    given: Partial<TokenSettings> = {}
  ): Promise<{
    token?: string
    error?: TokenError
    proofs: string[]
  }> {
    const server = await startTokenFaultServer(answer)
    const httpClient = tokenHttpClient()
    const settings = { tokenEndpoint: `${server.origin}/token?tenant=1`, clientSecret: 's3cr3t' }
    const source = new TokenSource(tokenSettings({ ...settings, dpop: true, ...given }), {
      httpClient
    })
    const got = await source.token().then(
      (token) => ({ token }),
      (error: unknown) => ({ error: error as TokenError })
    )
    source.close()
    httpClient.close()
    await server.close()
    return {
      ...got,
      proofs: server.seen.map(({ headers }) => String(headers['dpop']))
    }
  }

  it('gets a proof for its address, with the time of the clock and no key but the public one', async () => {
    const { token, proofs } = await ask(json(TOKEN))
    assert.equal(token, 'at-1')
    const [proof = ''] = proofs
    const claims = decodeJwt(proof)
    const { jwk, ...header } = decodeProtectedHeader(proof)
    assert.deepEqual(header, { alg: 'ES256', typ: 'dpop+jwt' })
    assert.deepEqual(Object.keys(jwk ?? {}).sort(), ['crv', 'kty', 'x', 'y'])
    assert.deepEqual(Object.keys(claims).sort(), ['htm', 'htu', 'iat', 'jti'])
    assert.equal(claims['htm'], 'POST')
    assert.match(String(claims['htu']), /^http:\/\/127\.0\.0\.1:\d+\/token$/)
    assert.ok(Math.abs((claims.iat ?? 0) - Date.now() / 1000) < 5)
  })

  it('is recognised by its words if DPoP is off', async () => {
    const answer = { error: 'invalid_request', error_description: 'DPoP proof is missing' }
    const { error } = await ask(
      (request, response) => {
        response.statusCode = 400
        json(answer)(request, response)
      },
      { dpop: false }
    )
    assert.match(error?.hint ?? '', /^The token server wants DPoP: tick "DPoP/)
  })

  it('is asked once more with its nonce, and not a third time', async () => {
    let asked = 0
    const { error, proofs } = await ask((request, response) => {
      response.setHeader('DPoP-Nonce', `nonce-${++asked}`)
      response.statusCode = 400
      const proof = String(request.headers['dpop'])
      json({ error: 'use_dpop_nonce', error_description: `bad ${proof}` })(request, response)
    })
    assert.deepEqual(
      proofs.map((proof) => decodeJwt(proof)['nonce']),
      [undefined, 'nonce-1']
    )
    assert.equal(new Set(proofs.map((proof) => decodeJwt(proof).jti)).size, 2)
    assert.equal(error?.code, 'use_dpop_nonce')
    assert.equal(error.permanent, false)
    assert.equal(error.description, 'bad •••')
  })

  it('is not asked again if its challenge has no nonce', async () => {
    const { error, proofs } = await ask(json({ error: 'use_dpop_nonce' }, 400))
    assert.equal(proofs.length, 1)
    assert.equal(error?.code, 'use_dpop_nonce')
  })

  it('may fail in another way after its challenge, and that is the error', async () => {
    for (const [code, fault] of [
      ['invalid_client', json({ error: 'invalid_client' }, 401)],
      ['ECONNRESET', (_request, response) => response.destroy()]
    ] satisfies [string, Fault][]) {
      const { error } = await ask((request, response) => {
        const isFirst = decodeJwt(String(request.headers['dpop']))['nonce'] === undefined
        const challenge = json({ error: 'use_dpop_nonce' }, 400, { 'dpop-nonce': 'n' })
        const answer = isFirst ? challenge : fault
        answer(request, response)
      })
      assert.equal(error?.code, code)
    }
  })

  it('sees another assertion with each proof, whatever the assertion is for', async () => {
    const privateKey = generateKeyPairSync('ed25519').privateKey
    const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }) as string
    for (const [parameter, given] of [
      ['client_assertion', { clientAuth: 'client_secret_jwt' }],
      ['client_assertion', { clientAuth: 'private_key_jwt', privateKey: pem }],
      ['assertion', { grantType: 'jwt_bearer', privateKey: pem }]
    ] satisfies [string, Partial<TokenSettings>][]) {
      const seen: unknown[] = []
      await ask((request, response) => {
        seen.push(decodeJwt(request.form.get(parameter) ?? '').jti)
        json({ error: 'use_dpop_nonce' }, 400, { 'dpop-nonce': 'n' })(request, response)
      }, given)
      assert.equal(seen.length, 2)
      assert.equal(new Set(seen).size, 2)
    }
  })

  it('gets no other header DPoP', async () => {
    const headers = [named('dpop', 'x')]
    const { error, proofs } = await ask(json(TOKEN), { headers })
    assert.match(error?.message ?? '', /^Headers: the node itself sets the header DPoP\.$/)
    assert.equal(proofs.length, 0)
    assert.equal(
      (await ask(json({ ...TOKEN, token_type: 'Bearer' }), { headers, dpop: false })).token,
      'at-1'
    )
  })
})

describe('proofs for a receiver', () => {
  const url = new URL('https://receiver.example/hl7?site=7')

  it('are for its address and the token, with the newest nonce of its origin', async () => {
    const proofs = new DpopProofs()
    await proofs.keepNonce(new URL('https://other.example/'), { 'dpop-nonce': 'other' })
    const claims = async (): Promise<Record<string, unknown>> =>
      decodeJwt(await proofs.proof('PUT', url, 'a-token'))
    const { htm, htu, ath, nonce } = await claims()
    assert.deepEqual([htm, htu, nonce], ['PUT', 'https://receiver.example/hl7', undefined])
    assert.equal(ath, createHash('sha256').update('a-token').digest('base64url'))
    for (const newest of ['one', 'two']) {
      await proofs.keepNonce(new URL('/elsewhere', url), { 'dpop-nonce': newest })
      await proofs.keepNonce(url, {})
      assert.equal((await claims())['nonce'], newest)
    }
  })

  it('use what the types of openid-client do not show, and a key that cannot be read', async (t) => {
    const generateKey = t.mock.method(crypto.subtle, 'generateKey')
    const handle = await new DpopProofs().handle
    assert.equal(typeof handle.addProof, 'function')
    assert.equal(typeof handle.cacheNonce, 'function')
    const [made] = generateKey.mock.calls
    const { privateKey } = (await made?.result) as CryptoKeyPair
    assert.equal(privateKey.extractable, false)
  })

  it('are refused with a challenge that says so', () => {
    const challenge = (text: string, status = 401): boolean =>
      refusesProof({ status, headers: { 'www-authenticate': text } })
    assert.ok(challenge('DPoP error="use_dpop_nonce", error_description="x"'))
    assert.ok(challenge('Bearer, DPoP algs="ES256", error = use_dpop_nonce'))
    assert.ok(challenge('DPoP error="invalid_dpop_proof"'))
    assert.ok(!challenge('DPoP error="invalid_token"'))
    assert.ok(!challenge('DPoP error="use_dpop_nonce"', 400))
    assert.ok(!refusesProof({ status: 401, headers: {} }))
  })
})
