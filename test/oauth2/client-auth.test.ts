import assert from 'node:assert/strict'
import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { exportJWK, decodeJwt } from 'jose'
import type { TlsSettings } from '../../src/http-client/connection-settings.ts'
import { testToken } from '../../src/oauth2/token-client.ts'
import type { TokenSettings } from '../../src/oauth2/token-settings.ts'
import { TokenSource } from '../../src/oauth2/token-source.ts'
import { createAuthority, type Authority, type Certificate } from '../support/certificates.ts'
import {
  startTokenProvider,
  DEFAULT_RESOURCE,
  type TokenProvider
} from '../support/token-provider.ts'
import { tokenHttpClient, tokenSettings } from '../support/token-settings.ts'

/** Every printable ASCII character: all that a secret may contain (RFC 6749 appendix A.2). */
const EVERY_CHARACTER = Array.from({ length: 95 }, (_, at) => String.fromCharCode(32 + at)).join('')

describe('client authentication with oidc-provider', () => {
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' })
  const p256 = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const ed25519 = generateKeyPairSync('ed25519')
  let authority: Authority
  let certificate: Certificate
  let provider: TokenProvider

  before(async () => {
    authority = await createAuthority('Test authority')
    certificate = await authority.issueClient({ commonName: 'integration-engine' })
    const keyClient = async (id: string, key: KeyObject, alg?: string): Promise<object> => ({
      client_id: id,
      token_endpoint_auth_method: 'private_key_jwt',
      ...(alg === undefined ? undefined : { token_endpoint_auth_signing_alg: alg }),
      jwks: { keys: [{ ...(await exportJWK(key)), kid: 'key-1' }] }
    })
    provider = await startTokenProvider({
      tls: await authority.issueServer(),
      clientCa: authority.ca,
      resources: { [DEFAULT_RESOURCE]: 'hl7.send', 'https://other.example/api': 'other' },
      clients: [
        {
          client_id: 'basic:client %+~',
          client_secret: EVERY_CHARACTER,
          token_endpoint_auth_method: 'client_secret_basic'
        },
        {
          client_id: 'raw-client',
          client_secret: 'raw-secret',
          token_endpoint_auth_method: 'client_secret_basic'
        },
        {
          client_id: 'post-client',
          client_secret: EVERY_CHARACTER,
          token_endpoint_auth_method: 'client_secret_post'
        },
        {
          client_id: 'jwt-client',
          client_secret: 'a secret of at least thirty-two characters',
          token_endpoint_auth_method: 'client_secret_jwt'
        },
        {
          client_id: 'mtls-client',
          token_endpoint_auth_method: 'tls_client_auth',
          tls_client_auth_subject_dn: 'CN=integration-engine',
          tls_client_certificate_bound_access_tokens: true
        },
        ...((await Promise.all([
          keyClient('rs384-client', rsa.publicKey, 'RS384'),
          keyClient('ps256-client', rsa.publicKey, 'PS256'),
          keyClient('rsa-client', rsa.publicKey),
          keyClient('es384-client', p384.publicKey, 'ES384'),
          keyClient('es256-client', p256.publicKey, 'ES256'),
          keyClient('eddsa-client', ed25519.publicKey, 'EdDSA')
        ])) as never[])
      ]
    })
  })
  after(() => provider.close())

  const pem = (key: KeyObject): string => key.export({ type: 'pkcs8', format: 'pem' }) as string

  /** Gets a token. @returns its claims */
  async function claims(
    given: Partial<TokenSettings>,
    tls: TlsSettings = {}
  ): Promise<Record<string, unknown>> {
    const httpClient = tokenHttpClient({ tls: { ca: authority.ca, ...tls } })
    const source = new TokenSource(tokenSettings({ issuer: provider.issuer, ...given }), {
      httpClient
    })
    try {
      const answer: Record<string, unknown> = decodeJwt(await source.token())
      return answer
    } finally {
      source.close()
      httpClient.close()
    }
  }

  it('sends every special character of ID and secret with Basic', async () => {
    const { client_id } = await claims({
      clientId: 'basic:client %+~',
      clientSecret: EVERY_CHARACTER
    })
    assert.equal(client_id, 'basic:client %+~')
  })

  it('sends ID and secret unchanged with raw Basic', async () => {
    const { client_id } = await claims({
      clientId: 'raw-client',
      clientSecret: 'raw-secret',
      clientAuth: 'client_secret_basic_raw'
    })
    assert.equal(client_id, 'raw-client')
  })

  it('sends every special character of a secret with Post', async () => {
    const { client_id } = await claims({
      clientId: 'post-client',
      clientSecret: EVERY_CHARACTER,
      clientAuth: 'client_secret_post'
    })
    assert.equal(client_id, 'post-client')
  })

  it('signs with the secret', async () => {
    const { client_id } = await claims({
      clientId: 'jwt-client',
      clientSecret: 'a secret of at least thirty-two characters',
      clientAuth: 'client_secret_jwt'
    })
    assert.equal(client_id, 'jwt-client')
  })

  for (const [client, key, signingAlg] of [
    ['rs384-client', rsa, 'RS384'],
    ['ps256-client', rsa, 'PS256'],
    ['rsa-client', rsa, ''],
    ['es384-client', p384, ''],
    ['es256-client', p256, ''],
    ['eddsa-client', ed25519, '']
  ] as const) {
    it(`signs with a private key: ${client}, algorithm "${signingAlg}"`, async () => {
      const privateKey = pem(key.privateKey)
      const { client_id } = await claims({
        clientId: client,
        privateKey,
        signingAlg,
        keyId: 'key-1'
      })
      assert.equal(client_id, client)
    })
  }

  it('can use the issuer as the audience of the assertion', async () => {
    const { client_id } = await claims({
      clientId: 'rsa-client',
      privateKey: pem(rsa.privateKey),
      assertionAudience: 'issuer'
    })
    assert.equal(client_id, 'rsa-client')
  })

  it('presents a client certificate and gets a token bound to it', async () => {
    const { client_id, cnf } = await claims(
      { clientId: 'mtls-client', hasClientCertificate: true },
      certificate
    )
    assert.equal(client_id, 'mtls-client')
    assert.match((cnf as { 'x5t#S256': string })['x5t#S256'], /^[\w-]{43}$/)
  })

  it('requests a scope and a resource', async () => {
    const answer = await claims({
      clientId: 'raw-client',
      clientSecret: 'raw-secret',
      scope: 'other',
      resource: 'https://other.example/api'
    })
    assert.equal(answer['aud'], 'https://other.example/api')
    assert.equal(answer['scope'], 'other')
  })

  it('tests settings without revealing the token', async () => {
    const httpClient = tokenHttpClient({ tls: { ca: authority.ca } })
    const result = await testToken(
      tokenSettings({
        issuer: provider.issuer,
        clientId: 'raw-client',
        clientSecret: 'raw-secret',
        scope: 'hl7.send'
      }),
      httpClient
    )
    httpClient.close()
    assert.ok(result.ok)
    const { elapsedMs, ...rest } = result
    assert.ok(elapsedMs >= 0)
    assert.deepEqual(rest, {
      ok: true,
      tokenEndpoint: `${provider.issuer}/token`,
      clientAuth: 'client_secret_basic',
      tokenType: 'Bearer',
      expiresIn: 300,
      scope: 'hl7.send'
    })
  })

  for (const [mistake, given, code, hint] of [
    [
      'wrong secret',
      { clientId: 'raw-client', clientSecret: 'wrong-one' },
      'invalid_client',
      /Check Client ID and Client secret/
    ],
    [
      'unknown client',
      { clientId: 'nobody', clientSecret: 'wrong-one' },
      'invalid_client',
      /Check Client ID/
    ],
    [
      'unknown resource',
      { clientId: 'raw-client', clientSecret: 'raw-secret', resource: 'https://nowhere.example' },
      'invalid_target',
      /Resource/
    ]
  ] as const) {
    it(`says what to do: ${mistake}`, async () => {
      const httpClient = tokenHttpClient({ tls: { ca: authority.ca } })
      const result = await testToken(
        tokenSettings({ issuer: provider.issuer, ...given }),
        httpClient
      )
      httpClient.close()
      assert.ok(!result.ok)
      assert.equal(result.code, code)
      assert.match(result.hint, hint)
      assert.ok(!JSON.stringify(result).includes('wrong-one'))
    })
  }

  it('names the authority that is not trusted', async () => {
    const httpClient = tokenHttpClient()
    const result = await testToken(
      tokenSettings({
        issuer: provider.issuer,
        clientId: 'raw-client',
        clientSecret: 'raw-secret'
      }),
      httpClient
    )
    httpClient.close()
    assert.ok(!result.ok)
    assert.match(result.hint, /issued by "Test authority".*CA certificate to the TLS configuration/)
  })
})
