/**
 * What receivers and proxies answer, and what becomes of the message: each row is sent through the
 * real client. Where in a body the acknowledgement is found: test/hl7-over-http/read-reply-body.test.ts. What
 * `msg.hl7.ack` says: test/hl7/acknowledgement.test.ts.
 */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { LocalServer } from '../http-client/local-server.ts'
import { startServer } from '../http-client/local-server.ts'
import { faultAnswer as soapFault } from '../support/soap-fault.ts'
import { selfSignedCertificate } from '../support/certificates.ts'
import {
  ack,
  ackOf,
  ADT,
  type Answer,
  Exchange,
  inShort,
  leaving,
  MSH,
  type Settings
} from '../support/exchange.ts'
import { startTokenFaultServer, json as tokenAnswer } from '../support/token-fault-server.ts'
import { tokenHttpClient, tokenSettings } from '../support/token-settings.ts'
import { tryAnswer } from '../../nodes/rules/rule-trial.ts'
import type { AttemptResult } from '../../src/delivery/attempt-result.ts'
import { whyFailed } from '../../src/delivery/explain.ts'
import { TokenSource } from '../../src/oauth2/token-source.ts'
import { parseReplyRules } from '../../src/rules/reply-rules.ts'
import { isReached } from '../delivery/replies.ts'

/** A body, or an answer that is more than a body. */
type Body = string | Omit<Answer, 'status'>
/** How the message leaves, the rule that decides, and the acknowledgement in short. */
type Seen = [leaves: string, by: string, ack?: string]

let exchange: Exchange
before(async () => {
  exchange = await Exchange.start()
})
after(() => exchange.close())

/** A fault that names a fictitious patient. */
function faultAnswer(version: '1.1' | '1.2', status?: number): Body {
  return { body: String(soapFault(version, status).body), type: 'text/xml' }
}

function printed(body: Body): string {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  return JSON.stringify(text.replaceAll(MSH, 'MSH… ').slice(0, 80))
}

/** A test that sends a message, and compares what its user sees. */
function row(
  rules: string,
  status: number,
  body: Body,
  [leaves, by, acknowledgement = '']: Seen,
  sent = ADT
): void {
  it(`HTTP ${status} ${printed(body)}${rules && `, ${rules}`}: ${leaves}`, async () => {
    const answer = { status, ...(typeof body === 'string' ? { body } : body) }
    const result = await exchange.attempt(answer, { rules }, sent)
    assert.deepEqual(
      [leaving(result), result.decision.rule, inShort(result.reply?.ack)],
      [leaves, by, acknowledgement]
    )
    assert.equal(result.reply?.status ?? result.status, status)
    const [, letters = ''] = /=(\w+)$/.exec(by) ?? []
    if (by !== '') assert.equal(result.decision.action, letters)
    await sameWhenTried(answer, result, rules, sent)
  })
}

/** The form and the page, which try rules without sending anything, say the same. */
async function sameWhenTried(
  { status = 200, body = '', type = '', headers }: Answer,
  result: AttemptResult,
  rules: string,
  sent: string
): Promise<void> {
  // Of what is pasted, no headers are known.
  if (result.reply === undefined || typeof body !== 'string' || headers !== undefined) return
  const { tried, follows } = await tryAnswer(
    { status, contentType: type, text: body },
    {
      rules: parseReplyRules(rules),
      reply: {},
      hasToken: false,
      sent,
      again: false,
      retry: { intervalMs: 5000, maxIntervalMs: 60_000 },
      failureTimeoutMs: 900_000,
      failWhileUnreachable: false
    }
  )
  assert.deepEqual(tried.decision, result.decision)
  assert.equal(follows.retries !== undefined, result.decision.retry)
  const decider = tried.decider === undefined ? undefined : tried.findings[tried.decider]
  if (decider !== undefined) assert.equal(decider.rule.text, result.decision.rule)
  const { end } = follows
  const left = { ack: 'ACK', nak: 'NAK', catch: 'error', suspended: 'suspended', paused: 'paused' }
  if (end !== 'awaits') {
    assert.equal(leaving(result).replace(/^retried, then |, warned$/g, ''), left[end])
  }
}

/** With the default rules. */
function byDefault(what: string, rows: [status: number, body: Body, ...Seen][], sent = ADT): void {
  describe(what, () => {
    for (const [status, body, ...seen] of rows) row('', status, body, seen, sent)
  })
}

/** With the rules that are the names of the rows. */
function byRules(
  what: string,
  table: Record<string, [status: number, body: Body, ...Seen][]>
): void {
  describe(what, () => {
    for (const [rules, rows] of Object.entries(table)) {
      for (const [status, body, ...seen] of rows) row(rules, status, body, seen)
    }
  })
}

const error = 'ERR||PID^1^3|101^Required field missing^HL70357|E|||No id|Patient id is missing'
const warning = 'ERR||PID^1^8|103^Table value not found^HL70357|W||||Sex is unknown'
const information = 'ERR||PID^1^8|0^Message accepted^HL70357|I||||Stored'
const fatal = 'ERR|||207^Application internal error^HL70357|F'
const locked = 'ERR|||206^Application record locked^HL70357|E||||Please try again'

const NOT_NOW = '(E#408,E#425,E#429)=RF'
const NO_ACCESS = '(E#401,E#403,E#404,E#405,E#407,E#410,E#431)=RF'
const INTERSYSTEMS = ':?R=RF,:?E=S,:~=S,:?A=C,:*=S,:I?=W,:T?=C'

const page = { body: '<html><body><h1>Bad Gateway</h1></body></html>', type: 'text/html' }
const refusal = { body: '{"error":"Sender is unknown"}', type: 'application/problem+json' }
/** Without an MSA. */
const query = `${MSH}QAK|Q1|OK\r`
const typed = (type: string, code = 'AA') => ack(code).replace('ACK^A01^ACK', type)

byDefault('MSA-1', [
  [200, ack('AA'), 'ACK', ':?A=C', 'AA M1'],
  [200, ack('CA'), 'ACK', ':?A=C', 'CA M1'],
  [200, ack('AE', error), 'NAK', ':?E=F', 'AE M1 E 1'],
  [200, ack('CE'), 'NAK', ':?E=F', 'CE M1'],
  [200, ack('AR'), 'NAK', ':?R=F', 'AR M1'],
  [200, ack('CR'), 'NAK', ':?R=F', 'CR M1'],
  [200, ack('AAX'), 'NAK', ':*=F', 'AAX M1'],
  [200, ack('aa'), 'NAK', ':*=F', 'aa M1'],
  [200, ack('ZZ'), 'NAK', ':*=F', 'ZZ M1'],
  [200, ack(''), 'NAK', ':_=F', '- M1'],
  // Padded to a fixed width.
  [200, ack('AA  '), 'ACK', ':?A=C', 'AA   M1'],
  [200, ack('AE '), 'NAK', ':?E=F', 'AE  M1'],
  [500, ack('AA '), 'retried, then error', 'E=RF'],
  [200, ack(' '), 'NAK', ':_=F', '  M1'],
  [200, ack(' AA'), 'NAK', ':*=F', ' AA M1'],
  [200, ack('AA', 'MSA|AE |M1'), 'NAK', ':?E=F', 'AE  M1']
])

byDefault('an acknowledgement counts whatever the status, AA and CA with 2xx only', [
  [201, ack('AA'), 'ACK', ':?A=C', 'AA M1'],
  [299, ack('CA'), 'ACK', ':?A=C', 'CA M1'],
  [300, ack('AA'), 'retried, then error', 'E=RF'],
  [400, ack('AA'), 'error', 'E#4xx=F'],
  [401, ack('AA'), 'retried, then error', NO_ACCESS],
  [500, ack('AA'), 'retried, then error', 'E=RF'],
  [503, ack('CA'), 'retried, then error', 'E=RF'],
  [500, ackOf('M9', 'AA'), 'retried, then error', 'E=RF'],
  [400, ack('AR'), 'NAK', ':?R=F', 'AR M1'],
  [503, ack('AR'), 'NAK', ':?R=F', 'AR M1'],
  [500, ack('AE', error), 'NAK', ':?E=F', 'AE M1 E 1'],
  [500, ack('CE'), 'NAK', ':?E=F', 'CE M1'],
  [302, ack('CR'), 'NAK', ':?R=F', 'CR M1'],
  [500, ack(''), 'NAK', ':_=F', '- M1'],
  [500, ack('AAX'), 'NAK', ':*=F', 'AAX M1'],
  [500, ack('AA', 'MSA|AE|M1', error), 'NAK', ':?E=F', 'AE M1 E 1'],
  [500, ack('AA') + ack('AA'), 'retried, then error', 'E=RF'],
  [401, 'BHS|^~\\&|LAB\r', 'retried, then error', NO_ACCESS]
])

