import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { headerNameProblem, headerValueProblem } from '../../src/https/header-values.ts'

describe('a header name', () => {
  it('is any token', () => {
    for (const name of ['client', 'UPHN-INFOMAP', 'x_y.z', "!#$%&'*+-.^`|~", '__proto__']) {
      assert.equal(headerNameProblem(name), undefined)
    }
  })

  it('is not what would break the request, in whatever letters', () => {
    for (const name of ['Host', 'CONTENT-LENGTH', 'transfer-encoding', 'Expect', 'Connection']) {
      assert.match(headerNameProblem(name) ?? '', /set by the connection itself/)
    }
    assert.match(headerNameProblem('Content-Type') ?? '', /a field of its own/)
  })

  it('is nothing with another letter, which is shown as ?', () => {
    for (const name of ['', 'a b', 'a:', 'a\r\nb', 'a\0', 'é', 'a"b', '(a)', '\u2028']) {
      const problem = headerNameProblem(name)
      assert.match(problem ?? '', /is not a header name$/)
      assert.match(problem ?? '', /^[ -~]+$/)
    }
    assert.ok((headerNameProblem(' '.repeat(10_000)) ?? '').length < 200)
  })
})

describe('a header value', () => {
  it('may hold commas, quotes, JSON, tabs and Latin-1', () => {
    for (const value of ['', 'a, b', '{"a":"b"}', 'a\tb', 'Søndergård', 'ÿ']) {
      assert.equal(headerValueProblem(value), undefined)
    }
  })

  it('may not hold what ends a header, a control character, or what has no byte', () => {
    for (const value of [
      'a\rb',
      'a\nb',
      'a\r\n',
      '\0',
      '\x01',
      '\x1b',
      '\x7f',
      'Ā',
      '\ud83d\ude00'
    ]) {
      const problem = headerValueProblem(`secret${value}`)
      assert.match(problem ?? '', /^it holds a /)
      assert.ok(!problem?.includes('secret'))
    }
  })
})
