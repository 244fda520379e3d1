import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, it, mock } from 'node:test'
import { isHanging, takePlace } from '../../src/queue/sync-places.ts'

describe('Syncs of a process', () => {
  const before = process.env['UV_THREADPOOL_SIZE']
  /** Those that have begun, by their names, in this order, and how they end. */
  let begun: Map<string, () => void>
  beforeEach(() => {
    delete process.env['UV_THREADPOOL_SIZE']
    mock.timers.enable({ apis: ['setTimeout'] })
    begun = new Map()
  })
  afterEach(() => {
    for (let left = [...begun.values()]; left.length > 0; left = [...begun.values()]) {
      begun.clear()
      for (const end of left) end()
    }
    mock.timers.reset()
    delete process.env['UV_THREADPOOL_SIZE']
    if (before !== undefined) process.env['UV_THREADPOOL_SIZE'] = before
  })

  /** @param name its first letter is that of its disk */
  function sync(...names: string[]): void {
    for (const name of names) {
      takePlace(name.charCodeAt(0), (leave) => begun.set(name, leave))
    }
  }

  function end(name: string): void {
    const leave = begun.get(name)
    begun.delete(name)
    leave?.()
  }

  const now = (): string => [...begun.keys()].join(' ')

  it('are two at a time, and then begin in their order', () => {
    sync('a1', 'b1', 'a2', 'b2')
    assert.equal(now(), 'a1 b1')
    mock.timers.tick(1999)
    end('a1')
    assert.equal(now(), 'b1 a2')
    end('a2')
    assert.equal(now(), 'b1 b2')
  })

  it('that last longer than two seconds let others go, of other disks only when two of one do', () => {
    sync('a1', 'a2', 'a3', 'b1', 'c1')
    mock.timers.tick(2000)
    assert.equal(now(), 'a1 a2 b1')
    assert.deepEqual(
      ['a', 'b', 'c'].map((disk) => isHanging(disk.charCodeAt(0))),
      [true, false, false]
    )
    end('b1')
    assert.equal(now(), 'a1 a2 c1')
    end('a2')
    assert.equal(now(), 'a1 c1 a3')
  })

  it('never take the last thread of Node.js, however many there are', () => {
    const all = ['a1', 'b1', 'c1', 'd1', 'e1', 'f1', 'g1', 'h1']
    for (const [size, most] of [
      [undefined, 3],
      ['4', 3],
      ['6', 5],
      ['3', 2],
      ['2', 1],
      ['1', 1],
      ['none', 3]
    ] as const) {
      if (size !== undefined) process.env['UV_THREADPOOL_SIZE'] = size
      sync(...all)
      for (let times = 0; times < 8; times++) mock.timers.tick(2000)
      assert.equal(begun.size, most, String(size))
      for (const name of all) end(name)
    }
  })
})
