import { createServer, type IncomingMessage } from 'node:http'
import { connect, type AddressInfo, type Socket } from 'node:net'

export interface ConnectProxy {
  /** `http://127.0.0.1:…` */
  url: string
  /** `host:port` of every requested tunnel. */
  tunnels: string[]
  close(): Promise<void>
}

/**
 * Starts an HTTP proxy that supports only CONNECT, as is used for https (RFC 9110 §9.3.6). If the
 * host cannot be reached, it answers 502.
 *
 * @param credentials the required `user:password`; anything else gets 407
 */
export async function startConnectProxy(credentials?: string): Promise<ConnectProxy> {
  const sockets = new Set<Socket>()
  const keep = (socket: Socket): void => {
    sockets.add(socket)
    socket.on('error', () => socket.destroy())
    socket.on('close', () => sockets.delete(socket))
  }
  const proxy = createServer((_request, response) => {
    response.writeHead(405).end()
  })
  proxy.on('connection', keep)
  proxy.on('connect', (request: IncomingMessage, client: Socket, head: Buffer) => {
    started.tunnels.push(request.url ?? '')
    const wanted = `Basic ${Buffer.from(credentials ?? '').toString('base64')}`
    if (credentials !== undefined && request.headers['proxy-authorization'] !== wanted) {
      client.end('HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n')
      return
    }
    const { hostname, port } = new URL(`http://${request.url ?? ''}`)
    let answer = 'HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n'
    const server = connect(Number(port), hostname, () => {
      answer = ''
      client.write('HTTP/1.1 200 Connection Established\r\n\r\n')
      server.write(head)
      server.pipe(client)
      client.pipe(server)
    })
    keep(server)
    server.on('close', () => {
      if (answer === '') client.destroy()
      else client.end(answer)
    })
    client.on('close', () => server.destroy())
  })
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
  const started: ConnectProxy = {
    url: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`,
    tunnels: [],
    close: () =>
      new Promise((resolve) => {
        proxy.close(() => {
          resolve()
        })
        for (const socket of sockets) socket.destroy()
      })
  }
  return started
}
