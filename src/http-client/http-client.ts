import type { ClientRequest, IncomingHttpHeaders } from 'node:http'
import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import got, { type Got, RequestError } from 'got'
import { createAgent, type TargetAgent, type TlsSettings } from './agent.ts'
import { decompress } from './decompress.ts'
import { HttpError, type HttpErrorFacts, type HttpErrorFamily } from './http-error.ts'
import { proxyFor, type ProxySettings } from './proxy.ts'

export interface HttpClientSettings {
  tls?: TlsSettings | undefined
  /** An 'http proxy' node's settings; without them the environment's variables count. */
  proxy?: ProxySettings | undefined
  /** Connections to one target at a time. */
  maxConnections: number
  /** Limit for lookup, connect, proxy and TLS handshake together, in milliseconds. */
  connectTimeoutMs: number
  /** Limit for the body of an answer, before and after decoding, in bytes. */
  maxResponseBytes: number
}

export interface HttpRequest {
  method: 'GET' | 'POST' | 'PUT'
  url: URL
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
    const exchange = new Exchange(request, this.#settings)
    try {
      const promise = this.#got(request.url, {
        method: request.method,
        headers: { 'accept-encoding': 'gzip, deflate, br', ...request.headers },
        ...(request.body === undefined ? undefined : { body: request.body }),
        agent: this.#agent(request.url),
        signal: exchange.signal
      })
      void promise
        .on('request', (sent: ClientRequest) => {
          exchange.observe(sent)
        })
        .on('downloadProgress', ({ transferred }: { transferred: number }) => {
          exchange.received(transferred)
        })
      const response = await promise
      const body = await decompress(
        Buffer.from(response.rawBody.buffer, response.rawBody.byteOffset, response.rawBody.length),
        response.headers['content-encoding'],
        this.#settings.maxResponseBytes
      )
      return { status: response.statusCode, headers: response.headers, body }
    } catch (error) {
      throw exchange.translate(error)
    } finally {
      exchange.end()
    }
  }

  /** Closes every connection. Requests in flight end with an error. */
  close(): void {
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

/** One request's way through its phases: its time limit, and what is known when it fails. */
class Exchange {
  readonly #request: HttpRequest
  readonly #settings: HttpClientSettings
  readonly #abort = new AbortController()
  readonly #onAbort = (): void => {
    this.#fail('ERR_ABORTED', undefined, 'The request was ended from this side.')
  }
  #timer: NodeJS.Timeout | undefined
  #sent: ClientRequest | undefined
  #socket: Socket | undefined
  #tcpConnected = false
  #connected = false
  #bytesAtLastLook = 0
  #certificateIssuer: string | undefined
  /** Why this side ended the request; got itself would only say that it was aborted. */
  #failure: HttpError | undefined

  constructor(request: HttpRequest, settings: HttpClientSettings) {
    this.#request = request
    this.#settings = settings
    const { connectTimeoutMs } = settings
    this.#timer = setTimeout(() => {
      const where = this.#tcpConnected ? 'the TLS handshake was not finished' : 'no connection'
      this.#fail(
        'ETIMEDOUT',
        this.#tcpConnected ? 'tls' : 'connect',
        `${where} within ${seconds(connectTimeoutMs)}`
      )
    }, connectTimeoutMs)
    const { signal } = request
    if (signal?.aborted === true) this.#onAbort()
    else signal?.addEventListener('abort', this.#onAbort, { once: true })
  }

  get signal(): AbortSignal {
    return this.#abort.signal
  }

  observe(sent: ClientRequest): void {
    this.#sent = sent
    if (sent.socket) this.#onSocket(sent.socket)
    else {
      sent.once('socket', (socket) => {
        this.#onSocket(socket)
      })
    }
  }

  received(bytes: number): void {
    if (bytes > this.#settings.maxResponseBytes) {
      this.#fail(
        'ERR_RESPONSE_TOO_LARGE',
        undefined,
        `the answer is larger than ${this.#settings.maxResponseBytes} bytes`
      )
    }
  }

  end(): void {
    clearTimeout(this.#timer)
    this.#request.signal?.removeEventListener('abort', this.#onAbort)
  }

  translate(error: unknown): HttpError {
    if (this.#failure !== undefined) return this.#failure
    if (error instanceof HttpError) return error
    const code = codeOf(error)
    const status = error instanceof RequestError ? error.response?.statusCode : undefined
    const proxyStatus = proxyRefusal(error)
    if (proxyStatus !== undefined) {
      return this.#error(
        'ERR_PROXY_REFUSED',
        'connect',
        `the proxy refused the connection (HTTP ${proxyStatus})`
      )
    }
    return this.#error(code, this.#family(code), describe(code), status)
  }

  #onSocket(socket: Socket): void {
    this.#socket = socket
    const secure = 'encrypted' in socket ? (socket as TLSSocket) : undefined
    if (!socket.connecting) this.#tcpConnected = true
    else {
      socket.once('connect', () => {
        this.#tcpConnected = true
        if (secure === undefined) this.#onConnected()
      })
    }
    if (secure === undefined) {
      if (this.#tcpConnected) this.#onConnected()
      return
    }
    if (this.#sent?.reusedSocket === true) {
      this.#onConnected()
      return
    }
    // Before Node.js itself sees the handshake's end and drops a certificate that is not trusted.
    secure.prependOnceListener('secure', () => {
      this.#certificateIssuer = issuerOf(secure)
    })
    secure.once('secureConnect', () => {
      this.#onConnected()
    })
  }

  #onConnected(): void {
    this.#connected = true
    if (this.#failure !== undefined) return
    this.#limitAnswer()
    // got says so when the whole request is handed to the operating system.
    this.#sent?.once('upload-complete', () => {
      this.#limitAnswer()
    })
  }

  #limitAnswer(): void {
    clearTimeout(this.#timer)
    const { responseTimeoutMs } = this.#request
    this.#timer = setTimeout(() => {
      const written = this.#socket?.bytesWritten ?? 0
      if (this.#sent?.writableFinished !== true && written > this.#bytesAtLastLook) {
        this.#bytesAtLastLook = written
        this.#limitAnswer()
        return
      }
      this.#fail('ETIMEDOUT', 'timeout', `no complete answer within ${seconds(responseTimeoutMs)}`)
    }, responseTimeoutMs)
  }

  #fail(code: string, family: HttpErrorFamily | undefined, what: string): void {
    this.#failure ??= this.#error(code, family, what)
    this.#abort.abort()
  }

  #family(code: string): HttpErrorFamily | undefined {
    if (code.startsWith('ERR_SSL_') || code === 'EPROTO') return 'tls'
    if (!this.#tcpConnected) return 'connect'
    if (!this.#connected) return 'tls'
    return RESET_CODES.has(code) ? 'reset' : undefined
  }

  #error(
    code: string,
    family: HttpErrorFamily | undefined,
    what: string,
    status?: number
  ): HttpError {
    const facts: HttpErrorFacts = {
      code,
      family,
      connected: this.#connected,
      reusedConnection: this.#sent?.reusedSocket === true,
      status,
      certificateIssuer: family === 'tls' ? this.#certificateIssuer : undefined
    }
    return new HttpError(`${this.#request.url.host}: ${what}`, facts)
  }
}

