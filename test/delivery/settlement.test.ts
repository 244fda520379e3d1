import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { AttemptResult } from '../../src/delivery/attempt-result.ts'
import { keptAnswer, MAX_ERROR_REPLY, settlementOf } from '../../src/delivery/settlement.ts'
import { resultOf } from './replies.ts'

const name = { controlId: 'M1', type: 'ADT^A01' }
const hl7 = 'MSH|^~\\&|A\rPID|1\r'
const text = 'x'.repeat(100_000)

function settled(kind: 'accept' | 'nak' | 'fail', filled: Partial<AttemptResult> = {}, hl7 = '') {
  const result = resultOf(kind)
  assert.ok(result.reply)
  return settlementOf(name, 1, { ...result, ...filled, reply: { ...result.reply, text, hl7 } }, 0)
}

describe('settlementOf', () => {
  it('is ACK if the rules accept, whatever was received', () => {
    assert.equal(settled('accept').outcome, 'ack')
    assert.equal(settled('accept', { answered: false }).outcome, 'ack')
    assert.equal(
      settlementOf(
        name,
        1,
        { ...resultOf('unreachable'), decision: resultOf('accept').decision },
        0
      ).outcome,
      'ack'
    )
  })

  it('otherwise is NAK if the receiver answered with HL7, else an error', () => {
    assert.equal(settled('nak').outcome, 'nak')
    assert.equal(settled('fail', { answered: true }).outcome, 'nak')
    const { outcome, error } = settled('fail', { answered: false })
    assert.deepEqual([outcome, error?.code], ['error', 'HL7_DELIVERY_FAILED'])
    assert.equal(error?.cause?.status, 500)
  })

  it('stores only as much of a long reply as the message leaves with', () => {
    const kept = ({ reply }: ReturnType<typeof settled>) => [reply?.text.length, reply?.hl7.length]
    assert.deepEqual(kept(settled('accept')), [text.length, 0])
    assert.deepEqual(kept(settled('nak', {}, hl7)), [MAX_ERROR_REPLY, hl7.length])
    assert.deepEqual(kept(settled('fail', {}, hl7)), [MAX_ERROR_REPLY, 0])
    assert.deepEqual(kept(keptAnswer(settled('nak', {}, hl7))), [MAX_ERROR_REPLY, 0])
  })
})
