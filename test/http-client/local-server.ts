import http, { type IncomingMessage, type ServerResponse } from 'node:http'
import https from 'node:https'
import type { AddressInfo, Server, Socket } from 'node:net'
import { createServer as createTcpServer } from 'node:net'
import { afterEach } from 'node:test'
import type { TlsOptions } from 'node:tls'
import { HttpError } from '../../src/http-client/http-error.ts'
import { GotClient } from '../../src/http-client/got-client.ts'
import type { ReceivedReply } from '../../src/http-client/connection.ts'
import type {
  HttpClientSettings,
  HttpReply,
  HttpRequest
} from '../../src/http-client/http-message.ts'
import { UndiciClient, type UndiciClientSettings } from '../../src/http-client/undici-client.ts'

/** A server for a test, on a free local port. */
export interface LocalServer {
  port: number
  url: URL
  /** TCP connections so far. */
  connections: () => number
  /** TCP connections that are open. */
  open: () => number
  /** Closes every connection, but keeps listening. */
  cut: () => void
  close: () => Promise<void>
}

export type Handler = (request: IncomingMessage, response: ServerResponse) => void

/** An HTTPS server; without `tls`, an HTTP server. */
export function startServer(
  handler: Handler,
  tls?: TlsOptions,
  host = '127.0.0.1',
  port = 0
): Promise<LocalServer> {
  const server = tls === undefined ? http.createServer(handler) : https.createServer(tls, handler)
  server.on('tlsClientError', () => undefined)
  return start(server, tls === undefined ? 'http:' : 'https:', host, port)
}

/** A server that can do with a connection what no HTTP server would. */
export function startTcpServer(
  onConnection: (socket: Socket) => void,
  protocol = 'http:',
  host = '127.0.0.1'
): Promise<LocalServer> {
  const server = createTcpServer((socket) => {
    socket.on('error', () => undefined)
    onConnection(socket)
  })
  return start(server, protocol, host)
}

/** Starts any server and counts its connections. */
export async function start(
  server: Server,
  protocol: string,
  host = '127.0.0.1',
  wanted = 0
): Promise<LocalServer> {
  const sockets = new Set<Socket>()
  let connections = 0
  server.on('connection', (socket: Socket) => {
    connections += 1
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(wanted, host, resolve)
  })
  const { port } = server.address() as AddressInfo
  const cut = () => {
    for (const socket of sockets) socket.destroy()
  }
  return {
    port,
    url: new URL(`${protocol}//${host.includes(':') ? `[${host}]` : host}:${port}/hl7`),
    connections: () => connections,
    open: () => sockets.size,
    cut,
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve()
        })
        cut()
      })
  }
}

/** Reads the body of a request. */
export async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk)
  return Buffer.concat(chunks)
}

/** A client for small answers, which must be closed. Its limit for connecting leaves time to a busy machine. */
export function createClient(settings: Partial<UndiciClientSettings> = {}): UndiciClient {
  return new UndiciClient({
    maxConnections: 4,
    connectTimeoutMs: 10_000,
    maxResponseBytes: 64 * 1024,
    ...settings
  })
}

/** The same of the client for the token server. */
export function createGotClient(settings: Partial<HttpClientSettings> = {}): GotClient {
  return new GotClient({
    connectTimeoutMs: 10_000,
    maxResponseBytes: 64 * 1024,
    ...settings
  })
}

export const TOKEN = 'token-that-nobody-may-see'
export const MESSAGE = 'MSH|^~\\&|A|B|C|D|20260102||ADT^A01|HC0001|P|2.5.1\rPID|1||1||Lindqvist\r'

/** POSTs a message with a token. */
export function post<Reply extends HttpReply = ReceivedReply>(
  client: { request: (request: HttpRequest) => Promise<Reply> },
  url: URL,
  more: Partial<HttpRequest> = {}
): Promise<Reply> {
  return client.request({
    method: 'POST',
    url,
    headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/hl7-v2' },
    body: Buffer.from(MESSAGE),
    responseTimeoutMs: 2000,
    ...more
  })
}

/** The error with which a request ends. */
export async function errorOf(request: Promise<unknown>): Promise<HttpError> {
  try {
    await request
  } catch (error) {
    if (error instanceof HttpError) return error
    throw error
  }
  throw new Error('The request did not fail.')
}

/** Servers and clients, which end with each test of a `describe`. */
export interface HttpTest {
  /** Calls this after the test. */
  closing(end: () => unknown): void
  undici(settings?: Partial<UndiciClientSettings>): UndiciClient
  got(settings?: Partial<HttpClientSettings>): GotClient
  serve(handler: Handler, tls?: TlsOptions, host?: string): Promise<LocalServer>
  serveTcp(onConnection: (socket: Socket) => void, protocol?: string): Promise<LocalServer>
  /** Answers the first data on each connection with these bytes. */
  answering(bytes: string, then?: 'keep' | 'end' | 'reset', protocol?: string): Promise<LocalServer>
}

/** Must be called in a `describe`. */
export function httpTest(): HttpTest {
  const ends: (() => unknown)[] = []
  afterEach(async () => {
    for (const end of ends.splice(0)) await end()
  })
  const closed = <One extends { close: () => unknown }>(one: One): One => {
    ends.push(() => one.close())
    return one
  }
  const test: HttpTest = {
    closing: (end) => ends.push(end),
    undici: (settings) => closed(createClient(settings)),
    got: (settings) => closed(createGotClient(settings)),
    serve: async (...given) => closed(await startServer(...given)),
    serveTcp: async (...given) => closed(await startTcpServer(...given)),
    answering: (bytes, then = 'keep', protocol) =>
      test.serveTcp((socket) => {
        socket.once('data', () => {
          socket.write(bytes, () => {
            if (then === 'end') socket.end()
            if (then === 'reset') setTimeout(() => socket.resetAndDestroy(), 20)
          })
        })
      }, protocol)
  }
  return test
}

/** Waits until a condition holds. */
export async function until(holds: () => boolean, timeoutMs = 3000): Promise<void> {
  const deadline = performance.now() + timeoutMs
  while (!holds()) {
    if (performance.now() > deadline) throw new Error(`not within ${timeoutMs} ms`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}
