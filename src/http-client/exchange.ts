import type { IncomingHttpHeaders } from 'node:http'
import type { Socket } from 'node:net'
import type { Dispatcher } from 'undici'
import { isCut } from './describe-error.ts'
import { cut, tooLarge, tooLate } from './failures.ts'
import type { HttpError } from './http-error.ts'
import type { HttpReply } from './http-message.ts'

type UndiciHeaders = Record<string, string | string[] | undefined>

/** Limits of one request and its answer. */
interface ExchangeLimits {
  /** From the last byte of the request to the last byte of the answer, in milliseconds. */
  responseTimeoutMs: number
  /** For the body of the answer as it is sent, in bytes. */
  maxBytes: number
}

/** Who is told of it. */
interface ExchangeOwner {
  /** The request begins: what is read from now on is its answer. */
  onStart: () => void
  /** Ends the request and its connection. */
  giveUp: (failure: HttpError) => void
}

/**
 * So often, at most, the socket is read again while more arrives, after the time for the answer has passed. What a
 * system keeps for a process that does not read fits into a few of them.
 */
const MOST_READS = 8

const MISMATCH = 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH'

/** What undici tells of one request: collects the answer, within the limits. */
export class Exchange implements Dispatcher.DispatchHandler {
  /** The complete answer; its body is as it was sent. */
  readonly answer: Promise<HttpReply>
  /** The request is on its way: from here on it may have arrived. */
  isStarted = false
  /** Since when the whole answer is there: monotonic, milliseconds. */
  completedAt: number | undefined
  status: number | undefined
  headers: IncomingHttpHeaders = {}
  readonly #resolve: (reply: HttpReply) => void
  readonly #reject: (error: Error) => void
  readonly #socket: Socket
  readonly #limits: ExchangeLimits
  readonly #owner: ExchangeOwner
  readonly #deadline: NodeJS.Timeout
  #lastReads: NodeJS.Immediate | undefined
  readonly #chunks: Buffer[] = []
  #received = 0
  /** When all of the request was sent, and when the answer began. */
  #sentAt: number | undefined
  #answeredAt: number | undefined

  constructor(socket: Socket, limits: ExchangeLimits, owner: ExchangeOwner) {
    const { promise, resolve, reject } = Promise.withResolvers<HttpReply>()
    this.answer = promise
    this.#resolve = resolve
    this.#reject = reject
    this.#socket = socket
    this.#limits = limits
    this.#owner = owner
    this.#deadline = setTimeout(() => {
      this.#readOnceMore(MOST_READS)
    }, limits.responseTimeoutMs)
  }

  /** Must be called when the exchange is over, however it went. */
  end(): void {
    clearTimeout(this.#deadline)
    clearImmediate(this.#lastReads)
  }

  /** From the end of the request to the beginning of the answer, or until now, in milliseconds; 0: it is not sent yet. */
  get waitedMs(): number {
    const until = this.#answeredAt ?? performance.now()
    return Math.max(0, until - (this.#sentAt ?? until))
  }

  onRequestStart(): void {
    this.isStarted = true
    this.#owner.onStart()
  }

  onBodySent(): void {
    clearImmediate(this.#lastReads)
    this.#deadline.refresh()
  }

  onRequestSent(): void {
    this.#sentAt = performance.now()
  }

  onResponseStart(_controller: unknown, status: number, headers: UndiciHeaders): void {
    // There may be any number of interim answers (RFC 9110 §15.2).
    if (status < 200) return
    this.#answeredAt = performance.now()
    this.status = status
    this.headers = joined(headers)
    this.#limitTo(Number(headers['content-length'] ?? 0))
  }

  onResponseData(_controller: unknown, chunk: Buffer): void {
    this.#chunks.push(chunk)
    this.#received += chunk.length
    this.#limitTo(this.#received)
  }

  onResponseEnd(): void {
    const { status, headers } = this
    // An answer without a length ends with the connection. undici takes a reset for that end, but
    // only a FIN is (RFC 9112 §8; UPSTREAM.md).
    if (status === undefined || isCut(this.#socket.errored)) {
      this.#reject(cut())
      return
    }
    this.completedAt = performance.now()
    const [only] = this.#chunks
    const body =
      only !== undefined && this.#chunks.length === 1
        ? only
        : Buffer.concat(this.#chunks, this.#received)
    this.#resolve({ status, headers, body })
  }

  onResponseError(_controller: unknown, error: NodeJS.ErrnoException): void {
    const announced = Number(this.headers['content-length'])
    // undici miscounts a length with blanks behind it (RFC 9110 §5.5 allows them; UPSTREAM.md).
    const isMiscounted = error.code === MISMATCH && this.#received === announced
    if (isMiscounted) this.onResponseEnd()
    else this.#reject(error.code === MISMATCH && this.#received < announced ? cut() : error)
  }

  #limitTo(bytes: number): void {
    const { maxBytes } = this.#limits
    if (bytes > maxBytes) this.#fail(tooLarge(maxBytes))
  }

  /**
   * The time is over. Where the process was stopped meanwhile, or something blocked its event loop, the answer may have
   * arrived in time, and nobody has read it: Node.js calls timers before it reads. So what is there is read first.
   */
  #readOnceMore(most: number): void {
    const { bytesRead } = this.#socket
    // Sockets are read before that.
    this.#lastReads = setImmediate(() => {
      if (most > 1 && this.#socket.bytesRead > bytesRead) this.#readOnceMore(most - 1)
      else this.#fail(this.#late())
    })
  }

  /** The first reason counts, whatever undici makes of the closed connection. */
  #fail(failure: HttpError): void {
    this.#reject(failure)
    this.#owner.giveUp(failure)
  }

  #late(): HttpError {
    const what = this.#sentAt === undefined ? 'stuck' : 'lateAnswer'
    return tooLate('timeout', what, this.#limits.responseTimeoutMs)
  }
}

/** undici lists the values of a name that came several times; Node.js joins them (RFC 9110 §5.3). */
function joined({ 'set-cookie': cookies, ...headers }: UndiciHeaders): IncomingHttpHeaders {
  const result: IncomingHttpHeaders = {}
  for (const [name, value] of Object.entries(headers)) {
    result[name] = Array.isArray(value) ? value.join(', ') : value
  }
  return cookies === undefined ? result : { ...result, 'set-cookie': [cookies].flat() }
}
