import assert from 'node:assert/strict'
import { getEventListeners } from 'node:events'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { instant, type Instant } from '../../src/oauth2/token-times.ts'
import { TokenCache, type FreshToken } from '../../src/oauth2/token-cache.ts'
import { TokenError } from '../../src/oauth2/token-error.ts'
import { FakeClock } from '../support/fake-clock.ts'

/** What the token server answers. */
type Outcome =
  | { kind: 'token'; lifetime: number; sameAgain: boolean }
  | { kind: 'failure'; permanent: boolean; retryAfterMs: number | undefined }

/** A token server that answers when a test tells it to. */
class Server {
  readonly clock = new FakeClock()
  requests = 0
  /** Requests that began while another was pending. */
  overlapping = 0
  /** The times of the requests and their outcomes. */
  readonly log: { at: number; outcome?: Outcome }[] = []
  readonly issued = new Map<string, { sentAt: Instant; lifetime: number; issuedAt: number }>()
  #pending: { sentAt: Instant; settle: (outcome: Outcome) => void } | undefined
  #last = ''
  readonly cache: TokenCache

  constructor(random = 0.5) {
    this.cache = new TokenCache({
      clock: this.clock,
      random: () => random,
      obtain: () => this.#obtain()
    })
  }

  get pending(): boolean {
    return this.#pending !== undefined
  }

  async answer(outcome: Outcome): Promise<void> {
    this.#pending?.settle(outcome)
    await settled()
  }

  #obtain(): Promise<FreshToken> {
    if (this.pending) this.overlapping++
    const sentAt = instant(this.clock)
    const entry: { at: number; outcome?: Outcome } = { at: sentAt.monotonic }
    this.log.push(entry)
    this.requests++
    return new Promise((resolve, reject) => {
      const settle = (outcome: Outcome): void => {
        this.#pending = undefined
        entry.outcome = outcome
        if (outcome.kind === 'failure') {
          const { permanent, retryAfterMs } = outcome
          reject(new TokenError('no', { code: 'test', hints: [], permanent, retryAfterMs }))
          return
        }
        const accessToken =
          outcome.sameAgain && this.#last !== '' ? this.#last : `token-${this.requests}`
        this.#last = accessToken
        const { lifetime } = outcome
        this.issued.set(accessToken, { sentAt, lifetime, issuedAt: this.clock.monotonic() })
        resolve({ accessToken, sentAt, lifetime })
      }
      this.#pending = { sentAt, settle }
    })
  }
}

/** Lets every due promise settle. */
async function settled(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve))
}

const lives = (lifetime: number): Outcome => ({ kind: 'token', lifetime, sameAgain: false })
const fails = (permanent = false, retryAfterMs?: number): Outcome => ({
  kind: 'failure',
  permanent,
  retryAfterMs
})

