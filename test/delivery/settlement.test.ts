import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { AttemptResult } from '../../src/delivery/courier.ts'
import { settlementOf } from '../../src/delivery/settlement.ts'
import { resultOf } from './replies.ts'

const name = { controlId: 'M1', type: 'ADT^A01' }

function leaving(hl7: string, sent = name, kind: 'accept' | 'fail' = 'fail'): string {
  const result: AttemptResult = resultOf(kind)
  assert.ok(result.reply)
  const reply = { ...result.reply, text: hl7, hl7 }
  const { outcome, error } = settlementOf(sent, 1, { ...result, reply }, 0)
  assert.equal(error?.code, outcome === 'error' ? 'HL7_DELIVERY_FAILED' : undefined)
  return outcome
}

describe('settlementOf, where the rules say F and there is no MSA', () => {
  const msh = (id: string, type = 'ADT^A01^ADT_A01') =>
    `MSH|^~\\&|A|B|C|D|2025||${type}|${id}|P|2.5\r`

  it('is NAK where the receiver answered with HL7', () => {
    for (const hl7 of [
      `${msh('R1', 'ACK')}ERR|||207^x|E\r`,
      `${msh('M1', 'ACK^A01')}ERR|||207^x|E\r`,
      `${msh('M1', 'ACK')}QAK|1|AR\r`,
      `${msh('R1')}PID|1\r`,
      'BHS|^~\\&|A\rERR|||207\r'
    ]) {
      assert.equal(leaving(hl7), 'nak', hl7)
    }
  })

  it('is an error where there was no HL7', () => {
    assert.equal(leaving(''), 'error')
  })

  it('is an error where what was sent came back', () => {
    assert.equal(leaving(`${msh('M1')}PID|1\r`), 'error')
    assert.equal(leaving(`${msh('M1', 'ADT;A01').replace('^', ';')}PID|1\r`), 'error')
    assert.equal(leaving(msh('M^1'), { ...name, controlId: 'M^1' }), 'error')
    const batch = `FHS|^~\\&|A\rBHS|^~\\&|||||||||B1\r${msh('M1')}`
    assert.equal(leaving(batch, { ...name, controlId: 'B1' }), 'error')
    const file = 'FHS|^~\\&|||||||||F1\rFTS|0\r'
    assert.equal(leaving(file, { controlId: 'F1', type: '' }), 'error')
  })

  it('is ACK where a rule accepts it all the same', () => {
    assert.equal(leaving(`${msh('M1')}PID|1\r`, name, 'accept'), 'ack')
  })
})
