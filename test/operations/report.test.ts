import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { MessageContent } from '../../nodes/operations/answers.ts'
import { report } from '../../nodes/operations/page/story/report.ts'
import { english } from '../../src/english.ts'
import { messageRow } from '../support/fake-operations.ts'
import fc from '../support/properties.ts'
import { tabText } from '../support/tab-texts.ts'

const facts = {
  host: 'lab.example.org',
  version: '1.2.3',
  text: tabText(),
  ruleText: (key, values) => english('forms', key, values)
} satisfies Partial<Parameters<typeof report>[0]>

const MESSAGE: MessageContent = {
  ...messageRow('17', {
    acceptedAt: '2026-11-25T02:40:58.120Z',
    settledAt: '2026-11-25T02:41:05.300Z',
    attempts: 23
  }),
  attemptList: [
    { at: '2026-11-25T02:40:58.500Z', ms: 12, result: 'ECONNREFUSED' },
    { at: '2026-11-25T02:41:01.000Z', ms: 4250, result: '503', requestId: 'req-7' },
    { at: '2026-11-25T02:41:05.000Z', ms: 61_000, result: 'AE', backup: 'lab-2.example.org' }
  ],
  story: [],
  request: 'MSH|^~\\&|||||||ADT^A01|OB-17|P|2.5.1\rPID|1||4711\r',
  reply:
    'MSH|^~\\&|||||||ACK|1|P|2.5.1\rMSA|AE|OB-17\r' +
    'ERR||PID^1^3^1~PV1|206 ^Application record locked^HL70357|E |||locked by the ward\r' +
    'ERR||the bed|BED7|X\r'
}

describe('the report about a message', () => {
  it('has what the receiver needs to find it, without what the receiver says in words', () => {
    assert.deepEqual(report({ ...facts, message: MESSAGE }).split('\n'), [
      'Report on an HL7 message, without patient data',
      'Receiver: lab.example.org',
      'Control ID (MSH-10): OB-17',
      'Message type (MSH-9): ADT^A01',
      'Accepted: 2026-11-25 02:40:58.120 UTC',
      'State: suspended, 2026-11-25 02:41:05.300 UTC',
      'Attempts: 23',
      '  20 more attempts are not listed',
      '  2026-11-25 02:40:58.500 UTC, 12 ms, ECONNREFUSED',
      '  2026-11-25 02:41:01.000 UTC, 4 s, HTTP 503, x-request-id: req-7',
      '  2026-11-25 02:41:05.000 UTC, 1 min 1 s, AE, backup lab-2.example.org',
      'HTTP status: 200',
      'Acknowledgement (MSA-1): AE',
      'Error (ERR): 206 Application record locked, error, PID-3, PV1',
      'Error (ERR): other',
      'Reply rule: “ERR-3 is 206: Suspend” (@ERR-3:206=S)',
      'Sent by: node-red-hl7-https-out 1.2.3'
    ])
  })

  it('has the codes that the journal keeps, for whoever may not see the text', () => {
    const { request, reply } = { request: null, reply: null }
    const words = report({ ...facts, message: { ...MESSAGE, request, reply } })
    assert.match(words, /^Error \(ERR\): 206 Application record locked, error$/m)
  })

  it('is about a message that still waits, all of whose attempts are listed', () => {
    const { attemptList } = MESSAGE
    const waiting = { state: 'waiting', settledAt: null, attempts: attemptList.length } as const
    const lines = report({ ...facts, message: { ...MESSAGE, ...waiting } }).split('\n')
    assert.deepEqual(lines.slice(5, 8), [
      'State: waiting',
      'Attempts: 3',
      '  2026-11-25 02:40:58.500 UTC, 12 ms, ECONNREFUSED'
    ])
  })

  it('has the HTTP status of the receiver, not of the token server', () => {
    const one = (status: number, result: string): string => {
      const attemptList = [{ at: MESSAGE.acceptedAt, ms: 5, result }]
      return report({
        ...facts,
        message: { ...MESSAGE, ackCode: '', attempts: 1, status, attemptList, reply: null }
      })
    }
    assert.match(one(503, '503'), /^HTTP status: 503$/m)
    assert.doesNotMatch(one(401, 'invalid_client'), /401/)
  })

  it('has no text of the message or the reply but MSH-9, MSH-10, MSA-1, codes and places', () => {
    // What a patient is called here.
    const patient = fc
      .string({ unit: fc.constantFrom('a', 'Z', 'ß', '界', ' ', '1'), maxLength: 12 })
      .map((s) => `Qq${s}qQ`)
    const separators = fc.constantFrom('|^~\\&', '|^~\\&#', '$%*?!')
    const fields = fc.array(patient, { minLength: 30, maxLength: 30 })
    const location = fc.oneof(
      patient,
      fc.constant('PID^1^3'),
      patient.map((name) => `PID^${name}^5`)
    )
    const code = fc.oneof(patient, fc.constantFrom('101', '206', 'E17'))
    fc.assert(
      fc.property(separators, fields, location, code, (signs, names, where, what) => {
        const [field = '', component = ''] = signs
        const segment = (name: string, values: Record<number, string>, count = 10): string =>
          [
            name,
            ...Array.from({ length: count }, (_, at) => values[at + 1] ?? names[at] ?? '')
          ].join(field)
        const inSigns = (text: string): string => text.replaceAll('^', component)
        const msh = (type: string): string =>
          segment(`MSH${signs}`, { 7: inSigns(type), 8: 'OB-17' })
        const message: MessageContent = {
          ...MESSAGE,
          request: [msh('ADT^A01'), segment('PID', {}, 30), segment('PV1', {})].join('\r'),
          reply: [
            msh('ACK'),
            segment('MSA', { 1: 'AE' }),
            segment('ERR', { 2: inSigns(where), 3: inSigns(`${what}^${names[2]}`) }),
            segment('ERR', { 1: inSigns(where), 2: '', 3: '', 4: '', 5: '', 7: '', 8: '' })
          ].join('\r'),
          story: [
            {
              at: MESSAGE.acceptedAt,
              by: names[3] ?? '',
              kind: 'paused',
              values: {},
              text: names[4] ?? ''
            }
          ],
          reason: names[5] ?? ''
        }
        const words = report({ ...facts, message })
        assert.doesNotMatch(words, /Qq|qQ/)
        assert.match(words, /OB-17/)
      })
    )
  })
})
