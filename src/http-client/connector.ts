import {
  connect as connectTcp,
  getDefaultAutoSelectFamilyAttemptTimeout,
  isIP,
  type Socket
} from 'node:net'
import {
  connect as connectTls,
  TLSSocket,
  type PeerCertificate,
  type SecureContext
} from 'node:tls'
import { systemClock, type Clock } from '../clock.ts'
import { certificateDates, ServerCertificates, type CertificateDates } from './certificates.ts'
import type { ConnectionSettings } from './connection-settings.ts'
import { aborted, connectFailureOf, tooLate } from './failures.ts'
import type { HttpError } from './http-error.ts'
import { currentProxy, proxyTo, withoutBrackets, type Address } from './proxy.ts'
import { TlsContext } from './tls-context.ts'
import { TlsSessions } from './tls-sessions.ts'
import { connectToProxy, openTunnel, type AddressAttempts } from './tunnel.ts'

/** What is under way: a connection to the server or, to the proxy, the way on; the TLS handshake with the server. */
type Phase = 'connect' | 'proxy' | 'tls'

/**
 * So long, in milliseconds, a connection is idle before the system asks the other side whether it is still there: often
 * enough that no firewall in between forgets it.
 */
const PROBE_AFTER_MS = 20_000
/**
 * So long, in milliseconds, each address of a host that has several is tried before the next, but no longer than a third
 * of the limit. Node.js takes a quarter of a second, in which a far host may not answer, or a busy process not notice.
 */
const EACH_ADDRESS_MS = 1000

/**
 * The one place for TLS settings, proxy and the limit for connecting: undici and got send over sockets that it opens. It
 * keeps no connections, but TLS sessions.
 */
export class Connector {
  readonly #settings: ConnectionSettings
  readonly #tcp: AddressAttempts
  readonly #certificates: ServerCertificates
  readonly #sessions: TlsSessions
  readonly #tls: TlsContext
  /** With which each connection was opened. */
  readonly #contexts = new WeakMap<Socket, SecureContext>()
  /** Called once other certificates are used, so that open connections are outdated. */
  onRenewed: () => void = () => undefined

