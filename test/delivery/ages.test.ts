import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { Ages } from '../../src/delivery/ages.ts'

describe('Ages', () => {
  it('keeps no room for thousands that have left', () => {
    const ages = new Ages()
    for (let seq = 1; seq <= 3000; seq++) ages.add(seq, seq * 10)
    for (let seq = 1; seq <= 2900; seq++) ages.remove(seq)
    assert.equal(ages.size, 100)
    assert.equal(ages.oldest, 29_010)
    ages.add(2000, 20_000)
    assert.equal(ages.oldest, 20_000)
    ages.remove(2000)
    ages.add(3001, 30_010)
    assert.equal(ages.oldest, 29_010)
    for (let seq = 2901; seq <= 3001; seq++) ages.remove(seq)
    assert.equal(ages.size, 0)
    assert.equal(ages.oldest, undefined)
  })

  it('takes back one that was put aside a hundred million messages ago', () => {
    const ages = new Ages()
    for (let seq = 100_000_000; seq < 100_001_000; seq++) ages.add(seq, seq)
    const before = process.memoryUsage.rss()
    const start = performance.now()
    ages.add(5, 5)
    assert.ok(performance.now() - start < 50)
    assert.ok(process.memoryUsage.rss() - before < 20 * 2 ** 20)
    assert.equal(ages.size, 1001)
    assert.equal(ages.oldest, 5)
    ages.remove(5)
    assert.equal(ages.oldest, 100_000_000)
  })

  it('keeps one from long ago beside those of today', () => {
    const ages = new Ages()
    ages.add(5, 5)
    for (let seq = 100_000_000; seq < 100_001_000; seq++) ages.add(seq, seq)
    assert.deepEqual([ages.size, ages.oldest], [1001, 5])
    ages.remove(100_000_000)
    ages.remove(5)
    assert.deepEqual([ages.size, ages.oldest], [999, 100_000_001])
  })

  it('knows number and oldest as a list would', () => {
    const step = fc.record({
      what: fc.constantFrom('add', 'add', 'add', 'remove', 'again', 'skip'),
      pick: fc.nat()
    })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 2500, size: 'max' }), (steps) => {
        const ages = new Ages()
        const held = new Map<number, number>()
        const gone: number[] = []
        let next = 1
        for (const { what, pick } of steps) {
          if (what === 'skip') next += pick % 20 === 0 ? 200_000 : pick % 5
          if (what === 'add') {
            ages.add(next, next * 10)
            held.set(next, next * 10)
            next++
          }
          if (what === 'remove') {
            // Mostly the oldest, as it is in life.
            const seqs = [...held.keys()].sort((a, b) => a - b)
            const seq = pick % 3 === 0 ? seqs[pick % seqs.length] : seqs[0]
            if (seq === undefined) continue
            ages.remove(seq)
            ages.remove(seq)
            held.delete(seq)
            gone.push(seq)
          }
          if (what === 'again') {
            const [seq] = gone.splice(pick % Math.max(1, gone.length), 1)
            if (seq === undefined) continue
            ages.add(seq, seq * 10)
            held.set(seq, seq * 10)
          }
          assert.equal(ages.size, held.size)
          const oldest = held.size === 0 ? undefined : Math.min(...held.values())
          assert.equal(ages.oldest, oldest)
        }
      }),
      { numRuns: 10 }
    )
  })
})
