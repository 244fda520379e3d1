import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Settlement } from '../../src/delivery/settlement.ts'
import { verdictOf } from '../../src/delivery/verdict.ts'

function settlement(errors: { code: string; severity: string }[], code = 'AE'): Settlement {
  const none = { location: '', codeText: '', diagnostic: 'Lindqvist', userMessage: 'Lindqvist' }
  const ack = {
    ...{ code, controlId: 'C1', text: 'Lindqvist', severity: 'E' as const },
    errors: errors.map((error) => ({ ...none, ...error }))
  }
  const reply = { status: 200, headers: {}, text: 'Lindqvist', hl7: 'Lindqvist', ack }
  return {
    ...{ outcome: 'nak', reply, rule: ':?E=F', action: 'F', warnings: [], settledAt: 0 }
  }
}

describe('verdictOf', () => {
  it('has the codes of table 0357; of any other one only that it is another', () => {
    const { errors } = verdictOf(
      settlement([
        { code: '206', severity: 'E' },
        { code: 'Lindqvist', severity: 'Astrid' },
        { code: 'constructor', severity: 'W' }
      ])
    )
    assert.deepEqual(errors, [
      { code: '206', severity: 'E' },
      { code: 'other', severity: '' },
      { code: 'other', severity: 'W' }
    ])
  })

  it('has codes without trailing blanks', () => {
    const { ackCode, errors } = verdictOf(settlement([{ code: '102 ', severity: 'E ' }], 'AE '))
    assert.deepEqual([ackCode, errors], ['AE', [{ code: '102', severity: 'E' }]])
  })

  it('has the first ten errors, a short MSA-1, and no text of the answer', () => {
    const many = Array.from({ length: 1000 }, () => ({ code: '101', severity: 'E' }))
    const verdict = verdictOf(settlement(many, 'A'.repeat(1000)))
    assert.equal(verdict.errors.length, 10)
    assert.ok(verdict.ackCode.length <= 12)
    assert.ok(!JSON.stringify(verdict).includes('Lindqvist'))
  })
})
