import assert from 'node:assert/strict'
import { afterEach, describe, it } from 'node:test'
import type { HttpClientSettings } from '../../src/http-client/http-message.ts'
import {
  createGotClient,
  errorOf,
  type LocalServer,
  post,
  startTcpServer,
  until
} from './local-server.ts'

const ANSWER = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'

describe('GotClient', () => {
  const closing: (() => void | Promise<void>)[] = []
  afterEach(async () => {
    for (const close of closing.splice(0)) await close()
  })
  const client = (settings: Partial<HttpClientSettings> = {}) => {
    const made = createGotClient(settings)
    closing.push(() => {
      made.close()
    })
    return made
  }
  const serve = async (
    onConnection: Parameters<typeof startTcpServer>[0]
  ): Promise<LocalServer> => {
    const server = await startTcpServer(onConnection)
    closing.push(server.close)
    return server
  }

  it('survives a close after an answer that came before the whole request was sent', async () => {
    const server = await serve((socket) => {
      socket.once('data', () => {
        socket.pause().write(ANSWER)
      })
    })
    const mine = client()
    const reply = await post(mine, server.url, { body: Buffer.alloc(8 << 20) })
    assert.equal(reply.body.toString(), 'ok')
    mine.close()
    // Meanwhile, an error that nobody handles would end the test.
    await new Promise((resolve) => setTimeout(resolve, 50))
  })

  it('ends a request whose answer switches the protocol, and closes the connection', async () => {
    const server = await serve((socket) => {
      socket.once('data', () => {
        socket.write('HTTP/1.1 101 X\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n')
      })
    })
    const error = await errorOf(post(client(), server.url))
    assert.deepEqual([error.code, error.family], ['ECONNRESET', 'reset'])
    await until(() => server.open() === 0)
  })

  it('follows no redirect, and sends each request once', async () => {
    let requests = 0
    const server = await serve((socket) => {
      socket.once('data', () => {
        requests++
        socket.write('HTTP/1.1 307 X\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n')
      })
    })
    const reply = await post(client(), server.url)
    assert.deepEqual([reply.status, reply.headers.location, requests], [307, '/elsewhere', 1])
  })

  it('has a size limit, which is no network error', async () => {
    const server = await serve((socket) => {
      socket.once('data', () => {
        socket.write(ANSWER)
      })
    })
    const error = await errorOf(post(client({ maxResponseBytes: 1 }), server.url))
    assert.deepEqual(
      [error.code, error.family, error.connected, error.status],
      ['ERR_RESPONSE_TOO_LARGE', undefined, true, 200]
    )
  })
})
