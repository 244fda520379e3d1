import { connect, isIP, type Socket } from 'node:net'
import type { Failure } from './failure.ts'
import { aborted, connectFailureOf, tooLate } from './failure.ts'
import type { HttpsAgent } from './https-agent.ts'

/** Limits of a connection. */
interface ConnectLimits {
  /** For lookup, TCP, proxy and TLS handshake together, in milliseconds. */
  connectTimeoutMs: number
  signal: AbortSignal
}

/**
 * Opens a socket to a server, up to the end of the TLS handshake.
 *
 * @param agent for `https:`; `http:` leads to this machine only, and not over a proxy
 * @throws {Failure}
 */
export async function openSocket(
  url: URL,
  agent: HttpsAgent | undefined,
  { connectTimeoutMs, signal }: ConnectLimits
): Promise<Socket> {
  const { promise, resolve, reject } = Promise.withResolvers<Socket>()
  const host = url.hostname.replace(/^\[|\]$/g, '')
  const options = {
    host,
    port: Number(url.port || (agent === undefined ? 80 : 443)),
    noDelay: true,
    keepAlive: true
  }
  let phase: 'connect' | 'tls' = 'connect'
  let opening: Socket | undefined
  let timer: NodeJS.Timeout | undefined
  const onAbort = (): void => {
    reject(aborted())
  }
  const end = (error: Error | null, tunnelled: Socket): void => {
    if (error === null) resolve(tunnelled)
    else reject(error)
  }
  try {
    if (signal.aborted) throw aborted()
    signal.addEventListener('abort', onAbort)
    const socket = agent === undefined ? connect(options) : openSecure(agent, options, end)
    opening = socket
    // Node.js then tells `end`.
    if (agent?.leadsToProxy(socket) === true) return await promise
    socket.on('error', reject)
    socket.once('connect', () => {
      phase = 'tls'
    })
    socket.once(agent === undefined ? 'connect' : 'secureConnect', () => {
      resolve(socket)
    })
    timer = setTimeout(() => {
      reject(noConnection(connectTimeoutMs, phase))
    }, connectTimeoutMs)
    return await promise
  } catch (error) {
    opening?.destroy()
    throw connectFailureOf(error, phase)
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', onAbort)
  }
}

function openSecure(
  agent: HttpsAgent,
  options: { host: string; port: number },
  onTunnel: (error: Error | null, tunnelled: Socket) => void
): Socket {
  const servername = agent.options.servername || (isIP(options.host) === 0 ? options.host : '')
  const secure = { ...agent.options, ...options, servername }
  return agent.createConnection(secure, onTunnel)
}

function noConnection(limitMs: number, phase: 'connect' | 'tls'): Failure {
  return tooLate(phase, phase === 'connect' ? 'lateConnection' : 'lateHandshake', limitMs)
}
