import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { restMs, retryAfterMs } from '../../src/http-client/retry-after.ts'

describe('restMs', () => {
  it('is what the server asks for, but at most an hour', () => {
    assert.equal(restMs({}), 0)
    assert.equal(restMs({ retryAfterMs: 30_000 }), 30_000)
    assert.equal(restMs({ retryAfterMs: 1e12 }), 3_600_000)
  })
})

describe('retryAfterMs', () => {
  const now = Date.UTC(2026, 0, 2, 3, 4, 5)
  const wait = (header: string | undefined, date?: string): number | undefined =>
    retryAfterMs({ 'retry-after': header, date }, now)

  it('reads seconds and dates', () => {
    assert.equal(wait('120'), 120_000)
    assert.equal(wait(' 0 '), 0)
    assert.equal(wait('99999999999'), 99_999_999_999_000)
    assert.equal(wait('9'.repeat(15)), 999_999_999_999_999_000)
    assert.equal(wait('Fri, 02 Jan 2026 03:05:05 GMT'), 60_000)
    assert.equal(wait('Friday, 02-Jan-26 03:05:05 GMT'), 60_000)
    assert.equal(wait('Fri, 02 Jan 2026 03:00:00 GMT'), 0)
  })

  it('reads the form of asctime as GMT, wherever this machine is', () => {
    const zone = process.env['TZ']
    try {
      for (const here of ['America/New_York', 'Asia/Tokyo', 'UTC']) {
        process.env['TZ'] = here
        assert.equal(wait('Fri Jan  2 03:05:05 2026'), 60_000, here)
        assert.equal(wait('Fri, 02 Jan 2026 03:05:05 GMT'), 60_000, here)
      }
    } finally {
      if (zone === undefined) delete process.env['TZ']
      else process.env['TZ'] = zone
    }
  })

  it("measures a date from the answer's own date, whatever this machine's clock says", () => {
    const until = 'Fri, 02 Jan 2026 03:05:05 GMT'
    assert.equal(wait(until, 'Fri, 02 Jan 2026 03:04:45 GMT'), 20_000)
    assert.equal(wait(until, ' Thu, 01 Jan 2026 03:05:05 GMT'), 86_400_000)
    assert.equal(wait(until, 'Sat, 03 Jan 2026 03:05:05 GMT'), 0)
    for (const date of ['', '2026-01-02', 'yesterday', '-1']) {
      assert.equal(wait(until, date), 60_000)
    }
    assert.equal(wait('120', 'Thu, 01 Jan 2026 03:05:05 GMT'), 120_000)
  })

  it('ignores anything else', () => {
    for (const header of [undefined, '', '-1', '1.5', 'soon', '9'.repeat(16), '2026-01-02']) {
      assert.equal(wait(header), undefined, header)
    }
  })
})
