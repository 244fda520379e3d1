import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { DeliveryEvent } from '../../src/delivery/delivery-events.ts'
import type { DeliveryState } from '../../src/delivery/delivery-state.ts'
import { FiguresKeeper, type NodeFigures } from '../../src/delivery/figures-keeper.ts'
import { History } from '../../src/delivery/history.ts'
import type { Minute } from '../../src/queue/figures.ts'
import { ConditionWatch } from '../../nodes/flow/condition-watch.ts'
import { conditionFacts } from '../support/condition-facts.ts'
import { FakeClock, settled } from '../support/fake-clock.ts'
import { NO_FIGURES } from '../support/sample-figures.ts'

const RETRY = { controlId: '', attempts: 1, waitMs: 0, cause: '503' }

const MINUTE = 60_000
const message = { seq: 1, controlId: 'a1', type: 'ADT^A01', acceptedAt: 0, attempts: 1 }
const settlement = {
  outcome: 'ack',
  rule: '',
  action: '',
  warnings: [],
  settledAt: 0
} as const
const left: DeliveryEvent = { kind: 'moved', message, to: 'left', settlement }

/** A file, as one process after another finds it. */
class Store {
  figures = NO_FIGURES
  calls = 0
  fails = false

  keep(figures: NodeFigures): Promise<void> {
    this.calls++
    if (this.fails) return Promise.reject(new Error('full'))
    const minutes = new Map<number, Minute>()
    for (const minute of [...this.figures.minutes, ...figures.minutes]) {
      minutes.set(minute.at, minute)
    }
    this.figures = { ...this.figures, ...figures, minutes: [...minutes.values()] }
    return Promise.resolve()
  }
}

/** One process; these events come before its queue is open. */
function start(
  store: Store,
  clock: FakeClock,
  ...before: DeliveryEvent[]
): {
  tell: (...events: DeliveryEvent[]) => void
  history: History
  be: (state: State, suspended?: number) => number
} {
  let delivery: Partial<DeliveryState> = {}
  const history = new History(clock, () => 3)
  const watch = new ConditionWatch(() => conditionFacts(delivery, { now: clock.now() }))
  const keeper = new FiguresKeeper({
    history,
    standing: () => ({ ...NO_FIGURES, ...watch.stored }),
    store: (figures) => store.keep(figures),
    clock,
    random: () => 0.5
  })
  const tell = (...events: DeliveryEvent[]): void => {
    for (const event of events) {
      history.readEvent(event)
      watch.readEvent(event)
      keeper.readEvent(event)
    }
  }
  tell(...before, { kind: 'opened', endedOn: [], figures: store.figures })
  return {
    tell,
    history,
    be(state, suspended = 0) {
      const retry = state === 'retrying' ? RETRY : null
      delivery = { state, suspended, retry, inFlight: state === 'sending' ? 1 : 0 }
      const conditions = watch.current()
      return conditions[0]?.since ?? 0
    }
  }
}
type State = DeliveryState['state']

const counts = (minutes: readonly Minute[], from: number): unknown[] =>
  minutes.map(({ at, acked, queued }) => [(at - from) / MINUTE, acked, queued])

describe('the figures of a node', () => {
  it('are stored a second after a change, once for all changes, and every minute', async () => {
    const store = new Store()
    const clock = new FakeClock()
    const { tell } = start(store, clock)
    for (let index = 0; index < 100; index++) tell(left)
    await clock.advance(999)
    assert.equal(store.calls, 0)
    await clock.advance(1)
    assert.deepEqual([store.calls, store.figures.minutes[0]?.acked], [1, 100])
    assert.equal(store.figures.lastAckAt, clock.now() - 1000)
    await clock.advance(MINUTE)
    assert.equal(store.calls, 2)
    assert.deepEqual(counts(store.figures.minutes, clock.now() - MINUTE - 1000), [
      [0, 100, 3],
      [1, 0, 3]
    ])
    tell({ kind: 'closing' })
    await settled()
    assert.deepEqual([store.calls, clock.timers], [3, 0])
    tell({ kind: 'fault' })
    assert.equal(clock.timers, 0)
  })

  it('are stored so, too, if there was a change before the queue could be opened', async () => {
    const store = new Store()
    const clock = new FakeClock()
    const { tell } = start(store, clock, { kind: 'queue-failed', code: 'SQLITE_BUSY' })
    tell(left)
    await clock.advance(1000)
    assert.equal(store.figures.minutes[0]?.acked, 1)
  })

  it('go on after a restart in the same minute, and have a gap where the node did not run', async () => {
    const store = new Store()
    const clock = new FakeClock()
    const began = clock.now()
    start(store, clock).tell(left, left, { kind: 'closing' })
    clock.pass(1000)
    const second = start(store, clock)
    second.tell(left)
    assert.deepEqual(counts(second.history.minutes(60), began), [[0, 3, 3]])
    second.tell({ kind: 'closing' })
    await settled()
    clock.pass(5 * MINUTE)
    const third = start(store, clock)
    clock.pass(2 * MINUTE)
    third.tell(left)
    assert.deepEqual(counts(third.history.minutes(60), began), [
      [0, 3, 3],
      [5, 0, 3],
      [6, 0, 3],
      [7, 1, 3]
    ])
    assert.deepEqual(third.history.lastHour, { acked: 4, naked: 0, failed: 0 })
  })

  it('that could not be stored come with the next ones', async () => {
    const store = new Store()
    const clock = new FakeClock()
    const began = clock.now()
    const { tell } = start(store, clock)
    store.fails = true
    tell(left)
    await clock.advance(2 * MINUTE)
    store.fails = false
    tell(left)
    await clock.advance(1000)
    assert.deepEqual(counts(store.figures.minutes, began), [
      [0, 1, 3],
      [1, 0, 3],
      [2, 1, 3]
    ])
  })

  it('lose one second at most to a crash', async () => {
    const store = new Store()
    const clock = new FakeClock()
    const { tell } = start(store, clock)
    for (let tenth = 0; tenth < 95; tenth++) {
      tell(left)
      await clock.advance(100)
    }
    clock.forgetTimers()
    const acked = start(store, clock).history.lastHour.acked
    assert.ok(acked >= 85 && acked < 95, String(acked))
  })

  it('say since when it retries, also if a restart made it try at once', async () => {
    const store = new Store()
    const clock = new FakeClock()
    const first = start(store, clock)
    const began = first.be('retrying')
    first.tell({ kind: 'closing' })
    await settled()
    for (let run = 0; run < 2; run++) {
      clock.pass(MINUTE)
      const next = start(store, clock)
      next.be('idle')
      next.be('sending')
      // Closed again before it was known, in the first run.
      if (run === 1) assert.equal(next.be('retrying'), began)
      next.tell({ kind: 'closing' })
      await settled()
    }
    clock.pass(MINUTE)
    const last = start(store, clock)
    last.be('sending')
    last.tell({ kind: 'moved', message, to: 'leaving', settlement })
    assert.equal(last.be('retrying'), clock.now(), 'what was settled ended it')
  })

  it('say since when there are suspended messages', async () => {
    const store = new Store()
    const clock = new FakeClock()
    const first = start(store, clock)
    const began = first.be('idle', 2)
    first.tell({ kind: 'closing' })
    await settled()
    clock.pass(MINUTE)
    const next = start(store, clock)
    assert.equal(next.be('sending', 2), began)
    assert.equal(next.be('idle', 0), clock.now())
  })
})