const RESET_CODES = new Set(['ECONNRESET', 'EPIPE', 'ECONNABORTED', 'ERR_STREAM_PREMATURE_CLOSE'])

const DESCRIPTIONS: Record<string, string> = {
  ECONNREFUSED: 'nothing listens there (connection refused)',
  ENOTFOUND: 'the host name is unknown (DNS)',
  EAI_AGAIN: 'the host name could not be looked up (DNS does not answer)',
  EHOSTUNREACH: 'there is no route to the host',
  ENETUNREACH: 'there is no route to the network',
  ECONNRESET: 'the connection was cut',
  EPIPE: 'the connection was cut',
  EPROTO: 'the TLS handshake failed; the port may not speak TLS',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'the certificate is self-signed and not trusted here',
  SELF_SIGNED_CERT_IN_CHAIN: 'the certificate comes from an authority that is not trusted here',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    'the certificate comes from an authority that is not trusted here, or its chain is incomplete',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    'the certificate comes from an authority that is not trusted here',
  CERT_HAS_EXPIRED: 'the certificate has expired',
  CERT_NOT_YET_VALID: 'the certificate is not valid yet',
  CERT_REVOKED: 'the certificate has been revoked',
  ERR_TLS_CERT_ALTNAME_INVALID: 'the certificate is for another host name'
}

function describe(code: string): string {
  return DESCRIPTIONS[code] ?? `the request failed (${code})`
}

/** The error's code, or that of what caused it; `EUNKNOWN` where there is none. */
function codeOf(error: unknown): string {
  for (let at: unknown = error, depth = 0; at instanceof Error && depth < 5; depth++) {
    const { code } = at as NodeJS.ErrnoException
    // got's own general code stands before the one of the system.
    if (typeof code === 'string' && code !== 'ERR_GOT_REQUEST_ERROR') {
      // A body that ends early is a connection that was cut, whoever noticed it first.
      return code === 'ERR_HTTP_CONTENT_LENGTH_MISMATCH' ? 'ECONNRESET' : code
    }
    at = at.cause
  }
  return 'EUNKNOWN'
}

/** hpagent says only "Bad response: 407" when a proxy refuses CONNECT. */
function proxyRefusal(error: unknown): number | undefined {
  if (!(error instanceof Error)) return undefined
  const prefix = 'Bad response: '
  return error.message.startsWith(prefix) ? Number(error.message.slice(prefix.length)) : undefined
}

function issuerOf(socket: TLSSocket): string | undefined {
  const { issuer } = socket.getPeerCertificate() as { issuer?: Record<string, unknown> }
  const name = issuer?.['CN'] ?? issuer?.['O']
  return typeof name === 'string' ? name.slice(0, 100) : undefined
}

function seconds(ms: number): string {
  return `${ms / 1000} s`
}
