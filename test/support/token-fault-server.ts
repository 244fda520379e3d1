import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'

/** A request that the fault server received. */
export interface SeenRequest {
  method: string
  /** Path and query. */
  url: string
  headers: IncomingMessage['headers']
  /** The posted form. */
  form: URLSearchParams
}

/** Answers a request, as badly as a test wants. */
export type Fault = (request: SeenRequest, response: ServerResponse) => void

export interface TokenFaultServer {
  /** Without a trailing slash. */
  origin: string
  /** Every request, in order. */
  seen: SeenRequest[]
  /** Answers requests; a test may replace it at any time. */
  answer: Fault
  close(): Promise<void>
}

/** Starts a token server on 127.0.0.1 that does whatever a test tells it to. */
export async function startTokenFaultServer(answer: Fault): Promise<TokenFaultServer> {
  const sockets = new Set<Socket>()
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const seen: SeenRequest = {
        method: request.method ?? '',
        url: request.url ?? '',
        headers: request.headers,
        form: new URLSearchParams(Buffer.concat(chunks).toString())
      }
      started.seen.push(seen)
      started.answer(seen, response)
    })
  })
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const started: TokenFaultServer = {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen: [],
    answer,
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve()
        })
        for (const socket of sockets) socket.destroy()
      })
  }
  return started
}

/** Answers with JSON. */
export function json(value: unknown, status = 200, headers: Record<string, string> = {}): Fault {
  return (_request, response) => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers })
    response.end(JSON.stringify(value))
  }
}

/** Answers with a text. */
export function text(
  body: string | Buffer,
  contentType: string,
  status = 200,
  headers: Record<string, string> = {}
): Fault {
  return (_request, response) => {
    response.writeHead(status, { 'content-type': contentType, ...headers })
    response.end(body)
  }
}
