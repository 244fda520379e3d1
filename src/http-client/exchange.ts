import type { ClientRequest, IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { TLSSocket } from 'node:tls'
import { ReadError } from 'got'
import { Connection } from './connection.ts'
import { contentCodings } from './content-coding.ts'
import { describeError, isTls } from './describe-error.ts'
import { cut, Failure, isCut } from './failure.ts'
import { HttpError, type HttpErrorFamily } from './http-error.ts'
import { retryAfterMs } from './retry-after.ts'

/** The limits of one exchange. */
export interface ExchangeLimits {
  connectTimeoutMs: number
  responseTimeoutMs: number
  maxResponseBytes: number
}

/**
 * Follows one request through its phases, alongside got: enforces the time and size limits, and
 * records what is needed to tell what failed, and whether the receiver can have seen the request.
 */
export class Exchange {
  readonly #url: URL
  readonly #limits: ExchangeLimits
  readonly #report: (text: string) => void
  #stream: Duplex | undefined
  #timer: NodeJS.Timeout | undefined
  #sent: ClientRequest | undefined
  #tcpConnected = false
  #connected = false
  #socket: Socket | undefined
  #connection: Connection | undefined
  /** Bytes of earlier answers on the same connection. */
  #bytesBefore = 0
  #answer: IncomingMessage | undefined
  #certificateIssuer: string | undefined
  /** Why this side ended the request; got would only say that it was aborted. */
  #failure: HttpError | undefined

  /** @param report receives the reason if a connection is closed */
  constructor(url: URL, limits: ExchangeLimits, report: (text: string) => void) {
    this.#url = url
    this.#limits = limits
    this.#report = report
    this.#limit(limits.connectTimeoutMs, (limit) =>
      this.#tcpConnected
        ? new Failure('ETIMEDOUT', 'tls', `the TLS handshake was not finished within ${limit}`)
        : new Failure('ETIMEDOUT', 'connect', `no connection within ${limit}`)
    )
  }

  /** Takes got's request, to end it if the exchange fails. */
  follow(stream: Duplex): void {
    this.#stream = stream
  }

  /** Node.js's request, once it has been made. */
  get sent(): ClientRequest | undefined {
    return this.#sent
  }

  /** The answer as it came, once its head has arrived. */
  get answer(): IncomingMessage | undefined {
    return this.#answer
  }

  /** The connection that the request goes over, once it has one. */
  get connection(): Connection | undefined {
    return this.#connection
  }

  /** Follows the request to its connection. */
  observe(sent: ClientRequest): void {
    this.#sent = sent
    sent.once('finish', () => {
      this.uploaded()
    })
    sent.prependOnceListener('response', (response: IncomingMessage) => {
      this.#answer = response
      this.#connection?.answering(response)
      sent.prependOnceListener('error', (error: NodeJS.ErrnoException) => {
        // Without a length, Node.js treats a reset as the end; only a FIN is (RFC 9112 §8).
        if (!response.complete && isCut(error.code)) this.fail(cut())
      })
      passOverSurplus(sent, response)
      this.received(Number(response.headers['content-length'] ?? 0))
      this.#decode(response)
    })
    sent.once('upgrade', (response: IncomingMessage, socket: Socket) => {
      this.#answer = response
      socket.destroy()
      this.fail(
        new Failure(
          'ERR_UPGRADED',
          undefined,
          'the server switched to a protocol that was not requested'
        )
      )
    })
    if (sent.socket) this.#onSocket(sent.socket)
    else {
      sent.once('socket', (socket) => {
        this.#onSocket(socket)
      })
    }
  }

  /** More of the request has been sent: restarts the time limit. */
  uploaded(): void {
    if (this.#connected) this.#timer?.refresh()
  }

  /** @param bytes size of the answer's body, as far as known */
  received(bytes: number): void {
    const { maxResponseBytes } = this.#limits
    if (bytes > maxResponseBytes) {
      this.fail(
        new Failure(
          'ERR_RESPONSE_TOO_LARGE',
          undefined,
          `the answer is larger than ${maxResponseBytes} bytes`
        )
      )
    }
  }

  /** Ends the request from this side; the first reason counts. */
  fail(failure: Failure): void {
    this.#failure ??= this.#error(failure)
    this.#connection?.answering(undefined)
    this.#stream?.destroy(failure)
  }

  /** Must be called when the exchange is over, however it went. */
  end(): void {
    clearTimeout(this.#timer)
  }

  /** The error to throw instead of got's, which contains the request with its headers. */
  translate(error: unknown): HttpError {
    if (this.#failure !== undefined) return this.#failure
    const chain = causes(error)
    const failure = chain.find((cause) => cause instanceof Failure)
    if (failure !== undefined) return this.#error(failure)
    // got's own general code comes before the system's.
    const known = chain.find(({ code }) => code !== undefined && code !== 'ERR_GOT_REQUEST_ERROR')
    const { code = 'EUNKNOWN', message = '' } = known ?? {}
    // A body shorter than its Content-Length means that the connection was cut.
    if (code === 'ERR_HTTP_CONTENT_LENGTH_MISMATCH') return this.#error(cut())
    if (error instanceof ReadError) {
      if (chain.some((cause) => isCut(cause.code))) return this.#error(cut())
      return this.#error(undecodable('the answer is not compressed as its content-encoding says'))
    }
    return this.#error(new Failure(code, this.#family(code), describeError(code, message)))
  }

  /** Leaves only the codings that got can decode. */
  #decode({ headers }: IncomingMessage): void {
    const header = headers['content-encoding'] ?? ''
    const codings = contentCodings(header)
    if (codings === undefined) {
      this.fail(undecodable('the answer has a content-encoding that was not requested'))
    } else if (codings.length > 0) headers['content-encoding'] = codings.join(', ')
  }

  #onSocket(socket: Socket): void {
    this.#socket = socket
    this.#connection = Connection.of(socket, this.#report)
    this.#bytesBefore = socket.bytesRead
    const secure = 'encrypted' in socket ? (socket as TLSSocket) : undefined
    this.#tcpConnected = !socket.connecting
    if (secure === undefined ? this.#tcpConnected : secure.getPeerFinished() !== undefined) {
      this.#onConnected()
      return
    }
    if (!this.#tcpConnected) {
      socket.once('connect', () => {
        this.#tcpConnected = true
      })
    }
    // Before Node.js itself sees the end of the handshake and drops an untrusted certificate.
    secure?.prependOnceListener('secure', () => {
      this.#certificateIssuer = issuerOf(secure)
    })
    socket.once(secure === undefined ? 'connect' : 'secureConnect', () => {
      this.#onConnected()
    })
  }

  #onConnected(): void {
    this.#connected = true
    if (this.#failure !== undefined) return
    this.#limit(
      this.#limits.responseTimeoutMs,
      (limit) =>
        new Failure(
          'ETIMEDOUT',
          'timeout',
          this.#sent?.writableFinished === true
            ? `no complete answer within ${limit}`
            : `the server took no more of the request for ${limit}`
        )
    )
  }

  #limit(ms: number, failure: (limit: string) => Failure): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => {
      this.fail(failure(`${ms / 1000} s`))
    }, ms)
  }

  #family(code: string): HttpErrorFamily | undefined {
    if (isTls(code)) return 'tls'
    if (!this.#tcpConnected) return 'connect'
    if (!this.#connected) return 'tls'
    return isCut(code) ? 'reset' : undefined
  }

  #error({ code, family, message, atProxy }: Failure): HttpError {
    return new HttpError(`${this.#url.host}: ${message}`, {
      code,
      family,
      connected: this.#connected,
      reusedConnection: this.#sent?.reusedSocket === true,
      answered: this.#answer !== undefined || (this.#socket?.bytesRead ?? 0) > this.#bytesBefore,
      status: this.#answer?.statusCode,
      retryAfterMs: retryAfterMs(this.#answer?.headers ?? {}, Date.now()),
      atProxy,
      certificateIssuer: family === 'tls' ? this.#certificateIssuer : undefined
    })
  }
}

/**
 * A complete answer counts, whatever comes after it. If more comes in the packet that ends it,
 * Node.js closes the connection and reports an error for the request.
 */
function passOverSurplus(sent: ClientRequest, response: IncomingMessage): void {
  const emit = sent.emit.bind(sent) as (...args: unknown[]) => boolean
  sent.emit = ((...args: unknown[]) =>
    args[0] === 'error' && response.complete ? true : emit(...args)) as typeof sent.emit
}

function undecodable(message: string): Failure {
  return new Failure('ERR_CONTENT_DECODING', undefined, message)
}

/** An error and its chain of causes. */
function causes(error: unknown): NodeJS.ErrnoException[] {
  const chain: NodeJS.ErrnoException[] = []
  for (let at = error; at instanceof Error && chain.length < 5; at = at.cause) chain.push(at)
  return chain
}

function issuerOf(socket: TLSSocket): string | undefined {
  const { issuer } = socket.getPeerCertificate() as { issuer?: Record<string, unknown> }
  const name = issuer?.['CN'] ?? issuer?.['O']
  return typeof name === 'string' ? name.slice(0, 100) : undefined
}
