import { getProxyForUrl } from 'proxy-from-env'

/** What an 'http proxy' node holds: where the proxy is, who we are, and for whom it is not used. */
export interface ProxySettings {
  /** URL of the proxy, `http:` or `https:`. */
  url: string
  username?: string
  password?: string
  /** Hosts that are reached directly: `host`, `host:port`, `.domain`, `10.1.`, `*`. */
  noProxy?: readonly string[]
}

/**
 * The proxy for a target. Without settings the usual variables (`HTTPS_PROXY`, `NO_PROXY` and
 * their lower-case forms) decide, as in Node-RED's own http request node.
 *
 * @returns the proxy's URL with the credentials inside, or `undefined` for a direct connection
 * @throws {TypeError} when the proxy's address is not an `http:` or `https:` URL
 */
export function proxyFor(target: URL, settings: ProxySettings | undefined): URL | undefined {
  if (settings === undefined) {
    const address = getProxyForUrl(target.href)
    return address === '' ? undefined : proxyUrl(address)
  }
  if (settings.noProxy?.some((entry) => isExempt(target, entry.trim().toLowerCase()))) {
    return undefined
  }
  const url = proxyUrl(settings.url)
  if (settings.username !== undefined && settings.username !== '') url.username = settings.username
  if (settings.password !== undefined && settings.password !== '') url.password = settings.password
  return url
}

function proxyUrl(address: string): URL {
  const url = URL.canParse(address) ? new URL(address) : undefined
  if (url === undefined || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    throw new TypeError('The address of the proxy must be an http: or https: URL.')
  }
  return url
}

function isExempt(target: URL, entry: string): boolean {
  if (entry === '') return false
  if (entry === '*') return true
  const host = target.hostname.toLowerCase()
  const port = target.port === '' ? (target.protocol === 'http:' ? '80' : '443') : target.port
  if (entry === `${host}:${port}` || entry === host || entry === host.replace(/^\[|\]$/g, '')) {
    return true
  }
  const suffix = entry.startsWith('*.') ? entry.slice(1) : entry
  // "10.1." stands for all addresses that start so.
  if (/^[\d.]+\.$/.test(suffix)) return host.startsWith(suffix)
  return host.endsWith(suffix.startsWith('.') ? suffix : `.${suffix}`)
}
