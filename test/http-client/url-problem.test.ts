import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { typedUrlProblem, urlProblem } from '../../src/http-client/url-problem.ts'

describe('urlProblem', () => {
  const longHost = `${'a'.repeat(63)}.${'b'.repeat(63)}.${'c'.repeat(63)}.example.org`
  for (const url of [
    'https://hl7.example.org',
    'HTTPS://hl7.example.org/adt?site=7#top',
    ' https://hl7.example.org/ ',
    'https://hl7_gateway.intern/in',
    'https://[2001:db8::1]:8443/in',
    'https://192.0.2.7:443',
    `https://${longHost}/in`,
    'https://krankenhaus-köln.example/in',
    'http://localhost:2575/in',
    'http://LOCALHOST',
    'http://127.0.0.1:8080/',
    'http://127.1.2.3/',
    'http://[::1]:8080/'
  ]) {
    it(`accepts ${url}`, () => {
      assert.equal(urlProblem(url), undefined)
    })
  }
  for (const [url, problem] of [
    ['', 'urlEmpty'],
    ['  ', 'urlEmpty'],
    ['hl7.example.org', 'urlInvalid'],
    ['hl7.example.org:8443/in', 'urlInvalid'],
    ['localhost:8443/in', 'urlInvalid'],
    ['https://', 'urlAuthority'],
    ['https://hl7.example.org:99999/', 'urlAuthority'],
    ['https://two words/', 'urlAuthority'],
    ['ftp://hl7.example.org/', 'urlScheme'],
    ['mllp://hl7.example.org:2575', 'urlScheme'],
    ['http://hl7.example.org/', 'urlPlainHttp'],
    ['http://engine.localhost/', 'urlPlainHttp'],
    ['http://localhost.example.org/', 'urlPlainHttp'],
    ['http://127.0.0.1.example.org/', 'urlPlainHttp'],
    ['https://user:secret@hl7.example.org/', 'urlUserInfo'],
    ['https://user@hl7.example.org/', 'urlUserInfo'],
    ['https://${HOST}/in', 'urlPartialVariable'],
    ['https://hl7.example.org/${WARD}', 'urlPartialVariable']
  ] as const) {
    it(`refuses ${url === '' ? 'nothing' : url}`, () => {
      assert.equal(urlProblem(url), problem)
    })
  }
})

describe('typedUrlProblem', () => {
  for (const [url, problem] of [
    ['https://hl7.example.org/in', undefined],
    [' https://hl7.example.org/in ', undefined],
    ['https://hl7.example.org/in box', 'urlBlank'],
    ['https://hl7.example.org/a\tb', 'urlBlank'],
    ['', 'urlEmpty'],
    ['two words', 'urlInvalid']
  ] as const) {
    it(`${problem === undefined ? 'accepts' : 'refuses'} "${url}"`, () => {
      assert.equal(typedUrlProblem(url), problem)
    })
  }
})
