import type { Socket } from 'node:net'
import { isCut } from './describe-error.ts'

type Done = (error?: Error | null) => void

/**
 * Lets an early answer be read. A server that refuses a long request with 401 or 413 may close the
 * connection while it is still being sent. When a write then fails, Node.js closes its end at once,
 * and with it goes the answer that has arrived but is not read (nodejs/node issues 12339 and 54366; UPSTREAM.md).
 * So a write that failed is reported only once all that arrived has been read.
 */
export function readBeforeWriteErrors(socket: Socket): void {
  const held =
    (done: Done): Done =>
    (error) => {
      if (!error || !isCut(error) || socket.readableEnded || socket.destroyed) {
        done(error)
        return
      }
      const report = (): void => {
        socket.off('end', report).off('close', report)
        done(error)
      }
      socket.once('end', report).once('close', report)
    }
  const write = socket._write.bind(socket)
  socket._write = (chunk, encoding, done) => {
    write(chunk, encoding, held(done))
  }
  const writev = socket._writev?.bind(socket)
  if (writev === undefined) return
  socket._writev = (chunks, done) => {
    writev(chunks, held(done))
  }
}
