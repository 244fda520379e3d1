import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { AttemptResult } from '../../src/delivery/attempt-result.ts'
import type { AttemptError } from '../../src/rules/attempt.ts'
import { FakeClock, settled } from '../support/fake-clock.ts'
import { generator } from '../support/random.ts'
import { resultOf } from './replies.ts'
import { setUp, type SetUpOptions } from './set-up.ts'

interface Load extends Omit<SetUpOptions, 'attempt' | 'emit'> {
  /** When messages come in, in seconds. Their names begin with what the receiver goes by: their types. */
  messages: (readonly [at: number, name: string])[]
  /** What the receiver does with a message, and after how long, in milliseconds. */
  receive: (message: string, second: number, inFlight: number) => [AttemptResult, ms?: number]
  seconds: number
}

interface Ran {
  /** So many left as errors. */
  givenUp: number
  /**
   * How long messages whose names begin so were here, in seconds, ascending; `Infinity`: still there.
   *
   * @param from those that came in at this time or later, in seconds
   */
  waits: (name: string, from?: number) => number[]
  /** How many requests there were between two times, in seconds, for messages whose names begin so. */
  requests: (from: number, to: number, name?: string) => number
}

const ACCEPTED: [AttemptResult, number] = [resultOf('accept'), 20]

function status(code: number, more: Partial<AttemptResult> = {}): [AttemptResult, number] {
  const result = resultOf('retry')
  assert.ok(result.reply)
  return [{ ...result, ...more, reply: { ...result.reply, status: code } }, 20]
}

function failure(
  family: AttemptError['family'] & string,
  more: Partial<AttemptResult> = {}
): AttemptResult {
  return { ...resultOf('unreachable'), ...more, error: { code: 'E', family, text: '' } }
}

const CUT: [AttemptResult, number] = [failure('reset', { isCutEarly: true }), 20]

/** Lets a delivery work on a load, with the default times, on a clock that runs as fast as it can. */
async function run({ messages, receive, seconds, ...options }: Load): Promise<Ran> {
  const clock = new FakeClock()
  const second = (): number => clock.monotonic() / 1000
  const sent: { at: number; name: string }[] = []
  const left = new Map<string, number>()
  let inFlight = 0
  let givenUp = 0
  const { delivery } = await setUp(
    {
      order: 'none',
      readFields: (name) => ({ key: name, values: [] }),
      random: generator(1),
      ...options,
      attempt: (name) => {
        sent.push({ at: second(), name })
        const [result, ms = 20] = receive(name, second(), ++inFlight)
        return new Promise((resolve) => {
          clock.after(ms, () => {
            inFlight--
            resolve(result)
          })
        })
      },
      emit: (_message, name, { outcome }) => {
        left.set(name, second())
        if (outcome === 'error') givenUp++
      }
    },
    clock
  )
  for (const [at, name] of messages) {
    await clock.advance(Math.max(0, at * 1000 - clock.monotonic()))
    await delivery.accept({ controlId: name, type: name.replace(/\d+$/, ''), content: name })
    await settled()
  }
  await clock.advance(seconds * 1000 - clock.monotonic())
  return {
    givenUp,
    waits: (name, from = 0) =>
      messages
        .filter(([at, other]) => at >= from && other.startsWith(name))
        .map(([at, other]) => (left.get(other) ?? Infinity) - at)
        .sort((a, b) => a - b),
    requests: (from, to, name = '') =>
      sent.filter((one) => one.at >= from && one.at < to && one.name.startsWith(name)).length
  }
}

/** So many, one every so many seconds. */
function every(
  step: number,
  count: number,
  nameOf: (index: number) => string,
  from = 0
): Load['messages'] {
  return Array.from({ length: count }, (_, index) => [
    from + index * step,
    `${nameOf(index)}${index}`
  ])
}

function within(waits: number[], share: number): number {
  return waits[Math.ceil(waits.length * share) - 1] ?? 0
}

function assertWithin(waits: number[], share: number, seconds: number): void {
  const longest = within(waits, share)
  assert.ok(longest <= seconds, `${share * 100} % within ${longest} s, not ${seconds} s`)
}

const forbidden = (name: string): [AttemptResult, number] =>
  name.startsWith('bad') ? status(403) : ACCEPTED

