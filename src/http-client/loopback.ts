/**
 * Whether a host, as the URL parser writes it, is this machine itself: `localhost`, `127.…` or
 * `[::1]`. To these alone a token may travel without TLS. Names below `.localhost` are not among
 * them: what they resolve to is the name server's word (RFC 6761 §6.3 only asks it to behave).
 */
export function isLoopback(hostname: string): boolean {
  // The URL parser has turned every spelling of an IPv4 address into four numbers.
  return hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d{1,3}){3}$/.test(hostname)
}

/** Whether a secret may travel there: `https:`, or `http:` that does not leave the machine. */
export function isSafeAddress(url: URL): boolean {
  return url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url.hostname))
}
