import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { adt, startWorld } from '../support/world.ts'

/** Node.js claims to be this version; in two rows of `npm run test:matrix` it really has no database. */
const OLD = '22.12.0'
const versions = `{ value: { ...process.versions, node: '${OLD}' } }`
const preload = `data:text/javascript,Object.defineProperty(process, 'versions', ${versions})`

describe('a Node.js without a database for the queue on disk', () => {
  it('sends with the queue in memory, and says what the queue on disk requires', async (t) => {
    const world = await startWorld({
      env: { NODE_OPTIONS: `--import ${encodeURI(preload)}` }
    })
    t.after(() => world.close())

    await world.deploy({ queue: 'disk' })
    await world.nodeRed.inject('in', { payload: adt('OLD1') })
    const [refused] = await world.nodeRed.waitForMessages('caught')
    const { code, message } = refused?.['error'] as { code: string; message: string }
    assert.equal(code, 'HL7_CONFIG')
    assert.match(message, /requires Node\.js 22\.13 or newer; this is 22\.12\.0\./)
    assert.equal(refused?.['payload'], adt('OLD1'))

    await world.deploy({ queue: 'memory' })
    await world.nodeRed.inject('in', { payload: adt('OLD2') })
    const [sent] = await world.nodeRed.waitForMessages('ack')
    assert.equal((sent?.['hl7'] as { controlId: string }).controlId, 'OLD2')
  })
})
