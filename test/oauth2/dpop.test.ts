import assert from 'node:assert/strict'
import { createHash, generateKeyPairSync } from 'node:crypto'
import { describe, it } from 'node:test'
import { decodeJwt, decodeProtectedHeader } from 'jose'
import { DpopProofs, refusesProof } from '../../src/oauth2/dpop-proofs.ts'
import type { TokenSettings } from '../../src/oauth2/token-settings.ts'
import { json, type Fault, type SeenRequest } from '../support/token-fault-server.ts'
import { RECEIVER, named } from '../support/token-settings.ts'
import { granted, tokenTest } from '../support/token-test.ts'

type Given = Partial<TokenSettings>

const dpopToken = json({ access_token: 'at-1', token_type: 'dpop', expires_in: 300 })
const challenge = json({ error: 'use_dpop_nonce' }, 400, { 'dpop-nonce': 'n' })
const proofOf = ({ headers }: SeenRequest): string => String(headers['dpop'])

describe('a token request with DPoP', () => {
  const test = tokenTest()

  it('carries a proof for its address, with the time of the clock and no key but the public one', async () => {
    const tokenEndpoint = `${test.server.origin}/token?tenant=1`
    const proof = proofOf(await test.sent({ dpop: true, tokenEndpoint }, dpopToken))
    const { jwk, ...header } = decodeProtectedHeader(proof)
    assert.deepEqual(header, { alg: 'ES256', typ: 'dpop+jwt' })
    assert.deepEqual(Object.keys(jwk ?? {}).sort(), ['crv', 'kty', 'x', 'y'])
    const { htm, htu, iat, jti, ...more } = decodeJwt(proof)
    assert.deepEqual([htm, htu, more], ['POST', `${test.server.origin}/token`, {}])
    assert.ok(Math.abs((iat ?? 0) - Date.now() / 1000) < 5)
    assert.equal(typeof jti, 'string')
  })

  it('is repeated once with the nonce of a challenge, and not a third time', async () => {
    let asked = 0
    const answer: Fault = (request, response) => {
      response.setHeader('DPoP-Nonce', `nonce-${++asked}`)
      const words = { error: 'use_dpop_nonce', error_description: `bad ${proofOf(request)}` }
      json(words, 400)(request, response)
    }
    const { error, requests } = await test.ask(answer, { dpop: true })
    const proofs = requests.map((request) => decodeJwt(proofOf(request)))
    assert.deepEqual(
      proofs.map(({ nonce }) => nonce),
      [undefined, 'nonce-1']
    )
    assert.notEqual(proofs[0]?.jti, proofs[1]?.jti)
    // It renews its nonces often, or it is several servers.
    assert.deepEqual([error?.code, error?.permanent], ['use_dpop_nonce', false])
    assert.equal(error?.hints[0]?.key, 'dpopProof')
    assert.equal(error.description, 'bad •••')
  })

  for (const [what, answer, code, sent] of [
    ['no nonce in the challenge', json({ error: 'use_dpop_nonce' }, 400), 'use_dpop_nonce', 1],
    ['another refusal', json({ error: 'invalid_client' }, 401), 'invalid_client', 2],
    ['a cut', (_request, response) => response.destroy(), 'ECONNRESET', 2],
    ['a token', dpopToken, undefined, 2]
  ] satisfies [string, Fault, string | undefined, number][]) {
    it(`ends as the last answer says: ${what}`, async () => {
      const { error, requests } = await test.ask(
        (request, response) => {
          const isFirst = sent > 1 && decodeJwt(proofOf(request))['nonce'] === undefined
          const page = isFirst ? challenge : answer
          page(request, response)
        },
        { dpop: true }
      )
      assert.equal(error?.code, code)
      assert.equal(requests.length, sent)
    })
  }

  const privateKey = generateKeyPairSync('ed25519').privateKey.export({
    type: 'pkcs8',
    format: 'pem'
  }) as string
  for (const [parameter, given] of [
    ['client_assertion', { clientAuth: 'client_secret_jwt' }],
    ['client_assertion', { clientAuth: 'private_key_jwt', privateKey }],
    ['assertion', { grantType: 'jwt_bearer', privateKey }]
  ] satisfies [string, Given][]) {
    it(`carries another ${parameter} with each proof: ${JSON.stringify(Object.values(given)[0])}`, async () => {
      const { requests } = await test.ask(challenge, { dpop: true, ...given })
      const [one, two] = requests.map(({ form }) => decodeJwt(form.get(parameter) ?? '').jti)
      assert.ok(one !== undefined && two !== undefined && one !== two)
    })
  }

  it('without DPoP carries no proof, and the header may be set', async () => {
    assert.equal((await test.sent()).headers['dpop'], undefined)
    const { headers } = await test.sent({ headers: [named('dpop', 'x')] }, granted)
    assert.equal(headers['dpop'], 'x')
  })

  it('keeps the nonce for later requests of the node, and its key', async () => {
    const source = test.source({ dpop: true })
    test.server.answer = json({ access_token: 'a', token_type: 'DPoP', expires_in: 0 }, 200, {
      'dpop-nonce': 'next'
    })
    await source.forReceiver(RECEIVER).token()
    await source.forReceiver(RECEIVER).token()
    const [first, second] = test.server.seen.map(proofOf)
    assert.equal(decodeJwt(second ?? '')['nonce'], 'next')
    const [one, two] = [first, second].map((proof) => decodeProtectedHeader(proof ?? '').jwk)
    assert.deepEqual(one, two)
  })
})

