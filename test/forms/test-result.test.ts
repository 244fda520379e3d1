import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { testResult } from '../../nodes/editor/test-result.ts'
import type { AckErrorAnswer, TestAnswer } from '../../nodes/tests/test-result.ts'
import { english } from '../../src/english.ts'

const err = (given: Partial<AckErrorAnswer>): AckErrorAnswer => ({
  ...{ location: '', code: '', codeText: '', severity: '', diagnostic: '', userMessage: '' },
  ...given
})
const refused = (code: string, ...errors: AckErrorAnswer[]): NonNullable<TestAnswer['ack']> => ({
  ...{ code, text: '', errors }
})
const ofOutage = {
  rule: 'E=RF',
  action: 'RF',
  error: { code: 'ECONNREFUSED', reason: 'Nobody is there.', hint: 'Look.' }
}

/** What a test answers, the headline in its color, and lines below it by their labels; undefined: there is none. */
const table: [answer: TestAnswer, shown: string, lines: Record<string, string | undefined>][] = [
  [
    { ack: refused('AA'), rule: ':?A=C', action: 'C', status: 200, elapsedMs: 7 },
    'good: Accepted (AA): leaves on ACK',
    { 'HTTP status': '200', Time: '7 ms', 'What to do': undefined }
  ],
  [
    { ack: null, reply: ' ', rule: ':_=C', action: 'C', status: 200 },
    'good: Accepted: leaves on ACK',
    { 'What to do': 'The rules accept this empty reply, but it proves nothing' }
  ],
  [{ ack: null, rule: 'E#4xx=F', action: 'F', status: 400 }, 'bad: Not accepted', {}],
  [
    {
      ack: {
        ...{ code: 'AE', text: 'Not stored' },
        errors: [
          err({ code: '102', severity: 'E', location: 'PID[1]-5', userMessage: 'Name is missing' }),
          err({ code: '207', codeText: 'Broken', severity: 'W', diagnostic: '<b>look</b>' })
        ]
      },
      ...{ rule: ':?E=F', action: 'F', status: 200 }
    },
    'bad: Refused (AE): leaves on NAK',
    {
      Decision: 'Give up (NAK if HL7 came back, else Catch): error (AE or CE) (rule :?E=F)',
      'Text (MSA-3)': 'Not stored',
      'Errors (ERR)':
        '102 Data type error · error · PID[1]-5 · Name is missing\n207 Broken · warning · <b>look</b>'
    }
  ],
  [
    { ack: refused('AR', err({ code: '202' })), rule: ':?R=F', action: 'F' },
    'bad: Refused (AR): leaves on NAK',
    { 'What to do': 'Path and login work; this receiver takes no test messages (MSH-11 T).' }
  ],
  [
    { ack: refused('AA'), rule: ':?A=AF', action: 'AF' },
    'good: Await the application ACK',
    { Decision: 'Await the application ACK, else give up' }
  ],
  // The status says one thing, the reply another.
  [
    { ack: null, rule: 'E#4xx=F', action: 'F', status: 500 },
    'bad: Not accepted',
    {
      Decision:
        'Give up (NAK if HL7 came back, else Catch): the reply counts as HTTP error status 4xx (rule E#4xx=F)'
    }
  ],
  [
    {
      ...ofOutage,
      request: { line: 'POST / HTTP/1.1', headers: {}, body: '' },
      retriedUntil: 'receiver'
    },
    'bad: No HL7 reply',
    {
      ...{ Error: 'ECONNREFUSED', Reason: 'Nobody is there.', 'What to do': 'Look.' },
      Decision:
        'Retry until the receiver can be reached: any error without an HL7 reply (rule E=RF)'
    }
  ],
  [
    {
      ...ofOutage,
      request: { line: 'POST / HTTP/1.1', headers: {}, body: '' },
      retriedUntil: null
    },
    'bad: No HL7 reply',
    { Decision: 'Give up (NAK if HL7 came back, else Catch): any error' }
  ],
  [
    { error: { code: 'HL7_CONFIG', reason: 'Enter the URL.', hint: '' } },
    'bad: Not sent',
    { Reason: 'Enter the URL.', 'What to do': undefined }
  ],
  [
    {
      ...{ ack: refused('AA'), rule: ':?A=C', action: 'C' },
      backup: { host: 'second:8443', status: 200, ackCode: 'AE', error: null }
    },
    'good: Accepted (AA): leaves on ACK',
    { 'Backup receiver': 'second:8443: AE · HTTP 200' }
  ]
]

describe('what is shown of the answer to a test message', () => {
  for (const [answer, headline, lines] of table) {
    it(`${headline}: ${JSON.stringify(lines)}`, () => {
      const shown = testResult(answer, (key, values) => english('forms', key, values))
      assert.equal(`${shown.outcome}: ${shown.headline}`, headline)
      const byLabel = [...(shown.lines ?? [])].filter(([, value]) => value !== '').reverse()
      for (const [label, words] of Object.entries(lines)) {
        const [, value] = byLabel.find(([name]) => name === label) ?? []
        if (words === undefined) assert.equal(value, undefined, label)
        else assert.ok(value?.startsWith(words), `${label}: ${String(value)}`)
      }
    })
  }

  it('no more than twenty errors, and of no request that was not sent', () => {
    const errors = Array.from({ length: 21 }, () => err({ code: '207' }))
    const shown = testResult(
      { ack: refused('AE', ...errors), rule: ':?E=F', action: 'F' },
      (key, values) => english('forms', key, values)
    )
    const [, listed = ''] = shown.lines?.find(([label]) => label === 'Errors (ERR)') ?? []
    assert.deepEqual([listed.split('\n').length, listed.at(-1)], [21, '…'])
    assert.equal(shown.closed?.[1], '')
  })
})
