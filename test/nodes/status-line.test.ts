import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it, type TestContext } from 'node:test'
import type { Node } from 'node-red'
import type { Alert } from '../../src/delivery/alerts.ts'
import type { DeliveryState } from '../../src/delivery/delivery-state.ts'
import type { TokenStatus } from '../../src/oauth2/token-cache.ts'
import { StatusLine, statusOf } from '../../nodes/status-line.ts'

const texts = JSON.parse(
  readFileSync(new URL('../../nodes/locales/en-US/hl7-https-out.json', import.meta.url), 'utf8')
) as { status: Record<string, string> }

/** Looks up a text as Node-RED does. */
function translate(key: string, values: Record<string, string> = {}): string {
  const text = texts.status[key.replace('status.', '')]
  assert.ok(text !== undefined, `no text for ${key}`)
  return text.replace(/__(\w+)__/g, (_match, name: string) => values[name] ?? `__${name}__`)
}

const idle: DeliveryState = {
  state: 'idle',
  queued: 0,
  inFlight: 0,
  retrying: 0,
  suspendedFor: null,
  suspended: 0,
  acked: 0,
  naked: 0,
  failed: 0,
  oldestAgeMs: 0,
  longestWaitMs: 0,
  lastError: null,
  lastOutcome: null,
  retry: null,
  latencyMs: { p50: 0, p95: 0, p99: 0 }
}

function shown(
  state: Partial<DeliveryState>,
  token?: TokenStatus,
  alert?: Alert,
  isNew = false
): Record<string, unknown> {
  const facts = { delivery: { ...idle, ...state }, token, alert, isNew }
  return { ...statusOf(facts, translate, 1_000_000) }
}

const ack = { outcome: 'ack', code: 'AA' } as const
const aside: Alert = { code: 'SUSPENDED', value: 1 }
const nak = { outcome: 'nak', code: 'AE' } as const

describe('the status of a node', () => {
  it('is empty before the first message', () => {
    assert.deepEqual(shown({}), {})
  })

  const rows: [name: string, actual: Record<string, unknown>, expected: Record<string, unknown>][] =
    [
      [
        'is grey after a start with waiting messages',
        shown({ queued: 3 }),
        { fill: 'grey', shape: 'ring', text: '3 waiting' }
      ],
      [
        'is blue while it sends',
        shown({ state: 'sending' }),
        { fill: 'blue', shape: 'dot', text: 'sending' }
      ],
      [
        'counts the messages that wait',
        shown({ state: 'sending', queued: 12 }),
        { fill: 'blue', shape: 'dot', text: 'sending (12)' }
      ],
      [
        'is green after an ACK',
        shown({ lastOutcome: ack }),
        { fill: 'green', shape: 'dot', text: 'ACK AA' }
      ],
      [
        'shows a NAK with its code',
        shown({ lastOutcome: nak }),
        { fill: 'green', shape: 'ring', text: 'NAK AE' }
      ],
      [
        'is yellow while it retries',
        shown({ state: 'retrying', queued: 1, retry: { attempts: 2, waitMs: 9500, cause: '503' } }),
        { fill: 'yellow', shape: 'ring', text: 'HTTP 503 · try 3' }
      ],
      [
        'says what was wrong with the answer before a retry',
        shown({ state: 'retrying', queued: 1, retry: { attempts: 1, waitMs: 1, cause: '200' } }),
        { fill: 'yellow', shape: 'ring', text: 'no ACK (200) · try 2' }
      ],
      [
        'shortens external text',
        shown({
          state: 'retrying',
          queued: 1,
          retry: { attempts: 1, waitMs: 1, cause: `A\n${'x'.repeat(1000)}` }
        }),
        { fill: 'yellow', shape: 'ring', text: `A?${'x'.repeat(77)}… · try 2` }
      ],
      [
        'counts the messages held by a retry',
        shown({ state: 'retrying', queued: 7, retry: { attempts: 2, waitMs: 9500, cause: '503' } }),
        { fill: 'yellow', shape: 'ring', text: 'HTTP 503 · try 3 (7)' }
      ],
      [
        'is red while paused',
        shown({ state: 'paused', queued: 4 }),
        { fill: 'red', shape: 'ring', text: 'paused, 4 held' }
      ],
      [
        'is red after an error',
        shown({ state: 'error', lastError: { code: 'ECONNREFUSED', at: '' } }),
        { fill: 'red', shape: 'ring', text: 'ECONNREFUSED' }
      ],
      [
        'says how long the old token is valid if it cannot be refreshed',
        shown(
          { lastOutcome: ack },
          { state: 'refresh failing', validUntil: 1_040_000, code: 'ETIMEDOUT' }
        ),
        { fill: 'yellow', shape: 'ring', text: 'token refresh failing, valid 40 s' }
      ],
      [
        'says why there is no token',
        shown(
          { state: 'retrying', retry: { attempts: 1, waitMs: 1, cause: 'invalid_client' } },
          { state: 'none', code: 'invalid_client' }
        ),
        { fill: 'yellow', shape: 'ring', text: 'no token: invalid_client' }
      ],
      [
        'carries the code of an alert for a Status node',
        shown({ state: 'sending', queued: 99 }, undefined, { code: 'QUEUE_COUNT', value: 51 }),
        { fill: 'yellow', shape: 'ring', text: '51 waiting', code: 'QUEUE_COUNT' }
      ],
      [
        'says how many messages are suspended',
        shown({ lastOutcome: ack, suspended: 2 }, undefined, { code: 'SUSPENDED', value: 2 }),
        { fill: 'yellow', shape: 'ring', text: '2 set aside', code: 'SUSPENDED' }
      ],
      [
        'carries the code of an alert even while paused',
        shown({ state: 'paused', queued: 99 }, undefined, { code: 'QUEUE_COUNT', value: 51 }),
        { fill: 'red', shape: 'ring', text: 'paused, 99 held', code: 'QUEUE_COUNT' }
      ],
      [
        'shows an outage rather than a suspended message',
        shown(
          { state: 'retrying', retry: { attempts: 2, waitMs: 9500, cause: '503' } },
          undefined,
          aside
        ),
        { fill: 'yellow', shape: 'ring', text: 'HTTP 503 · try 3' }
      ],
      [
        'shows an error rather than a suspended message',
        shown(
          { state: 'error', lastError: { code: 'HL7_QUEUE_FAILED', at: '' } },
          undefined,
          aside
        ),
        { fill: 'red', shape: 'ring', text: 'HL7_QUEUE_FAILED' }
      ],
      [
        'shows a newly suspended message even during an outage',
        shown(
          { state: 'retrying', retry: { attempts: 2, waitMs: 9500, cause: '503' } },
          undefined,
          aside,
          true
        ),
        { fill: 'yellow', shape: 'ring', text: '1 set aside', code: 'SUSPENDED' }
      ]
    ]
  for (const [name, actual, expected] of rows) {
    it(name, () => {
      assert.deepEqual(actual, expected)
    })
  }
})

