import { Agent } from 'node:https'
import { connect, isIP, type Socket } from 'node:net'
import { TLSSocket, type PeerCertificate } from 'node:tls'
import { english } from '../english.ts'
import { certificateDates, ServerCertificates, type CertificateDates } from './certificates.ts'
import type { ConnectionSettings } from './connection-settings.ts'
import { describeError } from './describe-error.ts'
import { aborted, connectFailureOf, Failure, tooLate } from './failure.ts'
import { proxyEnvironment } from './proxy.ts'

/**
 * The one place for TLS settings, proxy and the limit for connecting: undici and got send over sockets that it opens. It
 * keeps no connections and resumes no sessions, so each connection shows the server's certificate.
 */
export class Connector {
  readonly #settings: ConnectionSettings
  readonly #certificates = new ServerCertificates()
  /** Of Node.js, which knows the way through a proxy. */
  #agent: Agent | undefined

  constructor(settings: ConnectionSettings) {
    this.#settings = settings
  }

  /** The certificate of the servers; of several in use the one that ends first. Undefined until one was seen. */
  get certificate(): CertificateDates | undefined {
    return this.#certificates.endingFirst
  }

  /**
   * Opens a socket to a server, up to the end of the TLS handshake. `http:` leads to this machine only, and not over a
   * proxy.
   *
   * @param signal gives up; it does not close the open socket
   * @throws {HttpError}
   */
  async open({ protocol, host, hostname, port }: URL, signal: AbortSignal): Promise<Socket> {
    const isSecure = protocol === 'https:'
    const address = {
      host: hostname.replace(/^\[|\]$/g, ''),
      port: Number(port || (isSecure ? 443 : 80)),
      noDelay: true,
      keepAlive: true
    }
    const { connectTimeoutMs } = this.#settings
    const { promise, resolve, reject } = Promise.withResolvers<Socket>()
    let phase: 'connect' | 'tls' | 'proxy' = 'connect'
    let socket: Socket | undefined
    let certificateIssuer: string | undefined
    const onAbort = (): void => {
      reject(aborted())
    }
    const timer = setTimeout(() => {
      const isMute = socket?.bytesRead === 0
      reject(phase === 'proxy' ? noTunnel(connectTimeoutMs, isMute) : late(connectTimeoutMs, phase))
    }, connectTimeoutMs)
    try {
      if (signal.aborted) throw aborted()
      signal.addEventListener('abort', onAbort)
      socket = isSecure
        ? this.#openSecure(address, (error, tunnelled) => {
            // Until a request has it, nobody else would hear.
            tunnelled.on('error', reject)
            if (error === null) resolve(tunnelled)
            else reject(tunnelFailure(error, tunnelled === socket))
          })
        : connect(address)
      if (leadsToProxy(socket, isSecure)) {
        phase = 'proxy'
        watchTunnel(socket, reject)
      } else {
        const direct = socket
        direct.on('error', (error) => {
          reject(connectFailureOf(error, phase === 'tls' ? 'tls' : 'connect'))
        })
        direct.once('connect', () => {
          phase = 'tls'
        })
        // Before Node.js sees the end of the handshake and drops a certificate that it does not trust.
        direct.prependOnceListener('secure', () => {
          certificateIssuer = issuerOf(direct)
        })
        direct.once(isSecure ? 'secureConnect' : 'connect', () => {
          resolve(direct)
        })
      }
      const opened = await promise
      this.#readCertificate(`${address.host}:${address.port}`, opened)
      return opened
    } catch (error) {
      socket?.destroy()
      throw connectFailureOf(error, 'connect').at(host, {
        connected: false,
        reusedConnection: false,
        certificateIssuer
      })
    } finally {
      clearTimeout(timer)
      signal.removeEventListener('abort', onAbort)
    }
  }

  /**
   * @param onTunnel as Node.js calls it: only if there is a proxy, once the tunnel and the TLS handshake in it are
   *   complete, or have failed
   * @returns a socket to the server, or to the proxy
   * @throws {Failure} `ERR_PROXY_ADDRESS`
   */
  #openSecure(
    address: { host: string; port: number },
    onTunnel: (error: Error | null, tunnelled: Socket) => void
  ): Socket {
    const { tls, proxy } = this.#settings
    this.#agent ??= new Agent({
      ...tls,
      ALPNProtocols: ['http/1.1'],
      // Explicit, because NODE_TLS_REJECT_UNAUTHORIZED would turn it off for everything.
      rejectUnauthorized: tls?.rejectUnauthorized ?? true,
      minVersion: 'TLSv1.2',
      maxCachedSessions: 0,
      proxyEnv: proxyEnvironment(proxy)
    })
    const servername = tls?.servername || (isIP(address.host) === 0 ? address.host : '')
    const options = { ...this.#agent.options, ...address, servername }
    return this.#agent.createConnection(options, onTunnel as () => void) as Socket
  }

  #readCertificate(server: string, socket: Socket): void {
    if (!(socket instanceof TLSSocket)) return
    // Not getPeerX509Certificate: in Node.js 24 only its first reader gets it.
    const certificate = socket.getPeerCertificate() as Partial<PeerCertificate>
    const dates = certificateDates(certificate.valid_from, certificate.valid_to)
    if (dates !== undefined) this.#certificates.add(server, dates)
  }
}

/** Node.js itself waits for a connection to a proxy, to ask for the tunnel. */
function leadsToProxy(socket: Socket, isSecure: boolean): boolean {
  return isSecure && !(socket instanceof TLSSocket && socket.listenerCount('secureConnect') === 0)
}

/** So the answer of a proxy may come in twelve pieces. */
const MAX_LISTENERS = 4096

function watchTunnel(socket: Socket, reject: (failure: Failure) => void): void {
  socket.setNoDelay(true).setKeepAlive(true)
  // Node.js doubles these with each piece of the proxy's answer, which would block the event loop.
  socket.setMaxListeners(Infinity)
  socket.on('newListener', (event: string) => {
    if (event === 'readable' && socket.listenerCount(event) > MAX_LISTENERS) {
      socket.destroy()
      reject(inPieces())
    }
  })
}

function late(limitMs: number, phase: 'connect' | 'tls'): Failure {
  return tooLate(phase, phase === 'connect' ? 'lateConnection' : 'lateHandshake', limitMs)
}

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

function issuerOf(socket: Socket): string | undefined {
  if (!(socket instanceof TLSSocket)) return undefined
  const { issuer } = socket.getPeerCertificate() as { issuer?: Record<string, unknown> }
  const name = issuer?.['CN'] ?? issuer?.['O']
  return typeof name === 'string' ? name.slice(0, 100) : undefined
}
