import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { TOPICS } from '../../src/delivery/fault.ts'
import { csv, tabbed } from '../../nodes/operations/page/csv.ts'
import {
  bars,
  COLUMNS,
  ground,
  HEIGHT,
  seriesOf,
  withNewest
} from '../../nodes/operations/page/picture.ts'
import { clockTime, until } from '../../nodes/operations/page/times.ts'
import { told } from '../../nodes/operations/page/told.ts'
import {
  besides,
  eventSentence,
  hostOf,
  nameOf,
  namesOf,
  needsLook,
  nextTry,
  receiverSaid,
  reasonOf,
  sharedTroubles,
  shownState,
  tokenWords
} from '../../nodes/operations/page/words.ts'
import { eventTold } from '../../src/delivery/event-told.ts'
import { KNOWN_STATES } from '../../src/queue/message-row.ts'
import type { QueueEventKind } from '../../src/queue/queue-event.ts'
import { durationText, toldText, type Told, type ToldKind } from '../../src/told.ts'
import type { ConditionAnswer } from '../../nodes/operations/answers.ts'
import type { ConditionCode } from '../../src/codes.ts'
import { messageRow, nodesInTrouble, nodeState } from '../support/fake-operations.ts'
import { ruleText, tabText, tabTexts } from '../support/tab-texts.ts'

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))))
const text = tabText()
const languages = globSync('*', { cwd: join(root, 'locales') })
/** In the zone of this process, as a browser has one. */
const at = (...time: [number, number, number, number?, number?, number?]): string =>
  new Date(...time).toISOString()
const NOW = new Date(2026, 10, 25, 3, 12, 0).getTime()
const speech = { text, ruleText: ruleText(), language: 'en-US', now: () => NOW }

describe('times in the tab', () => {
  it('have the date unless it is today', () => {
    const time = at(2026, 10, 25, 2, 40, 58)
    assert.equal(clockTime(time, NOW, 'en-US'), '02:40')
    assert.equal(clockTime(time, NOW, 'en-US', true), '02:40:58')
    assert.equal(clockTime(at(2026, 10, 24, 23, 5), NOW, 'en-US'), 'Nov 24 23:05')
    assert.equal(clockTime(at(2025, 10, 25, 3, 12), NOW, 'en-GB'), '25 Nov 2025 03:12')
  })

  it('are empty if there is none', () => {
    for (const none of [null, '', 'yesterday']) assert.equal(clockTime(none, NOW, 'en-US'), '')
    assert.equal(until('never', NOW), null)
    assert.equal(until(at(2026, 10, 25, 3, 13, 0), NOW), 60_000)
  })

  it('say how long in whole units', () => {
    const said = [
      0,
      59_999,
      60_000,
      31 * 60_000,
      3_600_000,
      7_500_000,
      86_400_000,
      9.9 * 86_400_000
    ]
    assert.deepEqual(
      said.map((ms) => durationText(ms, text)),
      ['0 s', '59 s', '1 min', '31 min', '1 h', '2 h 5 min', '1 day', '9 days']
    )
    assert.equal(durationText(-5, text), '0 s')
  })
})

