import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { ReplyRecord } from '../../src/delivery/attempt-result.ts'
import { Standing } from '../../src/delivery/standing.ts'
import type { Settlement } from '../../src/delivery/settlement.ts'
import { NO_FIGURES } from '../support/sample-figures.ts'

const ack = (code: string, error = ''): ReplyRecord => ({
  status: 200,
  headers: {},
  text: '',
  hl7: '',
  ack: {
    code,
    controlId: '',
    text: 'DOE^JANE',
    severity: '',
    errors:
      error === ''
        ? []
        : [
            {
              location: '',
              code: error,
              codeText: '',
              severity: 'E',
              diagnostic: '',
              userMessage: ''
            }
          ]
  }
})

function setUp() {
  let now = 0
  const standing = new Standing(() => now)
  const leave = (
    type: string,
    outcome: Settlement['outcome'],
    more: Partial<Settlement> = {},
    controlId = 'C'
  ): void => {
    now += 1000
    standing.readEvent({
      kind: 'moved',
      message: { seq: now, controlId, type, acceptedAt: 0, attempts: 1 },
      to: 'left',
      settlement: { outcome, rule: '', action: '', warnings: [], settledAt: now, ...more }
    })
  }
  const refuse = (type: string): void => {
    leave(type, 'nak', { reply: ack('AE', '103') })
  }
  const pass = (ms: number): void => {
    now += ms
  }
  return { standing, leave, pass, refuse }
}

