import type { ClientRequest, IncomingHttpHeaders } from 'node:http'
import got, { type Got } from 'got'
import { createAgent, type TargetAgent, type TlsSettings } from './agent.ts'
import { decompress } from './decompress.ts'
import { Exchange } from './exchange.ts'
import { Failure } from './failure.ts'
import { proxyFor, type ProxySettings } from './proxy.ts'
import { writing } from './writing.ts'

export interface HttpClientSettings {
  tls?: TlsSettings | undefined
  /** An 'http proxy' node's settings; without them the environment's variables count. */
  proxy?: ProxySettings | undefined
  /**
   * Connections to one target that are kept for later requests. No request waits for one: how many
   * run at a time is the caller's matter.
   */
  maxConnections: number
  /** Limit for lookup, connect, proxy and TLS handshake together, in milliseconds. */
  connectTimeoutMs: number
  /** Limit for the body of an answer, before and after decoding, in bytes. */
  maxResponseBytes: number
}

export interface HttpRequest {
  method: 'GET' | 'POST' | 'PUT'
  url: URL
  /** Names go out in the letters that they are given in. */
  headers: Record<string, string>
  body?: Buffer | string | undefined
  /**
   * Limit in milliseconds from the end of the request to the end of the answer. While the request
   * is still being sent it is a limit for standing still.
   */
  responseTimeoutMs: number
  /** Ends the request with an `HttpError` of code `ERR_ABORTED`. */
  signal?: AbortSignal | undefined
}

export interface HttpReply {
  status: number
  headers: IncomingHttpHeaders
  /** The body, decoded from gzip, deflate or br. */
  body: Buffer
}

/**
 * The one HTTP client of the house: got with the TLS settings, proxy, time-outs and size limit that
 * tokens and HL7 share. It follows no redirect, repeats nothing and keeps no cookies: each of these
 * could carry a token or a message to a place that nobody configured.
 */
export class HttpClient {
  readonly #settings: HttpClientSettings
  readonly #got: Got
  readonly #agents = new Map<string, TargetAgent>()
  readonly #exchanges = new Set<Exchange>()
  #closed = false

  constructor(settings: HttpClientSettings) {
    this.#settings = settings
    this.#got = got.extend({
      // Decoded here, where the size of the result can be limited.
      decompress: false,
      followRedirect: false,
      responseType: 'buffer',
      retry: { limit: 0 },
      throwHttpErrors: false
    })
  }

  /**
   * Sends one request and reads the whole answer, whatever its status.
   *
   * @throws {HttpError} when there is no complete answer
   */
  async request(request: HttpRequest): Promise<HttpReply> {
    const { method, url, headers, body, responseTimeoutMs, signal } = request
    const exchange = new Exchange(url, { ...this.#settings, responseTimeoutMs })
    const onAbort = (): void => {
      exchange.fail(aborted())
    }
    this.#exchanges.add(exchange)
    signal?.addEventListener('abort', onAbort, { once: true })
    if (this.#closed || signal?.aborted === true) onAbort()
    try {
      exchange.signal.throwIfAborted()
      const promise = this.#got(url, {
        method,
        headers: { 'accept-encoding': 'gzip, deflate, br', ...headers },
        ...(body === undefined ? undefined : { body }),
        agent: this.#agent(url),
        request: writing(headers, body),
        signal: exchange.signal
      })
      void promise
        .on('request', (sent: ClientRequest) => {
          exchange.observe(sent)
        })
        .on('uploadProgress', () => {
          exchange.uploaded()
        })
        .on('downloadProgress', ({ transferred }: { transferred: number }) => {
          exchange.received(transferred)
        })
      const { statusCode, headers: replyHeaders, rawBody } = await promise
      return {
        status: statusCode,
        headers: replyHeaders,
        body: await decompress(
          Buffer.from(rawBody.buffer, rawBody.byteOffset, rawBody.length),
          replyHeaders['content-encoding'],
          this.#settings.maxResponseBytes
        )
      }
    } catch (error) {
      throw exchange.translate(error)
    } finally {
      exchange.end()
      this.#exchanges.delete(exchange)
      signal?.removeEventListener('abort', onAbort)
    }
  }

  /** Closes every connection for good. Requests in flight, and later ones, end with `ERR_ABORTED`. */
  close(): void {
    this.#closed = true
    for (const exchange of this.#exchanges) exchange.fail(aborted())
    for (const { http, https } of this.#agents.values()) (http ?? https)?.destroy()
    this.#agents.clear()
  }

  #agent(target: URL): TargetAgent {
    let agent = this.#agents.get(target.origin)
    if (agent === undefined) {
      const { proxy, tls, maxConnections, connectTimeoutMs } = this.#settings
      agent = createAgent(target, proxyFor(target, proxy), tls, maxConnections, connectTimeoutMs)
      this.#agents.set(target.origin, agent)
    }
    return agent
  }
}

function aborted(): Failure {
  return new Failure('ERR_ABORTED', undefined, 'the request was ended from this side')
}
