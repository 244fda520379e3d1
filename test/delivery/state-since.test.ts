import assert from 'node:assert/strict'
import { it } from 'node:test'
import { StateSince } from '../../src/delivery/state-since.ts'

it('remembers since when a delivery has been in its state', () => {
  let now = 1000
  const since = new StateSince(() => now)
  const at = (time: number, state: Parameters<StateSince['of']>[0]): number => {
    now = time
    return since.of(state)
  }
  assert.equal(at(1000, 'idle'), 1000)
  assert.equal(at(2000, 'idle'), 1000)
  assert.equal(at(3000, 'retrying'), 3000)
  assert.equal(at(9000, 'retrying'), 3000)
  assert.equal(at(9500, 'idle'), 9500, 'and not since it was idle before')
})
