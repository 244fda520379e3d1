import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { DeliveryState } from '../../src/delivery/delivery-state.ts'
import { StateSince } from '../../src/delivery/state-since.ts'

it('remembers since when a delivery has been in its state', () => {
  let now = 1000
  const since = new StateSince(() => now)
  const at = (time: number, state: DeliveryState['state'], suspended = 0): number => {
    now = time
    return since.of({ state, suspended })
  }
  assert.equal(at(1000, 'idle'), 1000)
  assert.equal(at(2000, 'idle'), 1000)
  assert.equal(at(3000, 'retrying'), 3000)
  assert.equal(at(9000, 'retrying'), 3000)
  assert.equal(at(9500, 'idle'), 9500, 'and not since it was idle before')
  assert.equal(at(11_000, 'idle', 1), 11_000, 'suspended, not idle')
  assert.equal(at(12_000, 'sending', 2), 11_000, 'the others go on')
  assert.equal(at(13_000, 'retrying', 2), 13_000)
  assert.equal(at(14_000, 'idle', 2), 11_000, 'the same messages')
  assert.equal(at(15_000, 'idle'), 15_000, 'all resent')
})
