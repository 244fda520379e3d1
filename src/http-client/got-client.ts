import type { Socket } from 'node:net'
import type { Response } from 'got'
import type { CertificateDates } from './certificates.ts'
import { Connector } from './connector.ts'
import { isCut } from './describe-error.ts'
import {
  aborted,
  brokenBy,
  connectFailureOf,
  cut,
  tooLarge,
  tooLate,
  undecodable
} from './failures.ts'
import { HttpError } from './http-error.ts'
import type { HttpClientSettings, HttpReply, HttpRequest } from './http-message.ts'
import { asRequested } from './request-target.ts'
import { retryAfterMs } from './retry-after.ts'

/**
 * The HTTP client for the token server: got, with a new connection for each request, since tokens are
 * requested rarely. It follows no redirects, which could carry a secret to a server that nobody
 * configured, and repeats nothing.
 */
export class GotClient {
  readonly #connector: Connector
  readonly #maxResponseBytes: number
  readonly #closing = new AbortController()

  constructor(settings: HttpClientSettings) {
    this.#connector = new Connector(settings)
    this.#maxResponseBytes = settings.maxResponseBytes
  }

  /**
   * Sends one request and reads the whole answer, whatever its status.
   *
   * @throws {HttpError} if there is no complete answer
   */
  async request(request: HttpRequest): Promise<HttpReply> {
    const { method, url, headers, body, responseTimeoutMs } = request
    const closing = this.#closing.signal
    const signal =
      request.signal === undefined ? closing : AbortSignal.any([closing, request.signal])
    let socket: Socket | undefined
    let response: Response | undefined
    try {
      const { default: got } = await import('got')
      const stream = got.stream(asRequested(url), {
        method,
        // Node.js adds a port to Host where it does not make the connection.
        headers: { 'user-agent': 'node-red-hl7-https-out', host: url.host, ...headers },
        body,
        createConnection: (_options, onConnection) => {
          this.#connector.open(url, signal).then((opened) => {
            socket = opened
            onConnection(null, opened)
          }, onConnection)
        },
        // From the start: a token request is small.
        timeout: { request: responseTimeoutMs },
        signal,
        followRedirect: false,
        retry: { limit: 0 },
        throwHttpErrors: false
      })
      stream.once('response', (first: Response) => {
        response = first
      })
      stream.once('upgrade', (_response: unknown, upgraded: Socket) => {
        upgraded.destroy()
        stream.destroy(cut())
      })
      // Also after the answer: an error that nobody hears would end the process.
      stream.on('error', () => undefined)
      const chunks: Buffer[] = []
      let received = 0
      for await (const chunk of stream as AsyncIterable<Buffer>) {
        chunks.push(chunk)
        received += chunk.length
        if (received > this.#maxResponseBytes) throw tooLarge(this.#maxResponseBytes)
      }
      if (response === undefined) throw cut()
      // The server may have answered before it got the whole request.
      stream.destroy()
      const { statusCode, headers: answered } = response
      return { status: statusCode, headers: answered, body: Buffer.concat(chunks, received) }
    } catch (error) {
      const failure = findOurs(error) ?? gotErrorOf(error as NodeJS.ErrnoException, request, socket)
      throw failure.with({
        host: url.host,
        connected: socket !== undefined,
        answered: response !== undefined,
        status: response?.statusCode,
        retryAfterMs: response && retryAfterMs(response.headers, Date.now())
      })
    }
  }

  /**
   * The certificate of the server, or of another that is in use, such as the issuer's, if that ends
   * first. Undefined until one was seen.
   */
  get certificate(): CertificateDates | undefined {
    return this.#connector.certificate
  }

  /** Our own certificate; undefined if there is none. */
  get clientCertificate(): CertificateDates | undefined {
    return this.#connector.clientCertificate
  }

  /** Requests in flight, and later ones, end with `ERR_ABORTED`. */
  close(): void {
    this.#closing.abort()
  }
}

/** The error before got wrapped it. */
function findOurs(error: unknown): HttpError | undefined {
  for (let at = error; at instanceof Error; at = at.cause) if (at instanceof HttpError) return at
  return undefined
}

function gotErrorOf(
  error: NodeJS.ErrnoException,
  { responseTimeoutMs }: HttpRequest,
  socket: Socket | undefined
): HttpError {
  if (error.code === 'ERR_ABORTED') return aborted()
  if (error.name === 'TimeoutError') return tooLate('timeout', 'lateAnswer', responseTimeoutMs)
  if (socket === undefined) return connectFailureOf(error, 'connect')
  if (error.code === 'ERR_HTTP_CONTENT_LENGTH_MISMATCH') return cut()
  return error.name === 'ReadError' && !isCut(error) ? undecodable() : brokenBy(error)
}
