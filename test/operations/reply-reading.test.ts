import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { readReply } from '../../nodes/operations/page/story/reply-reading.ts'

describe('a reply', () => {
  it('has acknowledgements, and errors with the control ID that they are about', () => {
    const { answers, errors } = readReply(
      [
        'BHS|^~\\&',
        'MSH|^~\\&|||||||ACK|1|P|2.5',
        'MSA|AE|ONE|Patient unknown',
        'ERR||PID^1^3^0|204^Unknown key identifier^HL70357|E|||no such patient|Register first',
        // Before MSA, and as in 2.3.
        'MSH|^~\\&|||||||ACK|2|P|2.3',
        'ERR|PID^1^3^206&Application record locked',
        'MSA|AR|TWO'
      ].join('\r')
    )
    assert.deepEqual(
      answers.map(({ line, code, controlId, text }) => [line, code, controlId, text]),
      [
        [3, 'AE', 'ONE', 'Patient unknown'],
        [7, 'AR', 'TWO', '']
      ]
    )
    assert.deepEqual(
      errors.map(({ line, controlId, location, code, severity }) => [
        line,
        controlId,
        location,
        code,
        severity
      ]),
      [
        [4, 'ONE', 'PID[1]-3(0)', '204', 'E'],
        [6, 'TWO', 'PID[1]-3', '206', '']
      ]
    )
    assert.equal(errors[0]?.diagnostic, 'no such patient')
    assert.equal(errors[0].userMessage, 'Register first')
  })

  it('has its error in MSA-6, before ERR was common', () => {
    const { errors } = readReply('MSH|^~\\&\rMSA|AE|ONE||||207^Application internal error\r')
    assert.deepEqual(
      errors.map(({ code, line }) => [code, line]),
      [['207', 2]]
    )
  })

  it('has its errors in ERR alone, if there is one', () => {
    const { errors } = readReply(
      'MSH|^~\\&\rMSA|AE|ONE||||207^Application internal error\rERR||PID^1|102|E\r'
    )
    assert.deepEqual(
      errors.map(({ code, line }) => [code, line]),
      [['102', 3]]
    )
  })

  it('says nothing if it is not HL7', () => {
    for (const text of ['', '<html>\nERROR\n</html>', '{"resourceType": "OperationOutcome"}']) {
      assert.deepEqual(readReply(text), { answers: [], errors: [], leftOut: 0 })
    }
  })

  it('has codes and control IDs without trailing blanks', () => {
    const { answers, errors } = readReply('MSH|^~\\&\rMSA|AE |ONE \rERR||PID^1|102 |E \r')
    const codes = [answers[0]?.code, errors[0]?.controlId, errors[0]?.code, errors[0]?.severity]
    assert.deepEqual(codes, ['AE', 'ONE', '102', 'E'])
  })

  it('lists a hundred errors, and counts the others', () => {
    const { errors, leftOut } = readReply(
      `MSH|^~\\&\rMSA|AE|1\r${'ERR||PID^1^3|101|E\r'.repeat(250)}`
    )
    assert.equal(errors.length, 100)
    assert.equal(leftOut, 150)
  })
})
