import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { UrlProblem } from '../../src/http-client/url-problem.ts'
import { targetUrl } from '../../src/hl7-over-http/target-url.ts'

describe('targetUrl', () => {
  const good: [text: string, href: string][] = [
    ['https://hl7.example.org', 'https://hl7.example.org/'],
    [' https://hl7.example.org:8443/a%20b?x=1&y#z ', 'https://hl7.example.org:8443/a%20b?x=1&y'],
    // As copied from a web page or a word processor.
    ['\u00a0https://hl7.example.org/x\u00a0', 'https://hl7.example.org/x'],
    ['http://localhost:8080/x', 'http://localhost:8080/x'],
    ['http://127.0.0.1/', 'http://127.0.0.1/'],
    ['http://127.1/', 'http://127.0.0.1/'],
    ['http://[::1]:9/', 'http://[::1]:9/'],
    ['http://LOCALHOST/', 'http://localhost/']
  ]
  for (const [text, href] of good) {
    it(`accepts ${text}`, () => {
      assert.equal(targetUrl(text).url?.href, href)
    })
  }

  const bad: [text: string, problem: UrlProblem][] = [
    ['', 'urlEmpty'],
    ['  ', 'urlEmpty'],
    ['hl7.example.org', 'urlInvalid'],
    ['//hl7.example.org/', 'urlInvalid'],
    ['https://', 'urlAuthority'],
    ['ftp://127.0.0.1/', 'urlScheme'],
    ['file:///etc/passwd', 'urlScheme'],
    ['http://hl7.example.org/', 'urlPlainHttp'],
    ['http://localhost.example.org/', 'urlPlainHttp'],
    ['http://127.0.0.1.example.org/', 'urlPlainHttp'],
    ['http://128.0.0.1/', 'urlPlainHttp'],
    ['http://0.0.0.0/', 'urlPlainHttp'],
    ['http://[::2]/', 'urlPlainHttp'],
    ['https://user@hl7.example.org/', 'urlUserInfo'],
    ['https://:secret@hl7.example.org/', 'urlUserInfo'],
    ['http://127.0.0.1@hl7.example.org/', 'urlUserInfo']
  ]
  for (const [text, expected] of bad) {
    it(`refuses "${text}" as ${expected}`, () => {
      assert.deepEqual(targetUrl(text), { problem: expected })
    })
  }
})
