import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { isCut } from './failure.ts'

const SURPLUS =
  'the server sent more than one whole answer; the connection is closed, so that the rest is not taken for the answer to a later request'

const connections = new WeakMap<Socket, Connection>()

/**
 * A connection to a server: one object as long as it lives, for each request that goes over it. HTTP/1.1
 * has nothing that says which request an answer is for but the order on the connection (RFC 9112 §9.3),
 * so one on which a byte comes that no request is waiting for is closed.
 */
export class Connection {
  readonly #socket: Socket
  readonly #report: (text: string) => void
  /** The answer under way, once its head is there. */
  #answer: IncomingMessage | undefined
  /** What had come when the answer was whole, in bytes; undefined while one is due. */
  #bytesRead: number | undefined

  private constructor(socket: Socket, report: (text: string) => void) {
    this.#socket = socket
    this.#report = report
    holdBackCuts(socket)
    socket.once('close', () => {
      // Newer versions of Node.js close a free connection by themselves.
      if (this.#bytesRead !== undefined && socket.bytesRead > this.#bytesRead) report(SURPLUS)
    })
  }

  /**
   * The connection over which a request goes out, made known by Node.js.
   *
   * @param report told in words why a connection was closed
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

  /** @param answer whose head is there; undefined where this side ends the request */
  answering(answer: IncomingMessage | undefined): void {
    this.#answer = answer
  }

  /**
   * Closes it, whatever it is doing.
   *
   * @param why in words, for the log
   */
  close(why: string): void {
    this.#report(why)
    this.#socket.destroy()
  }

  #await(): void {
    this.#answer = undefined
    this.#bytesRead = undefined
    // Behind the parser, which Node.js attaches for each request.
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
      // In one packet with the answer's end: the parser has closed it.
      if (socket.destroyed) this.#report(SURPLUS)
    }
  }
}

/**
 * A server that refuses a request early, by 401 or 413, closes the connection while the request is
 * still going out. Where Node.js cannot write it closes at once, and with that throws away the answer,
 * which is there and not read yet. So a write that is cut is said when all that came has been read.
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
