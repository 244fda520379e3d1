import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { batchedMessages, batchEnd, batchHead, isUtf8Already } from '../../src/hl7/batch.ts'
import { readOutgoingMessage } from '../../src/hl7/outgoing-message.ts'

const HEAD = { name: 'hl7-out-1', comment: 'Masked', at: Date.UTC(2026, 0, 2, 3, 4, 5) }
const AS_IS = { isMasked: false, isRenamed: false }

function inBatch(text: string, how = AS_IS): { text: string; count: number } {
  let count = 0
  return { text: [...batchedMessages(text, how, () => count++)].join(''), count }
}

describe('a batch for the support of a receiver', () => {
  it('begins with FHS and BHS and ends with BTS and FTS, as chapter 2 of HL7 v2 has them', () => {
    const message = 'MSH|^~\\&|A|B|C|D|20260102||ADT^A01|M1|P|2.5.1\rPID|1||4711\r'
    const file = `${batchHead(HEAD)}${inBatch(message).text}${batchEnd(1, '1 of 2', [1, 1, 0])}`
    const fields = '|^~\\&|hl7-https-out||||20260102030405+0000||hl7-out-1|Masked|hl7-out-1'
    assert.equal(file, `FHS${fields}\rBHS${fields}\r${message}BTS|1|1 of 2|1~1~0\rFTS|1\r`)
    const { controlIds, text, type } = readOutgoingMessage(file, 'auto')
    assert.equal(text, file)
    assert.deepEqual([controlIds, type], [['hl7-out-1', 'M1'], 'ADT^A01'])
  })

  it('has no separator in what is said of it', () => {
    const head = batchHead({ ...HEAD, comment: 'a|b^c~d\\e&f\rg' })
    assert.ok(head.includes('|a b c d e f g|'))
    assert.equal(batchEnd(0, 'x|y\r', []), 'BTS|0|x y ||\rFTS|1\r'.replace('||', '|'))
  })

  it('takes a batch apart that was sent as one message, because batches do not nest', () => {
    const batch =
      'FHS|^~\\&|A\rBHS#*~\\&#A\rMSH#*~\\&#A\rPID#1##47*1\rMSH|^~\\&|B\rNTE|1||x\rBTS#2\rFTS|1\r'
    assert.deepEqual(inBatch(batch), {
      text: 'MSH#*~\\&#A\rPID#1##47*1\rMSH|^~\\&|B\rNTE|1||x\r',
      count: 2
    })
    // A header declares separators for what follows, also if it is left out.
    const headed = 'BHS#*~\\&#A\rPID#1##47*1\rBTS#0\r'
    assert.equal(inBatch(headed, { isMasked: true, isRenamed: false }).text, 'PID#1##X*X\r')
  })

  it('says in MSH-18 that it is UTF-8, of what was sent in another set', () => {
    const how = { isMasked: false, isRenamed: true }
    const rows = [
      ['MSH|^~\\&|A', `MSH|^~\\&|A${'|'.repeat(15)}UNICODE UTF-8`],
      [
        'MSH#^~\\&#A#B#C#D#1##ADT^A01#M#P#2.5######8859/1~X#E',
        'MSH#^~\\&#A#B#C#D#1##ADT^A01#M#P#2.5######UNICODE UTF-8#E'
      ],
      ['MSH', 'MSH'],
      ['PID|1', 'PID|1']
    ]
    for (const [sent, written] of rows) assert.equal(inBatch(`${sent}\r`, how).text, `${written}\r`)
  })

  it('knows which bytes are the same text in UTF-8', () => {
    const rows: [text: Buffer, label: string, isSame: boolean][] = [
      [Buffer.from('MSH|ü'), 'utf-8', true],
      [Buffer.from('MSH|u'), 'iso-8859-1', true],
      [Buffer.from('MSH|ü', 'latin1'), 'iso-8859-1', false],
      [Buffer.from('MSH|u', 'utf16le'), 'utf-16le', false],
      [Buffer.from('MSH|\x1b$B'), 'iso-2022-jp', false]
    ]
    for (const [bytes, label, isSame] of rows) assert.equal(isUtf8Already(bytes, { label }), isSame)
  })
})
