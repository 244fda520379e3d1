import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ConditionWatch } from '../../nodes/flow/condition-watch.ts'
import type { ConditionFacts } from '../../nodes/flow/condition-facts.ts'
import type { TurnedAwayNow } from '../../nodes/flow/turned-away.ts'
import { ROWS as TABLE } from '../../nodes/flow/condition-table.ts'
import {
  BESIDE,
  byUrgency,
  CONDITION_CODES,
  configConditions,
  conditionsOf,
  levelsOf,
  shownSince,
  type Condition
} from '../../nodes/flow/conditions.ts'
import { nodeStatus } from '../../nodes/flow/status-line.ts'
import { shownState } from '../../nodes/operations/page/words.ts'
import { NO_VERDICT } from '../../src/queue/message-row.ts'
import { toldInEnglish } from '../../src/told-in-english.ts'
import { conditionFacts } from '../support/condition-facts.ts'
import { nodeState } from '../support/fake-operations.ts'
import { NO_FIGURES } from '../support/sample-figures.ts'
import { ruleText, tabText } from '../support/tab-texts.ts'
import type { ConditionCode, Level } from '../../src/codes.ts'

const MINUTE = 60_000
const trouble = { code: 'invalid_client', message: '', hint: '', permanent: true }
const turnedAway = (lasts: boolean): TurnedAwayNow => {
  return { count: 111, since: 0, until: 4 * MINUTE, why: 'disk', lasts }
}
const refusedAlike = { type: '', count: 3, since: 1_000_000, ackCode: '', error: '', status: 400 }
const refused = { type: 'ADT^A40', count: 7, since: 0, ackCode: 'AE', error: '103' }

/** Facts of which one condition follows, its level, how it is said, and the word for it on the page. */
const ROWS: [ConditionCode, Level, ConditionFacts, said: string, word: string][] = [
  ['ERROR', 'call', conditionFacts({ state: 'error', failing: '404' }), 'HTTP 404', 'error'],
  [
    'DISK',
    'call',
    conditionFacts({ diskSilentMs: 62_000, unconfirmed: 50 }),
    'The disk has not confirmed anything for 1 min 2 s',
    'disk silent'
  ],
  [
    'ENDED',
    'call',
    conditionFacts({}, { stands: { ended: { count: 13, since: 0, until: 900_000, held: 1 } } }),
    'Node-RED ended unexpectedly 13 times',
    'unexpected ends'
  ],
  [
    'TURNED_AWAY',
    'call',
    conditionFacts({}, { turnedAway: turnedAway(false) }),
    '111 messages were turned away here between 1970-01-01T00:00:00.000Z and 1970-01-01T00:04:00.000Z (disk full)',
    '111 turned away'
  ],
  [
    'GIVEN_UP',
    'call',
    conditionFacts({}, { stands: { givenUp: { count: 3, since: 5 } } }),
    '3 messages given up: they went to Catch',
    '3 given up'
  ],
  [
    'SUSPENDED',
    'call',
    conditionFacts({ suspended: 2, suspendedFor: { ...NO_VERDICT, ackCode: 'AE', rule: ':AE=S' } }),
    'AE · rule :AE=S',
    '2 suspended'
  ],
  [
    'PAUSED',
    'call',
    conditionFacts({ state: 'paused', paused: { at: 7, by: 'rule', reason: '' } }),
    'Paused by a rule',
    'paused'
  ],
  [
    'TOKEN',
    'call',
    conditionFacts({ state: 'sending' }, { token: { state: 'none', ...trouble } }),
    'No token: invalid_client',
    'no token'
  ],
  [
    'QUIET',
    'call',
    conditionFacts({}, { quietSeconds: 7500, stands: { lastInAt: 9 } }),
    'No message has come in for 2 h 5 min',
    'nothing comes in'
  ],
  [
    'RETRYING',
    'call',
    conditionFacts({
      state: 'retrying',
      retry: { controlId: 'C1', attempts: 3, waitMs: 9500, cause: '503' }
    }),
    'HTTP 503, try 4 in 10 s',
    'retrying'
  ],
  [
    'REFUSING',
    'call',
    conditionFacts({}, { stands: { refusing: [refused] }, now: 15 * MINUTE }),
    'The last 7 messages of type ADT^A40 were refused: AE 103 Table value not found',
    'refused'
  ],
  [
    'REFUSING',
    'call',
    conditionFacts({}, { stands: { refusing: [refusedAlike, refused] } }),
    'The last 3 messages were refused alike, without HL7: HTTP 400',
    'refused'
  ],
  [
    'QUEUE_WAIT',
    'watch',
    conditionFacts({ longestWaitMs: 31 * MINUTE }, { alerts: new Set(['QUEUE_WAIT']) }),
    'A message has been waiting for 31 min',
    'waits long'
  ],
  [
    'QUEUE_COUNT',
    'watch',
    conditionFacts({ queued: 1200 }, { alerts: new Set(['QUEUE_COUNT']) }),
    '1200 messages wait',
    'many waiting'
  ],
  [
    'CERTIFICATE',
    'watch',
    conditionFacts({}, { ending: { of: 'receiver', validTo: 0, daysLeft: 9, level: 'watch' } }),
    'The certificate of the receiver expires in 9 days',
    'certificate'
  ],
  [
    'BACKUP',
    'watch',
    conditionFacts({
      backup: { since: 0, isByHand: false, by: '', host: 'b.example.org', waiting: 2 }
    }),
    'Messages go to the backup b.example.org',
    'backup'
  ],
  [
    'INVALID',
    'watch',
    conditionFacts({}, { refusal: 'HL7_INVALID_MESSAGE' }),
    'The last message was not accepted: HL7_INVALID_MESSAGE',
    'not accepted'
  ],
  [
    'NAK',
    'watch',
    conditionFacts({ lastOutcome: { outcome: 'nak', code: 'AE' } }),
    'The last message was refused: AE',
    'refused (NAK)'
  ],
  ['SENDING', 'fine', conditionFacts({ state: 'sending', inFlight: 1 }), 'Sending', 'sending'],
  [
    'ACK',
    'fine',
    conditionFacts({ lastOutcome: { outcome: 'ack', code: 'AA' } }),
    'The last message was accepted: AA',
    'idle'
  ]
]