byDefault('MSA-2', [
  [200, ackOf('', 'AA'), 'ACK', ':?A=C', 'AA -'],
  [200, ackOf('M9', 'AA'), 'ACK, warned', ':?A=C', 'AA M9'],
  [200, ackOf('M9', 'AE'), 'NAK, warned', ':?E=F', 'AE M9'],
  [200, ackOf('m1', 'AA'), 'ACK, warned', ':?A=C', 'AA m1'],
  // Of a component or repetition, only the first counts; an escaped separator is none.
  [200, ackOf('M1^X', 'AA'), 'ACK', ':?A=C', 'AA M1^X'],
  [200, ackOf('M1~X', 'AA'), 'ACK', ':?A=C', 'AA M1~X'],
  [200, ackOf('X^M1', 'AA'), 'ACK, warned', ':?A=C', 'AA X^M1'],
  [200, ackOf('M1\\S\\X', 'AA'), 'ACK, warned', ':?A=C', 'AA M1^X'],
  // Padded to a fixed width.
  [200, ackOf('M1   ', 'AA'), 'ACK', ':?A=C', 'AA M1   '],
  [200, ackOf('M1 ^X', 'AA'), 'ACK', ':?A=C', 'AA M1 ^X'],
  [200, ackOf('  ', 'AA'), 'ACK', ':?A=C', 'AA   '],
  [200, ackOf(' M1', 'AA'), 'ACK, warned', ':?A=C', 'AA  M1']
])

byDefault(
  'MSA-2, for a message whose MSH-10 is padded',
  [
    [200, ackOf('M1', 'AA'), 'ACK', ':?A=C', 'AA M1'],
    [200, ackOf('M1   ', 'AA'), 'ACK', ':?A=C', 'AA M1   '],
    [200, ADT.replace('|M1|', '|M1   |'), 'error', ':~=F']
  ],
  ADT.replace('|M1|', '|M1   |')
)

byDefault(
  'MSA-2, for a message whose MSH-10 has two components',
  [
    [200, ackOf('A^B', 'AA'), 'ACK', ':?A=C', 'AA A^B'],
    [200, ackOf('A', 'AA'), 'ACK', ':?A=C', 'AA A'],
    [200, ackOf('A\\S\\B', 'AA'), 'ACK', ':?A=C', 'AA A^B'],
    [200, ackOf('B', 'AA'), 'ACK, warned', ':?A=C', 'AA B']
  ],
  ADT.replace('|M1|', '|A^B|')
)

byDefault('several acknowledgements: the worst counts', [
  [200, ack('AA', 'MSA|AE|M1', error), 'NAK', ':?E=F', 'AE M1 E 1'],
  [200, ack('AE', error, 'MSA|AR|M1', fatal), 'NAK', ':?R=F', 'AR M1 F 2'],
  [200, ack('AA', 'MSA|ZZ|M1'), 'NAK', ':*=F', 'ZZ M1'],
  [200, ack('ZZ', 'MSA|AE|M1'), 'NAK', ':?E=F', 'AE M1'],
  [200, ack('AA') + ackOf('M9', 'AR'), 'NAK, warned', ':?R=F', 'AR M9']
])

const two = `FHS|^~\\&|||||||||F1\rBHS|^~\\&|||||||||B1\r${ADT}${ADT.replace('|M1|', '|M2|')}`
byDefault(
  'a batch of two messages',
  [
    [200, ack('AA') + ackOf('M2', 'AA'), 'ACK', ':?A=C', 'AA M1'],
    [200, `BHS|^~\\&\r${ack('AA')}${ackOf('M2', 'AE')}BTS|2\r`, 'NAK', ':?E=F', 'AE M2'],
    [200, `FHS|^~\\&\r${ack('AE')}${ackOf('M2', 'AR')}FTS|1\r`, 'NAK', ':?R=F', 'AR M2'],
    [200, ackOf('F1', 'AA'), 'ACK', ':?A=C', 'AA F1'],
    [200, ackOf('B1', 'AA'), 'ACK', ':?A=C', 'AA B1'],
    [200, ackOf('M9', 'AA'), 'ACK, warned', ':?A=C', 'AA M9'],
    // A batch that lists no error.
    [200, 'FHS|^~\\&\rBHS|^~\\&\rBTS|0\rFTS|1\r', 'ACK', ':?A=C', 'AA -'],
    [200, 'BHS|^~\\&|LAB\r', 'ACK', ':?A=C', 'AA -'],
    [200, 'BHS|^~\\&|||||||||R1\r NTE|1\rBTS|\r', 'ACK', ':?A=C', 'AA -'],
    [500, 'FHS|^~\\&\rBHS|^~\\&\rBTS|0\rFTS|1\r', 'retried, then error', 'E=RF'],
    // A header that is quoted, or cut off; and a batch whose messages were cut off.
    [200, 'BHS|^~\\&|||||||||B1\r', 'error', ':~=F'],
    [200, 'FHS|^~\\&|||||||||F1\rBHS|^~\\&\rBTS|0\rFTS|1\r', 'error', ':~=F'],
    [200, 'BHS|^~\\&|||||||||B\r', 'error', ':~=F'],
    [200, 'BHS|^~\\&|LAB\rBTS|2\r', 'error', ':~=F']
  ],
  two
)

byDefault('an empty batch acknowledges no single message', [
  [200, 'BHS|^~\\&|LAB\r', 'error', ':~=F'],
  [200, 'BHS|^~\\&|LAB\rBTS|0\r', 'error', ':~=F'],
  [200, 'FHS|^~\\&|LAB\rBHS|^~\\&|LAB\rNTE|1||Sender is unknown\rBTS|0\rFTS|1\r', 'error', ':~=F'],
  [201, 'FHS|^~\\&|LAB\rFTS|0\r', 'error', ':~=F'],
  [
    200,
    { body: '{"file":"FHS|^~\\\\&|LAB\\rFTS|0\\r","error":"refused"}', type: 'application/json' },
    'error',
    ':~=F'
  ],
  [200, 'MSA|AA|M1\r', 'ACK', ':?A=C', 'AA M1']
])

byDefault('2xx without an acknowledgement: NAK if the receiver answered with HL7', [
  [200, query, 'NAK', ':~=F'],
  [200, `${MSH}${error}\r`, 'NAK', ':~=F'],
  [200, `BHS|^~\\&|LAB\r${error}\r`, 'NAK', ':~=F'],
  [200, ADT.replace('|M1|', '|R1|'), 'NAK', ':~=F'],
  [200, ADT.replace('^A01^ADT_A01', '^A08'), 'NAK', ':~=F'],
  [200, ADT, 'error', ':~=F'],
  [200, ADT.replaceAll('^', ';'), 'error', ':~=F'],
  [200, ADT + ADT.replace('|M1|', '|M2|'), 'error', ':~=F'],
  // Neither a type nor an error: a fragment.
  [200, MSH.replace('ACK^A01^ACK', ''), 'error', ':~=F'],
  [200, 'MSH|^~\\&', 'error', ':~=F'],
  [200, `MSH${'|'.repeat(60_000)}`, 'error', ':~=F'],
  [200, 'OK', 'error', ':~=F'],
  [200, '1', 'error', ':~=F'],
  [200, '\n', 'error', ':~=F'],
  [299, 'OK', 'error', ':~=F'],
  [200, page, 'error', ':~=F'],
  [201, { body: '{"id":"b1d2","status":"Received"}', type: 'application/json' }, 'error', ':~=F'],
  [200, { body: Buffer.alloc(64) }, 'error', ':~=F'],
  [200, { body: Buffer.from('25504446ff00fe0d0a', 'hex') }, 'error', ':~=F']
])

byDefault(
  'a file without messages, or a message without a trigger, comes back',
  [
    [200, 'FHS|^~\\&|||||||||F1\rFTS|0\r', 'error', ':~=F'],
    [200, 'FHS|^~\\&|LAB||||||||F9\rFTS|0\r', 'ACK', ':?A=C', 'AA -'],
    [500, 'FHS|^~\\&|||||||||F1\rFTS|0\r', 'retried, then error', 'E=RF'],
    [500, `FHS|^~\\&|||||||||F1\r${error}\r`, 'retried, then error', 'E=RF'],
    [500, `FHS|^~\\&|||||||||F2\r${error}\r`, 'retried, then NAK', 'E=RF']
  ],
  'FHS|^~\\&|||||||||F1\rFTS|0\r'
)
byDefault(
  'a batch comes back',
  [
    [200, `BHS|^~\\&|||||||||B1\r${ADT}`, 'error', ':~=F'],
    [200, `BHS|^~\\&|||||||||B2\r${ADT}`, 'NAK', ':~=F']
  ],
  `BHS|^~\\&|||||||||B1\r${ADT}`
)
byDefault(
  'a message whose MSH-9 has no trigger',
  [
    [200, 'MSH|^~\\&|||||||ADT|M1\r', 'error', ':~=F'],
    [200, 'MSH|^~\\&|||||||ADT^A01|M1\r', 'NAK', ':~=F']
  ],
  'MSH|^~\\&|||||||ADT|M1\r'
)

