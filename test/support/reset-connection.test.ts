import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { describe, it } from 'node:test'
import { resetConnection } from './reset-connection.ts'

// `once` would reject with the error that comes before.
const closed = (socket: Socket): Promise<unknown> =>
  new Promise((resolve) => socket.once('close', resolve))

describe('a connection that is cut', () => {
  for (const [what, prepare, code] of [
    ['is reset', () => undefined, 'ECONNRESET'],
    ['is closed if it is ending', (socket: Socket) => socket.end(), undefined]
  ] as const) {
    it(what, async (t) => {
      const server = createServer().listen(0, '127.0.0.1')
      t.after(() => server.close())
      await once(server, 'listening')
      const client = connect((server.address() as AddressInfo).port, '127.0.0.1')
      let failed: string | undefined
      client.on('error', (error: NodeJS.ErrnoException) => (failed = error.code)).resume()
      const [socket] = (await once(server, 'connection')) as [Socket]
      prepare(socket)
      resetConnection(socket)
      await Promise.all([closed(socket), closed(client)])
      assert.equal(failed, code)
    })
  }
})
