/** `HL7_MLLP_MESSAGES` (default 2,000) sets the number of messages; with 10,000, 6 kills. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { missing } from '../support/debian-packages.ts'
import { mllpRun } from '../support/mllp-run.ts'

const MESSAGES = Number(process.env['HL7_MLLP_MESSAGES'] ?? 2000)
const often = (perMessages: number): number => 1 + Math.floor(MESSAGES / perMessages)

const skip = missing('python-hl7')

describe('MLLP to HTTPS, from 20 connections of python-hl7', { skip }, () => {
  for (const [port, what, run] of [
    [
      'stored',
      'loses no message that is acknowledged when stored',
      { messages: MESSAGES, kills: often(2000), outages: often(3000) }
    ],
    [
      'answered',
      "passes on the receiver's acknowledgement of each message",
      { messages: MESSAGES / 5, kills: often(10_000), outages: often(10_000) }
    ]
  ] as const) {
    it(`${what}, despite kills and outages`, async (t) => {
      const figures = await mllpRun({ port, connections: 20, ...run })
      t.diagnostic(JSON.stringify(figures))
      assert.ok(figures.sentAgain > 0, 'some messages were sent again')
    })
  }
})
