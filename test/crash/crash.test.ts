/** `HL7_CRASH_KILLS` (default 5) sets how often Node-RED is killed; 50 takes minutes. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { crashRun, FLOWING } from './crash-run.ts'

const KILLS = Number(process.env['HL7_CRASH_KILLS'] ?? 5)

describe('a Node-RED that crashes again and again', () => {
  it('loses nothing, keeps the order of each key, and empties its queue', async (t) => {
    const figures = await crashRun(KILLS)
    t.diagnostic(JSON.stringify(figures))
    assert.ok(figures.accepted > FLOWING * KILLS, 'messages flowed')
    // A kill has to meet the few milliseconds of work on a message, twice.
    assert.ok(figures.endedTwice <= KILLS, `${figures.endedTwice} were suspended`)
  })
})
