import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { crashRun } from './crash-run.ts'

describe('a Node-RED that crashes', () => {
  it('loses nothing, keeps the order of each key, and empties its queue', async (t) => {
    const figures = await crashRun(5)
    t.diagnostic(JSON.stringify(figures))
    assert.ok(figures.accepted > 100, 'messages flowed')
  })
})
