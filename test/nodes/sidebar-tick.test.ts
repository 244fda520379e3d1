import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { afterEach, describe, it } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import type { NodeAPI } from 'node-red'
import loadSidebar, { somethingChanged } from '../../nodes/operations/sidebar.ts'
import { TICK_TOPIC } from '../../nodes/operations/tick-topic.ts'

describe('the tick of the sidebar tab', () => {
  const events = new EventEmitter()
  const sent: { at: number; topic: string; data: unknown; retain: boolean | undefined }[] = []
  const comms = {
    publish: (topic: string, data: unknown, retain?: boolean) => {
      sent.push({ at: performance.now(), topic, data, retain })
    }
  }
  // Another part of Node-RED's API than these is not asked for.
  const RED = { events, comms } as unknown as NodeAPI

  afterEach(async () => {
    await wait(2100)
    sent.length = 0
  })

  it('is not sent before Node-RED has loaded the plugin', async () => {
    somethingChanged()
    await wait(20)
    assert.deepEqual(sent, [])
    loadSidebar(RED)
  })

  it('says nothing, and comes at most every two seconds, whatever happens', async () => {
    const end = performance.now() + 5000
    while (performance.now() < end) {
      for (let count = 0; count < 1000; count++) somethingChanged()
      await wait(5)
    }
    await wait(2100)
    assert.ok(sent.length >= 3 && sent.length <= 4, `${sent.length} ticks`)
    for (const [index, { at, ...tick }] of sent.entries()) {
      assert.deepEqual(tick, { topic: TICK_TOPIC, data: {}, retain: false })
      const before = sent[index - 1]
      assert.ok(before === undefined || at - before.at >= 1995, `${at - (before?.at ?? 0)} ms`)
    }
  })

  it('comes after a deploy, and not when the flows have stopped', async () => {
    events.emit('flows:started')
    await wait(50)
    assert.equal(sent.length, 1)
    somethingChanged()
    events.emit('flows:stopped')
    await wait(2100)
    assert.equal(sent.length, 1)
  })
})
