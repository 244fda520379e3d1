import { Agent, type AgentOptions, type RequestOptions } from 'node:https'
import type { Duplex } from 'node:stream'
import { TLSSocket, type PeerCertificate } from 'node:tls'
import type { Clock } from '../clock.ts'
import { certificateDates, ServerCertificate } from './certificates.ts'

/** @types/node does not say that it returns whether the connection is kept. */
const { keepSocketAlive } = Agent.prototype as unknown as {
  keepSocketAlive: (this: Agent, socket: Duplex) => boolean
}

/** Keeps the connections to one `https:` target, and knows the target's certificate. */
export class TargetAgent extends Agent {
  readonly certificate: ServerCertificate
  /** When the last request began: monotonic, milliseconds. */
  askedAt = 0
  readonly #clock: Clock
  /** The session that the next connection resumes. */
  #session: Buffer | undefined
  /** Connections that serve no further request, and whose sessions are not resumed. */
  readonly #retired = new WeakSet<Duplex>()

  constructor(options: AgentOptions, clock: Clock) {
    // Node.js keeps sessions, but offers no way to forget one. So this agent keeps the only one.
    super({ ...options, maxCachedSessions: 0 })
    this.#clock = clock
    this.certificate = new ServerCertificate(clock)
  }

  override createConnection(options: RequestOptions): Duplex | null | undefined {
    const session = this.#session
    const socket = super.createConnection(
      session === undefined ? options : ({ ...options, session } as RequestOptions)
    )
    if (!(socket instanceof TLSSocket)) return socket
    socket.on('session', (latest: Buffer) => {
      if (!this.#retired.has(socket)) this.#session = latest
    })
    socket.once('error', () => {
      // It may be the session's fault.
      if (!this.#retired.has(socket)) this.#session = undefined
    })
    socket.once('secureConnect', () => {
      this.#see(socket)
    })
    return socket
  }

  override keepSocketAlive(socket: Duplex): boolean {
    return !this.#retired.has(socket) && keepSocketAlive.call(this, socket)
  }

  /**
   * To be called before each request. If it is time to look at the certificate again, the next
   * connection begins with a full handshake: idle connections are closed, those in use are not kept
   * after their request, and the session is forgotten.
   */
  beforeRequest(): void {
    this.askedAt = this.#clock.monotonic()
    if (!this.certificate.lookIsDue()) return
    this.#session = undefined
    for (const socket of all(this.sockets)) this.#retired.add(socket)
    for (const socket of all(this.freeSockets)) socket.destroy()
  }

  #see(socket: TLSSocket): void {
    try {
      // Not getPeerX509Certificate: in Node.js 24 only its first reader gets it.
      const certificate = socket.getPeerCertificate() as Partial<PeerCertificate> | null
      const dates = certificateDates(certificate?.valid_from, certificate?.valid_to)
      // Node.js shows none of a session that was resumed.
      if (dates !== undefined) this.certificate.see(dates)
    } catch {
      // Node.js cannot read it. The connection is good all the same.
    }
  }
}

function all(sockets: NodeJS.ReadOnlyDict<Duplex[]>): Duplex[] {
  return Object.values(sockets).flatMap((some) => some ?? [])
}