describe('the words of the tab', () => {
  it('say what is wrong with each node', () => {
    const said = nodesInTrouble().map((node) => [
      nameOf(node),
      shownState(node, speech).word,
      reasonOf(node, speech),
      needsLook(node)
    ])
    assert.deepEqual(said, [
      ['Pharmacy', 'paused', 'Paused by admin: “upgrade”', true],
      // The rule is said elsewhere.
      ['Laboratory', '8 suspended', 'AE 206 Application record locked', true],
      ['Registry', 'retrying', 'HTTP 503, try 12 in 20 s', true],
      ['Radiology', 'idle', '', false]
    ])
  })

  // That each condition has its word: test/nodes/conditions.test.ts.
  it('say what a node does whose condition they do not know: the runtime is newer', () => {
    const code = 'BRAND_NEW' as ConditionCode
    const said = { kind: 'ok', values: {}, since: null, text: '' } as const
    const conditions = [{ code, level: 'watch', ...said }] as const
    const node = nodeState('x', { state: 'sending', conditions })
    assert.deepEqual(shownState(node, speech), { level: 'warn', word: 'sending' })
  })

  it('say once when the next try is', () => {
    const values = { cause: 'invalid_client', attempt: 2, seconds: 20 }
    const token: ConditionAnswer = {
      ...{ code: 'TOKEN', level: 'watch', since: null },
      ...{ kind: 'no-token', values, text: '' }
    }
    const retrying: ConditionAnswer = { ...token, code: 'RETRYING', kind: 'retrying' }
    const retry = { attempts: 1, nextAt: new Date(NOW + 21_000).toISOString() }
    const state = nodeState('x', { state: 'retrying', retry, conditions: [token, retrying] })
    const advice = { kind: 'ok', values: {}, text: '' } as const
    assert.deepEqual(besides({ ...state, advice }, speech), [])
    assert.equal(nextTry(state, speech), 'try 2 in 21 s')
    const asked = { attempts: 1, nextAt: new Date(NOW + 118_200).toISOString() }
    assert.equal(nextTry({ ...state, retry: asked }, speech), 'try 2 in 1 min 59 s')
    assert.deepEqual(besides({ ...state, advice: null }, speech), ['invalid_client, try 2 in 20 s'])
  })

  it('say which trouble several nodes share', () => {
    const node = (kind: ToldKind, values: Told['values'], more = {}) =>
      nodeState('x', {
        advice: { kind, values, text: '' },
        retry: { attempts: 1, nextAt: null },
        ...more
      })
    const token = { state: 'none', validUntil: null } as const
    const away = node('advice-proxy-away', {
      host: 'a',
      proxy: 'squid:3128',
      cause: 'ECONNREFUSED'
    })
    const refused = node('advice-token-refused', { server: 'login', cause: 'x' }, { token })
    const down = node('advice-unreachable', { host: 'lab:1', cause: 'ECONNREFUSED' })
    const well = node('advice-suspended', { host: 'lab:1', cause: 'ECONNREFUSED' }, { retry: null })
    const nodes = [refused, down, away, refused, down, well, down]
    assert.deepEqual(sharedTroubles(nodes), [
      { of: 'host', name: 'lab:1', cause: 'ECONNREFUSED', count: 3 },
      { of: 'server', name: 'login', cause: 'x', count: 2 }
    ])
  })

  it('name the host to which messages go, in a question about what is sent there', () => {
    const backup = { since: null, host: 'spare:1', by: '', waiting: 0 }
    assert.equal(hostOf(nodeState('x', { host: 'lab:1' })), 'lab:1')
    assert.equal(hostOf(nodeState('x', { host: 'lab:1', backup })), 'spare:1')
  })

  it('show a node without a name by its receiver, and one that has done nothing as quiet', () => {
    const node = nodeState('x', { name: '', host: 'lab.example.org', lastAckAt: null })
    assert.equal(nameOf(node), 'lab.example.org')
    assert.deepEqual(shownState(node, speech), { level: 'quiet', word: 'idle' })
  })

  it('say what is wrong with a token that there is not, or that cannot be renewed', () => {
    const validUntil = at(2026, 10, 25, 3, 24)
    for (const [token, word, fact] of [
      [null, 'idle', ''],
      [{ state: 'idle', validUntil: null }, 'idle', 'token is fetched with the next message'],
      [{ state: 'ok', validUntil }, 'idle', 'token valid for 12 min'],
      [{ state: 'none', validUntil: null }, 'no token', 'no token'],
      [
        { state: 'refresh failing', validUntil },
        'token not renewed',
        'token not renewed, valid for 12 min'
      ]
    ] as const) {
      const node = nodeState('x', { token })
      assert.equal(shownState(node, speech).word, word)
      assert.equal(tokenWords(node, speech), fact)
      assert.equal(needsLook(node), word !== 'idle')
    }
  })

  it('say what the receiver said, or why nothing came', () => {
    assert.equal(receiverSaid(messageRow('1'), speech), 'AE 206 E Application record locked')
    const [locked] = messageRow('1').errors
    assert.ok(locked)
    const unknown = { code: '204', severity: 'W', text: '' }
    assert.equal(
      receiverSaid(messageRow('1', { errors: [locked, unknown, locked] }), speech),
      'AE 206 E Application record locked ×2; 204 W'
    )
    const none = { ackCode: '', errors: [] }
    const values = { ackCode: '', errors: '', status: 0, cause: 'ECONNREFUSED', rule: '' }
    assert.equal(receiverSaid(messageRow('1', { ...none, values }), speech), 'ECONNREFUSED')
    const refused = { ...values, status: 503, cause: '503' }
    assert.equal(receiverSaid(messageRow('1', { ...none, values: refused }), speech), 'HTTP 503')
    // The status is that of the token server.
    const noToken = { ...values, status: 401, cause: 'invalid_client' }
    assert.equal(
      receiverSaid(messageRow('1', { ...none, values: noToken }), speech),
      'invalid_client'
    )
  })

  it('say what happened, and who did it', () => {
    const event = { at: at(2026, 10, 25, 3, 2, 0), text: 'in English' }
    const sentence = (kind: QueueEventKind, values: Told['values'], by = ''): string =>
      eventSentence({ ...event, by, ...eventTold({ kind, values, by }) }, speech)
    assert.equal(sentence('paused', { reason: 'upgrade' }, 'admin'), 'Paused by admin: “upgrade”')
    assert.equal(sentence('paused', { reason: '' }, 'flow'), 'Paused by the flow')
    assert.equal(
      sentence('suspended', { count: 10, rule: '@ERR-3:206=S' }, 'rule'),
      '10 messages suspended by rule “ERR-3 is 206: Suspend” (@ERR-3:206=S)'
    )
    assert.equal(sentence('retrying', { cause: '503', controlId: 'A1' }), 'HTTP 503: retrying A1')
    assert.equal(sentence('recovered', { seconds: 134 }), 'Sending again after 2 min 14 s')
    assert.equal(
      sentence('certificate', { of: 'token server', days: 9 }),
      'The certificate of the token server expires in 9 days'
    )
    assert.equal(
      sentence('contents-dropped', { count: 1 }),
      'Kept contents of 1 message deleted to make room'
    )
    assert.equal(
      sentence('sent-again', { count: 12 }, 'night'),
      '12 messages sent again after they had left · by night'
    )
    const acceptedAt = at(2026, 10, 24, 23, 5, 1)
    assert.equal(
      eventSentence(
        { ...event, by: 'night', kind: 'message-repeats', values: { acceptedAt } },
        speech
      ),
      'Sent again after it had left (first accepted Nov 24 23:05:01) · by night'
    )
  })

  it('are the English ones of the runtime for a kind that this page does not know', () => {
    const unknown = { kind: 'brand-new' as ToldKind, values: { cause: '503' } }
    assert.equal(told(unknown, 'Something new happened', speech), 'Something new happened')
    // The names of an object's own methods are no kinds.
    assert.equal(
      told({ kind: 'constructor' as ToldKind, values: {} }, 'English', speech),
      'English'
    )
  })

  it('have a value for each placeholder, in every language', () => {
    // That the English ones are there is a matter of types, and the other languages have the same keys.
    const kinds = [...tabTexts().keys()].flatMap((key) => {
      const [, kind] = /^told\.([\w-]+?)(?:_one|_other)?$/.exec(key) ?? []
      return kind === undefined ? [] : [kind]
    })
    assert.ok(kinds.length > 20)
    const values = {
      ...{ cause: 'ECONNREFUSED', rule: 'R', reason: 'x', by: 'admin', seconds: 20, attempt: 2 },
      ...{ controlId: 'A1', type: 'ADT^A01', of: 'token server', days: 9, problems: 'no URL' },
      ...{ acceptedAt: '2026-11-25T02:40:57Z', ms: 120, ackCode: 'AA', answer: 'AE 207' },
      ...{ host: 'a:1', server: 'b', client: 'c', proxy: 'd', waiting: 2, queue: 'disk' },
      ...{ contact: 'the desk', note: 'upgrade', said: 'no', number: 3, most: 5 },
      ...{ backup: 'b:2', bound: 1, until: '2026-11-26T06:00:00Z' },
      ...{
        from: '2026-11-26T05:00:00Z',
        since: '2026-11-26T05:10:00Z',
        turnedAway: 'disk',
        missing: 'a-type'
      }
    }
    for (const language of languages) {
      // To read its texts takes long.
      const its = tabText(language)
      for (const kind of kinds) {
        for (const count of [1, 2]) {
          const said = toldText({ kind: kind as ToldKind, values: { ...values, count } }, its)
          assert.doesNotMatch(said, /^told\.|__|^$/, `${language} ${kind}`)
        }
      }
    }
  })

  it('have the number of other languages', () => {
    const said = (language: string, count: number): string =>
      tabText(language)('done.resent', { count })
    assert.equal(said('de', 0), '0 Nachrichten sind wieder in der Warteschlange.')
    assert.equal(said('fr', 0), "0 message est de nouveau dans la file d'attente.")
    assert.equal(said('es-ES', 1), '1 mensaje está de nuevo en la cola.')
  })

  it('cut what comes from outside', () => {
    const reason = 'y'.repeat(5000)
    const state = nodeState('x', { kind: 'paused', values: { by: 'z'.repeat(5000), reason } })
    assert.ok(reasonOf(state, speech).length <= 300)
  })

  it('are all used, and none is missing', () => {
    const code = globSync(
      [
        ...['nodes/editor/{sidebar,attention-badge,node-list}.ts', 'src/told.ts'],
        'nodes/operations/page/**/*.ts'
      ],
      { cwd: root }
    )
      .map((file) => readFileSync(join(root, file), 'utf8'))
      .join('\n')
    const keys = new Set([...tabTexts().keys()].map((key) => key.replace(/_(one|other)$/, '')))
    const asked = [...code.matchAll(/\btext\(\s*'([\w.-]+)'/g)].map(([, key]) => key ?? '')
    assert.ok(asked.length > 50)
    assert.deepEqual(
      asked.filter((key) => !keys.has(key)),
      []
    )
    const states = KNOWN_STATES.map((state) => `messageState.${state}`)
    assert.deepEqual(
      states.filter((key) => !keys.has(key)),
      []
    )
    // Kinds and names of states come from the runtime, the keys of refusals from the requests.
    const everywhere = globSync(
      [
        ...['nodes/{operations,flow}/*.ts', 'nodes/settings/node-errors.ts', 'src/told.ts'],
        ...['src/delivery/event-told.ts', 'src/queue/queue-event.ts', 'src/queue/message-row.ts'],
        'nodes/operations/route-request.ts'
      ],
      { cwd: root }
    )
      .map((file) => readFileSync(join(root, file), 'utf8'))
      .concat(code)
      // Advice is named by what a failure is about, or by why the flows are stopped.
      .concat([...TOPICS].map((topic) => `advice-${topic}`))
      .join('\n')
      .replace(/'(flows-[\w-]+)'/g, "'$1' 'advice-$1'")
    const unused = [...keys].filter((key) => {
      if (code.includes(`'${key}'`)) return false
      // A key that is put together: `state.${name}`, with the name elsewhere.
      const [section = '', last = ''] = key.split('.')
      const word = new RegExp(`\\b${last.replace('-', '[- ]').replace(/None$/, '')}\\b`)
      return !code.includes(`\`${section}.`) || !word.test(everywhere)
    })
    assert.deepEqual(unused, [])
  })
})

describe('the file of events', () => {
  it('quotes what needs it', () => {
    assert.equal(csv([['a', 'b,c', 'd "e"', 'f\ng']]), 'a,"b,c","d ""e""","f\ng"\r\n')
  })

  it('holds no formula', () => {
    const cells = ['=1+1', '+1', '-1', '@SUM(A1)', '\tx', '\rx', '=HYPERLINK("http://x")', 'a=1']
    assert.equal(
      csv(cells.map((one) => [one])),
      [
        ...["'=1+1", "'+1", "'-1", "'@SUM(A1)", "'\tx", '"\'\rx"'],
        ...['"\'=HYPERLINK(""http://x"")"', 'a=1', '']
      ].join('\r\n')
    )
  })
})

describe('a copied table', () => {
  it('holds no formula, also where a spreadsheet takes off quotes', () => {
    assert.equal(tabbed([['"=1+1"', '"" -1', 'a"=1']]), `"'=1+1"\t"" '-1\ta"=1\n`)
    assert.equal(csv([['a;"=1+1;b']]), `"a;""'=1+1;b"\r\n`)
  })
})

describe('the pictures', () => {
  const now = Date.parse('2026-11-25T03:12:30.000Z')
  /** The last minutes, oldest first. */
  const minutes = (values: (number | undefined)[]) =>
    values.flatMap((value, index) =>
      value === undefined
        ? []
        : [
            {
              at: new Date(now - 30_000 - (values.length - 1 - index) * 60_000).toISOString(),
              acked: value,
              naked: 0,
              failed: 0,
              turnedAway: 0,
              queued: value,
              p95: value
            }
          ]
    )
  const nothing = (count: number) => Array<null>(count).fill(null)

  it('add up counters, and keep the last of the others', () => {
    const some = minutes([1, 5, 0, 2, 0])
    const columns = [...nothing(55), 1, 5, 0, 2, 0]
    assert.deepEqual(seriesOf(some, 'acked', 60, now), { columns, figure: 8, most: 5 })
    assert.deepEqual(seriesOf(some, 'queued', 60, now), { columns, figure: 0, most: 5 })
    assert.equal(seriesOf(some, 'p95', 60, now).figure, 2)
    assert.deepEqual(seriesOf([], 'acked', 60, now), { columns: nothing(60), figure: 0, most: 0 })
  })

  it('of the day never show less than those of the hour, which are newer', () => {
    const day = minutes([4, 1, 1])
    const hour = minutes([1, 3])
    assert.deepEqual(
      withNewest(day, hour).map(({ acked }) => acked),
      [4, 1, 3]
    )
    assert.deepEqual(withNewest(day, []), day)
    assert.deepEqual(withNewest([], hour), hour)
  })

  it('put several minutes into a column, the last one whole', () => {
    const day = minutes(Array.from({ length: 1440 }, (_, index) => index))
    const sums = seriesOf(day, 'acked', 1440, now)
    assert.equal(sums.columns.length, COLUMNS)
    assert.equal(sums.columns.at(-1), (24 * (1416 + 1439)) / 2)
    assert.equal(seriesOf(day, 'queued', 1440, now).columns.at(-1), 1439)
  })

  it('have gaps where nothing is known, not zeros', () => {
    const { columns } = seriesOf(minutes([3, undefined, 0]), 'acked', 60, now)
    assert.deepEqual(columns, [...nothing(57), 3, null, 0])
    assert.equal(ground(columns), `M57 ${HEIGHT - 0.5}h1M59 ${HEIGHT - 0.5}h1`)
  })

  it('have gaps where no reply came, instead of one within 0 ms', () => {
    const some = seriesOf(minutes([0, 40, 0]), 'p95', 60, now)
    assert.deepEqual(some, { columns: [...nothing(58), 40, null], figure: 40, most: 40 })
    assert.deepEqual(seriesOf(minutes([0, 0]), 'p95', 60, now).columns, nothing(60))
  })

  it('are bars, the highest as high as the picture, the smallest still to be seen', () => {
    assert.equal(bars([0, 1, 1000]), `M1.5 ${HEIGHT}v-1.5M2.5 ${HEIGHT}v-${HEIGHT}`)
    for (const none of [[], [0, 0], [null]]) assert.equal(bars(none), '')
  })
})

describe('the names of nodes', () => {
  it('are told apart by their flows, and there by their receivers', () => {
    const nodes = [
      nodeState('a', { name: 'Lab', flow: 'North' }),
      nodeState('b', { name: 'Lab', flow: 'South', host: 'one.example.org' }),
      nodeState('c', { name: 'Lab', flow: 'South', host: 'two.example.org' }),
      nodeState('d', { name: 'Registry' }),
      nodeState('e', { name: 'Ward', flow: '', host: '' }),
      nodeState('f', { name: 'Ward', flow: '', host: '' })
    ]
    assert.deepEqual(
      [...namesOf(nodes).values()],
      [
        ...['Lab · North', 'Lab · South · one.example.org', 'Lab · South · two.example.org'],
        ...['Registry', 'Ward', 'Ward']
      ]
    )
  })
})