byDefault('a status outside 2xx without an acknowledgement', [
  [301, '', 'retried, then error', 'E=RF'],
  [302, page, 'retried, then error', 'E=RF'],
  [304, '', 'retried, then error', 'E=RF'],
  [399, '', 'retried, then error', 'E=RF'],
  [400, refusal, 'error', 'E#4xx=F'],
  [401, '', 'retried, then error', NO_ACCESS],
  [403, refusal, 'retried, then error', NO_ACCESS],
  [404, page, 'retried, then error', NO_ACCESS],
  [405, '', 'retried, then error', NO_ACCESS],
  [407, page, 'retried, then error', NO_ACCESS],
  [408, '', 'retried, then error', NOT_NOW],
  [410, page, 'retried, then error', NO_ACCESS],
  [413, '', 'error', 'E#4xx=F'],
  [415, refusal, 'error', 'E#4xx=F'],
  [422, refusal, 'error', 'E#4xx=F'],
  [425, '', 'retried, then error', NOT_NOW],
  [429, refusal, 'retried, then error', NOT_NOW],
  [499, '', 'error', 'E#4xx=F'],
  [500, 'OK', 'retried, then error', 'E=RF'],
  [500, query, 'retried, then NAK', 'E=RF'],
  [500, ADT, 'retried, then error', 'E=RF'],
  [502, page, 'retried, then error', 'E=RF'],
  [503, page, 'retried, then error', 'E=RF'],
  [504, page, 'retried, then error', 'E=RF'],
  [520, page, 'retried, then error', 'E=RF'],
  [599, '', 'retried, then error', 'E=RF'],
  [999, 'OK', 'retried, then error', 'E=RF']
])

byDefault('no body', [
  [200, '', 'error', 'X=F'],
  [202, '', 'error', 'X=F'],
  [204, '', 'error', 'X=F']
])
byDefault(
  'no body, for a message that wants no acknowledgement on success (MSH-15 and MSH-16 are NE)',
  [
    [200, '', 'ACK', ''],
    [202, '', 'ACK', ''],
    [204, '', 'ACK', ''],
    [200, ack('AE'), 'NAK', ':?E=F', 'AE M1'],
    [200, ack('AA'), 'ACK', ':?A=C', 'AA M1'],
    // A line end is no reply.
    [200, '\r\n', 'ACK', ''],
    [200, ' ', 'ACK', ''],
    [500, '\r\n', 'retried, then error', 'E=RF'],
    [200, '.', 'error', ':~=F'],
    [200, 'OK', 'error', ':~=F'],
    [500, '', 'retried, then error', 'E=RF'],
    [503, page, 'retried, then error', 'E=RF'],
    [200, { cut: 'within' }, 'retried, then error', 'E=RF']
  ],
  ADT.replace('|P|2.5.1', '|P|2.5.1|||NE|NE')
)
it('no body, for such a message: no rule is asked', async () => {
  const sent = ADT.replace('|P|2.5.1', '|P|2.5.1|||NE|NE')
  for (const rules of ['X=F', 'X=W,@status:200=D', INTERSYSTEMS]) {
    const { decision } = await exchange.attempt({}, { rules }, sent)
    const { outcome, rule, action, warnings } = decision
    assert.deepEqual([outcome, rule, action, warnings], ['accept', '', '', []])
  }
})

byRules('InterSystems: its documented default', {
  [INTERSYSTEMS]: [
    [200, ack('AA'), 'ACK', ':?A=C', 'AA M1'],
    [200, ack('AE', error), 'suspended', ':?E=S', 'AE M1 E 1'],
    [500, ack('AE', error), 'suspended', ':?E=S', 'AE M1 E 1'],
    [200, ack('CE'), 'suspended', ':?E=S', 'CE M1'],
    [200, ack('AR'), 'retried, then NAK', ':?R=RF', 'AR M1'],
    [200, ack('ZZ'), 'suspended', ':*=S', 'ZZ M1'],
    [200, ack(''), 'NAK', '', '- M1'],
    [200, ack('AR '), 'retried, then NAK', ':?R=RF', 'AR  M1'],
    [200, ackOf('M9', 'AA'), 'ACK, warned', ':?A=C', 'AA M9'],
    [200, typed('ADT^A01', 'ZZ'), 'suspended', ':*=S', 'ZZ M1'],
    [200, 'OK', 'suspended', ':~=S'],
    [200, '', 'error', ''],
    [400, '', 'error', 'E#4xx=F'],
    [404, '', 'retried, then error', NO_ACCESS],
    [500, ack('AA'), 'retried, then error', 'E=RF'],
    [503, page, 'retried, then error', 'E=RF']
  ]
})

byRules('tests of MSA-1', {
  ':aa=C': [[200, ack('aa'), 'ACK', ':aa=C', 'aa M1']],
  ':AA=C': [[200, ack('AAX'), 'NAK', '', 'AAX M1']],
  ':AA=C,:AE=S': [[200, ack('AA', 'MSA|AE|M1'), 'suspended', ':AE=S', 'AE M1']],
  ':AA=S,:"AA "=C': [[200, ack('AA '), 'suspended', ':AA=S', 'AA  M1']],
  ':"AA "=C': [[200, ack('AA '), 'ACK', ':"AA "=C', 'AA  M1']],
  '@ERR-3:206=S': [
    [200, ack('AE', locked.replace('206', '206  ')), 'suspended', '@ERR-3:206=S', 'AE M1 E 1']
  ],
  '@MSA-1:AA=C,:AE=S': [[200, ack('AA', 'MSA|AE|M1'), 'ACK', '@MSA-1:AA=C', 'AE M1']],
  '(:AA,:?A,:T?,:~,X,:_,:*)=C': [[500, ack('AA'), 'retried, then error', 'E=RF']],
  '(:~,X,:_,:*)=C': [[500, 'OK', 'retried, then error', 'E=RF']],
  ':~=C': [[200, '', 'error', '']],
  'X=C': [
    [200, ack('AA'), 'NAK', '', 'AA M1'],
    [200, '', 'ACK', 'X=C'],
    [500, '', 'retried, then error', 'E=RF']
  ]
})

byRules('tests of MSA-2 and MSH-9', {
  ':I?=S,:?A=C': [
    [200, ackOf('M9', 'AA'), 'suspended', ':I?=S', 'AA M9'],
    [200, ack('AA'), 'ACK', ':?A=C', 'AA M1'],
    [500, ackOf('M9', 'AA'), 'retried, then error', 'E=RF']
  ],
  ':?A=C,:I?=S': [[200, ackOf('M9', 'AA'), 'ACK', ':?A=C', 'AA M9']],
  ':I?=S,:?E=F': [[200, ackOf('', 'AE'), 'NAK', ':?E=F', 'AE -']],
  ':I?=S': [[200, 'OK', 'error', '']],
  ':T?=C': [
    [200, typed('ADT^A01'), 'ACK', ':T?=C', 'AA M1'],
    [200, typed('ADT^A02'), 'ACK', ':T?=C', 'AA M1'],
    [200, typed(''), 'ACK', ':T?=C', 'AA M1'],
    [200, typed('ACK'), 'NAK', '', 'AA M1'],
    [200, typed('ADTX'), 'NAK', '', 'AA M1'],
    [200, 'MSA|AA|M1', 'NAK', '', 'AA M1'],
    [200, ADT, 'ACK', ':T?=C'],
    [500, ADT, 'retried, then error', 'E=RF'],
    [200, 'OK', 'error', '']
  ]
})

byRules('tests of the HTTP status', {
  '@status:5xx=S,:?E=F': [[500, ack('AE'), 'suspended', '@status:5xx=S', 'AE M1']],
  '@status:500=C': [[500, ack('AA'), 'ACK', '@status:500=C']],
  'E#400=S,:?R=F': [[400, ack('AR'), 'NAK', ':?R=F', 'AR M1']],
  'E#500=S,:?A=C': [[500, ack('AA'), 'suspended', 'E#500=S']],
  'E#503=RS,E=F': [
    [503, page, 'retried, then suspended', 'E#503=RS'],
    [502, page, 'error', 'E=F']
  ],
  'E#5xx=RD': [
    [599, page, 'retried, then paused', 'E#5xx=RD'],
    [499, page, 'error', 'E#4xx=F']
  ],
  'E#4xx=D': [[400, '', 'paused', 'E#4xx=D']],
  'E#409=C': [[409, refusal, 'ACK', 'E#409=C']],
  'E#2xx=S,:~=C': [[200, 'OK', 'ACK', ':~=C']],
  'E*"HTTP STATUS 502"=S': [[502, '', 'suspended', 'E*"HTTP STATUS 502"=S']],
  ':~&@status:2xx=C': [[200, 'OK', 'ACK', ':~&@status:2xx=C']],
  ':~&@status:201=C,:~=F': [
    [201, 'OK', 'ACK', ':~&@status:201=C'],
    [200, 'OK', 'error', ':~=F']
  ],
  'X&@status:204=C,X=F': [[204, '', 'ACK', 'X&@status:204=C']],
  '(:?R,:AA&@status:201)=S,:?A=C': [
    [200, ack('AA'), 'ACK', ':?A=C', 'AA M1'],
    [201, ack('AA'), 'suspended', '(:?R,:AA&@status:201)=S', 'AA M1']
  ]
})

