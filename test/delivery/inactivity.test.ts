import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Inactivity, parseTimes } from '../../src/delivery/inactivity.ts'

const HOUR = 3_600_000

/** Local time: 2026-11-30 is a Monday. */
function at(day: number, time: string): number {
  const [hours = 0, minutes = 0] = time.split(':').map(Number)
  return new Date(2026, 10, day, hours, minutes).getTime()
}

function quiet(times: string, lastInAt: number, now: number): number | undefined {
  const parsed = parseTimes(times)
  assert.ok(parsed, times)
  return new Inactivity(7200, parsed).quietSeconds(lastInAt, now)
}

describe('inactivity', () => {
  it('is too long after the limit, at any time where none are named', () => {
    assert.equal(quiet('', at(30, '01:10'), at(30, '03:09')), undefined)
    assert.equal(quiet('', at(30, '01:10'), at(30, '03:10')), 7200)
  })

  it('counts only within the times', () => {
    const times = 'Mon-Fri 07:00-19:00, Sat 08:00-12:00'
    const friday = at(27, '18:59')
    assert.equal(quiet(times, friday, at(27, '20:59')), undefined, 'Friday night')
    assert.equal(quiet(times, friday, at(28, '10:00')), at(28, '10:00') / 1000 - friday / 1000)
    assert.equal(quiet(times, friday, at(29, '12:00')), undefined, 'Sunday')
    assert.equal(quiet(times, friday, at(30, '08:59')), undefined, 'Monday, not yet')
    assert.ok(quiet(times, friday, at(30, '09:00')), 'Monday, two hours after seven')
  })

  it('begins and ends at the minute', () => {
    const times = '07:30-19:45'
    const evening = at(30, '17:44')
    assert.equal(quiet(times, at(29, '12:00'), at(30, '07:29')), undefined, 'over night')
    assert.equal(quiet(times, evening, at(30, '19:43')), undefined)
    assert.equal(quiet(times, evening, at(30, '19:44')), 7200)
    assert.equal(quiet(times, evening, at(30, '19:45')), undefined, 'it has ended')
  })

  it('goes on over midnight, and from one day to the next', () => {
    assert.ok(quiet('22:00-06:00', at(29, '22:30'), at(30, '00:30')))
    assert.equal(quiet('22:00-06:00', at(29, '22:30'), at(30, '06:30')), undefined)
    assert.ok(quiet('Mon-Fri', at(30, '23:00'), at(30, '23:00') + 2 * HOUR))
    assert.ok(quiet('Mon 00:00-24:00, Tue', at(30, '23:00'), at(30, '23:00') + 2 * HOUR))
  })

  for (const wrong of [
    'Mo',
    'Mon-',
    '7-19',
    '07:00',
    '07:60-08:00',
    '25:00-26:00',
    '07:00-07:00',
    'Mon,,Tue',
    'Mon 07:00-19:00;Tue'
  ]) {
    it(`does not understand ${wrong}`, () => {
      assert.equal(parseTimes(wrong), undefined)
    })
  }
})
