import assert from 'node:assert/strict'
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { decodeProtectedHeader, jwtVerify } from 'jose'
import { checkSettings } from '../../src/oauth2/check-settings.ts'
import { certificateThumbprint } from '../../src/oauth2/signing-certificate.ts'
import { testToken } from '../../src/oauth2/token-client.ts'
import type { TokenSettings } from '../../src/oauth2/token-settings.ts'
import { createAuthority, type Certificate } from '../support/certificates.ts'
import {
  json,
  startTokenFaultServer,
  type SeenRequest,
  type TokenFaultServer
} from '../support/token-fault-server.ts'
import { tokenHttpClient, tokenSettings } from '../support/token-settings.ts'

describe('the certificate of a private key', () => {
  let own: Certificate
  let other: Certificate
  let authority: string
  let server: TokenFaultServer
  const httpClient = tokenHttpClient()

  before(async () => {
    const created = await createAuthority()
    authority = created.ca
    own = await created.issueClient({ commonName: 'own' })
    other = await created.issueClient({ commonName: 'other' })
    server = await startTokenFaultServer(json({ access_token: 'a-token-in-good-order' }))
  })
  after(async () => {
    httpClient.close()
    await server.close()
  })

  /** As `openssl x509 -fingerprint -sha256` has it, in another encoding. */
  const expected = (): string =>
    Buffer.from(new X509Certificate(own.cert).fingerprint256.replaceAll(':', ''), 'hex').toString(
      'base64url'
    )
  const thumbprint = (pem: string): unknown => certificateThumbprint(pem, createPrivateKey(own.key))

  it('may stand alone where nothing is signed', async () => {
    const tokenEndpoint = `${server.origin}/token`
    const settings = tokenSettings({
      ...{ tokenEndpoint, clientAuth: 'client_secret_post', clientSecret: 'not-so-secret' },
      privateKey: own.cert
    })
    const result = await testToken(settings, httpClient)
    assert.ok(result.ok)
  })

  it('is found beside the key, among others, even if line breaks were lost or escaped', () => {
    const all = [
      own.cert + own.key,
      own.key + own.cert,
      own.key + authority + other.cert + own.cert,
      `-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n${own.cert}`
    ]
    for (const pem of all) {
      for (const spoilt of [
        pem,
        pem.replaceAll('\n', '\r\n'),
        pem.replaceAll('\n', '\\n'),
        pem.replaceAll('\n', ' '),
        pem.replaceAll('\n', '')
      ]) {
        assert.deepEqual(thumbprint(spoilt), { thumbprint: expected() })
      }
    }
    assert.equal(thumbprint(own.key), undefined)
  })

  it('must belong to the key', () => {
    for (const pem of [
      other.cert,
      authority,
      '-----BEGIN CERTIFICATE-----AAAA-----END CERTIFICATE-----'
    ]) {
      const words = /^Private key: the certificate beside it is damaged or belongs to another key/
      assert.match((thumbprint(own.key + pem) as { problem: string }).problem, words)
      const given = { clientAuth: 'private_key_jwt', privateKey: own.key + pem } as const
      const [problem, ...more] = checkSettings(
        tokenSettings({ tokenEndpoint: 'https://login.example/token', ...given })
      )
      assert.match(problem ?? '', words)
      assert.deepEqual(more, [])
    }
  })

  it('is found in a time that grows no faster than the text', () => {
    const begin = '-----BEGIN CERTIFICATE-----'
    const started = performance.now()
    assert.equal(thumbprint(begin.repeat(2400)), undefined)
    assert.equal(thumbprint(begin + 'A'.repeat(65_000)), undefined)
    assert.ok(performance.now() - started < 500)
  })

  async function assertion(name: string, given: Partial<TokenSettings>): Promise<string> {
    const tokenEndpoint = `${server.origin}/token`
    const settings = tokenSettings({ tokenEndpoint, ...given })
    const result = await testToken(settings, httpClient)
    assert.ok(result.ok, JSON.stringify(result))
    return (server.seen.at(-1) as SeenRequest).form.get(name) ?? ''
  }

  it('is named in signed client assertions and in those of the grant jwt_bearer', async () => {
    const privateKey = own.key + own.cert
    for (const [name, given] of [
      ['client_assertion', { clientAuth: 'private_key_jwt' }],
      ['assertion', { grantType: 'jwt_bearer' }]
    ] as const) {
      const signed = await assertion(name, { ...given, privateKey })
      await jwtVerify(signed, new X509Certificate(own.cert).publicKey)
      assert.equal(decodeProtectedHeader(signed)['x5t#S256'], expected())
      const plain = decodeProtectedHeader(await assertion(name, { ...given, privateKey: own.key }))
      assert.ok(!('x5t#S256' in plain))
    }
    const withSecret = await assertion('client_assertion', {
      clientAuth: 'client_secret_jwt',
      clientSecret: 'a secret of at least thirty-two characters',
      privateKey
    })
    assert.ok(!('x5t#S256' in decodeProtectedHeader(withSecret)))
  })
})