  constructor(settings: ConnectionSettings, clock: Clock = systemClock) {
    const { connectTimeoutMs, tls, tlsFiles = {} } = settings
    this.#settings = settings
    const eachMs = Math.min(EACH_ADDRESS_MS, Math.ceil(connectTimeoutMs / 3))
    this.#tcp = {
      autoSelectFamilyAttemptTimeout: Math.max(eachMs, getDefaultAutoSelectFamilyAttemptTimeout())
    }
    this.#certificates = new ServerCertificates(clock)
    this.#sessions = new TlsSessions(clock)
    this.#tls = new TlsContext(tls, tlsFiles, clock)
  }

  /** The certificate of the servers; of several in use the one that ends first. Undefined until one was seen. */
  get certificate(): CertificateDates | undefined {
    return this.#certificates.endingFirst
  }

  /** The certificate of one of them. */
  certificateOf(url: URL): CertificateDates | undefined {
    return this.#certificates.of(nameOf(serverOf(url)))
  }

  /** Our own certificate; undefined if there is none. */
  get clientCertificate(): CertificateDates | undefined {
    return this.#tls.clientCertificate
  }

  /** Whether a connection was opened with the certificates that are used now. */
  isCurrent(socket: Socket): boolean {
    const context = this.#contexts.get(socket)
    return context === undefined || context === this.#tls.secure
  }

  /** Looks whether files with certificates have changed, if that is due. Never rejects. */
  async look(): Promise<void> {
    if (!(await this.#tls.look())) return
    this.#sessions.forgetAll()
    this.onRenewed()
  }

  /**
   * Opens a socket to a server, up to the end of the TLS handshake. `http:` leads to this machine only, and not over a
   * proxy.
   *
   * @param signal gives up; it does not close the open socket
   * @throws {HttpError}
   */
  async open(url: URL, signal: AbortSignal): Promise<Socket> {
    const { host } = url
    const isSecure = url.protocol === 'https:'
    const server = serverOf(url)
    const { connectTimeoutMs, proxy } = this.#settings
    const { promise: givenUp, reject: giveUp } = Promise.withResolvers<never>()
    givenUp.catch(() => undefined)
    const opened: Socket[] = []
    let phase: Phase = 'connect'
    let certificateIssuer: string | undefined
    const onAbort = (): void => {
      giveUp(aborted())
    }
    let timer: NodeJS.Timeout | undefined
    /** Whatever goes wrong with a socket: until a request has it, nobody else would hear. */
    const watch = (socket: Socket): Socket => {
      opened.push(socket)
      return socket.on('error', (error) => {
        giveUp(connectFailureOf(error, phase === 'tls' ? 'tls' : 'connect'))
      })
    }
    const until = <Value>(done: Promise<Value>): Promise<Value> => Promise.race([done, givenUp])
    try {
      if (signal.aborted) throw aborted()
      signal.addEventListener('abort', onAbort)
      if (isSecure) await until(this.look())
      timer = setTimeout(() => {
        giveUp(late(phase, connectTimeoutMs, opened[0]?.bytesRead === 0))
      }, connectTimeoutMs)
      const current = isSecure && proxy !== undefined ? await until(currentProxy(proxy)) : undefined
      const way = isSecure ? proxyTo(server, current) : undefined
      let tunnel: Socket | undefined
      if (way !== undefined) {
        phase = 'proxy'
        // Its errors are those of the request for the tunnel.
        tunnel = connectToProxy(way, this.#tcp).on('error', () => undefined)
        opened.push(tunnel)
        await until(openTunnel(tunnel, way, server))
        watch(tunnel)
        phase = 'tls'
      }
      const socket = watch(
        isSecure ? this.#startTls(server, tunnel) : connectTcp({ ...server, ...this.#tcp })
      )
      if (tunnel === undefined) {
        socket.once('connect', () => {
          phase = 'tls'
        })
      }
      // Before Node.js sees the end of the handshake and drops a certificate that it does not trust.
      socket.prependOnceListener('secure', () => {
        certificateIssuer = issuerOf(socket)
      })
      await until(once(socket, isSecure ? 'secureConnect' : 'connect'))
      socket.setNoDelay(true).setKeepAlive(true, PROBE_AFTER_MS)
      this.#keep(server, socket)
      return socket
    } catch (error) {
      for (const socket of opened) socket.destroy()
      if (phase === 'tls') this.#sessions.forget(nameOf(server))
      throw connectFailureOf(error, 'connect').with({ host, certificateIssuer })
    } finally {
      clearTimeout(timer)
      signal.removeEventListener('abort', onAbort)
    }
  }

  /** @param tunnel undefined: it is connected to directly */
  #startTls(server: Address, tunnel: Socket | undefined): TLSSocket {
    const { secure, settings: tls } = this.#tls
    const socket = connectTls({
      ...(tunnel === undefined
        ? { ...server, ...this.#tcp }
        : { socket: tunnel, host: server.host }),
      secureContext: secure,
      servername: tls?.servername || (isIP(server.host) === 0 ? server.host : ''),
      ALPNProtocols: ['http/1.1'],
      // Explicit, because NODE_TLS_REJECT_UNAUTHORIZED would turn it off for everything.
      rejectUnauthorized: tls?.rejectUnauthorized ?? true,
      session: this.#sessions.of(nameOf(server))
    })
    this.#contexts.set(socket, secure)
    return socket
  }

  /** The server has been found to be the right one. */
  #keep(server: Address, socket: Socket): void {
    if (!(socket instanceof TLSSocket)) return
    const name = nameOf(server)
    const isResumed = socket.isSessionReused()
    const keep = (session: Buffer): void => {
      // One of an earlier certificate would present that again.
      if (this.isCurrent(socket)) this.#sessions.keep(name, session, isResumed)
    }
    // With TLS 1.3, it comes after the handshake, and perhaps several times.
    socket.on('session', keep)
    const session = socket.getSession()
    if (session !== undefined && socket.getProtocol() === 'TLSv1.2') keep(session)
    if (isResumed) return
    // Not getPeerX509Certificate: in Node.js 24 only its first reader gets it.
    const certificate = socket.getPeerCertificate() as Partial<PeerCertificate>
    const dates = certificateDates(certificate.valid_from, certificate.valid_to)
    if (dates !== undefined) this.#certificates.add(name, dates)
  }
}

function serverOf({ hostname, port, protocol }: URL): Address {
  const usual = protocol === 'https:' ? 443 : 80
  return { host: withoutBrackets(hostname), port: Number(port || usual) }
}

function nameOf({ host, port }: Address): string {
  return `${host}:${port}`
}

function once(socket: Socket, event: string): Promise<void> {
  return new Promise((resolve) => {
    socket.once(event, () => {
      resolve()
    })
  })
}

function late(phase: Phase, limitMs: number, isMute: boolean): HttpError {
  if (phase === 'connect') return tooLate(phase, 'lateConnection', limitMs)
  if (phase === 'tls') return tooLate(phase, 'lateHandshake', limitMs)
  // Of a proxy that has begun to answer, it may be the server behind it that does not.
  return tooLate('connect', 'lateTunnel', limitMs).with({ atProxy: isMute })
}

function issuerOf(socket: Socket): string | undefined {
  if (!(socket instanceof TLSSocket)) return undefined
  const { issuer } = socket.getPeerCertificate() as { issuer?: Record<string, unknown> }
  const name = issuer?.['CN'] ?? issuer?.['O']
  return typeof name === 'string' ? name.slice(0, 100) : undefined
}
