import { createServer, type Server } from 'node:https'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Address } from '../../src/delivery/failover.ts'
import type { Certificate } from '../support/certificates.ts'
import { resetConnection } from '../support/reset-connection.ts'

/**
 * What a receiver does: it answers; it starts (503, then 404 of what is not there yet); it answers nothing in time, or breaks
 * off, each after it has stored the message or before; its certificate is refused; or nobody is there.
 */
export const DOOR_MODES = ['up', 503, 404, 'mute', 'cut', 'other certificate', 'down'] as const
export type DoorMode = (typeof DOOR_MODES)[number]

/** How long it takes to answer, in milliseconds. */
const ANSWER_MS = 2

/** One door of a receiver, with real TLS, and the ledger of what came in. */
export class Door {
  readonly #address: Address
  readonly #onStored: (address: Address, id: string) => void
  readonly #random: () => number
  readonly #servers: Record<'own' | 'other', Server>
  readonly #sockets = new Set<Socket>()
  /** The TLS connections, by the ports of the clients. */
  readonly #secure = new Map<number | undefined, Socket>()
  /** The message that was answered last over each TLS connection. */
  readonly #answered = new Map<Socket, string>()
  /** Connections that it has broken; Node.js says so a little later. */
  readonly #broken = new WeakSet<Socket>()
  #port = 0
  #mode: DoorMode = 'down'
  /** Messages whose answers may not have come: they may have arrived. */
  readonly doubtful = new Set<string>()
  requests = 0

  /** @param certificates the second one is not trusted */
  constructor(
    address: Address,
    certificates: { own: Certificate; other: Certificate },
    onStored: (address: Address, id: string) => void,
    random: () => number
  ) {
    this.#address = address
    this.#onStored = onStored
    this.#random = random
    this.#servers = { own: this.#server(certificates.own), other: this.#server(certificates.other) }
  }

  get url(): string {
    return `https://127.0.0.1:${this.#port}/hl7`
  }

  get mode(): DoorMode {
    return this.#mode
  }

  /** From now on it does that. Connections break where another server takes over. */
  async set(mode: DoorMode): Promise<void> {
    const before = this.#listening
    const after = mode === 'down' ? undefined : mode === 'other certificate' ? 'other' : 'own'
    this.#mode = mode
    if (before === after) return
    if (before !== undefined) await this.#close(this.#servers[before])
    if (after === undefined) return
    const server = this.#servers[after]
    await new Promise<void>((resolve) => {
      server.listen(this.#port, '127.0.0.1', resolve)
    })
    const address = server.address()
    this.#port = typeof address === 'object' ? (address?.port ?? 0) : 0
  }

  get #listening(): 'own' | 'other' | undefined {
    return (['own', 'other'] as const).find((name) => this.#servers[name].listening)
  }

  async #close(server: Server): Promise<void> {
    const closed = new Promise((resolve) => server.close(resolve))
    // What was written may not have been read.
    for (const [socket, id] of this.#answered) {
      this.doubtful.add(id)
      this.#broken.add(socket)
    }
    for (const socket of this.#sockets) {
      resetConnection(socket, this.#secure.get(socket.remotePort))
    }
    await closed
  }

  #server(certificate: Certificate): Server {
    const server = createServer(certificate, (request, response) => {
      let text = ''
      request.on('error', () => undefined)
      request.on('data', (data: Buffer) => {
        text += data.toString()
      })
      request.on('end', () => {
        this.#answer(request, response, text.split('|')[9] ?? '')
      })
    })
    server.on('tlsClientError', () => undefined)
    server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket)
      socket.on('error', () => undefined)
      socket.once('close', () => this.#sockets.delete(socket))
    })
    server.on('secureConnection', (socket: Socket) => {
      const { remotePort } = socket
      this.#secure.set(remotePort, socket)
      socket.on('error', () => undefined)
      socket.once('close', () => {
        this.#answered.delete(socket)
        this.#secure.delete(remotePort)
      })
    })
    return server
  }

  #answer({ socket }: IncomingMessage, response: ServerResponse, id: string): void {
    this.requests++
    const mode = this.#mode
    if (typeof mode === 'number') {
      response.writeHead(mode).end()
      return
    }
    const isStored = mode === 'up' || this.#random() < 0.5
    if (isStored) {
      this.#onStored(this.#address, id)
      this.doubtful.add(id)
    }
    if (mode === 'mute') return
    if (mode !== 'up') {
      socket.destroy()
      return
    }
    this.#answered.set(socket, id)
    const isGone = (): boolean => socket.destroyed || this.#broken.has(socket)
    setTimeout(() => {
      if (isGone()) return
      response.end(`MSH|^~\\&|C|D|A|B|20260102||ACK|R1|P|2.5.1\rMSA|AA|${id}\r`, () => {
        if (!isGone()) this.doubtful.delete(id)
      })
    }, ANSWER_MS)
  }
}
