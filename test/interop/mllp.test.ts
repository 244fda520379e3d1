import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { missing } from '../support/debian-packages.ts'
import { mllpRun } from '../support/mllp-run.ts'

const skip = missing('python-hl7')

describe('MLLP to HTTPS, from 20 connections of python-hl7', { skip }, () => {
  it('loses none of 10,000 messages that are acknowledged when stored, despite kills and outages', async (t) => {
    const run = { port: 'stored', connections: 20, messages: 10_000, kills: 6, outages: 4 } as const
    const figures = await mllpRun(run)
    t.diagnostic(JSON.stringify(figures))
    assert.ok(figures.sentAgain > 0, 'some messages were sent again')
  })

  it("passes on the receiver's acknowledgement of 2,000 messages, despite kills and outages", async (t) => {
    const run = { port: 'answered', connections: 20, messages: 2000, kills: 2, outages: 2 } as const
    const figures = await mllpRun(run)
    t.diagnostic(JSON.stringify(figures))
    assert.ok(figures.sentAgain > 0, 'some messages were sent again')
  })
})