const since = (): number => 0

/** The word on the page for the most urgent of them. */
function wordOnPage(
  conditions: readonly Condition[],
  { delivery: { state, suspended }, token }: ConditionFacts
): string {
  const answers = conditions.map(({ code, level, told }) => {
    return { code, level, since: null, ...told, text: '' }
  })
  const shown = nodeState('x', {
    ...{ state, suspended, conditions: answers },
    token: token === undefined ? null : { state: token.state, validUntil: null }
  })
  const speech = { text: tabText(), ruleText: ruleText(), language: 'en-US', now: () => 0 }
  return shownState(shown, speech).word
}

/** Both at once; undefined if they cannot hold together. */
function both(one: ConditionFacts, other: ConditionFacts): ConditionFacts | undefined {
  const idle = conditionFacts()
  const joined: Record<string, unknown> = { ...idle }
  for (const part of ['delivery', 'stands'] as const) {
    const changed = [one, other].map((facts) =>
      Object.entries(facts[part]).filter(
        ([name, value]) => value !== idle[part][name as keyof (typeof idle)[typeof part]]
      )
    )
    const names = changed.map((entries) => entries.map(([name]) => name))
    if (names[0]?.some((name) => name !== 'state' && names[1]?.includes(name))) return undefined
    joined[part] = { ...idle[part], ...Object.fromEntries(changed.flat()) }
  }
  for (const [name, value] of [...Object.entries(one), ...Object.entries(other)]) {
    if (name === 'delivery' || name === 'stands' || name === 'now') continue
    if (value instanceof Set) joined[name] = new Set([...one.alerts, ...other.alerts])
    else if (value !== idle[name as keyof ConditionFacts]) joined[name] = value
  }
  if (one.refusal !== '' && other.refusal !== '') return undefined
  return { ...(joined as unknown as ConditionFacts), now: Math.max(one.now, other.now) }
}