describe('proofs for a receiver', () => {
  const url = new URL('https://receiver.example/hl7?site=7')

  it('are for its address and the token, with the newest nonce of its origin', async () => {
    const proofs = new DpopProofs({ now: () => 1_800_000_000_999 })
    proofs.keepNonce(new URL('https://other.example/'), { 'dpop-nonce': 'other' })
    const claims = async (): Promise<Record<string, unknown>> =>
      decodeJwt(await proofs.proof('PUT', url, 'a-token'))
    const { htm, htu, ath, iat, nonce } = await claims()
    assert.equal(iat, 1_800_000_000)
    assert.deepEqual([htm, htu, nonce], ['PUT', 'https://receiver.example/hl7', undefined])
    assert.equal(ath, createHash('sha256').update('a-token').digest('base64url'))
    for (const newest of ['one', 'two']) {
      proofs.keepNonce(new URL('/elsewhere', url), { 'dpop-nonce': newest })
      proofs.keepNonce(url, {})
      assert.equal((await claims())['nonce'], newest)
    }
  })

  it('carry the nonces of the hundred origins that answered last', async () => {
    const proofs = new DpopProofs()
    const origins = Array.from({ length: 101 }, (_, at) => new URL(`https://r${at}.example`))
    for (const [at, origin] of origins.entries()) {
      proofs.keepNonce(origin, { 'dpop-nonce': `n${at}` })
      proofs.keepNonce(url, { 'dpop-nonce': 'often' })
    }
    const nonceOf = async (to: URL | undefined): Promise<unknown> =>
      decodeJwt(await proofs.proof('POST', to ?? url, undefined))['nonce']
    assert.deepEqual(
      await Promise.all([
        nonceOf(origins[0]),
        nonceOf(origins[2]),
        nonceOf(origins[100]),
        nonceOf(url)
      ]),
      [undefined, 'n2', 'n100', 'often']
    )
  })

  it('are made with a key that cannot be read', async (t) => {
    const generateKey = t.mock.method(crypto.subtle, 'generateKey')
    await new DpopProofs().proof('POST', url, undefined)
    const made = (await generateKey.mock.calls[0]?.result) as CryptoKeyPair | undefined
    assert.equal(made?.privateKey.extractable, false)
  })

  for (const [text, refused, status = 401] of [
    ['DPoP error="use_dpop_nonce", error_description="x"', true],
    ['Bearer, DPoP algs="ES256", error = use_dpop_nonce', true],
    ['DPoP error="invalid_dpop_proof"', true],
    ['Bearer error="invalid_token", DPoP algs="ES256", error="use_dpop_nonce"', true],
    ['Basic realm="say error=use_dpop_nonce", Bearer error="invalid_token"', false],
    ['DPoP error="invalid_token"', false],
    ['DPoP error="use_dpop_nonce"', false, 400],
    [undefined, false]
  ] satisfies [string | undefined, boolean, number?][]) {
    it(`are ${refused ? '' : 'not '}refused with ${status} ${text ?? 'alone'}`, () => {
      const headers = text === undefined ? {} : { 'www-authenticate': text }
      assert.equal(refusesProof({ status, headers }), refused)
    })
  }
})