describe('TokenCache', () => {
  async function withToken(lifetime: number, random?: number): Promise<Server> {
    const server = new Server(random)
    const first = server.cache.token()
    await server.answer(lives(lifetime))
    assert.equal(await first, 'token-1')
    return server
  }

  it('serves one token to all callers and does not ask again while it is fresh', async () => {
    const server = await withToken(300)
    server.clock.pass(239_000)
    assert.equal(await server.cache.token(), 'token-1')
    assert.equal(server.requests, 1)
  })

  it('counts the requests that it made, by how they ended', async () => {
    const server = new Server()
    assert.deepEqual(server.cache.requests, { ok: 0, error: 0 })
    for (const outcome of [fails(), lives(300)]) {
      server.cache.clearBackOff()
      const waiting = Promise.allSettled([server.cache.token(), server.cache.token()])
      await server.answer(outcome)
      await waiting
    }
    await server.cache.token()
    assert.deepEqual(server.cache.requests, { ok: 1, error: 1 })
  })

  it('rejects waiting and later callers when it is closed', async () => {
    const server = new Server()
    const listened: string[] = []
    server.cache.onStatus(({ state }) => listened.push(state))
    const ended = {
      code: 'ERR_ABORTED',
      permanent: false,
      message: /wait for a token was cancelled/,
      hint: /node was closed or the message was discarded/
    }
    const waits = assert.rejects(server.cache.token(), ended)
    server.cache.close()
    await waits
    await assert.rejects(server.cache.token(), ended)
    await server.answer(lives(300))
    await assert.rejects(server.cache.token(), ended)
    assert.equal(server.requests, 1)
    assert.deepEqual(listened, [])
  })

  it('rejects a caller that has already given up', async () => {
    const server = new Server()
    await assert.rejects(server.cache.token(AbortSignal.abort()), { code: 'ERR_ABORTED' })
    await server.answer(lives(300))
    assert.equal(await server.cache.token(), 'token-1')
  })

  it('explains a token that is sent again or too late', async () => {
    const again = await withToken(300)
    again.clock.pass(20_000)
    const second = assert.rejects(again.cache.refused('token-1'), {
      permanent: true,
      message: /sent the same token that the HL7 server refused/,
      hint: /Scope, Audience and Resource/
    })
    await again.answer({ kind: 'token', lifetime: 300, sameAgain: true })
    await second
    const late = new Server()
    const first = assert.rejects(late.cache.token(), {
      message: /its token \(lifetime 10 s\) is no longer valid/,
      hint: /too slow for such short-lived tokens/
    })
    late.clock.pass(10_000)
    await late.answer(lives(10))
    await first
  })

  it('refreshes in the background while the old token serves', async () => {
    const server = await withToken(300)
    server.clock.pass(250_000)
    assert.equal(await server.cache.token(), 'token-1')
    assert.equal(await server.cache.token(), 'token-1')
    assert.equal(server.requests, 2)
    await server.answer(lives(300))
    assert.equal(await server.cache.token(), 'token-2')
    assert.equal(server.requests, 2)
  })

  it('never uses a token in its last tenth, or last 10 s', async () => {
    for (const [lifetime, end] of [
      [300, 290_000],
      [3600, 3_590_000],
      [10, 9000]
    ] as const) {
      const server = await withToken(lifetime)
      server.clock.pass(end - 1)
      assert.equal(await server.cache.token(), 'token-1')
      await server.answer(fails())
      server.clock.pass(1)
      server.cache.clearBackOff()
      const next = server.cache.token()
      await server.answer(lives(300))
      assert.equal(await next, 'token-3')
    }
  })

  it('counts the lifetime from the sending of the request', async () => {
    const server = new Server()
    const waiting = server.cache.token()
    server.clock.pass(14_000)
    await server.answer(lives(20))
    assert.equal(await waiting, 'token-1')
    server.clock.pass(4001)
    const next = server.cache.token()
    await server.answer(lives(300))
    assert.equal(await next, 'token-2')
  })

  it('rejects a token whose answer took too long', async () => {
    const server = new Server()
    const waiting = server.cache.token()
    const refused = assert.rejects(waiting, { code: 'ERR_TOKEN_EXPIRED', permanent: false })
    server.clock.pass(14_000)
    await server.answer(lives(15))
    await refused
  })

  it('uses the wall clock after the machine slept, and the monotonic clock if that is set back', async () => {
    const slept = await withToken(300)
    slept.clock.setWall(3_600_000)
    const next = slept.cache.token()
    await slept.answer(lives(300))
    assert.equal(await next, 'token-2')
    const setBack = await withToken(300)
    setBack.clock.setWall(-3_600_000)
    setBack.clock.pass(295_000)
    const other = setBack.cache.token()
    await setBack.answer(lives(300))
    assert.equal(await other, 'token-2')
  })

  it('uses a token with a lifetime below a second once', async () => {
    const server = await withToken(0.5)
    const next = server.cache.token()
    await server.answer(lives(0))
    assert.equal(await next, 'token-2')
    assert.equal(server.requests, 2)
  })

  it('keeps the old token while the refresh fails, and retries after 1, 2, 4 … s', async () => {
    const server = await withToken(300)
    server.clock.pass(250_000)
    await server.cache.token()
    await server.answer(fails())
    assert.equal(server.cache.status.state, 'refresh failing')
    for (const wait of [1000, 2000, 4000, 8000]) {
      server.clock.pass(wait - 1)
      assert.equal(await server.cache.token(), 'token-1')
      assert.equal(server.pending, false)
      server.clock.pass(1)
      assert.equal(await server.cache.token(), 'token-1')
      assert.equal(server.pending, true)
      await server.answer(fails())
    }
    server.clock.pass(60_000)
    assert.deepEqual(server.cache.status, { state: 'none', code: 'test' })
  })

  it('lets a caller give up without affecting others', async () => {
    const server = new Server()
    const impatient = new AbortController()
    const gone = assert.rejects(server.cache.token(impatient.signal), { code: 'ERR_ABORTED' })
    const patient = server.cache.token()
    impatient.abort()
    await gone
    await server.answer(lives(300))
    assert.equal(await patient, 'token-1')
    assert.equal(server.requests, 1)
  })

  it('forces refreshes at most every 10 s, and pauses after three refused fresh tokens', async () => {
    const server = await withToken(300)
    const refuse = async (token: string): Promise<string> => {
      const next = server.cache.refused(token)
      next.catch(() => undefined)
      await settled()
      if (server.pending) await server.answer(lives(300))
      return next
    }
    assert.equal(await refuse('token-1'), 'token-2')
    await assert.rejects(refuse('token-2'), { code: 'ERR_TOKEN_REFUSED', retryAfterMs: 10_000 })
    await assert.rejects(server.cache.token(), { code: 'ERR_TOKEN_REFUSED' })
    server.clock.pass(10_000)
    assert.equal(await refuse('token-2'), 'token-3')
    server.clock.pass(10_000)
    await assert.rejects(refuse('token-3'), {
      message: /refuses even fresh tokens/,
      retryAfterMs: 60_000
    })
    server.clock.pass(59_999)
    await assert.rejects(server.cache.token(), { message: /refuses even fresh tokens/ })
    assert.equal(server.requests, 3)
    server.clock.pass(1)
    const next = server.cache.token()
    await server.answer(lives(300))
    assert.equal(await next, 'token-4')
  })

  it('says why there is no token while it waits, until that is cleared', async () => {
    const server = await withToken(300)
    const next = server.cache.refused('token-1')
    await server.answer(lives(300))
    await next
    await assert.rejects(server.cache.refused('token-2'), {
      message: /shortly after another refusal/,
      hint: /at most every 10 s/,
      permanent: true
    })
    assert.deepEqual(server.cache.status, { state: 'none', code: 'ERR_TOKEN_REFUSED' })
    server.cache.clearBackOff()
    assert.deepEqual(server.cache.status, { state: 'idle' })
    const waits = assert.rejects(server.cache.token(), { code: 'ERR_ABORTED' })
    assert.equal(server.pending, true)
    server.cache.close()
    await waits
  })

  it('forces no refresh within 10 s after one that failed', async () => {
    const server = await withToken(300)
    const next = assert.rejects(server.cache.refused('token-1'), { code: 'test' })
    await server.answer(fails())
    await next
    server.clock.pass(9999)
    await assert.rejects(server.cache.token(), { code: 'test', retryAfterMs: 1 })
    server.clock.pass(1)
    const third = server.cache.token()
    await server.answer(lives(300))
    assert.equal(await third, 'token-3')
  })

  it('does not shorten the wait after a failure because of a refusal', async () => {
    const server = await withToken(300)
    const next = server.cache.refused('token-1')
    await server.answer(lives(10))
    await next
    server.clock.pass(8500)
    assert.equal(await server.cache.token(), 'token-2')
    await server.answer(fails(true, 60_000))
    await assert.rejects(server.cache.refused('token-2'), { code: 'test', retryAfterMs: 60_000 })
  })

  it('does not count a token that was used for two minutes as fresh', async () => {
    const server = await withToken(3600)
    for (const [token, age] of [
      ['token-1', 10_000],
      ['token-2', 120_000],
      ['token-3', 10_000],
      ['token-4', 10_000]
    ] as const) {
      server.clock.pass(age)
      const next = server.cache.refused(token)
      await server.answer(lives(3600))
      await next
    }
    server.clock.pass(10_000)
    await assert.rejects(server.cache.refused('token-5'), { message: /even fresh tokens/ })
  })

  it('counts a token refused within two minutes as fresh, however long the process has run', async () => {
    const server = new Server()
    server.clock.pass(1_000_000)
    const first = server.cache.token()
    await server.answer(lives(3600))
    await first
    for (const token of ['token-1', 'token-2']) {
      const next = server.cache.refused(token)
      await server.answer(lives(3600))
      await next
      server.clock.pass(10_000)
    }
    await assert.rejects(server.cache.refused('token-3'), { message: /even fresh tokens/ })
  })

  it('does not count refusals of tokens that were already replaced', async () => {
    const server = await withToken(300)
    for (const token of ['old', 'older', 'oldest']) {
      assert.equal(await server.cache.refused(token), 'token-1')
    }
    const next = server.cache.refused('token-1')
    await server.answer(lives(300))
    assert.equal(await next, 'token-2')
  })

  it('does not count refusals before a token that was used to its end', async () => {
    const server = await withToken(300)
    for (const token of ['token-1', 'token-2']) {
      const next = server.cache.refused(token)
      await server.answer(lives(300))
      await next
      server.clock.pass(10_000)
    }
    server.clock.pass(300_000)
    for (const next of [server.cache.token(), undefined]) {
      const token = next ?? server.cache.refused('token-4')
      await server.answer(lives(300))
      await token
    }
    assert.equal(server.requests, 5)
  })

  it('keeps a valid token if the next one comes too late', async () => {
    const server = await withToken(3600)
    server.clock.pass(3_400_000)
    assert.equal(await server.cache.token(), 'token-1')
    server.clock.pass(9_500)
    await server.answer(lives(10))
    assert.deepEqual(server.cache.status.state, 'refresh failing')
    assert.equal(await server.cache.token(), 'token-1')
  })

  it('uses a token of one second for half of it without asking again', async () => {
    const server = await withToken(1)
    server.clock.pass(549)
    assert.equal(await server.cache.token(), 'token-1')
    assert.equal(server.requests, 1)
  })

  it('leaves no listener on the signal of a caller', async () => {
    const server = new Server()
    const { signal } = new AbortController()
    const first = server.cache.token(signal)
    assert.equal(getEventListeners(signal, 'abort').length, 1)
    await server.answer(lives(300))
    await first
    await settled()
    assert.equal(getEventListeners(signal, 'abort').length, 0)
    const impatient = new AbortController()
    server.clock.pass(300_000)
    const gone = assert.rejects(server.cache.token(impatient.signal), { code: 'ERR_ABORTED' })
    impatient.abort()
    await gone
    assert.equal(getEventListeners(impatient.signal, 'abort').length, 0)
  })

  it('returns the current token if an older one was refused', async () => {
    const server = await withToken(300)
    server.clock.pass(250_000)
    await server.cache.token()
    await server.answer(lives(300))
    assert.equal(await server.cache.refused('token-1'), 'token-2')
    assert.equal(server.requests, 2)
  })

  it('applies the latest lifetime of a token that is sent again, which here has expired', async () => {
    const server = await withToken(3600)
    server.clock.pass(3_400_000)
    assert.equal(await server.cache.token(), 'token-1', 'still used while it is refreshed')
    server.clock.pass(9_500)
    await server.answer({ kind: 'token', lifetime: 10, sameAgain: true })
    assert.equal(server.cache.status.state, 'none')
  })

  it('does not serve a refused token that the server sends again', async () => {
    const server = await withToken(300)
    const next = server.cache.refused('token-1')
    const again = assert.rejects(next, { code: 'ERR_TOKEN_REFUSED' })
    await server.answer({ kind: 'token', lifetime: 300, sameAgain: true })
    await again
    await assert.rejects(server.cache.token(), { code: 'ERR_TOKEN_REFUSED' })
  })

  it('reports changes of its status', async () => {
    const server = new Server()
    const seen: string[] = []
    const end = server.cache.onStatus(({ state }) => seen.push(state))
    const first = assert.rejects(server.cache.token())
    await server.answer(fails())
    await first
    server.clock.pass(2000)
    const second = server.cache.token()
    await server.answer(lives(300))
    await second
    server.clock.pass(250_000)
    await server.cache.token()
    await server.answer(fails())
    assert.deepEqual(seen, ['none', 'ok', 'refresh failing'])
    end()
    server.clock.pass(2000)
    await server.cache.token()
    await server.answer(lives(300))
    assert.equal(seen.length, 3)
  })

  it('reports a refused token and a cleared back-off, and nothing twice or after its end', async () => {
    const server = new Server()
    const seen: string[] = []
    server.cache.onStatus(({ state }) => seen.push(state))
    server.cache.clearBackOff()
    assert.deepEqual(seen, [])
    const first = server.cache.token()
    await server.answer(lives(300))
    await first
    server.cache.drop('token-1')
    server.cache.drop('token-1')
    assert.deepEqual(seen, ['ok', 'idle'])
    const second = assert.rejects(server.cache.token(), { code: 'test' })
    await server.answer(fails())
    await second
    server.clock.pass(2000)
    const third = assert.rejects(server.cache.token())
    await server.answer(fails())
    await third
    server.cache.clearBackOff()
    assert.deepEqual(seen, ['ok', 'idle', 'none', 'idle'])
    server.clock.pass(10_000)
    const fourth = server.cache.token()
    await server.answer(lives(300))
    await fourth
    server.clock.pass(250_000)
    await server.cache.token()
    assert.equal(server.pending, true)
    server.cache.close()
    await server.answer(fails())
    server.cache.clearBackOff()
    assert.deepEqual(seen, ['ok', 'idle', 'none', 'idle', 'ok'])
  })
})

