import type { ClientRequestArgs } from 'node:http'
import { Agent } from 'node:https'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { TLSSocket, type PeerCertificate } from 'node:tls'
import { english } from '../english.ts'
import { certificateDates, ServerCertificates } from './certificates.ts'
import type { ConnectionSettings } from './connection-settings.ts'
import { describeError } from './describe-error.ts'
import { aborted, cut, Failure } from './failure.ts'
import { proxyEnvironment } from './proxy.ts'

/** Tells that a tunnel is open, or why not. */
type EndTunnel = (error: Error | null, tunnelled?: Duplex) => void
type OnConnection = (error: Error | null, socket: Socket) => void

/**
 * The one place for TLS settings and proxy: got sends its requests through this agent, and undici gets
 * its sockets from it. It keeps no connections and resumes no sessions, so each connection shows the
 * server's certificate.
 */
export class HttpsAgent extends Agent {
  readonly certificates = new ServerCertificates()
  /** Who issued the certificate that came last, trusted or not. */
  lastIssuer: string | undefined

  readonly #connectTimeoutMs: number
  /** By the socket to a proxy: tunnels that are not open yet. */
  readonly #opening = new Map<Socket, { endTunnel: EndTunnel; timer: NodeJS.Timeout }>()
  /** All that it opened, until they are closed. */
  readonly #sockets = new Set<Socket>()

  /** @throws {Failure} `ERR_PROXY_ADDRESS` */
  constructor({ tls, proxy, connectTimeoutMs }: ConnectionSettings) {
    super({
      ...tls,
      ALPNProtocols: ['http/1.1'],
      // Explicit, because NODE_TLS_REJECT_UNAUTHORIZED would turn it off for everything.
      rejectUnauthorized: tls?.rejectUnauthorized ?? true,
      minVersion: 'TLSv1.2',
      maxCachedSessions: 0,
      proxyEnv: proxyEnvironment(proxy)
    })
    this.#connectTimeoutMs = connectTimeoutMs
  }

  /**
   * @param onConnection as Node.js calls it: only if there is a proxy, once the tunnel and the TLS
   *   handshake in it are complete, or with a `Failure` after `connectTimeoutMs` at the latest
   * @returns a socket to the server, or to the proxy: `leadsToProxy` tells which
   */
  override createConnection(options: ClientRequestArgs, onConnection?: OnConnection): Socket {
    const server = `${options.host}:${options.port}`
    const endTunnel: EndTunnel = (error, tunnelled) => {
      const tunnel = this.#opening.get(socket)
      if (tunnel === undefined) return
      this.#opening.delete(socket)
      clearTimeout(tunnel.timer)
      if (error === null && tunnelled instanceof TLSSocket) {
        this.#readCertificate(server, tunnelled)
        onConnection?.(null, tunnelled)
      } else {
        socket.destroy()
        onConnection?.(tunnelFailure(error ?? cut(), tunnelled === socket), socket)
      }
    }
    const socket = super.createConnection(options, endTunnel) as Socket
    this.#sockets.add(socket)
    socket.once('close', () => this.#sockets.delete(socket))
    // If there is a proxy, Node.js itself waits for the connection, to ask for the tunnel.
    if (socket instanceof TLSSocket && socket.listenerCount('secureConnect') === 0) {
      this.#watchHandshake(server, socket)
    } else this.#limitTunnel(socket, endTunnel)
    return socket
  }

  /** Whether a new socket leads to a proxy, and so must not carry a request. */
  leadsToProxy(socket: Socket): boolean {
    return this.#opening.has(socket)
  }

  /** Closes all its sockets, also those that it has given away. */
  override destroy(): void {
    super.destroy()
    for (const { endTunnel } of this.#opening.values()) endTunnel(aborted())
    for (const socket of this.#sockets) socket.destroy()
  }

  #watchHandshake(server: string, socket: TLSSocket): void {
    // Before Node.js sees the end of the handshake and drops a certificate that it does not trust.
    socket.prependOnceListener('secure', () => {
      this.lastIssuer = issuerOf(socket)
    })
    socket.once('secureConnect', () => {
      this.#readCertificate(server, socket)
    })
  }

  #limitTunnel(socket: Socket, endTunnel: EndTunnel): void {
    const timer = setTimeout(() => {
      endTunnel(noTunnel(this.#connectTimeoutMs, socket.bytesRead === 0))
    }, this.#connectTimeoutMs)
    this.#opening.set(socket, { endTunnel, timer })
    socket.setNoDelay(true).setKeepAlive(true)
    socket.once('close', () => {
      endTunnel(cut(), socket)
    })
    // Node.js doubles these with each piece of the proxy's answer, which would block the event loop.
    socket.setMaxListeners(Infinity)
    socket.on('newListener', (event: string) => {
      if (event === 'readable' && socket.listenerCount(event) > MAX_LISTENERS) {
        endTunnel(inPieces())
      }
    })
  }

  #readCertificate(server: string, socket: TLSSocket): void {
    // Not getPeerX509Certificate: in Node.js 24 only its first reader gets it.
    const certificate = socket.getPeerCertificate() as Partial<PeerCertificate>
    const dates = certificateDates(certificate.valid_from, certificate.valid_to)
    if (dates !== undefined) this.certificates.add(server, dates)
  }
}

/** So the answer of a proxy may come in twelve pieces. */
const MAX_LISTENERS = 4096

/** @param isMute the proxy has not answered: else it may be the server behind it that does not */
function noTunnel(limitMs: number, isMute: boolean): Failure {
  const text = english('log', 'network.lateTunnel', { seconds: limitMs / 1000 })
  return new Failure('ETIMEDOUT', 'connect', text, isMute)
}

function inPieces(): Failure {
  const text = english('log', 'network.proxyPieces')
  return new Failure('ERR_PROXY_TUNNEL', 'connect', text, true)
}

/** @param atProxy the tunnel was not there yet */
function tunnelFailure(error: NodeJS.ErrnoException, atProxy: boolean): Failure {
  if (error instanceof Failure) return error
  const { code = 'EUNKNOWN', message } = error
  if (!atProxy) return new Failure(code, 'tls', describeError(code, message))
  const { statusCode = Number.NaN } = error as { statusCode?: number }
  if (Number.isNaN(statusCode)) {
    const what =
      code === 'ERR_PROXY_TUNNEL'
        ? english('log', 'network.noProxy')
        : english('log', 'network.atProxy', { why: describeError(code, message) })
    return new Failure(code, 'connect', what, true)
  }
  // As a gateway, it says whether the fault is behind it (RFC 9110 §15.6).
  const isBeyond = statusCode >= 502 && statusCode <= 504
  const key = isBeyond ? 'network.proxyReachesNothing' : 'network.proxyRefuses'
  const text = english('log', key, { status: statusCode })
  return new Failure(code, 'connect', text, !isBeyond, statusCode)
}

function issuerOf(socket: TLSSocket): string | undefined {
  const { issuer } = socket.getPeerCertificate() as { issuer?: Record<string, unknown> }
  const name = issuer?.['CN'] ?? issuer?.['O']
  return typeof name === 'string' ? name.slice(0, 100) : undefined
}
