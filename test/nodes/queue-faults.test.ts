import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { startNodeRed } from '../support/node-red.ts'
import { adt, startWorld, type World } from '../support/world.ts'

interface Caught {
  error: { code: string; message: string }
}

describe('a queue on disk that cannot be used, in a real Node-RED', () => {
  let world: World
  let directory: string
  before(async () => {
    world = await startWorld()
    directory = join(world.nodeRed.userDir, 'hl7-https-out')
  })
  after(() => world.close())

  const disk = { queue: 'disk', retryInterval: 0.2, retryMaxInterval: 0.5 }
  const file = (): string => join(directory, 'out.sqlite')
  const ids = (): string[] =>
    world.nodeRed.messages('ack').map(({ hl7 }) => (hl7 as { controlId: string }).controlId)

  /** Leaves messages in the queue file and stops Node-RED. */
  async function leave(...controlIds: string[]): Promise<void> {
    world.receiver.respond = () => ({ status: 503 })
    await world.deploy(disk)
    const done = world.nodeRed.messages('done').length
    for (const id of controlIds) await world.nodeRed.inject('in', { payload: adt(id) })
    await world.nodeRed.waitForMessages('done', done + controlIds.length)
    await world.nodeRed.stop()
    world.receiver.respond = undefined
  }

  /** Sends a message that must be refused, with a red status. @returns the text of the error */
  async function refused(nodeRed = world.nodeRed): Promise<string> {
    const before = nodeRed.messages('caught').length
    await nodeRed.inject('in', { payload: adt('NEW00001') })
    const { error } = (await nodeRed.waitForMessages('caught', before + 1)).at(
      -1
    ) as unknown as Caught
    assert.equal(error.code, 'HL7_QUEUE_FAILED')
    await nodeRed.waitForStatus('out', ({ fill, shape }) => fill === 'red' && shape === 'ring')
    return error.message
  }

  it('a lost key file: none is created while messages wait for it, and the error says so', async () => {
    await leave('KEY00001', 'KEY00002')
    const keyFile = join(world.nodeRed.userDir, 'hl7-https-out.key')
    const key = readFileSync(keyFile)
    rmSync(keyFile)
    const stored = readFileSync(file())
    await world.nodeRed.start()
    const message = await refused()
    assert.ok(message.includes(file()) && message.includes(keyFile), message)
    assert.match(message, /The key file .* is missing, and messages .* are waiting/)
    assert.ok(!existsSync(keyFile))
    await world.nodeRed.stop()
    assert.ok(readFileSync(file()).equals(stored))
    writeFileSync(keyFile, key)
    await world.nodeRed.start()
    await world.nodeRed.waitFor(() => (ids().includes('KEY00002') ? true : undefined))
  })

  it('a damaged file: it is moved aside, and the messages that can be read are sent', async () => {
    const all = Array.from({ length: 40 }, (_, index) => `BAD${String(index).padStart(5, '0')}`)
    await leave(...all)
    const bytes = readFileSync(file())
    // The page that leads to the others, and one of the last.
    bytes.fill(0xaa, 4096, 2 * 4096)
    bytes.fill(0xaa, bytes.length - 3 * 4096, bytes.length - 2 * 4096)
    writeFileSync(file(), bytes)
    await world.nodeRed.start()
    await world.nodeRed.waitFor(
      () => (ids().filter((id) => id.startsWith('BAD')).length >= 20 ? true : undefined),
      10_000,
      () => `${ids().length} were sent`
    )
    assert.equal(readdirSync(directory).filter((name) => name.includes('.damaged-')).length, 1)
    const told = (await world.nodeRed.printed()).filter((line) => line.includes('was damaged'))
    assert.equal(told.length, 1)
    assert.match(
      told[0] ?? '',
      /warn.*moved to .*\.damaged-.* of the \d+ messages .* could be read/
    )
    await world.nodeRed.inject('in', { payload: adt('AFTER001') })
    await world.nodeRed.waitFor(() => (ids().includes('AFTER001') ? true : undefined))
  })

  it('a second Node-RED on the same directory: it is refused, and says so', async () => {
    await world.deploy(disk)
    const second = await startNodeRed({ settings: { hl7HttpsOutQueueDirectory: directory } })
    try {
      await second.deploy(world.flow(disk))
      const message = await refused(second)
      assert.ok(message.includes(file()), message)
      assert.match(message, /in use by another process/)
    } finally {
      await second.stop()
    }
    await world.nodeRed.inject('in', { payload: adt('OWNER001') })
    await world.nodeRed.waitFor(() => (ids().includes('OWNER001') ? true : undefined))
  })

  it('a full disk: messages are refused until there is space, and accepted again without a restart', async (context) => {
    await world.nodeRed.stop()
    rmSync(directory, { recursive: true })
    mkdirSync(directory)
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', directory], {
        stdio: 'ignore'
      })
    } catch {
      // A real full disk: SQLite answers it as no mock does. It has to be mounted, so it needs root.
      context.skip('only root can mount a small disk; runs in CI, as root')
      return
    }
    try {
      await world.nodeRed.start()
      await world.nodeRed.waitFor(() => (readdirSync(directory).length > 0 ? true : undefined))
      const filler = join(directory, 'filler')
      assert.throws(() => {
        // More than fits, even if the queue has written nothing yet.
        writeFileSync(filler, Buffer.alloc(2 ** 21))
      }, /ENOSPC/)
      const message = await refused()
      assert.ok(message.includes(file()), message)
      assert.match(message, /disk is full/)
      rmSync(filler)
      await world.nodeRed.inject('in', { payload: adt('ROOM0001') })
      await world.nodeRed.waitFor(() => (ids().includes('ROOM0001') ? true : undefined))
      await world.nodeRed.waitForStatus(
        'out',
        ({ fill, shape }) => fill === 'green' && shape === 'dot'
      )
    } finally {
      await world.nodeRed.stop()
      execFileSync('umount', [directory])
    }
  })
})
