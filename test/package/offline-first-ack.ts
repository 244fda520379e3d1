/** Run without a network by offline.test.ts: installs the package that is named, and sends a message to the demo's servers. */
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { networkInterfaces, tmpdir } from 'node:os'
import { join } from 'node:path'
import { it } from 'node:test'
import { adt, startWorld } from '../support/world.ts'
import { npm } from './install.ts'

it('gets the first ACK', async () => {
  assert.deepEqual(Object.keys(networkInterfaces()), ['lo'])
  const directory = mkdtempSync(join(tmpdir(), 'hl7-https-offline-'))
  const userDir = join(directory, 'user')
  mkdirSync(userDir)
  try {
    const cache = join(directory, 'cache')
    npm(['install', '--offline', '--cache', cache, '--no-audit', process.argv[2] ?? ''], userDir)
    const world = await startWorld({ userDir })
    try {
      await world.deploy({ queue: 'disk' })
      const { output } = await world.send(adt('OFFLINE1'))
      assert.equal(output, 'ack')
    } finally {
      await world.close()
    }
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
})
