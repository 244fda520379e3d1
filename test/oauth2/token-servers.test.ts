import assert from 'node:assert/strict'
import { generateKeyPairSync, randomUUID, type KeyObject } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, afterEach, before, describe, it } from 'node:test'
import { decodeJwt, exportJWK, SignJWT } from 'jose'
import type { ConnectionSettings } from '../../src/http-client/connection-settings.ts'
import type { TokenSettings } from '../../src/oauth2/token-settings.ts'
import { TokenSource } from '../../src/oauth2/token-source.ts'
import { createAuthority, type Authority } from '../support/certificates.ts'
import { startConnectProxy } from '../support/connect-proxy.ts'
import {
  startTokenProvider,
  type ProviderClient,
  type TokenProvider
} from '../support/token-provider.ts'
import { RECEIVER, tokenHttpClient, tokenSettings } from '../support/token-settings.ts'

type Given = Partial<TokenSettings>

/** Every printable ASCII character: all that a secret may contain (RFC 6749 appendix A.2). */
const EVERY_CHARACTER = Array.from({ length: 95 }, (_, at) => String.fromCharCode(32 + at)).join('')
const LONG_SECRET = 'a secret of at least thirty-two characters'
const RESOURCE = 'https://other.example/api'

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' })
const ed25519 = generateKeyPairSync('ed25519')
const pem = ({ privateKey }: { privateKey: KeyObject }): string =>
  privateKey.export({ type: 'pkcs8', format: 'pem' }) as string

/** A client of the provider that signs with its key. */
async function keyClient(
  client_id: string,
  { publicKey }: { publicKey: KeyObject },
  token_endpoint_auth_signing_alg = 'RS256'
): Promise<ProviderClient> {
  return {
    client_id,
    token_endpoint_auth_method: 'private_key_jwt',
    token_endpoint_auth_signing_alg,
    jwks: { keys: [{ ...(await exportJWK(publicKey)), kid: 'key-1' }] }
  }
}
const secretClient = (
  client_id: string,
  method: string,
  client_secret = EVERY_CHARACTER
): ProviderClient => ({ client_id, client_secret, token_endpoint_auth_method: method })

