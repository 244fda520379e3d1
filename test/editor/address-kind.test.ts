import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { readAddress } from '../../nodes/editor/address-kind.ts'

describe('the address of a token server', () => {
  it('may be a well-known URL, which is kept', () => {
    for (const url of [
      'https://login.example.org/.well-known/openid-configuration',
      'https://login.example.org/realms/hl7/.well-known/openid-configuration',
      'https://login.example.org/.well-known/oauth-authorization-server/tenant'
    ]) {
      assert.deepEqual(readAddress(url), { kind: 'wellKnown', url })
    }
    const smart = 'https://fhir.example.org/r4/.well-known/smart-configuration'
    assert.equal(readAddress(smart).kind, 'smart')
  })

  it('may be a token URL', () => {
    for (const url of [
      'https://login.example.org/realms/hl7/protocol/openid-connect/token',
      'https://login.example.org/tenant/oauth2/v2.0/token',
      'https://login.example.org/oauth/token/',
      'https://login.example.org/token?site=7',
      'https://login.example.org/o/token/',
      'https://login.example.org/api/auth/oauth2/token',
      'https://login.example.org/oauth/client_credential/accesstoken',
      'https://login.example.org/as/token.oauth2',
      'https://login.example.org/oauth_token.do'
    ]) {
      assert.deepEqual(readAddress(url), { kind: 'tokenEndpoint', url })
    }
  })

  it('may be a base URL, whose final slash is kept', () => {
    for (const url of [
      'https://login.example.org',
      'https://login.example.org/',
      'https://login.example.org/realms/tokens-of-hl7/',
      'https://[2001:db8::1]:8443/realms/hl7'
    ]) {
      assert.deepEqual(readAddress(url), { kind: 'issuer', url })
    }
  })

  it('loses characters that were copied with it', () => {
    for (const pasted of [
      ' https://login.example.org \n',
      '"https://login.example.org",',
      '<https://login.example.org>',
      'https://login.example.org#top'
    ]) {
      assert.equal(readAddress(pasted).url, 'https://login.example.org', pasted)
    }
  })

  it('is left unchanged if it is a variable or not a URL', () => {
    for (const text of ['${ISSUER}', 'login.example.org', 'http://login.example.org', '']) {
      assert.deepEqual(readAddress(text), { kind: '', url: text })
    }
  })
})
