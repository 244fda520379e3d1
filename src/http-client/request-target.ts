/** What may not stand in a request (RFC 3986 §3.3, §3.4), but is left as it is by the URL standard. */
const MUST_BE_ENCODED = /["<>[\\\]^`{|}]/g

/**
 * The path and query of a URL as they are sent: percent-encoded where the URL standard leaves them as they were
 * written. Tomcat and the server of the JDK answer 400 otherwise.
 */
export function requestTarget({ pathname, search }: URL): string {
  return encoded(pathname + search)
}

/** The URL with path and query as they are sent. */
export function asRequested(url: URL): URL {
  const requested = new URL(url)
  requested.pathname = encoded(url.pathname)
  requested.search = encoded(url.search)
  return requested
}

function encoded(text: string): string {
  return text.replace(MUST_BE_ENCODED, encodeURIComponent)
}
