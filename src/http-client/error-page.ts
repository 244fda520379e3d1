/** What nginx means by a 400, by the title of its page. */
const meanings: Readonly<Record<string, 'tls' | 431>> = {
  '400 The SSL certificate error': 'tls',
  '400 No required SSL certificate was sent': 'tls',
  '400 Request Header Or Cookie Too Large': 431
}

const title = /^\s*<html>\s*<head>\s*<title>([\w ]{1,60})<\/title>/i
/** What stands before the first element of a page: comments, as in the pages of IBM's WebSEAL and of SiteMinder, too. */
const prolog = /\s*(?:<!--|<\?xml\s[^<>]{0,200}>|<!doctype html[^<>]{0,200}>)/iy
const html = /\s*<html[\s>]/iy
/** What the page of Tomcat says, unless it is told to give no reasons; and that of Apache. */
const tooLarge = /Request header is too large|Size of a request header field exceeds server limit/
/** What F5's firewalls say (BIG-IP, NGINX App Protect), with status 200 unless that was changed; and Imperva's. */
const rejection =
  /The requested URL was rejected\. Please consult with your administrator\.|Request unsuccessful\. Incapsula incident ID/
/** The first is that of oauth2-proxy, which leads to a login elsewhere. */
const loginForm =
  /<form\s[^<>]{0,200}?action\s{0,4}=\s{0,4}["'][^"'<>]{0,100}\/start["'][^<>]{0,200}>\s{0,100}<input\s[^<>]{0,100}?name="rd"|<input\s[^<>]{0,400}?(?:type\s{0,4}=\s{0,4}["']?password|name\s{0,4}=\s{0,4}["']?(?:SAMLRequest|SMPostPreserve))\b/i
/** How much of a page is searched, in characters. */
const searched = 262_144
const hl7 = /M(?:SH|SA)\|/
/** HAProxy's, which has then connected to nothing. */
const noServer = 'No server is available to handle this request'
/** Unless its owner has another one. */
const varnish = /<h3>Guru Meditation:<\/h3>|<p>Varnish cache server<\/p>/
/** What Go's MaxBytesReader says, and those that copy it, in an answer of a few words. */
const bodyTooLarge = /request (?:body|entity) (?:is )?too large/i
const MOST_WORDS = 500

function isPage(text: string): boolean {
  let at = 0
  for (;;) {
    const found = matchAt(prolog, text, at)
    if (found === undefined) return matchAt(html, text, at) !== undefined
    at += found.length
    if (!found.endsWith('<!--')) continue
    const end = text.indexOf('-->', at)
    if (end === -1) return false
    at = end + 3
  }
}

function matchAt(pattern: RegExp, text: string, at: number): string | undefined {
  pattern.lastIndex = at
  return pattern.exec(text)?.[0]
}

/** Whether a text is a web page that says nothing of a message. */
export function isPageWithoutHl7(text: string): boolean {
  return isPage(text) && !hl7.test(text)
}

/**
 * What an error page says that its status does not: nginx answers 400 where it wants a client certificate, or another
 * one, and where the headers, and so the token, are too large; Tomcat and Apache where the headers are; servers in Go
 * where the body is.
 */
export function meaningOfPage(text: string): 'tls' | 413 | 431 | undefined {
  if (text.length < MOST_WORDS && bodyTooLarge.test(text) && !hl7.test(text)) return 413
  const [, found = ''] = title.exec(text) ?? []
  const isTooLarge = isPage(text) && tooLarge.test(text)
  const meaning = isTooLarge ? 431 : Object.hasOwn(meanings, found) ? meanings[found] : undefined
  return meaning !== undefined && !hl7.test(text) ? meaning : undefined
}

/**
 * Whether the page asks for a login: it has a field for a password, or leads to a server that does (SAML 2.0, HTTP-POST
 * binding; SiteMinder, which gives back to the browser what was posted; oauth2-proxy).
 */
export function isLoginPage(text: string): boolean {
  return isPageWithoutHl7(text) && loginForm.test(text.slice(0, searched))
}

/** Whether a redirect leads to a login: of OAuth 2.0 (RFC 6749 §4.1.1), or SAML 2.0 (HTTP-Redirect binding). */
export function leadsToLogin(location = ''): boolean {
  const names = new Set(new URLSearchParams(location.replace(/^[^?]*/, '')).keys())
  return names.has('SAMLRequest') || (names.has('response_type') && names.has('client_id'))
}

/**
 * Whether Varnish has made this 503 itself. It does so, too, where the server behind it has taken a request, and then broken
 * off.
 */
export function isVarnishPage(server: string, text: string): boolean {
  return /^varnish\b/i.test(server) || (isPage(text) && varnish.test(text))
}

/** Whether a gateway had no server to connect to, however long it looked for one. */
export function isNoServerPage(text: string): boolean {
  return isPage(text) && text.includes(noServer)
}

/** Whether a firewall has rejected the request in a page that comes with any status. */
export function isRejection(text: string): boolean {
  return isPageWithoutHl7(text) && rejection.test(text)
}

/**
 * Whether a gateway or firewall has answered: with 403 and a web page, and without naming what would let the client in,
 * as a server does that has judged its token (RFC 9110 §11.6.1); or with 2xx and a page that rejects.
 */
export function isFirewallPage(
  status: number,
  text: string,
  challenge: string | undefined
): boolean {
  if (status >= 200 && status < 300) return isRejection(text)
  const isOfServer = challenge !== undefined || wantsLateCertificate(status, text)
  return status === 403 && !isOfServer && isPageWithoutHl7(text)
}

/** Whether Apache wanted a client certificate after the handshake, which Node.js cannot offer with TLS 1.3. */
export function wantsLateCertificate(status: number, text: string): boolean {
  return status === 403 && text.includes('Cannot perform Post-Handshake Authentication')
}