byRules('tests of ERR', {
  ':?E&@severity:W=WC,:?E=F': [
    [200, ack('AE', warning, information), 'ACK, warned', ':?E&@severity:W=WC', 'AE M1 W 2'],
    [200, ack('AE', warning, error), 'NAK', ':?E=F', 'AE M1 E 2']
  ],
  '@severity:E=S,@severity:F=D': [
    [200, ack('AE', error, fatal), 'paused', '@severity:F=D', 'AE M1 F 2']
  ],
  '@severity:I=C': [
    [200, ack('AE', information), 'ACK', '@severity:I=C', 'AE M1 I 1'],
    [500, ack('AA', information), 'retried, then error', 'E=RF']
  ],
  '(@severity:I,@severity:W,@severity:E,@severity:F)=C,:AE=F': [
    [200, ack('AE'), 'NAK', ':AE=F', 'AE M1']
  ],
  '(@ERR-3:206,@ERR-3:207)=RS,:?E=F': [
    [200, ack('AE', locked), 'retried, then suspended', '(@ERR-3:206,@ERR-3:207)=RS', 'AE M1 E 1'],
    [200, ack('AE', error), 'NAK', ':?E=F', 'AE M1 E 1']
  ],
  '@ERR-3:20=S,:?E=F': [[200, ack('AE', locked), 'NAK', ':?E=F', 'AE M1 E 1']],
  '@ERR-8*PATIENT ID=S': [[200, ack('AE', error), 'suspended', '@ERR-8*PATIENT ID=S', 'AE M1 E 1']],
  '@ERR-8*nobody=S,:?E=F': [[200, ack('AE', error), 'NAK', ':?E=F', 'AE M1 E 1']],
  '@ERR-3:101=S': [[500, query + error, 'suspended', '@ERR-3:101=S']]
})

byRules('tests of texts', {
  '@MSA-3*rejected=F,:?A=C': [
    [200, ack('AA').replace('M1\r', 'M1|Now REJECTED\r'), 'NAK', '@MSA-3*rejected=F', 'AA M1'],
    [200, ack('AA'), 'ACK', ':?A=C', 'AA M1']
  ],
  '@MSA-1:AA=D': [[500, ack('AA'), 'paused', '@MSA-1:AA=D']],
  '@*MSA|AA=D': [[500, ack('AA'), 'paused', '@*MSA|AA=D']],
  '@*MSA|AA=S': [
    [200, Buffer.from(ack('AA')).toString('base64'), 'suspended', '@*MSA|AA=S', 'AA M1']
  ],
  '@*TVNI=S': [[200, Buffer.from(ack('AA')).toString('base64'), 'suspended', '@*TVNI=S', 'AA M1']],
  '@*gateway=D': [[502, page, 'paused', '@*gateway=D']],
  '@*nowhere=D': [[502, page, 'retried, then error', 'E=RF']],
  'E#400&@*unknown=S,E=F': [[400, refusal, 'suspended', 'E#400&@*unknown=S']],
  ':~&@*received=C': [[200, 'Received', 'ACK', ':~&@*received=C']]
})

/** A SOAP 1.1 reply. */
function inEnvelope(body: string): Body {
  const uri = 'http://schemas.xmlsoap.org/soap/envelope/'
  return {
    body: `<s:Envelope xmlns:s="${uri}"><s:Body>${body}</s:Body></s:Envelope>`,
    type: 'text/xml'
  }
}

/** A SOAP 1.1 fault with this code and detail. */
function fault(code: string, detail = '', words = 'No'): Body {
  return inEnvelope(
    `<s:Fault><faultcode>s:${code}</faultcode><faultstring>${words}</faultstring><detail>${detail}</detail></s:Fault>`
  )
}

/** A SOAP 1.2 fault with this subcode. */
function senderFault(subcode: string): Body {
  const uri = 'http://www.w3.org/2003/05/soap-envelope'
  const codes = `<s:Value>s:Sender</s:Value><s:Subcode><s:Value>${subcode}</s:Value></s:Subcode>`
  const body = `<s:Fault><s:Code>${codes}</s:Code></s:Fault>`
  return {
    body: `<s:Envelope xmlns:s="${uri}"><s:Body>${body}</s:Body></s:Envelope>`,
    type: 'application/soap+xml'
  }
}

/** A SOAP 1.2 fault of the server's, as PHP writes it. */
function receiverFault(words: string): Body {
  return {
    body: `<?xml version="1.0" encoding="UTF-8"?>\n<env:Envelope xmlns:env="http://www.w3.org/2003/05/soap-envelope"><env:Body><env:Fault><env:Code><env:Value>env:Receiver</env:Value></env:Code><env:Reason><env:Text>${words}</env:Text></env:Reason></env:Fault></env:Body></env:Envelope>\n`,
    type: 'application/soap+xml; charset=utf-8'
  }
}

const NO_ACTION = 'The given SOAPAction urn:x:send does not match an operation.'

const ofRegistry = (name: string): string => `<${name} xmlns="urn:cdc:iisb:2011"/>`

byRules('immunization registries: a SOAP fault', {
  '': [
    // CXF says 500 to everything.
    [500, fault('Client'), 'error', 'E#4xx=F'],
    [500, fault('Client.Schema'), 'error', 'E#4xx=F'],
    [500, fault('VersionMismatch'), 'error', 'E#4xx=F'],
    [500, fault('MustUnderstand'), 'error', 'E#4xx=F'],
    [500, fault('Server'), 'retried, then error', 'E=RF'],
    [500, fault('Server', ofRegistry('MessageTooLargeFault')), 'error', 'E#4xx=F'],
    [500, fault('Server', ofRegistry('UnsupportedOperationFault')), 'error', 'E#4xx=F'],
    [500, fault('Server', ofRegistry('SecurityFault')), 'retried, then error', NO_ACCESS],
    [500, fault('Server', '<SecurityFault xmlns="x"/>'), 'retried, then error', NO_ACCESS],
    // The name of the UnknownFault's element in the WSDL.
    [500, fault('Client', ofRegistry('fault')), 'retried, then error', 'E=RF'],
    [500, fault('Client', '<fault xmlns="x"/>'), 'error', 'E#4xx=F'],
    [500, fault('Client.Authentication'), 'retried, then error', NO_ACCESS],
    // spyne, in SOAP 1.2.
    [500, senderFault('Authentication'), 'retried, then error', NO_ACCESS],
    [500, senderFault('Schema'), 'error', 'E#4xx=F'],
    // SOAP 1.2 part 2 §4.4; PHP has it as the code, or in words.
    [500, senderFault('rpc:ProcedureNotPresent'), 'error', 'E#4xx=F'],
    [500, fault('ProcedureNotPresent'), 'error', 'E#4xx=F'],
    [500, fault('Server', '', "Procedure 'send' not present"), 'error', 'E#4xx=F'],
    [500, fault('Server', '', "Function 'send' doesn't exist"), 'error', 'E#4xx=F'],
    [500, fault('Server', '', "Procedure 'send' not present today"), 'retried, then error', 'E=RF'],
    // PHP 8 with SOAP 1.2.
    [500, receiverFault("Function 'send' doesn't exist"), 'error', 'E#4xx=F'],
    [500, receiverFault('It failed'), 'retried, then error', 'E=RF'],
    // CXF 4.
    [500, fault('Server', '', NO_ACTION), 'error', 'E#4xx=F'],
    [500, receiverFault(NO_ACTION), 'error', 'E#4xx=F'],
    // WS-Security, and what Apache WSS4J says in its place.
    [500, fault('FailedAuthentication'), 'retried, then error', NO_ACCESS],
    [500, senderFault('FailedAuthentication'), 'retried, then error', NO_ACCESS],
    [500, senderFault('SecurityError'), 'retried, then error', NO_ACCESS],
    [400, faultAnswer('1.2'), 'retried, then error', NO_ACCESS],
    [500, faultAnswer('1.2'), 'retried, then error', NO_ACCESS],
    [403, fault('Client'), 'retried, then error', NO_ACCESS],
    [503, fault('Client'), 'retried, then error', 'E=RF'],
    [300, fault('Client'), 'retried, then error', 'E=RF'],
    // node-soap says 200 to a fault that it throws.
    [200, faultAnswer('1.1', 200), 'retried, then error', NO_ACCESS],
    [200, fault('Client'), 'error', 'E#4xx=F'],
    // Nothing in it accepts.
    [200, fault('Server'), 'retried, then error', 'E=RF'],
    [202, fault('Client'), 'error', 'E#4xx=F'],
    [200, fault('Unknown'), 'retried, then error', 'E=RF'],
    [200, fault('Server', `<m>${ack('AA')}</m>`), 'retried, then error', 'E=RF'],
    [200, fault('Server', `<m>${ack('AE')}</m>`), 'NAK', ':?E=F', 'AE M1'],
    // An element with that name in an answer.
    [200, inEnvelope(`<r><Fault>none</Fault><a>${ack('AA')}</a></r>`), 'ACK', ':?A=C', 'AA M1']
  ],
  'E#500=S': [
    [500, fault('Server'), 'suspended', 'E#500=S'],
    [200, fault('Server'), 'suspended', 'E#500=S'],
    [500, fault('Client'), 'error', 'E#4xx=F']
  ],
  'E#400=S,E#401=D': [
    [500, fault('Client'), 'suspended', 'E#400=S'],
    [500, faultAnswer('1.1'), 'paused', 'E#401=D']
  ],
  // 2xx without an acknowledgement is accepted.
  ':?A=C,:~=C,X=C': [
    [200, fault('Client'), 'error', 'E#4xx=F'],
    [200, fault('Server'), 'retried, then error', 'E=RF']
  ],
  '@status:2xx=C': [[200, fault('Server'), 'retried, then error', 'E=RF']],
  '@status:500=S': [[500, fault('Client'), 'suspended', '@status:500=S']],
  '@*SecurityFault=S,:?A=C': [[500, faultAnswer('1.2'), 'suspended', '@*SecurityFault=S']]
})

