import assert from 'node:assert/strict'
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { after, afterEach, describe, it } from 'node:test'
import type { NodeAPI } from 'node-red'
import { fleetingPlaces, queueDirectory } from '../../nodes/settings/queue-directory.ts'
import { startWorld, adt, type World, type WorldOptions } from '../support/world.ts'

/** As FlowFuse's launcher writes it into settings.js. */
const FLOWFUSE = { flowforge: { forgeURL: 'https://flowfuse.example', teamID: 'team' } }
const WARNING = /FlowFuse removes (.*) when it makes a container anew/

describe('where FlowFuse runs Node-RED', () => {
  const folder = mkdtempSync(join(tmpdir(), 'flowfuse-'))
  let world: World | undefined
  afterEach(() => world?.close())
  after(() => {
    rmSync(folder, { recursive: true, force: true })
  })

  /** A new user directory. */
  function userDirectory(name: string): string {
    const userDir = join(folder, name)
    mkdirSync(userDir)
    return userDir
  }

  async function start(options: WorldOptions): Promise<World> {
    await world?.close()
    world = await startWorld({ settings: FLOWFUSE, ...options })
    return world
  }

  async function leaveWaiting(options: WorldOptions, ...ids: string[]): Promise<readonly string[]> {
    const started = await start(options)
    const { nodeRed } = started
    await started.deploy({ queue: 'disk' })
    await nodeRed.post('/hl7-https-out/out/pause')
    for (const id of ids) await nodeRed.inject('in', { payload: adt(id) })
    await nodeRed.waitForMessages('done', ids.length)
    const log = await nodeRed.printed()
    await nodeRed.stop()
    return log
  }

  async function isSent(options: WorldOptions, prefix: string, ...ids: string[]): Promise<void> {
    const started = await start(options)
    await started.deploy({ queue: 'disk' })
    await started.nodeRed.post('/hl7-https-out/out/resume')
    await started.acked(prefix, ids)
  }

  it('what waits outlasts all of it where two variables say so', async () => {
    const lasting = userDirectory('lasting')
    const key = join(lasting, 'key.txt')
    writeFileSync(key, 'a key that another program keeps\n', { mode: 0o600 })
    const env = {
      HL7_HTTPS_OUT_QUEUE_DIRECTORY: join(lasting, 'queue'),
      HL7_HTTPS_OUT_QUEUE_KEY: `\${file:${key}}`
    }
    const third = userDirectory('third')
    const log = await leaveWaiting({ userDir: third, env }, 'OUTSIDE1', 'OUTSIDE2')
    assert.equal(
      log.find((line) => WARNING.test(line)),
      undefined
    )
    assert.ok(!existsSync(join(third, 'hl7-https-out.key')))
    rmSync(third, { recursive: true })
    await isSent({ userDir: userDirectory('fourth'), env }, 'OUTSIDE', 'OUTSIDE1', 'OUTSIDE2')
  })

  it('the log says once what does not last, and the way out', async () => {
    const userDir = userDirectory('fleeting')
    const started = await start({ userDir })
    const { nodeRed } = started
    const disk = started.flow({ queue: 'disk' })
    const [out] = disk.filter(({ id }) => id === 'out')
    assert.ok(out)
    await nodeRed.deploy([...disk, { ...out, id: 'other' }])
    const told = (await nodeRed.printed()).filter((line) => WARNING.test(line))
    assert.equal(told.length, 1)
    assert.match(
      told[0] ?? '',
      /\[warn\] hl7-https-out: .*HL7_HTTPS_OUT_QUEUE_DIRECTORY.*_QUEUE_KEY/
    )
    const places = `${join(userDir, 'hl7-https-out')} and ${join(userDir, 'hl7-https-out.key')}`
    assert.equal(WARNING.exec(told[0] ?? '')?.[1], places)
  })

  /** Where the queue is, and what of queue and key does not last; paths from the user directory. */
  function places(name: string, settings: object, env: Record<string, string>): string[] {
    const userDir = join(folder, name)
    const RED = { settings: { userDir, ...settings } } as unknown as NodeAPI
    Object.assign(process.env, env)
    try {
      return [String(queueDirectory(RED)), ...fleetingPlaces(RED)].map((path) =>
        relative(userDir, path)
      )
    } finally {
      for (const variable of Object.keys(env)) Reflect.deleteProperty(process.env, variable)
    }
  }

  it('the queue is in the storage, if there is one, or where settings.js or a variable says', () => {
    mkdirSync(join(folder, 'stored', 'storage'), { recursive: true })
    const queue = 'hl7-https-out'
    const key = 'hl7-https-out.key'
    const variables = {
      HL7_HTTPS_OUT_QUEUE_DIRECTORY: join(folder, 'unused'),
      HL7_HTTPS_OUT_QUEUE_KEY: 'from a variable'
    }
    const said = { hl7HttpsOutQueueDirectory: join(folder, 'said'), hl7HttpsOutQueueKey: 'k' }
    assert.deepEqual(places('stored', FLOWFUSE, {}), [`storage/${queue}`])
    assert.deepEqual(places('stored', {}, {}), [queue])
    assert.deepEqual(places('bare', FLOWFUSE, {}), [queue, queue, key])
    assert.deepEqual(places('bare', {}, {}), [queue])
    assert.deepEqual(places('bare', FLOWFUSE, variables), ['../unused'])
    assert.deepEqual(places('bare', { ...FLOWFUSE, ...said }, variables), ['../said'])
  })
})
