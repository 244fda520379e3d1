import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { crashRun } from './crash-run.ts'

// Not part of `npm test`, because it takes several minutes: `npm run test:crash`.

describe('a Node-RED that crashes again and again', () => {
  it('loses nothing, keeps the order of each key, and empties its queue', async (t) => {
    const figures = await crashRun(50)
    t.diagnostic(JSON.stringify(figures))
    assert.ok(figures.accepted > 1000, 'messages flowed')
  })
})
