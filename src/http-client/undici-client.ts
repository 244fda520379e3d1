import type { Socket } from 'node:net'
import type { Clock } from '../clock.ts'
import type { CertificateDates } from './certificates.ts'
import { Connection, type ReceivedReply } from './connection.ts'
import { Connector } from './connector.ts'
import { aborted, connectFailureOf } from './failures.ts'
import { HttpError } from './http-error.ts'
import type { HttpClientSettings, HttpRequest } from './http-message.ts'

export interface UndiciClientSettings extends HttpClientSettings {
  /**
   * Connections that are kept for later requests. No request waits for one: the caller decides how
   * many run at a time.
   */
  maxConnections: number
  /** Receives the reason if a connection is closed for what came over it; the same at most once a minute. */
  onNotice?: ((text: string) => void) | undefined
  /** Called if connections to a host are no longer kept, because it closes them right after its answers. */
  onUnkept?: ((host: string) => void) | undefined
}

/** Too many requests (RFC 6585 §4). */
const TOO_MANY = 429
/** The same notice is repeated only after this time, in milliseconds. */
const NOTICE_AGAIN_MS = 60_000
/**
 * Within this time, in milliseconds, a server that closes kept connections right after its answers does so again; so long
 * they are not kept then.
 */
const CLOSES_AGAIN_MS = 3_600_000

/**
 * The HTTP client for HL7: undici, over as many connections as there are requests at a time. It
 * follows no redirects and keeps no cookies, which could carry a token or a message to a server that
 * nobody configured, and it repeats nothing that may have been sent.
 */
export class UndiciClient {
  readonly #settings: UndiciClientSettings
  readonly #connector: Connector
  readonly #connections = new Set<Connection>()
  readonly #sockets = new WeakMap<Connection, Socket>()
  /** Those that are free. The one used last comes last: the server is least likely to have closed it. */
  readonly #free: Connection[] = []
  readonly #closing = new AbortController()
  readonly #noticedAt = new Map<string, number>()
  /** Where a kept connection was closed right after an answer, and when; none is kept where it happened twice. */
  readonly #closesEarly = new Map<string, { at: number; isSure: boolean }>()

  constructor(settings: UndiciClientSettings, clock?: Clock) {
    this.#settings = settings
    this.#connector = new Connector(settings, clock)
    this.#connector.onRenewed = () => {
      for (const one of this.#free) if (!this.#isCurrent(one)) one.destroy()
    }
  }

  /**
   * Sends one request and reads the whole answer, whatever its status.
   *
   * @throws {HttpError} if there is no complete answer
   */
  async request(request: HttpRequest): Promise<ReceivedReply> {
    const { signal, url } = request
    for (;;) {
      if (signal?.aborted === true || this.#closing.signal.aborted) {
        throw aborted().with({ host: url.host })
      }
      const connection = this.#takeFree(request) ?? (await this.#connect(request))
      const reply = await this.#send(connection, request)
      if (reply !== undefined) return reply
    }
  }

