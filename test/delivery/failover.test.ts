import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Failover } from '../../src/delivery/failover.ts'
import { FakeClock } from '../support/fake-clock.ts'

/** What happens, at which second. */
type Step =
  /** An attempt at the address that serves ends: with an answer, an outage that turns, or another one. */
  | 'answers'
  | 'fails'
  | 'is wrong'
  /** The first address is asked, and there is no connection; or there is one, and a message is answered or not. */
  | 'unconnected'
  | 'is back'
  | 'still out'
  /** A person turns. */
  | 'to backup'
  | 'to first'

interface Row {
  title: string
  afterS?: number
  steps: readonly (readonly [second: number, step: Step])[]
  /** From when on which address serves; asserted after each step and at each second in between. */
  serving: readonly (readonly [second: number, address: 'first' | 'backup'])[]
  /** At which seconds the first address was asked, where the steps say so; and when it is due next. */
  askedAt?: number[]
  until?: number
}

const ROWS: Row[] = [
  {
    title: 'an outage that lasts turns, and what comes back brings everything back',
    steps: [
      [0, 'fails'],
      [20, 'fails'],
      [299, 'fails'],
      [360, 'is back']
    ],
    serving: [
      [0, 'first'],
      [300, 'backup'],
      [360, 'first']
    ],
    askedAt: [360]
  },
  {
    title: 'an answer ends the outage: the next one begins anew',
    steps: [
      [0, 'fails'],
      [200, 'answers'],
      [250, 'fails'],
      [549, 'fails']
    ],
    serving: [
      [0, 'first'],
      [550, 'backup']
    ],
    until: 560
  },
  {
    title: 'a failure that does not turn says that something is there',
    steps: [
      [0, 'fails'],
      [200, 'is wrong'],
      [250, 'fails']
    ],
    serving: [
      [0, 'first'],
      [550, 'backup']
    ],
    until: 560
  },
  {
    title: 'no other failure ever turns',
    steps: [
      [0, 'is wrong'],
      [1000, 'is wrong']
    ],
    serving: [[0, 'first']],
    until: 2000
  },
  {
    title:
      'while the backup serves, the first is asked after 60 s, then twice that, up to ten minutes',
    steps: [
      [0, 'fails'],
      [301, 'answers'],
      [360, 'unconnected'],
      [361, 'answers'],
      [480, 'still out'],
      [481, 'answers'],
      [720, 'unconnected'],
      [721, 'answers'],
      [1200, 'unconnected'],
      [1201, 'answers'],
      [1800, 'unconnected'],
      [1801, 'answers'],
      [2400, 'is back']
    ],
    serving: [
      [0, 'first'],
      [300, 'backup'],
      [2400, 'first']
    ],
    askedAt: [360, 480, 720, 1200, 1800, 2400]
  },
  {
    title: 'the waits grow only while the backup serves something',
    steps: [
      [0, 'fails'],
      [360, 'unconnected'],
      [420, 'unconnected'],
      [480, 'unconnected']
    ],
    serving: [
      [0, 'first'],
      [300, 'backup']
    ],
    askedAt: [360, 420, 480],
    until: 500
  },
  {
    title: 'both are out: the first is asked at the end of each wait',
    steps: [
      [0, 'fails'],
      [301, 'fails'],
      [306, 'unconnected'],
      [306, 'fails'],
      [316, 'unconnected'],
      [316, 'fails'],
      [336, 'is back']
    ],
    serving: [
      [0, 'first'],
      [300, 'backup'],
      [336, 'first']
    ],
    askedAt: [306, 316, 336]
  },
  {
    title: 'a first address that fails again soon turns at once, and is asked less and less often',
    steps: [
      [0, 'fails'],
      [301, 'answers'],
      [360, 'unconnected'],
      [361, 'answers'],
      [480, 'is back'],
      [500, 'answers'],
      [700, 'fails'],
      [701, 'answers'],
      // Not as soon as after a first outage.
      [761, 'answers'],
      [820, 'is back'],
      [1200, 'fails']
    ],
    serving: [
      [0, 'first'],
      [300, 'backup'],
      [480, 'first'],
      [700, 'backup'],
      [820, 'first']
    ],
    askedAt: [360, 480, 820],
    until: 1400
  },
  {
    title: 'with 0 only a person turns, there and back',
    afterS: 0,
    steps: [
      [0, 'fails'],
      [5000, 'fails'],
      [5001, 'to backup'],
      [5002, 'answers'],
      [9000, 'to first'],
      [9001, 'fails']
    ],
    serving: [
      [0, 'first'],
      [5001, 'backup'],
      [9000, 'first']
    ],
    until: 9900
  },
  {
    title:
      'what a person turns, stays; and also what they turn back, for as long as an outage has to last',
    steps: [
      [0, 'to backup'],
      [1, 'answers'],
      [7000, 'fails'],
      [8000, 'to first'],
      [8001, 'fails']
    ],
    serving: [
      [0, 'backup'],
      [8000, 'first'],
      [8301, 'backup']
    ],
    until: 8310
  },
  {
    title: 'a person makes sure of what an outage has turned',
    steps: [
      [0, 'fails'],
      [310, 'to backup'],
      [311, 'answers']
    ],
    serving: [
      [0, 'first'],
      [300, 'backup']
    ],
    until: 2000
  }
]

