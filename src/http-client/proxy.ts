import type { ProxyEnv } from 'node:http'
import { english } from '../english.ts'
import { HttpError } from './http-error.ts'

/** The settings of an 'http proxy' node: the proxy's address, credentials and exceptions. */
export interface ProxySettings {
  /** URL of the proxy, `http:` or `https:`. */
  url: string
  username?: string
  password?: string
  /** Hosts that are reached directly: `host`, `host:port`, `.domain`, `*`. */
  noProxy?: readonly string[]
}

/**
 * The proxy as Node.js's agents take it (`proxyEnv`): that of the node, else the variables
 * `HTTPS_PROXY` and `NO_PROXY`, in upper or lower case.
 *
 * @returns `undefined` if there is none
 * @throws {HttpError} `ERR_PROXY_ADDRESS` if its address is not an `http:` or `https:` URL, which
 *   Node.js would ignore
 */
export function proxyEnvironment(settings: ProxySettings | undefined): ProxyEnv | undefined {
  const { env } = process
  const address = settings?.url ?? (env['https_proxy'] || env['HTTPS_PROXY'] || undefined)
  if (address === undefined) return undefined
  const url = URL.parse(address)
  if (url === null || !/^https?:$/.test(url.protocol)) {
    const text = english('log', 'network.proxyAddress')
    throw new HttpError(text, { code: 'ERR_PROXY_ADDRESS', family: 'connect', atProxy: true })
  }
  url.username = encodeURIComponent(settings?.username || decoded(url.username))
  url.password = encodeURIComponent(settings?.password || decoded(url.password))
  const exempt =
    settings === undefined
      ? { no_proxy: env['no_proxy'], NO_PROXY: env['NO_PROXY'] }
      : { no_proxy: settings.noProxy?.flatMap(exemptions).join(',') }
  return { https_proxy: url.href, ...exempt }
}

/** A text with a percent sign that encodes nothing is kept as it is; Node.js would throw. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/**
 * In the node, a host stands for its subdomains too. Node.js wants no brackets, and a wildcard for
 * subdomains: with a dot alone, 22.21 also exempts `notexample.org`.
 */
function exemptions(entry: string): string[] {
  const host = entry
    .trim()
    .replaceAll(/[[\]]/g, '')
    .replace(/^\*?\./, '')
  return host === '' || host === '*' ? [host] : [host, `*.${host}`]
}
