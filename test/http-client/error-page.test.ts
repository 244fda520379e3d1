import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  isFirewallPage,
  isLoginPage,
  meaningOfPage,
  wantsLateCertificate
} from '../../src/http-client/error-page.ts'

const MESSAGE = 'MSH|^~\\&|A|B'
const titled = (title: string): string =>
  `<html>\r\n<head><title>${title}</title></head>\r\n<body><hr>nginx</body>\r\n</html>\r\n`
const page = (body: string): string =>
  `<!doctype html>\n<html lang="en"><body>${body}</body></html>`

describe('a page with status 400', () => {
  const large = 'Request header is too large'
  for (const [text, meaning] of [
    [titled('400 No required SSL certificate was sent'), 'tls'],
    [titled('400 The SSL certificate error'), 'tls'],
    [titled('400 Request Header Or Cookie Too Large'), 431],
    [`\n${titled('400 The SSL certificate error').toUpperCase()}`, undefined],
    [` \n<HTML><HEAD> <TITLE>400 The SSL certificate error</TITLE></HEAD></HTML>`, 'tls'],
    [titled('400 Bad Request'), undefined],
    [titled('constructor'), undefined],
    [titled(`400 The SSL certificate error${'x'.repeat(60)}`), undefined],
    [`x${titled('400 The SSL certificate error')}`, undefined],
    [`${titled('400 The SSL certificate error')}${MESSAGE}`, undefined],
    [`${titled('400 The SSL certificate error')}MSA|AE|1`, undefined],
    [page(`<p>${large}</p>`), 431],
    [page(`<p>${large}</p>${MESSAGE}`), undefined],
    ['http: request body too large\n', 413],
    ['{"error":"Request entity too large"}', 413],
    [`request body too large: ${MESSAGE}`, undefined],
    [large, undefined],
    [page('Bad Request'), undefined],
    ['', undefined]
  ] as const) {
    it(`means ${meaning ?? 'what the status says'}: ${JSON.stringify(text.slice(0, 90))}`, () => {
      assert.equal(meaningOfPage(text), meaning)
    })
  }
})

describe('a page that asks for a login', () => {
  const field = '<input type="password" name="p">'
  for (const [what, text, isOne] of [
    ['a field for a password', page(field), true],
    ['with other attributes before', page('<input class="a b" id=p type=password>'), true],
    ['with blanks and a single quote', page("<input\n TYPE = 'password'>"), true],
    ['one for SAML', page('<input type="hidden" name="SAMLRequest" value="x">'), true],
    ['one for SAML without quotes', page('<input name = SAMLRequest>'), true],
    ['one for what was posted', page('<INPUT TYPE=HIDDEN NAME="SMPostPreserve">'), true],
    ['another field', page('<input type="text" name="q">'), false],
    ['like a password', page('<input type="passwords">'), false],
    ['like SAML', page('<input name="SAMLRequests">'), false],
    ['another element', page('<inputs type="password">'), false],
    ['the words in another element', page('<input><b type="password">'), false],
    ['a document without a declaration', `<html>${field}</html>`, true],
    ['a blank line before', ` \n<html >${field}</html>`, true],
    ['XHTML', `<?xml version="1.0"?>\n<!DOCTYPE html PUBLIC "x" "y">\n<html>${field}`, true],
    ['comments before', `<!-- a > b --> \n<!-- c --><html>${field}</html>`, true],
    ['a comment without an end', `<!-- <html>${field}</html>`, false],
    ['a page in a comment', `<!-- <html> --><p>${field}`, false],
    ['another document', `<htmls>${field}`, false],
    ['other XML', `<?xml version="1.0"?><reply>${field}</reply>`, false],
    ['text before', `Hello <html>${field}</html>`, false],
    ['HL7 in it', page(`${field}MSA|AA|1`), false],
    ['in the first 256 KiB', page(`${' '.repeat(262_000)}${field}`), true],
    ['behind them', page(`${' '.repeat(262_144)}${field}`), false]
  ] satisfies [string, string, boolean][]) {
    it(`is${isOne ? '' : ' not'} one with ${what}`, () => {
      assert.equal(isLoginPage(text), isOne)
    })
  }
})

describe('a firewall', () => {
  const f5 = 'The requested URL was rejected. Please consult with your administrator.'
  const imperva = 'Request unsuccessful. Incapsula incident ID: 7'
  const apache = page('Cannot perform Post-Handshake Authentication.')
  for (const [what, status, text, challenge, isOne] of [
    ['a page with 403', 403, page('Forbidden'), undefined, true],
    ['a page that names what lets the client in', 403, page('x'), 'Bearer', false],
    ['a page with 401', 401, page('x'), undefined, false],
    ['text with 403', 403, 'Forbidden', undefined, false],
    ['a page with HL7', 403, page(MESSAGE), undefined, false],
    ["Apache's page for a certificate", 403, apache, undefined, false],
    ["F5's page", 200, page(f5), undefined, true],
    ["F5's page with 202", 202, page(f5), undefined, true],
    ["F5's page with 299", 299, page(f5), 'Bearer', true],
    ["F5's page with 300", 300, page(f5), undefined, false],
    ["F5's page with 403", 403, page(f5), undefined, true],
    ["Imperva's page", 200, page(imperva), undefined, true],
    ["F5's words alone", 200, f5, undefined, false],
    ["F5's page with HL7", 200, page(`${f5}MSH|`), undefined, false],
    ['another page with 200', 200, page('Forbidden'), undefined, false]
  ] satisfies [string, number, string, string | undefined, boolean][]) {
    it(`has${isOne ? '' : ' not'} answered: ${what}`, () => {
      assert.equal(isFirewallPage(status, text, challenge), isOne)
    })
  }

  it('is not what wants a certificate after the handshake', () => {
    assert.equal(wantsLateCertificate(403, apache), true)
    assert.equal(wantsLateCertificate(400, apache), false)
    assert.equal(wantsLateCertificate(403, page('Forbidden')), false)
  })
})
