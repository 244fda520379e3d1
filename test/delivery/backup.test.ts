/** Two receivers behind TLS that are rebooted in every order, a queue on disk, and the ledger afterwards. */
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import type { Socket } from 'node:net'
import { createServer, type Server } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { systemClock } from '../../src/clock.ts'
import { Courier } from '../../src/delivery/courier.ts'
import { Delivery } from '../../src/delivery/delivery.ts'
import type { DeliveryEvent } from '../../src/delivery/delivery-events.ts'
import type { Address } from '../../src/delivery/failover.ts'
import { readOutgoingMessage } from '../../src/hl7/outgoing-message.ts'
import type { UndiciClient } from '../../src/http-client/undici-client.ts'
import { Receiver } from '../../src/https/receiver.ts'
import { DiskEngine } from '../../src/queue/disk-engine.ts'
import { MessageQueue } from '../../src/queue/message-queue.ts'
import type { Order } from '../../src/queue/queue-types.ts'
import { EncodedContents } from '../../src/queue/stored-contents.ts'
import { parseReplyRules } from '../../src/rules/reply-rules.ts'
import { createClient } from '../http-client/local-server.ts'
import { type Authority, createAuthority } from '../support/certificates.ts'
import { plainReceiver } from '../support/exchange.ts'
import { buffers, KEY } from '../queue/set-up.ts'

/** With more, and with `HL7_BACKUP_LEDGER`, it is a trial that prints what became of them. */
const MESSAGES = Number(process.env['HL7_BACKUP_MESSAGES'] ?? 600)
const KEYS = 12

/** A receiver that can be rebooted: it breaks off, is gone, starts with 503 and 404, and is back. */
class Door {
  readonly #name: Address
  readonly #onStored: (address: Address, id: string) => void
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  #port = 0
  #says = 0
  /** Messages whose answer was lost: they may have arrived. */
  readonly doubtful = new Set<string>()
  requests = 0

  constructor(
    name: Address,
    certificate: { key: string; cert: string },
    onStored: (address: Address, id: string) => void
  ) {
    this.#name = name
    this.#onStored = onStored
    this.#server = createServer(certificate, (request, response) => {
      let text = ''
      request.on('error', () => undefined)
      request.on('data', (data: Buffer) => {
        text += data.toString()
      })
      request.on('end', () => {
        this.requests++
        const id = text.split('|')[9] ?? ''
        if (this.#says !== 0) {
          response.writeHead(this.#says).end()
          return
        }
        this.#onStored(this.#name, id)
        this.doubtful.add(id)
        setTimeout(() => {
          if (!this.isUp) return
          response.end(`MSH|^~\\&|C|D|A|B|20260102||ACK|R1|P|2.5.1\rMSA|AA|${id}\r`)
          this.doubtful.delete(id)
        }, 2)
      })
    })
    this.#server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket)
      socket.on('error', () => undefined)
      socket.once('close', () => this.#sockets.delete(socket))
    })
  }

  get isUp(): boolean {
    return this.#server.listening
  }

  get url(): string {
    return `https://127.0.0.1:${this.#port}/hl7`
  }

  async up(): Promise<void> {
    this.#says = 0
    await new Promise<void>((resolve) => {
      this.#server.listen(this.#port, '127.0.0.1', resolve)
    })
    const address = this.#server.address()
    this.#port = typeof address === 'object' ? (address?.port ?? 0) : 0
  }

  async down(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve))
    for (const socket of this.#sockets) socket.resetAndDestroy()
    await closed
  }

  /** As an application server starts: first its gateway, then what is behind that. */
  async upSlowly(): Promise<void> {
    await this.up()
    for (const status of [503, 404]) {
      this.#says = status
      await sleep(60)
    }
    this.#says = 0
  }
}

/** What happens to the receivers, and after how many milliseconds the next thing does. */
type Step = [what: (doors: Record<Address, Door>) => Promise<unknown>, ms: number]