describe('the conditions of a node', () => {
  for (const [code, level, facts, said, word] of ROWS) {
    it(`${code}, level ${level}: ${said}`, () => {
      const conditions = conditionsOf(facts, since)
      assert.deepEqual(
        conditions.map((one) => [one.code, one.level, toldInEnglish(one.told)]),
        [[code, level, said]]
      )
      assert.ok(levelsOf(code).includes(level))
      assert.equal(wordOnPage(conditions, facts), word)
    })
  }

  it('are shown on the page as the table says, which it cannot ask', () => {
    const validUntil = 2_000_000
    const failing = conditionFacts(
      {},
      { token: { state: 'refresh failing', validUntil, ...trouble } }
    )
    const all = [...ROWS.map(([, , facts]) => facts), failing, conditionFacts()]
    const rows = all.map((facts) => {
      const conditions = conditionsOf(facts, since)
      const { row, told } = conditions[0] ?? assert.fail()
      const { state, suspended } = facts.delivery
      const count = Number(told.values['count'] ?? suspended)
      const key = row.shown === 'what it does' ? (`state.${state}` as const) : row.shown
      assert.equal(wordOnPage(conditions, facts), tabText()(key, { count }), row.code)
      return row
    })
    assert.deepEqual(new Set(rows), new Set(TABLE), 'every row has a test')
  })

  it('are none but IDLE where nothing has happened', () => {
    const [only, ...others] = conditionsOf(conditionFacts({ queued: 3 }), since)
    assert.deepEqual([only?.code, only?.level, others.length], ['IDLE', 'fine', 0])
  })

  it('come by level, then in the order of the list, each pair that can hold together', () => {
    let pairs = 0
    for (const [at, [first, , one]] of ROWS.entries()) {
      for (const [second, , other] of ROWS.slice(at + 1)) {
        const facts = both(one, other)
        if (facts === undefined) continue
        pairs++
        const held = conditionsOf(facts, since).map(({ code }) => code)
        assert.deepEqual(held, [first, second], `${first} and ${second}`)
      }
    }
    assert.ok(pairs >= 100, `${pairs} pairs`)
  })

  it('give a status its codes, of which the new ones are never the first', () => {
    for (const [code, , facts] of ROWS) {
      const alone = nodeStatus(conditionsOf(facts, since), facts, () => 'text')
      assert.deepEqual(alone.codes, BESIDE.has(code) ? [code, 'IDLE'] : [code])
      assert.equal(alone.code, alone.codes.at(-1))
      const withAck = both(facts, conditionFacts({ lastOutcome: { outcome: 'ack', code: 'AA' } }))
      if (withAck === undefined) continue
      const status = nodeStatus(conditionsOf(withAck, since), withAck, () => 'text')
      assert.ok(status.codes.includes(code))
      if (code === 'ACK') continue
      assert.equal(status.code, BESIDE.has(code) ? 'ACK' : code)
      assert.notEqual(status.fill, 'green', code)
    }
  })

  it('order nodes as they order themselves', () => {
    const order = ROWS.map(([code, level]) => ({ code, level }))
    const mixed = order.toSorted((a, b) => (a.code < b.code ? -1 : 1))
    assert.deepEqual(mixed.sort(byUrgency), order)
    const rest = { code: 'STOPPED', level: 'call' } as const
    assert.ok(byUrgency(rest, { code: 'NAK', level: 'watch' }) < 0)
    assert.equal(new Set(CONDITION_CODES).size, CONDITION_CODES.length)
  })

  it('need somebody once messages have been refused, or suspended, for a quarter of an hour', () => {
    const levelAt = (minutes: number): Level[] => {
      const facts = conditionFacts(
        { suspended: 1 },
        { stands: { refusing: [refused] }, now: minutes * MINUTE }
      )
      return conditionsOf(facts, since).map(({ level }) => level)
    }
    assert.deepEqual(levelAt(14), ['watch', 'watch'])
    assert.deepEqual(levelAt(15), ['call', 'call'])
  })

  it('need somebody for a certificate or a secret that ends within a week', () => {
    const ending = { of: 'secret', validTo: 0, daysLeft: 6, level: 'call' } as const
    const [only] = conditionsOf(conditionFacts({}, { ending }), since)
    const said = only && toldInEnglish(only.told)
    assert.deepEqual([only?.level, said], ['call', 'The client secret expires in 6 days'])
  })

  it('need somebody once nothing gets through, or a minute after a refusal', () => {
    const retry = { controlId: '', attempts: 1, waitMs: 0, cause: '503' }
    const token = { state: 'none', ...trouble } as const
    const renewed = { ...token, state: 'refresh failing', validUntil: 2_000_000 } as const
    /** Of `TOKEN`, then of `RETRYING`; a message is retried. */
    const levels = (
      lasting: Partial<ConditionFacts['lasting']>,
      tokenNow: ConditionFacts['token'] = token
    ): string => {
      const none = { stuckMs: 0, refusedMs: 0, tokenRefusedMs: 0 }
      const facts = conditionFacts(
        { state: 'retrying', retry },
        { token: tokenNow, callAfterMs: 5 * MINUTE, lasting: { ...none, ...lasting } }
      )
      const held = conditionsOf(facts, since)
      const of = (code: string): string => held.find((one) => one.code === code)?.level ?? '-'
      return `${of('TOKEN')} ${of('RETRYING')}`
    }
    assert.equal(levels({ stuckMs: 5 * MINUTE - 1, refusedMs: MINUTE - 1 }), 'watch watch')
    assert.equal(levels({ stuckMs: 5 * MINUTE }), 'call call')
    assert.equal(levels({ refusedMs: MINUTE }), 'watch call')
    assert.equal(levels({ tokenRefusedMs: MINUTE }), 'call watch')
    assert.equal(levels({ stuckMs: 5 * MINUTE }, renewed), 'watch call')
    assert.equal(levels({ tokenRefusedMs: MINUTE }, renewed), 'call watch')
  })

  it('say that Node-RED has ended once that was twice, and need nobody an hour later', () => {
    const codes = (count: number, now: number, held = 1): string[] =>
      conditionsOf(
        conditionFacts({}, { stands: { ended: { count, since: 0, until: 0, held } }, now }),
        since
      ).map(({ code, level }) => `${code} ${level}`)
    assert.deepEqual(codes(1, 0), ['IDLE fine'])
    assert.deepEqual(codes(2, 60 * MINUTE - 1), ['ENDED call'])
    assert.deepEqual(codes(2, 60 * MINUTE), ['ENDED watch'])
    assert.deepEqual(codes(2, 0, 0), ['ENDED watch'], 'it had no message')
  })

  it('tell last that there is a backup where that is out, too', () => {
    const backup = { since: 0, isByHand: false, by: '', host: 'b.example.org', waiting: 2 }
    const retry = { controlId: 'C1', attempts: 3, waitMs: 0, cause: '503' }
    const told = (isOutage: boolean): string[] =>
      conditionsOf(
        conditionFacts({ state: 'retrying', retry, backup, isOutage }, { callAfterMs: 1 }),
        since
      ).map(({ code }) => code)
    assert.deepEqual(told(false), ['BACKUP', 'RETRYING'])
    assert.deepEqual(told(true), ['RETRYING', 'BACKUP'])
  })

  it('say of messages that were turned away whether that lasts, and call nobody of a trial', () => {
    const said = (more: Partial<TurnedAwayNow>): string => {
      const facts = conditionFacts({}, { turnedAway: { ...turnedAway(true), ...more } })
      const { level, told } = conditionsOf(facts, since)[0] ?? assert.fail()
      return `${level}: ${toldInEnglish(told)}`
    }
    assert.equal(
      said({ why: 'limit' }),
      'call: Messages are being turned away (queue full): 111 since 1970-01-01T00:00:00.000Z'
    )
    assert.equal(
      said({ count: 1, lasts: false, isTrial: true, why: 'SQLITE_IOERR' }),
      'watch: 1 message was turned away here at 1970-01-01T00:00:00.000Z (SQLITE_IOERR)'
    )
  })

  it('of a node that is not set up call nobody until a message comes', () => {
    const of = (isUsed: boolean, more?: TurnedAwayNow): string[] =>
      configConditions({ problems: ['x'], since: 0, isUsed, turnedAway: more }).map(
        ({ code, level }) => `${code} ${level}`
      )
    assert.deepEqual(of(false), ['CONFIG watch'])
    assert.deepEqual(of(true, turnedAway(true)), ['CONFIG call', 'TURNED_AWAY call'])
  })

  it('say nothing of a token that nobody needs, unless the server refuses', () => {
    for (const [permanent, isTokenLost, code] of [
      [false, false, 'IDLE'],
      [true, false, 'TOKEN'],
      // It was tried for, and away twice.
      [false, true, 'TOKEN']
    ] as const) {
      const token = { state: 'none', ...trouble, permanent } as const
      const facts = conditionFacts({}, { token, isTokenLost })
      assert.equal(conditionsOf(facts, since)[0]?.code, code)
    }
  })
})

