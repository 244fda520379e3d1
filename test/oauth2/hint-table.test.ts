import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { HttpError, type HttpErrorFamily } from '../../src/http-client/http-error.ts'
import { hintsForAnswer, type HintFacts } from '../../src/oauth2/answer-hints.ts'
import { inEnglish } from '../../src/oauth2/hint.ts'
import { hintForNetwork } from '../../src/oauth2/network-error.ts'
import type { ClientAuthMethod, TokenSettings } from '../../src/oauth2/token-settings.ts'
import { tokenSettings } from '../support/token-settings.ts'

function facts(
  given: Partial<TokenSettings> = {},
  clientAuth: ClientAuthMethod = 'client_secret_basic',
  clockAheadSeconds?: number
): HintFacts {
  return { settings: tokenSettings(given), clientAuth, clockAheadSeconds }
}

const hintForAnswer = (error: string, status: number, given: HintFacts): string =>
  inEnglish(hintsForAnswer(error, status, given))

const checkBasic =
  /^Check Client ID and Client secret\. .*"Client secret: in the form \(Post\)" or "Client secret: Basic, not form-encoded"\.$/

describe('the hint for an answer', () => {
  const clients: [ClientAuthMethod, Partial<TokenSettings>, RegExp][] = [
    ['client_secret_basic', {}, checkBasic],
    [
      'client_secret_basic_raw',
      {},
      /^Check Client ID and Client secret\. .*"Client secret: Basic" or "Client secret: in the form \(Post\)"\.$/
    ],
    [
      'client_secret_post',
      {},
      /^Check Client ID and Client secret\. .*Authentication "Client secret: Basic"\.$/
    ],
    ['client_secret_jwt', {}, /Client secret, then "Assertion for"/],
    ['private_key_jwt', {}, /registered .*Client ID \(it may want a Key ID\), then Algorithm/],
    ['private_key_jwt', { keyId: 'k' }, /registered .*Client ID under this Key ID, then Algorithm/],
    ['tls_client_auth', {}, /client certificate in TLS is the one registered/],
    ['client_assertion_file', {}, /trusts the issuer, subject and audience of the JWT/],
    ['none', {}, /fill in Client secret or Private key/]
  ]
  for (const [method, given, words] of clients) {
    it(`for a client refused with ${method}: ${words.source}`, () => {
      assert.match(hintForAnswer('invalid_client', 401, facts(given, method)), words)
      for (const status of [401, 403]) {
        const all = facts({ scope: 'x', ...given }, method)
        assert.match(hintForAnswer('', status, all), words)
        const bare = hintForAnswer('', status, facts(given, method))
        assert.match(bare, /Some servers answer like this without a scope: fill in Scope/)
      }
    })
  }

  const errors: [string, HintFacts, RegExp][] = [
    ['unauthorized_client', facts(), /grant type client_credentials: allow it/],
    ['invalid_scope', facts(), /wants a scope: fill in Scope/],
    ['invalid_scope', facts({ scope: 'x' }), /^Check Scope:/],
    ['invalid_target', facts(), /^Check Resource and Audience/],
    ['access_denied', facts(), /^Check Audience and Scope/],
    ['unsupported_grant_type', facts(), /the grant type client_credentials: check Grant/],
    ['invalid_grant', facts(), /^Check Client ID and Authentication\.$/],
    ['invalid_grant', facts({ grantType: 'password' }), /^Check User name and Password\.$/],
    [
      'invalid_grant',
      facts({ grantType: 'jwt_bearer' }),
      /the assertion: check Client ID, Assertion subject, "Assertion for", Key ID and Private key/
    ],
    [
      'invalid_request',
      facts({}, 'client_secret_jwt'),
      /check Authentication \(now "Client secret: signed JWT"\), Scope, Audience, Resource/
    ],
    ['invalid_request', facts({}, 'private_key_jwt'), /now "Private key: signed JWT"/],
    ['invalid_request', facts({}, 'tls_client_auth'), /now "TLS client certificate"/],
    ['invalid_request', facts({}, 'none'), /now "None \(public client\)"/],
    ['use_dpop_nonce', facts(), /wants DPoP: tick "DPoP/],
    ['invalid_dpop_proof', facts(), /wants DPoP: tick "DPoP/],
    ['use_dpop_nonce', facts({ dpop: true }), /^The token server does not accept the DPoP proof/],
    [
      'invalid_dpop_proof',
      { ...facts({ dpop: true }), clockAheadSeconds: 90 },
      /^This machine's clock is 90 s ahead .* does not accept the DPoP proof/
    ]
  ]
  for (const [error, given, words] of errors) {
    it(`for ${error}: ${words.source}`, () => {
      assert.match(hintForAnswer(error, 400, given), words)
    })
  }

  it('names a method that the server does not list, where the method may be wrong', () => {
    const listed = (
      method: ClientAuthMethod,
      supported: string[],
      code = 'invalid_client'
    ): string => hintForAnswer(code, 400, { ...facts({ scope: 'x' }, method), supported })
    for (const code of ['invalid_client', 'invalid_request', 'unauthorized_client', '']) {
      assert.match(
        listed('client_secret_basic', ['client_secret_post', 'private_key_jwt'], code),
        /does not list the method in use, "Client secret: Basic"\. It lists: client_secret_post, private_key_jwt\.$/
      )
    }
    assert.doesNotMatch(listed('client_secret_basic', ['x'], 'invalid_scope'), /does not list/)
    const long = Array.from({ length: 30 }, (_, index) => `method-${index}`)
    const unusable = ['two words', 'x'.repeat(41), '', 'a\nb']
    assert.match(
      listed('none', [...unusable, ...long]),
      /It lists: (?:method-\d, ){9}method-9\.$/,
      'ten whole names'
    )
    assert.doesNotMatch(listed('none', unusable), /does not list/)
    for (const [method, name] of [
      ['client_secret_basic_raw', 'client_secret_basic'],
      ['client_assertion_file', 'private_key_jwt'],
      ['tls_client_auth', 'self_signed_tls_client_auth'],
      ['none', 'none']
    ] as const) {
      assert.doesNotMatch(listed(method, ['x', name]), /does not list/)
      assert.match(listed(method, ['x']), /does not list/)
      assert.doesNotMatch(listed(method, []), /does not list/)
    }
    const hostile = [
      'a'.repeat(61),
      'two words',
      '__clientId__',
      'a\nb',
      ...Array<string>(500).fill('b')
    ]
    assert.ok(listed('none', hostile).length < 500)
    assert.doesNotMatch(listed('none', hostile), /aaa|two words|\n/)
  })

  it('says that 500 server_error may mean an unknown client', () => {
    assert.match(hintForAnswer('server_error', 500, facts()), /has a problem.*check Client ID too/)
    assert.doesNotMatch(hintForAnswer('server_error', 503, facts()), /Client ID/)
    assert.doesNotMatch(hintForAnswer('temporarily_unavailable', 500, facts()), /Client ID/)
  })

  const missing = 'https://login.example/token'
  const statuses: [number, Partial<TokenSettings>, RegExp][] = [
    [
      400,
      {},
      /^Check Authentication \(now "Client secret: Basic"\), Scope and Extra parameters\.$/
    ],
    [404, {}, /that the issuer names does not exist: check Issuer URL/],
    [404, { tokenEndpoint: missing }, /^Check Token URL: there is nothing/],
    [405, {}, /does not accept POST/],
    [407, {}, /check Proxy/],
    [410, {}, /check Issuer URL/],
    [415, {}, /^Check Authentication \(now/],
    [418, {}, /^Check Token URL and Authentication\.$/],
    [429, {}, /too many requests/],
    [499, {}, /^Check Token URL and Authentication\.$/],
    [500, {}, /has a problem; the request will be retried/],
    [503, {}, /has a problem; the request will be retried/]
  ]
  for (const [status, given, words] of statuses) {
    it(`for status ${status}: ${words.source}`, () => {
      for (const error of ['', 'something_else']) {
        assert.match(hintForAnswer(error, status, facts(given)), words)
      }
    })
  }

  const clocks: [Partial<TokenSettings>, ClientAuthMethod, number | undefined, RegExp][] = [
    [{}, 'private_key_jwt', 31.4, /^This machine's clock is 31 s ahead of .* Check that/],
    [{}, 'client_secret_jwt', -31.6, /^This machine's clock is 32 s behind .* Check Client/],
    [{ grantType: 'jwt_bearer' }, 'none', 31, /31 s ahead of .* The token server wants/],
    [{}, 'private_key_jwt', 30, /^Check that/],
    [{}, 'private_key_jwt', -30, /^Check that/],
    [{}, 'private_key_jwt', undefined, /^Check that/],
    [{}, 'client_secret_basic', 3600, /^Check Client/]
  ]
  for (const [given, method, ahead, words] of clocks) {
    it(`for a clock that is ${ahead ?? 'not'} s ahead with ${method}: ${words.source}`, () => {
      const all = facts(given, method, ahead)
      assert.match(hintForAnswer('invalid_client', 400, all), words)
      assert.match(hintForAnswer('', 401, all), words)
    })
  }
})

describe('hintForNetwork', () => {
  const table: [string, HttpErrorFamily | undefined, RegExp][] = [
    ['ERR_PROXY_TUNNEL', 'connect', /^Check host and port in Token URL, and that the proxy can/],
    ['ENOTFOUND', 'connect', /^Check the host name in Token URL, and the DNS/],
    ['EAI_AGAIN', 'connect', /^Check the host name in Token URL, and the DNS/],
    ['ERR_TLS_CERT_ALTNAME_INVALID', 'tls', /for another host name: check Token URL/],
    ['CERT_HAS_EXPIRED', 'tls', /out of date/],
    ['CERT_NOT_YET_VALID', 'tls', /out of date/],
    [
      'SELF_SIGNED_CERT_IN_CHAIN',
      'tls',
      /not trusted here\. Add the CA certificate to the TLS configuration/
    ],
    ['ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED', undefined, /wants a client certificate/],
    ['ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION', undefined, /handshake failed: check Token URL/],
    ['ERR_SSL_BAD_CERTIFICATE', undefined, /handshake failed/],
    ['EPROTO', undefined, /handshake failed/],
    ['EWEIRD', 'tls', /handshake failed/],
    ['ERR_RESPONSE_TOO_LARGE', undefined, /is not from a token server: check Token URL/],
    ['ERR_CONTENT_DECODING', undefined, /is not from a token server/],
    ['ETIMEDOUT', 'timeout', /too slow/],
    ['ECONNREFUSED', 'connect', /^Check host and port in Token URL, the firewall/],
    ['ECONNRESET', 'reset', /^The connection broke; the request will be retried/],
    ['EWEIRD', undefined, /^The connection broke/]
  ]
  const error = (code: string, family: HttpErrorFamily | undefined, certificateIssuer?: string) =>
    new HttpError('x', {
      code,
      family,
      connected: false,
      reusedConnection: false,
      certificateIssuer
    })
  for (const [code, family, words] of table) {
    it(`for ${code}, ${family ?? 'no family'}: ${words.source}`, () => {
      assert.match(inEnglish([hintForNetwork(error(code, family), 'tokenEndpoint')]), words)
    })
  }

  const atProxy = (code: string, family: HttpErrorFamily): string => {
    const facts = { code, family, connected: false, reusedConnection: false, atProxy: true }
    return inEnglish([hintForNetwork(new HttpError('x', facts), 'tokenEndpoint')])
  }
  it('says that the proxy failed, whatever the error', () => {
    for (const [code, family] of [
      ['ECONNREFUSED', 'connect'],
      ['ENOTFOUND', 'connect'],
      ['CERT_HAS_EXPIRED', 'tls'],
      ['ETIMEDOUT', 'timeout']
    ] as const) {
      assert.match(atProxy(code, family), /^The proxy failed, not the token server: check Proxy/)
    }
    assert.match(
      atProxy('ERR_PROXY_TUNNEL', 'connect'),
      /^The proxy does not let this through: check Proxy/
    )
  })

  it('names the authority of an untrusted certificate', () => {
    assert.match(
      inEnglish([
        hintForNetwork(error('UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'tls', 'Test CA'), 'issuer')
      ]),
      /not trusted here\. It was issued by "Test CA"\. Add the CA/
    )
    const turned = error('UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'tls', 'Test\u202e\r\nCA')
    assert.match(inEnglish([hintForNetwork(turned, 'issuer')]), /issued by "Test CA"/)
  })
})
