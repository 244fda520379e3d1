import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { AttemptFigures } from '../../src/delivery/attempt-counts.ts'
import { deliveryFigures } from '../../src/delivery/delivery-figures.ts'
import type { DeliveryState } from '../../src/delivery/delivery-state.ts'

describe('what monitoring reads of a delivery', () => {
  const attempts = { made: 9 } as unknown as AttemptFigures
  const state = {
    ...{ state: 'retrying', acked: 5, naked: 3, failed: 2 },
    ...{ queued: 7, inFlight: 2, retrying: 4, awaiting: 1, suspended: 6 },
    ...{ oldestAgeMs: 900, longestWaitMs: 800 }
  } as unknown as DeliveryState
  const outcomes = { ack: 5, nak: 3, error: 2 }

  it('has each message in one state: of those that are tried again, two are on their way', () => {
    assert.deepEqual(deliveryFigures(state, attempts, true, 2), {
      ...attempts,
      outcomes,
      queue: {
        messages: { waiting: 5, in_flight: 2, retrying: 2, awaiting: 1, suspended: 6 },
        ...{ oldestAgeMs: 900, longestWaitMs: 800, isPaused: false }
      }
    })
  })

  it('knows nothing of the queue until it is open, but how messages left', () => {
    const found = deliveryFigures(state, attempts, false, 0)
    assert.deepEqual(found, { ...attempts, outcomes, queue: undefined })
  })

  it('counts no state below nothing, and says that the node is paused', () => {
    const paused = { ...state, state: 'paused', queued: 1, retrying: 4 } as DeliveryState
    const few = deliveryFigures(paused, attempts, true, 0).queue
    assert.deepEqual([few?.messages.waiting, few?.messages.retrying], [0, 1])
    assert.equal(few?.isPaused, true)
    const many = deliveryFigures(paused, attempts, true, 9).queue
    assert.deepEqual([many?.messages.waiting, many?.messages.retrying], [1, 0])
  })
})