describe('the operation that a fault does not know', () => {
  for (const [what, body, told] of [
    [
      'with a prefix',
      '<u:submitMessage xmlns:u="urn:x"><u:hl7>',
      'have the operation submitMessage:'
    ],
    ['alone', '\n<submit/>', 'have the operation submit:'],
    ['behind a comment', '<!-- <a> --><b>', 'have the operation b:'],
    ['missing', 'MSH|^~', 'have the operation in the request:']
  ] as const) {
    it(what, async () => {
      const uri = 'http://www.w3.org/2003/05/soap-envelope'
      const request = `<s:Envelope xmlns:s="${uri}"><s:Header/><s:Body>${body}</s:Body></s:Envelope>`
      const answer = { status: 500, ...(senderFault('ProcedureNotPresent') as { body: string }) }
      const result = await exchange.attempt(answer, {
        receiver: { format: 'text', bodyTemplate: () => Promise.resolve(request) }
      })
      assert.match(whyFailed(result), new RegExp(`fault \\(Sender.ProcedureNotPresent\\).*${told}`))
    })
  }
})

describe('the version of SOAP', () => {
  for (const [sent, received, other] of [
    ['1.2', '1.1', '1.1'],
    ['1.1', '1.2', '1.2'],
    ['1.1', '1.1', undefined]
  ] as const) {
    it(`${sent}, and a fault in ${received}`, async () => {
      const request = String(soapFault(sent).body)
      const { body = '', type = '' } = faultAnswer(received) as Omit<Answer, 'status'>
      const answer = { status: 500, type, body: String(body).replaceAll('SecurityFault', 'fault') }
      const result = await exchange.attempt(answer, {
        receiver: { format: 'text', bodyTemplate: () => Promise.resolve(request) }
      })
      assert.equal(result.otherSoap, other)
      assert.deepEqual([result.meaning, result.reply?.status], [500, 500])
      assert.equal(whyFailed(result).includes(`the preset SOAP ${other}`), other !== undefined)
    })
  }

  it('is said only where the login is not what is refused', async () => {
    const request = String(soapFault('1.2').body)
    const answer = { status: 500, ...(faultAnswer('1.1') as Omit<Answer, 'status'>) }
    const result = await exchange.attempt(answer, {
      receiver: { format: 'text', bodyTemplate: () => Promise.resolve(request) }
    })
    assert.deepEqual([result.otherSoap, result.meaning], ['1.1', 401])
    assert.match(whyFailed(result), /refuses the login: check the user name/)
  })
})

/** As nginx writes it. */
const nginx = (title: string): Body => ({
  body: `<html>\r\n<head><title>${title}</title></head>\r\n<body>\r\n<center><h1>400 Bad Request</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n`,
  type: 'text/html'
})

byRules('nginx, which says 400 to a certificate and to large headers', {
  'E#tls=S,E#431=D': [
    [400, nginx('400 No required SSL certificate was sent'), 'suspended', 'E#tls=S'],
    [400, nginx('400 The SSL certificate error'), 'suspended', 'E#tls=S'],
    [400, nginx('400 Request Header Or Cookie Too Large'), 'paused', 'E#431=D'],
    [400, nginx('400 Bad Request'), 'error', 'E#4xx=F'],
    [400, nginx(`400 The SSL certificate error</title>${ADT}<title>`), 'error', 'E#4xx=F']
  ],
  'E#400=S,E#4xx=S': [[400, nginx('400 The SSL certificate error'), 'retried, then error', 'E=RF']],
  '@status:400=S': [[400, nginx('400 The SSL certificate error'), 'suspended', '@status:400=S']]
})

/** What is the same in the others. */
const LOGIN =
  '<html>\n<head><title>Login</title></head><body><form method="post" action="/pkmslogin.form"><input type="password" name="password"></form></body></html>'
/** As a portal in front of the receiver writes it: Keycloak's login, and what SAML 2.0 sends a browser to. */
const loginPages = [
  '<!DOCTYPE html>\n<html class="pf"><head><title>Sign in to ward</title></head><body><form action="x" method="post"><input tabindex="2" id="password" name="password" value="" type="password"/></form></body></html>',
  '<html><body onload="document.forms[0].submit()"><form method="post" action="https://idp.test/"><input type="hidden" name="SAMLRequest" value="PHNhbWw="/></form></body></html>',
  // What SiteMinder answers to a POST.
  '<HTML><HEAD><TITLE></TITLE></HEAD><BODY onLoad="document.AUTOSUBMIT.submit();">This page is used to hold your data while you are being authorized for your request.<BR><FORM NAME="AUTOSUBMIT" METHOD="POST" ACTION="https://sso.test/login.fcc"><INPUT TYPE="HIDDEN" NAME="SMPostPreserve" VALUE="UE9TVA=="><INPUT TYPE="SUBMIT" VALUE="Continue"></FORM></BODY></HTML>',
  // IBM's WebSEAL, SiteMinder, XHTML, and a page for Internet Explorer too.
  `<!DOCTYPE html>\n<!-- Copyright (C) 2000 Tivoli Systems, Inc. -->\n<!-- All Rights Reserved. -->\n${LOGIN}`,
  `<!-- SiteMinder Encoding=ISO-8859-1; -->\n<!--\n-->\n\n<!DOCTYPE html>\n\n${LOGIN}`,
  `<?xml version="1.0"?>\n<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN" "http://www.w3.org/TR/xhtml1/DTD/xhtml1-strict.dtd">\n${LOGIN}`,
  `<!DOCTYPE html><!--[if lt IE 7]><html class="ie6"><![endif]-->\n<!--[if gt IE 8]><!-->${LOGIN}`
].map((body) => ({ body, type: 'text/html;charset=utf-8' }))

byRules('a web page that asks for a login accepts nothing', {
  ':~=C,X=C,E#401=S': [
    ...loginPages.map((page): [number, Body, ...Seen] => [200, page, 'suspended', 'E#401=S']),
    [200, '{"password":"<input type=password>"}', 'ACK', ':~=C'],
    [200, { body: `<!-- ${LOGIN}`, type: 'text/html' }, 'ACK', ':~=C']
  ],
  '': loginPages.map((page): [number, Body, ...Seen] => [
    ...([200, page, 'retried, then error'] as const),
    NO_ACCESS
  ])
})

/** What a person would be shown. */
const thanks = { body: '<html><body>Thank you</body></html>', type: 'text/html' }

byRules('a web page is accepted by no rule that does not look at it', {
  ':~=C,X=C': [[200, thanks, 'error', '']],
  '@status:200=C': [[200, thanks, 'error', '']],
  ':~=W': [[200, thanks, 'error, warned', '']],
  ':~=S': [[200, thanks, 'suspended', ':~=S']],
  ':~=F,@*"thank you"=C': [[200, thanks, 'error', ':~=F']],
  '@*"thank you"&:~=C': [[200, thanks, 'ACK', '@*"thank you"&:~=C']],
  '': [[200, thanks, 'error', ':~=F']]
})

/** oauth2-proxy 7.15, as it asks a person to sign in. */
const signIn = {
  body: '\n<!DOCTYPE html>\n<html lang="en" charset="utf-8">\n  <head>\n    <title>Sign In</title>\n  </head>\n  <body class="has-background-light">\n      <form method="GET" action="/oauth2/start">\n        <input type="hidden" name="rd" value="/hl7">\n          <button type="submit" class="button block is-primary">Sign in with OpenID Connect</button>\n      </form>\n  </body>\n</html>\n',
  type: 'text/html; charset=utf-8'
}
const leading = (location: string): Body => ({ headers: { location } })
const toLogin = (query: string): Body => leading(`https://idp.test/realms/ward/auth?${query}`)

byRules('what leads to a login has refused the token', {
  '': [
    [
      302,
      toLogin('client_id=gate&response_type=code&scope=openid'),
      'retried, then error',
      NO_ACCESS
    ],
    [303, toLogin('SAMLRequest=PHNhbWw%3D'), 'retried, then error', NO_ACCESS],
    [302, leading('/login?response_type=code&client_id=a'), 'retried, then error', NO_ACCESS],
    [302, toLogin('response_type=code'), 'retried, then error', 'E=RF'],
    [302, leading('https://idp.test/client_id=/response_type='), 'retried, then error', 'E=RF'],
    [403, signIn, 'retried, then error', NO_ACCESS]
  ],
  'E#401=S': [
    [302, toLogin('client_id=gate&response_type=code'), 'suspended', 'E#401=S'],
    [403, signIn, 'suspended', 'E#401=S'],
    [403, page, 'retried, then error', NO_ACCESS]
  ]
})

const naming = (error: string): Body => ({
  body: '{}',
  headers: { 'www-authenticate': `Bearer error="${error}"` }
})

