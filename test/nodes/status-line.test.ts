import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it, type TestContext } from 'node:test'
import type { Node } from 'node-red'
import type { AlertCode } from '../../src/delivery/alerts.ts'
import type { ConditionFacts } from '../../nodes/flow/condition-facts.ts'
import { conditionsOf } from '../../nodes/flow/conditions.ts'
import {
  misconfigured,
  StatusLine,
  nodeStatus,
  type CodedStatus
} from '../../nodes/flow/status-line.ts'
import type { Level } from '../../src/codes.ts'
import type { DeliveryState } from '../../src/delivery/delivery-state.ts'
import { conditionFacts } from '../support/condition-facts.ts'

const texts = JSON.parse(
  readFileSync(new URL('../../locales/en-US/hl7-https-out.json', import.meta.url), 'utf8')
) as { status: Record<string, string> }

/** Looks up a text as Node-RED does. */
function translate(key: string, values: Record<string, string> = {}): string {
  const text = texts.status[key.replace('status.', '')]
  assert.ok(text !== undefined, `no text for ${key}`)
  return text.replace(/__(\w+)__/g, (_match, name: string) => values[name] ?? `__${name}__`)
}

const noAlerts: ReadonlySet<AlertCode> = new Set()

function shown(...known: Parameters<typeof conditionFacts>): CodedStatus {
  const facts = conditionFacts(...known)
  return nodeStatus(
    conditionsOf(facts, () => 0),
    facts,
    translate
  )
}

const ack = { outcome: 'ack', code: 'AA' } as const
const nak = { outcome: 'nak', code: 'AE' } as const
const paused = { at: 1, by: '', reason: '' }
const sending = { state: 'sending', inFlight: 1 } as const
/** A message that failed three times. */
const retrying = (cause = 'ECONNREFUSED'): Partial<DeliveryState> => ({
  ...{
    state: 'retrying',
    queued: 1,
    retrying: 1,
    retry: { controlId: 'C1', attempts: 3, waitMs: 9500, cause }
  }
})
const failed = (failing: string): Partial<DeliveryState> => ({ state: 'error', failing })
const trouble = { code: 'invalid_client', message: '', hint: '', permanent: true }
const noToken = { token: { state: 'none', ...trouble } } as const
const oldToken = {
  token: { state: 'refresh failing', validUntil: 1_040_000, ...trouble, code: 'ETIMEDOUT' }
} as const
const alert = (...codes: AlertCode[]): Pick<ConditionFacts, 'alerts'> => ({
  alerts: new Set(codes)
})