describe('what a firewall refuses for its contents does not hold up the others', () => {
  it('six first, then two hundred others at one a second', async () => {
    const { waits } = await run({
      messages: [...every(0, 6, () => 'bad'), ...every(1, 200, () => 'good')],
      receive: forbidden,
      seconds: 400
    })
    assertWithin(waits('good'), 0.5, 46)
    assertWithin(waits('good'), 1, 145)
  })

  it('more than may be in flight, all at once, then others', async () => {
    const { waits } = await run({
      messages: [...every(0, 40, () => 'bad'), ...every(1, 200, () => 'good')],
      receive: forbidden,
      seconds: 400
    })
    assertWithin(waits('good'), 0.9, 70)
    assertWithin(waits('good'), 1, 200)
  })

  for (const [percent, rate, seconds] of [
    [5, 1, 30],
    [3, 30, 0.1],
    [20, 5, 30]
  ] as const) {
    it(`${percent} % at ${rate} a second`, async () => {
      const step = Math.round(100 / percent)
      const { waits } = await run({
        messages: every(1 / rate, 120 * rate, (index) => (index % step === 1 ? 'bad' : 'good')),
        receive: forbidden,
        seconds: 300
      })
      assertWithin(waits('good'), 1, 60)
      // Once a neighbor has disproved it.
      assertWithin(waits('good', 60), 0.99, seconds)
    })
  }

  it('in order by key: only its own lane waits', async () => {
    const { waits } = await run({
      order: 'key',
      readFields: (name) => ({ key: name.slice(0, 4), values: [] }),
      messages: every(0.1, 600, (index) => (index % 30 === 0 ? 'bad_' : `p${100 + (index % 30)}`)),
      receive: forbidden,
      seconds: 400
    })
    assertWithin(waits('p'), 0.99, 60)
    assert.equal(waits('bad_')[0], Infinity)
  })
})

describe('a receiver that is not in trouble, but looks like it', () => {
  it('takes 6 of 8 at a time, and answers 503 to the others', async () => {
    const { waits } = await run({
      messages: every(0.01, 600, () => 'm'),
      receive: (_name, _second, inFlight) =>
        inFlight > 6 ? status(503) : [resultOf('accept'), 100],
      seconds: 600
    })
    assertWithin(waits('m'), 0.99, 30)
    assertWithin(waits('m'), 1, 200)
  })

  it('answers 503 to every third request', async () => {
    let count = 0
    const { waits } = await run({
      messages: every(0.1, 600, () => 'm'),
      receive: () => (++count % 3 === 0 ? status(503) : ACCEPTED),
      seconds: 600
    })
    assertWithin(waits('m'), 0.95, 30)
  })

  it('cuts whenever one message comes, of few', async () => {
    const { waits } = await run({
      messages: [[0, 'bad'], ...every(60, 20, () => 'good', 30)],
      receive: (name) => (name === 'bad' ? CUT : ACCEPTED),
      seconds: 1800
    })
    assertWithin(waits('good'), 1, 130)
    assert.ok((waits('bad')[0] ?? Infinity) < 1000, 'its time counts')
  })

  it('lets some time out, after an outage', async () => {
    const { waits } = await run({
      messages: [...every(0, 4, () => 'slow'), ...every(0, 200, () => 'good')],
      receive: (name, second) => {
        if (second < 30) return [failure('connect')]
        return name.startsWith('slow') ? [failure('timeout'), 30_000] : ACCEPTED
      },
      seconds: 900
    })
    assertWithin(waits('good'), 1, 130)
  })

  it('refuses the login of some: one of them at a time, further and further apart', async () => {
    const { requests, waits } = await run({
      messages: every(1, 600, (index) => (index % 20 === 7 ? 'bad' : 'good')),
      receive: (name) => (name.startsWith('bad') ? status(401) : ACCEPTED),
      seconds: 700
    })
    assertWithin(waits('good'), 0.98, 60)
    // Each once when it comes in; of those that come again, one at a time.
    const again = requests(0, 600, 'bad') - 30
    assert.ok(again <= 12, `${again} more logins`)
  })
})

