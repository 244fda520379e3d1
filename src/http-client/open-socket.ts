import { connect, isIP, type Socket } from 'node:net'
import { aborted, connectFailureOf, Failure } from './failure.ts'
import type { HttpsAgent } from './https-agent.ts'

/**
 * Opens a socket to a server, up to the end of the TLS handshake.
 *
 * @param agent its limit is for lookup, TCP, proxy and TLS handshake together; all else of it is for
 *   `https:`, since `http:` leads to this machine only, and not over a proxy
 * @throws {Failure}
 */
export async function openSocket(
  url: URL,
  agent: HttpsAgent,
  signal: AbortSignal
): Promise<Socket> {
  const { promise, resolve, reject } = Promise.withResolvers<Socket>()
  const isPlain = url.protocol === 'http:'
  const host = url.hostname.replace(/^\[|\]$/g, '')
  const options = {
    host,
    port: Number(url.port || (isPlain ? 80 : 443)),
    noDelay: true,
    keepAlive: true
  }
  let phase: 'connect' | 'tls' = 'connect'
  let opening: Socket | undefined
  let timer: NodeJS.Timeout | undefined
  const onAbort = (): void => {
    reject(aborted())
  }
  try {
    if (signal.aborted) throw aborted()
    signal.addEventListener('abort', onAbort)
    const servername = agent.options.servername || (isIP(host) === 0 ? host : '')
    const secure = { ...agent.options, ...options, servername }
    const socket = isPlain
      ? connect(options)
      : // Node.js calls back only if there is a proxy.
        agent.createConnection(secure, (error, tunnelled) => {
          if (error === null) resolve(tunnelled)
          else reject(error)
        })
    opening = socket
    const isProxied = !isPlain && agent.leadsToProxy(socket)
    socket.on('error', reject)
    socket.once('connect', () => {
      phase = 'tls'
    })
    if (!isProxied) {
      timer = setTimeout(() => {
        reject(noConnection(agent.connectTimeoutMs, phase))
      }, agent.connectTimeoutMs)
      socket.once(isPlain ? 'connect' : 'secureConnect', () => {
        resolve(socket)
      })
    }
    return await promise
  } catch (error) {
    opening?.destroy()
    throw connectFailureOf(error, phase)
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', onAbort)
  }
}

function noConnection(limitMs: number, phase: 'connect' | 'tls'): Failure {
  const limit = `within ${limitMs / 1000} s`
  return phase === 'connect'
    ? new Failure('ETIMEDOUT', 'connect', `no connection ${limit}`)
    : new Failure('ETIMEDOUT', 'tls', `the TLS handshake was not finished ${limit}`)
}
