/**
 * Senders with every kind of queue and order share a config node, while both servers fail in every
 * way, tokens live for seconds, and the flows are redeployed again and again: nothing is lost,
 * nothing is stuck, and memory and handles stay level. `HL7_SOAK_MINUTES` (default 10; 0.25 to try
 * it out) sets how long messages flow, `HL7_SOAK_SEED` repeats the faults of an earlier run.
 */
import assert from 'node:assert/strict'
import { after, before, describe, it, type TestContext } from 'node:test'
import { generator } from '../support/random.ts'
import { assertLevel, type Level } from './level.ts'
import { Soak } from './soak.ts'

const MINUTES = Number(process.env['HL7_SOAK_MINUTES'] ?? 10)
const SEED = Number(process.env['HL7_SOAK_SEED'] ?? Date.now() % 1_000_000)
/** The first is the warm-up, with which the last is compared. */
const PARTS = 3

describe('a Node-RED that sends for a long time while everything around it fails', () => {
  let soak: Soak
  before(async () => {
    soak = await Soak.start(generator(SEED))
  })
  after(() => soak.close())

  /** Half of the time in three parts, each followed by a rest and a measurement. */
  async function run(t: TestContext, redeploys: boolean): Promise<void> {
    t.diagnostic(`HL7_SOAK_MINUTES=${MINUTES} HL7_SOAK_SEED=${SEED}`)
    const levels: Level[] = []
    for (let part = 1; part <= PARTS; part++) {
      await soak.load((MINUTES * 60_000) / 2 / PARTS, { redeploys })
      const level = await soak.rest()
      levels.push(level)
      t.diagnostic(JSON.stringify(level))
    }
    const { ledger, watch } = soak
    t.diagnostic(
      `${ledger.came} messages came in and left: ${JSON.stringify(ledger.ways)}; ${ledger.reported} reported by a closing node, ${ledger.repeated(true).length} left again after a close, ${watch.repeated} sent more than once, ${soak.tokenRequests} token requests, ${JSON.stringify(soak.done)}`
    )
    assert.deepEqual(ledger.lost(), [], 'lost')
    assert.deepEqual(ledger.repeated(false), [], 'left twice')
    assert.deepEqual(ledger.strangers(), [], 'left, but never came in')
    assert.deepEqual(watch.overtaken, [], 'overtaken')
    const [warm, last] = [levels[0], levels.at(-1)]
    assert.ok(warm && last)
    assertLevel(warm, last)
  }

  it('loses nothing and stays level with redeploys', (t) => run(t, true))

  it('lets each message leave exactly once and stays level without redeploys', async (t) => {
    const before = soak.ledger.repeated(true).length
    await run(t, false)
    assert.equal(soak.ledger.repeated(true).length, before)
  })
})