describe('the status of a node', () => {
  it('is nothing but a code before the first message', () => {
    assert.deepEqual(shown({}), { code: 'IDLE', codes: ['IDLE'], level: 'fine', calls: [] })
  })

  /** Colour and shape, text, codes. */
  const rows: [name: string, CodedStatus, look: string, text: string, codes: string][] = [
    ['is grey with a queue from before', shown({ queued: 3 }), 'grey ring', '3 waiting', 'IDLE'],
    ['is blue while it sends', shown(sending), 'blue dot', 'sending', 'SENDING'],
    [
      'counts what waits behind',
      shown({ ...sending, queued: 12, lastOutcome: ack }),
      'blue dot',
      'sending (12)',
      'SENDING ACK'
    ],
    ['is green after an ACK', shown({ lastOutcome: ack }), 'green dot', 'ACK AA', 'ACK'],
    [
      'is green after an answer without a code that a rule accepts',
      shown({ lastOutcome: { outcome: 'ack', code: '' } }),
      'green dot',
      'ACK',
      'ACK'
    ],
    ['is yellow after a NAK', shown({ lastOutcome: nak }), 'yellow ring', 'NAK AE', 'NAK'],
    [
      'stays so while the next one is sent',
      shown({ ...sending, lastOutcome: nak }),
      'yellow ring',
      'NAK AE',
      'NAK SENDING'
    ],
    [
      'is yellow while it retries',
      shown(retrying('503')),
      'yellow ring',
      'HTTP 503 · try 4',
      'RETRYING'
    ],
    [
      'does not change while the retry is in flight',
      shown({
        ...{ state: 'retrying', inFlight: 1, retrying: 1, queued: 4 },
        retry: { controlId: 'C1', attempts: 3, waitMs: 0, cause: '503' }
      }),
      'yellow ring',
      'HTTP 503 · try 4 (5)',
      'RETRYING SENDING'
    ],
    [
      'says what was wrong with an answer that is retried',
      shown(retrying('200')),
      'yellow ring',
      'no ACK (200) · try 4',
      'RETRYING'
    ],
    [
      'cuts what comes from outside',
      shown(retrying(`A\n${'x'.repeat(1000)}`)),
      'yellow ring',
      `A?${'x'.repeat(77)}… · try 4`,
      'RETRYING'
    ],
    [
      'counts what waits behind a retry',
      shown({ ...retrying('503'), queued: 7 }),
      'yellow ring',
      'HTTP 503 · try 4 (7)',
      'RETRYING'
    ],
    [
      'is red while paused',
      shown({ state: 'paused', paused, queued: 4, lastOutcome: ack }),
      'red ring',
      'paused, 4 waiting',
      'PAUSED ACK'
    ],
    ['is red after an error', shown(failed('ECONNREFUSED')), 'red ring', 'ECONNREFUSED', 'ERROR'],
    [
      'stays red while the next one is sent',
      shown({ ...sending, failing: '404', lastOutcome: { outcome: 'error', code: '' } }),
      'red ring',
      'HTTP 404',
      'ERROR SENDING'
    ],
    [
      'says why there is no token, and how many messages wait for one',
      shown({ ...retrying('invalid_client'), queued: 5 }, noToken),
      'yellow ring',
      'invalid_client · no token (5)',
      'TOKEN RETRYING'
    ],
    [
      'says nothing of a token that nobody needs, unless it is refused',
      shown({}, { token: { ...noToken.token, permanent: false } }),
      ' ',
      '',
      'IDLE'
    ],
    [
      'says how long the old token lives when there is no new one',
      shown({ lastOutcome: ack }, oldToken),
      'yellow ring',
      'ETIMEDOUT · token not renewed, valid 40 s',
      'TOKEN ACK'
    ],
    [
      'leaves that to the code if there is no room for it',
      shown(retrying('503'), oldToken),
      'yellow ring',
      'HTTP 503 · try 4',
      'TOKEN RETRYING'
    ],
    [
      'tells an alert by its code',
      shown({ ...sending, queued: 99 }, alert('QUEUE_COUNT')),
      'yellow ring',
      '99 waiting',
      'QUEUE_COUNT SENDING'
    ],
    [
      'says how long the oldest one waits',
      shown({ ...sending, longestWaitMs: 31 * 60_000 }, alert('QUEUE_COUNT', 'QUEUE_WAIT')),
      'yellow ring',
      'oldest: 31 min',
      'QUEUE_WAIT QUEUE_COUNT SENDING'
    ],
    [
      'has the same sign for days in every language',
      shown({ ...sending, longestWaitMs: 9.5 * 86_400_000 }, alert('QUEUE_WAIT')),
      'yellow ring',
      'oldest: 9 d',
      'QUEUE_WAIT SENDING'
    ],
    [
      'says the cause before the alert that came of it',
      shown({ ...retrying(), longestWaitMs: 7_300_000 }, alert('QUEUE_WAIT')),
      'yellow ring',
      'ECONNREFUSED · try 4 · oldest: 2 h 1 min',
      'QUEUE_WAIT RETRYING'
    ],
    [
      'is red while paused, whatever the alert',
      shown({ state: 'paused', paused, queued: 99 }, alert('QUEUE_COUNT')),
      'red ring',
      'paused, 99 waiting',
      'QUEUE_COUNT PAUSED'
    ],
    [
      'says how many are suspended',
      shown({ lastOutcome: ack, suspended: 2 }),
      'yellow ring',
      '2 suspended',
      'SUSPENDED ACK'
    ],
    [
      'says so beside an outage',
      shown({ ...retrying(), suspended: 8 }),
      'yellow ring',
      'ECONNREFUSED · try 4 · 8 suspended',
      'SUSPENDED RETRYING'
    ],
    [
      'however long its code is',
      shown({ ...retrying('UNABLE_TO_VERIFY_LEAF_SIGNATURE'), suspended: 8 }),
      'yellow ring',
      'UNABLE_TO_VERIFY_LEAF_SIGNATURE · try 4 · 8 suspended',
      'SUSPENDED RETRYING'
    ],
    [
      'and beside an error, a pause and a NAK',
      shown({
        ...failed('HL7_QUEUE_FAILED'),
        state: 'paused',
        paused,
        suspended: 8,
        lastOutcome: nak
      }),
      'red ring',
      'paused, 0 waiting · HL7_QUEUE_FAILED · 8 suspended',
      'ERROR SUSPENDED PAUSED NAK'
    ],
    [
      'does not hide an outage behind the message that failed before',
      shown({ ...retrying(), failing: '400' }),
      'red ring',
      'ECONNREFUSED · try 4 · HTTP 400',
      'ERROR RETRYING'
    ],
    [
      'does not say the same cause twice',
      shown({ ...retrying('404'), failing: '404' }),
      'red ring',
      'HTTP 404 · try 4',
      'ERROR RETRYING'
    ],
    [
      'tells of a message that was refused',
      shown({ lastOutcome: ack }, { refusal: 'HL7_INVALID_MESSAGE' }),
      'yellow ring',
      'invalid message',
      'INVALID ACK'
    ],
    [
      'and of one with a URL that it must not have',
      shown({}, { refusal: 'HL7_CONFIG' }),
      'yellow ring',
      'HL7_CONFIG',
      'INVALID'
    ],
    [
      'is red while messages are refused that are not to blame',
      shown(retrying(), { refusal: 'HL7_QUEUE_FULL' }),
      'red ring',
      'ECONNREFUSED · try 4 · HL7_QUEUE_FULL',
      'ERROR RETRYING'
    ],
    [
      'tells whose certificate ends',
      shown(
        { lastOutcome: ack },
        { ending: { of: 'receiver', validTo: 0, daysLeft: 9, level: 'watch' } }
      ),
      'yellow ring',
      'receiver cert: 9 d',
      'CERTIFICATE ACK'
    ],
    [
      'says that messages go to the backup',
      shown(
        {
          lastOutcome: ack,
          backup: { since: 0, isByHand: false, by: '', host: 'b.example.org', waiting: 0 }
        },
        {}
      ),
      'yellow ring',
      'on the backup',
      'BACKUP ACK'
    ],
    [
      'also behind something else',
      shown(
        { suspended: 2 },
        { ending: { of: 'token server', validTo: 0, daysLeft: -1, level: 'watch' } }
      ),
      'yellow ring',
      '2 suspended · token cert: 0 d',
      'SUSPENDED CERTIFICATE'
    ]
  ]
  for (const [name, actual, look, text, codes] of rows) {
    it(name, () => {
      const { fill = '', shape = '', text: said = '', calls, level, ...coded } = actual
      assert.deepEqual([`${fill} ${shape}`, said], [look, text])
      assert.deepEqual(coded, { code: codes.split(' ')[0], codes: codes.split(' ') })
      assert.ok(calls.every((one) => codes.includes(one)))
      assert.equal(level === 'call', calls.length > 0)
    })
  }

  it('names the variable that is missing, if that is why it is not set up', () => {
    const red = { fill: 'red', shape: 'ring', code: 'CONFIG', codes: ['CONFIG'] }
    const of = (level: Level): { code: 'CONFIG'; level: Level }[] => [{ code: 'CONFIG', level }]
    assert.deepEqual(misconfigured(of('watch'), translate), {
      ...{ ...red, text: 'not set up' },
      ...{ level: 'watch', calls: [] }
    })
    assert.deepEqual(misconfigured(of('call'), translate, ['HL7_KEY', 'OTHER']), {
      ...{ ...red, text: 'HL7_KEY not set' },
      ...{ level: 'call', calls: ['CONFIG'] }
    })
  })
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
    let alerts = noAlerts
    const status = new StatusLine(node, () => {
      const delivery = {
        ...sending,
        queued: ++queued,
        longestWaitMs: 61_000
      }
      return shown(delivery, { alerts })
    })
    const pass = (ms: number): void => {
      clocks.wall += ms
      clocks.monotonic += ms
      t.mock.timers.tick(ms)
    }
    const raise = (): void => {
      alerts = new Set(['QUEUE_WAIT'])
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
      assert.match(texts[1] ?? '', /1 min/)
      status.close()
    })
  }

  it('shows nothing any more after it was closed', (t) => {
    const { texts, status, pass } = line(t)
    status.update()
    status.update()
    status.close()
    status.update()
    pass(1000)
    assert.deepEqual(texts, ['sending (1)', ''])
  })

  it('shows nothing any more either if nothing was pending', (t) => {
    const { texts, status, pass } = line(t)
    status.update()
    status.close()
    pass(1000)
    status.update()
    assert.deepEqual(texts, ['sending (1)', ''])
  })

  it('shows a code from elsewhere on one line, cut', () => {
    const code = `E\u202e\n${'x'.repeat(200)}`
    const states = [
      shown(failed(code)),
      shown(retrying('x'), { token: { state: 'none', ...trouble, code } }),
      shown({}, { token: { state: 'refresh failing', validUntil: 0, ...trouble, code } }),
      shown({}, { refusal: code }),
      shown({ lastOutcome: { outcome: 'nak', code } }),
      shown({ lastOutcome: { outcome: 'ack', code } })
    ]
    for (const { text } of states) {
      assert.match(
        String(text),
        /^[\x20-\x7e]{1,100}…( · no token| · token not renewed, valid 0 s)?$/
      )
    }
  })
})