describe('what stands after messages have left', () => {
  it('is a type of which the last five were refused, in codes, until one is accepted', () => {
    const { standing, leave, refuse } = setUp()
    for (let count = 0; count < 4; count++) refuse('ADT^A40')
    leave('ADT^A08', 'ack')
    assert.deepEqual(standing.stands.refusing, [])
    refuse('ADT^A40')
    assert.deepEqual(standing.stands.refusing, [
      { type: 'ADT^A40', count: 5, since: 1000, ackCode: 'AE', error: '103' }
    ])
    leave('ADT^A40', 'ack')
    assert.deepEqual(standing.stands.refusing, [])
  })

  it('is that three different messages in a row were refused alike without HL7, until one is answered', () => {
    const { standing, leave } = setUp()
    const error = { code: 'HL7_DELIVERY_FAILED', message: '' } as const
    const refuse = (
      id: string,
      status = 400,
      about: NonNullable<Settlement['about']> = 'request'
    ): void => {
      const cause = { code: String(status), status }
      leave(`ADT^${id}`, 'error', { error: { ...error, cause }, about }, id)
    }
    const seen = (): unknown => standing.stands.refusing.map(({ count, status }) => [count, status])
    refuse('A')
    refuse('B')
    // It is sent again.
    refuse('B')
    assert.deepEqual(seen(), [])
    refuse('C')
    const all = { type: '', since: 1000, ackCode: '', error: '', status: 400 }
    assert.deepEqual(standing.stands.refusing, [{ ...all, count: 3 }])
    const next = setUp().standing
    const figures = { ...NO_FIGURES, ...standing.stands }
    next.readEvent({ kind: 'opened', endedOn: [], figures })
    assert.deepEqual(next.stands.refusing, standing.stands.refusing)
    refuse('D')
    assert.deepEqual(seen(), [[4, 400]])
    leave('ADT^A01', 'ack')
    assert.deepEqual(seen(), [])
    // Not alike, or answered with HL7 in between, or not refused.
    for (const id of ['E', 'F']) refuse(id)
    refuse('G', 422)
    for (const id of ['H', 'I']) refuse(id)
    leave('ADT^A01', 'nak', { reply: ack('AE') })
    refuse('J')
    for (const id of ['K', 'L', 'M']) refuse(id, 500, 'failed')
    assert.deepEqual(seen(), [])
    for (const id of ['N', 'O', 'P']) refuse(id, 413, 'too-large')
    assert.deepEqual(seen(), [[3, 413]])
  })

  it('is in bounded space, however many types there are, and however long one is', () => {
    const { standing, refuse } = setUp()
    for (let count = 0; count < 5; count++) refuse(`A\n${'x'.repeat(10_000)}`)
    const [long] = standing.stands.refusing
    assert.match(long?.type ?? '', /^A\?x{50,}…$/)
    assert.ok((long?.type.length ?? 0) < 200)
    for (let type = 0; type < 1000; type++) {
      for (let count = 0; count < 5; count++) refuse(`Z${type}`)
    }
    assert.equal(standing.stands.refusing.length, 200)
  })

  it('is what was given up, until it was sent again or noted; the next ACK ends nothing', () => {
    const { standing, leave } = setUp()
    const error = { code: 'HL7_DELIVERY_FAILED', message: '' } as const
    const cause = { code: '500', status: 500 }
    for (const about of ['login', 'operation'] as const) {
      leave('ADT^A01', 'error', { error: { ...error, cause }, about, operation: 'submit' })
    }
    leave('ADT^A01', 'error', { error })
    leave('ADT^A01', 'error', { error: { ...error, code: 'HL7_DISCARDED' } })
    leave('ADT^A01', 'ack')
    assert.deepEqual(standing.stands.givenUp, { count: 3, since: 1000, cause: error.code })
    leave('ADT^A01', 'error', { error: { ...error, cause }, about: 'operation', operation: 'put' })
    const last = { since: 1000, cause: '500', about: 'operation', operation: 'put' }
    assert.deepEqual(standing.stands.givenUp, { count: 4, ...last })
    standing.readEvent({ kind: 'sent-again', count: 5, givenUp: [1000, 2000, 3000], by: '' })
    assert.deepEqual(standing.stands.givenUp, { count: 1, ...last })
    standing.readEvent({ kind: 'sent-again', count: 1, givenUp: [6000], by: '' })
    assert.equal(standing.stands.givenUp, undefined)
    leave('ADT^A01', 'error', { error })
    standing.noteGivenUp()
    const count = (): number => standing.stands.givenUp?.count ?? 0
    assert.equal(count(), 0)
    leave('ADT^A01', 'error', { error })
    standing.readEvent({ kind: 'sent-again', count: 1, givenUp: [7000], by: '' })
    assert.equal(count(), 1, 'that one had been noted')
    standing.readEvent({ kind: 'sent-again', count: 1, givenUp: [8000], by: '' })
    assert.equal(count(), 0)
  })

  it('goes on in the next run', () => {
    const { standing, leave } = setUp()
    const refusing = [{ type: 'A', count: 9, since: 3, ackCode: 'AR', error: '' }]
    const ended = { count: 13, since: 0, until: 0, held: 1 }
    standing.readEvent({
      kind: 'opened',
      endedOn: [],
      figures: { ...NO_FIGURES, ended, givenUp: { count: 2, since: 1 }, refusing, lastInAt: -5 }
    })
    leave('B', 'error')
    const givenUp = { count: 3, since: 1, cause: '' }
    assert.deepEqual(standing.stands, { ended, givenUp, refusing, lastInAt: -5 })
  })

  it('is that Node-RED has ended, for a day or until somebody knows', () => {
    const ended = { count: 2, since: 0, until: 0, held: 1 }
    const opened = { kind: 'opened', endedOn: [], figures: { ...NO_FIGURES, ended } } as const
    const { standing, pass } = setUp()
    standing.readEvent(opened)
    standing.noteEnded()
    assert.equal(standing.stands.ended, undefined)
    standing.readEvent(opened)
    pass(24 * 60 * 60_000 - 1)
    assert.equal(standing.stands.ended, ended)
    pass(1)
    assert.equal(standing.stands.ended, undefined)
  })

  it('knows of a message that has come in while the queue was being opened', () => {
    const { standing } = setUp()
    standing.messageCame()
    const { lastInAt } = standing.stands
    const figures = { ...NO_FIGURES, lastInAt: -5 }
    standing.readEvent({ kind: 'opened', endedOn: [], figures })
    assert.equal(standing.stands.lastInAt, lastInAt)
  })
})
