import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { numberProblem } from '../../nodes/editor/number-problem.ts'

describe('the judgement of a number', () => {
  it('takes a number and its text', () => {
    for (const value of [5, '5', ' 5 ', '0.5', '1e3']) {
      assert.equal(numberProblem(value, { min: 0 }), '', String(value))
    }
  })
  it('refuses what is no number', () => {
    for (const value of ['', ' ', 'x', '5 s', NaN, Infinity, null, undefined, true, []]) {
      assert.equal(numberProblem(value, { min: 0 }), 'number', String(value))
    }
  })
  it('holds to the bounds', () => {
    assert.equal(numberProblem('-2', { min: -1 }), 'numberMin')
    assert.equal(numberProblem('-1', { min: -1 }), '')
    assert.equal(numberProblem('3600', { min: 0, max: 3600 }), '')
    assert.equal(numberProblem('3600.1', { min: 0, max: 3600 }), 'numberMax')
    assert.equal(numberProblem('1.5', { min: 1, integer: true }), 'numberInteger')
  })
})
