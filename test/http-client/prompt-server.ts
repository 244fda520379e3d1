/** An HTTPS server in a separate thread, which says that a request is there, and answers it a moment later. */
import { createServer, type ServerOptions } from 'node:https'
import type { AddressInfo } from 'node:net'
import { parentPort, workerData } from 'node:worker_threads'

const { tls, bytes } = workerData as { tls: ServerOptions; bytes: number }
const server = createServer(tls, (request, response) => {
  request.resume().once('end', () => {
    parentPort?.postMessage('asked')
    setTimeout(() => response.end(Buffer.alloc(bytes, 'x')), 100)
  })
})
server.listen(0, '127.0.0.1', () => {
  parentPort?.postMessage((server.address() as AddressInfo).port)
})
