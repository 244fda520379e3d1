/**
 * Whether a host, as the URL parser writes it, is this machine itself: `localhost`, `127.…` or
 * `[::1]`. Only to these may a token be sent without TLS. Names under `.localhost` are excluded:
 * the name server decides what they resolve to (RFC 6761 §6.3 only asks it to behave).
 */
export function isLoopback(hostname: string): boolean {
  // The URL parser turns every spelling of an IPv4 address into four numbers.
  return hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d{1,3}){3}$/.test(hostname)
}

/** Whether a secret may be sent there: `https:`, or `http:` that does not leave the machine. */
export function isSafeAddress(url: URL): boolean {
  return url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url.hostname))
}