describe('TokenCache, whatever happens', () => {
  const outcome: fc.Arbitrary<Outcome> = fc.oneof(
    fc.record({
      kind: fc.constant('token' as const),
      lifetime: fc.oneof(
        fc.constantFrom(0, 0.9, 1, 2, 3, 5, 10, 60, 300, 3600, 1e7),
        fc.double({ min: 0, max: 1000, noNaN: true })
      ),
      sameAgain: fc.boolean()
    }),
    fc.record({
      kind: fc.constant('failure' as const),
      permanent: fc.boolean(),
      retryAfterMs: fc.option(fc.integer({ min: 0, max: 7_200_000 }), { nil: undefined })
    })
  )
  const step = fc.oneof(
    { weight: 4, arbitrary: fc.record({ do: fc.constant('ask' as const), givesUp: fc.boolean() }) },
    { weight: 3, arbitrary: fc.record({ do: fc.constant('answer' as const), outcome }) },
    {
      weight: 3,
      arbitrary: fc.record({
        do: fc.constant('pass' as const),
        ms: fc.oneof(fc.integer({ min: 0, max: 2000 }), fc.integer({ min: 0, max: 400_000 }))
      })
    },
    // To the last fifth of the newest token's lifetime, where most happens.
    {
      weight: 2,
      arbitrary: fc.record({
        do: fc.constant('age' as const),
        part: fc.double({ min: 0.8, max: 1.01, noNaN: true })
      })
    },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('refuse' as const), which: fc.nat(3) }) }
  )

  it('serves no expired or refused token, makes no parallel or early request, answers every caller', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 80, size: 'max' }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        async (steps, random) => {
          const server = new Server(random)
          const { cache, clock } = server
          const refusedAt = new Map<string, number>()
          const served: string[] = []
          let waiting = 0
          const problems: Error[] = []

          const check = (promise: Promise<string>): void => {
            waiting++
            promise
              .then(
                (token) => {
                  const issued = server.issued.get(token)
                  assert.ok(issued)
                  const { sentAt, lifetime, issuedAt } = issued
                  const age = clock.monotonic() - sentAt.monotonic
                  // A server that counts in whole seconds ends it up to a second earlier.
                  const rounding = lifetime < 3 ? 0 : 1000
                  const ends = lifetime * 1000 - rounding
                  assert.ok(age < ends || lifetime < 1, `${token} is expired`)
                  const refused = refusedAt.get(token)
                  // A refused token is served only if it was issued again at least a minute later.
                  assert.ok(
                    refused === undefined || issuedAt >= refused + 60_000,
                    `${token} was refused`
                  )
                  served.push(token)
                },
                (error: unknown) => {
                  assert.ok(error instanceof TokenError)
                }
              )
              .catch((error: unknown) => {
                problems.push(error as Error)
              })
              .finally(() => {
                waiting--
              })
          }

          for (const one of steps) {
            switch (one.do) {
              case 'ask': {
                const caller = new AbortController()
                check(cache.token(caller.signal))
                if (one.givesUp) caller.abort()
                break
              }
              case 'answer':
                await server.answer(one.outcome)
                break
              case 'pass':
                clock.pass(one.ms)
                break
              case 'age': {
                const newest = [...server.issued.values()].at(-1)
                if (newest === undefined) break
                const until = newest.sentAt.monotonic + newest.lifetime * 1000 * one.part
                clock.pass(Math.max(0, Math.min(until - clock.monotonic(), 86_400_000)))
                break
              }
              case 'refuse': {
                const token = served.at(-1 - one.which)
                if (token === undefined) break
                const before = refusedAt.get(token) ?? -Infinity
                const { issuedAt } = server.issued.get(token) ?? { issuedAt: 0 }
                if (issuedAt >= before + 60_000) refusedAt.set(token, clock.monotonic())
                check(cache.refused(token))
                break
              }
            }
            await settled()
            if (problems[0] !== undefined) throw problems[0]
            if (!server.pending) assert.equal(waiting, 0, 'a caller was forgotten')
          }
          await server.answer({ kind: 'failure', permanent: false, retryAfterMs: undefined })
          assert.equal(waiting, 0, 'a caller was forgotten')
          if (problems[0] !== undefined) throw problems[0]
          assert.equal(server.overlapping, 0, 'two token requests at once')
          assertBackOff(server.log, random)
        }
      ),
      { numRuns: 1000 }
    )
  })

  /** No request comes too early after a failure, by the schedule and by the server. */
  function assertBackOff(log: Server['log'], random: number): void {
    let kind: boolean | undefined
    let count = 0
    log.forEach(({ at, outcome: came }, index) => {
      const next = log[index + 1]
      if (came?.kind !== 'failure') {
        count = 0
        kind = undefined
        return
      }
      count = kind === came.permanent ? count + 1 : 1
      kind = came.permanent
      const schedule = came.permanent
        ? Math.min(300_000, 30_000 * 2 ** (count - 1))
        : Math.min(60_000, 1000 * 2 ** (count - 1))
      const wait = Math.max(
        schedule * (0.8 + 0.4 * random),
        Math.min(came.retryAfterMs ?? 0, 3_600_000)
      )
      // The wait counts from the answer, which came no earlier than the request.
      if (next !== undefined) assert.ok(next.at - at >= wait - 1e-6, 'a request came too early')
    })
  }
})