  /**
   * Opens a connection for the next request to a server.
   *
   * @throws {HttpError} if none can be had
   */
  async connect(url: URL, signal: AbortSignal): Promise<void> {
    // Those that were kept may be dead, without anybody having said so.
    this.#closeFree(url.origin)
    const connection = await this.#connect({ url, signal })
    if (this.#isKept(connection)) this.#free.push(connection)
    else connection.destroy()
  }

  /** The certificate of a server. Undefined until one was seen. */
  certificateOf(url: URL): CertificateDates | undefined {
    return this.#connector.certificateOf(url)
  }

  /** The certificate of the receiver; of several the one that ends first. Undefined until one was seen. */
  get certificate(): CertificateDates | undefined {
    return this.#connector.certificate
  }

  /** Our own certificate; undefined if there is none. */
  get clientCertificate(): CertificateDates | undefined {
    return this.#connector.clientCertificate
  }

  /** Looks whether files with certificates have changed, if that is due. Never rejects. */
  look(): Promise<void> {
    return this.#connector.look()
  }

  /** Closes every connection for good. Requests in flight, and later ones, end with `ERR_ABORTED`. */
  close(): void {
    this.#closing.abort()
    for (const connection of this.#connections) connection.destroy()
  }

  async #send(connection: Connection, request: HttpRequest): Promise<ReceivedReply | undefined> {
    let isRefused = false
    try {
      const reply = await connection.send(request, this.#settings.maxResponseBytes)
      isRefused = reply?.status === TOO_MANY
      // There may be one limit for each connection, and Spring Cloud Gateway's leaves what follows on it without an answer.
      if (isRefused) this.#closeFree(request.url.origin)
      return reply
    } catch (error) {
      if (error instanceof HttpError && error.isStale) this.#closeFree(request.url.origin)
      throw error
    } finally {
      if (!isRefused && this.#isKept(connection)) this.#free.push(connection)
      else connection.destroy()
    }
  }

  /** @throws {HttpError} */
  async #connect({ url, signal }: Pick<HttpRequest, 'url' | 'signal'>): Promise<Connection> {
    const closing = this.#closing.signal
    const { Client } = await import('undici').catch((error: unknown) => {
      throw connectFailureOf(error, 'connect').with({ host: url.host })
    })
    const ending = signal === undefined ? closing : AbortSignal.any([closing, signal])
    const socket = await this.#connector.open(url, ending)
    const connection = new Connection(Client, url, socket, (why) => {
      this.#notice(`${url.host}: ${why}.`)
    })
    this.#connections.add(connection)
    this.#sockets.set(connection, socket)
    connection.onClosed(() => {
      this.#connections.delete(connection)
      const at = this.#free.indexOf(connection)
      if (at !== -1) this.#free.splice(at, 1)
      if (connection.wasClosedEarly) this.#countEarlyClose(connection, url.host)
    })
    return connection
  }

  #isKept(connection: Connection): boolean {
    const { maxConnections } = this.#settings
    const { at = -Infinity, isSure = false } = this.#closesEarly.get(connection.origin) ?? {}
    const isUnkept = isSure && performance.now() - at < CLOSES_AGAIN_MS
    const isNeeded = this.#free.length < maxConnections && !isUnkept
    return connection.isUsable && isNeeded && this.#isCurrent(connection)
  }

  /** One that was opened with earlier certificates ends after its reply. */
  #isCurrent(connection: Connection): boolean {
    const socket = this.#sockets.get(connection)
    return socket === undefined || this.#connector.isCurrent(socket)
  }

  /**
   * Some servers, such as uWSGI, close each connection after the answer without having said so, and what is sent at
   * that moment may or may not have arrived. One that ends, or is restarted, closes all of its connections once.
   */
  #countEarlyClose({ openedAt, origin }: Connection, host: string): void {
    const at = performance.now()
    const before = this.#closesEarly.get(origin)
    const isAgain = before !== undefined && at - before.at < CLOSES_AGAIN_MS
    // Known, or open when the first one was closed.
    if (isAgain && (before.isSure || openedAt < before.at)) return
    this.#closesEarly.set(origin, { at, isSure: isAgain })
    if (!isAgain) return
    this.#closeFree(origin)
    this.#settings.onUnkept?.(host)
  }

  #notice(text: string): void {
    const now = performance.now()
    if (now - (this.#noticedAt.get(text) ?? -Infinity) < NOTICE_AGAIN_MS) return
    this.#noticedAt.set(text, now)
    this.#settings.onNotice?.(text)
  }

  #takeFree({ url: { origin }, mostIdleMs = Infinity }: HttpRequest): Connection | undefined {
    for (const one of this.#free) if (one.idleMs > mostIdleMs || !one.isUsable) one.destroy()
    const at = this.#free.findLastIndex((one) => one.origin === origin && one.isUsable)
    return at === -1 ? undefined : this.#free.splice(at, 1)[0]
  }

  /** If the server has closed one kept connection, it may have closed the others as well. */
  #closeFree(origin: string): void {
    for (const one of this.#free) if (one.origin === origin) one.destroy()
  }
}
