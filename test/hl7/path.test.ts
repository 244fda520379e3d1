import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { Hl7Error } from '../../src/hl7/hl7-error.ts'
import { isSegmentName, parsePath } from '../../src/hl7/path.ts'

describe('parsePath', () => {
  const none = {
    occurrence: undefined,
    repetition: undefined,
    component: undefined,
    subcomponent: undefined
  }

  it('reads every part', () => {
    assert.deepEqual(parsePath('PID-3'), { ...none, segment: 'PID', field: 3 })
    assert.deepEqual(parsePath('PID-3.1'), { ...none, segment: 'PID', field: 3, component: 1 })
    assert.deepEqual(parsePath(' ZA1-12 '), { ...none, segment: 'ZA1', field: 12 })
    assert.deepEqual(parsePath('PID-3  '), { ...none, segment: 'PID', field: 3 })
    assert.deepEqual(parsePath('PID-999999'), { ...none, segment: 'PID', field: 999_999 })
    assert.deepEqual(parsePath('OBX[2]-5(1).10.2'), {
      segment: 'OBX',
      occurrence: 2,
      field: 5,
      repetition: 1,
      component: 10,
      subcomponent: 2
    })
  })

  const segment = 'a segment name of three capital letters or digits'
  const field = '"-" and a field number'
  const number = 'a number from 1 to 999999'
  const end = 'the end of the path'
  const bad: [string, number, string][] = [
    ['', 1, segment],
    ['PI', 1, segment],
    ['pid-3', 1, segment],
    ['1ID-3', 1, segment],
    ['PID', 4, field],
    ['PID3', 4, field],
    ['PIDX-3', 4, field],
    ['PID.3', 4, field],
    ['PID-', 5, number],
    ['PID-0', 5, number],
    ['PID-x', 5, number],
    ['PID-1234567', 5, number],
    ['PID-3.', 7, number],
    ['PID-3.0', 7, number],
    ['PID-3.1.', 9, number],
    ['PID-3.1.2.3', 10, end],
    ['PID-3(', 7, number],
    ['PID-3(1', 8, '")"'],
    ['PID-3(1).', 10, number],
    ['PID[]-3', 5, number],
    ['PID[1-3', 6, '"]"'],
    ['PID[1](2)-3', 7, field],
    ['PID -3', 4, field],
    ['PID-3 .1', 6, end],
    ['  PID-3x', 8, end]
  ]
  for (const [text, position, expected] of bad) {
    it(`refuses ${JSON.stringify(text)} at position ${position}`, () => {
      assert.throws(
        () => parsePath(text),
        (error) =>
          error instanceof Hl7Error &&
          error.code === 'HL7_CONFIG' &&
          error.message.includes(`expected ${expected} at position ${position}.`)
      )
    })
  }

  it('does not accept longer or shorter text as a segment name', () => {
    assert.equal(isSegmentName('PID'), true)
    for (const text of ['', 'PI', 'PIDX', 'PID-3']) assert.equal(isSegmentName(text), false, text)
  })

  it('throws no other error for any string', () => {
    const unit = fc.constantFrom(...Array.from('PID-3.()[]1 0'), '\u{1f600}')
    fc.assert(
      fc.property(fc.string({ unit }), (text) => {
        try {
          parsePath(text)
        } catch (error) {
          assert.ok(error instanceof Hl7Error)
        }
      })
    )
  })
})
