import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Lanes } from '../../src/delivery/lanes.ts'

const taken = (lanes: Lanes): number[] => {
  const seqs: number[] = []
  for (let next; (next = lanes.take()) !== undefined;) seqs.push(next.seq)
  return seqs
}

describe('Lanes', () => {
  it('lets one message of each key go at a time', () => {
    const lanes = new Lanes('key')
    for (const [seq, key] of ['a', 'a', 'b', 'a', 'b'].entries()) lanes.add(seq, key)
    assert.deepEqual(taken(lanes), [0, 2])
    lanes.release('a')
    assert.deepEqual(taken(lanes), [1])
    lanes.release('b')
    lanes.release('a')
    assert.deepEqual(taken(lanes), [4, 3])
  })

  it('has one lane with `fifo`, and is never busy with `none`', () => {
    const fifo = new Lanes('fifo')
    const none = new Lanes('none')
    for (const [seq, key] of ['a', 'b', 'c'].entries()) {
      fifo.add(seq, key)
      none.add(seq, key)
    }
    assert.deepEqual(taken(fifo), [0])
    fifo.release('a')
    assert.deepEqual(taken(fifo), [1])
    assert.deepEqual(taken(none), [0, 1, 2])
  })

  it('puts a message back in its place by its number', () => {
    const lanes = new Lanes('fifo')
    for (const seq of [3, 5, 7]) lanes.add(seq, '')
    lanes.putBack(6, '')
    lanes.putBack(1, '')
    lanes.putBack(9, '')
    const order: number[] = []
    for (let next; (next = lanes.take()) !== undefined;) {
      order.push(next.seq)
      lanes.release('')
    }
    assert.deepEqual(order, [1, 3, 5, 6, 7, 9])
  })

  it('keeps the order beyond the size at which it drops used slots', () => {
    const lanes = new Lanes('none')
    const count = 5000
    for (let seq = 0; seq < count; seq++) lanes.add(seq, '')
    for (let seq = 0; seq < count; seq++) {
      assert.equal(lanes.take()?.seq, seq)
      if (seq === 3000) lanes.putBack(10, '')
      if (seq === 3000) assert.equal(lanes.take()?.seq, 10)
    }
    assert.equal(lanes.take(), undefined)
  })
})
