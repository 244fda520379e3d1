import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { crashRun } from './crash-run.ts'

// Not part of `npm test`, because it takes several minutes: `npm run test:crash`. `HL7_CRASH_KILLS`
// (default 50) sets how often.
const KILLS = Number(process.env['HL7_CRASH_KILLS'] ?? 50)

describe('a Node-RED that crashes again and again', () => {
  it('loses nothing, keeps the order of each key, and empties its queue', async (t) => {
    const figures = await crashRun(KILLS)
    t.diagnostic(JSON.stringify(figures))
    assert.ok(figures.accepted > 1000, 'messages flowed')
  })
})
