import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  headerNameProblem,
  headerValueProblem,
  tokenHeaderNameProblem
} from '../../src/hl7-over-http/http-header-problem.ts'

describe('a header name', () => {
  it('is any token', () => {
    for (const name of ['client', 'UPHN-INFOMAP', 'x_y.z', "!#$%&'*+-.^`|~", '__proto__']) {
      assert.equal(headerNameProblem(name), undefined)
    }
  })

  it('is not one that would break the request, in any case', () => {
    for (const name of [
      ...['Host', 'CONTENT-LENGTH', 'transfer-encoding', 'Expect', 'Connection'],
      ...['TE', 'Trailer', 'Upgrade']
    ]) {
      assert.equal(headerNameProblem(name), 'headerReserved', name)
    }
    assert.equal(headerNameProblem('Content-Type'), 'headerContentType')
  })

  it('is Connection only with the fixed value close', () => {
    for (const value of ['close', ' Close ']) {
      assert.equal(headerNameProblem('connection', value), undefined)
    }
    for (const value of ['keep-alive', 'close, upgrade', '', undefined]) {
      assert.equal(headerNameProblem('Connection', value), 'headerReserved')
    }
    assert.equal(headerNameProblem('Keep-Alive', 'close'), 'headerReserved')
  })

  it('has no other characters', () => {
    for (const name of ['', 'a b', 'a:', 'a\r\nb', 'a\0', 'é', 'a"b', '(a)', '\u2028']) {
      assert.equal(headerNameProblem(name), 'headerName')
    }
  })
})

describe('the name of a header of a token request', () => {
  it('is any but those that the node itself sets', () => {
    for (const name of ['Ocp-Apim-Subscription-Key', 'x-api-key', 'Accept']) {
      assert.equal(tokenHeaderNameProblem(name), undefined)
    }
    for (const name of ['authorization', 'Content-Type', 'CONTENT-LENGTH', 'Host', 'Connection']) {
      assert.equal(tokenHeaderNameProblem(name), 'headerReserved')
    }
    assert.equal(tokenHeaderNameProblem('a b'), 'headerName')
  })
})

describe('a header value', () => {
  it('may contain commas, quotes, JSON, tabs and Latin-1', () => {
    for (const value of ['', 'a, b', '{"a":"b"}', 'a\tb', 'Søndergård', 'ÿ']) {
      assert.equal(headerValueProblem(value), undefined)
    }
  })

  it('may not contain line ends, control characters, or characters beyond Latin-1', () => {
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
      assert.equal(headerValueProblem(`secret${value}`), 'headerValue')
    }
  })
})
