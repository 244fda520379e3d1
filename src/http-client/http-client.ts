import http, { type Agent } from 'node:http'
import https from 'node:https'
import got, { type RequestFunction } from 'got'
import { systemClock, type Clock } from '../clock.ts'
import { createAgent, type TlsSettings } from './agent.ts'
import { DAY_MS, endingFirst, type CertificateDates } from './certificates.ts'
import { Exchange } from './exchange.ts'
import { Failure } from './failure.ts'
import { proxyFor, type ProxySettings } from './proxy.ts'
import { TargetAgent } from './target-agent.ts'
import { transfer, type HttpReply } from './transfer.ts'

export interface HttpClientSettings {
  tls?: TlsSettings | undefined
  /** An 'http proxy' node's settings; default: the environment variables. */
  proxy?: ProxySettings | undefined
  /**
   * Connections to one target that are kept for later requests. No request waits for one: the
   * caller decides how many run at a time.
   */
  maxConnections: number
  /** Limit for lookup, connect, proxy and TLS handshake together, in milliseconds. */
  connectTimeoutMs: number
  /** Limit for the body of an answer, after decoding, in bytes. */
  maxResponseBytes: number
  /** Receives the reason if a reusable connection is closed; the same at most once a minute. */
  onNotice?: ((text: string) => void) | undefined
  /** For the age of what is known about certificates. */
  clock?: Clock | undefined
}

export interface HttpRequest {
  method: 'GET' | 'POST' | 'PUT'
  url: URL
  /** Names are sent in the case in which they are given. */
  headers: Record<string, string>
  body?: Buffer | string | undefined
  /**
   * Limit in milliseconds from the end of the request to the end of the answer. While the request
   * is still being sent, the limit for a stall.
   */
  responseTimeoutMs: number
  /** Ends the request with an `HttpError` of code `ERR_ABORTED`. */
  signal?: AbortSignal | undefined
}

export type { HttpReply } from './transfer.ts'

/** The same notice is repeated only after this time, in milliseconds. */
const NOTICE_AGAIN_MS = 60_000

/**
 * A server with no request for this long, while another had some, is no longer in use, such as a
 * token endpoint that has moved. Discovery asks once a day. In milliseconds.
 */
const IN_USE_MS = 3 * DAY_MS

const plainGot = got.extend({
  followRedirect: false,
  retry: { limit: 0 },
  throwHttpErrors: false
})

/**
 * The only HTTP client: got with the TLS settings, proxy, timeouts and size limit that tokens and
 * HL7 share. It follows no redirects, retries nothing and keeps no cookies: each of these could
 * carry a token or a message to a server that nobody configured.
 */
export class HttpClient {
  readonly #settings: HttpClientSettings
  /** By origin. */
  readonly #agents = new Map<string, Agent>()
  readonly #exchanges = new Set<Exchange>()
  /** When each notice was last given. */
  readonly #noticed = new Map<string, number>()
  #closed = false

  constructor(settings: HttpClientSettings) {
    this.#settings = settings
  }

  /**
   * Sends one request and reads the whole answer, whatever its status.
   *
   * @throws {HttpError} if there is no complete answer
   */
  async request(request: HttpRequest): Promise<HttpReply> {
    const { method, url, body, responseTimeoutMs, signal } = request
    const exchange = new Exchange(url, { ...this.#settings, responseTimeoutMs }, (why) => {
      this.#notice(`${url.host}: ${why}.`)
    })
    const onAbort = (): void => {
      exchange.fail(aborted())
    }
    this.#exchanges.add(exchange)
    signal?.addEventListener('abort', onAbort, { once: true })
    try {
      if (this.#closed || signal?.aborted === true) throw aborted()
      const bytes = typeof body === 'string' ? Buffer.from(body) : body
      const write = writing(method, headersOf(request, bytes), this.#agent(url), exchange)
      const stream = plainGot.stream(url, { method, request: write })
      exchange.follow(stream)
      return await transfer(stream, bytes, exchange)
    } catch (thrown) {
      const error = exchange.translate(thrown)
      if (error.isStale) this.#closeIdle(url)
      throw error
    } finally {
      exchange.end()
      this.#exchanges.delete(exchange)
      signal?.removeEventListener('abort', onAbort)
    }
  }

  /**
   * The certificate of the server, as full handshakes have shown it; undefined until there was one.
   * Of several servers' the one that ends first.
   */
  get certificate(): CertificateDates | undefined {
    const agents = [...this.#agents.values()].filter((agent) => agent instanceof TargetAgent)
    const lastAskedAt = Math.max(...agents.map(({ askedAt }) => askedAt))
    return endingFirst(
      agents
        .filter(({ askedAt }) => askedAt >= lastAskedAt - IN_USE_MS)
        .map(({ certificate }) => certificate.dates)
    )
  }

  /** Closes every connection for good. Requests in flight, and later ones, end with `ERR_ABORTED`. */
  close(): void {
    this.#closed = true
    for (const exchange of this.#exchanges) exchange.fail(aborted())
    for (const agent of this.#agents.values()) agent.destroy()
    this.#agents.clear()
  }

  #notice(text: string): void {
    const now = performance.now()
    if (now - (this.#noticed.get(text) ?? -Infinity) < NOTICE_AGAIN_MS) return
    this.#noticed.set(text, now)
    this.#settings.onNotice?.(text)
  }

  /** If the server has closed one kept connection, it may have closed the others as well. */
  #closeIdle(url: URL): void {
    for (const sockets of Object.values(this.#agents.get(url.origin)?.freeSockets ?? {})) {
      for (const socket of sockets ?? []) socket.destroy()
    }
  }

  #agent(url: URL): Agent {
    let agent = this.#agents.get(url.origin)
    if (agent === undefined) {
      const { proxy, tls, maxConnections, connectTimeoutMs, clock = systemClock } = this.#settings
      agent = createAgent(url, proxyFor(url, proxy), tls, maxConnections, connectTimeoutMs, clock)
      this.#agents.set(url.origin, agent)
    }
    if (agent instanceof TargetAgent) agent.beforeRequest()
    return agent
  }
}

/** The headers that are sent, with names in the given case. */
function headersOf({ headers }: HttpRequest, body: Buffer | undefined): Record<string, string> {
  const given = new Set(Object.keys(headers).map((name) => name.toLowerCase()))
  const defaults = {
    'user-agent': 'node-red-hl7-https-out',
    'accept-encoding': 'gzip, deflate, br',
    ...(body === undefined ? undefined : { 'content-length': String(body.length) })
  }
  const missing = Object.entries(defaults).filter(([name]) => !given.has(name))
  return { ...Object.fromEntries(missing), ...headers }
}

/**
 * Makes Node.js's request for got. The headers, with token and secrets, pass got by: its errors
 * contain all that it knows, and it would send names in lower case. HTTP ignores case (RFC 9110
 * §5.1), but some programs behind gateways do not (`UPHN-INFOMAP`).
 */
function writing(
  method: string,
  headers: Record<string, string>,
  agent: Agent,
  exchange: Exchange
): RequestFunction {
  return (url, _options, callback) => {
    const { request } = url.protocol === 'https:' ? https : http
    // None of got's options either: most are undefined, and Node.js is slow to copy them.
    const sent = request(url, { method, agent, headers }, callback)
    exchange.observe(sent)
    return sent
  }
}

function aborted(): Failure {
  return new Failure('ERR_ABORTED', undefined, 'the request was cancelled on this side')
}