const REBOOTS: Record<string, Step[]> = {
  'the first is rebooted': [
    [({ first }) => first.down(), 700],
    [({ first }) => first.upSlowly(), 0]
  ],
  'the first, and the backup while it serves': [
    [({ first }) => first.down(), 700],
    [({ backup }) => backup.down(), 400],
    [({ backup }) => backup.up(), 300],
    [({ first }) => first.upSlowly(), 0]
  ],
  'both, and the first comes back first': [
    [({ backup }) => backup.down(), 100],
    [({ first }) => first.down(), 700],
    [({ first }) => first.upSlowly(), 300],
    [({ backup }) => backup.up(), 0]
  ],
  'the first again and again': [
    [({ first }) => first.down(), 600],
    [({ first }) => first.up(), 500],
    [({ first }) => first.down(), 150],
    [({ first }) => first.up(), 600],
    [({ first }) => first.down(), 100],
    [({ first }) => first.upSlowly(), 0]
  ]
}

describe('Two addresses that are rebooted', { concurrency: 8 }, () => {
  let authority: Authority
  let directory: string
  before(async () => {
    authority = await createAuthority()
    directory = await mkdtemp(join(tmpdir(), 'backup-'))
  })
  after(() => rm(directory, { recursive: true }))

  let runs = 0

  async function run(order: Order, isShared: boolean, steps: Step[]): Promise<void> {
    const stored: { address: Address; id: string }[] = []
    const onStored = (address: Address, id: string): void => {
      stored.push({ address, id })
    }
    const certificate = await authority.issueServer()
    const doors = {
      first: new Door('first', certificate, onStored),
      backup: new Door('backup', certificate, onStored)
    }
    await doors.first.up()
    await doors.backup.up()
    const client: UndiciClient = createClient({
      tls: { ca: authority.ca },
      maxConnections: 9,
      connectTimeoutMs: 2000
    })
    const receiver = new Receiver(
      {
        ...plainReceiver(new URL(doors.first.url)),
        backupUrl: new URL(doors.backup.url),
        headers: []
      },
      client
    )
    const courier = new Courier({
      receiver,
      tokens: undefined,
      refreshOnStatus: new Set(),
      rules: parseReplyRules(''),
      reply: { replyEncoding: 'auto' },
      secrets: []
    })
    const left = new Map<string, string>()
    const hosts = new Set<string>()
    const turned: Address[] = []
    const engine = new DiskEngine({
      directory,
      name: String(++runs).padStart(16, '0'),
      key: () => Promise.resolve(KEY),
      journalDays: 1,
      order,
      orderKey: '',
      applicationAckMs: 1000
    })
    const idOf = (content: Buffer): string => content.toString().split('|')[9] ?? ''
    const keyOf = (id: string): string => (order === 'fifo' ? '' : (id.split('-')[0] ?? ''))
    const delivery = new Delivery<Buffer>({
      queue: () => Promise.resolve(new MessageQueue(engine, new EncodedContents(buffers))),
      attempt: (content, signal, watchWork, { address, mayHaveArrived }) => {
        const message = readOutgoingMessage(content.toString(), 'auto')
        const parcel = { message, input: {}, responseTimeoutMs: 5000, address, mayHaveArrived }
        return courier.attempt(parcel, signal, watchWork)
      },
      readFields: (content) => ({ key: keyOf(idOf(content)), values: [] }),
      emit: (message, _content, { outcome, reply }) => {
        left.set(message.controlId, outcome)
        hosts.add(reply?.host ?? '')
      },
      onEvent: (event: DeliveryEvent) => {
        if (event.kind === 'turned') turned.push(event.to)
      },
      address: doors.first.url,
      backup: {
        address: doors.backup.url,
        hosts: { first: new URL(doors.first.url).host, backup: new URL(doors.backup.url).host },
        afterMs: 200,
        isShared,
        connect: (address, signal) =>
          receiver.connect(address === 'backup', signal).then(
            () => true,
            () => false
          )
      },
      order,
      maxInFlight: 8,
      maxPerSecond: 0,
      retry: { intervalMs: 10, maxIntervalMs: 80 },
      failureTimeoutMs: Infinity,
      failWhileUnreachable: false,
      applicationAckMs: 1000,
      queueLimit: 1_000_000,
      clock: systemClock,
      random: Math.random
    })
    try {
      await delivery.start()
      const ids = Array.from({ length: MESSAGES }, (_, index) => `K${index % KEYS}-${index}`)
      // In the middle of them, the reboots.
      const reboots = { areOver: false }
      const rebooted = (async () => {
        while (left.size < MESSAGES / 3) await sleep(5)
        for (const [what, ms] of steps) {
          await what(doors)
          await sleep(ms)
        }
        reboots.areOver = true
      })()
      let at = 0
      while (at < ids.length || !reboots.areOver) {
        const some = ids.slice(at, at + 10)
        at += some.length
        await Promise.all(
          some.map((id) =>
            delivery.accept({
              controlId: id,
              type: 'ADT^A01',
              content: Buffer.from(`MSH|^~\\&|A|B|C|D|20260102||ADT^A01|${id}|P|2.5.1\r`)
            })
          )
        )
        if (!reboots.areOver) await sleep(20)
      }
      await rebooted
      const end = Date.now() + 60_000 + 60 * MESSAGES
      while (left.size < ids.length && Date.now() < end) await sleep(20)

      assert.equal(left.size, ids.length, 'all have left')
      assert.deepEqual(new Set(left.values()), new Set(['ack']))
      // In each lane, the last time that a message was stored is before the first time of the next one.
      const firstAt = new Map<string, number>()
      const lastAt = new Map<string, number>()
      for (const [index, { id }] of stored.entries()) {
        if (!firstAt.has(id)) firstAt.set(id, index)
        lastAt.set(id, index)
      }
      const before = new Map<string, string>()
      for (const id of order === 'none' ? [] : ids) {
        const earlier = before.get(keyOf(id))
        before.set(keyOf(id), id)
        if (earlier === undefined) continue
        const isInOrder = (lastAt.get(earlier) ?? Infinity) < (firstAt.get(id) ?? -1)
        assert.ok(isInOrder, `${id} overtook ${earlier}`)
      }
      const at1 = new Set(stored.filter(({ address }) => address === 'first').map(({ id }) => id))
      const at2 = new Set(stored.filter(({ address }) => address === 'backup').map(({ id }) => id))
      const both = [...at1].filter((id) => at2.has(id))
      const doubtful = new Set([...doors.first.doubtful, ...doors.backup.doubtful])
      const wrong = isShared ? both.filter((id) => !doubtful.has(id)) : both
      assert.deepEqual(wrong, [])
      assert.ok(at1.size > 0)
      assert.ok(!hosts.has(''))
      if (process.env['HL7_BACKUP_LEDGER'] !== undefined) {
        const ledger = {
          order,
          isShared,
          accepted: ids.length,
          acked: left.size,
          storedAtFirst: at1.size,
          storedAtBackup: at2.size,
          storedTwice: stored.length - new Set(stored.map(({ id }) => id)).size,
          atBoth: both.length,
          requests: doors.first.requests + doors.backup.requests,
          turned: turned.join(' ')
        }
        process.stdout.write(`${JSON.stringify(ledger)}\n`)
      }
    } finally {
      await delivery.close(1000)
      client.close()
      for (const door of Object.values(doors)) if (door.isUp) await door.down()
    }
  }

  for (const [name, steps] of Object.entries(REBOOTS)) {
    for (const order of ['fifo', 'key', 'none'] as const) {
      for (const isShared of [true, false]) {
        it(`${name}: ${order}, ${isShared ? 'one system' : 'two systems'}`, () =>
          run(order, isShared, steps))
      }
    }
  }
})
