import assert from 'node:assert/strict'
import { createServer, type Server, type Socket } from 'node:net'
import type { AddressInfo } from 'node:net'
import { after, afterEach, before, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { adt, startWorld, type World } from '../support/world.ts'

/** What the receiver does with a request; `index` counts the requests of the test. */
type Behaviour = (socket: Socket, id: string, index: number) => unknown

describe('a receiver that misbehaves on its connections', () => {
  let world: World
  let server: Server
  let port = 0
  const sockets = new Set<Socket>()
  let received: string[] = []
  let connections = 0
  let onConnection: ((socket: Socket, index: number) => boolean) | undefined
  let behave: Behaviour = answer

  /** Reads requests from a connection and handles them as the test says. */
  const serve = (socket: Socket): void => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
    socket.on('error', () => undefined)
    if (onConnection?.(socket, connections++) === true) return
    let text = ''
    socket.on('data', (data) => {
      text += data.toString('latin1')
      const body = text.split('\r\n\r\n')[1]
      const length = Number(/content-length: (\d+)/i.exec(text)?.[1])
      if (body === undefined || body.length < length) return
      text = ''
      const id = body.split('|')[9] ?? ''
      received.push(id)
      behave(socket, id, received.length - 1)
    })
  }
  const listen = async (at = 0): Promise<void> => {
    server = createServer(serve)
    await new Promise<void>((resolve) => server.listen(at, '127.0.0.1', resolve))
    port = (server.address() as AddressInfo).port
  }
  const hangUp = async (): Promise<void> => {
    const closed = new Promise((resolve) => server.close(resolve))
    for (const socket of sockets) socket.destroy()
    await closed
  }

  before(async () => {
    world = await startWorld()
    await listen()
  })
  after(async () => {
    await hangUp()
    await world.close()
  })
  afterEach(() => {
    behave = answer
    onConnection = undefined
    received = []
    connections = 0
  })

  const left = (probe: string, prefix: string) =>
    world.nodeRed
      .messages(probe)
      .map((msg) => msg['hl7'] as { controlId: string; attempts: number; ack: { code: string } })
      .filter(({ controlId }) => controlId.startsWith(prefix))

  const logged = (text: string): number =>
    world.nodeRed.log().filter((line) => line.includes('[warn]') && line.includes(text)).length

  /** Sends two messages; the first meets the fault. Both must leave on ACK, once, in order. */
  async function bothArrive(
    prefix: string,
    act: () => unknown = () => undefined
  ): Promise<number[]> {
    await world.deploy({
      ...{ url: `http://127.0.0.1:${port}/hl7`, auth: '', tls: '', queue: 'disk', name: prefix },
      ...{ retryInterval: 0.2, retryMaxInterval: 0.2, connectTimeout: 1, responseTimeout: 1.5 }
    })
    const ids = [`${prefix}1`, `${prefix}2`]
    for (const id of ids) await world.nodeRed.inject('in', { payload: adt(id) })
    await act()
    await world.nodeRed.waitFor(
      () => (left('ack', prefix).length >= 2 ? true : undefined),
      15_000,
      () => `received ${received.join()}, left ${JSON.stringify(left('ack', prefix))}`
    )
    await sleep(100)
    assert.deepEqual(
      left('ack', prefix).map(({ controlId }) => controlId),
      ids
    )
    assert.deepEqual(
      left('ack', prefix).map(({ ack }) => ack.code),
      ['AA', 'AA']
    )
    assert.deepEqual(left('nak', prefix), [])
    assert.deepEqual(world.nodeRed.messages('caught'), [])
    // The second was not sent before the first had left.
    assert.equal(received.indexOf(ids[1] ?? ''), received.lastIndexOf(ids[0] ?? '') + 1)
    return left('ack', prefix).map(({ attempts }) => attempts)
  }

  const once =
    (fault: Behaviour): Behaviour =>
    (socket, id, index) => {
      if (index === 0) fault(socket, id, index)
      else answer(socket, id)
    }

  it('refuses connections for a while', async () => {
    await hangUp()
    const [first = 0] = await bothArrive('REFUSE', async () => {
      await sleep(700)
      assert.deepEqual(left('ack', 'REFUSE'), [])
      await listen(port)
    })
    assert.ok(first > 1)
  })

  it('resets a connection before reading', async () => {
    onConnection = (socket, index) => {
      if (index === 0) socket.resetAndDestroy()
      return index === 0
    }
    assert.deepEqual(await bothArrive('BEFORE'), [2, 1])
  })

  it('resets a connection after reading', async () => {
    behave = once((socket) => socket.resetAndDestroy())
    assert.deepEqual(await bothArrive('AFTER'), [2, 1])
    assert.deepEqual(received, ['AFTER1', 'AFTER1', 'AFTER2'])
  })

  it('hangs', async () => {
    behave = once(() => undefined)
    assert.deepEqual(await bothArrive('HANG'), [2, 1])
  })

  it('answers one byte per second', async () => {
    behave = once((socket, id) => {
      const bytes = Buffer.from(reply(id))
      let at = 0
      const timer = setInterval(() => {
        socket.write(bytes.subarray(at, ++at))
      }, 1000)
      socket.once('close', () => {
        clearInterval(timer)
      })
    })
    assert.deepEqual(await bothArrive('SLOW'), [2, 1])
  })

  it('answers in many small pieces', async () => {
    behave = async (socket, id) => {
      for (const byte of Buffer.from(reply(id))) {
        socket.write(Buffer.from([byte]))
        await sleep(1)
      }
    }
    assert.deepEqual(await bothArrive('PIECES'), [1, 1])
  })

  it('answers, then resets', async () => {
    behave = (socket, id) =>
      socket.write(reply(id), () => {
        setTimeout(() => socket.resetAndDestroy(), 20)
      })
    const attempts = await bothArrive('THEN')
    assert.equal(attempts[0], 1)
    assert.deepEqual(received.filter((id) => id === 'THEN1').length, 1)
  })

  it('cuts off its answer', async () => {
    behave = once((socket, id) => {
      const text = reply(id)
      socket.write(text.slice(0, -5), () => socket.destroy())
    })
    assert.deepEqual(await bothArrive('CUT'), [2, 1])
  })

  it('answers twice', async () => {
    behave = once((socket, id) => socket.write(reply(id) + reply(id, 'AR')))
    const [first] = await bothArrive('TWICE')
    assert.equal(first, 1)
  })

  it('answers the last message again when the next one arrives', async () => {
    behave = (socket, id, index) => {
      if (index === 1) socket.write(reply('AGAIN1'), () => socket.write(reply(id, 'AR')))
      else answer(socket, id)
    }
    assert.deepEqual(await bothArrive('AGAIN'), [1, 2])
    assert.deepEqual(received, ['AGAIN1', 'AGAIN2', 'AGAIN2'])
    await world.nodeRed.printed()
    assert.equal(logged(`127.0.0.1:${port}: the receiver sent an answer to an earlier message`), 1)
  })

  it('answers again while nothing is in flight', async () => {
    const used = new Set<Socket>()
    behave = (socket, id) => {
      used.add(socket)
      answer(socket, id)
    }
    const attempts = await bothArrive('IDLE', async () => {
      await world.nodeRed.waitFor(
        () => (left('ack', 'IDLE').length >= 2 ? true : undefined),
        15_000,
        () => received.join()
      )
      for (const socket of used) socket.write(reply('IDLE1', 'AR'))
      await world.nodeRed.waitFor(
        () => (logged(`127.0.0.1:${port}: the server sent more than one`) > 0 ? true : undefined),
        15_000,
        () => world.nodeRed.log().join()
      )
    })
    assert.deepEqual(attempts, [1, 1])
    await world.nodeRed.inject('in', { payload: adt('IDLE3') })
    await world.nodeRed.waitFor(
      () => (left('ack', 'IDLE').length >= 3 ? true : undefined),
      15_000,
      () => received.join()
    )
    assert.equal(used.size, 2)
  })

  it('closes a kept-alive connection between two messages', async () => {
    behave = once((socket, id) => {
      answer(socket, id)
      setTimeout(() => socket.destroy(), 5)
    })
    assert.deepEqual(await bothArrive('CLOSES'), [1, 1])
  })

  it('closes a kept-alive connection while the next message is on its way', async () => {
    const seen = new WeakSet<Socket>()
    behave = (socket, id) => {
      if (seen.has(socket)) socket.resetAndDestroy()
      else answer(socket, id)
      seen.add(socket)
    }
    assert.deepEqual(await bothArrive('STALE'), [1, 1])
    assert.deepEqual(received, ['STALE1', 'STALE2', 'STALE2'])
  })
})

function reply(id: string, code = 'AA'): string {
  const body = `MSH|^~\\&|A|B|C|D|20260101||ACK|R1|P|2.5.1\rMSA|${code}|${id}\r`
  return `HTTP/1.1 200 OK\r\nContent-Type: application/hl7-v2\r\nContent-Length: ${body.length}\r\n\r\n${body}`
}

function answer(socket: Socket, id: string): void {
  socket.write(reply(id))
}
