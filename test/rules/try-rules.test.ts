/** Why a rule does not match, rule by rule. That what is tried is what happens: test/rules/replies.test.ts. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  tryAnswer,
  type Trial,
  type TriedAnswer,
  type TrialSettings
} from '../../nodes/rules/rule-trial.ts'
import type { RuleFinding } from '../../src/rules/try-rules.ts'
import { parseReplyRules } from '../../src/rules/reply-rules.ts'
import { ack, ADT } from '../support/exchange.ts'

const MINUTE = 60_000

function tried(
  rules: string,
  answer: TriedAnswer | string,
  settings: Partial<TrialSettings> = {}
): Promise<Trial> {
  const reply = { status: 200, contentType: '', text: typeof answer === 'string' ? answer : '' }
  return tryAnswer(typeof answer === 'string' ? reply : answer, {
    rules: parseReplyRules(rules),
    reply: {},
    hasToken: false,
    sent: ADT,
    again: false,
    retry: { intervalMs: 5000, maxIntervalMs: MINUTE },
    failureTimeoutMs: 15 * MINUTE,
    failWhileUnreachable: false,
    ...settings
  })
}

function page(status: number): TriedAnswer {
  return { status, contentType: 'text/html', text: '<html><h1>Error</h1></html>' }
}

/** `no: code AE AR/CR`. */
function inShort({ state, reasons }: RuleFinding): string {
  const why = reasons.map(({ kind, values }) =>
    [kind, ...Object.values(values)]
      .map((one) => (Array.isArray(one) ? one.join('/') : one))
      .join(' ')
  )
  return [state, ...why].join(': ')
}

const error207 = ack('AE', 'ERR||PID^1^3|207^Application internal error^HL70357|E|||No id')

const reasons: [answer: TriedAnswer | string, rule: string, found: string][] = [
  [ack('AE'), ':?R=F', 'no: code AE AR/CR'],
  [ack('AE'), ':AR=F', 'no: code AE AR'],
  [ack(''), ':?A=C', 'no: codeEmpty  AA/CA'],
  [ack('AE'), ':_=F', 'no: codeFilled AE'],
  [ack('AE'), ':*=F', 'no: codeKnown AE '],
  [ack('AE'), ':~=F', 'no: acknowledged AE'],
  [ack('AE'), 'X=F', 'no: hasBody'],
  [ack('AE'), ':I?=S', 'no: ownId'],
  [ack('AA'), ':T?=C', 'no: type ACK ADT'],
  [ack('AE'), 'E=F', 'no: acknowledged AE'],
  [ack('AA'), '@status:5xx=F', 'no: status 200 5xx'],
  [error207, '@ERR-3:206=S', 'no: field ERR-3 207 206'],
  [ack('AE'), '@ERR-3:206=S', 'no: fieldEmpty ERR-3'],
  [error207, '@ERR-8*phone=S', 'no: fieldText ERR-8 phone'],
  [error207, '@severity:W=C', 'no: severity E W'],
  [ack('AE'), '@severity:W=C', 'no: severityNone'],
  [error207, '@*locked=R', 'no: replyText locked'],
  [ack('AA'), '@again=C', 'no: first'],
  ['no HL7', ':?A=C', 'no: noAck'],
  ['no HL7', 'E=F', 'no: answered 200'],
  ['', ':~=F', 'no: empty'],
  [{ status: 500, contentType: '', text: ack('AA') }, ':?A=C', 'no: notCounted AA HTTP 500'],
  [page(200), ':~=C', 'no: webPage'],
  [page(200), '@*error&:~=C', 'decides'],
  [page(503), ':~=F', 'no: isError HTTP 503'],
  [page(503), 'X=F', 'no: isError HTTP 503'],
  [page(503), 'E#401=F', 'no: status 503 401'],
  [page(503), 'E#ECONNREFUSED=F', 'no: errorCode 503 ECONNREFUSED'],
  [page(503), 'E#timeout=F', 'no: family 503 timeout'],
  [page(503), 'E*refused=F', 'no: errorText refused'],
  [{ failure: 'timeout' }, ':?A=C', 'no: noAnswer ETIMEDOUT'],
  [{ failure: 'timeout' }, 'E#connect=F', 'no: family timeout connect'],
  [{ failure: 'connect' }, 'E#503=F', 'no: statusNone ECONNREFUSED'],
  [{ failure: 'connect' }, '@status:503=F', 'no: statusNone ECONNREFUSED'],
  [{ failure: 'reset' }, '@ERR-3:207=F', 'no: noAnswer ECONNRESET'],
  // Both that fail, or the first of two that have to match.
  [ack('AE'), '(:AR,E#503)=F', 'no: code AE AR: acknowledged AE'],
  [ack('AE'), ':AR&@ERR-3:207=F', 'no: code AE AR']
]

describe('why a rule does not match', () => {
  for (const [answer, rule, found] of reasons) {
    const shown = typeof answer === 'string' ? answer.slice(0, 60) : Object.values(answer).join(' ')
    it(`${JSON.stringify(shown)}, ${rule}: ${found}`, async () => {
      const { findings } = (await tried(rule, answer)).tried
      assert.deepEqual(findings.map(inShort), [found])
    })
  }
})