describe('a status line', () => {
  /** A status line with two fake clocks, and the texts that its node shows. */
  function line(t: TestContext) {
    const clocks = { wall: 1_700_000_000_000, monotonic: 5000 }
    t.mock.timers.enable({ apis: ['setTimeout'] })
    t.mock.method(Date, 'now', () => clocks.wall)
    t.mock.method(performance, 'now', () => clocks.monotonic)
    const texts: string[] = []
    const node = {
      status: ({ text = '' }: { text?: string }) => {
        texts.push(text)
      }
    } as unknown as Node
    let queued = 0
    let alert: Alert | undefined
    const status = new StatusLine(node, translate, () => {
      const delivery: DeliveryState = { ...idle, state: 'sending', queued: ++queued }
      return { delivery, token: undefined, alert, isNew: false }
    })
    const pass = (ms: number): void => {
      clocks.wall += ms
      clocks.monotonic += ms
      t.mock.timers.tick(ms)
    }
    const raise = (): void => {
      alert = { code: 'QUEUE_WAIT', value: 61 }
    }
    return { clocks, texts, status, pass, raise }
  }

  it('shows the first change at once, and later ones every 100 ms', (t) => {
    const { texts, status, pass } = line(t)
    for (let times = 0; times < 5; times++) status.update()
    assert.deepEqual(texts, ['sending (1)'])
    pass(99)
    assert.equal(texts.length, 1)
    pass(1)
    assert.deepEqual(texts, ['sending (1)', 'sending (2)'])
    pass(1000)
    assert.equal(texts.length, 2)
    status.close()
  })

  for (const [what, jump] of [
    ['back an hour', -3_600_000],
    ['forward an hour', 3_600_000]
  ] as const) {
    it(`keeps updating, with its alerts, if the wall clock is set ${what}`, (t) => {
      const { clocks, texts, status, pass, raise } = line(t)
      status.update()
      clocks.wall += jump
      raise()
      status.update()
      assert.equal(texts.length, 1, 'not sooner either')
      pass(100)
      assert.deepEqual(texts, ['sending (1)', texts[1]])
      assert.match(texts[1] ?? '', /61/)
      status.close()
    })
  }

  it('shows an external code on one line, shortened', () => {
    const code = `E\u202e\n${'x'.repeat(200)}`
    const states: Record<string, unknown>[] = [
      shown({ state: 'error', lastError: { code, at: '' } }),
      shown(
        { state: 'retrying', retry: { attempts: 1, waitMs: 1, cause: 'invalid_client' } },
        { state: 'none', code }
      ),
      shown({ lastOutcome: { outcome: 'nak', code } }),
      shown({ lastOutcome: { outcome: 'ack', code } })
    ]
    for (const { text } of states) {
      assert.match(String(text), /^[\x20-\x7e]{1,100}…$/)
    }
  })
})
