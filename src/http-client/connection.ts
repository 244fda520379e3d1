import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { isCut } from './failure.ts'

const SURPLUS =
  'the server sent more than one complete answer; the connection is closed, so that the rest is not mistaken for the answer to a later request'

const connections = new WeakMap<Socket, Connection>()

/**
 * A connection to a server: one object for its whole life, shared by all its requests. In HTTP/1.1,
 * only the order on the connection tells which request an answer is for (RFC 9112 §9.3), so it is
 * closed if a byte arrives that no request is waiting for.
 */
export class Connection {
  readonly #socket: Socket
  readonly #report: (text: string) => void
  /** The current answer, once its head has arrived. */
  #answer: IncomingMessage | undefined
  /** Bytes received when the answer was complete; undefined while one is expected. */
  #bytesRead: number | undefined

  private constructor(socket: Socket, report: (text: string) => void) {
    this.#socket = socket
    this.#report = report
    holdBackCuts(socket)
    socket.once('close', () => {
      // Newer versions of Node.js close a free connection themselves.
      if (this.#bytesRead !== undefined && socket.bytesRead > this.#bytesRead) report(SURPLUS)
    })
  }

  /**
   * The connection that a request goes out over.
   *
   * @param report receives the reason if the connection is closed
   */
  static of(socket: Socket, report: (text: string) => void): Connection {
    let connection = connections.get(socket)
    if (connection === undefined) {
      connection = new Connection(socket, report)
      connections.set(socket, connection)
    }
    connection.#await()
    return connection
  }

  /** @param answer whose head has arrived; undefined if this side ends the request */
  answering(answer: IncomingMessage | undefined): void {
    this.#answer = answer
  }

  /**
   * Closes it, whatever it is doing.
   *
   * @param why the reason, for the log
   */
  close(why: string): void {
    this.#report(why)
    this.#socket.destroy()
  }

  #await(): void {
    this.#answer = undefined
    this.#bytesRead = undefined
    // After the parser, which Node.js attaches for each request.
    this.#socket.off('data', this.#onData)
    this.#socket.on('data', this.#onData)
  }

  readonly #onData = (): void => {
    const socket = this.#socket
    if (this.#bytesRead !== undefined) {
      socket.destroy()
    } else if (this.#answer?.complete === true) {
      this.#answer = undefined
      this.#bytesRead = socket.bytesRead
      // In the packet that ended the answer: the parser has closed the connection.
      if (socket.destroyed) this.#report(SURPLUS)
    }
  }
}

/**
 * A server that refuses a request early, with 401 or 413, closes the connection while the request
 * is still being sent. When a write fails, Node.js closes at once and so discards the answer that
 * has arrived but is not read yet. So a cut write is only reported once all that arrived has been
 * read.
 */
function holdBackCuts(socket: Socket): void {
  type Done = (error?: NodeJS.ErrnoException | null) => void
  const held =
    (done: Done): Done =>
    (error) => {
      if (!isCut(error?.code) || socket.readableEnded || socket.destroyed) {
        done(error)
        return
      }
      const say = (): void => {
        socket.off('end', say).off('close', say)
        done(error)
      }
      socket.once('end', say).once('close', say)
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
