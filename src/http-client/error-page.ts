/** What nginx means by a 400, by the title of its page. */
const meanings: Readonly<Record<string, 'tls' | 431>> = {
  '400 The SSL certificate error': 'tls',
  '400 No required SSL certificate was sent': 'tls',
  '400 Request Header Or Cookie Too Large': 431
}

const title = /^\s*<html>\s*<head>\s*<title>([\w ]{1,60})<\/title>/i
const page = /^\s*(?:<!doctype html[^<>]{0,200}>\s*)?<html[\s>]/i
/** What Tomcat's page says, unless it is told to give no reasons. */
const tomcatTooLarge = 'Request header is too large'
const hl7 = /M(?:SH|SA)\|/

/**
 * What an error page says that its status does not: nginx answers 400 where it wants a client certificate, or another
 * one, and where the headers, and so the token, are too large; Tomcat where the headers are.
 */
export function meaningOfPage(text: string): 'tls' | 431 | undefined {
  const [, found = ''] = title.exec(text) ?? []
  const isTooLarge = page.test(text) && text.includes(tomcatTooLarge)
  const meaning = isTooLarge ? 431 : Object.hasOwn(meanings, found) ? meanings[found] : undefined
  return meaning !== undefined && !hl7.test(text) ? meaning : undefined
}

/** Whether Apache wanted a client certificate after the handshake, which Node.js cannot offer with TLS 1.3. */
export function wantsLateCertificate(status: number, text: string): boolean {
  return status === 403 && text.includes('Cannot perform Post-Handshake Authentication')
}
