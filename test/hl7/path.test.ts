import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { isSegmentName, readPath } from '../../src/hl7/path.ts'

describe('an HL7 path', () => {
  const none = {
    occurrence: undefined,
    repetition: undefined,
    component: undefined,
    subcomponent: undefined
  }

  it('reads every part', () => {
    assert.deepEqual(readPath('PID-3'), { ...none, segment: 'PID', field: 3 })
    assert.deepEqual(readPath('PID-3.1'), { ...none, segment: 'PID', field: 3, component: 1 })
    assert.deepEqual(readPath(' ZA1-12 '), { ...none, segment: 'ZA1', field: 12 })
    assert.deepEqual(readPath('PID-3  '), { ...none, segment: 'PID', field: 3 })
    assert.deepEqual(readPath('PID-999999'), { ...none, segment: 'PID', field: 999_999 })
    assert.deepEqual(readPath('OBX[2]-5(1).10.2'), {
      segment: 'OBX',
      occurrence: 2,
      field: 5,
      repetition: 1,
      component: 10,
      subcomponent: 2
    })
  })

  for (const text of [
    '',
    'PI',
    'pid-3',
    '1ID-3',
    'PID',
    'PID3',
    'PIDX-3',
    'PID.3',
    'PID-',
    'PID-0',
    'PID-x',
    'PID-1234567',
    'PID-3.',
    'PID-3.0',
    'PID-3.1.',
    'PID-3.1.2.3',
    'PID-3(',
    'PID-3(1',
    'PID-3(1).',
    'PID[]-3',
    'PID[1-3',
    'PID[1](2)-3',
    'PID -3',
    'PID-3 .1',
    '  PID-3x'
  ]) {
    it(`finds none in ${JSON.stringify(text)}`, () => {
      assert.equal(readPath(text), undefined)
    })
  }

  it('does not accept longer or shorter text as a segment name', () => {
    assert.equal(isSegmentName('PID'), true)
    for (const text of ['', 'PI', 'PIDX', 'PID-3']) assert.equal(isSegmentName(text), false, text)
  })
})
