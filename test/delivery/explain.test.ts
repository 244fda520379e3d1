import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { nameOf, printable } from '../../src/delivery/explain.ts'

describe('printable', () => {
  it('gives one line of at most 80 characters', () => {
    assert.equal(printable('A1\r\nB\u0085C\u2028D\u2029E\u202eF\ud800'), 'A1??B?C?D?E?F?')
    assert.equal(printable('Müller 東京'), 'Müller 東京')
    assert.equal(printable('x'.repeat(80)), 'x'.repeat(80))
    assert.equal(printable('x'.repeat(1_000_000)), `${'x'.repeat(79)}…`)
  })

  it('names a message by control ID and type', () => {
    assert.equal(nameOf({ controlId: 'M1', type: 'ADT^A01' }), 'Message M1 (ADT^A01)')
    assert.equal(nameOf({ controlId: 'M\r1', type: '' }), 'Message M?1')
  })
})
