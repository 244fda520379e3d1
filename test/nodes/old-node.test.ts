import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { adt, startWorld } from '../support/world.ts'

/** Node.js claims to be this version, whose agents do not know proxies. */
const OLD = '22.20.0'
const versions = `{ value: { ...process.versions, node: '${OLD}' } }`
const preload = `data:text/javascript,Object.defineProperty(process, 'versions', ${versions})`

describe('a Node.js that is too old', () => {
  it('is named in the error of each message, and nothing is sent', async (t) => {
    const world = await startWorld({
      env: { NODE_OPTIONS: `--import ${encodeURI(preload)}` }
    })
    t.after(() => world.close())

    await world.deploy({ queue: 'disk' })
    await world.nodeRed.inject('in', { payload: adt('OLD1') })
    const [refused] = await world.nodeRed.waitForMessages('caught')
    const { code, message } = refused?.['error'] as { code: string; message: string }
    assert.equal(code, 'HL7_CONFIG')
    assert.match(message, /this is Node\.js 22\.20\.0: the node needs 22\.21 or newer/)
    assert.equal(refused?.['payload'], adt('OLD1'))
  })
})