describe('Failover', () => {
  for (const { title, afterS = 300, steps, serving, askedAt = [], until = 0 } of ROWS) {
    it(title, () => {
      const clock = new FakeClock()
      const failover = new Failover({ afterMs: afterS * 1000, askAfterMs: 60_000 }, clock)
      const seen: [number, string][] = []
      const asked: number[] = []
      const look = (): void => {
        if (failover.isTurnDue) failover.turn('backup', false)
        const second = clock.monotonic() / 1000
        if (seen.at(-1)?.[1] === failover.serving) return
        if (seen.at(-1)?.[0] === second) seen.pop()
        seen.push([second, failover.serving])
      }
      const passTo = (second: number): void => {
        while (clock.monotonic() < second * 1000) {
          clock.pass(1000)
          look()
        }
      }
      for (const [second, step] of steps) {
        passTo(second)
        const isAsked = ['unconnected', 'is back', 'still out'].includes(step)
        if (isAsked) {
          assert.ok(failover.returnsByItself, `asked at ${second} s`)
          assert.equal(failover.isAskDue(true), true, `asked at ${second} s`)
          assert.equal(failover.isAskDue(false), false)
          asked.push(second)
          failover.beginToAsk()
          failover.connected(step !== 'unconnected')
          assert.equal(failover.isOpen, step !== 'unconnected')
          if (failover.isOpen) failover.messageAskedFor()
        } else if (failover.returnsByItself && step === 'answers') {
          assert.equal(failover.isAskDue(true), false, `not asked at ${second} s`)
        }
        if (step === 'answers') failover.answered()
        else if (step === 'fails' || step === 'is wrong') {
          if (failover.failed(step === 'fails')) failover.turn('backup', false)
        } else if (step === 'is back') failover.turn('first', false)
        else if (step === 'still out') failover.firstFailed()
        else if (step === 'to backup') failover.turn('backup', true)
        else if (step === 'to first') failover.turn('first', true)
        look()
      }
      passTo(until)
      look()
      assert.deepEqual(seen, serving)
      assert.deepEqual(asked, askedAt)
    })
  }

  it('asks the first address for what may go nowhere else where a person has turned; that brings nothing back', () => {
    const clock = new FakeClock()
    const failover = new Failover({ afterMs: 0, askAfterMs: 60_000 }, clock)
    failover.turn('backup', true)
    failover.answered()
    assert.equal(failover.isAskDue(true), false)
    clock.pass(60_000)
    assert.equal(failover.isAskDue(true), true)
    failover.beginToAsk()
    assert.equal(failover.isAskDue(true), false)
    failover.connected(true)
    failover.messageAskedFor()
    failover.firstAnswered()
    assert.equal(failover.serving, 'backup')
    // The next one of them at once.
    assert.equal(failover.isAskDue(true), true)
  })

  it('looks again in a second if there was no message to ask with', () => {
    const clock = new FakeClock()
    const failover = new Failover({ afterMs: 1000, askAfterMs: 60_000 }, clock)
    failover.resume(false)
    assert.equal(failover.isAskDue(true), true)
    failover.beginToAsk()
    failover.connected(true)
    failover.messageAskedFor()
    failover.nothingToSend()
    assert.equal(failover.nextInMs(true), 1000)
  })

  it('forgets an outage during a pause', () => {
    const clock = new FakeClock()
    const failover = new Failover({ afterMs: 1000, askAfterMs: 60_000 }, clock)
    failover.failed(true)
    assert.equal(failover.nextInMs(false), 1000)
    failover.forgetOutage()
    clock.pass(5000)
    assert.equal(failover.isTurnDue, false)
    assert.equal(failover.nextInMs(false), Infinity)
  })

  it('turns by itself only while messages wait, else with the next that fails soon', () => {
    for (const [laterMs, turns] of [
      [1000, true],
      [2000, false]
    ] as const) {
      const clock = new FakeClock()
      const failover = new Failover({ afterMs: 1000, askAfterMs: 60_000 }, clock)
      failover.failed(true)
      failover.nothingWaits()
      assert.equal(failover.nextInMs(false), Infinity)
      clock.pass(laterMs)
      assert.equal(failover.isTurnDue, false)
      assert.equal(failover.failed(true), turns)
    }
  })
})
