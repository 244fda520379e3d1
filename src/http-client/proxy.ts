import { BlockList, isIPv4 } from 'node:net'
import { english } from '../english.ts'
import { readSecret, type Secret } from '../secret-file.ts'
import { secretFileFailed } from './failures.ts'
import { HttpError } from './http-error.ts'

/** The settings of an 'http proxy' node: the proxy's address, credentials and exceptions. */
export interface ProxySettings {
  /** URL of the proxy, `http:` or `https:`. */
  url: string
  username?: string
  password?: Secret
  /** Hosts that are reached directly: `host`, `host:port`, `.domain`, `*`. */
  noProxy?: readonly string[]
}

/** A host and port; an IPv6 address without brackets. */
export interface Address {
  host: string
  port: number
}

/** A proxy, as it is asked for a tunnel. */
export interface Proxy extends Address {
  isSecure: boolean
  /** Value of `Proxy-Authorization`; undefined without credentials. */
  authorization: string | undefined
}

/** Settings with the password as it is now. */
type CurrentProxy = ProxySettings & { password?: string }

/** @throws {HttpError} `ERR_SECRET_FILE` */
export async function currentProxy(settings: ProxySettings): Promise<CurrentProxy> {
  const { password, ...others } = settings
  if (password === undefined) return others
  return { ...others, password: await readSecret(password).catch(secretFileFailed) }
}

/**
 * The proxy through which a server is reached: that of the node, else that of the variables `HTTPS_PROXY` and
 * `NO_PROXY`, in upper or lower case.
 *
 * @returns undefined if it is reached directly
 * @throws {HttpError} `ERR_PROXY_ADDRESS` if the proxy's address is not an `http:` or `https:` URL
 */
export function proxyTo(server: Address, settings: CurrentProxy | undefined): Proxy | undefined {
  const { env } = process
  const address = settings?.url ?? (env['https_proxy'] || env['HTTPS_PROXY'] || undefined)
  if (address === undefined) return undefined
  const url = URL.parse(address)
  if (url === null || !/^https?:$/.test(url.protocol)) {
    const text = english('log', 'network.proxyAddress')
    throw new HttpError(text, { code: 'ERR_PROXY_ADDRESS', family: 'connect', atProxy: true })
  }
  const exempt =
    settings === undefined
      ? (env['no_proxy'] || env['NO_PROXY'] || '').split(',')
      : (settings.noProxy ?? []).flatMap(withSubdomains)
  if (exempt.some((entry) => isExempt(server, plain(entry)))) return undefined
  const isSecure = url.protocol === 'https:'
  const username = settings?.username || decoded(url.username)
  const password = settings?.password || decoded(url.password)
  const credentials = Buffer.from(`${username}:${password}`).toString('base64')
  return {
    host: withoutBrackets(url.hostname),
    port: Number(url.port || (isSecure ? 443 : 80)),
    isSecure,
    authorization: username || password ? `Basic ${credentials}` : undefined
  }
}

/** `[::1]` as `::1`. */
export function withoutBrackets(host: string): string {
  return host.replace(/^\[|\]$/g, '')
}

/** A text with a percent sign that encodes nothing is kept as it is. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

function plain(entry: string): string {
  return entry.trim().toLowerCase().replaceAll(/[[\]]/g, '')
}

/** In the node, a host stands for its subdomains too. */
function withSubdomains(entry: string): string[] {
  const host = plain(entry).replace(/^\*?\./, '')
  return host === '' ? [] : [host, `.${host}`]
}

/**
 * As Node.js's agents read `NO_PROXY` (`proxyEnv`).
 *
 * @param entry `*`, `host`, `host:port`, `.domain` with the domain itself, `*.domain`, or a range of IPv4 addresses
 */
function isExempt({ host, port }: Address, entry: string): boolean {
  const name = host.toLowerCase()
  if (entry === '*' || entry === name || entry === `${name}:${port}`) return true
  if (entry.startsWith('.')) return name === entry.slice(1) || name.endsWith(entry)
  if (entry.startsWith('*.')) return name.endsWith(entry.slice(1))
  const [from = '', to = ''] = entry.split('-').map((end) => end.trim())
  if (!isIPv4(name) || !isIPv4(from) || !isIPv4(to)) return false
  const range = new BlockList()
  try {
    range.addRange(from, to)
  } catch {
    // It ends before it begins.
    return false
  }
  return range.check(name)
}
