import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { DiskEngine } from '../../src/queue/disk-engine.ts'
import { adt, startWorld, type World } from '../support/world.ts'

/** What becomes of the file is in test/queue; here, what a user is told. */
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
  async function refused(): Promise<string> {
    const { error } = await world.caught(adt('NEW00001'))
    assert.equal(error.code, 'HL7_QUEUE_FAILED')
    await world.nodeRed.waitForStatus(
      'out',
      ({ fill, shape }) => fill === 'red' && shape === 'ring'
    )
    return error.message
  }

  it('another process has the file: messages are refused until it is free', async () => {
    const other = new DiskEngine({
      directory,
      name: 'out',
      journalDays: 14,
      order: 'fifo',
      orderKey: '',
      key: () => Promise.resolve(Buffer.alloc(32, 1))
    })
    await other.open()
    try {
      await world.deploy(disk)
      const message = await refused()
      assert.ok(message.includes(file()), message)
      assert.match(message, /in use by another process/)
    } finally {
      await other.close()
    }
    assert.equal((await world.send(adt('OWNER001'))).output, 'ack')
    await world.nodeRed.waitForStatus('out', ({ code }) => code === 'ACK')
    const { turnedAway } = await world.state()
    assert.deepEqual([turnedAway?.count, turnedAway?.why], [1, 'SQLITE_BUSY'])
  })

  it('a lost key file: none is created while messages wait for it, and the error says so', async () => {
    await leave('KEY00001', 'KEY00002')
    const keyFile = join(world.nodeRed.userDir, 'hl7-https-out.key')
    const key = readFileSync(keyFile)
    rmSync(keyFile)
    await world.nodeRed.start()
    const message = await refused()
    assert.ok(message.includes(file()) && message.includes(keyFile), message)
    assert.match(message, /The key file .* is missing, and messages .* are waiting/)
    assert.ok(!existsSync(keyFile))
    writeFileSync(keyFile, key)
    await world.deploy(disk)
    await world.acked('KEY', ['KEY00001', 'KEY00002'])
  })

  it('a damaged file: it is moved aside, and the messages that can be read are sent', async () => {
    const ids = Array.from({ length: 40 }, (_, index) => `BAD${String(index).padStart(5, '0')}`)
    await leave(...ids)
    const bytes = readFileSync(file())
    // The page that leads to the others, and one of the last.
    bytes.fill(0xaa, 4096, 2 * 4096)
    bytes.fill(0xaa, bytes.length - 3 * 4096, bytes.length - 2 * 4096)
    writeFileSync(file(), bytes)
    await world.nodeRed.start()
    await world.eventually(() => world.left('ack', 'BAD').length >= 20)
    // Its log goes with it.
    const aside = readdirSync(directory).filter((name) => name.includes('.damaged-'))
    assert.equal(aside.filter((name) => !name.endsWith('-wal')).length, 1)
    const told = (await world.nodeRed.printed()).filter((line) => line.includes('was damaged'))
    assert.equal(told.length, 1)
    assert.match(
      told[0] ?? '',
      /warn.*moved to .*\.damaged-.* of the \d+ messages .* could be read/
    )
    await world.nodeRed.inject('in', { payload: adt('AFTER001') })
    await world.acked('AFTER', ['AFTER001'])
  })
})
