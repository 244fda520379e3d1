import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { english } from '../src/english.ts'

describe('an English text', () => {
  it('has the number that it is about', () => {
    const resent = (count: number): string => english('tab', 'told.resent', { count })
    assert.deepEqual([0, 1, 2].map(resent), [
      '0 messages resent',
      '1 message resent',
      '2 messages resent'
    ])
    assert.equal(english('tab', 'told.discarded'), 'Discarded')
  })

  it('does not fill in what a value contains', () => {
    const values = { cause: '__controlId__', controlId: 'A1' }
    assert.equal(english('tab', 'told.retrying-began', values), '__controlId__: retrying A1')
  })
})
