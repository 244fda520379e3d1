import { getProxyForUrl } from 'proxy-from-env'
import { Failure } from './failure.ts'

/** The settings of an 'http proxy' node: the proxy's address, credentials and exceptions. */
export interface ProxySettings {
  /** URL of the proxy, `http:` or `https:`. */
  url: string
  username?: string
  password?: string
  /** Hosts that are reached directly: `host`, `host:port`, `.domain`, `10.1.`, `*`. */
  noProxy?: readonly string[]
}

/** A proxy that is asked to open a tunnel (RFC 9110 §9.3.6). */
export interface Proxy {
  url: URL
  /** Value of the `Proxy-Authorization` header. */
  authorization: string | undefined
}

/**
 * The proxy for a target. Without settings, the usual variables (`HTTPS_PROXY`, `NO_PROXY` and
 * their lower-case forms) decide, as in Node-RED's own http request node. A plain `http:` target is
 * this machine (contract: `url`) and is reached directly: to a proxy, "localhost" is another
 * machine, which would get token and message in clear text.
 *
 * @returns `undefined` for a direct connection
 * @throws {Failure} `ERR_PROXY_ADDRESS` if the proxy's address is not an `http:` or `https:` URL
 */
export function proxyFor(target: URL, settings: ProxySettings | undefined): Proxy | undefined {
  if (target.protocol === 'http:') return undefined
  if (settings === undefined) {
    const address = getProxyForUrl(target.href)
    return address === '' ? undefined : proxy(address)
  }
  if (settings.noProxy?.some((entry) => isExempt(target, entry.trim().toLowerCase()))) {
    return undefined
  }
  return proxy(settings.url, settings.username, settings.password)
}

/** Credentials in the address are used if none are given separately. */
function proxy(address: string, username = '', password = ''): Proxy {
  const url = URL.canParse(address) ? new URL(address) : undefined
  if (url === undefined || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    throw new Failure(
      'ERR_PROXY_ADDRESS',
      'connect',
      'the address of the proxy is not an http: or https: URL',
      true
    )
  }
  const credentials = `${username || decoded(url.username)}:${password || decoded(url.password)}`
  const authorization =
    credentials === ':' ? undefined : `Basic ${Buffer.from(credentials).toString('base64')}`
  return { url, authorization }
}

/** A text with a percent sign that encodes nothing is kept as it is. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

function isExempt(target: URL, entry: string): boolean {
  if (entry === '') return false
  if (entry === '*') return true
  const host = target.hostname.toLowerCase()
  const port = target.port === '' ? '443' : target.port
  if (entry === `${host}:${port}` || entry === host || entry === host.replace(/^\[|\]$/g, '')) {
    return true
  }
  const [, domain = entry, only = port] = /^(\*?\..*):(\d{1,5})$/.exec(entry) ?? []
  if (only !== port) return false
  const suffix = domain.startsWith('*.') ? domain.slice(1) : domain
  // "10.1." matches all addresses that start with it.
  if (/^[\d.]+\.$/.test(suffix)) return host.startsWith(suffix)
  return host.endsWith(suffix.startsWith('.') ? suffix : `.${suffix}`)
}
