import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { Hl7Error } from '../../src/hl7/hl7-error.ts'
import { parsePath } from '../../src/hl7/path.ts'

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
    assert.deepEqual(parsePath('OBX[2]-5(1).10.2'), {
      segment: 'OBX',
      occurrence: 2,
      field: 5,
      repetition: 1,
      component: 10,
      subcomponent: 2
    })
  })

  const bad: [string, number][] = [
    ['', 1],
    ['PI', 1],
    ['pid-3', 1],
    ['1ID-3', 1],
    ['PID', 4],
    ['PID3', 4],
    ['PIDX-3', 4],
    ['PID.3', 4],
    ['PID-', 5],
    ['PID-0', 5],
    ['PID-x', 5],
    ['PID-1234567', 5],
    ['PID-3.', 7],
    ['PID-3.0', 7],
    ['PID-3.1.', 9],
    ['PID-3.1.2.3', 10],
    ['PID-3(', 7],
    ['PID-3(1', 8],
    ['PID-3(1).', 10],
    ['PID[]-3', 5],
    ['PID[1-3', 6],
    ['PID[1](2)-3', 7],
    ['PID -3', 4],
    ['PID-3 .1', 6],
    ['  PID-3x', 8]
  ]
  for (const [text, position] of bad) {
    it(`refuses ${JSON.stringify(text)} at position ${position}`, () => {
      assert.throws(
        () => parsePath(text),
        (error) =>
          error instanceof Hl7Error &&
          error.code === 'HL7_CONFIG' &&
          error.message.includes(`at position ${position}.`)
      )
    })
  }

  it('throws nothing else for any string', () => {
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
