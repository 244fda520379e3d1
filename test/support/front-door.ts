import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { resetConnection } from './reset-connection.ts'

/** A TCP forwarder to a local server; it can be shut. */
export interface FrontDoor {
  port: number
  /** Cuts all connections, and refuses new ones. */
  shut(): Promise<void>
  open(): Promise<void>
  /** Resets all connections, and continues to listen. */
  reset(): void
  /** The number of open connections. */
  connections(): number
}

/** Forwards a free port on 127.0.0.1 to another port. */
export async function frontDoor(to: number): Promise<FrontDoor> {
  const sockets = new Set<Socket>()
  const visitors = new Set<Socket>()
  const server = createServer((incoming) => {
    visitors.add(incoming)
    incoming.once('close', () => visitors.delete(incoming))
    const outgoing = connect(to, '127.0.0.1')
    for (const [one, other] of [
      [incoming, outgoing],
      [outgoing, incoming]
    ] as const) {
      sockets.add(one)
      one.setNoDelay(true)
      one.on('error', () => one.destroy())
      one.once('close', () => {
        sockets.delete(one)
        other.destroy()
      })
      one.pipe(other)
    }
  })
  const listen = (port: number): Promise<void> =>
    new Promise((resolve, reject) => {
      server.once('error', reject)
      server.listen(port, '127.0.0.1', () => {
        server.off('error', reject)
        resolve()
      })
    })
  await listen(0)
  const { port } = server.address() as AddressInfo
  return {
    port,
    async shut() {
      const closed = new Promise((resolve) => server.close(resolve))
      for (const socket of sockets) socket.destroy()
      await closed
    },
    open: () => listen(port),
    reset() {
      for (const socket of visitors) resetConnection(socket)
    },
    connections: () => visitors.size
  }
}
