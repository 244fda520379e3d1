import type { Socket } from 'node:net'
import { Readable } from 'node:stream'
import type { Client } from 'undici'
import { english } from '../english.ts'
import { decodeBody } from './decode-body.ts'
import { isCertificateAlert, isCut, isUnreadable } from './describe-error.ts'
import { readBeforeWriteErrors } from './early-answer.ts'
import { Exchange } from './exchange.ts'
import { aborted, brokenBy, cut, httpErrorOf } from './failures.ts'
import { HttpError } from './http-error.ts'
import type { HttpReply, HttpRequest } from './http-message.ts'
import { requestTarget } from './request-target.ts'
import { requestIdIn } from './request-id.ts'
import { retryAfterMs } from './retry-after.ts'
import { MOST_AGE_MS } from './tls-sessions.ts'
import { UnaskedContinue } from './unasked-continue.ts'

/** A longer body is sent in pieces of this size, in bytes, so that progress is visible. */
const PIECE_BYTES = 64 * 1024
/** Most load balancers and firewalls forget an idle connection after a minute or later. In milliseconds. */
const MOST_IDLE_MS = 55_000
/**
 * A server ends a connection over which no request comes, some with an answer: 408. None does so within this time, in
 * milliseconds.
 */
const MOST_UNUSED_MS = 2000
/** So much earlier than its Keep-Alive says, a server is not asked any more: the request has to get there. In milliseconds. */
const IDLE_MARGIN_MS = 1000
/** A server that closes a connection so soon after an answer, in milliseconds, does not do so because it was idle. */
const EARLY_MS = 100

/** An answer, and the connection that it came over: the same object for all answers on it. */
export interface ReceivedReply extends HttpReply {
  connection: Pick<Connection, 'close'>
  /** From the end of the request to the beginning of the answer, in milliseconds. */
  waitedMs: number
}

/**
 * One connection to a receiver, which carries one request at a time: an undici client that never
 * gets a second socket. So it is known over which connection an answer came, in HTTP/1.1 the only
 * thing that tells which request it is for (RFC 9112 §9.3). undici closes a connection on which more
 * arrives than the answer, and one that was idle for 55 s or as long as the server's Keep-Alive allows.
 */
export class Connection {
  readonly origin: string
  readonly #host: string
  readonly #socket: Socket
  readonly #unaskedContinue: UnaskedContinue
  readonly #client: Client
  readonly #onNotice: (text: string) => void
  readonly openedAt = performance.now()
  #idleSince = 0
  /** The same on the wall clock, which runs while a machine sleeps; undici's timers and the monotonic clock do not. */
  #idleSinceDate = Date.now()
  #requests = 0
  #wasClosedEarly = false
  #first: Exchange | undefined
  /** The current one, or the last. */
  #exchange: Exchange | undefined
  /** undici shows a TLS alert only by what follows from it. */
  #firstError: Error | undefined

