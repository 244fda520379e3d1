/**
 * A receiver is rebooted in the middle of many messages. `HL7_BACKUP_MESSAGES` (default 300) sets how many; 10,000 take
 * some minutes.
 */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { EventPage } from '../../nodes/operations/answers.ts'
import type { Address } from '../../src/delivery/failover.ts'
import { Door, type DoorMode } from '../crash/door.ts'
import { createAuthority } from '../support/certificates.ts'
import { adt, controlIdOf, shareWorld } from '../support/world.ts'

const MESSAGES = Number(process.env['HL7_BACKUP_MESSAGES'] ?? 300)
const EVERY_MS = MESSAGES > 1000 ? 8 : 20
const LIMIT_MS = 60_000 + 60 * MESSAGES
/** An application server is gone, starts with 503 and 404, and is back. */
const REBOOT: readonly [mode: DoorMode, ms: number][] = [
  ['down', 2500],
  [503, 300],
  [404, 500],
  ['up', 0]
]

/** Sends so many messages, one each so many milliseconds. */
const MAKE = `
  let sent = 0
  const timer = setInterval(() => {
    node.send({ payload: msg.payload.replace('NUMBER', String(sent)) })
    if (++sent === msg.count) clearInterval(timer)
  }, ${EVERY_MS})`

describe('a receiver with a backup that is rebooted', () => {
  const world = shareWorld()

  it('is found when it is back, by messages of which none waits for another one', async () => {
    const own = await world.authority.issueServer()
    const other = await (await createAuthority()).issueServer()
    const door = new Door('first', { own, other }, () => undefined, Math.random)
    await door.set('up')
    await door.set('down')
    try {
      await world.deploy({
        ...{ url: door.url, backupUrl: world.receiver.url, backupAfter: 0.1, queue: 'disk' },
        ...{ retryInterval: 0.05, retryMaxInterval: 0.1 }
      })
      const hostOf = async (id: string): Promise<unknown> =>
        (await world.send(adt(id))).msg.hl7['host']
      assert.equal(await hostOf('ALONE0'), new URL(world.receiver.url).host)
      await door.set('up')
      let sent = 0
      // The next one begins when the one before has left.
      await world.nodeRed.waitFor(
        async () => (await hostOf(`ALONE${++sent}`)) === new URL(door.url).host,
        10_000,
        () => `${sent} went to the backup`
      )
      assert.equal((await world.state()).backup, null)
    } finally {
      await world.nodeRed.deploy([])
      await door.set('down')
    }
  })

  it('loses nothing and keeps the order, and nobody but the list of events notices', async () => {
    const stored: { address: Address; id: string }[] = []
    const own = await world.authority.issueServer()
    const other = await (await createAuthority()).issueServer()
    const door = (address: Address): Door =>
      new Door(address, { own, other }, (at, id) => stored.push({ address: at, id }), Math.random)
    const [first, backup] = [door('first'), door('backup')]
    await first.set('up')
    await backup.set('up')
    try {
      const flow = world
        .flow({
          ...{ url: first.url, backupUrl: backup.url, backupAfter: 1 },
          ...{ queue: 'disk', retryInterval: 0.1, retryMaxInterval: 0.5 }
        })
        .map((node) => (node.id === 'in' ? { ...node, wires: [['make']] } : node))
      const make = {
        id: 'make',
        type: 'function',
        z: 'tab',
        outputs: 1,
        func: MAKE,
        wires: [['out']]
      }
      await world.nodeRed.deploy([...flow, make])
      const prefix = 'REBOOT'
      await world.nodeRed.inject('in', { payload: adt(`${prefix}NUMBER`), count: MESSAGES })

      const levels = new Set<string>()
      const watch = { isOver: false }
      const watching = (async () => {
        while (!watch.isOver) {
          for (const { code, level } of (await world.state()).conditions) {
            if (level === 'call') levels.add(code)
          }
          await sleep(100)
        }
      })()
      const acked = (): string[] => world.left('ack', prefix).map(controlIdOf)
      const ids = Array.from({ length: MESSAGES }, (_, number) => `${prefix}${number}`)
      try {
        await world.nodeRed.waitFor(() => acked().length > MESSAGES / 5, LIMIT_MS)
        for (const [mode, ms] of REBOOT) {
          await first.set(mode)
          await sleep(ms)
        }
        await world.nodeRed.waitFor(
          () => acked().length >= MESSAGES,
          LIMIT_MS,
          () => `${acked().length} have left`
        )
        // What came last has brought everything back, or the next ones do.
        await world.nodeRed.waitFor(async () => {
          await world.nodeRed.inject('in', { payload: adt('LATERNUMBER'), count: 3 })
          return (await world.state()).backup === null
        }, 30_000)
      } finally {
        watch.isOver = true
        await watching
      }

      assert.deepEqual(acked(), ids)
      assert.deepEqual([world.left('nak'), world.left('caught')], [[], []])
      assert.deepEqual([...levels], [], 'nobody is called')
      // In order at the receiver, which is one behind two doors: only what may have arrived comes twice.
      const arrived = stored.map(({ id }) => id).filter((id) => id.startsWith(prefix))
      const once = arrived.filter((id, at) => id !== arrived[at - 1])
      assert.deepEqual(once, ids)
      assert.ok(arrived.length - once.length <= 2, `${arrived.length - once.length} came twice`)
      assert.ok(stored.some(({ address }) => address === 'backup'))
      const { body } = await world.nodeRed.get('/hl7-https-out/out/events?limit=100')
      const kinds = (body as EventPage).events.map(({ kind }) => kind)
      const turns = kinds.filter((kind) => kind.endsWith('-backup')).reverse()
      assert.deepEqual(turns, ['to-backup', 'from-backup'])
    } finally {
      await world.nodeRed.deploy([])
      await first.set('down')
      await backup.set('down')
    }
  })
})
