/** Which replies it finds, and that no others are: test/rules/replies.test.ts. */
import assert from 'node:assert/strict'
import { it } from 'node:test'
import { seemsToRefuse } from '../../src/hl7-over-http/unread-refusal.ts'

it('a refusal is looked for in little time, whatever the reply', () => {
  // Of this process alone: other tests run beside it.
  const start = process.cpuUsage()
  for (const piece of [
    'MSA|',
    ' MSA|A',
    'MSA.1 ',
    'MSA.1>   ',
    'MSA.1> <![CDATA[ ',
    '%0DMSA%7C',
    'MSA.1 "',
    `MSA.1${'a'.repeat(40)} `,
    'MSH|MSA|A',
    'MSH',
    '\\rMSA',
    ' '
  ]) {
    assert.ok(!seemsToRefuse(piece.repeat(2_097_152 / piece.length)), piece)
  }
  const { system, user } = process.cpuUsage(start)
  assert.ok(system + user < 2_000_000, `${system + user} µs`)
})
