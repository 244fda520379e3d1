import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { describe, it, type TestContext } from 'node:test'
import type { NodeAPI } from 'node-red'
import type * as Sidebar from '../../nodes/operations/sidebar.ts'
import { TICK_TOPIC } from '../../nodes/operations/tick-topic.ts'

describe('the tick of the sidebar tab', () => {
  /** The runtime half of the sidebar, as new, with a clock of the test. */
  async function start(t: TestContext) {
    let now = 10_000
    t.mock.timers.enable({ apis: ['setTimeout'] })
    t.mock.method(performance, 'now', () => now)
    const pass = (ms: number): void => {
      // The clock stands at its end when a timer runs.
      now += ms
      t.mock.timers.tick(ms)
    }
    const events = new EventEmitter()
    const sent: unknown[][] = []
    const comms = { publish: (...tick: unknown[]) => sent.push(tick) }
    const url = new URL('../../nodes/operations/sidebar.ts', import.meta.url)
    const { default: load, somethingChanged } = (await import(
      `${url.href}?${t.name}`
    )) as typeof Sidebar
    return {
      ...{ events, sent, pass, somethingChanged },
      load: () => {
        // Another part of Node-RED's API than these is not asked for.
        load({ events, comms } as unknown as NodeAPI)
      }
    }
  }

  it('is not sent before Node-RED has loaded the plugin', async (t) => {
    const { load, pass, sent, somethingChanged } = await start(t)
    somethingChanged()
    pass(10_000)
    assert.deepEqual(sent, [])
    load()
    somethingChanged()
    pass(0)
    assert.equal(sent.length, 1)
  })

  it('says nothing, and comes at most every two seconds, whatever happens', async (t) => {
    const { load, pass, sent, somethingChanged } = await start(t)
    load()
    const seconds: number[] = []
    for (let ms = 0; ms < 6000; ms += 100) {
      for (let count = 0; count < 100; count++) somethingChanged()
      const before = sent.length
      pass(100)
      if (sent.length > before) seconds.push(ms / 1000)
    }
    assert.deepEqual(seconds, [0, 2, 4])
    for (const tick of sent) assert.deepEqual(tick, [TICK_TOPIC, {}, false])
  })

  it('comes after a deploy, and not when the flows have stopped', async (t) => {
    const { events, load, pass, sent, somethingChanged } = await start(t)
    load()
    events.emit('flows:started')
    pass(0)
    assert.equal(sent.length, 1)
    somethingChanged()
    events.emit('flows:stopped')
    pass(10_000)
    assert.equal(sent.length, 1)
  })
})