describe('the list of rules', () => {
  it('says which one decides, which ones only warn, and which are not reached', async () => {
    const { tried: found } = await tried(':I?=W,@*M1=W,:?A=C,:?E=S,:?E=F,@severity:E=W', ack('AE'))
    assert.equal(found.decider, 3)
    assert.deepEqual(
      found.findings.map(({ state, holds }) => `${state} ${holds}`),
      ['no false', 'warns true', 'no false', 'decides true', 'unreached true', 'no false']
    )
  })

  it('is not asked where no reply is due', async () => {
    const sent = ADT.replace('2.5.1', '2.5.1|||NE|NE')
    const { tried: found, follows } = await tried('X=F', '', { sent })
    assert.deepEqual(
      found.findings.map(({ state }) => state),
      ['unasked']
    )
    assert.equal(follows.end, 'ack')
  })

  it('has no rule that decides where the default rules do', async () => {
    const { tried: found } = await tried(':?A=C', page(503))
    assert.equal(found.decider, undefined)
    assert.equal(found.decision.rule, 'E=RF')
  })

  it('compares with the message that was sent, and with earlier attempts', async () => {
    const other = await tried(':I?=S', ack('AA'), { sent: ADT.replace('M1', 'M2') })
    assert.equal(other.tried.decider, 0)
    assert.deepEqual(other.sent, { type: 'ADT^A01', controlId: 'M2' })
    const again = await tried('@again&:?E=WC', ack('AE'), { again: true })
    assert.equal(again.tried.decider, 0)
  })

  it('finds the reply in JSON, XML and base64 as the runtime does', async () => {
    const reply = ack('AE')
    const bodies = [
      JSON.stringify({ status: 'ok', hl7: reply }),
      `<Envelope><Body><return>${reply.replaceAll('&', '&amp;')}</return></Body></Envelope>`,
      JSON.stringify({ hl7: btoa(reply) }),
      btoa(reply),
      // Long, and behind blanks, as in indented XML.
      ...['', ' ', '\n ', '\n  '].map((blanks) => blanks + btoa(reply + 'NTE|1\r'.repeat(100)))
    ]
    for (const text of bodies) {
      const { tried: found } = await tried(':?E=S', { status: 200, contentType: '', text })
      assert.equal(found.decider, 0, text)
    }
    const pick = (json: unknown): unknown => (json as { second: string }).second
    const text = JSON.stringify({ first: ack('AA'), second: reply })
    const picked = await tried(':?A=C,:?E=S', text, { reply: { pick } })
    assert.equal(picked.tried.decider, 1)
  })
})

describe('what follows', () => {
  const waits = (trial: Trial): number[] | undefined =>
    trial.follows.retries?.waitsMs.map((ms) => ms / 1000)

  it('is said with its waits, and what ends them', async () => {
    const trial = await tried('@ERR-3:207=R5S', error207)
    assert.deepEqual(waits(trial), [5, 10, 20, 40])
    const { retries, end, holdsNode } = trial.follows
    assert.deepEqual(retries?.until, { count: 5 })
    assert.equal(retries.isMore, true)
    assert.equal(retries.longestMs, MINUTE)
    assert.deepEqual([end, holdsNode], ['suspended', false])
  })

  it('is the time if that is over before the count', async () => {
    const { follows } = await tried('@ERR-3:207=R50S', error207)
    assert.deepEqual(follows.retries?.until, { ms: 15 * MINUTE })
  })

  it('has equal waits if they are fixed', async () => {
    const retry = { intervalMs: 7000, maxIntervalMs: 7000 }
    const trial = await tried(':?E=R2F', error207, { retry })
    assert.deepEqual([waits(trial), trial.follows.retries?.longestMs], [[7, 7], undefined])
    assert.equal(trial.follows.end, 'nak')
  })

  it('is the end at once where one attempt is all there is', async () => {
    const { follows } = await tried(':?E=R5S', error207, { failureTimeoutMs: 0 })
    assert.deepEqual([follows.retries, follows.end], [undefined, 'suspended'])
  })

  for (const [answer, rules, until, holdsNode] of [
    [page(503), '', 'receiver', true],
    [{ failure: 'connect' }, '', 'receiver', true],
    [{ failure: 'timeout' }, '', { ms: 15 * MINUTE }, false],
    [page(500), '', { ms: 15 * MINUTE }, false],
    // The time of an outage does not count, but the retries do.
    [page(503), 'E=R50F', { count: 50 }, true]
  ] as const) {
    it(`${JSON.stringify(answer)} ${rules}: until ${JSON.stringify(until)}`, async () => {
      const { follows } = await tried(rules, answer)
      assert.deepEqual([follows.retries?.until, follows.end], [until, 'catch'])
      assert.equal(follows.holdsNode, holdsNode)
    })
  }

  it('holds the node if it is not the message’s fault, unless the message just leaves', async () => {
    for (const [rules, end, holdsNode] of [
      ['E=S', 'suspended', true],
      ['E=F', 'catch', false]
    ] as const) {
      const { follows } = await tried(rules, page(404))
      assert.deepEqual(
        [follows.end, follows.holdsNode, follows.callsSomebody, 'late' in follows],
        [end, holdsNode, holdsNode, false]
      )
    }
    const { follows } = await tried(':~=S', 'no HL7')
    assert.deepEqual([follows.end, follows.holdsNode], ['suspended', false])
  })

  it('is said of one that awaits, too, if nothing comes', async () => {
    const { follows } = await tried(':?A=AF', ack('AA'))
    assert.deepEqual([follows.end, follows.late], ['awaits', 'fail'])
  })

  it('has long waits between logins, after a fresh token', async () => {
    const trial = await tried('', page(401), { hasToken: true })
    assert.equal(trial.follows.retries?.longestMs, 5 * MINUTE)
    assert.equal(trial.asksForToken, true)
  })

  it('is that an outage counts, if the settings say so', async () => {
    const { follows } = await tried('', page(503), { failWhileUnreachable: true })
    assert.deepEqual(follows.retries?.until, { ms: 15 * MINUTE })
  })
})
