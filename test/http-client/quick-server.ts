/** An HTTPS server in a separate thread, which counts connections and answers in shared memory. */
import { createServer, type ServerOptions } from 'node:https'
import type { AddressInfo } from 'node:net'
import { parentPort, workerData } from 'node:worker_threads'

const { tls, counts } = workerData as QuickServerData

export interface QuickServerData {
  tls: ServerOptions
  /** Two numbers: connections and answers. */
  counts: Int32Array
}

const server = createServer(tls, (request, response) => {
  request.resume().once('end', () => {
    response.end('ok', () => {
      Atomics.add(counts, 1, 1)
      Atomics.notify(counts, 1)
    })
  })
})
server.on('secureConnection', () => Atomics.add(counts, 0, 1))
server.listen(0, '127.0.0.1', () => {
  parentPort?.postMessage((server.address() as AddressInfo).port)
})