/** What oidc-provider, which is certified, accepts from this client. */
describe('a real token server', () => {
  let authority: Authority
  let provider: TokenProvider
  let withNonce: TokenProvider
  let folder: string
  const closing: (() => void)[] = []

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'token-servers-'))
    authority = await createAuthority('Test authority')
    const tls = await authority.issueServer()
    const bound = secretClient('bound', 'client_secret_basic', 'x')
    provider = await startTokenProvider({
      tls,
      clientCa: authority.ca,
      resources: { 'https://hl7.example/api': 'hl7.send', [RESOURCE]: 'other' },
      clients: [
        secretClient('basic:client %+~', 'client_secret_basic'),
        secretClient('raw', 'client_secret_basic', 'raw-secret'),
        secretClient('post', 'client_secret_post'),
        secretClient('secret-jwt', 'client_secret_jwt', LONG_SECRET),
        await keyClient('rs256', rsa),
        await keyClient('rs384', rsa, 'RS384'),
        await keyClient('ps256', rsa, 'PS256'),
        await keyClient('es384', p384, 'ES384'),
        await keyClient('eddsa', ed25519, 'EdDSA'),
        {
          client_id: 'mtls',
          token_endpoint_auth_method: 'tls_client_auth',
          tls_client_auth_subject_dn: 'CN=integration-engine',
          tls_client_certificate_bound_access_tokens: true
        }
      ]
    })
    withNonce = await startTokenProvider({
      tls,
      clients: [{ ...bound, dpop_bound_access_tokens: true }],
      wantsNonce: true
    })
  })
  afterEach(() => {
    for (const close of closing.splice(0)) close()
  })
  after(async () => {
    await Promise.all([provider.close(), withNonce.close()])
    await rm(folder, { recursive: true })
  })

  function source(given: Given, connection: Partial<ConnectionSettings> = {}): TokenSource {
    const httpClient = tokenHttpClient({ tls: { ca: authority.ca }, ...connection })
    const made = new TokenSource(tokenSettings({ issuer: provider.issuer, ...given }), {
      httpClient
    })
    closing.push(() => {
      made.close()
      httpClient.close()
    })
    return made
  }

  const byKey = (key: { privateKey: KeyObject }, more: Given = {}): Given => ({
    privateKey: pem(key),
    keyId: 'key-1',
    ...more
  })
  for (const [clientId, given] of [
    ['basic:client %+~', { clientSecret: EVERY_CHARACTER }],
    ['raw', { clientSecret: 'raw-secret', clientAuth: 'client_secret_basic_raw' }],
    ['post', { clientSecret: EVERY_CHARACTER, clientAuth: 'client_secret_post' }],
    ['secret-jwt', { clientSecret: LONG_SECRET, clientAuth: 'client_secret_jwt' }],
    ['rs256', byKey(rsa)],
    ['rs256', byKey(rsa, { assertionAudience: 'issuer' })],
    ['rs384', byKey(rsa, { signingAlg: 'RS384' })],
    ['ps256', byKey(rsa, { signingAlg: 'PS256' })],
    ['es384', byKey(p384)],
    ['eddsa', byKey(ed25519)]
  ] satisfies [string, Given][]) {
    it(`accepts ${clientId} ${given.clientAuth ?? ''}${given.assertionAudience ?? ''}`, async () => {
      const token = await source({ clientId, ...given })
        .forReceiver(RECEIVER)
        .token()
      assert.equal(decodeJwt(token)['client_id'], clientId)
    })
  }

  it('grants a scope and a resource', async () => {
    const given = { clientId: 'raw', clientSecret: 'raw-secret' }
    const token = await source({ ...given, scope: 'other', resource: RESOURCE })
      .forReceiver(RECEIVER)
      .token()
    const { aud, scope } = decodeJwt<{ scope: string }>(token)
    assert.deepEqual([aud, scope], [RESOURCE, 'other'])
  })

  it('binds a token to a client certificate, also through a proxy', async (t) => {
    const proxy = await startConnectProxy('user:p@ss')
    t.after(() => proxy.close())
    const own = await authority.issueClient({ commonName: 'integration-engine' })
    const tls = { ca: authority.ca, ...own }
    const given = { clientId: 'mtls', hasClientCertificate: true }
    for (const connection of [
      { tls },
      { tls, proxy: { url: proxy.url, username: 'user', password: 'p@ss' } }
    ]) {
      const { cnf } = decodeJwt<{ cnf: object }>(
        await source(given, connection).forReceiver(RECEIVER).token()
      )
      assert.deepEqual(Object.keys(cnf), ['x5t#S256'])
    }
    assert.deepEqual(new Set(proxy.tunnels), new Set([new URL(provider.issuer).host]))
  })

  for (const [mistake, given, code] of [
    ['a wrong secret', { clientId: 'raw', clientSecret: 'wrong' }, 'invalid_client'],
    ['an unknown client', { clientId: 'nobody', clientSecret: 'wrong' }, 'invalid_client'],
    [
      'an unknown resource',
      { clientId: 'raw', clientSecret: 'raw-secret', resource: 'https://nowhere.example' },
      'invalid_target'
    ]
  ] satisfies [string, Given, string][]) {
    it(`refuses ${mistake}: ${code}`, async () => {
      await assert.rejects(source(given).forReceiver(RECEIVER).token(), { code, permanent: true })
    })
  }

  it('accepts the assertion in a file as it is at each request', async () => {
    const assertionFile = join(folder, 'token')
    /** What the kubelet does. oidc-provider accepts each assertion once only. */
    const refreshFile = async (): Promise<void> => {
      const assertion = await new SignJWT({ jti: randomUUID() })
        .setProtectedHeader({ alg: 'RS256', kid: 'key-1' })
        .setIssuer('rs256')
        .setSubject('rs256')
        .setAudience(provider.issuer)
        .setIssuedAt()
        .setExpirationTime('1m')
        .sign(rsa.privateKey)
      await writeFile(assertionFile, assertion)
    }
    const given: Given = { clientId: 'rs256', clientAuth: 'client_assertion_file', assertionFile }
    const tokens = source(given)
    await refreshFile()
    const first = await tokens.forReceiver(RECEIVER).token()
    await refreshFile()
    assert.notEqual(
      await tokens.forReceiver(RECEIVER).refused(first, { host: 'receiver.example', status: 401 }),
      first
    )
  })

  it('binds tokens to the key of a node with DPoP, whose nonce is kept after one challenge', async () => {
    const given = { issuer: withNonce.issuer, clientId: 'bound', clientSecret: 'x', dpop: true }
    const keys = new Set<string>()
    for (const tokens of [source(given), source(given)]) {
      const before = withNonce.tokenRequests
      const first = await tokens.forReceiver(RECEIVER).token()
      const second = await tokens
        .forReceiver(RECEIVER)
        .refused(first, { host: 'receiver.example', status: 401 })
      assert.notEqual(first, second)
      assert.equal(withNonce.tokenRequests - before, 3)
      assert.deepEqual(tokens.requests, { ok: 2, error: 0 })
      for (const token of [first, second]) {
        keys.add(decodeJwt<{ cnf: { jkt: string } }>(token).cnf.jkt)
      }
    }
    assert.equal(keys.size, 2)
  })
})