byRules('any 4xx that names the token has refused it (RFC 6750), and not the message', {
  '': [
    [400, naming('invalid_token'), 'retried, then error', NO_ACCESS],
    [422, naming('invalid_token'), 'retried, then error', NO_ACCESS],
    [400, naming('invalid_request'), 'error', 'E#4xx=F'],
    [500, naming('invalid_token'), 'retried, then error', 'E=RF']
  ],
  'E#401=S': [
    [400, naming('invalid_token'), 'suspended', 'E#401=S'],
    [403, naming('invalid_token'), 'retried, then error', NO_ACCESS]
  ]
})

/** Mirth 4.5.2 has taken the message for binary: this is the header of what became base64. */
const binary = 'MSHIfF5+IMIRTHIMIRTHITVNIfF5+II20260102IIACKI1IPI2.3\rMSAIAAI\r'

byRules('Mirth, which takes an application/… for binary', {
  '': [[200, { body: binary, type: 'text/plain' }, 'retried, then error', NO_ACCESS]],
  ':~=C': [[200, { body: binary, type: 'text/plain' }, 'retried, then error', NO_ACCESS]],
  'E#404=S': [[200, { body: binary, type: 'text/plain' }, 'suspended', 'E#404=S']]
})

/** Varnish 7, as it answers itself. */
const guru =
  '<!DOCTYPE html>\n<html>\n  <head>\n    <title>503 Backend fetch failed</title>\n  </head>\n  <body>\n    <h1>Error 503 Backend fetch failed</h1>\n    <p>Backend fetch failed</p>\n    <h3>Guru Meditation:</h3>\n    <p>XID: 3</p>\n    <hr>\n    <p>Varnish cache server</p>\n  </body>\n</html>\n'

byRules('Varnish, which says 503 where the server behind it broke off', {
  'E#502=S': [
    [503, guru, 'suspended', 'E#502=S'],
    [503, { body: 'Down', headers: { server: 'Varnish' } }, 'suspended', 'E#502=S'],
    [503, { body: page.body, headers: { via: '1.1 varnish' } }, 'retried, then error', 'E=RF'],
    [500, guru, 'retried, then error', 'E=RF']
  ]
})

/** As F5's firewalls reject a request. */
const rejected = {
  body: "<html><head><title>Request Rejected</title></head><body>The requested URL was rejected. Please consult with your administrator.<br><br>Your support ID is: 4711<br><br><a href='javascript:history.back();'>[Go Back]</a></body></html>",
  type: 'text/html; charset=utf-8'
}

/** As Imperva's does. */
const unsuccessful = {
  body: '<html style="height:100%"><head><META NAME="ROBOTS" CONTENT="NOINDEX, NOFOLLOW"></head><body><iframe id="main-iframe" src="/_Incapsula_Resource?edet=9">Request unsuccessful. Incapsula incident ID: 4711-4712</iframe></body></html>',
  type: 'text/html'
}

byRules('a firewall that rejects with 200', {
  '': [
    [200, rejected, 'retried, then error', NO_ACCESS],
    [200, unsuccessful, 'retried, then error', NO_ACCESS],
    [503, rejected, 'retried, then error', 'E=RF']
  ],
  ':~=C,X=C': [
    [200, rejected, 'retried, then error', NO_ACCESS],
    [200, unsuccessful, 'retried, then error', NO_ACCESS],
    [200, rejected.body.replaceAll(/<.*?>/g, ''), 'ACK', ':~=C']
  ],
  'E#403=S,:~=C': [[202, rejected, 'suspended', 'E#403=S']]
})

/** As Tomcat 10 writes it. */
const tomcat = (why: string): Body => ({
  body: `<!doctype html><html lang="en"><head><title>HTTP Status 400 – Bad Request</title><style type="text/css">body {font-family:Tahoma,Arial,sans-serif;}</style></head><body><h1>HTTP Status 400 – Bad Request</h1><hr class="line" /><p><b>Type</b> Exception Report</p><p><b>Message</b> ${why}</p><p><b>Exception</b></p><pre>java.lang.IllegalArgumentException: ${why}</pre></body></html>`,
  type: 'text/html;charset=utf-8'
})

/** Apache 2.4. */
const apacheTooLarge =
  '<!DOCTYPE HTML PUBLIC "-//IETF//DTD HTML 2.0//EN">\n<html><head>\n<title>400 Bad Request</title>\n</head><body>\n<h1>Bad Request</h1>\n<p>Your browser sent a request that this server could not understand.<br />\nSize of a request header field exceeds server limit.<br />\n</p>\n</body></html>\n'

byRules('Tomcat and Apache, which say 400 to large headers', {
  '': [
    [400, tomcat('Request header is too large'), 'retried, then error', NO_ACCESS],
    [400, tomcat('Invalid character found in the request target'), 'error', 'E#4xx=F'],
    [400, tomcat(`Request header is too large ${ADT}`), 'error', 'E#4xx=F'],
    [400, 'Request header is too large', 'error', 'E#4xx=F'],
    [400, apacheTooLarge, 'retried, then error', NO_ACCESS]
  ],
  'E#431=D': [[400, tomcat('Request header is too large'), 'paused', 'E#431=D']]
})

it('is no time with a reachable receiver, where nginx wants a client certificate', async () => {
  for (const [title, reachable] of [
    ['400 The SSL certificate error', false],
    ['400 Bad Request', true]
  ] as const) {
    const answer = { status: 400, ...(nginx(title) as Omit<Answer, 'status'>) }
    assert.equal(isReached(await exchange.attempt(answer)), reachable)
  }
})

/** A query response: it has an MSA of its own, and the receiver may quote it. */
const K22 =
  'MSH|^~\\&|IIS|STATE|APP|CLINIC|20260102||RSP^K22^RSP_K21|M1|P|2.5.1\rMSA|AA|Q1|\rQAK|Q1|OK\r'
const [K22_HEADER = '', K22_REST = ''] = K22.split(/\r(?=MSA)/)
const json = (value: unknown): Body => ({ body: JSON.stringify(value), type: 'application/json' })
/** A registry copies MSH-9 and MSH-10 into its acknowledgement. */
const copied = (code: string): string => `${K22.slice(0, K22.indexOf('MSA'))}MSA|${code}|M1\r`

byDefault(
  'an echo is no acknowledgement',
  [
    [200, K22, 'error', ':~=F'],
    [200, K22.replaceAll('\r', '\n'), 'error', ':~=F'],
    [200, Buffer.from(K22).toString('base64'), 'error', ':~=F'],
    [200, json({ error: 'Unknown sender', message: K22 }), 'error', ':~=F'],
    [200, json({ message: K22.split('\r').slice(0, 2) }), 'error', ':~=F'],
    [200, fault('Client', `<m>${K22.replaceAll('&', '&amp;')}</m>`), 'error', 'E#4xx=F'],
    [200, `<error><m><![CDATA[${K22}]]></m></error>`, 'error', ':~=F'],
    [200, `BHS|^~\\&\r${K22}BTS|1\r`, 'error', ':~=F'],
    [400, K22.replace('AA', 'AE'), 'NAK, warned', ':?E=F', 'AE Q1'],
    // Each segment as a text of its own.
    [200, json({ error: 'Unknown sender', header: K22_HEADER, rest: K22_REST }), 'error', ':~=F'],
    [
      200,
      json({ error: 'Unknown sender', segments: ['Sent:', K22_HEADER, K22_REST] }),
      'error',
      ':~=F'
    ],
    [200, `<e><s>${K22_HEADER.replace('&', '&amp;')}</s><s>${K22_REST}</s></e>`, 'error', ':~=F'],
    [200, K22_REST, 'error', ':~=F'],
    [200, json({ header: K22_HEADER, rest: 'MSA|AA|M1' }), 'ACK', ':?A=C', 'AA M1'],
    [200, json({ sent: [K22_HEADER, K22_REST], result: 'MSA|AR|M1' }), 'NAK', ':?R=F', 'AR M1'],
    // Cut off within its MSA.
    [
      200,
      json({ error: 'Unknown sender', message: K22.slice(0, K22.indexOf('1|\r')) }),
      'error',
      ':~=F'
    ],
    [
      200,
      json({ error: 'Unknown sender', message: K22.slice(0, K22.indexOf('Q1|\r')) }),
      'error',
      ':~=F'
    ],
    [200, `${K22.slice(0, K22.indexOf('|\r'))}...`, 'error', ':~=F'],
    // Beside it, the true acknowledgement counts.
    [200, json({ sent: K22, ack: ack('AR') }), 'NAK', ':?R=F', 'AR M1'],
    [200, json({ sent: K22, ack: ack('AA') }), 'ACK', ':?A=C', 'AA M1'],
    [200, ack('AE') + K22, 'NAK', ':?E=F', 'AE M1'],
    [200, copied('AA'), 'ACK', ':?A=C', 'AA M1'],
    [200, copied('AE'), 'NAK', ':?E=F', 'AE M1']
  ],
  K22
)

/** Some responses have the control ID of their query: then the MSA of their acknowledgement is the same. */
const SAME_ID = K22.replace('MSA|AA|Q1', 'MSA|AA|M1')

