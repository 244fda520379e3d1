import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { seedOr } from './seed.ts'

describe('the seed of a test', () => {
  it('is the usual one, that of a failure, or another one each time', () => {
    assert.equal(seedOr(4711, undefined), 4711)
    assert.equal(seedOr(4711, '-12'), -12)
    const seeds = Array.from({ length: 5 }, () => seedOr(4711, 'random'))
    for (const seed of seeds) assert.ok(Number.isSafeInteger(seed), String(seed))
    assert.notEqual(new Set(seeds).size, 1)
  })

  for (const chosen of ['Random', '', '1.5']) {
    it(`is not "${chosen}"`, () => {
      assert.throws(() => seedOr(4711, chosen), /HL7_SEED/)
    })
  }
})
