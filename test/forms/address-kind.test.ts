import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { readAddress, type AddressKind } from '../../nodes/editor/address-kind.ts'

/** What is typed or pasted → what it is taken for, and the URL where that differs. */
const ADDRESSES: [text: string, kind: AddressKind, url?: string][] = [
  ['https://login.example.org/.well-known/openid-configuration', 'wellKnown'],
  ['https://login.example.org/realms/hl7/.well-known/openid-configuration', 'wellKnown'],
  ['https://login.example.org/.well-known/oauth-authorization-server/tenant', 'wellKnown'],
  ['https://fhir.example.org/r4/.well-known/smart-configuration', 'smart'],

  ['https://login.example.org/realms/hl7/protocol/openid-connect/token', 'tokenEndpoint'],
  ['https://login.example.org/tenant/oauth2/v2.0/token', 'tokenEndpoint'],
  ['https://login.example.org/oauth/token/', 'tokenEndpoint'],
  ['https://login.example.org/token?site=7', 'tokenEndpoint'],
  ['https://login.example.org/o/token/', 'tokenEndpoint'],
  ['https://login.example.org/api/auth/oauth2/token', 'tokenEndpoint'],
  ['https://login.example.org/oauth/client_credential/accesstoken', 'tokenEndpoint'],
  ['https://login.example.org/as/token.oauth2', 'tokenEndpoint'],
  ['https://login.example.org/oauth_token.do', 'tokenEndpoint'],

  ['https://login.example.org', 'issuer'],
  // An issuer is compared character by character: its final slash stays.
  ['https://login.example.org/', 'issuer'],
  ['https://login.example.org/realms/tokens-of-hl7/', 'issuer'],
  ['https://[2001:db8::1]:8443/realms/hl7', 'issuer'],

  // Characters that were copied with it.
  [' https://login.example.org \n', 'issuer', 'https://login.example.org'],
  ['"https://login.example.org",', 'issuer', 'https://login.example.org'],
  ['<https://login.example.org>', 'issuer', 'https://login.example.org'],
  [`"'https://login.example.org',`, 'issuer', 'https://login.example.org'],
  ["https://login.example.org/o'brien,x;y/hl7", 'issuer'],
  ['https://login.example.org#top', 'issuer', 'https://login.example.org'],

  ['${ISSUER}', ''],
  ['login.example.org', ''],
  [' login.example.org ', '', 'login.example.org'],
  ['http://login.example.org', ''],
  ['https://login.example.org/realms/my realm', ''],
  ['', '']
]

describe('the address of a token server', () => {
  for (const [text, kind, url = text] of ADDRESSES) {
    it(`${JSON.stringify(text)} is ${kind || 'left as it is'}`, () => {
      assert.deepEqual(readAddress(text), { kind, url })
    })
  }
})
