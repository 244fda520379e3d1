import { connect as connectTcp, isIPv6, type Socket, type TcpNetConnectOpts } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { english } from '../english.ts'
import { describeError } from './describe-error.ts'
import { HttpError } from './http-error.ts'
import type { Address, Proxy } from './proxy.ts'

/**
 * With these, a proxy says that it is the host behind it that cannot be reached (RFC 9110 §15.6; tinyproxy says 500), or is
 * unknown: so some answer 404. With any other status, it is the proxy that does not let the connection through.
 */
function isBeyondProxy(status: number): boolean {
  return status === 404 || status >= 500
}

/** How the addresses of a host that has several are tried. */
export type AddressAttempts = Pick<TcpNetConnectOpts, 'autoSelectFamilyAttemptTimeout'>

/** A connection to a proxy, which it has to be asked to lead on. Errors come later, as events. */
export function connectToProxy({ host, port, isSecure }: Proxy, tcp: AddressAttempts): Socket {
  if (!isSecure) return connectTcp({ host, port, noDelay: true, keepAlive: true, ...tcp })
  // Whatever the TLS settings of the node: they are for the server behind it.
  const secure = connectTls({
    host,
    port,
    ...tcp,
    ALPNProtocols: ['http/1.1'],
    rejectUnauthorized: true,
    minVersion: 'TLSv1.2',
    ...(isIPv6(host) || /^[\d.]+$/.test(host) ? undefined : { servername: host })
  })
  return secure.setNoDelay(true).setKeepAlive(true)
}

/**
 * Asks a proxy to lead a connection on to a server (RFC 9110 §9.3.6).
 *
 * Not left to Node.js's agents, which know how to (`proxyEnv`), because they do not say whether they go through a proxy,
 * and double their listeners with each piece of its answer, without a limit of its size, until the event loop stands
 * still (nodejs/node issue 62904).
 *
 * @param socket from `connectToProxy`; it then leads to the server
 * @throws {HttpError} of family `connect`
 */
export function openTunnel(
  socket: Socket,
  { authorization }: Proxy,
  server: Address
): Promise<void> {
  // An import would have Node.js load HTTP/2 and an undici of its own, for all that node:http exports: 14 ms of the start.
  const { request } = process.getBuiltinModule('node:http')
  const target = `${isIPv6(server.host) ? `[${server.host}]` : server.host}:${server.port}`
  return new Promise((resolve, reject) => {
    request({
      method: 'CONNECT',
      path: target,
      headers: {
        host: target,
        connection: 'keep-alive',
        ...(authorization !== undefined && { 'proxy-authorization': authorization })
      },
      createConnection: () => socket
    })
      .once('connect', ({ statusCode: status = 0 }, _socket, head: Buffer) => {
        if (status < 200 || status >= 300) {
          reject(refusal(status))
          return
        }
        // A server speaks only when it is spoken to, but whatever came belongs to it.
        if (head.length > 0) socket.unshift(head)
        resolve()
      })
      .on('error', (error) => {
        reject(failure(error))
      })
      .end()
  })
}

function refusal(status: number): HttpError {
  const isBeyond = isBeyondProxy(status)
  const key = isBeyond ? 'network.proxyReachesNothing' : 'network.proxyRefuses'
  return proxyError(english('log', key, { status }), 'ERR_PROXY_TUNNEL').with({
    atProxy: !isBeyond,
    proxyStatus: status
  })
}

function failure(error: NodeJS.ErrnoException): HttpError {
  const { code = 'EUNKNOWN', errno, message } = error
  // Node.js says ECONNRESET also of a connection that ended without an answer.
  const isEnd = code === 'ECONNRESET' && errno === undefined
  const isNoAnswer = code.startsWith('HPE_') && code !== 'HPE_HEADER_OVERFLOW'
  return isEnd || isNoAnswer
    ? proxyError(english('log', 'network.noProxy'), 'ERR_PROXY_TUNNEL')
    : proxyError(english('log', 'network.atProxy', { why: describeError(code, message) }), code)
}

function proxyError(what: string, code: string): HttpError {
  return new HttpError(what, { code, family: 'connect', atProxy: true })
}
