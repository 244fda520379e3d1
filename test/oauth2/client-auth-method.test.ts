import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { clientAuthMethod } from '../../src/oauth2/client-authentication.ts'
import type { TokenSettings } from '../../src/oauth2/token-settings.ts'
import { tokenSettings } from '../support/token-settings.ts'

describe('clientAuthMethod', () => {
  const table: [Partial<TokenSettings>, string[] | undefined, string | undefined][] = [
    [{}, undefined, undefined],
    [{ clientAuth: 'none', clientSecret: 'x', privateKey: 'x' }, undefined, 'none'],
    [
      { privateKey: 'x', clientSecret: 'x', hasClientCertificate: true },
      undefined,
      'private_key_jwt'
    ],
    [{ clientSecret: 'x', hasClientCertificate: true }, undefined, 'client_secret_basic'],
    [{ clientSecret: 'x' }, [], 'client_secret_basic'],
    [{ clientSecret: 'x' }, ['client_secret_post', 'client_secret_basic'], 'client_secret_basic'],
    [{ clientSecret: 'x' }, ['client_secret_post'], 'client_secret_post'],
    [{ hasClientCertificate: true }, undefined, 'tls_client_auth'],
    [{ grantType: 'jwt_bearer', privateKey: 'x' }, undefined, 'none'],
    [
      { grantType: 'jwt_bearer', privateKey: 'x', clientSecret: 'x' },
      undefined,
      'client_secret_basic'
    ],
    [
      { grantType: 'jwt_bearer', privateKey: 'x', hasClientCertificate: true },
      undefined,
      'tls_client_auth'
    ]
  ]
  for (const [given, supported, method] of table) {
    it(`of ${JSON.stringify(given)}, ${supported?.join() ?? 'any'}: ${method ?? 'none found'}`, () => {
      assert.equal(clientAuthMethod(tokenSettings(given), supported), method)
    })
  }
})