describe('since when conditions hold', () => {
  const retrying = {
    state: 'retrying',
    retry: { controlId: '', attempts: 1, waitMs: 0, cause: '503' }
  } as const

  it('is when they were first seen, each for itself', () => {
    let facts = conditionFacts({}, { now: 1000 })
    const watch = new ConditionWatch(() => facts)
    const seen = (now: number, delivery: Parameters<typeof conditionFacts>[0]): unknown[] => {
      facts = conditionFacts(delivery, { now, callAfterMs: Infinity })
      return watch.current().map(({ code, since: from }) => `${code} ${from}`)
    }
    assert.deepEqual(seen(1000, { suspended: 1 }), ['SUSPENDED 1000'])
    assert.deepEqual(seen(2000, { suspended: 1, ...retrying }), ['SUSPENDED 1000', 'RETRYING 2000'])
    assert.deepEqual(seen(3000, { suspended: 2 }), ['SUSPENDED 1000'])
    assert.deepEqual(seen(4000, retrying), ['RETRYING 4000'], 'it was over')
  })

  it('is not said of what somebody expects who has paused the node until a time', () => {
    const pause = { at: 7, by: 'ana', reason: '' }
    const more = {
      alerts: new Set(['QUEUE_WAIT', 'QUEUE_COUNT'] as const),
      quietSeconds: 7500
    }
    const codes = (paused: typeof pause & { until?: number }): string =>
      conditionsOf(
        conditionFacts({ ...retrying, state: 'paused', paused, suspended: 1 }, more),
        () => 0
      )
        .map(({ code }) => code)
        .join(' ')
    assert.equal(codes(pause), 'SUSPENDED PAUSED QUIET RETRYING QUEUE_WAIT QUEUE_COUNT')
    assert.equal(codes({ ...pause, until: 9 }), 'SUSPENDED PAUSED')
    const paused = { ...pause, reason: 'upgrade', until: 0, host: 'h:1' }
    const [only] = conditionsOf(conditionFacts({ state: 'paused', paused }), () => 0)
    assert.equal(only?.level, 'watch')
    assert.equal(
      toldInEnglish(only.told),
      'Paused by ana, until 1970-01-01T00:00:00.000Z (all nodes that send to h:1): “upgrade”'
    )
  })

  it('goes on in the next run, until a message is settled', () => {
    const figures = { ...NO_FIGURES, since: { SUSPENDED: 100, RETRYING: 200 } }
    for (const [settledFirst, expected] of [
      [false, 'SUSPENDED 100 RETRYING 200'],
      [true, 'SUSPENDED 100 RETRYING 5000']
    ] as const) {
      let facts = conditionFacts({ suspended: 1 }, { now: 4000 })
      const watch = new ConditionWatch(() => facts)
      watch.current()
      watch.readEvent({ kind: 'opened', endedOn: [], figures })
      watch.current()
      assert.deepEqual(watch.stored.since, { SUSPENDED: 100, RETRYING: 200 })
      const message = { seq: 1, controlId: '', type: '', acceptedAt: 0, attempts: 1 }
      if (settledFirst) watch.readEvent({ kind: 'moved', message, to: 'leaving' })
      facts = conditionFacts({ suspended: 1, ...retrying }, { now: 5000, callAfterMs: Infinity })
      const said = watch.current().map(({ code, since: from }) => `${code} ${from}`)
      assert.equal(said.join(' '), expected)
    }
  })

  it('is the end of what was wrong, of a node that is well again', () => {
    let facts = conditionFacts()
    const lastOutcome = { outcome: 'ack', code: 'AA' } as const
    const watch = new ConditionWatch(() => facts)
    const ackSince = (now: number, delivery = {}): number | undefined => {
      facts = conditionFacts({ lastOutcome, ...delivery }, { now })
      return watch.current().find(({ code }) => code === 'ACK')?.since
    }
    assert.deepEqual([ackSince(1000), ackSince(2000)], [1000, 1000])
    ackSince(3000, retrying)
    assert.deepEqual([ackSince(9000), ackSince(9500)], [9000, 9000])
  })

  it('is on the page that of the pause, whatever failed before it', () => {
    const paused = { at: 7000, by: 'ana', reason: '' }
    const facts = conditionFacts({ state: 'paused', failing: '404', paused })
    const held = conditionsOf(facts, () => 1000)
    assert.deepEqual([held[0]?.code, shownSince(held, 'paused')], ['ERROR', 7000])
    assert.equal(shownSince(held, 'error'), 1000)
  })

  it('has a note beside what it was said of, and none when that is over', () => {
    let facts = conditionFacts({ suspended: 1 })
    const watch = new ConditionWatch(() => facts)
    const noted = (): string | undefined => {
      watch.current()
      return watch.note && `${watch.note.code} ${watch.note.text}`
    }
    watch.setNote({ at: 1, by: 'ann', text: 'I have it' })
    assert.equal(noted(), 'SUSPENDED I have it')
    facts = conditionFacts({ ...retrying, suspended: 1 })
    assert.equal(noted(), 'SUSPENDED I have it')
    facts = conditionFacts(retrying)
    assert.equal(noted(), undefined)
  })
})
