import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { TokenCache } from '../../src/oauth2/token-cache.ts'
import { TokenError } from '../../src/oauth2/token-error.ts'
import { instant } from '../../src/oauth2/token-times.ts'
import { TokenTrials } from '../../src/oauth2/token-trials.ts'
import { FakeClock } from '../support/fake-clock.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE

/** What the token server answers: a token, a refusal, or nothing. */
type Answer = 'token' | 'refused' | 'away'

/** The trials of a node, whose token server answers at once. */
function trials() {
  const clock = new FakeClock()
  const server = { answer: 'token' as Answer, requests: 0 }
  const cache = new TokenCache({
    clock,
    random: () => 1,
    obtain: () => {
      server.requests++
      const { answer } = server
      if (answer === 'token') {
        return Promise.resolve({ accessToken: 'token', sentAt: instant(clock), lifetime: 300 })
      }
      const permanent = answer === 'refused'
      return Promise.reject(new TokenError('no', { code: 'test', hints: [], permanent }))
    }
  })
  const tried = new TokenTrials(cache, () => 1)
  /** So many requests are made while this time passes. */
  const asked = async (ms: number): Promise<number> => {
    const before = server.requests
    await clock.advance(ms)
    return server.requests - before
  }
  const node = { isPaused: false, told: '' }
  const join = (): (() => void) =>
    tried.join({
      wouldSend: () => !node.isPaused,
      onAsked: () => {
        node.told += tried.isLost ? 'lost ' : 'good '
      }
    })
  return { asked, cache, clock, join, node, server, tried }
}

describe('a token before a message needs one', () => {
  it('is tried for at the start, and six hours after the last request, if none is valid', async () => {
    const { asked, cache, clock, join } = trials()
    assert.equal(await asked(7 * HOUR), 0, 'no node uses it')
    const leave = join()
    assert.equal(await asked(0), 1)
    assert.equal(await asked(6 * HOUR - 1), 0)
    assert.equal(await asked(1), 1)
    // A message needs one in between.
    await asked(HOUR)
    await cache.fetch(false)
    assert.equal(await asked(6 * HOUR - 1), 0)
    assert.equal(await asked(1), 1)
    leave()
    assert.equal(clock.timers, 0)
    assert.equal(await asked(7 * HOUR), 0)
  })

  it('is not, if there is one', async () => {
    const { asked, cache, join } = trials()
    await cache.fetch(false)
    join()
    assert.equal(await asked(0), 0)
  })

  it('is lost at once if the server refuses, which ends the trying until a deploy or a message', async () => {
    const { asked, cache, clock, join, node, server, tried } = trials()
    server.answer = 'refused'
    const leave = join()
    assert.equal(await asked(48 * HOUR), 1)
    assert.deepEqual([node.told, tried.isLost], ['lost ', true])
    // A deploy.
    leave()
    join()
    assert.equal(await asked(48 * HOUR), 1)
    // A message, for which it works again.
    server.answer = 'token'
    await cache.fetch(false)
    assert.equal(tried.isLost, false)
    assert.equal(await asked(6 * HOUR), 1)
    tried.close()
    assert.equal(clock.timers, 0)
  })

  it('is lost if the server was away twice, and tried for until it is back', async () => {
    const { asked, join, node, server, tried } = trials()
    server.answer = 'away'
    join()
    assert.equal(await asked(MINUTE), 1)
    assert.equal(tried.isLost, false)
    assert.equal(await asked(MINUTE), 1)
    assert.equal(tried.isLost, true)
    assert.equal(await asked(12 * HOUR), 49, 'every quarter of an hour in the end')
    server.answer = 'token'
    assert.equal(await asked(15 * MINUTE), 1)
    assert.equal(tried.isLost, false)
    assert.equal(node.told, `good ${'lost '.repeat(50)}good `)
  })

  it('is not tried for while every node that would use it is paused', async () => {
    const { asked, join, node, tried } = trials()
    node.isPaused = true
    join()
    assert.equal(await asked(24 * HOUR), 0)
    node.isPaused = false
    assert.equal(await asked(MINUTE), 1)
    tried.join({ wouldSend: () => true, onAsked: () => undefined })
    node.isPaused = true
    assert.equal(await asked(6 * HOUR), 1, 'another one sends')
  })
})
