import http, { type ClientRequest, type IncomingMessage } from 'node:http'
import https, { type AgentOptions, type RequestOptions } from 'node:https'
import { isIP, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import tls, { rootCertificates } from 'node:tls'
import type { Clock } from '../clock.ts'
import { describeError } from './describe-error.ts'
import { Failure } from './failure.ts'
import type { Proxy } from './proxy.ts'
import { TargetAgent } from './target-agent.ts'

type Callback = (error: Error | null, socket: Duplex) => void

/**
 * Reaches one `https:` target through a tunnel that a proxy opens (CONNECT, RFC 9110 §9.3.6). The
 * proxy sees only the target's name and port.
 */
export class TunnelAgent extends TargetAgent {
  readonly #authority: string
  readonly #proxy: Proxy
  readonly #openTimeoutMs: number
  readonly #opening = new Set<ClientRequest>()

  /** @param openTimeoutMs limit for the proxy to open the tunnel, in milliseconds */
  constructor(
    options: AgentOptions,
    clock: Clock,
    target: URL,
    proxy: Proxy,
    openTimeoutMs: number
  ) {
    super(options, clock)
    // With the brackets that an IPv6 address needs here, and always with a port.
    this.#authority = `${target.hostname}:${target.port || '443'}`
    this.#proxy = proxy
    // The limit of the whole connection has an error that names the receiver.
    this.#openTimeoutMs = openTimeoutMs * 0.95
  }

  override createConnection(options: RequestOptions, callback?: Callback): undefined {
    this.#open()
      .then((tunnel) => super.createConnection({ ...options, socket: tunnel } as RequestOptions))
      .then(
        (socket) => callback?.(null, socket as Duplex),
        (error: unknown) => callback?.(error as Error, undefined as unknown as Duplex)
      )
  }

  override destroy(): void {
    super.destroy()
    for (const request of this.#opening) request.destroy()
  }

  async #open(): Promise<Socket> {
    const request = this.#connectRequest()
    this.#opening.add(request)
    const timer = setTimeout(() => {
      request.destroy(
        new Failure('ETIMEDOUT', 'connect', 'the proxy did not open a connection in time', true)
      )
    }, this.#openTimeoutMs)
    try {
      return await tunnel(request)
    } finally {
      clearTimeout(timer)
      this.#opening.delete(request)
    }
  }

  #connectRequest(): ClientRequest {
    const { url, authorization } = this.#proxy
    const host = url.hostname.replace(/^\[|\]$/g, '')
    const options: RequestOptions = {
      method: 'CONNECT',
      host,
      port: url.port || (url.protocol === 'https:' ? 443 : 80),
      path: this.#authority,
      headers: {
        host: this.#authority,
        ...(authorization === undefined ? undefined : { 'proxy-authorization': authorization })
      },
      agent: false
    }
    if (url.protocol === 'http:') return http.request(options)
    const { ca, rejectUnauthorized } = this.options
    return https.request({
      ...options,
      minVersion: 'TLSv1.2',
      rejectUnauthorized,
      // The proxy's certificate may be from another CA than the receiver's.
      ...(ca === undefined ? undefined : { ca: [...defaultAuthorities(), ca].flat() }),
      // Node.js would take it from the Host header, which is the target's.
      servername: isIP(host) === 0 ? host : ''
    })
  }
}

/** With those of NODE_EXTRA_CA_CERTS, if this Node.js tells them (from 22.15 on). */
function defaultAuthorities(): readonly string[] {
  const { getCACertificates } = tls as Partial<Pick<typeof tls, 'getCACertificates'>>
  return getCACertificates?.('default') ?? rootCertificates
}

/** As a gateway, it says whether the fault is behind it (RFC 9110 §15.6). */
function refusal(status: number): Failure {
  const isBeyond = status >= 502 && status <= 504
  const what = isBeyond ? 'does not reach the host' : 'refused the connection'
  const text = `the proxy ${what} (HTTP ${status})`
  return new Failure('ERR_PROXY_REFUSED', 'connect', text, !isBeyond)
}

function tunnel(request: ClientRequest): Promise<Socket> {
  return new Promise((resolve, reject) => {
    request.once('connect', ({ statusCode = 0 }: IncomingMessage, socket: Socket, head: Buffer) => {
      if (statusCode < 200 || statusCode > 299) {
        socket.destroy()
        reject(refusal(statusCode))
        return
      }
      if (head.length > 0) socket.unshift(head)
      socket.setNoDelay(true)
      socket.setKeepAlive(true, 1000)
      resolve(socket)
    })
    request.once('error', (error: NodeJS.ErrnoException) => {
      const { code = 'EUNKNOWN' } = error
      reject(
        error instanceof Failure
          ? error
          : new Failure(code, 'connect', `the proxy: ${describeError(code, error.message)}`, true)
      )
    })
    request.end()
  })
}