byDefault(
  'the header tells an acknowledgement from an echo with the same MSA',
  [
    [200, ack('AA'), 'ACK', ':?A=C', 'AA M1'],
    [200, copied('AA').replace('RSP^K22^RSP_K21', 'ACK^K22'), 'ACK', ':?A=C', 'AA M1'],
    [200, copied('AA').replace('|M1|P', '|R1|P'), 'ACK', ':?A=C', 'AA M1'],
    [200, SAME_ID, 'error', ':~=F'],
    // Not all of it is quoted.
    [200, `${SAME_ID}MSA|AR|M1\r`, 'NAK', ':?R=F', 'AR M1']
  ],
  SAME_ID
)

byDefault(
  'an echo of a batch, and of a refusal',
  [
    [200, `BHS|^~\\&\r${K22.replace('AA', 'AE')}BTS|1\r`, 'error', ':~=F'],
    [200, ack('AA') + K22.replace('AA', 'AE'), 'ACK', ':?A=C', 'AA M1']
  ],
  `BHS|^~\\&\r${K22.replace('AA', 'AE')}BTS|1\r`
)

/** As presets have them. */
const ANY_2XX = ':I?=W,:?A=C,(:?E,:?R,:_,:*)=F,(:~,X)=C'
const ANY_201 = ':I?=W,:?A=C,(:?E,:?R,:_,:*)=F,@status:201=C,(:~,X)=F'

/** HL7's XML encoding, as HAPI writes it. */
const v2xml = (code: string, prefix = ''): string =>
  `<?xml version="1.0"?>\n<${prefix}ACK xmlns="urn:hl7-org:v2xml">\n <${prefix}MSA>\n  <${prefix}MSA.1>${code}</${prefix}MSA.1>\n  <${prefix}MSA.2>M1</${prefix}MSA.2>\n </${prefix}MSA>\n</${prefix}ACK>`
/** As Mirth Connect writes it. */
const mirthXml = (code: string): string =>
  `<HL7Message><MSA><MSA.1 a="b">\n<MSA.1.1>${code}</MSA.1.1></MSA.1><MSA.2><MSA.2.1>M1</MSA.2.1></MSA.2></MSA></HL7Message>`
const mirthJson = (code: string): string =>
  JSON.stringify({ MSA: { 'MSA.1': { 'MSA.1.1': code }, 'MSA.2': 'M1' } })
const v2xmlTyped = (code: string): string =>
  v2xml(code).replace('<MSA.1>', '<MSA.1 Type="ID" Table="HL70008">')
const jackson = (code: string): string =>
  `{\n  "MSA" : {\n    "MSA.1" : "${code}",\n    "MSA.2" : "M1"\n  }\n}`
/** As BizTalk's schemas have it, and a model in JSON whose members are named like them. */
const bizTalk = (code: string): string =>
  `<a:ACK_25_GLO_DEF xmlns:a="http://microsoft.com/HealthCare/HL7/2X"><MSA_MessageAcknowledgement><MSA.1_AcknowledgmentCode>${code}</MSA.1_AcknowledgmentCode></MSA_MessageAcknowledgement></a:ACK_25_GLO_DEF>`
const named = (code: string): Body =>
  json({ msa: { msa_1_acknowledgementCode: code, msa_2_messageControlID: 'M1' } })
/** Without its line ends. */
const joined = (code: string, by: string): string => ack(code, error).replaceAll('\r', by)
const twice = (text: string): Body => json({ result: text.replaceAll('\r', '\\r') })
const lines = (...texts: string[]): string =>
  texts.map((text) => `${JSON.stringify({ ack: text })}\n`).join('')
const mtom = (text: string): Body => ({
  body: `--b\r\nContent-Type: application/xop+xml\r\n\r\n<r><x:Include xmlns:x="y" href="cid:1"/></r>\r\n--b\r\nContent-ID: <1>\r\n\r\n${text}\r\n--b--`,
  type: 'multipart/related; boundary=b'
})

const mixed = (...texts: string[]): Body => ({
  body: `${texts.map((text) => `--b\r\n\r\n${text}\r\n`).join('')}--b--`,
  type: 'multipart/mixed; boundary=b'
})

const quotingFault = `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><s:Fault><faultcode>s:Client</faultcode><detail><![CDATA[${ack('AA')}]]></detail></s:Fault></s:Body></s:Envelope>`

byDefault('a part of a multipart body', [
  [200, mixed('OK', ack('AE', error)), 'NAK', ':?E=F', 'AE M1 E 1'],
  [200, mixed(ADT, ack('AA')), 'ACK', ':?A=C', 'AA M1'],
  [200, mixed(ADT, 'OK'), 'error', ':~=F'],
  [200, mixed('OK', quotingFault), 'error', 'E#4xx=F'],
  [200, mixed(ack('AA'), quotingFault), 'error', 'E#4xx=F'],
  [500, mixed('OK', quotingFault), 'error', 'E#4xx=F']
])

/** Where nobody looks for an acknowledgement, or finds none. Without a message in HL7, the refusal goes to Catch. */
const unread: [Body, (Body | undefined)?, ('NAK' | 'error')?][] = [
  [v2xml('AE'), v2xml('AA')],
  [v2xml('CR', 'hl7:'), v2xml('AE').replace('AE<', '<')],
  [mirthXml('AR'), mirthXml('CA')],
  [mirthJson('AE'), mirthJson('AA')],
  [json({ result: mirthJson('AE') }), json({ result: mirthJson('AA') })],
  [mtom(ack('AE')), mtom(ack('AA'))],
  [twice(ack('AE')), twice(ack('AA')), 'NAK'],
  [json({ result: ack('AE').replaceAll('\r', '\\n') }), undefined, 'NAK'],
  [lines('OK', ack('AR')), lines('OK', ack('AA'))],
  [lines('OK', 'MSA|AE'), lines('OK', 'MSA|AA')],
  [`Received:\r\n${ack('AE')}`, `Received:\r\n${ack('AA')}`],
  [`\0${ack('AE', error)}`, `\0${ack('AA')}`],
  [`<r ack="${ack('AE').replaceAll('\r', '&#13;').replaceAll('&\\', '')}"/>`],
  [`<r ack="MSA&#124;AR&#124;M1"/>`, `<r ack="MSA&#124;AA&#124;M1"/>`],
  [`<html><pre>\n${ack('AE')}</pre></html>`, `<html><pre>\n${ack('AA')}</pre></html>`],
  [`<html><p>MSH|^~\\&amp;<br/>MSA|AE|M1</p></html>`],
  [v2xml('\n<![CDATA[\nAE\n]]>'), v2xml('<![CDATA[\nAA\n]]>')],
  // With the attributes of the schemas of HL7.
  [v2xmlTyped('AE'), v2xmlTyped('AA')],
  // As Jackson indents it.
  [jackson('AE'), jackson('AA')],
  ['Received:\rMSA^AE^M1', 'Received:\rMSA^AA^M1'],
  ['MSA^AE^M1', 'MSA^AA^M1'],
  [String.raw`Received: MSH\u007c^\u000dMSA\u007cAR`, String.raw`Received: \u000dMSA\u007cAA`],
  ['ack=MSH%7C%0DMSA%7CAE', 'ack=MSH%7C%0DMSA%7CAA'],
  [bizTalk('AE'), bizTalk('AA')],
  [named('AR'), named('CA')],
  [json({ MSA_1: 'AE' }), json({ MSA_1: 'AA', MSA_10: 'AE' })],
  // Line ends were lost, or became something else: in an attribute a reader makes them blanks.
  [joined('AE', ' '), joined('AA', ' '), 'NAK'],
  [joined('CE', ''), joined('CA', ''), 'NAK'],
  [joined('AR', '=0D'), joined('AA', '=0D'), 'NAK'],
  [json({ ack: joined('AE', ' ') }), json({ ack: joined('AA', ' ') }), 'NAK'],
  [
    `<r a="${joined('AE', ' ').replace('&', '&amp;')}"/>`,
    `<r a="${joined('AA', ' ').replace('&', '&amp;')}"/>`
  ],
  // Words about an acknowledgement, or something that only looks like one.
  ['Rejected:\n  MSA|AE', 'Answered MSA|AE before, now stored'],
  ['"MSA|AE', '"MSA|AEX|"MSA|AEROBE|XMSA|AE|rMSA|AR|_MSA|AE']
]

describe('what seems to be refused is accepted by no rule that does not look at it', () => {
  for (const [refused, accepted, leaves = 'error'] of unread) {
    row(ANY_2XX, 200, refused, [leaves, ''])
    row(ANY_201, 201, refused, [leaves, '(:~,X)=F'])
    row('(@status:2xx,@again)=W', 200, refused, [`${leaves}, warned`, ''])
    row('', 200, refused, [leaves, ':~=F'])
    row(INTERSYSTEMS, 200, refused, ['suspended', ':~=S'])
    row('(:~,X)=C', 500, refused, [`retried, then ${leaves}`, 'E=RF'])
    if (accepted !== undefined) row(ANY_2XX, 200, accepted, ['ACK', '(:~,X)=C'])
  }
  // The header says nothing of what becomes of the message.
  const onOneLine = ack('AE').replaceAll('\r', ' ')
  for (const rule of ['@MSH-9.1:ACK=C', '@MSH-9.1*ack=C']) row(rule, 200, onOneLine, ['NAK', ''])
  // Rules that look at it.
  row('@*"MSA.1>AE"&:~=C', 200, v2xml('AE'), ['ACK', '@*"MSA.1>AE"&:~=C'])
  row(':~&@status:200=C,@*m1=C', 200, v2xml('AE'), ['ACK', '@*m1=C'])
  row(':~=A', 200, v2xml('AE'), ['awaited, then suspended', ':~=A'])

  it('says so', async () => {
    const result = await exchange.attempt({ body: v2xml('AE') }, { rules: ANY_2XX })
    assert.match(whyFailed(result), /contains no HL7 acknowledgement\. The reply may refuse/)
  })
})

