import { Agent } from 'node:https'
import { connect, isIP, type Socket } from 'node:net'
import { TLSSocket, type PeerCertificate } from 'node:tls'
import { english } from '../english.ts'
import { certificateDates, ServerCertificates, type CertificateDates } from './certificates.ts'
import type { ConnectionSettings } from './connection-settings.ts'
import { describeError } from './describe-error.ts'
import { aborted, connectFailureOf, failureOf, tooLate } from './failures.ts'
import { HttpError } from './http-error.ts'
import { proxyEnvironment } from './proxy.ts'

/** What is under way: a connection to the server, the TLS handshake, or the tunnel of a proxy with both in it. */
type Phase = 'connect' | 'tls' | 'proxy'

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
    let phase: Phase = 'connect'
    let socket: Socket | undefined
    let certificateIssuer: string | undefined
    const onAbort = (): void => {
      reject(aborted())
    }
    const timer = setTimeout(() => {
      reject(late(phase, connectTimeoutMs, socket?.bytesRead === 0))
    }, connectTimeoutMs)
    try {
      if (signal.aborted) throw aborted()
      signal.addEventListener('abort', onAbort)
      socket = isSecure
        ? this.#openSecure(address, (error, tunnelled) => {
            // Until a request has it, nobody else would hear.
            tunnelled.on('error', reject)
            if (error === null) resolve(tunnelled)
            else reject(tunnelled === socket ? tunnelFailure(error) : failureOf(error, 'tls'))
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
      throw connectFailureOf(error, 'connect').with({ host, certificateIssuer })
    } finally {
      clearTimeout(timer)
      signal.removeEventListener('abort', onAbort)
    }
  }

  /**
   * @param onTunnel as Node.js calls it: only if there is a proxy, once the tunnel and the TLS handshake in it are
   *   complete, or have failed
   * @returns a socket to the server, or to the proxy
   * @throws {HttpError} `ERR_PROXY_ADDRESS`
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

function watchTunnel(socket: Socket, reject: (error: HttpError) => void): void {
  socket.setNoDelay(true).setKeepAlive(true)
  // Node.js doubles these with each piece of the proxy's answer, which would block the event loop.
  socket.setMaxListeners(Infinity)
  socket.on('newListener', (event: string) => {
    if (event === 'readable' && socket.listenerCount(event) > MAX_LISTENERS) {
      socket.destroy()
      reject(proxyError(english('log', 'network.proxyPieces'), 'ERR_PROXY_TUNNEL'))
    }
  })
}

function late(phase: Phase, limitMs: number, isMute: boolean): HttpError {
  if (phase === 'connect') return tooLate(phase, 'lateConnection', limitMs)
  if (phase === 'tls') return tooLate(phase, 'lateHandshake', limitMs)
  // Of a proxy that has begun to answer, it may be the server behind it that does not.
  return tooLate('connect', 'lateTunnel', limitMs).with({ atProxy: isMute })
}

/**
 * With these a proxy says that it is the host behind it that cannot be reached (RFC 9110 §15.6), or is unknown: so some
 * answer 404.
 */
const BEYOND_PROXY = new Set([404, 502, 503, 504])

/** Why there is no tunnel. */
function tunnelFailure(error: NodeJS.ErrnoException & { statusCode?: number }): HttpError {
  const { code = 'EUNKNOWN', message, statusCode: status } = error
  // Not a number: what answered is no proxy.
  if (status === undefined || Number.isNaN(status)) {
    return code === 'ERR_PROXY_TUNNEL'
      ? proxyError(english('log', 'network.noProxy'), code)
      : proxyError(english('log', 'network.atProxy', { why: describeError(code, message) }), code)
  }
  const isBeyond = BEYOND_PROXY.has(status)
  const key = isBeyond ? 'network.proxyReachesNothing' : 'network.proxyRefuses'
  const refusal = proxyError(english('log', key, { status }), code)
  return refusal.with({ atProxy: !isBeyond, proxyStatus: status })
}

function proxyError(what: string, code: string): HttpError {
  return new HttpError(what, { code, family: 'connect', atProxy: true })
}

function issuerOf(socket: Socket): string | undefined {
  if (!(socket instanceof TLSSocket)) return undefined
  const { issuer } = socket.getPeerCertificate() as { issuer?: Record<string, unknown> }
  const name = issuer?.['CN'] ?? issuer?.['O']
  return typeof name === 'string' ? name.slice(0, 100) : undefined
}
