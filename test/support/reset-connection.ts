import type { Socket } from 'node:net'

/**
 * Cuts a connection as a server does that crashes. One that is just ending is closed instead: Node.js 24 cannot reset it
 * (EINVAL), then never closes it, and the process does not exit.
 *
 * @param secure the TLS socket on it
 */
export function resetConnection(socket: Socket, secure = socket): void {
  if (secure.writableEnded || socket.writableEnded) socket.destroy()
  else socket.resetAndDestroy()
}
