import assert from 'node:assert/strict'
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, afterEach, describe, it } from 'node:test'
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

  /** A new user directory, with what lasted of another one. */
  function userDirectory(name: string, lasting?: string): string {
    const userDir = join(folder, name)
    mkdirSync(userDir)
    if (lasting !== undefined) cpSync(lasting, join(userDir, 'storage'), { recursive: true })
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

  it('what waits outlasts everything of the user directory but its storage', async () => {
    const first = userDirectory('first')
    mkdirSync(join(first, 'storage'))
    const log = await leaveWaiting({ userDir: first }, 'STORED1', 'STORED2')
    assert.equal(
      log.find((line) => WARNING.test(line)),
      undefined
    )
    const second = userDirectory('second', join(first, 'storage'))
    rmSync(first, { recursive: true })
    await isSent({ userDir: second }, 'STORED', 'STORED1', 'STORED2')
  })

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

  it('what settings.js says goes before the variables', async () => {
    const userDir = userDirectory('said')
    const said = join(folder, 'said-queue')
    const started = await start({
      userDir,
      settings: {
        ...FLOWFUSE,
        hl7HttpsOutQueueDirectory: said,
        hl7HttpsOutQueueKey: 'k'.repeat(20)
      },
      env: {
        HL7_HTTPS_OUT_QUEUE_DIRECTORY: join(folder, 'unused'),
        HL7_HTTPS_OUT_QUEUE_KEY: 'too short'
      }
    })
    await started.deploy({ queue: 'disk' })
    await started.send(adt('SAID1'))
    assert.ok(existsSync(join(said, 'out.sqlite')))
    assert.ok(!existsSync(join(folder, 'unused')))
  })
})
