import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { ackFor, adt, CLIENT_ID, controlIdIn, shareWorld } from '../support/world.ts'

/** A weekend at nine hundred times the speed: messages would be given up after a second. */
const FAST = {
  queue: 'disk',
  failureTimeout: 1,
  retryInterval: 0.05,
  retryMaxInterval: 0.1,
  callAfter: 2
}
const IDS = Array.from({ length: 6 }, (_, at) => `W${at}`)

describe('A weekend on which nobody looks, in order', () => {
  const world = shareWorld()

  for (const [what, status, auth, givenUp] of [
    [
      'a secret that has expired',
      undefined,
      { credentials: { clientId: CLIENT_ID, clientSecret: 'an old one' } },
      0
    ],
    ['500 to everything', 500, {}, 3]
  ] as const) {
    it(`gives up ${givenUp} messages and calls: ${what}`, async () => {
      const before = world.left('caught').length
      let isOver = false
      world.receiver.respond = ({ body }) =>
        isOver || status === undefined
          ? { body: ackFor(controlIdIn(body)) }
          : { status, body: 'not today' }
      await world.deploy(FAST, auth)
      for (const id of IDS) await world.nodeRed.inject('in', { payload: adt(`${id}-${what}`) })
      await sleep(4500)
      assert.equal(world.left('caught').length - before, givenUp)
      const { conditions, queued } = await world.state()
      assert.equal(queued, IDS.length - givenUp)
      assert.ok(
        conditions.some(({ level }) => level === 'call'),
        JSON.stringify(conditions)
      )
      isOver = true
      if (status === undefined) await world.deploy(FAST)
      await world.nodeRed.post('/hl7-https-out/out/try', {})
      await world.eventually(async () => (await world.state()).queued === 0)
      await world.nodeRed.post('/hl7-https-out/out/note', { text: 'seen' })
    })
  }
})