describe('what the reply quotes of a sent refusal is none', () => {
  const refusing = K22.replace('AA', 'AE')
  for (const body of [refusing, twice(refusing), lines('Stored', refusing), `Got:\n${refusing}`]) {
    row(ANY_2XX, 200, body, ['ACK', '(:~,X)=C'], refusing)
  }
})

byRules('the order of rules', {
  ':AA=S,:?A=C,:AA=WD': [[200, ack('AA'), 'suspended', ':AA=S', 'AA M1']],
  // A W with another letter warns only if its rule decides.
  ':AE=WS,:?A=WC,:AA=WF': [[200, ack('AA'), 'ACK, warned', ':?A=WC', 'AA M1']],
  ':AE=WS,:?A=C': [[200, ack('AA'), 'ACK', ':?A=C', 'AA M1']],
  ':I?=WD': [[200, ackOf('M9', 'AA'), 'paused, warned', ':I?=WD', 'AA M9']],
  // A W alone goes on to the next rule, and accepts a reply if there is none, but never an error.
  ':I?=W': [[200, ackOf('M9', 'AA'), 'ACK, warned', ':I?=W', 'AA M9']],
  ':~=W': [[200, 'OK', 'ACK, warned', ':~=W']],
  'X=W': [[200, '', 'ACK, warned', 'X=W']],
  ':AE=F,:AA=W,:?A=W': [[200, ack('AA'), 'ACK, warned', ':AA=W', 'AA M1']],
  'E=W': [[502, page, 'retried, then error, warned', 'E=RF']],
  'E#4xx=W': [[400, refusal, 'error, warned', 'E#4xx=F']],
  'E=W,@*sender=W,@status:400=W': [[400, refusal, 'error, warned', 'E#4xx=F']],
  // No rule.
  ':?A=C': [[200, 'OK', 'error', '']],
  ':AE=F': [[200, ack('AA'), 'NAK', '', 'AA M1']],
  'E#4xx=D': [[502, page, 'retried, then error', 'E=RF']],
  // To await the application acknowledgement, and what follows without one.
  ':CA=A': [[200, ack('CA'), 'awaited, then suspended', ':CA=A', 'CA M1']],
  ':CA=AF': [[200, ack('CA'), 'awaited, then error', ':CA=AF', 'CA M1']],
  ':CA=WAR': [[200, ack('CA'), 'awaited, then retried, warned', ':CA=WAR', 'CA M1']]
})

it('all rules with W alone warn, before and after the one that decides', async () => {
  const rules = ':AA=W,:AE=W,:?A=C,@status:200=W'
  const { decision } = await exchange.attempt({ body: ack('AA') }, { rules })
  assert.deepEqual(decision.warnings, [':AA=W', '@status:200=W'])
})

describe('no answer, or none that can be read', () => {
  let closed: LocalServer
  let untrusted: LocalServer
  const closing: (() => unknown)[] = []
  before(async () => {
    closed = await startServer(() => undefined)
    await closed.close()
    untrusted = await startServer(() => undefined, await selfSignedCertificate())
    closing.push(untrusted.close)
  })
  after(async () => {
    for (const close of closing) await close()
  })

  const refusing = async (error: string, status: number): Promise<TokenSource> => {
    const server = await startTokenFaultServer(tokenAnswer({ error }, status))
    const httpClient = tokenHttpClient()
    const settings = { tokenEndpoint: `${server.origin}/token`, clientSecret: 'not-so-secret' }
    const tokens = new TokenSource(tokenSettings(settings), { httpClient })
    closing.push(
      () => server.close(),
      () => {
        tokens.close()
        httpClient.close()
      }
    )
    return tokens
  }

  const failures: Record<string, () => Promise<[Answer, Settings?]>> = {
    'connection refused': () => Promise.resolve([{}, { receiver: { url: closed.url } }]),
    'untrusted certificate': () => Promise.resolve([{}, { receiver: { url: untrusted.url } }]),
    'no answer in time': () => Promise.resolve([{ silent: true }]),
    'connection cut': () => Promise.resolve([{ cut: 'before' }]),
    '200 OK, cut': () => Promise.resolve([{ body: 'OK', cut: 'within' }]),
    '200 AA, cut': () => Promise.resolve([{ body: ack('AA'), cut: 'within' }]),
    '503, cut': () => Promise.resolve([{ status: 503, ...page, cut: 'within' }]),
    '200, too large': () => Promise.resolve([{ body: ack('AA').padEnd(65_537) }]),
    '200, no gzip': () =>
      Promise.resolve([{ body: ack('AA'), headers: { 'content-encoding': 'gzip' } }]),
    'token: invalid_scope, 400': async () => [{}, { tokens: await refusing('invalid_scope', 400) }],
    'token: invalid_client, 401': async () => [
      {},
      { tokens: await refusing('invalid_client', 401) }
    ],
    'token: 503': async () => [{}, { tokens: await refusing('', 503) }]
  }

  const rows: Record<string, [rules: string, leaves: string, by: string][]> = {
    'connection refused': [
      [INTERSYSTEMS, 'retried, then error', 'E=RF'],
      ['(E#timeout,E#reset,E#tls,E#token)=D,E#connect=S', 'suspended', 'E#connect=S'],
      ['E#ECONNREFUSED=D', 'paused', 'E#ECONNREFUSED=D'],
      ['E#EconnRefused=D', 'paused', 'E#EconnRefused=D'],
      ['E*NOTHING IS LISTENING=S', 'suspended', 'E*NOTHING IS LISTENING=S'],
      ['(:~,X,:_,:*,:T?,@status:2xx,@*x)=C,E=W', 'retried, then error, warned', 'E=RF']
    ],
    'no answer in time': [
      ['(E#connect,E#reset,E#tls,E#token)=D,E#timeout=F', 'error', 'E#timeout=F']
    ],
    'connection cut': [
      ['(E#connect,E#timeout,E#tls,E#token)=D,E#reset=F', 'error', 'E#reset=F'],
      ['E#RESET=F', 'error', 'E#RESET=F'],
      ['E#5xx=D', 'retried, then error', 'E=RF']
    ],
    'untrusted certificate': [
      ['(E#connect,E#timeout,E#reset,E#token)=D,E#tls=F', 'error', 'E#tls=F']
    ],
    '200 OK, cut': [
      [':~=C,E=S', 'suspended', 'E=S'],
      ['(X,@status:2xx)=C,E#reset=S', 'suspended', 'E#reset=S'],
      ['E#2xx=S', 'suspended', 'E#2xx=S']
    ],
    '503, cut': [
      ['E#503=S', 'suspended', 'E#503=S'],
      ['@status:503=S', 'suspended', '@status:503=S']
    ],
    '200, too large': [['E#ERR_RESPONSE_TOO_LARGE=F', 'error', 'E#ERR_RESPONSE_TOO_LARGE=F']],
    '200, no gzip': [
      ['E#ERR_CONTENT_DECODING=F', 'error', 'E#ERR_CONTENT_DECODING=F'],
      ['(E#connect,E#timeout,E#reset,E#tls,E#token)=D', 'retried, then error', 'E=RF']
    ],
    'token: invalid_scope, 400': [
      ['(E#4xx,E#400,@status:4xx,@status:400)=D', 'retried, then error', 'E=RF']
    ],
    'token: invalid_client, 401': [
      ['E#401=D,E#invalid_client=S', 'suspended', 'E#invalid_client=S'],
      ['E#token=RS', 'retried, then suspended', 'E#token=RS']
    ],
    'token: 503': [['(E#5xx,E#connect)=D,E#token=S', 'suspended', 'E#token=S']]
  }
  const usual: [string, string, string] = ['', 'retried, then error', 'E=RF']
  for (const [what, failure] of Object.entries(failures)) {
    for (const [rules, leaves, by] of [usual, ...(rows[what] ?? [])]) {
      it(`${what}${rules && `, ${rules}`}: ${leaves}`, async () => {
        const [answer, settings] = await failure()
        const result = await exchange.attempt(answer, { ...settings, rules })
        assert.deepEqual([leaving(result), result.decision.rule], [leaves, by])
        assert.equal(result.reply, undefined)
      })
    }
  }

  it('413, too large: error', async () => {
    const result = await exchange.attempt({ status: 413, body: 'x'.repeat(65_537) })
    assert.deepEqual([leaving(result), result.decision.rule], ['error', 'E#4xx=F'])
  })
})
