import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { Acknowledgement } from '../../src/hl7/acknowledgement.ts'
import { faultOf, type FailureFacts, type Fault } from '../../src/delivery/fault.ts'
import type { AttemptError } from '../../src/rules/attempt.ts'
import { resultOf } from './replies.ts'

const decision = resultOf('retry').decision

function replied(status: number, code?: string): FailureFacts {
  const ack: Acknowledgement | null =
    code === undefined ? null : { code, controlId: '', text: '', severity: '', errors: [] }
  return { decision, reply: { status, headers: {}, text: '', hl7: '', ack } }
}

function failed(error: Partial<AttemptError>, more: Partial<FailureFacts> = {}): FailureFacts {
  return { decision, error: { code: '', text: '', ...error }, ...more }
}

const statuses = (...all: number[]): FailureFacts[] => all.map((status) => replied(status))
const proxied = (...all: number[]): FailureFacts[] =>
  all.map((proxyStatus) => failed({ family: 'connect', proxyStatus }))
const cut = failed({ family: 'reset' }, { isCutEarly: true })

type Row = [
  of: Fault['of'],
  waits: Fault['waits'],
  isAway: boolean,
  mayHaveArrived: boolean,
  turnsToBackup: Fault['turnsToBackup'],
  results: FailureFacts[],
  cutsInARow?: number
]

const LOGIN = 'node, as after a login'

/** A row of the table for each kind of failure. */
const ROWS: Row[] = [
  ...([
    [
      'message',
      'message',
      false,
      false,
      'no',
      statuses(400, 406, 409, 411, 413, 414, 415, 422, 418)
    ],
    ['message', 'message', false, false, 'no', [replied(200, 'AR'), replied(400, 'CR')]],
    ['message', 'message', false, true, 'no', [replied(200, 'AE'), replied(500, 'CE')]],
    ['message', 'message', false, false, 'no', [{ ...replied(500), meaning: 400 }]]
  ] satisfies Row[]),
  ...([
    [
      'receiver',
      'node',
      true,
      false,
      'yes',
      [failed({ family: 'connect' }), failed({ family: 'tls' })]
    ],
    ['receiver', 'node', true, false, 'yes', [...statuses(503), ...proxied(404, 502, 503, 504)]],
    ['receiver', 'node', true, true, 'if shared', statuses(502, 504)],
    ['receiver', 'node', false, true, 'if shared', [cut], 3],
    ['receiver', 'node', false, false, 'no', statuses(301, 308, 404, 405, 410, 429, 501)]
  ] satisfies Row[]),
  ...([
    ['credentials', LOGIN, false, false, 'no', statuses(401, 431)],
    ['credentials', LOGIN, false, false, 'no', [{ ...replied(500), meaning: 401 }]],
    ['credentials', LOGIN, false, false, 'no', [{ ...replied(400), meaning: 431 }]],
    ['credentials', LOGIN, true, false, 'no', [{ ...replied(400), meaning: 'tls' }]],
    [
      'credentials',
      LOGIN,
      true,
      false,
      'no',
      [failed({ family: 'tls', isOfOwnCertificate: true })]
    ],
    ['credentials', 'node', false, false, 'no', statuses(403)]
  ] satisfies Row[]),
  ...([
    ['proxy', LOGIN, true, false, 'no', [...statuses(407), ...proxied(407)]],
    [
      'proxy',
      'node',
      true,
      false,
      'no',
      [failed({ family: 'connect', atProxy: true }), ...proxied(403, 500)]
    ]
  ] satisfies Row[]),
  ...([
    ['token server', 'node', false, false, 'no', [failed({ family: 'token' }, { status: 401 })]],
    [
      'token server',
      'node',
      true,
      false,
      'no',
      [failed({ family: 'token' }, { isTokenServerAway: true })]
    ]
  ] satisfies Row[]),
  ...([
    [
      'nobody knows',
      'message',
      false,
      true,
      'no',
      [...statuses(200, 500, 505, 599), failed({ family: 'timeout' })]
    ],
    ['nobody knows', 'message', false, true, 'no', [cut], 2],
    ['nobody knows', 'message', false, true, 'no', [failed({ family: 'reset' })], 3],
    [
      'nobody knows',
      'message',
      false,
      true,
      'no',
      [failed({ code: 'ERR_RESPONSE_TOO_LARGE' }, { status: 200 })]
    ],
    ['nobody knows', 'message', false, false, 'no', statuses(408, 425)],
    ['nobody knows', 'message', false, false, 'no', [failed({ code: 'EUNKNOWN' })]]
  ] satisfies Row[])
]

for (const [of, waits, isAway, mayHaveArrived, turnsToBackup, results, cuts] of ROWS) {
  for (const result of results) {
    const { error, meaning, reply, status } = result
    const what = [
      reply?.status,
      reply?.ack?.code,
      meaning,
      status,
      error?.family,
      error?.code,
      error?.proxyStatus,
      cuts
    ]
    it(`is the fault of: ${of}, for ${what.filter(Boolean).join(' ')}`, () => {
      const fault = faultOf(result, cuts)
      assert.deepEqual(fault, { of, waits, isAway, mayHaveArrived, turnsToBackup })
    })
  }
}

it('is nobody’s fault that a message was accepted', () => {
  for (const kind of ['accept', 'await'] as const) assert.equal(faultOf(resultOf(kind)), undefined)
})

it('goes by the status of an answer whose body did not come', () => {
  const half = failed({ family: 'reset' }, { status: 503 })
  assert.equal(faultOf(half)?.of, 'receiver')
})