  /**
   * @param UndiciClient the class, which its owner loads with the first request
   * @param socket open, and used by nobody else
   * @param onNotice receives the reason, if it is closed for what came over it
   */
  constructor(
    UndiciClient: typeof Client,
    { origin, host }: URL,
    socket: Socket,
    onNotice: (text: string) => void
  ) {
    this.origin = origin
    this.#host = host
    this.#socket = socket
    this.#onNotice = onNotice
    this.#unaskedContinue = new UnaskedContinue(socket)
    readBeforeWriteErrors(socket)
    socket.once('end', () => {
      this.#noteEarlyClose()
    })
    socket.on('error', (error) => {
      if (isCut(error)) this.#noteEarlyClose()
      this.#firstError ??= error
      // After a TLS error, Node.js leaves it open, and undici waits for its close.
      socket.destroy()
    })
    socket.once('close', () => {
      // undici reads what it expects as an answer, and closes the connection if there is more.
      if (this.#exchange?.completedAt !== undefined && isUnreadable(this.#firstError)) {
        onNotice(english('log', 'network.surplus'))
      }
    })
    let isTaken = false
    this.#client = new UndiciClient(origin, {
      connect: (_options, callback) => {
        // undici goes on only if it is called back later.
        const isFirst = !isTaken
        isTaken = true
        queueMicrotask(() => {
          if (isFirst) callback(null, socket)
          else callback(new Error('closed'), null)
        })
      },
      // The deadline of an exchange is exact and includes the whole answer.
      headersTimeout: 0,
      bodyTimeout: 0,
      keepAliveTimeout: MOST_IDLE_MS,
      keepAliveTimeoutThreshold: IDLE_MARGIN_MS
    })
  }

  /** Whether it can take another request. */
  get isUsable(): boolean {
    const mostAgeMs = this.#requests === 0 ? MOST_UNUSED_MS : MOST_AGE_MS
    const isYoung = performance.now() - this.openedAt < mostAgeMs
    const isForgotten = Date.now() - this.#idleSinceDate >= MOST_IDLE_MS
    return isYoung && !isForgotten && this.#socket.readable && !this.#socket.destroyed
  }

  /** Whether the server closed it, though it was to be kept, right after it had answered the first request. */
  get wasClosedEarly(): boolean {
    return this.#wasClosedEarly
  }

  /** How long ago its last request ended, in milliseconds. */
  get idleMs(): number {
    return performance.now() - this.#idleSince
  }

  /** Calls back once it is closed. */
  onClosed(callback: () => void): void {
    this.#socket.once('close', callback)
  }

  /** @param why for the log */
  close(why: string): void {
    this.#onNotice(why)
    this.destroy()
  }

  /** @param reason with which a request that it carries ends */
  destroy(reason: HttpError = aborted()): void {
    this.#client.destroy(reason, () => undefined)
    // Without a request, it has not reached the client.
    this.#socket.destroy()
  }

  /**
   * Sends one request and reads the whole answer.
   *
   * @param maxBytes limit for the answer's body, compressed or not
   * @returns undefined if this connection, which was kept, was closed before any of it was sent
   * @throws {HttpError} if there is no complete answer
   */
  async send(request: HttpRequest, maxBytes: number): Promise<ReceivedReply | undefined> {
    const { method, url, headers, body: sent, responseTimeoutMs, signal } = request
    const isReused = this.#requests++ > 0
    const bytesBefore = this.#socket.bytesRead
    const limits = { responseTimeoutMs, maxBytes }
    const exchange = new Exchange(this.#socket, limits, {
      onStart: () => {
        this.#unaskedContinue.expectAnswer()
      },
      giveUp: (reason) => {
        this.destroy(reason)
      }
    })
    this.#first ??= exchange
    this.#exchange = exchange
    const onAbort = (): void => {
      this.destroy()
    }
    signal?.addEventListener('abort', onAbort)
    try {
      this.#client.dispatch(
        {
          method,
          path: requestTarget(url),
          headers: { ...headers, 'content-length': String(sent?.length ?? 0) },
          body:
            sent !== undefined && sent.length > PIECE_BYTES
              ? Readable.from(piecesOf(sent))
              : (sent ?? null)
        },
        exchange
      )
      const reply = await exchange.answer
      const coding = reply.headers['content-encoding']
      const body =
        coding === undefined ? reply.body : await decodeBody(reply.body, coding, maxBytes)
      return { ...reply, body, connection: this, waitedMs: exchange.waitedMs }
    } catch (error) {
      const failure = this.#failureOf(error, exchange.isStarted)
      if (failure === undefined && isReused) return undefined
      const { headers: itsHeaders, status, waitedMs } = exchange
      if (isRefusal(status) && failure?.code !== 'ERR_ABORTED') {
        this.destroy()
        return { status, headers: itsHeaders, body: NOTHING, connection: this, waitedMs }
      }
      throw (failure ?? cut()).with({
        host: this.#host,
        connected: true,
        reusedConnection: isReused,
        answered: this.#socket.bytesRead > bytesBefore,
        waitedMs,
        status,
        retryAfterMs: retryAfterMs(itsHeaders, Date.now()),
        requestId: requestIdIn(itsHeaders)
      })
    } finally {
      this.#idleSince = performance.now()
      this.#idleSinceDate = Date.now()
      exchange.end()
      signal?.removeEventListener('abort', onAbort)
    }
  }

  /**
   * The server ends the connection. A later request shows that it keeps them: it is reloaded then. Some close one after a
   * refusal (Camel's netty-http after 404, Vert.x after 431).
   */
  #noteEarlyClose(): void {
    const { completedAt, status = 0 } = this.#first ?? {}
    const isSecondAnswered = this.#exchange !== this.#first && this.#exchange?.status !== undefined
    if (completedAt === undefined || this.#requests > 2 || isSecondAnswered) return
    const isSoon = performance.now() - completedAt <= EARLY_MS
    if (isSoon && status >= 200 && status < 300) this.#wasClosedEarly = true
  }

  /** @returns undefined if the connection was closed before the request was sent */
  #failureOf(error: unknown, isStarted: boolean): HttpError | undefined {
    const cause = error instanceof HttpError ? error : (this.#firstError ?? (error as Error))
    if (cause instanceof HttpError) return cause
    if (isStarted || isCertificateAlert(cause)) return brokenBy(cause)
    return this.#socket.destroyed ? undefined : httpErrorOf(cause, undefined)
  }
}

const NOTHING = Buffer.alloc(0)

/**
 * Such a status says enough: whatever the rest would have said, the message was not taken. Some break off behind it (Tornado,
 * Waitress), and some send back more than is read (OpenHIM).
 */
function isRefusal(status = 0): status is number {
  return status >= 300 && status < 500
}

function* piecesOf(body: Buffer): Generator<Buffer> {
  for (let at = 0; at < body.length; at += PIECE_BYTES) yield body.subarray(at, at + PIECE_BYTES)
}
