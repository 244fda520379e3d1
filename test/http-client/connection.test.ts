import assert from 'node:assert/strict'
import { once } from 'node:events'
import { IncomingMessage } from 'node:http'
import { connect, createServer, Socket, type AddressInfo } from 'node:net'
import { afterEach, describe, it } from 'node:test'
import { Connection } from '../../src/http-client/connection.ts'
import { until } from './local-server.ts'

describe('Connection', () => {
  const closing: (() => void)[] = []
  afterEach(() => {
    for (const close of closing.splice(0)) close()
  })

  /** The two ends of a connection. */
  async function pair(): Promise<[mine: Socket, peer: Socket]> {
    const server = createServer()
    closing.push(() => server.close())
    await once(server.listen(0, '127.0.0.1'), 'listening')
    const mine = connect((server.address() as AddressInfo).port, '127.0.0.1')
    const [[peer]] = (await Promise.all([once(server, 'connection'), once(mine, 'connect')])) as [
      [Socket],
      unknown
    ]
    for (const socket of [mine, peer]) {
      socket.on('error', () => undefined)
      closing.push(() => socket.destroy())
    }
    return [mine, peer]
  }
  const whole = new IncomingMessage(new Socket())
  whole.complete = true

  it('is closed if more arrives than the answer, even before it is returned', async () => {
    const [mine, peer] = await pair()
    const reports: string[] = []
    const connection = Connection.of(mine, (text) => reports.push(text))
    for (let requests = 0; requests < 3; requests++) {
      assert.equal(
        Connection.of(mine, () => undefined),
        connection
      )
      connection.answering(whole)
      peer.write('answer')
      await once(mine, 'data')
    }
    assert.equal(mine.destroyed, false)
    peer.write('more')
    await until(() => mine.closed)
    assert.equal(reports.length, 1)
    assert.match(reports[0] ?? '', /more than one complete answer/)
  })

  it('is closed without a notice if nothing more arrives', async () => {
    const [mine, peer] = await pair()
    const reports: string[] = []
    Connection.of(mine, (text) => reports.push(text)).answering(whole)
    peer.end('answer')
    await until(() => mine.closed)
    assert.deepEqual(reports, [])
  })

  it('reads what has arrived even if it can no longer be written to', async () => {
    const [mine, peer] = await pair()
    Connection.of(mine, () => undefined)
    const read: string[] = []
    mine.on('data', (data) => read.push(data.toString()))
    peer.write('answer')
    peer.resetAndDestroy()
    // In the same turn, so that the connection is reset but nothing has been read.
    const failed = new Promise<Error | null | undefined>((resolve) => {
      mine.write('more of the request', resolve)
    })
    await until(() => mine.closed)
    assert.deepEqual(read, ['answer'])
    assert.match((await failed)?.message ?? '', /EPIPE|ECONNRESET/)
  })
})
