import { Agent as PlainAgent, type ClientRequest } from 'node:http'
import type { Socket } from 'node:net'
import type { Response } from 'got'
import type { CertificateDates } from './certificates.ts'
import { tooLarge, undecodable } from './decode-body.ts'
import { isCertificateAlert, isCut } from './describe-error.ts'
import { aborted, connectFailureOf, cut, Failure, failureOf, tooLate } from './failure.ts'
import type { HttpError } from './http-error.ts'
import type { HttpClientSettings, HttpReply, HttpRequest } from './http-message.ts'
import { HttpsAgent } from './https-agent.ts'
import { retryAfterMs } from './retry-after.ts'

/** Of got's errors; its types do not tell them from others. */
interface GotError extends NodeJS.ErrnoException {
  /** Of a time-out: which limit. */
  event?: string
  response?: Response
  timings?: GotTimings
}

/** When a phase was over; undefined if it is not. */
interface GotTimings {
  connect?: number
  secureConnect?: number
  upload?: number
}

/**
 * The HTTP client for the token server: got, with a new connection for each request, since tokens are
 * requested rarely. It follows no redirects, which could carry a secret to a server that nobody
 * configured, and repeats nothing.
 */
export class GotClient {
  readonly #settings: HttpClientSettings
  readonly #closing = new AbortController()
  readonly #plainAgent = new PlainAgent()
  #agent: HttpsAgent | undefined

  constructor(settings: HttpClientSettings) {
    this.#settings = settings
  }

  /**
   * Sends one request and reads the whole answer, whatever its status.
   *
   * @throws {HttpError} if there is no complete answer
   */
  async request(request: HttpRequest): Promise<HttpReply> {
    const { method, url, headers, body, responseTimeoutMs, signal } = request
    const { connectTimeoutMs, maxResponseBytes } = this.#settings
    const closing = this.#closing.signal
    let response: Response | undefined
    try {
      if (url.protocol === 'https:') this.#agent ??= new HttpsAgent(this.#settings)
      const { default: got } = await import('got')
      const stream = got.stream(url, {
        method,
        headers: { 'user-agent': 'node-red-hl7-https-out', ...headers },
        body,
        agent: { http: this.#plainAgent, ...(this.#agent && { https: this.#agent }) },
        timeout: {
          lookup: connectTimeoutMs,
          connect: connectTimeoutMs,
          secureConnect: connectTimeoutMs,
          // From the start: a token request is small.
          request: responseTimeoutMs
        },
        signal: signal === undefined ? closing : AbortSignal.any([closing, signal]),
        followRedirect: false,
        retry: { limit: 0 },
        throwHttpErrors: false
      })
      stream.once('response', (first: Response) => {
        response = first
      })
      stream.once('upgrade', (_response: unknown, socket: Socket) => {
        socket.destroy()
        stream.destroy(cut())
      })
      stream.once('request', (sent: ClientRequest) => {
        // Node.js 22 reports a failed tunnel twice, and got listens once.
        sent.on('error', () => undefined)
      })
      // Also after the answer: an error that nobody hears would end the process.
      stream.on('error', () => undefined)
      const chunks: Buffer[] = []
      let received = 0
      for await (const chunk of stream as AsyncIterable<Buffer>) {
        chunks.push(chunk)
        received += chunk.length
        if (received > maxResponseBytes) throw tooLarge(maxResponseBytes)
      }
      if (response === undefined) throw cut()
      // The server may have answered before it got the whole request.
      stream.destroy()
      const { statusCode, headers: answered } = response
      return { status: statusCode, headers: answered, body: Buffer.concat(chunks, received) }
    } catch (error) {
      throw this.#httpError(error, request, response)
    }
  }

  /**
   * The certificate of the server, or of another that is in use, such as the issuer's, if that ends
   * first. Undefined until one was seen.
   */
  get certificate(): CertificateDates | undefined {
    return this.#agent?.certificates.endingFirst
  }

  /** Requests in flight, and later ones, end with `ERR_ABORTED`. */
  close(): void {
    this.#closing.abort()
    this.#agent?.destroy()
  }

  #httpError(error: unknown, request: HttpRequest, response: Response | undefined): HttpError {
    const { timings = {} } = error as GotError
    const failure = failureIn(error) ?? this.#failureOf(error as GotError, request)
    return failure.at(request.url.host, {
      connected: response !== undefined || isConnected(request.url, timings),
      reusedConnection: false,
      answered: response !== undefined,
      status: response?.statusCode,
      retryAfterMs: response && retryAfterMs(response.headers, Date.now()),
      certificateIssuer: failure.family === 'tls' ? this.#agent?.lastIssuer : undefined
    })
  }

  #failureOf(error: GotError, { url, responseTimeoutMs }: HttpRequest): Failure {
    const { code = '', event, timings = {} } = error
    const isOpen = isConnected(url, timings)
    const phase = timings.connect === undefined ? 'connect' : 'tls'
    if (code === 'ERR_ABORTED') return aborted()
    if (event !== undefined) {
      const { connectTimeoutMs } = this.#settings
      if (isOpen) return tooLate('timeout', 'lateAnswer', responseTimeoutMs)
      return phase === 'connect'
        ? tooLate(phase, 'lateConnection', connectTimeoutMs)
        : tooLate(phase, 'lateHandshake', connectTimeoutMs)
    }
    if (!isOpen) return connectFailureOf(error, phase)
    if (isCertificateAlert(error)) return failureOf(error, 'tls')
    if (isCut(error) || code === 'ERR_HTTP_CONTENT_LENGTH_MISMATCH') return cut()
    return error.name === 'ReadError' ? undecodable() : failureOf(error, undefined)
  }
}

/** Before got wrapped it. */
function failureIn(error: unknown): Failure | undefined {
  for (let at = error; at instanceof Error; at = at.cause) if (at instanceof Failure) return at
  return undefined
}

function isConnected(url: URL, { connect, secureConnect, upload }: GotTimings): boolean {
  // In the tunnel of a proxy, got does not see the handshake.
  return (url.protocol === 'https:' ? (secureConnect ?? upload) : connect) !== undefined
}
