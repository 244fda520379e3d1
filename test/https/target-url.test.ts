import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { targetUrl } from '../../src/https/target-url.ts'

describe('targetUrl', () => {
  const good: [text: string, href: string][] = [
    ['https://hl7.example.org', 'https://hl7.example.org/'],
    [' https://hl7.example.org:8443/a%20b?x=1&y#z ', 'https://hl7.example.org:8443/a%20b?x=1&y'],
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

  const bad = [
    '',
    '  ',
    'hl7.example.org',
    '//hl7.example.org/',
    'https://',
    'ftp://127.0.0.1/',
    'file:///etc/passwd',
    'http://hl7.example.org/',
    'http://localhost.example.org/',
    'http://127.0.0.1.example.org/',
    'http://128.0.0.1/',
    'http://0.0.0.0/',
    'http://[::2]/',
    'https://user@hl7.example.org/',
    'https://:secret@hl7.example.org/',
    'http://127.0.0.1@hl7.example.org/'
  ]
  for (const text of bad) {
    it(`refuses "${text}" without quoting it`, () => {
      const { url, problem = '' } = targetUrl(text)
      assert.equal(url, undefined)
      assert.match(problem, /^the URL /)
      for (const part of ['secret', 'example.org', 'passwd']) assert.ok(!problem.includes(part))
    })
  }
})