describe('a receiver in trouble', () => {
  for (const order of ['fifo', 'none'] as const) {
    for (const [what, answer] of [
      ['answers 503', status(503)],
      ['cuts after the handshake', CUT],
      ['refuses connections', [failure('connect')]]
    ] as const) {
      it(`${what}, ${order}: gets eight requests in a minute at most, and all later`, async () => {
        const { requests, waits } = await run({
          order,
          messages: every(0, 1000, () => 'm'),
          receive: (_name, second) => (second < 600 ? [...answer] : ACCEPTED),
          seconds: 800
        })
        assert.ok(requests(0, 60) <= 8, `${requests(0, 60)} requests in the first minute`)
        for (let minute = 1; minute < 10; minute++) {
          assert.ok(requests(minute * 60, minute * 60 + 60) <= 3, `in minute ${minute}`)
        }
        assertWithin(waits('m'), 1, 690)
      })
    }
  }

  it('refuses the login: six requests in as many minutes', async () => {
    for (const order of ['fifo', 'none'] as const) {
      const { requests, waits } = await run({
        order,
        failureTimeoutMs: Infinity,
        messages: every(0, 100, () => 'm'),
        receive: (_name, second) => (second < 1200 ? status(401) : ACCEPTED),
        seconds: 1600
      })
      assert.ok(requests(20, 380) <= 6, `${requests(20, 380)} requests`)
      assertWithin(waits('m'), 1, 1600)
    }
  })

  it('answers 503 after an hour in which it said so to one and not to others', async () => {
    const { requests } = await run({
      messages: [...every(0.1, 100, () => 'm'), ...every(0.1, 1000, () => 'later', 20)],
      receive: (_name, second, inFlight) => {
        if (second >= 20) return status(503)
        return inFlight > 1 ? status(503) : [resultOf('accept'), 150]
      },
      seconds: 900
    })
    assert.ok(requests(20, 80) <= 30, `${requests(20, 80)} requests in the first minute`)
    const late = requests(600, 660)
    assert.ok(late <= 4, `${late} requests in the tenth minute`)
  })

  it('asks for rest with Retry-After: nobody is asked meanwhile', async () => {
    const { requests } = await run({
      messages: every(0.1, 300, () => 'm'),
      receive: (_name, second) =>
        second > 5 && second < 100 ? status(503, { retryAfterMs: 60_000 }) : ACCEPTED,
      seconds: 200
    })
    assert.ok(requests(6, 60) <= 1)
  })
})

describe('nothing is given up for what is not the message’s fault', () => {
  const HOUR = 3600
  const LATE: [AttemptResult, number] = [failure('timeout'), 30_000]

  // With a key for each message, the order by key is none.
  for (const order of ['fifo', 'none'] as const) {
    const outages: [string, [AttemptResult, number?]][] = [
      ['a wrong path for three hours', status(404)],
      ['an expired secret for three hours', [failure('token'), 20]],
      ['401 for three hours', status(401)],
      ['403 for three hours', status(403)],
      ['503 for three hours', status(503)],
      ['a redirect for three hours', status(301)]
    ]
    for (const [what, outage] of outages) {
      it(`${order}: ${what}`, async () => {
        const { givenUp, waits } = await run({
          order,
          messages: every(300, 36, () => 'm'),
          receive: (_name, second) => (second < 3 * HOUR ? outage : ACCEPTED),
          seconds: 4 * HOUR
        })
        assert.equal(givenUp, 0)
        assertWithin(waits('m'), 1, 4 * HOUR)
      })
    }

    for (const [what, trouble] of [
      ['500 to everything', status(500)],
      ['no answer in time', LATE]
    ] as const) {
      it(`${order}: ${what} gives up three, and then waits for an answer`, async () => {
        const messages = every(300, 24, () => 'm')
        const receive: Load['receive'] = (_name, second) => (second < 2 * HOUR ? trouble : ACCEPTED)
        const { givenUp, waits } = await run({ order, messages, receive, seconds: 3 * HOUR })
        assert.equal(givenUp, 3)
        assertWithin(waits('m'), 1, 3 * HOUR)
        for (const settings of [{ failWhileUnreachable: true }, { failureTimeoutMs: 0 }]) {
          const more = { order, messages, receive, seconds: 2 * HOUR, ...settings }
          assert.ok((await run(more)).givenUp > 3, JSON.stringify(settings))
        }
      })
    }

    it(`${order}: a minute of 500, then an hour without a receiver`, async () => {
      const { givenUp } = await run({
        order,
        messages: every(1, 3600, () => 'm'),
        receive: (_name, second) => {
          if (second < 60) return status(500)
          return second < HOUR ? [failure('connect'), 20] : ACCEPTED
        },
        seconds: 2 * HOUR
      })
      assert.equal(givenUp, 0)
    })
  }

  it('counts the time of a status that answers to others disprove, until it is believed again', async () => {
    const { givenUp, waits } = await run({
      messages: [...every(0, 3, () => 'bad'), ...every(1, 2000, () => 'good')],
      receive: forbidden,
      seconds: 2000
    })
    assert.equal(givenUp, 3)
    assertWithin(waits('bad'), 1, 1000)
  })

  it('asks with another message type after one was asked in vain', async () => {
    const { waits } = await run({
      messages: every(1, 3600, (at) => (at % 10 === 9 ? 'good' : 'bad')),
      receive: (name, second) => (name.startsWith('bad') && second > 5 ? status(404) : ACCEPTED),
      seconds: HOUR + 60
    })
    assertWithin(waits('good'), 1, 43)
  })
})
