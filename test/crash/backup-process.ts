import { systemClock } from '../../src/clock.ts'
import { Courier } from '../../src/delivery/courier.ts'
import { Delivery } from '../../src/delivery/delivery.ts'
import { readOutgoingMessage } from '../../src/hl7/outgoing-message.ts'
import { Receiver } from '../../src/hl7-over-http/receiver.ts'
import { DiskEngine } from '../../src/queue/disk-engine.ts'
import { MessageQueue } from '../../src/queue/message-queue.ts'
import type { Order } from '../../src/queue/queue-types.ts'
import { EncodedContents } from '../../src/queue/stored-contents.ts'
import { parseReplyRules } from '../../src/rules/reply-rules.ts'
import { createClient } from '../http-client/local-server.ts'
import { buffers, KEY } from '../queue/set-up.ts'
import { plainReceiver } from '../support/exchange.ts'
import { noteTo, ownSettings } from '../support/life.ts'

// A separate process that delivers messages to two addresses: `node backup-process.ts <settings>`. Its parent tells it
// which messages come. What happens is written to a log, synchronously, so that it survives SIGKILL. A control ID is
// `K3-17`: the key, and the number.

export interface BackupSettings {
  directory: string
  /** The path of the log: `accepted K3-17`, `unanswered K3-17` in time, `left K3-17 ack`, `turned backup`. */
  log: string
  order: Order
  /** Of both addresses. */
  first: string
  backup: string
  ca: string
  /** So long an outage lasts before the backup takes over. */
  afterMs: number
  responseTimeoutMs: number
}

/** What the parent is told: that all of these messages were accepted. */
export type Told = 'accepted'

const settings = ownSettings() as BackupSettings
const note = noteTo(settings.log)

const first = new URL(settings.first)
const backup = new URL(settings.backup)
const client = createClient({
  tls: { ca: settings.ca },
  maxConnections: 9,
  connectTimeoutMs: 2000
})
const receiver = new Receiver({ ...plainReceiver(first), backupUrl: backup }, client)
const courier = new Courier({
  receiver,
  tokens: undefined,
  rules: parseReplyRules(''),
  reply: {},
  secrets: []
})
const engine = new DiskEngine({
  directory: settings.directory,
  name: 'queue',
  key: () => Promise.resolve(KEY),
  journalDays: 1,
  order: settings.order,
  orderKey: ''
})

const delivery = new Delivery<Buffer>({
  queue: () => Promise.resolve(new MessageQueue(engine, new EncodedContents(buffers))),
  attempt: (content, signal, watchWork, { address, again }) => {
    const message = readOutgoingMessage(content.toString(), 'auto')
    const { responseTimeoutMs } = settings
    const parcel = { message, input: {}, responseTimeoutMs, address, again }
    return courier.attempt(parcel, signal, watchWork)
  },
  readFields: (content) => ({ key: keyOf(content.toString().split('|')[9] ?? ''), values: [] }),
  emit: ({ controlId }, _content, { outcome, reply }) => {
    note('left', controlId, outcome, reply?.host ?? '')
  },
  onEvent: (event) => {
    if (event.kind === 'turned') note('turned', event.to)
    if (event.kind === 'attempted' && event.result.error?.family === 'timeout') {
      note('unanswered', event.message.controlId)
    }
    if (event.kind === 'lost' || event.kind === 'fault') note(event.kind)
  },
  backup: {
    address: settings.backup,
    hosts: { first: first.host, backup: backup.host },
    afterMs: settings.afterMs,
    connect: (address, signal) =>
      receiver.connect(address === 'backup', signal).then(
        () => true,
        () => false
      )
  },
  order: settings.order,
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

function keyOf(id: string): string {
  return settings.order === 'key' ? (id.split('-')[0] ?? '') : ''
}

async function accept(id: string): Promise<void> {
  const content = Buffer.from(`MSH|^~\\&|A|B|C|D|20260102||ADT^A01|${id}|P|2.5.1\r`)
  await delivery.accept({ controlId: id, type: 'ADT^A01', content })
  note('accepted', id)
}

process.on('message', (ids: string[]) => {
  Promise.all(ids.map(accept)).then(
    () => process.send?.('accepted' satisfies Told),
    () => process.exit(1)
  )
})
process.on('disconnect', () => process.exit())

note('started')
await delivery.start()
