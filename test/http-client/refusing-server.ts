/** A TLS server in a separate thread, which answers the start of a request with 413 and closes. */
import type { AddressInfo } from 'node:net'
import { createServer, type TlsOptions } from 'node:tls'
import { parentPort, workerData } from 'node:worker_threads'

const server = createServer(workerData as TlsOptions, (socket) => {
  socket.on('error', () => undefined)
  socket.once('data', () => {
    const head = 'HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 9'
    socket.write(`${head}\r\n\r\ntoo large`, () => {
      socket.destroy()
    })
  })
})
server.on('tlsClientError', () => undefined)
server.listen(0, '127.0.0.1', () => {
  parentPort?.postMessage((server.address() as AddressInfo).port)
})
